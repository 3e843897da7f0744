"""Snapshots and their features, as the stages after the feature matrix read them.

Snapshots whose outcome is not yet known when the test begins, as training may use them.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json, written_whole
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.snapshots import SnapshotSettings, microseconds
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.calibration.calibrators import Calibrator, calibrator_from_json
from leadcast.models.choice.fresh import Pool
from leadcast.models.data import LabelledMatrix, Matrix
from leadcast.models.splits import FRESH, last_look, settlement
from leadcast.pipelines.paths import RunFolder

LEARNING = ("train",)
"""The parts that a model may learn from: all that was known when the test began."""


def used_snapshots(run: RunFolder) -> pl.DataFrame:
    """Read the snapshots that are in a part: the rows of the matrix, in its order."""
    return pl.read_parquet(run.snapshots).filter(pl.col("part") != "left_out")


def learning_snapshots(run: RunFolder) -> pl.DataFrame:
    """Read the snapshots that a model may learn from."""
    return used_snapshots(run).filter(pl.col("part").is_in(LEARNING))


def read_calibrator(run: RunFolder) -> Calibrator:
    """Read the calibrator that was chosen."""
    return calibrator_from_json(read_json(run.calibration)["calibrator"])


def read_reference(run: RunFolder) -> Reference:
    """Read the population that the bundle's grades and percentiles are frozen with."""
    return Reference.of(pl.read_parquet(run.test_scores)["probability"].to_numpy())


def read_plan(run: RunFolder) -> FeaturePlan:
    """Read the feature plan."""
    return FeaturePlan.from_json(read_json(run.plan))


def write_matrix(run: RunFolder, plan: FeaturePlan, values: Matrix) -> None:
    """Write the feature matrix as Parquet, a float32 column a feature."""
    names = [feature.name for feature in plan.features]
    with written_whole(run.matrix) as temporary:
        pl.from_numpy(values, schema=names).write_parquet(temporary)


def read_parts(
    run: RunFolder, parts: Sequence[str], horizon_days: float | None, most: int | None = None
) -> LabelledMatrix:
    """Read parts of the split, as a learner sees them."""
    snapshots = used_snapshots(run)
    inside = snapshots["part"].is_in(list(parts))
    if most is not None:
        numbers = inside.arg_true().to_numpy()
        places = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).astype(np.int64)
        mask = np.zeros(len(inside), dtype=bool)
        mask[numbers[places]] = True
        inside = pl.Series(mask)
    rows = pl.scan_parquet(run.matrix).filter(inside).collect()
    chosen = snapshots.filter(inside)
    return LabelledMatrix(
        values=np.ascontiguousarray(rows.to_numpy(), dtype=np.float32),
        features=read_plan(run).features,
        converted=chosen["converted"].cast(pl.Float64).to_numpy(),
        position=chosen["position"].to_numpy(),
        group=chosen["group_id"].rank("dense").cast(pl.Int64).to_numpy(),
        horizon=microseconds(horizon_days or 0.0),
        person=chosen["person_id"].rank("dense").cast(pl.Int64).to_numpy(),
    )


def read_pool(
    run: RunFolder, tables: Tables, settings: SnapshotSettings
) -> tuple[LabelledMatrix, Pool]:
    """Read the learning parts, and with them the fresh snapshots."""
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
