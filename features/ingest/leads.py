"""The leads' table: which columns are read, and from raw rows to canonical ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.base.errors import Fault, canonical_name, did_you_mean
from leadcast.features.definitions.definition import EventOutcomes
from leadcast.features.definitions.table_schema import (
    Attribute,
    AttributeType,
    ExportColumn,
    LeadsTable,
    TableSchema,
    default_type,
)
from leadcast.features.identity.keys import PERSON
from leadcast.features.ingest.context import Context, TableReading, Writing
from leadcast.features.ingest.garbled import doubt_garbled
from leadcast.features.readers.issues import (
    DUPLICATE_LEAD,
    DUPLICATE_MOMENT,
    LATE_ROW,
)
from leadcast.features.readers.joining import JoinedTable
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.readers.origins import RawRows, UnreadableError, stacked
from leadcast.features.tables import SALES, TIME, WITHHELD
from leadcast.features.values.columns import (
    MIXED,
    Parsed,
    clean_text,
    halves,
    parse_texts,
)
from leadcast.features.values.flags import FLAG_WORDS, parse_flags
from leadcast.features.values.identifiers import first_fifteen
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import parse_dates_of_crm, parse_times


def wanted_columns(context: Context, table: RawTable) -> tuple[RawTable, list[str]]:
    """List the columns of the leads' table that are read; tell the table those that it lacks."""
    named = _named_columns(context.definition.tables.leads, all_attributes(context, table))
    if context.has_outcomes:
        named += [*_outcome_columns(context), *_withheld(context)]
    else:
        # Which of the leads have ended is told where the table tells it.
        named += [one for one in _outcome_columns(context) if one[1] in table.columns]
    table = require_columns(table, named, context.ledger)
    return table, list(dict.fromkeys(column for _, column in named))


def _outcome_columns(context: Context) -> list[tuple[str, str]]:
    definition, named = context.definition, list[tuple[str, str]]()
    for key, outcomes in zip(
        definition.outcome_table_names(), definition.tables.outcomes, strict=True
    ):
        if not isinstance(outcomes, EventOutcomes) and outcomes.read is None:
            fields = outcomes.columns.model_dump(exclude_none=True)
            named += [(f"tables.{key}.columns.{name}", column) for name, column in fields.items()]
    return named


def _withheld(context: Context) -> list[tuple[str, str]]:
    definition = context.definition
    keys = {column: f"denied.{column}" for column in definition.denied}
    return [(keys.get(column, "groups"), column) for column in definition.withheld()]


def all_attributes(context: Context, table: RawTable) -> dict[str, Attribute]:
    """List the attributes that are read."""
    about = context.definition.tables.leads
    types = context.attribute_types
    found = {
        name: one.model_copy(update={"type": one.type or types.get(name)})
        for name, one in context.definition.lead_attributes().items()
    }
    if about.remaining_columns == "ignore":
        return found
    mapped = {column for _, column in _named_columns(about, found)} | _joining_columns(about)
    mapped |= {column for _, column in _outcome_columns(context)} | {*context.definition.withheld()}
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


def _joining_columns(about: LeadsTable) -> set[str]:
    """List the columns by which tables are joined: they tell nothing of the lead themselves."""
    return {column for join in about.join for column in join.on}


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
    named += [(f"{key}.sales.{name}", column) for name, column in about.sales.named().items()]
    named += [(f"{key}.person.{name}", column) for name, column in about.person.named().items()]
    named += [(f"{key}.attributes.{name}", one.column) for name, one in attributes.items()]
    return named


_TEXT_LENGTH = 60
_TEXT_DISTINCT_SHARE = 0.5
_TEXT_DISTINCT = 50


def read_attribute(
    name: str,
    series: pl.Series,
    attribute: Attribute,
    writing: Writing,
    telling: pl.Series | None = None,
) -> tuple[Parsed, AttributeType]:
    """Read one attribute."""
    own = attribute.numbers or writing.numbers
    writing = Writing((*writing.missing, *attribute.missing), own, writing.times)
    if attribute.values:
        series = clean_text(series, writing.missing).replace(attribute.values)
    kind = attribute.type or default_type(name)
    if kind is None:
        kind = infer_type(series if telling is None else series.filter(telling), writing)
    return read_as(series, kind, writing), kind


