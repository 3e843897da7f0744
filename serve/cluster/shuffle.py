"""Tables to partitions of leads, by a hash of the lead, through files that all workers see.

Each worker takes a piece of a table (a million rows of a Parquet file) and writes it as one file
whose row group k holds the rows of partition k. Whoever needs partition k reads that row group of
every file. Nothing is ever held in memory but a piece, or a partition; a task that is run twice
writes the same file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.serve.batch.output import ROW
from leadcast.serve.batch.sealed import seal
from leadcast.serve.cluster.connection import run_all

if TYPE_CHECKING:
    from distributed import Client

ROWS_AT_ONCE = 1_000_000
"""Rows of a piece; below 2**20, the most that Parquet's writers put into one row group."""
_SEED = 20_251_125
_PART = "part_of_lead"


@dataclass(frozen=True)
class Piece:
    """Some rows of a table."""

    file: Path
    """A Parquet file, by an absolute path."""
    first: int
    count: int
    """Its rows ``first`` to ``first + count - 1``."""
    row: int
    """The number of the first of them in the whole table."""


@dataclass(frozen=True)
class Shuffled:
    """A table, shuffled."""

    files: tuple[Path, ...]
    """In the table's order; row group k of each is what it has of partition k."""

    def part(self, number: int) -> pl.DataFrame:
        """Read a partition."""
        import pyarrow.parquet as pq

        frames: list[pl.DataFrame] = []
        for path in self.files:
            with pq.ParquetFile(path) as file:
                frames.append(pl.DataFrame(file.read_row_group(number)))
        return pl.concat(frames)


def files_of(path: Path) -> list[Path]:
    """List the Parquet files of a table.

    Parameters
    ----------
    path : Path
        A file, or a folder of them.

    Returns
    -------
    list of Path
        Absolute, in the order of their names.

    Raises
    ------
    LeadcastError
        If there are none.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise LeadcastError(f"{path}: there is no such file, or no Parquet files in the folder")
    return [file.resolve() for file in files]


def pieces_of(files: Sequence[Path], rows_at_once: int = ROWS_AT_ONCE) -> list[Piece]:
    """Cut a table into pieces, without reading it."""
    pieces, row = [], 0
    for file in files:
        height = int(pl.scan_parquet(file).select(pl.len()).collect().item())
        for first in range(0, max(height, 1), rows_at_once):
            count = min(rows_at_once, height - first)
            pieces.append(Piece(file, first, count, row))
            row += count
    return pieces


def shuffle(
    client: "Client",
    files: Sequence[Path],
    folder: Path,
    n_parts: int,
    rows_at_once: int = ROWS_AT_ONCE,
    key: str = "",
) -> Shuffled:
    """Bring all rows of a lead into one partition."""
    pieces = pieces_of(files, rows_at_once)
    outs = [folder.resolve() / f"piece-{number:06}.parquet" for number in range(len(pieces))]
    run_all(client, split_piece, [(*each, n_parts, key) for each in zip(pieces, outs, strict=True)])
    return Shuffled(tuple(outs))


def split_piece(piece: Piece, out: Path, n_parts: int, key: str = "") -> None:
    """Write a piece with a row group for each partition."""
    import pyarrow.parquet as pq

    if out.exists():
        return
    number = (pl.col("lead_id").cast(pl.String).hash(_SEED) % n_parts).alias(_PART)
    rows = (
        pl.scan_parquet(piece.file)
        .slice(piece.first, piece.count)
        .collect()
        .with_row_index(ROW, offset=piece.row)
        .with_columns(number)
        .sort(_PART, maintain_order=True)
    )
    ends = np.searchsorted(rows[_PART].to_numpy(), np.arange(n_parts), side="right").tolist()
    table = rows.drop(_PART).to_arrow(compat_level=pl.CompatLevel.oldest())
    with written_whole(out) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="lz4") as writer:
            for first, end in zip([0, *ends], ends, strict=False):
                writer.write_table(table.slice(first, end - first))
        if key:
            seal(out, key, written=temporary)
