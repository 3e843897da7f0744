"""The events: from raw rows to canonical ones, part by part.

The tables of events, open, and what their columns mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.definitions.definition import EventOutcomes
from leadcast.features.definitions.table_schema import EventsTable, TimePrecision
from leadcast.features.ingest.context import Context, TableReading, Writing
from leadcast.features.ingest.leads import AS_OF, CanonicalLeads, no_rows
from leadcast.features.ingest.precision import table_precision
from leadcast.features.readers.account import OF_LEAD_ASIDE, OUTCOME_EVENT
from leadcast.features.readers.issues import (
    BLANK,
    DAYS_ALONE,
    EVENT_BEFORE_CREATION,
    EVENT_BEFORE_CREATION_ASIDE,
    EVENT_OF_OTHERS,
    EVENT_SPELT_OTHERWISE,
    LATE_ROW,
    ORPHAN_EVENT,
)
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.readers.origins import RawRows, UnreadableError
from leadcast.features.tables import TIME, empty_events
from leadcast.features.values.categories import spelt_otherwise
from leadcast.features.values.columns import clean_text
from leadcast.features.values.flags import parse_flags
from leadcast.features.values.guesses import kin_words


@dataclass(frozen=True)
class OpenEvents:
    """One table of events, open, the columns that it lacks standing empty.

    Parameters
    ----------
    about : EventsTable
        Its definition.
    table : RawTable
        Its files or query.
    precision : {"day", "moment"} or None
        How exactly its times are known, where the whole column tells it.
    with_signs : bool
        Whether to read what tells machines from people.
    """

    about: EventsTable
    table: RawTable
    precision: TimePrecision | None = None
    with_signs: bool = False

    def wanted(self) -> list[str]:
        """List the columns to read.

        Returns
        -------
        list of str
        """
        columns = self.about.columns
        optional = [] if columns.value is None else [columns.value]
        named = [columns.lead_id, columns.occurred_at, *columns.event_type, *optional]
        return list(dict.fromkeys([*named, *self.signs().values()]))

    def signs(self) -> dict[str, str]:
        """Name the columns that tell machines from people, as far as they are read.

        Returns
        -------
        dict of str to str
            Each of `SIGNS` that there is, with its column.
        """
        given = self.about.columns.model_dump(include={*SIGNS}, exclude_none=True)
        return given if self.with_signs else {}


def open_events(context: Context) -> list[OpenEvents]:
    """Open the tables of events that can be read."""
    opened = []
    definition = context.definition
    for name, about in zip(definition.event_table_names(), definition.tables.events, strict=True):
        table = context.open(name, about)
        if table is None:
            continue
        key = f"tables.{name}.columns"
        fields = about.columns.model_dump(exclude_none=True)
        needed = [
            (f"{key}.{field}", column)
            for field, value in fields.items()
            for column in ([value] if isinstance(value, str) else value)
        ]
        table = require_columns(table, needed, context.ledger)
        column, rules = about.columns.occurred_at, context.time_rules(about)
        precision = table_precision(table, column, rules, about.time_precision)
        opened.append(OpenEvents(about, table, precision, definition.nonhuman is not None))
    return opened


def event_types(rows: RawRows, one: OpenEvents) -> pl.Series:
    """Name each event's kind."""
    columns = one.about.columns.event_type
    kind = one.about.kind
    if not columns:
        return pl.Series("event_type", [kind], dtype=pl.String).new_from_index(0, len(rows))
    parts = [clean_text(rows.frame[column], one.table.missing).alias(column) for column in columns]
    if len(parts) == 1 and kind is None:
        return parts[0].alias("event_type")
    prefix = [] if kind is None else [pl.lit(kind)]
    blank = pl.all_horizontal(pl.col(column).is_null() for column in columns)
    joined = pl.concat_str([*prefix, *columns], separator=":", ignore_nulls=True)
    return pl.DataFrame(parts).select(event_type=pl.when(~blank).then(joined)).to_series()


def as_outcomes(types: pl.Series, about: EventOutcomes) -> pl.Series:
    """Spell the kinds of events that are outcomes as the definition does."""
    words = [*about.won_events, *about.lost_events]
    spelt = spelt_otherwise(types.drop_nulls().unique(), words)
    return types.replace(spelt) if spelt else types


COLUMNS = ["lead_id", "occurred_at", "event_type", "value"]
SIGNS = {"user_agent": pl.String, "ip_address": pl.String, "filtered": pl.Boolean}
"""What an event may tell of who caused it, each with its type."""


def no_events(context: Context) -> pl.DataFrame:
    """Give a part of events, as `canonical_events` yields it, without rows."""
    empty = empty_events().collect()
    if context.definition.nonhuman is None:
        return empty
    return empty.with_columns(pl.Series(name, dtype=kind) for name, kind in SIGNS.items())


def known_leads(leads: CanonicalLeads) -> pl.DataFrame:
    """Tell what is known of leads while their events are read: those used, and those set aside.

    The columns are ``lead_id``, ``created_at`` and ``is_used``.
    """
    used = leads.frame.select("lead_id", "created_at", is_used=pl.lit(True))
    others = leads.every_id.filter(~leads.every_id.is_in(used["lead_id"].implode()))
    aside = pl.DataFrame({"lead_id": others}).with_columns(
        created_at=pl.lit(None, dtype=TIME), is_used=pl.lit(False)
    )
    known = pl.concat([used, aside])
    if AS_OF in leads.frame.columns:
        known = known.unique("lead_id", keep="first", maintain_order=True)
    return known


