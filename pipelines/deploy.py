"""The deployed model: the recipe that was tested, fitted on all that the export knows.

The test tells how good a recipe is; what is used then need not do without the newest leads. Nothing
is chosen anew here: kind of learner, setups and parameters are those that the backtest chose before
the test was looked at. The calibrator and the leads' intervals are fitted again with the same
functions, on the out-of-time predictions of the rolling origins and of the test, which the tested
model made without having seen it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, working_folder, write_json, written_whole
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.snapshots import SnapshotSettings, microseconds
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.bundle.bundle_files import Seen
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.calibration.calibrators import calibrator_from_json
from leadcast.models.choice.early_level import early_level_of
from leadcast.models.choice.fitting import Grow, grow_here
from leadcast.models.choice.fresh import Recipe, fit_final
from leadcast.models.choice.pool import NOBODY, Pool
from leadcast.models.data import LabelledMatrix, Matrix
from leadcast.models.evaluation.logistic import log_odds_of, shift_to, sigmoid
from leadcast.models.learners.learner_store import FittedLearner, learner_words, load_learner
from leadcast.models.learners.rows import thinned
from leadcast.pipelines.base.dataset import (
    coded,
    fresh_is_told,
    judged_rows,
    labelled,
    labels_for_cluster,
    pool_of,
    read_out_of_time,
    shift_told,
    used_fresh,
    worked,
)
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import DeployedFolder, RunFolder
from leadcast.pipelines.base.stage import progress_bar, run_stage, share_bar
from leadcast.pipelines.calibrate import calibration_of
from leadcast.pipelines.features import compute_matrix_on
from leadcast.serve.today.selection import WEIGHT, as_evidence

KIND = "deployed"
Computed = Callable[[FeaturePlan, pl.DataFrame], Matrix]
"""Computes the features of snapshots."""


@dataclass(frozen=True)
class Known:
    """What is known at the end of an export."""

    tables: Tables
    settings: SnapshotSettings
    recipe: Recipe
    snapshots: pl.DataFrame
    """Those whose outcome is known, and fresh ones where they are looked at."""
    plan: FeaturePlan
    """Fitted on the mature ones."""
    learns_fresh: bool
    """Whether the recipe learns from fresh ones as well."""

    @property
    def is_mature(self) -> pl.Series:
        """Which snapshots' outcome is known."""
        return self.snapshots["mature"]

    @classmethod
    def of(cls, run: RunFolder, mature_only: bool = False) -> "Known":
        """Read it, and fit the feature plan on it."""
        tables, params = Tables.read(run.tables), load_params()
        settings, backtest = snapshot_settings(run.source, params), read_json(run.backtest)
        recipe = Recipe.from_json(backtest["setup"], params.model.num_threads)
        snapshots = coded(worked(pl.read_parquet(run.snapshots)))
        mature = snapshots.filter("mature")
        plan = fit_plan(tables, mature, params.features, None, settings)
        learns_fresh = used_fresh(backtest)
        looks = recipe.settings.early_conversions and fresh_is_told(tables, params)
        kept = snapshots if (looks and not mature_only) or learns_fresh else mature
        return cls(tables, settings, recipe.on(plan.features), kept, plan, learns_fresh)

    def rows(self, values: Matrix) -> LabelledMatrix:
        """Put the features of all snapshots together with what became of them."""
        horizon = horizon_days(self.tables, self.settings)
        return labelled(values, self.plan.features, self.snapshots, horizon)

    def pool(self, rows: LabelledMatrix) -> Pool | None:
        """Tell what is known of fresh rows; None where there are none."""
        if self.is_mature.all():
            return None
        until = pl.Series([self.tables.observed_until], dtype=TIME).dt.epoch("us")[0]
        # A label is known one reporting lag after its window has ended.
        cutoff = int(until) - microseconds(self.settings.reporting_lag_days)
        looked_at = self.snapshots
        return pool_of(rows, looked_at, looked_at, self.tables, self.settings, cutoff)

    def seen(self, pool: Pool | None) -> Seen:
        """Tell what there was to learn from."""
        mature = self.snapshots.filter("mature")
        return Seen(
            snapshots=mature.height,
            fresh=len(pool.fresh_at(pool.cutoff, NOBODY)) if pool and self.learns_fresh else 0,
            first=mature["as_of"].min(),
            last=mature["as_of"].max(),
            known_until=self.tables.observed_until,
        )


def deploy(source: str) -> str:
    """Fit the tested recipe on all that is known at the end of the export."""
    run = RunFolder(source)
    known = Known.of(run)
    tables = known.tables
    values = compute(known.plan, tables.leads, tables.events, known.snapshots)
    return _deployed(run, known, values)


