from dataclasses import replace

import numpy as np
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.registry import AGE, Feature
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup, WeighedTrees
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.learners.regression import lay_out
from leadcast.models.learners.rows import canonical_order
from leadcast.models.settings import LearnerSettings
from tests.learner_worlds import QUICK, logistic_world, with_clock

STRAIGHT = QUICK.model_copy(update={"knots": 1})
LOGISTIC = (Setup(None, ((10.0, 1.0),)),)
LIGHTGBM = (Setup(None, (), (WeighedTrees("cautious", 60, 1.0),)),)


def _fit(kind: str, data: LabelledMatrix, settings: LearnerSettings = QUICK) -> FittedLearner:
    return fit_learner(kind, data, LOGISTIC if kind == "logistic" else LIGHTGBM, settings)


def test_logistic_recovers_a_logistic_world() -> None:
    data, truth = logistic_world(20_000)
    error = _fit("logistic", data).log_odds(data.values) - truth
    assert np.sqrt(np.mean(error**2)) < 0.12
    assert abs(error.mean()) < 0.05


def test_the_recovery_can_fail() -> None:
    data, truth = logistic_world(20_000)
    shuffled = replace(data, converted=np.random.default_rng(0).permutation(data.converted))
    error = _fit("logistic", shuffled).log_odds(data.values) - truth
    assert np.sqrt(np.mean(error**2)) > 0.5


def test_curves_follow_what_is_not_straight() -> None:
    data = logistic_world(20_000)[0]
    random = np.random.default_rng(1)
    truth = np.abs(data.values[:, 0].astype(np.float64)) * 2 - 2
    data = replace(data, converted=(random.random(len(data)) < 1 / (1 + np.exp(-truth))) * 1.0)
    inside = np.abs(data.values[:, 0]) < 2
    curved = _fit("logistic", data).log_odds(data.values) - truth
    straight = _fit("logistic", data, STRAIGHT).log_odds(data.values) - truth
    assert np.sqrt(np.mean(curved[inside] ** 2)) < 0.2
    assert np.sqrt(np.mean(straight[inside] ** 2)) > 0.5


