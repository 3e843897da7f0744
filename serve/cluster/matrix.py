"""The feature matrix by partitions of leads on a Dask cluster, and how tables are partitioned.

Tables go to partitions by a hash of the lead, through files that all workers see. Each worker takes
a piece of a table (a million rows of a Parquet file) and writes it as one file whose row group k
holds the rows of partition k. Whoever needs partition k reads that row group of every file. Nothing
is ever held in memory but a piece, or a partition; a task that is run twice writes the same file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, why_no_file, written_whole
from leadcast.features.engine.engine import compute
from leadcast.features.engine.partition import PART, ROW, part_of
from leadcast.features.engine.plan import FeaturePlan
from leadcast.serve.batch.batch import no_progress
from leadcast.serve.batch.deliver import in_order, write_part
from leadcast.serve.batch.parts import Progress
from leadcast.serve.batch.work import seal
from leadcast.serve.cluster.connection import run_all

if TYPE_CHECKING:
    from distributed import Client


ROWS_AT_ONCE = 1_000_000
"""Rows of a piece; below 2**20, the most that Parquet's writers put into one row group."""


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
    if not files:
        raise LeadcastError(f"{path}: no Parquet files in the folder")
    for file in files:
        if not file.is_file():
            raise LeadcastError(f"{file}: {why_no_file(file)}; expected a Parquet file")
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
    rows = pl.scan_parquet(piece.file).slice(piece.first, piece.count).collect()
    # Leads that were read in pieces keep the places that they have.
    if ROW not in rows.columns:
        rows = rows.with_row_index(ROW, offset=piece.row)
    rows = rows.with_columns(part_of(n_parts, rows.schema["lead_id"]))
    rows = rows.sort(PART, maintain_order=True)
    ends = np.searchsorted(rows[PART].to_numpy(), np.arange(n_parts), side="right").tolist()
    table = rows.drop(PART).to_arrow(compat_level=pl.CompatLevel.oldest())
    with written_whole(out) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="lz4") as writer:
            for first, end in zip([0, *ends], ends, strict=False):
                writer.write_table(table.slice(first, end - first))
        if key:
            seal(out, key, written=temporary)


LEADS_PER_PART = 50_000
"""About so many leads with their events are in a worker's memory at once."""


def matrix_on_cluster(
    client: "Client",
    plan_file: Path,
    tables: Sequence[Sequence[Path]],
    out: Path,
    work: Path,
    *,
    n_parts: int,
    rows_at_once: int = ROWS_AT_ONCE,
    progress: Progress = no_progress,
) -> None:
    """Compute the features of many snapshots and write them in their order.

    Parameters
    ----------
    client : distributed.Client
    plan_file : Path
        The feature plan, as JSON.
    tables : sequence of three sequences of Path
        The Parquet files of the leads, of their events (a table without rows where there are
        none) and of the snapshots (``lead_id``, ``as_of``).
    out : Path
        The matrix: Parquet, a float32 column a feature, equal to what
        `leadcast.features.engine.engine.compute` gives for the whole tables.
    work : Path
        A folder for what lies between, which all workers see; the caller removes it.
    n_parts : int
        How many partitions of leads.
    rows_at_once : int
        How many rows of a table a worker reads at once.
    progress : callable
        Is told how many partitions are done.
    """
    names = ("leads", "events", "snapshots")
    shuffled = [
        shuffle(client, files, work / name, n_parts, rows_at_once)
        for name, files in zip(names, tables, strict=True)
    ]
    parts = [work.resolve() / f"matrix/part-{number:06}.arrow" for number in range(n_parts)]
    plan_file = plan_file.resolve()
    each = [(plan_file, *shuffled, number, part) for number, part in enumerate(parts)]
    run_all(client, features_of_part, each, progress)
    with written_whole(out) as temporary:
        in_order(parts, work / "ordered").drop(ROW).sink_parquet(temporary)


def features_of_part(
    plan_file: Path,
    leads: Shuffled,
    events: Shuffled,
    snapshots: Shuffled,
    number: int,
    out: Path,
) -> None:
    """Compute the features of one partition's snapshots."""
    if out.exists():
        return
    plan, rows = plan_of(plan_file), snapshots.part(number)
    with_events = events.part(number).drop(ROW).lazy()
    values = compute(plan, leads.part(number).drop(ROW), with_events, rows)
    names = [feature.name for feature in plan.features]
    with written_whole(out) as temporary:
        matrix = pl.from_numpy(values, schema=names)
        write_part(matrix.with_columns(rows[ROW]), temporary)


@lru_cache(maxsize=2)
def plan_of(plan_file: Path) -> FeaturePlan:
    """Read a plan; the last is remembered, so that a worker reads it once."""
    return FeaturePlan.from_json(read_json(plan_file))


def parts_for(n_leads: int, client: "Client") -> int:
    """Choose how many partitions there are.

    Parameters
    ----------
    n_leads : int
    client : distributed.Client

    Returns
    -------
    int
        So many that a partition fits into a worker's memory, and each worker has work.
    """
    n_workers = len(client.scheduler_info()["workers"])
    return max(-(-n_leads // LEADS_PER_PART), min(2 * n_workers, n_leads), 1)
