"""Numbers: one number has one float, whatever type, notation or door it came in.

Whole numbers and decimals of any length become the nearest float, each rounded once; -0.0 is 0.0;
what is not finite is no number. A text's notation is declared, and nothing is guessed; a number
that is no text needs no notation.
"""

import re
from collections.abc import Sequence

import polars as pl

from leadcast.features.base.letters import TRIMMED
from leadcast.features.values.columns import (
    MIXED,
    Parsed,
    clean_text,
    halves,
    plain,
    text_half,
    words_where,
)
from leadcast.features.values.formats import NumberFormat

_PLAIN_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
NOT_A_NUMBER = "is not a number"


def parse_numbers(series: pl.Series, written: NumberFormat, missing: Sequence[str] = ()) -> Parsed:
    """Read numbers: nothing is guessed, every other notation must be declared.

    Parameters
    ----------
    series : pl.Series
        Text, numbers already, or `leadcast.features.values.columns.MIXED`.
    written : NumberFormat
        How text writes its numbers.
    missing : sequence of str
        Values that mean missing.

    Returns
    -------
    Parsed
        Float64; finite.
    """
    dtype = series.dtype
    if dtype == MIXED:
        text, told = halves(series)
        assert text is not None
        assert told is not None
        own = _from_text(clean_text(text, missing), written)
        return own.or_else(_from_plain(told, missing))
    if isinstance(dtype, pl.Decimal):
        # Its own conversion rounds twice.
        told = series.to_frame().select(plain(pl.col(series.name), dtype)).to_series()
        return _from_plain(told, missing)
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        return _from_text(clean_text(series, missing), written)
    numbers = series.cast(pl.Float64)
    return _finite(numbers, numbers.fill_nan(None).is_not_null(), missing)


def _from_plain(told: pl.Series, missing: Sequence[str]) -> Parsed:
    words = told.replace({"true": "1", "false": "0"})
    numbers = words.cast(pl.Float64, strict=False)
    found = _finite(numbers, numbers.is_not_null(), missing)
    unread = words_where(told.is_not_null() & numbers.is_null(), NOT_A_NUMBER)
    return found.or_else(Parsed(found.values, unread))


def _finite(numbers: pl.Series, given: pl.Series, missing: Sequence[str]) -> Parsed:
    markers = [number for marker in missing if (number := _number(marker)) is not None]
    if markers:
        given &= ~numbers.is_in(markers).fill_null(value=False)
    kept = given & numbers.is_finite().fill_null(value=False)
    finite = pl.select(pl.when(kept).then(numbers)).to_series()
    return Parsed.checked(_unsigned(finite.alias(numbers.name)), given, "is not a finite number")


def _unsigned(numbers: pl.Series) -> pl.Series:
    """Take the sign from -0.0."""
    return numbers.set(numbers == 0, 0.0)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_ONE_OR_THOUSAND = r"^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}$"
_SURELY_A_POINT = r"[.]|[0-9]{4}"


def unclear(series: pl.Series, written: NumberFormat) -> tuple[pl.Series, bool]:
    """Find numbers whose point may be one between thousands, where nobody has declared it.

    Parameters
    ----------
    series : pl.Series
        As in `parse_numbers`.
    written : NumberFormat
        How the column's numbers are said to be written.

    Returns
    -------
    mask : pl.Series of bool
        Where such a number stands (``1.234``).
    is_clear : bool
        Whether another value of the column tells what the point is (``2.5``, ``1000``).
    """
    nothing = pl.Series([False]).new_from_index(0, len(series))
    text = text_half(series)
    if text is None or written.model_fields_set:
        return nothing, False
    found = text.str.strip_chars(TRIMMED).fill_null("")
    mask = found.str.contains(_ONE_OR_THOUSAND)
    return mask, bool((found.str.contains(_SURELY_A_POINT) & ~mask).any())


_BLANKS = "\u00a0\u2007\u2009\u202f"
"""Blanks that stand between thousands, as the plain one."""


def _as_typed(text: pl.Series, written: NumberFormat) -> pl.Series:
    """Write signs and marks as keyboards have them, and a minus where books and banks put it."""
    own, booked = pl.col("text").str, r"^\(.*[0-9].*\)$|[0-9]-$"
    wide, as_booked = (
        text.to_frame("text")
        .select(wide=(own.len_bytes() != own.len_chars()).any(), booked=own.contains(booked).any())
        .row(0)
    )
    if wide:
        text = text.str.replace_all(r"[−﹣－]", "-").str.replace_all(r"[’]", "'")
        if written.thousands == " ":
            text = text.str.replace_all(f"[{_BLANKS}]", " ")
        as_booked = text.str.contains(booked).any()
    # (123) is -123 in a balance, and 123- in some exports.
    if as_booked:
        text = text.str.replace(r"^\(([^-()]*[0-9][^-()]*)\)$", "-${1}")
        text = text.str.replace(r"^([^-]*[0-9])-$", "-${1}")
    return text


def _from_text(text: pl.Series, written: NumberFormat) -> Parsed:
    plain = _as_typed(text, written)
    for mark in written.strip:
        plain = plain.str.replace_all(mark, "", literal=True)
    if written.strip:
        plain = plain.str.strip_chars().str.replace(r"^([+-])\s+", "${1}")
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
    own, number = pl.col("text"), pl.col("number")
    readable = pl.when(own.str.contains(_PLAIN_NUMBER)).then(own)
    numbers = plain.to_frame("text").select(number=readable.cast(pl.Float64, strict=False))
    # The sign is taken from -0.0.
    finite = pl.when(number == 0).then(0.0).when(number.is_finite()).then(number)
    found = numbers.select(finite).to_series().alias(text.name)
    return Parsed.checked(found, text.is_not_null(), NOT_A_NUMBER)
