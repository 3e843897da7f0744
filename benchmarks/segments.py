"""Do segments gain by levels and slopes of their own? ``python -m benchmarks.segments``.

Worlds whose truth is known, with six countries from large to small, some of which differ in level,
some in slopes, some in neither; and worlds where none differs. The same leads are learned from in
three ways: one model of all (pooled), a model for each country (separate), and one model with what
the backtest allows the countries to have of their own (partial). Told is the regret: how much more
the probabilities of new leads cost, in log loss, than the true ones. With ``--real`` real exports
are learned from as well, pooled and partial, and judged by their test parts.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.projects import source_stages
from benchmarks.results import write_result
from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import Feature
from leadcast.features.tables import Tables
from leadcast.models.choice.backtest import NORMAL_95, paired_error, row_log_loss
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.segment_form import segments_told
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.learner_store import FittedLearner, SegmentedLearner
from leadcast.models.settings import LearnerSettings
from leadcast.pipelines.base.dataset import LEARNING, read_parts
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder

COUNTRIES = ("DE", "FR", "IT", "AT", "CH", "LU")
SHARES = (0.4, 0.25, 0.15, 0.1, 0.07, 0.03)
LEVELS = np.array([0.0, 0.8, 0.0, -0.8, 0.0, 1.0])
"""What is added to the log-odds of each country where countries differ."""
SLOPES = np.array([0.0, 0.0, 0.9, 0.0, -1.2, 0.0])
"""Likewise to the slope on the visits, which is 1 else."""
SIZES = (2_000, 8_000)
SEEDS = (0, 1, 2)
NEW_LEADS = 40_000
FEATURES = (
    Feature("visits", "engagement", "number", ("events",), "visits"),
    Feature("budget", "fit", "number", ("leads.budget",), "budget"),
    Feature("country", "fit", "category", ("leads.country",), "country", COUNTRIES),
    Feature("opened", "engagement", "flag", ("events",), "has opened a mail"),
    Feature("age", "timing", "number", ("leads",), "age"),
)
SETTINGS = LearnerSettings(
    half_lives=(None,), rounds=(50, 100, 200), capacities=("cautious", "moderate"), seeds=2
)
"""Fewer competitors than by default, so that all of it takes minutes."""
REAL = {"x_education": "origin", "bank_marketing": "job", "complete_journey": "campaign_type"}


def world(n: int, differ: bool, seed: int) -> tuple[LabelledMatrix, Floats]:
    """Draw leads, and their true log-odds."""
    random = np.random.default_rng(seed)
    values = np.empty((n, len(FEATURES)), np.float32)
    values[:, [0, 1, 4]] = random.normal(size=(n, 3))
    values[:, 2] = 1 + random.choice(len(COUNTRIES), n, p=SHARES)
    values[:, 3] = random.random(n) < 0.4
    country = values[:, 2].astype(int) - 1
    truth = -1.8 + values[:, 0] + 0.6 * values[:, 1] + 0.5 * values[:, 3]
    truth = truth + differ * (LEVELS[country] + SLOPES[country] * values[:, 0])
    converted = (random.random(n) < sigmoid(truth.astype(float))).astype(np.float64)
    place = np.arange(n, dtype=np.int64)
    return LabelledMatrix(values, FEATURES, converted, place, place, 0), truth.astype(np.float64)


def regrets(log_odds: Floats, truth: Floats) -> Floats:
    """Compute each lead's regret."""
    expected = sigmoid(truth)
    of_truth = np.logaddexp(0.0, truth) - expected * truth
    return np.asarray(np.logaddexp(0.0, log_odds) - expected * log_odds - of_truth)