def _drifting(n: int = 6000) -> tuple[LabelledMatrix, Floats]:
    data, truth = logistic_world(n, seed=5)
    level = np.where(np.arange(n) < n // 2, -1.0, 1.0)
    random = np.random.default_rng(6)
    converted = (random.random(n) < 1 / (1 + np.exp(-truth - level))).astype(np.float64)
    return replace(data, converted=converted), truth + 1.0


@pytest.mark.parametrize("kind", ["logistic", "lightgbm"])
def test_the_level_is_that_of_the_newest_leads(kind: str) -> None:
    data, newest = _drifting()
    predicted = _fit(kind, data).log_odds(data.values)
    assert abs(predicted.mean() - newest.mean()) < 0.25
    # Without periods the level is that of all leads, one off.
    alike = _fit(kind, data, QUICK.model_copy(update={"periods": 1})).log_odds(data.values)
    assert alike.mean() < newest.mean() - 0.7


def _clocked(rate: Floats) -> LabelledMatrix:
    # The clock has nothing to say: level and clock drift on their own.
    return with_clock(logistic_world(len(rate), seed=8)[0], rate)


def test_clocks_are_found_by_their_variance_between_periods() -> None:
    data = _clocked(np.floor(np.arange(4000) / 300))
    layout = lay_out(data.rows(canonical_order(data)), QUICK)
    assert layout.clocks == {4}
    assert 4 not in layout.seen_by_trees


def test_the_age_of_a_lead_is_no_clock_however_it_goes_with_the_seasons() -> None:
    data = _clocked(np.floor(np.arange(4000) / 300))
    aged = (*data.features[:4], replace(data.features[4], name=AGE))
    layout = lay_out(replace(data, features=aged).rows(canonical_order(data)), QUICK)
    assert layout.clocks == frozenset()
    assert 4 in layout.seen_by_trees


def test_a_clock_does_not_carry_the_log_odds_away() -> None:
    data = _clocked(np.floor(np.arange(4000) / 300))
    learner = _fit("logistic", data)
    now, far, farther = (data.values.copy() for _ in range(3))
    now[:, 4], far[:, 4], farther[:, 4] = 13, 1e3, 1e6
    here, there = learner.log_odds(now), learner.log_odds(far)
    assert np.array_equal(there, learner.log_odds(farther))
    assert np.abs(there - here).mean() < 1.0
    # The doubt about the level, where it grows, draws all probabilities towards one half.
    assert np.std(there) <= np.std(here)


def test_trees_do_not_see_clocks() -> None:
    data = _clocked(np.floor(np.arange(4000) / 300))
    moved = data.values.copy()
    moved[:, 4] = np.random.default_rng(0).permutation(moved[:, 4])
    learner = fit_learner("lightgbm", data, LIGHTGBM, QUICK)
    shape = learner.shapes[0]  # type: ignore[attr-defined]
    assert np.array_equal(shape.values(moved), shape.values(data.values))


def _against(direction: int) -> LearnerSettings:
    return QUICK.model_copy(update={"monotone": {"visits": direction}})


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("kind", ["logistic", "lightgbm"])
def test_monotone_constraints_hold(kind: str, direction: int) -> None:
    data = logistic_world(1500)[0]
    learner = _fit(kind, data, _against(direction))
    base = data.values[:50]
    scores = []
    for visits in np.linspace(-4, 4, 40):
        base = base.copy()
        base[:, 0] = visits
        scores.append(learner.log_odds(base))
    steps = np.diff(np.array(scores), axis=0) * direction
    assert np.all(steps >= -1e-12)
    # With the grain of the truth the effect is there, against it it is held at nothing.
    assert (steps.sum() > 1) == (direction == 1)


def test_constraints_that_cannot_be_are_all_told() -> None:
    settings = QUICK.model_copy(update={"monotone": {"channel": 1, "vists": -1}})
    with pytest.raises(FaultsError) as caught:
        _fit("logistic", logistic_world(300)[0], settings)
    told = str(caught.value)
    assert "model.monotone: 'channel': found a category" in told
    assert "model.monotone: 'vists': found no such feature" in told
    assert "The most alike: visits" in told


def test_unseen_and_missing_values_move_the_log_odds_little() -> None:
    data = logistic_world(5000)[0]
    learner = _fit("logistic", data)
    row = np.array([[0.0, 0.0, 1.0, 0.0]], dtype=np.float32)
    unseen, missing = row.copy(), row.copy()
    unseen[0, 2], missing[0, 0] = 99, np.nan
    assert abs(learner.log_odds(unseen) - learner.log_odds(row))[0] < 0.6
    assert abs(learner.log_odds(missing) - learner.log_odds(row))[0] < 0.4


def test_prior_finds_the_segment_that_matters() -> None:
    data = logistic_world(200, seed=2)[0]
    rates = np.array([0.05, 0.05, 0.8, 0.05])[np.nan_to_num(data.values[:, 2]).astype(int)]
    random = np.random.default_rng(0)
    data = replace(data, converted=(random.random(200) < rates).astype(np.float64))
    learner = fit_learner("prior", data, LOGISTIC, QUICK)
    rows = np.zeros((2, 4), dtype=np.float32)
    rows[:, 2] = 2, 1
    probability = 1 / (1 + np.exp(-learner.log_odds(rows)))
    assert probability[0] > 0.5 > 0.2 > probability[1]


def test_prior_does_not_segment_by_chance() -> None:
    random = np.random.default_rng(4)
    found = 0
    for seed in range(20):
        data = logistic_world(100, seed)[0]
        data = replace(data, converted=(random.random(100) < 0.2).astype(np.float64))
        found += bool(fit_learner("prior", data, LOGISTIC, QUICK).importance().any())
    assert found <= 2


def test_prior_gives_the_base_rate() -> None:
    feature = Feature("x", "fit", "number", ("leads",), "x")
    values = np.zeros((30, 1), dtype=np.float32)
    converted = (np.arange(30) % 15 == 7).astype(np.float64)
    place = np.arange(30)
    data = LabelledMatrix(values, (feature,), converted, place, place, 0)
    log_odds = fit_learner("prior", data, LOGISTIC, QUICK).log_odds(values)
    # That it may have changed is averaged in.
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), 2.5 / 31, rtol=0.1)
    at_once = replace(data, position=np.zeros(30, np.int64))
    log_odds = fit_learner("prior", at_once, LOGISTIC, QUICK).log_odds(values)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), 2.5 / 31)
