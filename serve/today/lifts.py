"""What would lift a lead over the line: one more behaviour, of a kind that leads really show."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from leadcast.features.registry import humanise
from leadcast.features.tables import TIME
from leadcast.features.values.columns import worded
from leadcast.models.data import Floats
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.open_leads import stand

SCHEMA = pl.Schema(
    {
        "lead_id": pl.String(),
        "lift": pl.String(),
        "lift_from": pl.Float64(),
        "lift_to": pl.Float64(),
        "lift_crosses": pl.Boolean(),
    }
)
FEWEST_LEADS = 30
"""A behaviour that fewer leads have shown is none to hope for."""


def usual_behaviours(
    scorer: Scorer, events: pl.DataFrame, named: Sequence[str] | None = None
) -> pl.DataFrame:
    """List the kinds of events that a lead might show next.

    Parameters
    ----------
    scorer : Scorer
        Its plan knows the kinds that were seen in training.
    events : pl.DataFrame
        What the open leads did.
    named : sequence of str, optional
        Those that leads can be brought to; None: every kind of training.

    Returns
    -------
    pl.DataFrame
        ``event_type``, ``leads`` (how many of them did it) and ``value`` (the median, null where
        none has any), the most usual first; of fewer than `FEWEST_LEADS` leads none.
    """
    known = scorer.bundle.plan.kinds
    kinds = [kind for kind in known if named is None or kind in named]
    return (
        events.filter(pl.col("event_type").is_in(kinds))
        .group_by("event_type")
        .agg(leads=pl.col("lead_id").n_unique(), value=pl.col("value").median())
        .filter(pl.col("leads") >= FEWEST_LEADS)
        .sort("leads", "event_type", descending=[True, False])
    )


def lifts(
    scorer: Scorer,
    leads: pl.DataFrame,
    events: pl.DataFrame,
    as_of: datetime,
    behaviours: pl.DataFrame,
    needed: Floats,
) -> pl.DataFrame:
    """Look for the behaviour that would lift each lead over the line.

    Each kind is added to what the lead did, as if it had happened just now, and the lead is scored
    again. Of those that suffice the most usual one is told, as the likeliest to be brought about;
    where none suffices, the one that raises most.

    Parameters
    ----------
    scorer : Scorer
    leads : pl.DataFrame
        As `leadcast.serve.today.open_leads.stand` takes them, without ``as_of``.
    events : pl.DataFrame
        What they did before `as_of`.
    as_of : datetime
    behaviours : pl.DataFrame
        As `usual_behaviours` gives them.
    needed : ndarray of float64, shape (n_leads,)
        The probability from which each lead would be above the line.

    Returns
    -------
    pl.DataFrame
        With the columns of `SCHEMA`, a row for each lead that any behaviour raises: ``lift`` in
        words, the probability before and after, and whether it would be above the line.
    """
    kinds = behaviours["event_type"].to_list()
    if leads.is_empty() or not kinds:
        return pl.DataFrame(schema=SCHEMA)
    numbered = leads.with_row_index("row")
    # Every lead as it stands, and once more for each kind.
    tried = pl.DataFrame({"kind": pl.Series([None, *kinds], dtype=pl.String)}).with_row_index("try")
    rows = numbered.join(tried, how="cross").with_columns(
        name=worded("{} {}", "row", "try"), as_of=pl.lit(as_of).cast(TIME)
    )
    known = rows.select("lead_id", "name").join(events, on="lead_id")
    added = rows.filter(pl.col("kind").is_not_null()).join(
        behaviours, left_on="kind", right_on="event_type", how="left", maintain_order="left"
    )
    just_before = pl.lit(as_of).cast(TIME) - pl.duration(microseconds=1)
    whole = pl.concat(
        [
            known.select(pl.col("name").alias("lead_id"), "occurred_at", "event_type", "value"),
            added.select(
                pl.col("name").alias("lead_id"),
                just_before.alias("occurred_at"),
                pl.col("kind").alias("event_type"),
                pl.col("value").cast(pl.Float64),
            ),
        ]
    )
    stood = stand(scorer, rows.drop("lead_id").rename({"name": "lead_id"}), whole)
    probability = stood.scores["probability"].to_numpy().reshape(leads.height, len(kinds) + 1)
    return _best(leads["lead_id"].to_list(), kinds, probability, needed)


def _best(ids: list[str], kinds: list[str], probability: Floats, needed: Floats) -> pl.DataFrame:
    found = []
    for row, lead_id in enumerate(ids):
        now, after = probability[row, 0], probability[row, 1:]
        enough = np.flatnonzero(after >= needed[row])
        place = int(enough[0]) if len(enough) else int(np.argmax(after))
        if after[place] > now:
            words = f"{humanise(kinds[place])}: {_percent(now)} to {_percent(after[place])}"
            found.append((lead_id, words, now, after[place], bool(len(enough))))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
