"""The leads' table: from raw rows to canonical ones."""

from dataclasses import dataclass, replace

import polars as pl

from features.errors import Fault
from features.sources.attributes import Writing, read_attribute
from features.sources.context import Context, note_required, note_unread
from features.sources.kinds import BAD_CELL, BLANK, DUPLICATE_LEAD, LATE_ROW
from features.sources.names import canonical_name, did_you_mean
from features.sources.opening import RawTable, require_columns
from features.sources.origins import Rows, UnreadableError, stacked
from features.sources.outcome_schema import EventOutcomes
from features.sources.schema import Attribute, ExportColumn, LeadsTable
from features.sources.times import parse_times
from features.sources.values import Parsed, clean_text, parse_numbers
from features.tables import TIME

NAME = "leads"


@dataclass(frozen=True)
class Leads:
    """The leads that were read.

    Parameters
    ----------
    frame : pl.DataFrame
        As `features.tables.Tables.leads` describes it.
    raw : Rows
        The raw row of each.
    attribute_types : dict of str to str
        Each attribute's type.
    unused_columns : tuple of str
        Columns of the export that the definition does not mention.
    every_id : pl.Series of String
        The ids of these leads and of those that were set aside, each once.
    """

    frame: pl.DataFrame
    raw: Rows
    attribute_types: dict[str, str]
    unused_columns: tuple[str, ...]
    every_id: pl.Series

    def filter(self, mask: pl.Series) -> "Leads":
        """Take the leads where a mask holds.

        Parameters
        ----------
        mask : pl.Series of bool
            One value a lead.

        Returns
        -------
        Leads
        """
        return replace(self, frame=self.frame.filter(mask), raw=self.raw.filter(mask))


def read_leads(context: Context, table: RawTable) -> Leads | None:
    """Read the leads' table.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    table : RawTable
        The table, open.

    Returns
    -------
    Leads or None
        None where columns are missing or there are no rows; the ledger says which.
    """
    attributes = _all_attributes(context, table)
    columns = wanted_columns(context, table)
    if columns is None:
        return None
    raw = _raw_rows(context, table, columns)
    if raw is None:
        return None
    unused = set(table.columns) - set(columns) - set(context.definition.forbidden)
    frame, raw = _identified(context, raw)
    every_id = frame["lead_id"]
    frame, raw = _dated(context, frame, raw)
    frame, raw = _placed(context, frame, raw)
    frame, types = _with_attributes(context, frame, raw, attributes)
    return Leads(frame, raw, types, tuple(sorted(unused)), every_id)


def wanted_columns(context: Context, table: RawTable) -> list[str] | None:
    """List the columns of the leads' table that are read.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    table : RawTable
        The table, open.

    Returns
    -------
    list of str or None
        Each once; None where one of them is missing, and the ledger says which.
    """
    named = _named_columns(context.definition.tables.leads, _all_attributes(context, table))
    named += _outcome_columns(context) if context.has_outcomes else []
    if not require_columns(table, named, context.ledger):
        return None
    return list(dict.fromkeys(column for _, column in named))


def _outcome_columns(context: Context) -> list[tuple[str, str]]:
    outcomes = context.definition.tables.outcomes
    if isinstance(outcomes, EventOutcomes) or outcomes.read is not None:
        return []
    fields = outcomes.columns.model_dump(exclude_none=True)
    return [(f"tables.outcomes.columns.{name}", column) for name, column in fields.items()]


def _all_attributes(context: Context, table: RawTable) -> dict[str, Attribute]:
    about = context.definition.tables.leads
    types = context.attribute_types
    found = {
        name: one.model_copy(update={"type": one.type or types.get(name)})
        for name, one in about.attributes.items()
    }
    if about.remaining_columns == "ignore":
        return found
    mapped = {column for _, column in _named_columns(about, about.attributes)}
    mapped |= {column for _, column in _outcome_columns(context)}
    mapped |= set(context.definition.forbidden)
    for column in table.columns:
        name = canonical_name(column)
        if column in mapped or (types and name not in types):
            continue
        if name in found:
            context.ledger.fault(_same_name(table, column, found[name].column, name))
        kind = types.get(name)
        found[name] = Attribute(column=column).model_copy(update={"type": kind})
    for name in sorted(types.keys() - found.keys()):
        context.ledger.fault(_lost_attribute(table, name))
    return found


def _lost_attribute(table: RawTable, name: str) -> Fault:
    return Fault(
        where=f"{table.name}: attribute {name!r}",
        found="no column of this name",
        expected="the attribute that earlier leads had",
        remedy=did_you_mean(name, [canonical_name(column) for column in table.columns]),
    )


def _same_name(table: RawTable, column: str, other: str, name: str) -> Fault:
    return Fault(
        where=f"{table.name}: column {column!r}",
        found=f"the attribute name {name!r}, which column {other!r} has already",
        expected="a different name for each attribute",
        remedy="Name one of them under tables.leads.attributes, or forbid it.",
    )


def _named_columns(about: LeadsTable, attributes: dict[str, Attribute]) -> list[tuple[str, str]]:
    key = "tables.leads"
    named = []
    if isinstance(about.columns.lead_id, ExportColumn):
        named.append((f"{key}.columns.lead_id", about.columns.lead_id.column))
    if about.columns.created_at is not None:
        named.append((f"{key}.columns.created_at", about.columns.created_at))
    if isinstance(about.order_by, ExportColumn):
        named.append((f"{key}.order_by", about.order_by.column))
    named += [(f"{key}.rules_score", column) for column in about.rules_score]
    named += [(f"{key}.attributes.{name}", one.column) for name, one in attributes.items()]
    return named


