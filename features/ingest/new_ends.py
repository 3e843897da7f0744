"""Which of new leads have ended already, so that nobody asks for their score any more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.definitions.definition import (
    DateColumns,
    DatedOutcomes,
    EventOutcomes,
    StatusOutcomes,
)
from leadcast.features.definitions.table_schema import FileReader, Reader
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.event_rows import OpenEvents
from leadcast.features.ingest.leads import CanonicalLeads
from leadcast.features.ingest.outcomes import Ends, ends_by_events, ends_of_leads, read_ends
from leadcast.features.readers.ledger import Ledger
from leadcast.features.tables import TIME

ENDED = "leadcast ended_at"
"""A column of leads to score: when a lead was won or lost; null while it is open."""
WON = "leadcast won_at"
"""A column beside it: when the lead was won; null where it was not."""
NO_SOURCE = "new_leads"
"""The name of the definition of leads that no source's definition describes."""
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
"""When a lead ended of which it is known that it did, and not when."""


def with_ends(
    context: Context,
    leads: CanonicalLeads,
    opened: Sequence[OpenEvents],
    *,
    with_won: bool = False,
) -> pl.DataFrame:
    """Tell when leads ended, as far as their own columns and events say it.

    Parameters
    ----------
    context : Context
        Of leads to score.
    leads : CanonicalLeads
    opened : sequence of OpenEvents
        Their events.
    with_won : bool
        Whether `WON` is wanted too.

    Returns
    -------
    pl.DataFrame
        The leads' frame, with `ENDED` (and `WON`) where the definition finds outcomes here. What
        is wrong with the outcomes is nobody's concern: such a lead is scored.
    """
    quiet = replace(context, ledger=Ledger())
    told = list[pl.DataFrame]()
    for about in context.definition.tables.outcomes:
        if isinstance(about, EventOutcomes):
            if opened:
                told.append(_firsts(ends_by_events(quiet, about, opened, leads), about))
        elif about.read is None and _stands_in(about, leads):
            told.append(_firsts(ends_of_leads(quiet, about, leads), about))
    if not told:
        return leads.frame
    firsts = pl.concat(told).group_by("lead_id").agg(pl.col(ENDED, WON).min())
    wanted = firsts.select("lead_id", ENDED, *([WON] if with_won else []))
    return leads.frame.join(wanted, on="lead_id", how="left", maintain_order="left")


def ends_in(context: Context, files: Reader) -> pl.DataFrame:
    """Read the outcomes' own table of leads that are to be scored.

    Parameters
    ----------
    context : Context
        Whose definition describes it; one without such a table takes canonical columns.
    files : Reader
        Where it is.

    Returns
    -------
    pl.DataFrame
        ``lead_id``, `ENDED` and `WON` of the leads that have ended, each once.

    Raises
    ------
    FaultsError
        If it cannot be read as it is described.
    """
    about = _described(context, files)
    table = context.open("outcomes", about)
    ends = None if table is None else read_ends(context, about, table)
    faults = list(context.ledger.faults(context.definition.limits))
    if ends is None or any(fault.severity == "error" for fault in faults):
        raise FaultsError("outcomes of leads to score", _told_elsewhere(context, files) or faults)
    return _firsts(ends, about).drop_nulls(ENDED)


def _told_elsewhere(context: Context, files: Reader) -> list[Fault]:
    """Say where a source's outcomes stand that have no table of their own, which a file may be."""
    told = context.definition.tables.outcomes
    if context.definition.name == NO_SOURCE or any(
        not isinstance(one, EventOutcomes) and one.read is not None for one in told
    ):
        return []
    by_events = all(isinstance(one, EventOutcomes) for one in told)
    where = "are events" if by_events else "stand beside the leads"
    option = "--events" if by_events else "--leads"
    name = files.files[0] if isinstance(files, FileReader) else "the query"
    return [
        Fault(
            where=f"{name}",
            found=f"no outcomes by lead_id, won_at and lost_at, while those of "
            f"{context.definition.name!r} {where}",
            expected=f"no table of outcomes, as what is given by {option} tells them, or one with "
            "these columns (CSV in UTF-8, or Parquet)",
            remedy="Leave out --outcomes.",
        )
    ]


def _firsts(ends: Ends, about: DatedOutcomes | StatusOutcomes | EventOutcomes) -> pl.DataFrame:
    """Tell of each lead once when it ended, and when it was won."""
    moments = ends.frame.select("lead_id", _moments(ends, about).alias(ENDED), won_at="won_at")
    return moments.group_by("lead_id").agg(pl.col(ENDED).min(), pl.col("won_at").min().alias(WON))


def _described(context: Context, files: Reader) -> DatedOutcomes | StatusOutcomes:
    for about in context.definition.tables.outcomes:
        if not isinstance(about, EventOutcomes) and about.read is not None:
            return about.model_copy(update={"read": files})
    columns = DateColumns(lead_id="lead_id", won_at="won_at", lost_at="lost_at")
    return DatedOutcomes(form="dates", read=files, columns=columns)


def _stands_in(about: DatedOutcomes | StatusOutcomes, leads: CanonicalLeads) -> bool:
    columns = {*about.columns.model_dump(exclude_none=True).values()}
    return columns <= {*leads.raw.frame.columns}


def _moments(ends: Ends, about: DatedOutcomes | StatusOutcomes | EventOutcomes) -> pl.Series:
    """Give each end's time; of one that has none, that it was before any moment."""
    # A flag is 0 for a lead that is open and for one that was lost: only words for both tell.
    is_flag = isinstance(about, StatusOutcomes) and not about.open
    known = pl.col("converted") if is_flag else pl.col("converted").is_not_null()
    without_time = pl.when(known).then(pl.lit(ALWAYS, TIME))
    ended = pl.min_horizontal("won_at", "lost_at", without_time)
    return ends.frame.select(ended.alias("ended")).to_series()
