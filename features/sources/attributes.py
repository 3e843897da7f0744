"""Attributes of leads: reading a column by its type, and telling the type from its values."""

from dataclasses import dataclass

import polars as pl

from features.sources.roles import default_type
from features.sources.schema import Attribute, AttributeType, NumberFormat
from features.sources.times import TimeRules, parse_times
from features.sources.values import FLAG_WORDS, Parsed, clean_text, parse_flags, parse_numbers

_TEXT_LENGTH = 60
_TEXT_DISTINCT_SHARE = 0.5
_TEXT_DISTINCT = 50


@dataclass(frozen=True)
class Writing:
    """How a table writes its values.

    Parameters
    ----------
    missing : tuple of str
        Values that mean missing.
    numbers : NumberFormat
        How numbers are written.
    times : TimeRules
        How times are to be understood.
    """

    missing: tuple[str, ...]
    numbers: NumberFormat
    times: TimeRules


def read_attribute(
    name: str,
    series: pl.Series,
    attribute: Attribute,
    writing: Writing,
    telling: pl.Series | None = None,
) -> tuple[Parsed, AttributeType]:
    """Read one attribute.

    Parameters
    ----------
    name : str
        The attribute's name: some have a type of their own.
    series : pl.Series
        The raw column.
    attribute : Attribute
        Its type, if declared, and what is special about it.
    writing : Writing
        How the table writes its values.
    telling : pl.Series of bool or None
        Which values tell the type where it is not declared; None: all.

    Returns
    -------
    tuple of (Parsed, str)
        Float64, String, Boolean or `features.tables.TIME`, and the type.
    """
    own = attribute.numbers or writing.numbers
    writing = Writing((*writing.missing, *attribute.missing), own, writing.times)
    if attribute.values:
        series = clean_text(series, writing.missing).replace(attribute.values)
    kind = attribute.type or default_type(name)
    if kind is None:
        kind = infer_type(series if telling is None else series.filter(telling), writing)
    return read_as(series, kind, writing), kind


def read_as(series: pl.Series, kind: AttributeType, writing: Writing) -> Parsed:
    """Read a column as a type.

    Parameters
    ----------
    series : pl.Series
        The raw column.
    kind : {"number", "category", "text", "flag", "time"}
        The type.
    writing : Writing
        How the table writes its values.

    Returns
    -------
    Parsed
    """
    if kind == "number":
        return parse_numbers(series, writing.numbers, writing.missing)
    if kind == "flag":
        return parse_flags(series, writing.missing)
    if kind == "time":
        return parse_times(series, writing.times, writing.missing)
    text = clean_text(series, writing.missing)
    return Parsed.checked(text, text.is_not_null(), "is no text")


def infer_type(series: pl.Series, writing: Writing) -> AttributeType:
    """Tell a column's type from its values.

    Parameters
    ----------
    series : pl.Series
        The raw column.
    writing : Writing
        How the table writes its values.

    Returns
    -------
    str
        The dtype's own type, if it has one. Else for text: ``flag`` where every value is yes or
        no in words, ``number`` where every value is one (codes such as 007 are none), ``time``
        where every value is one with its zone, ``text`` where values are long or mostly
        different, else ``category``.
    """
    dtype = series.dtype
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Datetime | pl.Date):
        return "time"
    text = clean_text(series, writing.missing).drop_nulls()
    return _type_of_text(text, writing) if len(text) else "category"


def _type_of_text(text: pl.Series, writing: Writing) -> AttributeType:
    words = set(text.head(1000).str.to_lowercase()) - {"0", "1"}
    if words and words <= FLAG_WORDS and not parse_flags(text).problem.count():
        return "flag"
    coded = text.str.contains(r"^[+-]?0[0-9]").any()
    if not coded and not parse_numbers(text, writing.numbers).problem.count():
        return "number"
    if not parse_times(text.head(100), writing.times).problem.count():
        return "time"
    distinct = text.n_unique()
    varied = distinct > max(_TEXT_DISTINCT, _TEXT_DISTINCT_SHARE * len(text))
    return "text" if varied or text.str.len_chars().mean() > _TEXT_LENGTH else "category"  # type: ignore[operator]
