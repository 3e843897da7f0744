"""The events: from raw rows to canonical ones, part by part.

The tables of events, open, and what their columns mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.definitions.definition import EventOutcomes
from leadcast.features.definitions.table_schema import EventsTable
from leadcast.features.ingest.context import Context, note_required, note_unread
from leadcast.features.ingest.leads import AS_OF, CanonicalLeads, no_rows
from leadcast.features.readers.issues import (
    BAD_CELL,
    BLANK,
    EVENT_BEFORE_CREATION,
    EVENT_BEFORE_CREATION_ASIDE,
    EVENT_OF_OTHERS,
    LATE_ROW,
    ORPHAN_EVENT,
    IssueKind,
)
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.readers.origins import RawRows, UnreadableError
from leadcast.features.tables import TIME
from leadcast.features.values.columns import clean_text, parse_numbers
from leadcast.features.values.times import parse_times


@dataclass(frozen=True)
class OpenEvents:
    """One table of events, open, the columns that it lacks standing empty.

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
    """Open the tables of events that can be read."""
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
        opened.append(OpenEvents(about, require_columns(table, needed, context.ledger)))
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


COLUMNS = ["lead_id", "occurred_at", "event_type", "value"]


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
    context: Context, one: OpenEvents, rows: RawRows, leads: pl.DataFrame | None
) -> pl.DataFrame:
    reading = _Reading(context, one)
    frame = reading.dated(reading.typed(reading.identified(rows), rows), rows)
    frame, rows = reading.without_outcomes(frame, rows)
    if leads is not None:
        frame, rows = reading.known(frame, rows, leads)
        frame = reading.after_creation(frame, rows)
    return reading.valued(frame, rows).filter("is_fine").select(COLUMNS)


Framed = tuple[pl.DataFrame, RawRows]
"""``lead_id``, ``is_fine`` (Boolean: at no fault that leaves the row out), and what was read."""


@dataclass(frozen=True)
class _Reading:
    """The steps of reading one part.

    Rows that are left out for a fault are read to their end: what else is wrong with them is told
    where the source is refused.
    """

    context: Context
    one: OpenEvents

    def identified(self, rows: RawRows) -> pl.DataFrame:
        column = self.one.about.columns.lead_id
        ids = clean_text(rows.frame[column], self.one.table.missing).alias("lead_id")
        blank = ids.is_null()
        self.context.ledger.note(BLANK, self.one.table.name, column, rows, blank)
        return pl.DataFrame({"lead_id": ids, "is_fine": ~blank})

    def typed(self, frame: pl.DataFrame, rows: RawRows) -> pl.DataFrame:
        types = event_types(rows, self.one)
        blank = types.is_null()
        self._note(BLANK, ", ".join(self.one.about.columns.event_type), blank, frame, rows)
        return frame.with_columns(event_type=types, is_fine=frame["is_fine"] & ~blank)

    def dated(self, frame: pl.DataFrame, rows: RawRows) -> pl.DataFrame:
        about, context = self.one.about, self.context
        place = (self.one.table.name, about.columns.occurred_at)
        shown, missing = rows.frame[place[1]], self.one.table.missing
        parsed = parse_times(shown, context.time_rules(about), missing)
        ids, fine = frame["lead_id"], frame["is_fine"]
        given = note_required(context.ledger, place, rows, parsed, ids, fine)
        late = (parsed.values > context.until).fill_null(False)
        self._note(LATE_ROW, place[1], late, frame, rows, values=shown)
        return frame.with_columns(occurred_at=parsed.values, is_fine=fine & given & ~late)

    def without_outcomes(self, frame: pl.DataFrame, rows: RawRows) -> Framed:
        # How a lead ended is no part of what it did: it is told by the outcomes.
        outcomes = self.context.definition.tables.outcomes
        if not isinstance(outcomes, EventOutcomes):
            return frame, rows
        ends = frame["event_type"].is_in([*outcomes.won_events, *outcomes.lost_events])
        return _left(frame, rows, ~ends.fill_null(False))

    def known(self, frame: pl.DataFrame, rows: RawRows, leads: pl.DataFrame) -> Framed:
        frame = frame.join(leads, on="lead_id", how="left", maintain_order="left")
        orphan = frame["is_used"].is_null() & frame["lead_id"].is_not_null()
        fine = frame["is_fine"]
        kind = ORPHAN_EVENT if self.context.has_outcomes else EVENT_OF_OTHERS
        column, ids = self.one.about.columns.lead_id, frame["lead_id"]
        self._note(kind, column, orphan & fine, frame, rows, values=ids)
        frame = frame.with_columns(is_fine=fine & frame["is_used"].fill_null(False))
        return _left(frame, rows, ~orphan)

    def after_creation(self, frame: pl.DataFrame, rows: RawRows) -> pl.DataFrame:
        keep = self.context.definition.events_before_creation == "keep"
        early = (frame["occurred_at"] < frame["created_at"]).fill_null(False)
        kind = EVENT_BEFORE_CREATION if keep else EVENT_BEFORE_CREATION_ASIDE
        column = self.one.about.columns.occurred_at
        self._note(kind, column, early, frame, rows, values=rows.frame[column], kept=keep)
        return frame if keep else frame.with_columns(is_fine=frame["is_fine"] & ~early)

    def valued(self, frame: pl.DataFrame, rows: RawRows) -> pl.DataFrame:
        column = self.one.about.columns.value
        if column is None:
            return frame.with_columns(value=pl.lit(None, dtype=pl.Float64))
        written, missing = self.one.about.numbers, self.one.table.missing
        parsed = parse_numbers(rows.frame[column], written, missing)
        place, ids = (self.one.table.name, column), frame["lead_id"]
        note_unread(self.context.ledger, BAD_CELL, place, rows, parsed, ids, frame["is_fine"])
        return frame.with_columns(value=parsed.values)

    def _note(
        self,
        kind: IssueKind,
        column: str,
        mask: pl.Series,
        frame: pl.DataFrame,
        rows: RawRows,
        *,
        values: pl.Series | None = None,
        kept: bool = False,
    ) -> None:
        self.context.ledger.note(
            kind,
            self.one.table.name,
            column,
            rows,
            mask,
            values=values,
            lead_ids=frame["lead_id"],
            kept=kept,
            fine=frame["is_fine"],
        )


def _left(frame: pl.DataFrame, rows: RawRows, mask: pl.Series) -> Framed:
    return (frame, rows) if mask.all() else (frame.filter(mask), rows.filter(mask))
