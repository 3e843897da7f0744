"""The curve against models made for one horizon each: ``python -m benchmarks.when SOURCE [DAYS]``.

Needs a run of the source as far as its stage ``curve``. At each horizon a model of the same recipe
is fitted with the labels of that horizon, all that were known when the test began, and both are
held against the same later leads; in the demo against the true probabilities as well, where the
expected log loss leaves out the luck of who converted. The result goes into
``benchmarks/results/when.json``, source by source and horizon by horizon.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from benchmarks.demo_truth import TRUTH
from benchmarks.results import RESULTS, write_result
from leadcast.features.base.files import read_json
from leadcast.features.tables import Tables
from leadcast.models.choice.backtest import loss_at_their_level
from leadcast.models.curve.conversion_curve import ConversionCurve, curve_of, read_curve
from leadcast.models.curve.curve_fit import FEWEST_FOLLOWED
from leadcast.models.curve.curve_judged import by_weeks, difference
from leadcast.models.curve.person_periods import CurveRows
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import inside, log_odds_of, sigmoid
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.pipelines.base.dataset import read_calibrator, read_plan
from leadcast.pipelines.base.paths import JUDGED, RunFolder
from leadcast.pipelines.curve import TEST, HorizonModels, Looks, read_summary

NAME = "when"


@dataclass(frozen=True)
class Later:
    """Snapshots from the test's beginning on."""

    looks: Looks
    snapshots: pl.DataFrame
    rows: CurveRows

    @classmethod
    def of(cls, run: RunFolder, looks: Looks) -> "Later":
        """Gather them as the stage does."""
        snapshots = looks.snapshots.filter(pl.col(TEST))
        rows = looks.rows(snapshots, read_plan(run), read_calibrator(run), looks.until_us)
        return cls(looks, snapshots, rows)


def expected_loss(told: Floats, rate: Floats) -> Floats:
    """Compute each row's log loss as it is expected where it converts at a known rate."""
    kept = inside(told)
    return np.asarray(-rate * np.log(kept) - (1 - rate) * np.log1p(-kept))


def made_for(run: RunFolder, later: Later, days: float) -> FittedLearner:
    """Fit the tested recipe to the labels of another horizon, as known when the test began."""
    models = HorizonModels.of(run, later.looks, read_plan(run), later.looks.begin_us)
    return models.made_for(days)


def held_against(
    curve: ConversionCurve, later: CurveRows, single: Floats, truth: Floats | None, days: float
) -> dict[str, Any]:
    """Hold a curve against another's probabilities at a horizon.

    Parameters
    ----------
    curve : ConversionCurve
    later : CurveRows
        Later than what either was learned from.
    single : ndarray of float64, shape (n,)
        The other's, of these rows.
    truth : ndarray of float64, shape (n,), optional
        The true ones.
    days : float

    Returns
    -------
    dict
        Plain data, of the rows that were followed so long.
    """
    known = np.flatnonzero(later.followed.watched_days >= days)
    rows, single = later.rows(known), single[known]
    told = curve_of(curve, rows.data.values, rows.probability, [days])[:, 0]
    came = (rows.followed.won_days() <= days).astype(np.float64)
    group = rows.data.group
    found: dict[str, Any] = {
        "rows": len(known),
        "converted": int(came.sum()),
        "mean": {"curve": told.mean(), "made_for_it": single.mean(), "came": came.mean()},
        "came_by_weeks": _by_weeks(came, rows.data.position),
        "log_loss": _both(told, single, came, group),
        "log_loss_at_their_level": _at_their_level(told, single, came, group),
    }
    if truth is not None:
        rate = truth[known]
        found["expected_log_loss"] = _both(told, single, rate, group)
        found["expected_log_loss"]["truth"] = expected_loss(rate, rate).mean()
        found["mean"]["truth"] = rate.mean()
    return found


def _by_weeks(came: Floats, position: Integers) -> dict[str, float]:
    """Give the 95 % interval of the share that came where leads of a week share their luck."""
    weeks, half = by_weeks(came, position)
    return {
        "weeks": weeks,
        "low": max(came.mean() - half, 0.0),
        "high": min(came.mean() + half, 1.0),
    }


def _both(told: Floats, single: Floats, rate: Floats, group: Integers) -> dict[str, float]:
    losses = [expected_loss(one, rate) for one in (told, single)]
    own = {"curve": losses[0].mean(), "made_for_it": losses[1].mean()}
    return own | difference(losses[0] - losses[1], group)


def _at_their_level(
    told: Floats, single: Floats, came: Floats, group: Integers
) -> dict[str, float]:
    """Compare how both set leads apart, once each is moved to the rate that came."""
    losses = [loss_at_their_level(log_odds_of(one), came) for one in (told, single)]
    own = {"curve": losses[0].mean(), "made_for_it": losses[1].mean()}
    return own | difference(losses[0] - losses[1], group)


def truth_of(run: RunFolder, snapshots: pl.DataFrame, days: float) -> Floats | None:
    """Read the true probabilities; None where nobody knows them."""
    if run.source != "demo":
        return None
    truth = pl.scan_parquet(TRUTH).filter(pl.col("horizon_days") == days).collect()
    joined = snapshots.join(truth, on=["lead_id", "as_of"], how="left", maintain_order="left")
    found: Floats = joined["true_probability"].to_numpy()
    if len(found) != snapshots.height or np.isnan(found).any():
        raise SystemExit(f"{TRUTH}: knows not all leads within {days:g} days; run fetch again")
    return found


def main() -> None:
    """Print the figures and add them to those of other sources and horizons."""
    source, *asked = sys.argv[1:] or ["demo"]
    run = RunFolder(source)
    run.require(run.curve)
    looks = Looks.of(run, Tables.read(run.tables))
    later, curve = Later.of(run, looks), read_curve(run.curve / JUDGED)
    path = RESULTS / f"{NAME}.json"
    result: dict[str, Any] = read_json(path) if path.exists() else {}
    own = result.setdefault(source, {})
    own["stage"] = read_summary(run)["test"]["integrated"]
    watched = later.rows.followed.watched_days
    told = [day for day in curve.days if (watched >= day).sum() >= FEWEST_FOLLOWED]
    for days in map(float, asked) if asked else told:
        single = sigmoid(made_for(run, later, days).log_odds(later.rows.data.values))
        truth = truth_of(run, later.snapshots, days)
        found = held_against(curve, later.rows, single, truth, days)
        own[f"{days:g}"] = found
        mean, weeks = found["mean"], found["came_by_weeks"]
        print(
            f"{source} {days:g} d: curve told {mean['curve']:.2%}, made for it "
            f"{mean['made_for_it']:.2%}, {mean['came']:.2%} came ({weeks['low']:.2%} to "
            f"{weeks['high']:.2%} with {weeks['weeks']} weeks as units)"
        )
        for name in ("log_loss", "log_loss_at_their_level", "expected_log_loss"):
            if name in found:
                one = found[name]
                print(
                    f"{source} {days:g} d, {name}: curve {one['curve']:.5f}, made for it "
                    f"{one['made_for_it']:.5f}, difference {one['difference']:+.5f} "
                    f"({one['low']:+.5f} to {one['high']:+.5f})",
                    flush=True,
                )
    write_result(NAME, result)


if __name__ == "__main__":
    main()