def canonical_events(
    context: Context, opened: Sequence[OpenEvents], leads: pl.DataFrame | None
) -> Iterator[pl.DataFrame]:
    """Read the events part by part.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    opened : sequence of OpenEvents
        The tables of events.
    leads : pl.DataFrame or None
        As `known_leads` gives them: whose events are wanted; None: they are read for their
        faults, whosever they are.

    Yields
    ------
    pl.DataFrame
        Canonical events without outcome events, with `SIGNS` where the definition has the section
        ``nonhuman``; perhaps without rows.
    """
    for one in opened:
        name = one.table.name
        try:
            for rows in one.table.parts(one.wanted(), context.ledger):
                context.read(name, rows)
                yield _canonical(context, one, rows, leads)
        except UnreadableError as error:
            context.ledger.fault(error.fault)
            continue
        if not context.ledger.total(name):
            # Leads can be scored by what they are; an empty history is strange all the same.
            context.ledger.fault(replace(no_rows(one.table), severity="warning"))


def _canonical(
    context: Context, one: OpenEvents, rows: RawRows, leads: pl.DataFrame | None
) -> pl.DataFrame:
    columns = one.about.columns
    writing = Writing(one.table.missing, one.about.numbers, context.time_rules(one.about))
    ids = context.ids(
        rows.frame[columns.lead_id].alias("lead_id"), writing.missing, columns.lead_id
    )
    types = event_types(rows, one)
    frame = pl.DataFrame({"lead_id": ids.values, "event_type": types})
    reading = TableReading(context, one.table.name, writing, rows, frame)
    reading.require_ids(columns.lead_id, ids)
    reading.leave_out(BLANK, ", ".join(columns.event_type), types.is_null())
    times, earliest, days = reading.past_times(columns.occurred_at, one.precision)
    late, shown = (
        (earliest.values > context.until).fill_null(False),
        rows.frame[columns.occurred_at],
    )
    reading.require(columns.occurred_at, times)
    reading.leave_out(context.late(LATE_ROW), columns.occurred_at, late, shown)
    reading.note(DAYS_ALONE, columns.occurred_at, days & reading.fine, values=shown, kept=True)
    reading.frame = reading.frame.with_columns(occurred_at=times.values)
    for outcomes in context.definition.tables.outcomes:
        if isinstance(outcomes, EventOutcomes):
            # How a lead ended is no part of what it did: it is told by the outcomes.
            _without_ends(reading, one, outcomes)
    if leads is not None:
        _of_leads(reading, one, leads)
    value: pl.Series | pl.Expr = pl.lit(None, dtype=pl.Float64)
    if columns.value is not None:
        numbers = reading.numbers(columns.value)
        reading.note_unread(columns.value, numbers)
        value = numbers.values
    context.ledger.account.keep(one.table.name, int(reading.fine.sum()))
    signs = _signs(reading, one)
    frame = reading.frame.with_columns(value=value, **signs).filter(reading.fine)
    if context.collector is not None and leads is not None:
        context.collector.add_events(one.table.name, frame, reading.rows.filter(reading.fine))
    return frame.select(*COLUMNS, *signs)


def _signs(reading: TableReading, one: OpenEvents) -> dict[str, pl.Series | pl.Expr]:
    """Read what tells machines from people; all of it null where the table does not have it."""
    if not one.with_signs:
        return {}
    found: dict[str, pl.Series | pl.Expr] = {
        name: pl.lit(None, dtype=kind) for name, kind in SIGNS.items()
    }
    for name, column in one.signs().items():
        series, missing = reading.rows.frame[column], reading.writing.missing
        if SIGNS[name] == pl.String:
            found[name] = clean_text(series, missing)
        else:
            flags = parse_flags(series, missing)
            reading.note_unread(column, flags)
            found[name] = flags.values
    return found


def _without_ends(reading: TableReading, one: OpenEvents, about: EventOutcomes) -> None:
    """Go on with the events that are no outcomes."""
    types = reading.frame["event_type"]
    own = as_outcomes(types, about)
    ends = own.is_in([*about.won_events, *about.lost_events]).fill_null(value=False)
    other = ends & (own != types).fill_null(value=False)
    column = ", ".join(one.about.columns.event_type)
    reading.note(EVENT_SPELT_OTHERWISE, column, other, values=types, kept=True)
    reading.drop(ends, OUTCOME_EVENT)
    reading.keep(~ends)


def _of_leads(reading: TableReading, one: OpenEvents, leads: pl.DataFrame) -> None:
    """Go on with the events of known leads; those of leads that were set aside are left out."""
    context, columns = reading.context, one.about.columns
    reading.frame = reading.frame.join(leads, on="lead_id", how="left", maintain_order="left")
    ids, is_used = reading.frame["lead_id"], reading.frame["is_used"]
    orphan = is_used.is_null() & ids.is_not_null()
    kind = ORPHAN_EVENT if context.has_outcomes else EVENT_OF_OTHERS
    why = {ORPHAN_EVENT.found: lambda own: kin_words(own, leads["lead_id"], columns.lead_id)}
    reading.note(kind, columns.lead_id, orphan & reading.fine, values=ids, why=why)
    reading.drop(orphan, kind.name, in_quarantine=kind.is_recorded)
    reading.drop(~is_used.fill_null(False), OF_LEAD_ASIDE)
    reading.keep(~orphan)
    early = (reading.frame["occurred_at"] < reading.frame["created_at"]).fill_null(False)
    shown = reading.rows.frame[columns.occurred_at]
    if context.definition.events_before_creation == "keep":
        reading.note(EVENT_BEFORE_CREATION, columns.occurred_at, early, values=shown, kept=True)
    else:
        reading.leave_out(EVENT_BEFORE_CREATION_ASIDE, columns.occurred_at, early, shown)