def deploy_on_cluster(source: str, scheduler: str | None) -> str:
    """Do so with features from a cluster, and with trees that it grows on all rows."""
    from leadcast.serve.cluster.connection import connected
    from leadcast.serve.cluster.training import SAMPLE_ROWS, ClusterRows, grow_on_cluster

    run = RunFolder(source)
    with connected(scheduler) as client, working_folder(run.path, "deploy") as work:
        known = Known.of(run, mature_only=True)
        if known.learns_fresh:
            raise LeadcastError(
                f"{run.backtest}: the tested model has learned from fresh snapshots as well, "
                "which a cluster does not; deploy without --engine dask"
            )
        matrix, labels = work / "matrix.parquet", work / "labels.parquet"
        with progress_bar("features", "partitions") as tell:
            compute_matrix_on(client, run, known.plan, known.snapshots, matrix, work, tell)
        labels_for_cluster(known.snapshots, known.is_mature).write_parquet(labels)
        values = pl.read_parquet(matrix).to_numpy()
        with share_bar() as told:
            rows = ClusterRows(matrix.resolve(), labels.resolve())
            grow = partial(grow_on_cluster, client, rows, tell=told)
            return _deployed(run, known, values, grow, SAMPLE_ROWS)


def _deployed(
    run: RunFolder,
    known: Known,
    values: Matrix,
    grow: Grow = grow_here,
    most: int | None = None,
) -> str:
    rows, seed = known.rows(values), load_params().seed
    pool = known.pool(rows)
    mature = rows if pool is None else rows.rows(known.is_mature.to_numpy())
    sample = mature if most is None else thinned(mature, most)
    recipe, learns = replace(known.recipe, grow=grow), known.learns_fresh
    learner = fit_final(recipe, as_evidence(sample), pool if learns else None)
    early = None if pool is None or learns else early_level_of(learner, pool)
    is_test = (known.snapshots["part"] == "test").to_numpy()
    predicted = _out_of_time(run, learner, values[is_test])
    is_dated = known.tables.time_order is TimeOrder.DATED
    calibration, seen = calibration_of(predicted, is_dated, seed, early), known.seen(pool)
    with written_whole(run.deployed, KIND) as temporary:
        temporary.mkdir()
        new = DeployedFolder(temporary)
        learner.save(new.learner)
        reference = _reference(run, predicted, calibration)
        rates = Rates.of(mature.values, mature.converted, mature.features)
        for path, content in (
            (new.plan, known.plan.to_json()),
            (new.calibration, calibration),
            (new.reference, reference.model_dump(mode="json")),
            (new.rates, rates.model_dump(mode="json")),
            (new.seen, seen.model_dump(mode="json")),
        ):
            write_json(path, content)
    return (
        f"{learner_words(learner.kind)} fitted again, on {seen.describe()}. "
        f"{calibration['level']['words']}"
    )


def _out_of_time(run: RunFolder, learner: FittedLearner, test_values: Matrix) -> pl.DataFrame:
    """Add what the tested model says of the test to the predictions of the rolling origins."""
    past, test = read_out_of_time(run).drop("row"), judged_rows(run)
    newest: Any = past["origin"].max()
    of_test = pl.DataFrame(
        {
            "log_odds": load_learner(run.learner).log_odds(test.values),
            "early": np.full(len(test), shift_told(read_json(run.calibration))),
            "converted": test.converted,
            "group": test.group,
            "origin": np.full(len(test), newest + 1),
            "position": test.position,
            "log_odds_now": learner.log_odds(test_values),
        }
    )
    if test.weight is not None:
        of_test = of_test.with_columns(pl.Series(WEIGHT, test.weight))
    return pl.concat([past, of_test.select(past.columns)])


def _reference(run: RunFolder, predicted: pl.DataFrame, calibration: dict[str, Any]) -> Reference:
    """Freeze the test's leads, as they were told apart before it was known how they ended.

    They are put where the deployed model sees their level, so that a level that has moved since
    does not make every new lead an A, or a D.
    """
    calibrator = calibrator_from_json(calibration["calibrator"])
    newest = predicted.filter(pl.col("origin") == pl.col("origin").max())
    level = float(calibrator.probability(newest["log_odds_now"].to_numpy()).mean())
    tested = log_odds_of(pl.read_parquet(run.test_scores)["probability"].to_numpy())
    return Reference.of(sigmoid(tested + shift_to(tested, level)))


if __name__ == "__main__":
    run_stage("deploy", deploy, deploy_on_cluster)
