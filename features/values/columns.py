"""A column of values as some door gave it, and the one text that each value has.

What a value means must not depend on what held it: a CSV, a Parquet file's types, a database's
numbers, pandas' objects, the chunk in which it came. So there are two kinds of values only:

- *text*, which somebody wrote, and which is read as the table's definition says it is written;
- what is no text (numbers, flags, times), which has one *plain* text whatever its type:
  whole numbers their digits, exactly, wherever their type holds them exactly (`1001`, 1001.0 and
  the decimal 1001.00 are ``1001``, and -0.0 is ``0``); fractions their shortest decimal digits;
  flags ``true`` and ``false``; times ISO 8601 in microseconds. A float from 2^53 on stands for
  several whole numbers; it is written with an exponent, and no identifier or category.

A column whose values are of several types is held as `MIXED`, value by value. Missing are null,
NaN, and blank text.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import polars as pl

from leadcast.features.base.letters import TRIMMED
from leadcast.features.tables import TIME

_TEXT, _PLAIN = "leadcast: text", "leadcast: plain"
MIXED = pl.Struct({_TEXT: pl.String(), _PLAIN: pl.String()})
"""Holds values of several types: of each the text that it is, or its plain text."""
EXACT = 2.0**53
"""Below it, a float is one whole number only."""
_NAIVE = pl.Datetime("us")
_BEYOND = "a time beyond all calendars"
_ISO = "%Y-%m-%dT%H:%M:%S%.f"


@dataclass(frozen=True)
class Parsed:
    """A column as it was read.

    Parameters
    ----------
    values : pl.Series
        In the canonical dtype; null where missing or not readable.
    problem : pl.Series of String
        What is wrong with a value (``"is not a number"``); null where nothing is.
    """

    values: pl.Series
    problem: pl.Series

    @classmethod
    def checked(cls, values: pl.Series, given: pl.Series, words: str) -> Self:
        """Blame every value that was given and could not be read.

        Parameters
        ----------
        values : pl.Series
            Null where not read.
        given : pl.Series of bool
            Where there was something to read.
        words : str
            What is wrong where it was not read.

        Returns
        -------
        Parsed
        """
        failed = given & values.is_null()
        return cls(values, words_where(failed, words))

    def or_else(self, other: Self) -> Self:
        """Take another reading where this one found neither a value nor a problem."""
        columns = {"v": self.values, "p": self.problem, "w": other.values, "q": other.problem}
        both = pl.DataFrame(columns).select(
            pl.coalesce("v", "w").alias(self.values.name),
            pl.coalesce("p", "q").alias("problem of it"),
        )
        return type(self)(both[self.values.name], both["problem of it"])


def words_where(mask: pl.Series, words: str) -> pl.Series:
    """Put words where a mask holds, and null elsewhere."""
    if not mask.any():
        return pl.Series("literal", [None], dtype=pl.String).new_from_index(0, len(mask))
    return pl.select(pl.when(mask).then(pl.lit(words))).to_series()


def clean_text(series: pl.Series, missing: Sequence[str] = ()) -> pl.Series:
    """Read values as text: trimmed; null where blank or a marker of missing values.

    Parameters
    ----------
    series : pl.Series
        Of any scalar dtype, or `MIXED`; what is no text is written plainly, so that 3.0 is
        ``"3"``.
    missing : sequence of str
        Further values that mean missing. One that is a number also means its other spellings
        where the column holds numbers (``999`` and 999.0).

    Returns
    -------
    pl.Series of String
    """
    text, told = halves(series)
    found: list[pl.Series] = []
    if text is not None:
        found.append(_without(text.str.strip_chars(TRIMMED), {*missing, ""}))
    if told is not None:
        spelt = {plain_number(float(marker)) for marker in missing if _is_number(marker)}
        found.append(_without(told, {*missing, *spelt}))
    return _joined(found)


def _joined(halves_: Sequence[pl.Series]) -> pl.Series:
    first = halves_[0]
    return first if len(halves_) == 1 else first.zip_with(first.is_not_null(), halves_[1])


INEXACT = {r"^-?(?:[0-9.]+e[+][0-9]+|inf)$": "is a number too large to be exact"}
"""Plain texts that are no texts of anything, and why."""


def parse_texts(
    series: pl.Series,
    missing: Sequence[str] = (),
    refused: Mapping[str, str] = INEXACT,
    refused_texts: Mapping[str, str] = MappingProxyType({}),
) -> Parsed:
    """Read texts and categories: as `clean_text`, without what is refused.

    Parameters
    ----------
    series : pl.Series
    missing : sequence of str
        As in `clean_text`.
    refused, refused_texts : mapping of str to str
        Patterns of plain texts, and of trimmed texts that somebody wrote, each with what is wrong.

    Returns
    -------
    Parsed
        String.
    """
    text = clean_text(series, missing)
    problem = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    wrote, told = halves(series)
    for half, patterns in ((wrote, refused_texts), (told, refused)):
        if half is None:
            continue
        mine = half.is_not_null()
        # Hardly any column has one of them, which is told by looking once.
        together = "|".join(f"(?:{pattern})" for pattern in patterns)
        if not patterns or not text.str.contains(together).any():
            continue
        for pattern, words in patterns.items():
            wrong = text.str.contains(pattern).fill_null(value=False) & mine
            if wrong.any():
                text, problem = text.set(wrong, None), problem.set(wrong, words)
    return Parsed(text, problem)


def _without(text: pl.Series, missing: Iterable[str]) -> pl.Series:
    own = pl.col("text")
    kept = text.to_frame("text").select(pl.when(~own.is_in([*missing])).then(own))
    return kept.to_series().alias(text.name)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def halves(series: pl.Series) -> tuple[pl.Series | None, pl.Series | None]:
    """Part a column into its texts and the plain texts of what is none; None for no such part."""
    text = text_half(series)
    if series.dtype == MIXED:
        return text, series.struct.field(_PLAIN).alias(series.name)
    if text is not None:
        return text, None
    return None, series.to_frame().select(plain(pl.col(series.name), series.dtype)).to_series()


def text_half(series: pl.Series) -> pl.Series | None:
    """Take a column's texts; None where it has none, and nothing is written plainly for it."""
    dtype = series.dtype
    if dtype == MIXED:
        return series.struct.field(_TEXT).alias(series.name)
    if dtype == pl.String:
        return series
    if _is_text(dtype):
        return series.to_frame().select(texts(pl.col(series.name), dtype)).to_series()
    return None


