"""Snapshots to a feature matrix; of kinds and categories it learns nothing from the test."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from leadcast.features.base.files import working_folder, write_json
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.tables import Tables
from leadcast.pipelines.base.dataset import LEARNING, used_snapshots, write_matrix
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import Tell, progress_bar, run_stage

if TYPE_CHECKING:
    from distributed import Client


def compute_features(source: str) -> str:
    """Fit the feature plan on the learning parts and compute every part's features with it."""
    run = RunFolder(source)
    tables, snapshots = Tables.read(run.tables), used_snapshots(run)
    plan = _fit(source, tables, snapshots)
    values = compute(plan, tables.leads, tables.events, snapshots)
    write_json(run.plan, plan.to_json())
    write_matrix(run, plan, values)
    return f"{len(values):,} snapshots by {len(plan.features)} features"


def compute_on_cluster(source: str, scheduler: str | None) -> str:
    """Do as `compute_features` does, with the same result, by partitions of leads.

    The plan is fitted here; it reads the events as a stream.
    """
    from leadcast.serve.cluster.connection import connected

    run = RunFolder(source)
    with (
        connected(scheduler) as client,
        progress_bar("features", "partitions") as tell,
        working_folder(run.path, "features") as work,
    ):
        tables, snapshots = Tables.read(run.tables), used_snapshots(run)
        plan = _fit(source, tables, snapshots)
        n_parts = compute_matrix_on(client, run, plan, snapshots, run.matrix, work, tell)
        write_json(run.plan, plan.to_json())
    size = f"{snapshots.height:,} snapshots by {len(plan.features)} features"
    return f"{size}, in {n_parts} partitions"


def compute_matrix_on(
    client: "Client",
    run: RunFolder,
    plan: FeaturePlan,
    snapshots: pl.DataFrame,
    out: Path,
    work: Path,
    tell: Tell,
) -> int:
    """Compute the features of snapshots on a cluster.

    Parameters
    ----------
    client : distributed.Client
    run : RunFolder
        Whose tables are read.
    plan : FeaturePlan
    snapshots : pl.DataFrame
        With ``lead_id`` and ``as_of``.
    out : Path
        The matrix, as `leadcast.pipelines.base.dataset.write_matrix` writes it.
    work : Path
        A folder for what lies between, which all workers see.
    tell : callable
        Is told how many partitions are done.

    Returns
    -------
    int
        How many partitions there were.
    """
    from leadcast.serve.cluster.matrix import files_of, matrix_on_cluster, parts_for

    rows, plan_file = work / "snapshots.parquet", work / "plan.json"
    write_json(plan_file, plan.to_json())
    snapshots.select("lead_id", "as_of").write_parquet(rows)
    leads = run.tables / "leads.parquet"
    n_leads = int(pl.scan_parquet(leads).select(pl.len()).collect().item())
    files = [files_of(path) for path in (leads, run.tables / "events", rows)]
    n_parts = parts_for(n_leads, client)
    matrix_on_cluster(client, plan_file, files, out, work, n_parts=n_parts, progress=tell)
    return n_parts


def _fit(source: str, tables: Tables, snapshots: pl.DataFrame) -> FeaturePlan:
    params = load_params()
    learning = snapshots.filter(pl.col("part").is_in(LEARNING))
    # What is known when the test begins is all that the exported scorer may know.
    known_until: datetime | None = snapshots.filter(part="test").select(pl.min("as_of")).item()
    settings = snapshot_settings(source, params)
    return fit_plan(tables, learning, params.features, known_until, settings)


if __name__ == "__main__":
    run_stage("features", compute_features, compute_on_cluster)
