"""Rows at fault, in words."""

import polars as pl

from features.sources.origins import Rows


def as_text(values: pl.Series) -> pl.Series:
    """Write values as people do, times in ISO format.

    Parameters
    ----------
    values : pl.Series

    Returns
    -------
    pl.Series of String
    """
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if values.dtype.time_zone else ""))
    return values.cast(pl.String)


def described(rows: Rows, values: pl.Series | None) -> list[str]:
    """Say what stands where.

    Parameters
    ----------
    rows : Rows
    values : pl.Series of String or None
        What stands in each; None where only the place is told.

    Returns
    -------
    list of str
        One a row: ``'yesterday' (leads.csv line 4)``.
    """
    told = []
    for index, place in enumerate(rows.places().iter_rows(named=True)):
        number = f"line {place['line']}" if place["line"] is not None else f"row {place['row']}"
        where = f"{place['file']} {number}"
        value = None if values is None else values[index]
        told.append(where if value is None else f"{_short(value)!r} ({where})")
    return told


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:39]}…"


def constant(value: str | None, size: int) -> pl.Series:
    """Repeat a text.

    Parameters
    ----------
    value : str or None
    size : int

    Returns
    -------
    pl.Series of String
    """
    return pl.Series([value], dtype=pl.String).new_from_index(0, size)


def full_reasons(column: str, values: pl.Series | None, reasons: pl.Series) -> pl.Series:
    """Say why rows are set aside, for the quarantine file.

    Parameters
    ----------
    column : str
        Of the table; empty where all of a row is at fault.
    values : pl.Series of String or None
        What stands there.
    reasons : pl.Series of String
        What is wrong with it.

    Returns
    -------
    pl.Series of String
    """
    place = pl.lit(f"{column}: " if column else "")
    if values is None:
        return pl.DataFrame({"reason": reasons}).select(place + pl.col("reason")).to_series()
    frame = pl.DataFrame({"reason": reasons, "value": values.fill_null("")})
    return frame.select(pl.format("{}'{}' {}", place, "value", "reason")).to_series()