def _raw_rows(context: Context, table: RawTable, columns: list[str]) -> Rows | None:
    parts: list[Rows] = []
    try:
        for part in table.parts(columns, context.ledger):
            parts.append(part)
            context.progress(NAME, context.ledger.total(NAME))
    except UnreadableError as error:
        context.ledger.fault(error.fault)
        return None
    if parts:
        return stacked(parts)
    if not context.has_outcomes:
        # Of leads that are to be scored there may be none tonight.
        none = pl.Series(dtype=pl.Int32)
        frame = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        return Rows(frame, none.cast(pl.Int64), none, table.origins)
    context.ledger.fault(no_rows(table))
    return None


def no_rows(table: RawTable) -> Fault:
    """Word that a table is empty.

    Parameters
    ----------
    table : RawTable
        The table.

    Returns
    -------
    Fault
    """
    return Fault(
        where=f"{table.name} ({', '.join(origin.name for origin in table.origins)})",
        found="a header but no rows",
        expected="at least one row",
        remedy="Export it again; a filter may have left nothing.",
    )


def _identified(context: Context, raw: Rows) -> tuple[pl.DataFrame, Rows]:
    about = context.definition.tables.leads
    reference = about.columns.lead_id
    if not isinstance(reference, ExportColumn):
        numbers = pl.int_range(1, len(raw) + 1, eager=True).cast(pl.String)
        return pl.DataFrame({"lead_id": numbers}), raw
    place = (NAME, reference.column)
    ids = clean_text(raw.frame[reference.column], about.read.missing).alias("lead_id")
    blank = ids.is_null()
    context.ledger.note(BLANK, *place, raw.filter(blank))
    again = ~ids.is_first_distinct() & ~blank
    twice = raw.filter(again)
    context.ledger.note(
        DUPLICATE_LEAD, *place, twice, values=ids.filter(again), lead_ids=ids.filter(again)
    )
    kept = ~(blank | again)
    return pl.DataFrame({"lead_id": ids.filter(kept)}), raw.filter(kept)


def _dated(context: Context, frame: pl.DataFrame, raw: Rows) -> tuple[pl.DataFrame, Rows]:
    about = context.definition.tables.leads
    column = about.columns.created_at
    if column is None:
        return frame.with_columns(created_at=pl.lit(None, dtype=TIME)), raw
    parsed = parse_times(raw.frame[column], context.time_rules(about), about.read.missing)
    place, ids = (NAME, column), frame["lead_id"]
    kept = note_required(context.ledger, place, raw, parsed, ids)
    late = (parsed.values > context.until).fill_null(False)
    beyond = raw.filter(late)
    context.ledger.note(
        LATE_ROW, *place, beyond, values=beyond.frame[column], lead_ids=ids.filter(late)
    )
    kept &= ~late
    return frame.with_columns(created_at=parsed.values).filter(kept), raw.filter(kept)


def _placed(context: Context, frame: pl.DataFrame, raw: Rows) -> tuple[pl.DataFrame, Rows]:
    about = context.definition.tables.leads
    order = about.order_by
    if not isinstance(order, ExportColumn):
        place = pl.int_range(0, frame.height, dtype=pl.Int64, eager=True)
        return frame.with_columns(position=place), raw
    parsed = parse_numbers(raw.frame[order.column], about.numbers, about.read.missing)
    kept = note_required(context.ledger, (NAME, order.column), raw, parsed, frame["lead_id"])
    frame, raw, values = frame.filter(kept), raw.filter(kept), parsed.values.filter(kept)
    position = values.rank("ordinal", descending=order.descending).cast(pl.Int64) - 1
    return frame.with_columns(position=position), raw


def _with_attributes(
    context: Context, frame: pl.DataFrame, raw: Rows, attributes: dict[str, Attribute]
) -> tuple[pl.DataFrame, dict[str, str]]:
    about = context.definition.tables.leads
    writing = Writing(about.read.missing, about.numbers, context.time_rules(about))
    types: dict[str, str] = {}
    columns: list[pl.Series] = []
    if about.rules_score:
        columns.append(_rules_score(context, frame, raw, writing))
    for name, attribute in attributes.items():
        series = raw.frame[attribute.column]
        parsed, types[name] = read_attribute(name, series, attribute, writing)
        _note_cells(context, attribute.column, raw, parsed, frame)
        columns.append(parsed.values.alias(name))
    return frame.with_columns(columns), types


def _rules_score(context: Context, frame: pl.DataFrame, raw: Rows, writing: Writing) -> pl.Series:
    total = pl.Series("rules_score", [0.0], dtype=pl.Float64).new_from_index(0, frame.height)
    for column in context.definition.tables.leads.rules_score:
        parsed = parse_numbers(raw.frame[column], writing.numbers, writing.missing)
        _note_cells(context, column, raw, parsed, frame)
        total = total + parsed.values
    return total.alias("rules_score")


def _note_cells(
    context: Context, column: str, raw: Rows, parsed: Parsed, frame: pl.DataFrame
) -> None:
    note_unread(context.ledger, BAD_CELL, (NAME, column), raw, parsed, frame["lead_id"])