def read_as(series: pl.Series, kind: AttributeType, writing: Writing) -> Parsed:
    """Read a column as a type."""
    if kind == "number":
        return parse_numbers(series, writing.numbers, writing.missing)
    if kind == "flag":
        return parse_flags(series, writing.missing)
    if kind == "time":
        return parse_times(series, writing.times, writing.missing)
    return parse_texts(series, writing.missing)


def infer_type(series: pl.Series, writing: Writing) -> AttributeType:
    """Tell a column's type from its values."""
    dtype = series.dtype
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Datetime | pl.Date):
        return "time"
    if dtype == MIXED:
        kind = _type_of_mixed(series)
        if kind is not None:
            return kind
    text = clean_text(series, writing.missing).drop_nulls()
    return _type_of_text(text, series, writing) if len(text) else "category"


_PLAINLY: Mapping[AttributeType, str] = {
    "number": r"^-?(?:[0-9.]+(?:e[+][0-9]+)?|inf)$",
    "time": r"^[0-9]{4,}-[0-9]{2}-",
    "flag": r"^(?:true|false)$",
}


def _type_of_mixed(series: pl.Series) -> AttributeType | None:
    """Tell the type of numbers, flags or times of several dtypes; None where there is text."""
    text, told = halves(series)
    if told is None or text is None or text.count() or not told.count():
        return None
    given = told.drop_nulls()
    return next((kind for kind, plain in _PLAINLY.items() if given.str.contains(plain).all()), None)


def _type_of_text(text: pl.Series, series: pl.Series, writing: Writing) -> AttributeType:
    words = set(text.head(1000).str.to_lowercase()) - {"0", "1"}
    if words and words <= FLAG_WORDS and not parse_flags(text).problem.count():
        return "flag"
    coded = text.str.contains(r"^[+-]?0[0-9]").any()
    if not coded and not read_as(series, "number", writing).problem.count():
        return "number"
    if not parse_times(text.head(100), writing.times).problem.count():
        return "time"
    distinct = text.n_unique()
    varied = distinct > max(_TEXT_DISTINCT, _TEXT_DISTINCT_SHARE * len(text))
    return "text" if varied or text.str.len_chars().mean() > _TEXT_LENGTH else "category"  # type: ignore[operator]


NAME = "leads"
AS_OF = "as_of"
"""The attribute of new leads that tells at which moment each row is to be scored."""


@dataclass(frozen=True)
class CanonicalLeads:
    """The leads that were read."""

    frame: pl.DataFrame
    """As `leadcast.features.tables.Tables.leads` describes it."""
    raw: RawRows
    """The raw row of each."""
    attribute_types: dict[str, str]
    """Each attribute's type."""
    unused_columns: tuple[str, ...]
    """Columns of the export that the definition does not mention."""
    every_id: pl.Series
    """The ids of these leads and of those that were set aside, each once, or once a moment."""

    def filter(self, mask: pl.Series) -> "CanonicalLeads":
        """Take the leads where a mask holds."""
        return replace(self, frame=self.frame.filter(mask), raw=self.raw.filter(mask))


def read_leads(context: Context, table: RawTable) -> CanonicalLeads | None:
    """Read the leads' table; None where columns are missing, as the ledger tells."""
    attributes = all_attributes(context, table)
    table, columns = wanted_columns(context, table)
    left_out = list[pl.Series]()
    raw = all_rows(
        context,
        _telling_left_out(context, table, left_out),
        columns,
        lambda rows: _remembered(context, rows, left_out),
    )
    if raw is None:
        return None
    about = context.definition.tables.leads
    unused = set(table.columns) - set(columns) - set(context.definition.forbidden)
    unused -= context.definition.withheld().keys()
    unused -= _joining_columns(about) | {one.column for one in about.where}
    writing = Writing(about.read.missing, about.numbers, context.time_rules(about))
    reading = TableReading(context, NAME, writing, raw, pl.DataFrame())
    _identify(reading)
    every_id = pl.concat([reading.frame["lead_id"].filter(reading.fine), *left_out])
    if left_out:
        every_id = every_id.unique(maintain_order=True)
    _date(reading)
    _place(reading)
    types = _add_attributes(reading, attributes)
    if table.lacking:
        return None
    reading.keep(reading.fine)
    return CanonicalLeads(reading.frame, reading.rows, types, tuple(sorted(unused)), every_id)


