"""Snapshots and their features, as the stages after the feature matrix read them.

Snapshots whose outcome is not yet known when the test begins, as training may use them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, written_whole
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.registry import Feature
from leadcast.features.snapshots import SnapshotSettings, has_dated_outcome, microseconds
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.calibration.calibrators import Calibrator, calibrator_from_json
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.models.choice.pool import Pool
from leadcast.models.data import Flags, Floats, LabelledMatrix, Matrix
from leadcast.models.sellers.junk_training import HONEST
from leadcast.models.splits import FRESH, is_apart, last_look, settlement
from leadcast.pipelines.base.params import Params
from leadcast.pipelines.base.paths import DeployedFolder, RunFolder
from leadcast.serve.today.selection import WEIGHT

LEARNING = ("train",)
"""The parts that a model may learn from: all that was known when the test began."""
_WHOSE = ("group", "person", "lead")
"""What is coded by its id."""


def used_snapshots(run: RunFolder) -> pl.DataFrame:
    """Read the snapshots that are in a part: the rows of the matrix, in its order."""
    return pl.read_parquet(run.snapshots).filter(pl.col("part") != "left_out")


def learning_snapshots(run: RunFolder) -> pl.DataFrame:
    """Read the snapshots that a model may learn from."""
    return used_snapshots(run).filter(pl.col("part").is_in(LEARNING))


def worked(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Leave out what counts nothing, where anything is weighed: who was not called, and junk."""
    weights = [name for name in (WEIGHT, HONEST) if name in snapshots.columns]
    return snapshots.filter(pl.col(name) > 0 for name in weights) if weights else snapshots


def used_fresh(backtest: Mapping[str, Any]) -> bool:
    """Tell whether the tested model has learned from fresh snapshots as well."""
    return backtest["fresh"] is not None and bool(backtest["fresh"]["used"])


def read_calibrator(run: RunFolder | DeployedFolder) -> Calibrator:
    """Read the calibrator that was chosen."""
    return calibrator_from_json(read_json(run.calibration)["calibrator"])


def read_out_of_time(run: RunFolder) -> pl.DataFrame:
    """Read the out-of-time predictions; where an older version wrote them, ``early`` is 0."""
    rows = pl.read_parquet(run.out_of_time)
    return rows if "early" in rows.columns else rows.with_columns(early=pl.lit(0.0))


def shift_told(calibration: Mapping[str, Any]) -> float:
    """Tell by how much early conversions moved the level, from ``calibration.json``."""
    early = calibration.get("early")
    return 0.0 if early is None else float(early["shift"])


def read_verdict(run: RunFolder) -> ModelVerdict | None:
    """Read what the scores may be used for; None where an older version wrote the metrics."""
    verdict = read_json(run.metrics).get("verdict")
    return None if verdict is None else ModelVerdict.model_validate(verdict)


def read_reference(run: RunFolder) -> Reference:
    """Read the population that the bundle's grades and percentiles are frozen with."""
    return Reference.of(pl.read_parquet(run.test_scores)["probability"].to_numpy())


def read_plan(run: RunFolder | DeployedFolder) -> FeaturePlan:
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
    """Read parts of the split, as a learner sees them; a lead has one code in all of them."""
    snapshots = coded(used_snapshots(run))
    inside = snapshots["part"].is_in(list(parts))
    if most is not None:
        numbers = inside.arg_true().to_numpy()
        places = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).astype(np.int64)
        mask = np.zeros(len(inside), dtype=bool)
        mask[numbers[places]] = True
        inside = pl.Series(mask)
    rows = pl.scan_parquet(run.matrix).filter(inside).collect()
    chosen = snapshots.filter(inside)
    if not set(parts) <= {*LEARNING, FRESH}:
        # Junk counts less where a model learns, and nowhere else.
        chosen = chosen.drop(HONEST, strict=False)
    return labelled(rows.to_numpy(), read_plan(run).features, chosen, horizon_days)


