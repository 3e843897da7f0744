"""Scores to a file: whole or not at all, and without formulas for spreadsheets."""

import shutil
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import put_out

SUFFIXES = (".csv", ".parquet")
HELD_BYTES = 16_000_000
"""Scores whose files are no larger are put in order at once."""
ORDERED_ROWS = 50_000
"""Of more, so many are put in order at a time."""
ROW = "row_in_leads"
"""The column that keeps each row's place while parts are scored in another order."""

BETWEEN = " | "
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.fZ"
"""UTC, in ISO 8601."""

# Blanks and what nobody sees, which a spreadsheet may leave out before it looks.
_UNSEEN = r"[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*"
# Wide, small, raised and lowered forms, which some spreadsheets read as the plain ones.
_KIN = (
    r"\u207A-\u207C\u208A-\u208C\u2212\u2A74-\u2A76\uFE62\uFE63\uFE66\uFE6A\uFE6B\uFB29"
    r"\uFF05\uFF0B\uFF0D\uFF1D\uFF20\uFF5C"
)
FORMULA = rf"^{_UNSEEN}[=+\-@\t\r\n|%{_KIN}]"
"""What a spreadsheet would take for a formula, unless it is a `PLAIN_NUMBER`.

In Rust's syntax and, with its flag ``u``, in JavaScript's: the page is given this very text.
"""
PLAIN_NUMBER = r"^[+\-]?[0-9]+([.,][0-9]+)?$"


def refuse_other_suffixes(out: Path) -> None:
    """Refuse an output that is neither CSV nor Parquet, before any work."""
    if out.suffix.lower() not in SUFFIXES:
        raise LeadcastError(f"{out}: name the output .csv or .parquet")


def write_file(scores: pl.LazyFrame, out: Path, beside: Path, *, force: bool = False) -> None:
    """Write scores to a file, whole or not at all."""
    temporary = beside / f"whole{out.suffix}"
    if out.suffix.lower() == ".csv":
        safe = in_words(scores).with_columns(without_formulas(pl.col(pl.String)))
        safe.sink_csv(temporary, datetime_format=TIME_FORMAT)
    else:
        scores.sink_parquet(temporary)
    put_out(temporary, out, force=force)


def in_words(scores: pl.LazyFrame) -> pl.LazyFrame:
    """Put the reasons, where there are any, into words."""
    if "reasons" not in scores.collect_schema():
        return scores
    sides = [
        pl.col("reasons")
        .struct.field(side)
        .list.eval(pl.element().struct.field("words"))
        .list.join(BETWEEN)
        .alias(f"reasons_{side}")
        for side in ("up", "down")
    ]
    return scores.with_columns(sides).drop("reasons")


def without_formulas(texts: pl.Expr) -> pl.Expr:
    """Make texts safe to be opened in a spreadsheet.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP
    recommends ("CSV Injection"); plain numbers stay as they are.
    """
    is_formula = texts.str.contains(FORMULA) & ~texts.str.contains(PLAIN_NUMBER)
    return pl.when(is_formula).then(pl.lit("'") + texts).otherwise(texts).name.keep()


def by_row(table: pl.DataFrame) -> pl.DataFrame:
    """Sort a table by `ROW`, which costs little where it is sorted already, as parts mostly are."""
    return table if table[ROW].is_sorted() else table.sort(ROW)


def in_order(parts: Sequence[Path], folder: Path) -> pl.LazyFrame:
    """Bring scored parts into the order of the leads, in bounded memory."""
    table = pl.scan_ipc(list(parts))
    if len(parts) == 1:
        return table
    if sum(part.stat().st_size for part in parts) <= HELD_BYTES:
        return table.collect().sort(ROW).lazy()
    places = [pl.scan_ipc(part).select(ROW).collect()[ROW].to_numpy() for part in parts]
    rows = np.sort(np.concatenate(places))
    if not len(rows):
        return table
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = []
    for first in range(0, len(rows), ORDERED_ROWS):
        bounds = rows[[first, min(first + ORDERED_ROWS, len(rows)) - 1]]
        some = []
        for part, own in zip(parts, places, strict=True):
            start = np.searchsorted(own, bounds[0])
            stop = np.searchsorted(own, bounds[1], side="right")
            some.append(pl.scan_ipc(part).slice(start, stop - start))
        files.append(folder / f"{first:012}.arrow")
        pl.concat(some).collect().sort(ROW).write_ipc(files[-1], compression="lz4")
    return pl.scan_ipc(files)


def merged(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    """Bring parts into one order, streaming.

    Parameters
    ----------
    frames : list of pl.LazyFrame
        At least one, each sorted by its column `ROW`.

    Returns
    -------
    pl.LazyFrame
        All rows, sorted by `ROW`.
    """
    # In pairs, so that a row passes through few merges; nothing is held but what flows.
    while len(frames) > 1:
        pairs = [frames[i : i + 2] for i in range(0, len(frames), 2)]
        frames = [reduce(lambda a, b: a.merge_sorted(b, key=ROW), pair) for pair in pairs]
    return frames[0]
