"""Where a batch's scores go: a file, a CRM's file, a database's table, the history.

A file is written whole or not at all, and without formulas for spreadsheets.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import put_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.engine.partition import ROW, by_row
from leadcast.serve.batch.inputs import Place, refuse_address
from leadcast.serve.reasons import BETWEEN, ReasonsAsked
from leadcast.serve.score_history import append_scores, changes
from leadcast.serve.score_table import ScoreTable

if TYPE_CHECKING:
    from leadcast.serve.batch.crm import WriteBack

SUFFIXES = (".csv", ".parquet")
HELD_BYTES = 16_000_000
"""Scores whose files are no larger are put in order at once."""
ORDERED_ROWS = 50_000
"""Of more, so many are put in order at a time."""

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


def ordered(files: Sequence[Path], reasons: ReasonsAsked, beside: Path) -> pl.LazyFrame:
    """Bring the scores of all parts into the order of the leads, without `ROW`.

    Where the best leads' reasons are asked, each part has kept those of its own.
    """
    scores = in_order(files, beside / "ordered")
    if reasons.which == "top":
        scores = _only_top(scores, files, reasons.top)
    return scores.drop(ROW)


def _only_top(scores: pl.LazyFrame, files: Sequence[Path], top: int) -> pl.LazyFrame:
    best = pl.concat(
        pl.scan_ipc(file).filter(pl.col("reasons").is_not_null()).select("probability", ROW)
        for file in files
    )
    rows = best.sort("probability", ROW, descending=[True, False]).head(top).collect()[ROW]
    kept = pl.when(pl.col(ROW).is_in(rows.implode())).then("reasons")
    return scores.with_columns(kept.alias("reasons"))


def write_part(part: pl.DataFrame, path: Path) -> None:
    """Write a part for `in_order`.

    Parameters
    ----------
    part : pl.DataFrame
        With the column `ROW`.
    path : Path
    """
    # When parts are put in order, only batches that hold some of the rows are read.
    by_row(part).write_ipc(path, compression="lz4", record_batch_size=2_000)


def in_order(parts: Sequence[Path], folder: Path) -> pl.LazyFrame:
    """Bring parts into the order of their rows, in bounded memory.

    Parameters
    ----------
    parts : sequence of Path
        As `write_part` has written them.
    folder : Path
        For what lies between.

    Returns
    -------
    pl.LazyFrame
        All rows, sorted by `ROW`.
    """
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


@dataclass(frozen=True)
class Outputs:
    """Where scores go; at least one place.

    Parameters
    ----------
    file : Path or None
        A CSV or Parquet file; with `crm`, the file that this CRM takes.
    crm : str
        A key of `leadcast.serve.batch.crm.SHAPES`; empty for scores as they are.
    table : str
        A database's table (``scores`` or ``schema.scores``); empty for none.
    database_env : str
        The environment variable that holds the database's URL.
    history : Path or None
        The folder of the score history.
    force : bool
        Whether the file may take the place of one that Leadcast did not write.
    """

    file: Path | None = None
    crm: str = ""
    table: str = ""
    database_env: str = ""
    history: Path | None = None
    force: bool = False

    @classmethod
    def of(cls, out: "Path | Outputs") -> "Outputs":
        """Take a path for a file alone."""
        return cls(file=out) if isinstance(out, Path) else out

    @property
    def place(self) -> Path:
        """What the batch's working folder stands beside."""
        return self.file or self.history or Path(f"{self.table}.scores")

    def refuse_inputs(self, bundle: Path | None, *places: Place | None) -> None:
        """Refuse outputs that would take the place of what is read.

        Parameters
        ----------
        bundle : Path or None
            The bundle's folder, where it is read from one.
        *places : Place or None
            Where leads and events are read from.

        Raises
        ------
        LeadcastError
            If an output is one of these files, by whatever name, or lies in the bundle.
        """
        files = [file for place in places if place is not None for file in place.files]
        refuse_inputs([self.file, self.history], [bundle, *files])

    def refuse_unusable(self) -> None:
        """Refuse outputs that cannot be written, before any work.

        Raises
        ------
        LeadcastError
            If there is no place, an object store's address, a file of another kind or of another
            writer, an unknown CRM, or no such database.
        """
        if self.file is None and not self.table and self.history is None:
            raise LeadcastError("name where the scores go: a file, a table or a history")
        for place in (self.file, self.history):
            if place is not None:
                refuse_address(place)
        if self.crm:
            _shape_of(self.crm).refuse_other_suffix(self.file)
        elif self.file is not None:
            refuse_other_suffixes(self.file)
        if self.file is not None and self.file.is_dir():
            raise LeadcastError(f"{self.file}: is a folder; name a file for the scores")
        if self.file is not None:
            refuse_foreign_file(self.file, force=self.force, quick=True)
        if self.history is not None and self.history.is_file():
            raise LeadcastError(f"{self.history}: is a file; name a folder for the history")
        if self.table:
            ScoreTable(self.table, self.database_env).refuse_unusable()

    def refuse_columns(self, extra: Sequence[str]) -> None:
        """Refuse outputs that have no room for columns of optional parts, before any work.

        Parameters
        ----------
        extra : sequence of str
            The columns that are asked for.

        Raises
        ------
        LeadcastError
            If a CRM's file takes no more columns, or a table has them not.
        """
        if extra and self.crm:
            _shape_of(self.crm).refuse_columns()
        if extra and self.table:
            ScoreTable(self.table, self.database_env).refuse_columns(extra)


def deliver(scores: pl.LazyFrame, outputs: Outputs, beside: Path) -> int:
    """Write scores to all their places.

    Each is written whole or not at all, the database first: it is the likeliest to fail. A batch
    that is killed between two of them delivers all again when it is resumed, with the same result.

    Parameters
    ----------
    scores : pl.LazyFrame
        In order.
    outputs : Outputs
    beside : Path
        As in `leadcast.serve.batch.deliver.write_file`.

    Returns
    -------
    int
        How many leads have a score of a later moment in the table, which stays.
    """
    n_later = 0
    if outputs.crm and outputs.file is not None and (outputs.table or outputs.history):
        # What the CRM would refuse is told before anything is delivered.
        _shape_of(outputs.crm).write(scores, beside / f"tried{outputs.file.suffix}", beside)
    if outputs.table:
        n_later = ScoreTable(outputs.table, outputs.database_env).upsert(scores)
    if outputs.history is not None:
        append_scores(scores, outputs.history)
    if outputs.file is not None:
        if outputs.crm:
            changes = _changes(scores, outputs.history) if outputs.crm == "dynamics" else {}
            _shape_of(outputs.crm).write(scores, outputs.file, beside, changes, force=outputs.force)
        else:
            write_file(scores, outputs.file, beside, force=outputs.force)
    return n_later


def _shape_of(crm: str) -> "WriteBack":
    # Imported where it is used: its models take longer to make than ten leads to score.
    from leadcast.serve.batch.crm import shape_of

    return shape_of(crm)


def _changes(scores: pl.LazyFrame, history: Path | None) -> dict[str, float]:
    versions = scores.select(pl.first("model_version")).collect()["model_version"]
    if history is None or versions.is_empty() or versions[0] is None:
        return {}
    return dict(changes(history, versions[0]).collect().iter_rows())