def coded(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Give each group, person and lead a code (``group``, ``person``, ``lead``)."""
    codes = {name: pl.col(f"{name}_id").rank("dense").cast(pl.Int64) for name in _WHOSE}
    return snapshots.with_columns(**codes)


def labels_for_cluster(snapshots: pl.DataFrame, learned: pl.Series) -> pl.DataFrame:
    """Give the labels of a matrix as `leadcast.serve.cluster.training.ClusterRows` reads them."""
    if HONEST in snapshots.columns and not snapshots[HONEST].is_in([0.0, 1.0]).all():
        raise LeadcastError(
            "junk_in_training: weigh, but a cluster knows no weights; set it to set_apart or keep "
            "in the source's definition, or run without --engine dask"
        )
    return snapshots.select(
        learned.alias("learned"),
        "position",
        pl.col("converted").cast(pl.Float64),
        pl.col("person_id").hash().alias("group"),
    )


def labelled(
    values: Matrix,
    features: tuple[Feature, ...],
    snapshots: pl.DataFrame,
    horizon_days: float | None,
) -> LabelledMatrix:
    """Put the features of coded snapshots together with their labels (NaN where not mature)."""
    return LabelledMatrix(
        values=np.ascontiguousarray(values, dtype=np.float32),
        features=features,
        converted=snapshots["converted"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        position=snapshots["position"].to_numpy(),
        group=snapshots["group"].to_numpy(),
        horizon=microseconds(horizon_days or 0.0),
        person=snapshots["person"].to_numpy(),
        lead=snapshots["lead"].to_numpy(),
        weight=_weights(snapshots),
    )


def _weights(snapshots: pl.DataFrame) -> Floats | None:
    named = [name for name in (WEIGHT, HONEST) if name in snapshots.columns]
    if not named or (named == [HONEST] and (snapshots[HONEST] == 1).all()):
        return None
    return snapshots.select(pl.reduce(lambda x, y: x * y, named)).to_series().to_numpy()


def judged_rows(run: RunFolder) -> LabelledMatrix:
    """Read the test as rows to learn from, when it has been judged: junk counts less there, too.

    Parameters
    ----------
    run : RunFolder

    Returns
    -------
    LabelledMatrix
        In the order of the snapshots, without those that count nothing.
    """
    test = read_parts(run, ["test"], None)
    snapshots = coded(used_snapshots(run)).filter(part="test")
    if HONEST not in snapshots.columns:
        return test
    kept = (snapshots[HONEST] > 0).to_numpy()
    return replace(test, weight=_weights(snapshots)).rows(kept)


def fresh_is_told(tables: Tables, params: Params) -> bool:
    """Tell whether what is known so far of fresh snapshots says anything of them.

    It takes dates; and where snapshots are weighed, who was called decides what is known so far.
    """
    return has_dated_outcome(tables) and not params.selection.weigh_calls


def read_pool(
    run: RunFolder, tables: Tables, settings: SnapshotSettings
) -> tuple[LabelledMatrix, Pool]:
    """Read the learning parts, and with them the fresh snapshots."""
    parts = (*LEARNING, FRESH)
    rows = read_parts(run, parts, settings.horizon_days)
    looked_at = pl.read_parquet(run.snapshots)
    chosen = used_snapshots(run).filter(pl.col("part").is_in(parts))
    learned = chosen["part"].is_in(list(LEARNING)).to_numpy()
    begin: Any = looked_at.filter(part="test")["position"].min()
    apart = looked_at.with_columns(apart=is_apart(looked_at)).filter(pl.col("part").is_in(parts))
    about = looked_at, tables, settings, int(begin), apart["apart"].to_numpy()
    return rows.rows(learned), pool_of(rows, chosen, *about)


def pool_of(
    rows: LabelledMatrix,
    snapshots: pl.DataFrame,
    looked_at: pl.DataFrame,
    tables: Tables,
    settings: SnapshotSettings,
    cutoff: int,
    apart: Flags | None = None,
) -> Pool:
    """Put rows together with the moments at which more became known of them.

    Parameters
    ----------
    rows : LabelledMatrix
    snapshots : pl.DataFrame
        Of these rows, in their order.
    looked_at : pl.DataFrame
        All snapshots of the source.
    tables : Tables
    settings : SnapshotSettings
    cutoff : int
        The moment up to which anything is known, in microseconds since 1970.
    apart : ndarray of bool, optional
        Which rows may be learned from one by one; all, if not given.

    Returns
    -------
    Pool
    """
    settled = settlement(snapshots, tables.outcomes, settings)
    return Pool.of(
        rows,
        settled["settled"].to_numpy(),
        settled["won"].to_numpy(),
        snapshots.with_columns(last_look(looked_at))["position"].to_numpy(),
        snapshots["landmark_days"].to_numpy(),
        cutoff,
        apart,
    )
