"""When leads become customers: the curve over time, judged on the test and fitted for use."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.engine.engine import compute
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.snapshots import (
    SnapshotSettings,
    has_dated_outcome,
    microseconds,
    microseconds_of,
)
from leadcast.features.tables import Tables
from leadcast.models.calibration.calibrators import Calibrator, unmoved
from leadcast.models.choice.fresh import Recipe, fit_final
from leadcast.models.curve.anchor_fit import Models, with_anchors
from leadcast.models.curve.curve_fit import MOST_ROWS, CurveChoice, fit_curve
from leadcast.models.curve.curve_judged import by_grade, judge_curve
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.curve.person_periods import CurveRows
from leadcast.models.data import Floats
from leadcast.models.learners.learner_store import FittedLearner, load_learner
from leadcast.models.splits import FRESH, has_another_lead
from leadcast.pipelines.base.dataset import (
    LEARNING,
    coded,
    labelled,
    learning_snapshots,
    read_calibrator,
    read_out_of_time,
    read_plan,
    read_reference,
    shift_told,
    worked,
)
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import DEPLOYED, JUDGED, DeployedFolder, RunFolder
from leadcast.pipelines.base.stage import run_stage
from leadcast.serve.today.selection import as_evidence

KIND = "curve"
SUMMARY, GRADES = "summary.json", "by_grade.parquet"
"""What stands in the folder of the stage, beside the curves of both bundles where there are any."""
LOG_ODDS, TEST, APART = "log_odds", "test", "apart"
MOST_KNOWN = 40_000
"""A curve's model of a horizon learns from so many snapshots at most."""
NO_DATES = (
    "This source does not say when leads came and when they were won, so that nothing can be said "
    "of when leads become customers."
)
TOO_FEW = (
    "Too few leads were followed through the horizon, or became customers, to say when they do."
)


@dataclass(frozen=True)
class Looks:
    """Snapshots with what the tested model says of them, none of which it has learned from."""

    tables: Tables
    settings: SnapshotSettings
    snapshots: pl.DataFrame
    """Coded, with `LOG_ODDS` (at the level that early conversions asked for at the time, before
    calibration), `TEST` for those that the test begins with or that came later, and
    `APART` for those of no person of whom another lead is in another part."""
    begin_us: int
    """When the test begins."""

    @classmethod
    def of(cls, run: RunFolder, tables: Tables) -> "Looks":
        """Gather what was predicted at the rolling origins, what came after, and the test.

        Whose outcome was not all known when the test began, or is not known yet, is among them.
        Of those before the test some are of persons of whom another lead is in the test: they are
        still looked at, since they had not become customers. Without them the newest would seem to
        convert too often.
        """
        settings = snapshot_settings(run.source, load_params())
        everything = coded(pl.read_parquet(run.snapshots))
        begin: Any = everything.filter(part="test")["position"].min()
        is_later = pl.col("position") >= begin
        tested = has_another_lead(is_later & pl.col("mature"))
        # As in the split: a lead that was looked at before is no other one.
        learned = has_another_lead(pl.col("part").is_in(LEARNING))
        is_purged = (pl.col("reason") == "purged").fill_null(False) | (pl.col("part") == FRESH)
        unlearned = everything.with_columns(**{TEST: is_later, APART: is_later | ~tested}).filter(
            pl.when(is_later).then(~learned).otherwise(is_purged)
        )
        past = _past(run, everything)
        most = max(2 * MOST_ROWS - past.height, MOST_ROWS)
        later = _thinned(unlearned, most)
        learner, plan = load_learner(run.learner), read_plan(run)
        values = compute(plan, tables.leads, tables.events, later)
        told = learner.log_odds(values) + shift_told(read_json(run.calibration))
        later = later.with_columns(pl.Series(LOG_ODDS, told))
        columns = [*everything.columns, TEST, APART, LOG_ODDS]
        both = pl.concat([past.select(columns), later.select(columns)]).sort("position")
        return cls(tables, settings, both, int(begin))

    def with_deployed(self, learner: FittedLearner, plan: FeaturePlan, shift: float) -> "Looks":
        """Let the deployed model say what it says of those whose outcome is not all known yet.

        It has not learned from them, and knows a newer level than the tested one.
        """
        mature, fresh = self.snapshots.filter("mature"), self.snapshots.filter(~pl.col("mature"))
        if fresh.is_empty():
            return self
        values = compute(plan, self.tables.leads, self.tables.events, fresh)
        told = learner.log_odds(values) + shift
        both = pl.concat([mature, fresh.with_columns(pl.Series(LOG_ODDS, told))])
        return replace(self, snapshots=both.sort("position", maintain_order=True))

    @property
    def until_us(self) -> int:
        """Until when outcomes are known now."""
        assert self.tables.observed_until is not None
        return microseconds_of(self.tables.observed_until)

    def rows(
        self, chosen: pl.DataFrame, plan: FeaturePlan, calibrator: Calibrator, cutoff_us: int
    ) -> CurveRows:
        """Put snapshots together with their features, probabilities and what is known of them."""
        values = compute(plan, self.tables.leads, self.tables.events, chosen)
        data = labelled(values, plan.features, chosen, self.settings.horizon_days)
        lag = microseconds(self.settings.reporting_lag_days)
        followed = FollowUp.of(chosen, self.tables.outcomes, cutoff_us - lag)
        log_odds: Floats = chosen[LOG_ODDS].to_numpy()
        return CurveRows(data, unmoved(calibrator).probability(log_odds), followed)


