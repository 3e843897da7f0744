"""Snapshots whose outcome is not yet known when the test begins, as training may use them."""

import polars as pl

from features.settling import last_look, settlement
from features.snapshots import SnapshotSettings
from features.tables import Tables
from models.data import LabelledMatrix
from models.fresh import Pool
from models.splits import FRESH
from pipelines.dataset import LEARNING, read_parts, used_snapshots
from pipelines.paths import RunFolder


def read_pool(
    run: RunFolder, tables: Tables, settings: SnapshotSettings
) -> tuple[LabelledMatrix, Pool]:
    """Read the learning parts, and with them the fresh snapshots.

    Parameters
    ----------
    run : RunFolder
        A run whose features were computed with ``model.fresh_snapshots`` on.
    tables : Tables
        Of a source that `features.snapshots.has_dated_outcome`.
    settings : SnapshotSettings
        Horizon and reporting lag.

    Returns
    -------
    data : LabelledMatrix
        The learning parts.
    pool : Pool
    """
    parts = (*LEARNING, FRESH)
    rows = read_parts(run, parts, settings.horizon_days)
    looked_at = pl.read_parquet(run.snapshots)
    chosen = used_snapshots(run).filter(pl.col("part").is_in(parts))
    learned = chosen["part"].is_in(list(LEARNING)).to_numpy()
    settled = settlement(chosen, tables.outcomes, settings)
    pool = Pool.of(
        rows,
        settled["settled"].to_numpy(),
        settled["won"].to_numpy(),
        chosen.select(last_look(looked_at))["position"].to_numpy(),
        chosen["landmark_days"].to_numpy(),
        int(looked_at.filter(part="test")["position"].min()),  # type: ignore[arg-type]
    )
    return rows.rows(learned), pool
