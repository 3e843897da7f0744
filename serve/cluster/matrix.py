"""The feature matrix, by partitions of leads on a Dask cluster."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from leadcast.features.base.files import read_json, written_whole
from leadcast.features.engine.engine import compute
from leadcast.features.engine.plan import FeaturePlan
from leadcast.serve.batch.output import ROW, merged
from leadcast.serve.cluster.connection import Progress, no_progress, run_all
from leadcast.serve.cluster.shuffle import ROWS_AT_ONCE, Shuffled, shuffle

if TYPE_CHECKING:
    from distributed import Client

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
    parts = [work.resolve() / f"matrix/part-{number:06}.parquet" for number in range(n_parts)]
    plan_file = plan_file.resolve()
    each = [(plan_file, *shuffled, number, part) for number, part in enumerate(parts)]
    run_all(client, features_of_part, each, progress)
    with written_whole(out) as temporary:
        merged([pl.scan_parquet(part) for part in parts]).drop(ROW).sink_parquet(temporary)


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
        matrix.with_columns(rows[ROW]).write_parquet(temporary, compression="lz4")


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