def _past(run: RunFolder, everything: pl.DataFrame) -> pl.DataFrame:
    """Give the out-of-time predictions of the rolling origins, with their snapshots."""
    predicted = read_out_of_time(run)
    learning = coded(learning_snapshots(run))
    own = learning.select("position", "lead_id")
    flags = {TEST: pl.lit(value=False), APART: pl.lit(value=True)}
    if predicted["origin"].max() == -1 or not (
        predicted["row"].max() < own.height  # type: ignore[operator]
        and own["position"][predicted["row"]].equals(predicted["position"])
    ):
        # Of a model that knows nothing, or of a sample of the rows, as a cluster takes one.
        none = everything.head(0)
        return none.with_columns(pl.lit(0.0).alias(LOG_ODDS), **flags)
    told = (predicted["log_odds"] + predicted["early"]).alias(LOG_ODDS)
    rows = own[predicted["row"]].with_columns(told, **flags)
    return rows.join(everything, on=["lead_id", "position"], how="inner", maintain_order="left")


def _thinned(snapshots: pl.DataFrame, most: int) -> pl.DataFrame:
    if snapshots.height <= most:
        return snapshots
    return snapshots[np.linspace(0, snapshots.height - 1, most).astype(np.int64)]


def known_before(
    looks: Looks, plan: FeaturePlan, calibrator: Calibrator
) -> tuple[CurveRows, CurveRows]:
    """Give what the judged curve is fitted on, as it was known when the test began.

    Parameters
    ----------
    looks : Looks
    plan : FeaturePlan
    calibrator : Calibrator
        Of the tested model.

    Returns
    -------
    tuple of CurveRows
        What it is learned from, and those that the pace of its intervals follows.
    """
    past = _thinned(looks.snapshots.filter(~pl.col(TEST)), MOST_ROWS)
    recent = looks.rows(past, plan, calibrator, looks.begin_us)
    return recent.rows(np.flatnonzero(past[APART].to_numpy())), recent


@dataclass(frozen=True)
class HorizonModels:
    """Models of the tested recipe, each made for a horizon, from what was known at a moment.

    Parameters
    ----------
    looks : Looks
    plan : FeaturePlan
    recipe : Recipe
    snapshots : pl.DataFrame
        All that may be learned from, whether or not their outcome is known.
    cutoff_us : int
        The moment.
    """

    looks: Looks
    plan: FeaturePlan
    recipe: Recipe
    snapshots: pl.DataFrame
    cutoff_us: int

    @classmethod
    def of(cls, run: RunFolder, looks: Looks, plan: FeaturePlan, cutoff_us: int) -> "HorizonModels":
        """Gather what they learn from: where they are to be judged, no other lead of the tested."""
        content = read_json(run.backtest)["setup"]
        recipe = Recipe.from_json(content, load_params().model.num_threads).on(plan.features)
        snapshots = coded(worked(pl.read_parquet(run.snapshots)))
        if cutoff_us <= looks.begin_us:
            tested = pl.col("position") >= looks.begin_us
            snapshots = snapshots.filter(~has_another_lead(tested))
        return cls(looks, plan, recipe, snapshots, cutoff_us)

    def known(self, days: float) -> pl.DataFrame:
        """Give the snapshots whose outcome within a horizon was known, with that outcome."""
        last = self.cutoff_us - microseconds(self.looks.settings.reporting_lag_days)
        own = self.snapshots.filter(pl.col("position") + microseconds(days) <= last)
        won = FollowUp.of(own, self.looks.tables.outcomes, last).won_days() <= days
        return own.with_columns(converted=pl.Series(won))

    def made_for(self, days: float, most: int | None = None) -> FittedLearner:
        """Fit the recipe to the labels of a horizon, of so many snapshots at most."""
        own, tables = self.known(days), self.looks.tables
        own = own if most is None else _thinned(own, most)
        values = compute(self.plan, tables.leads, tables.events, own)
        rows = labelled(values, self.plan.features, own, days)
        return fit_final(self.recipe, as_evidence(rows), None)

    def as_anchors(self) -> Models:
        """Let a curve ask for them; each is grown from one seed, as it is one voice of two."""
        settings = self.recipe.settings.model_copy(update={"seeds": 1})
        quick = replace(self, recipe=replace(self.recipe, settings=settings))

        def n_known(days: float) -> tuple[int, int]:
            own = quick.known(days)
            # A base rate sets nobody apart.
            n_won = 0 if self.recipe.kind == "prior" else int(own["converted"].sum())
            return own.height, n_won

        return Models(n_known, lambda days: quick.made_for(days, MOST_KNOWN).log_odds)


