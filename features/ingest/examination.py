"""Reading a whole source: every table, every fault, in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.features.definitions.definition import EventOutcomes, SourceDefinition
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.event_rows import (
    OpenEvents,
    canonical_events,
    known_leads,
    open_events,
)
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import CanonicalLeads, read_leads
from leadcast.features.ingest.outcomes import NAME as OUTCOMES
from leadcast.features.ingest.outcomes import (
    Ends,
    Settled,
    ends_by_events,
    ends_of_leads,
    read_ends,
    settle,
)
from leadcast.features.readers.opening import RawTable
from leadcast.features.tables import TimeOrder

Sink = Callable[[pl.DataFrame], None]


@dataclass
class EventStatistics:
    """What is counted while events pass by."""

    rows: int = 0
    """How many canonical events there are."""
    types: dict[str, int] = field(default_factory=dict)
    """How many of each kind."""
    first: datetime | None = None
    last: datetime | None = None
    """When the first and the last happened."""

    def add(self, frame: pl.DataFrame) -> None:
        """Count a part."""
        if frame.is_empty():
            return
        self.rows += frame.height
        for name, count in frame["event_type"].value_counts().iter_rows():
            self.types[name] = self.types.get(name, 0) + count
        first, last = frame.select(
            first=pl.col("occurred_at").min(), last=pl.col("occurred_at").max()
        ).row(0)
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


@dataclass(frozen=True)
class Examined:
    """A source that was read."""

    settled: Settled
    """The leads and how they ended."""
    events: EventStatistics
    """Of the events."""
    observed_until: datetime | None
    """Until when outcomes are known."""


def time_order(definition: SourceDefinition) -> TimeOrder:
    """Tell what a source knows of time."""
    if definition.is_dated:
        return TimeOrder.DATED
    ordered = definition.tables.leads.order_by is not None
    return TimeOrder.ORDERED if ordered else TimeOrder.UNORDERED


def examine(context: Context, sink: Sink) -> Examined | None:
    """Read a source, and find everything that is wrong with it."""
    tables = context.definition.tables
    leads_table = context.open(LEADS, tables.leads.read)
    events = open_events(context)
    outcomes_table = _open_outcomes(context)
    opened = [leads_table, *(one.table for one in events), outcomes_table]
    _warn_of_absent_forbidden(context, [table for table in opened if table is not None])
    leads = None if leads_table is None else read_leads(context, leads_table)
    ends = _ends(context, leads, events, outcomes_table)
    if leads is None or ends is None:
        for _ in canonical_events(context, events, None):
            pass
        return None
    settled = settle(context, ends, leads)
    statistics = EventStatistics()
    for part in canonical_events(context, events, known_leads(settled.leads)):
        statistics.add(part)
        sink(part)
    until = _observed_until(context, settled, statistics)
    return Examined(settled, statistics, until)


def _open_outcomes(context: Context) -> RawTable | None:
    about = context.definition.tables.outcomes
    if isinstance(about, EventOutcomes) or about.read is None:
        return None
    return context.open(OUTCOMES, about.read)


def _ends(
    context: Context, leads: CanonicalLeads | None, events: list[OpenEvents], table: RawTable | None
) -> Ends | None:
    about = context.definition.tables.outcomes
    if isinstance(about, EventOutcomes):
        return None if leads is None else ends_by_events(context, about, events, leads)
    if about.read is None:
        return None if leads is None else ends_of_leads(context, about, leads)
    return None if table is None else read_ends(context, about, table)


def _warn_of_absent_forbidden(context: Context, tables: list[RawTable]) -> None:
    if len(tables) < len(context.definition.readers()):
        return
    columns = [column for table in tables for column in table.columns]
    for column in context.definition.forbidden:
        if column not in columns:
            # A misspelt prohibition prohibits nothing.
            context.ledger.fault(
                Fault(
                    where=f"forbidden: {column!r}",
                    found="no such column in any table",
                    expected="a column of the export",
                    remedy=f"{did_you_mean(column, columns)} If the export no longer has it, "
                    "remove it here.",
                    severity="warning",
                )
            )


def _observed_until(context: Context, settled: Settled, events: EventStatistics) -> datetime | None:
    if context.definition.observed_until != "latest":
        return context.until if context.definition.is_dated else None
    ends = settled.outcomes
    created = settled.leads.frame["created_at"]
    times = [created.max(), ends["won_at"].max(), ends["lost_at"].max()]
    moments = [time for time in [*times, events.last] if isinstance(time, datetime)]
    return max(moments).astimezone(UTC) if moments else None
