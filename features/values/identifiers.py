"""Identifiers: by which text a lead is known, so that its rows meet whatever doors they came in.

An identifier is text, trimmed and otherwise as it is: ``007`` is not ``7``. A whole number of any
type is its digits, however many they are; it never ends in ``.0``. A fraction, and a float from
2^53 on (which may be a neighbour's number), identify nobody: they are told, and never used.
"""

from collections.abc import Sequence

import polars as pl

from leadcast.features.values.columns import INEXACT, MIXED, Parsed, held_as, parse_texts

NO_IDS = {**INEXACT, r"^-?[0-9]+\.[0-9]+$": "is a fraction, and no identifier"}
"""Plain texts that identify nobody, and why."""


def parse_ids(series: pl.Series, missing: Sequence[str] = ()) -> Parsed:
    """Read identifiers.

    Parameters
    ----------
    series : pl.Series
        Of any scalar dtype, or `leadcast.features.values.columns.MIXED`.
    missing : sequence of str
        Values that mean missing.

    Returns
    -------
    Parsed
        String.
    """
    return parse_texts(series, missing, NO_IDS)


def joined_by(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Give the text by which identifiers meet, where a table is split by lead unread."""
    if dtype == pl.String:
        return column.str.strip_chars()
    mixed = held_as(column, dtype, MIXED)
    text, told = (mixed.struct.field(field.name) for field in MIXED.fields)
    return pl.coalesce(text.str.strip_chars(), told)