def _anchored(
    choice: CurveChoice,
    models: HorizonModels,
    rows: CurveRows,
    scored_by: tuple[FittedLearner, Calibrator],
) -> CurveChoice:
    """Draw a curve half-way to models made for its first and its last horizon."""
    learner, calibrator = scored_by
    values = rows.data.values
    told = calibrator.probability(learner.log_odds(values))
    drawn = with_anchors(choice.curve, models.as_anchors(), values, told, rows.data.features)
    return replace(choice, curve=drawn)


def curve(source: str) -> str:
    """Fit and judge the curve on what was known when the test began, and fit it on all for use."""
    run = RunFolder(source)
    tables = Tables.read(run.tables)
    if not has_dated_outcome(tables) or tables.observed_until is None:
        return _without(run, NO_DATES)
    looks = Looks.of(run, tables)
    plan, calibrator = read_plan(run), read_calibrator(run)
    known, recent = known_before(looks, plan, calibrator)
    judged = fit_curve(known, looks.settings.horizon_days, recent)
    if judged is None:
        return _without(run, TOO_FEW)
    models = HorizonModels.of(run, looks, plan, looks.begin_us)
    judged = _anchored(judged, models, recent, (load_learner(run.learner), calibrator))
    later = _thinned(looks.snapshots.filter(pl.col(TEST)), MOST_ROWS)
    test = looks.rows(later, plan, calibrator, looks.until_us)
    grades = by_grade(judged.curve, test, read_reference(run).grade(test.probability).tolist())
    figures = judge_curve(judged.curve, test, known.followed)
    deployed = _for_use(run, looks) or _alike(judged)
    _write(run, (judged, deployed), figures, grades)
    return _told(deployed, figures)


def _alike(choice: CurveChoice) -> CurveChoice:
    """Leave out what hangs on features: the deployed model's plan may have others."""
    curve = choice.curve.changed(effects=(), trees="", anchors=())
    return replace(choice, curve=curve, form="none", penalty=0.0)


def _for_use(run: RunFolder, looks: Looks) -> CurveChoice | None:
    """Fit the curve of the deployed model on all that is known now."""
    parts = DeployedFolder(run.deployed)
    learner, plan = load_learner(parts.learner), read_plan(parts)
    looks = looks.with_deployed(learner, plan, shift_told(read_json(parts.calibration)))
    calibrator = read_calibrator(parts)
    newest = looks.rows(_thinned(looks.snapshots, MOST_ROWS), plan, calibrator, looks.until_us)
    found = fit_curve(newest, looks.settings.horizon_days)
    if found is None:
        return None
    models = HorizonModels.of(run, looks, plan, looks.until_us)
    return _anchored(found, models, newest, (learner, calibrator))


def _write(
    run: RunFolder,
    fitted: tuple[CurveChoice, CurveChoice],
    figures: dict[str, Any] | None,
    grades: pl.DataFrame,
) -> None:
    with written_whole(run.curve, KIND) as folder:
        folder.mkdir()
        about = {}
        for name, one in zip((JUDGED, DEPLOYED), fitted, strict=True):
            (folder / name).mkdir()
            one.curve.save(folder / name)
            about[name] = {
                "longest_days": one.curve.longest_days,
                "anchors_days": [anchor.days for anchor in one.curve.anchors],
                "form": one.form,
                "penalty_or_trees": one.penalty,
                "gain": one.gain,
                "gain_error": one.error,
                "n_rows": one.n_rows,
                "n_won": one.n_won,
            }
        grades.write_parquet(folder / GRADES)
        write_json(folder / SUMMARY, {"why_not": None, **about, "test": figures})


def _without(run: RunFolder, why: str) -> str:
    with written_whole(run.curve, KIND) as folder:
        folder.mkdir()
        write_json(folder / SUMMARY, {"why_not": why, "test": None})
    return f"no curve: {why}"


def read_summary(run: RunFolder) -> dict[str, Any]:
    """Read what the stage found: its figures, or why there are none."""
    found: dict[str, Any] = read_json(run.curve / SUMMARY)
    return found


def _told(deployed: CurveChoice, figures: dict[str, Any] | None) -> str:
    told = f"the curve goes to {deployed.curve.longest_days:g} days"
    if figures is None:
        return f"{told}; no test snapshot was followed long enough to judge it"
    score = figures["integrated"]
    lines = [
        f"{told}; integrated Brier score to {score['until_days']:g} days {score['value']:.4f}, of "
        f"one curve for all leads {score['marginal']:.4f} (difference {score['difference']:+z.4f}, "
        f"95 % interval {score['low']:+z.4f} to {score['high']:+z.4f})"
    ]
    lines += [
        f"{one['days']:g} days: {one['predicted']:.2%} told, {one['observed']:.2%} came "
        f"({one['low']:.2%} to {one['high']:.2%})"
        for one in figures["horizons"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run_stage("curve", curve)
