"""Snapshots to a feature matrix; of kinds and categories it learns nothing from the test."""

from datetime import datetime

import polars as pl

from features.engine import compute
from features.files import write_json
from features.fitting import fit_plan
from features.tables import Tables
from pipelines.dataset import LEARNING, used_snapshots, write_matrix
from pipelines.params import load_params
from pipelines.paths import RunFolder
from pipelines.settings import snapshot_settings
from pipelines.stage import run_stage


def compute_features(source: str) -> str:
    """Fit the feature plan on the learning parts and compute every part's features with it.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        The matrix's size.
    """
    run, params = RunFolder(source), load_params()
    tables, snapshots = Tables.read(run.tables), used_snapshots(run)
    learning = snapshots.filter(pl.col("part").is_in(LEARNING))
    # What is known when the test begins is all that the exported scorer may know.
    known_until: datetime | None = snapshots.filter(part="test").select(pl.min("as_of")).item()
    settings = snapshot_settings(source, params)
    plan = fit_plan(tables, learning, params.features, known_until, settings)
    values = compute(plan, tables.leads, tables.events, snapshots)
    write_json(run.plan, plan.to_json())
    write_matrix(run, plan, values)
    return f"{len(values):,} snapshots by {len(plan.features)} features"


if __name__ == "__main__":
    run_stage("features", compute_features)
