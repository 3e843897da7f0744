"""Reading a column's values strictly: text, numbers and flags."""

import re
from dataclasses import dataclass
from typing import Self

import polars as pl

from leadcast.features.values.formats import NumberFormat

_PLAIN_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_YES = ("true", "t", "yes", "y", "1")
_NO = ("false", "f", "no", "n", "0")
FLAG_WORDS = frozenset(_YES + _NO)


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


def words_where(mask: pl.Series, words: str) -> pl.Series:
    """Put words where a mask holds, and null elsewhere."""
    return pl.select(pl.when(mask).then(pl.lit(words))).to_series()


def clean_text(series: pl.Series, missing: tuple[str, ...] = ()) -> pl.Series:
    """Read values as text: trimmed; null where blank or a marker of missing values.

    Parameters
    ----------
    series : pl.Series
        Of any scalar dtype; whole floats lose their ``.0``, so that 3.0 is ``"3"``.
    missing : tuple of str
        Further values that mean missing. One that is a number also means its other spellings
        where the column holds numbers (``999`` and 999.0).

    Returns
    -------
    pl.Series of String
    """
    text = _as_text(series).str.strip_chars()
    return _without(text, frozenset(missing) | {""})


def _as_text(series: pl.Series) -> pl.Series:
    if series.dtype.is_float():
        whole = series.is_finite() & (series == series.round()) & (series.abs() < 1e15)
        as_whole = series.cast(pl.Int64, strict=False).cast(pl.String)
        text = series.fill_nan(None).cast(pl.String)
        return as_whole.zip_with(whole.fill_null(False), text)
    if series.dtype == pl.Binary:
        # Some Parquet writers mark texts as bytes; these need not be UTF-8.
        texts = [None if value is None else value.decode("utf-8", "replace") for value in series]
        return pl.Series(series.name, texts, dtype=pl.String)
    return series.cast(pl.String)


def _without(text: pl.Series, missing: frozenset[str]) -> pl.Series:
    given = ~text.is_in(list(missing))
    return pl.select(pl.when(given).then(text)).to_series().alias(text.name)


def parse_numbers(
    series: pl.Series, written: NumberFormat, missing: tuple[str, ...] = ()
) -> Parsed:
    """Read numbers: nothing is guessed, every other notation must be declared.

    Parameters
    ----------
    series : pl.Series
        Text, or numbers already.
    written : NumberFormat
        How text writes its numbers.
    missing : tuple of str
        Values that mean missing.

    Returns
    -------
    Parsed
        Float64; finite.
    """
    dtype = series.dtype
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        text = clean_text(series, missing)
        return _from_text(text, written)
    numbers = series.cast(pl.Float64)
    markers = [number for marker in missing if (number := _number(marker)) is not None]
    numbers = numbers.fill_nan(None)
    kept = ~numbers.is_in(markers) if markers else numbers.is_not_null()
    numbers = pl.select(pl.when(kept).then(numbers)).to_series().alias(series.name)
    given = numbers.is_not_null()
    finite = pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    return Parsed.checked(finite.alias(series.name), given, "is not a finite number")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_text(text: pl.Series, written: NumberFormat) -> Parsed:
    plain = text
    for mark in written.strip:
        plain = plain.str.replace_all(mark, "", literal=True)
    plain = plain.str.strip_chars() if written.strip else plain
    if written.thousands:
        group = re.escape(written.thousands)
        decimal = re.escape(written.decimal)
        grouped = plain.str.contains(
            rf"^[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})+(?:{decimal}[0-9]*)?$"
        )
        ungrouped = plain.str.replace_all(written.thousands, "", literal=True)
        plain = ungrouped.zip_with(grouped.fill_null(False), plain)
        # What has the mark without being in groups of three stays as it is, and is refused.
        broken = plain.str.contains(written.thousands, literal=True).fill_null(False)
        plain = pl.select(pl.when(broken).then(pl.lit("?")).otherwise(plain)).to_series()
    if written.decimal != ".":
        # A point is no decimal mark here: "1.5" must not be read as if it were.
        plain = plain.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
    readable = plain.str.contains(_PLAIN_NUMBER)
    numbers = pl.select(pl.when(readable).then(plain)).to_series().cast(pl.Float64, strict=False)
    finite = pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    return Parsed.checked(finite.alias(text.name), text.is_not_null(), "is not a number")


def parse_flags(series: pl.Series, missing: tuple[str, ...] = ()) -> Parsed:
    """Read yes or no, in any of the usual words.

    Parameters
    ----------
    series : pl.Series
        Booleans, numbers or text: true, t, yes, y, 1 and their opposites, in any case.
    missing : tuple of str
        Values that mean missing.

    Returns
    -------
    Parsed
        Boolean.
    """
    text = clean_text(series, missing)
    word = text.str.to_lowercase()
    yes, no = word.is_in(list(_YES)), word.is_in(list(_NO))
    values = pl.select(pl.when(yes).then(pl.lit(True)).when(no).then(pl.lit(False))).to_series()
    return Parsed.checked(values.alias(series.name), text.is_not_null(), "is neither yes nor no")
