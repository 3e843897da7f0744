"""The clock of this machine, by which a batch goes that names no moment. Clocks jump."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from leadcast.features.base.errors import Fault, LeadcastError
from leadcast.features.tables import moment_words
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.score_history import latest_moment
from leadcast.serve.scorer import Scorer

SLACK = timedelta(days=2)
"""An export of today may be said to tell of the whole day, in whichever zone."""
_FORWARD = "moments that only go forward"
_AHEAD = "If the clock was ahead then,"


def goes_by_clock(as_of: datetime | None, scorer: Scorer, inputs: BatchInputs) -> bool:
    """Tell whether a batch's moment is the clock's: nobody named one, nor do the leads."""
    named = any("as_of" in leads.collect_schema() for leads, _ in inputs.pieces)
    return as_of is None and scorer.is_dated and not named


def refuse_clock_behind(moment: datetime, scorer: Scorer) -> None:
    """Refuse a clock by which the model cannot have been made yet.

    Parameters
    ----------
    moment : datetime
        What the clock says.
    scorer : Scorer

    Raises
    ------
    LeadcastError
        If the model has learned from what became known later: every lead's age would be wrong.
    """
    seen = scorer.bundle.manifest.origin.seen
    until = None if seen is None else seen.known_until
    if until is not None and moment + SLACK < until:
        raise LeadcastError(
            f"the clock of this machine: says {moment_words(moment)}, and the model has learned "
            f"from what was known until {moment_words(until)}; set the clock, or name the moment "
            "with --as-of"
        )


def told_of_later(
    history: Path | None, table: str, n_later: int, moment: datetime | None
) -> Iterator[Fault]:
    """Tell that there are scores of a later moment, which a clock that was ahead may have left.

    Parameters
    ----------
    history : Path or None
        The history.
    table : str
        The database's table.
    n_later : int
        How many of its scores stay, as `leadcast.serve.batch.deliver.deliver` tells.
    moment : datetime or None
        The batch's, if it is the clock's.
    """
    if n_later:
        yield Fault(
            where=f"table {table}",
            found="scores of a later moment, which stay",
            expected=_FORWARD,
            remedy=f"{_AHEAD} delete these rows; this batch's scores come with the next one.",
            severity="warning",
            count=n_later,
            is_usual=moment is None,
        )
    latest = None if history is None or moment is None else latest_moment(history)
    if moment is not None and latest is not None and latest > moment:
        yield Fault(
            where=f"history {history}",
            found=f"scores of {moment_words(latest)}, which is later than now",
            expected=_FORWARD,
            remedy=f"{_AHEAD} move the files of that moment away; trends are read in its order.",
            severity="warning",
        )