def shown(series: pl.Series) -> pl.Series:
    """Write values as people do, for messages: texts as they are, and what is none plainly."""
    return _joined([half for half in halves(series) if half is not None])


def texts(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Take what is text as text."""
    if dtype == pl.Binary:
        # Some Parquet writers mark texts as bytes.
        return column.map_batches(_decoded, return_dtype=pl.String())
    return column.cast(pl.String)


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum, pl.Binary, pl.Null)


def _decoded(column: pl.Series) -> pl.Series:
    values = [None if value is None else text_of_bytes(value) for value in column]
    return pl.Series(column.name, values, dtype=pl.String)


def text_of_bytes(value: bytes) -> str:
    """Read bytes as UTF-8; what is none is written in hexadecimal, so that no two are the same."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"\\x{value.hex()}"


def plain(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write what is no text plainly; null where it is missing."""
    if dtype.is_float():
        number = column.cast(pl.Float64).fill_nan(None)
        return number.map_batches(_plain_floats, return_dtype=pl.String())
    if isinstance(dtype, pl.Decimal):
        digits = column.cast(pl.String)
        return digits.str.replace(r"(\.\d*?)0+$", "${1}").str.strip_suffix(".")
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            moment = column.dt.convert_time_zone("UTC").cast(TIME, strict=False)
            return _written(column, moment.dt.to_string(f"{_ISO}Z"))
        return _written(column, column.cast(_NAIVE, strict=False).dt.to_string(_ISO))
    if dtype == pl.Date:
        moment = column.cast(_NAIVE, strict=False)
        return _written(column, moment.dt.to_string("%Y-%m-%d"))
    return column.cast(pl.String)


def _written(moments: pl.Expr, told: pl.Expr) -> pl.Expr:
    """Write also what no calendar has, for which polars has no words."""
    return told.fill_null(pl.when(moments.is_not_null()).then(pl.lit(_BEYOND)))


def _plain_floats(numbers: pl.Series) -> pl.Series:
    whole = (numbers.abs() < EXACT) & (numbers == numbers.round())
    digits = numbers.cast(pl.Int64, strict=False).cast(pl.String)
    written = numbers.cast(pl.String)
    odd = ~whole & ((numbers.abs() >= EXACT) | written.str.contains("e"))
    text = digits.zip_with(whole.fill_null(value=False), written)
    if odd.any():
        places = odd.arg_true()
        text = text.scatter(places, [plain_number(one) for one in numbers.gather(places)])
    return text.alias(numbers.name)


def plain_number(number: float) -> str:
    """Write one float plainly, as `plain` writes a column of them."""
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    exact = Decimal(repr(number))
    if abs(number) >= EXACT:
        return f"{exact.normalize():e}"
    return str(int(number)) if number == int(number) else f"{exact:f}"


def plain_decimal(number: Decimal) -> str | None:
    """Write one decimal plainly."""
    if not number.is_finite():
        return None if number.is_nan() else plain_number(float(number))
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def plain_moment(moment: date) -> str:
    """Write one time, or a date, plainly."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    zone = "" if moment.tzinfo is None else "Z"
    local = (moment.astimezone(UTC) if zone else moment).replace(tzinfo=None)
    micro = local.microsecond
    spec = "seconds" if not micro else "microseconds" if micro % 1000 else "milliseconds"
    return local.isoformat(timespec=spec) + zone


def common(dtypes: Iterable[pl.DataType]) -> pl.DataType:
    """Find the dtype that holds what columns of several have, each value as it is."""
    found = {dtype for dtype in dtypes if dtype != pl.Null}
    if len(found) <= 1:
        return found.pop() if found else pl.Null()
    if all(_is_text(dtype) for dtype in found):
        return pl.String()
    if all(dtype.is_float() for dtype in found):
        return pl.Float64()
    if all(dtype.is_integer() for dtype in found) and not found & {pl.UInt64(), pl.Int128()}:
        return pl.Int64()
    return MIXED


def held_as(column: pl.Expr, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Hold a column of one dtype as `common` found it."""
    if dtype == wanted:
        return column
    if wanted != MIXED:
        return texts(column, dtype) if wanted == pl.String else column.cast(wanted)
    nothing = pl.lit(None, dtype=pl.String)
    text, told = (
        (texts(column, dtype), nothing) if _is_text(dtype) else (nothing, plain(column, dtype))
    )
    return pl.struct(text.alias(_TEXT), told.alias(_PLAIN))


def alike(
    schemas: Sequence[Mapping[str, pl.DataType]], names: Iterable[str]
) -> list[list[pl.Expr]]:
    """Say for each of several tables how to hold its columns, so that all have the same dtypes."""
    wanted = {name: common(schema[name] for schema in schemas) for name in names}
    return [
        [held_as(pl.col(name), schema[name], dtype).alias(name) for name, dtype in wanted.items()]
        for schema in schemas
    ]


_NO_CELLS = (list, tuple, dict, set, frozenset, timedelta, complex)


def no_cell(values: Iterable[Any]) -> str | None:
    """Name the type of values that are none of a table's: lists, objects, spans of time.

    Parameters
    ----------
    values : iterable
        Python values.

    Returns
    -------
    str or None
        None where all are texts, numbers, flags or times.
    """
    kinds = {type(value) for value in values}
    return next((kind.__name__ for kind in kinds if issubclass(kind, _NO_CELLS)), None)


def column_of(name: str, values: Iterable[Any]) -> pl.Series:
    """Make a column of Python values, such as a database's; missing are None."""
    items = [_python(value) for value in values]
    kinds = {type(value) for value in items if value is not None}
    dtype = _DTYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if kinds == {int} and any(abs(value) >= 2**63 for value in items if value is not None):
        dtype = None
    if kinds == {datetime}:
        zoned = {value.tzinfo is not None for value in items if value is not None}
        dtype = None if len(zoned) > 1 else TIME if True in zoned else _NAIVE
        if dtype == TIME:
            items = [None if value is None else value.astimezone(UTC) for value in items]
    if dtype is not None or not kinds:
        return pl.Series(name, items, dtype=dtype or pl.Null())
    told = [_plain_of(value) for value in items]
    written = [
        str(value) if plain_ is None and not _is_missing(value) else None
        for value, plain_ in zip(items, told, strict=True)
    ]
    return pl.DataFrame({_TEXT: written, _PLAIN: told}, schema=dict(MIXED)).to_struct(name)


_DTYPES: Mapping[type, pl.DataType] = {
    bool: pl.Boolean(),
    int: pl.Int64(),
    float: pl.Float64(),
    date: pl.Date(),
    str: pl.String(),
}


def _python(value: Any) -> Any:  # noqa: ANN401 - of any type
    """Take a value out of what drivers and pandas wrap it in."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes | bytearray | memoryview):
        return text_of_bytes(bytes(value))
    if isinstance(value, datetime) and type(value) is not datetime:
        # pandas' own is finer than microseconds, which are cut off.
        return datetime.combine(value.date(), value.timetz())
    return value


def _plain_of(value: Any) -> str | None:  # noqa: ANN401 - of any type
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else plain_number(value)
    if isinstance(value, Decimal):
        return plain_decimal(value)
    return plain_moment(value) if isinstance(value, date) else None


def _is_missing(value: Any) -> bool:  # noqa: ANN401 - of any type
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def worded(form: str, *parts: str | pl.Expr) -> pl.Expr:
    """Put values into words, as `polars.format` does.

    That one panics (polars 2.1) on a column whose first chunk is empty, as a filter leaves it.

    Parameters
    ----------
    form : str
        With ``{}`` for each part.
    parts : str or pl.Expr
        Names of columns, and expressions.

    Returns
    -------
    pl.Expr
        Of String; null where a part is.
    """
    first, *others = form.split("{}")
    told: list[pl.Expr] = [pl.lit(first)]
    for part, words in zip(parts, others, strict=True):
        told += [pl.col(part) if isinstance(part, str) else part, pl.lit(words)]
    return pl.concat_str(told)