def _telling_left_out(context: Context, table: RawTable, left_out: list[pl.Series]) -> RawTable:
    """Let the ids of the leads that filters leave out be known: their events are no orphans."""
    reference = context.definition.tables.leads.columns.lead_id
    if not isinstance(table, JoinedTable) or not isinstance(reference, ExportColumn):
        return table
    if not context.has_outcomes:
        # Events of leads that are not to be scored are told in any case.
        return table

    def take(rows: RawRows) -> None:
        if reference.column in rows.frame.columns:
            ids = rows.frame[reference.column].alias("lead_id")
            left_out.append(context.ids(ids, table.missing).values.drop_nulls())

    return replace(table, on_left_out=take)


FORGOTTEN = "forgotten"
"""Why rows of people who were forgotten are left out."""


def _remembered(context: Context, rows: RawRows, left_out: list[pl.Series]) -> RawRows:
    """Go on without the leads of people who were forgotten; nobody who watches sees them."""
    about = context.definition.tables.leads
    if context.tombstones is None or not context.has_outcomes:
        return rows
    missing, frame = about.read.missing, rows.frame
    ids = pl.Series("lead_id", [None] * len(rows), pl.String)
    if isinstance(about.columns.lead_id, ExportColumn):
        column = about.columns.lead_id.column
        ids = context.ids(frame[column].alias("lead_id"), missing, column).values
    email, created = context.definition.lead_attributes().get("email"), about.columns.created_at
    gone = context.tombstones.leads(
        ids,
        None if email is None else frame[email.column],
        None
        if created is None
        else parse_dates_of_crm(frame[created], context.time_rules(about), missing).values,
    )
    if not gone.any():
        return rows
    left_out.append(ids.filter(gone).drop_nulls())
    context.ledger.account.leave(NAME, FORGOTTEN, int(gone.sum()))
    return rows.filter(~gone)


def all_rows(
    context: Context,
    table: RawTable,
    columns: list[str],
    keep: Callable[[RawRows], RawRows] | None = None,
) -> RawRows | None:
    """Read some columns of a table to its end; None where that cannot be, as the ledger tells."""
    parts: list[RawRows] = []
    try:
        for part in table.parts(columns, context.ledger):
            kept = part if keep is None else keep(part)
            parts.append(kept)
            context.read(table.name, kept)
    except UnreadableError as error:
        context.ledger.fault(error.fault)
        return None
    if parts:
        return stacked(parts)
    if not context.has_outcomes:
        # Of leads that are to be scored there may be none tonight.
        none = pl.Series(dtype=pl.Int32)
        frame = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        return RawRows(frame, none.cast(pl.Int64), none, table.origins)
    context.ledger.fault(no_rows(table))
    return None


def whole_table(
    context: Context, name: str, key: str, about: TableSchema, fields: Mapping[str, str]
) -> tuple[RawTable, RawRows] | None:
    """Open a table and read the columns that `key` names to its end; None where that cannot be."""
    table = context.open(name, about)
    if table is None:
        return None
    needed = [(f"{key}.columns.{field}", column) for field, column in fields.items()]
    table = require_columns(table, needed, context.ledger)
    rows = all_rows(context, table, list(dict.fromkeys(fields.values())))
    return None if rows is None or table.lacking else (table, rows)


def no_rows(table: RawTable) -> Fault:
    """Word that a table is empty."""
    return Fault(
        where=f"{table.name} ({', '.join(origin.name for origin in table.origins)})",
        found="a header but no rows",
        expected="at least one row",
        remedy="Export it again; a filter may have left nothing.",
    )


def _identify(reading: TableReading) -> None:
    context, raw, missing = reading.context, reading.rows, reading.writing.missing
    about = context.definition.tables.leads
    reference = about.columns.lead_id
    if not isinstance(reference, ExportColumn):
        numbers = pl.int_range(1, len(raw) + 1, eager=True).cast(pl.String)
        reading.frame = pl.DataFrame({"lead_id": numbers})
        return
    parsed = context.ids(raw.frame[reference.column].alias("lead_id"), missing, reference.column)
    ids = parsed.values
    reading.frame = known = ids.to_frame()
    reading.require_ids(reference.column, parsed)
    kind, moments = DUPLICATE_LEAD, about.attributes.get(AS_OF)
    if moments is not None and not context.has_outcomes:
        # New leads may be asked for at several moments.
        kind = DUPLICATE_MOMENT
        known = known.with_columns(clean_text(raw.frame[moments.column], missing))
    again = ~known.to_struct().is_first_distinct() & ids.is_not_null()
    reading.leave_out(kind, reference.column, again, ids)


