"""Which columns of the leads' table are read.

Attributes of leads: reading a column by its type, and telling the type from its values.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from leadcast.features.base.errors import Fault, canonical_name, did_you_mean
from leadcast.features.definitions.definition import EventOutcomes
from leadcast.features.definitions.table_schema import (
    Attribute,
    AttributeType,
    ExportColumn,
    LeadsTable,
    default_type,
)
from leadcast.features.ingest.context import Context
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.values.columns import (
    MIXED,
    Parsed,
    clean_text,
    halves,
    parse_texts,
)
from leadcast.features.values.flags import FLAG_WORDS, parse_flags
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import TimeRules, parse_times


def wanted_columns(context: Context, table: RawTable) -> tuple[RawTable, list[str]]:
    """List the columns of the leads' table that are read.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    table : RawTable
        The table, open.

    Returns
    -------
    table : RawTable
        The table, with the columns that it lacks; the ledger says which.
    columns : list of str
        Each once.
    """
    named = _named_columns(context.definition.tables.leads, all_attributes(context, table))
    named += _outcome_columns(context) if context.has_outcomes else []
    table = require_columns(table, named, context.ledger)
    return table, list(dict.fromkeys(column for _, column in named))


def _outcome_columns(context: Context) -> list[tuple[str, str]]:
    outcomes = context.definition.tables.outcomes
    if isinstance(outcomes, EventOutcomes) or outcomes.read is not None:
        return []
    fields = outcomes.columns.model_dump(exclude_none=True)
    return [(f"tables.outcomes.columns.{name}", column) for name, column in fields.items()]


def all_attributes(context: Context, table: RawTable) -> dict[str, Attribute]:
    """List the attributes that are read."""
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


_TEXT_LENGTH = 60
_TEXT_DISTINCT_SHARE = 0.5
_TEXT_DISTINCT = 50


@dataclass(frozen=True)
class Writing:
    """How a table writes its values."""

    missing: tuple[str, ...]
    """Values that mean missing."""
    numbers: NumberFormat
    """How numbers are written."""
    times: TimeRules
    """How times are to be understood."""


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
