"""How one lead's score went: after each of its events, and what its points were then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.errors import Fault
from features.tables import TIME
from models.rules import RuleTable, evaluate
from serve.page.lead_tables import OneLead
from serve.scorer import Scorer

MOST_MOMENTS = 60
"""At so many moments a lead is scored; among more events some are passed over, evenly."""
JUST_AFTER = timedelta(microseconds=1)
"""An event counts from the next microsecond on; see `features.boundary`."""


@dataclass(frozen=True)
class Course:
    """A lead's scores at moments.

    Parameters
    ----------
    scores : pl.DataFrame
        As `serve.scorer.Scorer.score` gives them, a row a moment, in time's order.
    points : list of float or None
        The points of a table at each moment; None without a table.
    """

    scores: pl.DataFrame
    points: list[float] | None


def moments_of(lead: OneLead, wanted: datetime | None = None) -> list[datetime]:
    """Choose the moments at which a lead's score is told.

    Parameters
    ----------
    lead : OneLead
    wanted : datetime, optional
        A moment that is to be among them, such as that of the call list; left aside where the
        lead was not open at it.

    Returns
    -------
    list of datetime
        Its creation, just after each event while it was open, and the end: when it was won or
        lost, or else the end of what is known. At most `MOST_MOMENTS`. Empty where nothing is
        dated.
    """
    start = lead.created_at
    if start is None:
        return []
    ends = [time for time in (lead.ended_at, lead.observed_until) if time is not None]
    last = max(min(ends, default=datetime.now(UTC)), start)
    after = {
        time + JUST_AFTER
        for time in lead.events["occurred_at"].to_list()
        if start <= time and time + JUST_AFTER < last
    }
    kept = {start, last} | {
        time for time in (wanted,) if time is not None and start <= time <= last
    }
    return sorted(kept | set(_some(sorted(after - kept), MOST_MOMENTS - len(kept))))


def course_of(
    scorer: Scorer, lead: OneLead, moments: Sequence[datetime], table: RuleTable | None
) -> Course:
    """Score a lead at moments.

    Parameters
    ----------
    scorer : Scorer
    lead : OneLead
    moments : sequence of datetime
        As `moments_of` gives them; none: once, where nothing is dated.
    table : RuleTable or None
        A points table, to add up as well.

    Returns
    -------
    Course

    Raises
    ------
    FaultsError
        If the tables are not as the bundle or the points table needs them.
    """
    rows = lead.lead
    if moments:
        at = pl.DataFrame({"as_of": pl.Series(list(moments), dtype=TIME)})
        rows = rows.join(at, how="cross", maintain_order="right")
    unread: list[Fault] = []
    scores = scorer.score(rows, lead.events, warnings=unread)
    if table is None:
        return Course(scores, None)
    asked = scores.select("lead_id", "as_of")
    return Course(scores, evaluate(table, lead.lead, lead.events, asked).points.tolist())


def _some(moments: list[datetime], most: int) -> list[datetime]:
    if len(moments) <= most:
        return moments
    places = np.linspace(0, len(moments) - 1, most).round().astype(int)
    return [moments[place] for place in places]
