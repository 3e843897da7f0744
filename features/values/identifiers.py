"""Identifiers: by which text a lead is known, so that its rows meet whatever doors they came in.

An identifier is text, trimmed and otherwise as it is: ``007`` is not ``7``. A whole number of any
type is its digits, however many they are; it never ends in ``.0``. These identify nobody, and are
told and never used: a fraction, a float from 2^53 on (which may be a neighbour's number), what a
spreadsheet has shortened or broken, a text that hides an invisible letter, a total's row.

Salesforce writes one id with 15 letters, or with three more that tell the case of these.
"""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from leadcast.features.base.letters import INVISIBLE, INVISIBLE_WITHIN, TRIMMED
from leadcast.features.values.columns import INEXACT, MIXED, Parsed, held_as, parse_texts

IdForm = Literal["salesforce"]
"""Whose identifiers may be written in two ways."""
_LONG = r"^[0-9A-Za-z]{15}[A-Z0-5]{3}$"
_CASES = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
NO_IDS = {**INEXACT, r"^-?[0-9]+\.[0-9]+$": "is a fraction, and no identifier"}
"""Plain texts that identify nobody, and why."""
NO_ID_TEXTS = {
    r"^[0-9](?:[.,][0-9]+)?E[+]?[0-9]{1,2}$": "is a number that a spreadsheet has shortened",
    r"^#(?:N/A|REF!|VALUE!|NAME\?|NULL!|NUM!|DIV/0!|#+)$": "is a spreadsheet's error",
    INVISIBLE_WITHIN: "has an invisible letter within",
    r"^(?i:(?:grand |sub|report )?total:?|sum:|(?:gesamt)?summe:?|gesamt:?|total g[eé]n[eé]ral:?)$"
    r"|^\([0-9,.]+ (?i:rows?|records?)(?i: affected)?\)$"
    r"|^(?i:[0-9,.]+ (?:rows?|records?)(?: affected)?\.?)$"
    r"|^(?i:generated (?:on|at|by) |exported (?:on|at|by) |copyright |confidential )": (
        "is a total's or a footer's, and no identifier"
    ),
}
"""Texts that identify nobody, and why."""


def parse_ids(
    series: pl.Series,
    missing: Sequence[str] = (),
    header: str = "",
    form: IdForm | None = None,
) -> Parsed:
    """Read identifiers.

    Parameters
    ----------
    series : pl.Series
        Of any scalar dtype, or `leadcast.features.values.columns.MIXED`.
    missing : sequence of str
        Values that mean missing.
    header : str
        The column's name in the export, which is no identifier where files were put together.
    form : {"salesforce"} or None
        Whose they are; see `first_fifteen`.

    Returns
    -------
    Parsed
        String.
    """
    name = header.strip(TRIMMED)
    again = {f"^{re.escape(name)}$": "is the column's name once more"} if name else {}
    parsed = parse_texts(series, missing, NO_IDS, {**NO_ID_TEXTS, **again})
    return parsed if form is None else Parsed(first_fifteen(parsed.values), parsed.problem)


_NO_ID_TEXTS = [
    (re.compile(pattern), words)
    for pattern, words in NO_ID_TEXTS.items()
    if pattern != INVISIBLE_WITHIN
]
_INVISIBLE = frozenset(INVISIBLE)


def parse_id(text: str) -> tuple[str | None, str | None]:
    """Read one identifier that is a text, as `parse_ids` does, without a table.

    Parameters
    ----------
    text : str

    Returns
    -------
    lead_id : str or None
        Trimmed.
    problem : str or None
        Why it is none.
    """
    trimmed = text.strip(TRIMMED)
    if not trimmed:
        return None, "is blank"
    if not _INVISIBLE.isdisjoint(trimmed):
        return None, NO_ID_TEXTS[INVISIBLE_WITHIN]
    for pattern, words in _NO_ID_TEXTS:
        if pattern.search(trimmed):
            return None, words
    return trimmed, None


def ids_in_cells(cells: pl.Series, separator: str, missing: Sequence[str] = ()) -> pl.Series:
    """Read cells that hold several identifiers.

    Parameters
    ----------
    cells : pl.Series of String
        Texts.
    separator : str
        What stands between two identifiers.
    missing : sequence of str
        Values that mean missing; blank ones always do.

    Returns
    -------
    pl.Series of List(String)
        The different ones of each cell, trimmed; null where there is none.
    """
    part = pl.element().str.strip_chars(TRIMMED)
    parts = cells.str.split(separator).list.eval(part.filter(~part.is_in(["", *missing])))
    parts = parts.list.unique(maintain_order=True)
    # Versions of polars differ in what becomes of an empty list.
    return pl.select(pl.when(parts.list.len() > 0).then(parts)).to_series()


def first_fifteen(ids: pl.Series) -> pl.Series:
    """Write each of Salesforce's identifiers of 18 letters with 15.

    Parameters
    ----------
    ids : pl.Series of String
        Identifiers; those whose last three letters do not fit the others are of something else.

    Returns
    -------
    pl.Series of String
    """
    long = ids.str.contains(_LONG).fill_null(value=False)
    if not long.any():
        return ids
    letters = np.frombuffer("".join(ids.filter(long)).encode(), dtype=np.uint8).reshape(-1, 18)
    is_upper = (letters[:, :15] >= ord("A")) & (letters[:, :15] <= ord("Z"))
    told = _CASES[np.packbits(is_upper.reshape(-1, 3, 5), axis=2, bitorder="little")[:, :, 0]]
    fits = np.array(long)
    fits[fits] = (told == letters[:, 15:]).all(axis=1)
    return ids.str.head(15).zip_with(pl.Series(fits), ids)


def joined_by(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Give the text by which identifiers meet, where a table is split by lead unread."""
    if dtype == pl.String:
        return column.str.strip_chars(TRIMMED)
    mixed = held_as(column, dtype, MIXED)
    text, told = (mixed.struct.field(field.name) for field in MIXED.fields)
    return pl.coalesce(text.str.strip_chars(TRIMMED), told)