def simulated(n: int, differ: bool) -> dict[str, Any]:
    """Learn from worlds of one size in three ways, and average over the seeds."""
    rows = [_one_world(n, differ, seed) for seed in SEEDS]
    ways = ("pooled", "separate", "partial")
    by_country = {
        country: {way: float(np.mean([row[way][place] for row in rows])) for way in ways}
        for place, country in enumerate(COUNTRIES)
    }
    of_all = {way: float(np.mean([row[way] @ np.array(SHARES) for row in rows])) for way in ways}
    used = sum(row["used"] for row in rows)
    return {"leads": n, "differ": differ, "used": used, "of": len(rows), "all": of_all} | {
        "countries": by_country
    }


def _one_world(n: int, differ: bool, seed: int) -> dict[str, Any]:
    data, _ = world(n, differ, seed)
    new, truth = world(NEW_LEADS, differ, 1_000 + seed)
    choice = choose(data, SETTINGS.model_copy(update={"segments_by": ("country",)}))
    told = {
        "pooled": _pooled(choice, data, SETTINGS).log_odds(new.values),
        "partial": choice.learner.log_odds(new.values),
        "separate": _separate(data, new),
    }
    country = new.values[:, 2].astype(int) - 1
    counts = np.bincount(country)
    means = {way: np.bincount(country, regrets(z, truth)) / counts for way, z in told.items()}
    return means | {"used": choice.learner.kind == "segmented"}


def _pooled(choice: Choice, data: LabelledMatrix, settings: LearnerSettings) -> FittedLearner:
    """Give the learner of all leads that would be used if there were no segments."""
    if not isinstance(choice.learner, SegmentedLearner):
        return choice.learner
    return choose(data, settings.model_copy(update={"segments_by": None})).learner


def _separate(data: LabelledMatrix, new: LabelledMatrix) -> Floats:
    log_odds = np.empty(len(new))
    for code in range(1, len(COUNTRIES) + 1):
        own, theirs = data.values[:, 2] == code, new.values[:, 2] == code
        log_odds[theirs] = choose(data.rows(own), SETTINGS).learner.log_odds(new.values[theirs])
    return log_odds


def real(source: str, column: str) -> dict[str, Any]:
    """Learn from an export with and without segments, and judge both by its test part."""
    params, run = load_params(), RunFolder(source)
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data, test = read_parts(run, LEARNING, horizon), read_parts(run, ("test",), horizon)
    update = {"seed": params.seed, "segments_by": (column,), "num_threads": 1}
    settings = params.model.model_copy(update=update)
    choice = choose(data, settings)
    learners = _pooled(choice, data, settings), choice.learner
    losses = [row_log_loss(one.log_odds(test.values), test.converted) for one in learners]
    gains = losses[0] - losses[1]
    gain, error = float(gains.mean()), paired_error(gains, test.group)
    return {
        "source": source,
        "segments_by": column,
        "test": {
            "pooled": float(losses[0].mean()),
            "partial": float(losses[1].mean()),
            "gain": gain,
            "low": gain - NORMAL_95 * error if gain else 0.0,
            "high": gain + NORMAL_95 * error if gain else 0.0,
        },
        "backtest": _verdict(choice),
        "segments": segments_told(choice.learner, data.features),
    }


def _verdict(choice: Choice) -> dict[str, Any] | None:
    return None if choice.segments is None else choice.segments.to_json()


def main() -> None:
    """Print a line a world and an export, and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--real", action="store_true", help="learn from real exports as well")
    asked = parser.parse_args()
    worlds = []
    for n, differ in ((n, differ) for differ in (True, False) for n in SIZES):
        worlds.append(simulated(n, differ))
        told = " ".join(f"{way} {value:.5f}" for way, value in worlds[-1]["all"].items())
        print(f"{n} leads, differ {differ}: {told}, used {worlds[-1]['used']}", flush=True)
    exports = []
    for source, column in REAL.items() if asked.real else ():
        try:
            source_stages(source, "features")
        except LeadcastError as error:
            print(f"{source} is left out: {error}")
            continue
        exports.append(real(source, column))
        print(f"{source}: {exports[-1]['backtest']}, test {exports[-1]['test']}", flush=True)
    write_result("segments", {"worlds": worlds, "exports": exports})


if __name__ == "__main__":
    main()