def _date(reading: TableReading) -> None:
    column = reading.context.definition.tables.leads.columns.created_at
    if column is None:
        reading.frame = reading.frame.with_columns(created_at=pl.lit(None, dtype=TIME))
        return
    parsed = reading.times(column)
    late = (parsed.values > reading.context.until).fill_null(False)
    reading.require(column, parsed)
    reading.leave_out(reading.context.late(LATE_ROW), column, late, reading.rows.frame[column])
    reading.frame = reading.frame.with_columns(created_at=parsed.values)


def _place(reading: TableReading) -> None:
    order = reading.context.definition.tables.leads.order_by
    if isinstance(order, ExportColumn):
        parsed = reading.numbers(order.column)
        reading.require(order.column, parsed)
        values = pl.select(pl.when(reading.fine).then(parsed.values)).to_series()
        place = values.rank("ordinal", descending=order.descending).cast(pl.Int64) - 1
    else:
        place = reading.fine.cast(pl.Int64).cum_sum() - 1
    reading.frame = reading.frame.with_columns(position=place)


def _add_attributes(reading: TableReading, attributes: dict[str, Attribute]) -> dict[str, str]:
    rules, fine = reading.context.definition.tables.leads.rules_score, reading.fine
    types: dict[str, str] = {}
    columns: list[pl.Series] = []
    if rules:
        total = pl.repeat(0.0, len(fine), dtype=pl.Float64, eager=True)
        for column in rules:
            parsed = reading.numbers(column)
            reading.note_unread(column, parsed)
            total = total + parsed.values
        columns.append(total.alias("rules_score"))
    columns += [*_sales_columns(reading), *_withheld_columns(reading)]
    columns += _person_columns(reading)
    for name, attribute in attributes.items():
        series = reading.rows.frame[attribute.column]
        # What is left out does not tell the type, as long as there is anything else.
        telling = fine if fine.any() else None
        parsed, types[name] = read_attribute(name, series, attribute, reading.writing, telling)
        reading.note_unread(attribute.column, parsed)
        if types[name] == "number" and not attribute.values:
            reading.note_unclear(attribute.column, attribute.numbers or reading.writing.numbers)
        values = parsed.values
        if types[name] in ("category", "text"):
            doubt_garbled(reading, attribute.column)
            if name == "account_id" and reading.context.definition.ids is not None:
                values = first_fifteen(values)
        columns.append(values.alias(name))
    reading.frame = reading.frame.with_columns(columns)
    return types


def _sales_columns(reading: TableReading) -> list[pl.Series]:
    """Read what sales needs and no model sees: texts, and flags."""
    columns = []
    for name, column in reading.context.definition.tables.leads.sales.named().items():
        kind: AttributeType = "flag" if name in ("consent", "do_not_contact") else "text"
        parsed = read_as(reading.rows.frame[column], kind, reading.writing)
        reading.note_unread(column, parsed)
        columns.append(parsed.values.alias(f"{SALES}{name}"))
    return columns


def _withheld_columns(reading: TableReading) -> list[pl.Series]:
    """Read what is denied, as the values tell; new leads need not have it."""
    if not reading.context.has_outcomes:
        return []
    columns = []
    for column in reading.context.definition.withheld():
        series = reading.rows.frame[column]
        parsed = read_as(series, infer_type(series, reading.writing), reading.writing)
        reading.note_unread(column, parsed)
        columns.append(parsed.values.alias(withheld_name(column)))
    return columns


def withheld_name(column: str) -> str:
    """Name a denied column in the canonical table of leads."""
    return f"{WITHHELD}{canonical_name(column)}"


def _person_columns(reading: TableReading) -> list[pl.Series]:
    """Read what tells who a lead is, as texts."""
    columns = []
    for name, column in reading.context.definition.tables.leads.person.named().items():
        parsed = read_as(reading.rows.frame[column], "text", reading.writing)
        reading.note_unread(column, parsed)
        columns.append(parsed.values.alias(f"{PERSON}{name}"))
    return columns
