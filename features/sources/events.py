"""The events: from raw rows to canonical ones, part by part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from features.sources.context import Context, note_required, note_unread
from features.sources.kinds import (
    BAD_CELL,
    BLANK,
    EVENT_BEFORE_CREATION,
    EVENT_BEFORE_CREATION_ASIDE,
    EVENT_OF_OTHERS,
    LATE_ROW,
    ORPHAN_EVENT,
)
from features.sources.leads import Leads, no_rows
from features.sources.opening import RawTable, require_columns
from features.sources.origins import Rows, UnreadableError
from features.sources.outcome_schema import EventOutcomes
from features.sources.schema import EventsTable
from features.sources.times import parse_times
from features.sources.values import clean_text, parse_numbers
from features.tables import TIME

COLUMNS = ["lead_id", "occurred_at", "event_type", "value"]


@dataclass(frozen=True)
class OpenEvents:
    """One table of events, open and with all its columns.

    Parameters
    ----------
    about : EventsTable
        Its definition.
    table : RawTable
        Its files or query.
    """

    about: EventsTable
    table: RawTable

    def wanted(self) -> list[str]:
        """List the columns to read.

        Returns
        -------
        list of str
        """
        columns = self.about.columns
        optional = [] if columns.value is None else [columns.value]
        named = [columns.lead_id, columns.occurred_at, *columns.event_type, *optional]
        return list(dict.fromkeys(named))


def open_events(context: Context) -> list[OpenEvents]:
    """Open the tables of events.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.

    Returns
    -------
    list of OpenEvents
        Without those that cannot be read.
    """
    opened = []
    definition = context.definition
    for name, about in zip(definition.event_table_names(), definition.tables.events, strict=True):
        table = context.open(name, about.read)
        if table is None:
            continue
        key = f"tables.{name}.columns"
        fields = about.columns.model_dump(exclude_none=True)
        needed = [
            (f"{key}.{field}", column)
            for field, value in fields.items()
            for column in ([value] if isinstance(value, str) else value)
        ]
        if require_columns(table, needed, context.ledger):
            opened.append(OpenEvents(about, table))
    return opened


@dataclass(frozen=True)
class KnownLeads:
    """What is known of leads while their events are read.

    Parameters
    ----------
    frame : pl.DataFrame
        ``lead_id``, ``created_at``, ``is_used`` (Boolean: false where the lead was set aside).
    """

    frame: pl.DataFrame

    @classmethod
    def of(cls, leads: Leads) -> "KnownLeads":
        """Combine the leads that are used with those that were set aside.

        Parameters
        ----------
        leads : Leads
            The leads.

        Returns
        -------
        KnownLeads
        """
        used = leads.frame.select("lead_id", "created_at", is_used=pl.lit(True))
        others = leads.every_id.filter(~leads.every_id.is_in(used["lead_id"].implode()))
        aside = pl.DataFrame({"lead_id": others}).with_columns(
            created_at=pl.lit(None, dtype=TIME), is_used=pl.lit(False)
        )
        return cls(pl.concat([used, aside]))


def canonical_events(
    context: Context, opened: Sequence[OpenEvents], leads: KnownLeads | None
) -> Iterator[pl.DataFrame]:
    """Read the events part by part.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    opened : sequence of OpenEvents
        The tables of events.
    leads : KnownLeads or None
        Whose events are wanted; None: they are read for their faults, whosever they are.

    Yields
    ------
    pl.DataFrame
        Canonical events without outcome events; perhaps without rows.
    """
    for one in opened:
        name = one.table.name
        try:
            for rows in one.table.parts(one.wanted(), context.ledger):
                context.progress(name, context.ledger.total(name))
                yield _canonical(context, one, rows, leads)
        except UnreadableError as error:
            context.ledger.fault(error.fault)
            continue
        if not context.ledger.total(name):
            # Leads can be scored by what they are; an empty history is strange all the same.
            context.ledger.fault(replace(no_rows(one.table), severity="warning"))


def _canonical(
    context: Context, one: OpenEvents, rows: Rows, leads: KnownLeads | None
) -> pl.DataFrame:
    reading = _Reading(context, one)
    frame, rows = reading.identified(rows)
    frame, rows = reading.typed(frame, rows)
    frame, rows = reading.dated(frame, rows)
    if leads is not None:
        frame, rows = reading.known(frame, rows, leads)
        frame, rows = reading.after_creation(frame, rows)
    return reading.valued(frame, rows).select(COLUMNS)


Framed = tuple[pl.DataFrame, Rows]


@dataclass(frozen=True)
class _Reading:
    """The steps of reading one part; each takes the rows that are left from the one before."""

    context: Context
    one: OpenEvents

    def identified(self, rows: Rows) -> Framed:
        column = self.one.about.columns.lead_id
        ids = clean_text(rows.frame[column], self.one.table.missing).alias("lead_id")
        blank = ids.is_null()
        if blank.any():
            self.context.ledger.note(BLANK, self.one.table.name, column, rows.filter(blank))
        return _left(ids.to_frame(), rows, ~blank)

    def typed(self, frame: pl.DataFrame, rows: Rows) -> Framed:
        types = event_types(rows, self.one)
        blank = types.is_null()
        if blank.any():
            column = ", ".join(self.one.about.columns.event_type)
            ids = frame["lead_id"].filter(blank)
            name = self.one.table.name
            self.context.ledger.note(BLANK, name, column, rows.filter(blank), lead_ids=ids)
        outcomes = self.context.definition.tables.outcomes
        if isinstance(outcomes, EventOutcomes):
            # How a lead ended is no part of what it did: it is told by the outcomes.
            blank |= types.is_in([*outcomes.won_events, *outcomes.lost_events]).fill_null(False)
        return _left(frame.with_columns(event_type=types), rows, ~blank)

    def dated(self, frame: pl.DataFrame, rows: Rows) -> Framed:
        about, context = self.one.about, self.context
        place = (self.one.table.name, about.columns.occurred_at)
        missing = self.one.table.missing
        parsed = parse_times(rows.frame[place[1]], context.time_rules(about), missing)
        ids = frame["lead_id"]
        fine = note_required(context.ledger, place, rows, parsed, ids)
        late = (parsed.values > context.until).fill_null(False)
        if late.any():
            beyond = rows.filter(late)
            shown = beyond.frame[place[1]]
            context.ledger.note(LATE_ROW, *place, beyond, values=shown, lead_ids=ids.filter(late))
        frame = frame.with_columns(occurred_at=parsed.values)
        return _left(frame, rows, fine & ~late)

    def known(self, frame: pl.DataFrame, rows: Rows, leads: KnownLeads) -> Framed:
        frame = frame.join(leads.frame, on="lead_id", how="left", maintain_order="left")
        orphan = frame["is_used"].is_null()
        if orphan.any():
            ids = frame["lead_id"].filter(orphan)
            place = (self.one.table.name, self.one.about.columns.lead_id)
            kind = ORPHAN_EVENT if self.context.has_outcomes else EVENT_OF_OTHERS
            ledger = self.context.ledger
            ledger.note(kind, *place, rows.filter(orphan), values=ids, lead_ids=ids)
        return _left(frame, rows, frame["is_used"].fill_null(False))

    def after_creation(self, frame: pl.DataFrame, rows: Rows) -> Framed:
        keep = self.context.definition.events_before_creation == "keep"
        early = (frame["occurred_at"] < frame["created_at"]).fill_null(False)
        if early.any():
            bad = rows.filter(early)
            place = (self.one.table.name, self.one.about.columns.occurred_at)
            self.context.ledger.note(
                EVENT_BEFORE_CREATION if keep else EVENT_BEFORE_CREATION_ASIDE,
                *place,
                bad,
                values=bad.frame[place[1]],
                lead_ids=frame["lead_id"].filter(early),
                kept=keep,
            )
        return (frame, rows) if keep else _left(frame, rows, ~early)

    def valued(self, frame: pl.DataFrame, rows: Rows) -> pl.DataFrame:
        column = self.one.about.columns.value
        if column is None:
            return frame.with_columns(value=pl.lit(None, dtype=pl.Float64))
        written, missing = self.one.about.numbers, self.one.table.missing
        parsed = parse_numbers(rows.frame[column], written, missing)
        place = (self.one.table.name, column)
        note_unread(self.context.ledger, BAD_CELL, place, rows, parsed, frame["lead_id"])
        return frame.with_columns(value=parsed.values)


def _left(frame: pl.DataFrame, rows: Rows, mask: pl.Series) -> Framed:
    return (frame, rows) if mask.all() else (frame.filter(mask), rows.filter(mask))


def event_types(rows: Rows, one: OpenEvents) -> pl.Series:
    """Name each event's kind.

    Parameters
    ----------
    rows : Rows
        Raw events.
    one : OpenEvents
        Their table.

    Returns
    -------
    pl.Series of String
        The table's `kind` and the event's columns, joined by ``:``; null where all columns are
        blank.
    """
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
