import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.choice.setups import blend_weights
from leadcast.models.data import Integers
from leadcast.models.learners.basis import Effect, effects_of, expand, fit_terms
from leadcast.models.learners.boosting import added_between, as_trees, boost
from leadcast.models.learners.drifting_level import fit_level_regression
from leadcast.models.learners.ridge import Ridge
from leadcast.models.learners.rows import canonical_order, periods_of, recency_weights, thinned
from tests.learner_worlds import QUICK, logistic_world, with_won


def _one_period(n: int) -> Integers:
    return np.zeros(n, dtype=np.int64)


def test_newton_finds_the_optimum_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    columns = random.normal(size=(400, 5))
    converted = (random.random(400) < 1 / (1 + np.exp(-columns[:, 0]))).astype(np.float64)
    weight = random.uniform(0.2, 1.0, 400)
    fit = fit_level_regression(
        columns, converted, weight, _one_period(400), Ridge.of(np.full(5, 4.0))
    )
    reference = LogisticRegression(C=0.25, tol=1e-10, max_iter=1000)
    reference.fit(columns, converted, sample_weight=weight)
    np.testing.assert_allclose(fit.weights, reference.coef_[0], atol=2e-4)


def test_a_start_elsewhere_leads_to_the_same_place() -> None:
    data = logistic_world(1000)[0]
    columns = np.nan_to_num(data.values.astype(np.float64))
    period = periods_of(data, 8)
    arguments = (columns, data.converted, np.ones(1000), period)
    start = fit_level_regression(*arguments, Ridge.of(np.full(4, 500.0)))
    there = fit_level_regression(*arguments, Ridge.of(np.full(4, 5.0)), start)
    alone = fit_level_regression(*arguments, Ridge.of(np.full(4, 5.0)))
    np.testing.assert_allclose(there.weights, alone.weights, atol=1e-3)


def test_the_step_variance_follows_the_world() -> None:
    def found(steps: float) -> float:
        random = np.random.default_rng(2)
        level = np.repeat(np.cumsum(random.normal(0, steps, 12)), 500)
        converted = (random.random(6000) < 1 / (1 + np.exp(-level))).astype(np.float64)
        period = np.repeat(np.arange(12), 500)
        columns = random.normal(size=(6000, 1))
        fit = fit_level_regression(columns, converted, np.ones(6000), period, Ridge.of(np.ones(1)))
        return fit.steps.variance

    assert found(0.0) < 0.03
    assert 0.2 < found(1.0) < 3.0


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_effects_are_the_columns_folded(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = logistic_world(150, seed)[0]
    terms = fit_terms(data, 5, 0.5, frozenset())
    columns = expand(terms, data.values)
    weights = random.normal(size=columns.shape[1:])
    centre = np.asarray(columns.mean(axis=0), np.float64)
    effects = effects_of(terms, weights, centre, frozenset(range(4)))
    # Far beyond the range seen, too.
    values = np.where(random.random(data.values.shape) < 0.1, data.values * 50, data.values)
    values = np.where(data.values == np.round(data.values), data.values, values).astype(np.float32)
    folded = sum(effect.of(values) for effect in effects)
    present = ~np.isnan(values[:, 0])
    expected = (expand(terms, values) - centre) @ weights
    np.testing.assert_allclose(np.asarray(folded)[present], expected[present], atol=1e-9)


def test_an_effect_goes_through_json_unchanged() -> None:
    effect = Effect(
        feature=1, category=True, points=[1.0, 3.0], heights=[0.1, -0.2], other=0.05, missing=0.0
    )
    values = np.array([[0, 1], [0, 2], [0, 3], [0, np.nan]], dtype=np.float32)
    again = Effect.model_validate_json(effect.model_dump_json())
    assert again.of(values).tolist() == [0.1, 0.05, -0.2, 0.0]


def test_recency_halves_at_the_half_life() -> None:
    weights = recency_weights(np.array([0, 50, 75, 100]), 0.25)
    np.testing.assert_allclose(weights, [1 / 16, 1 / 4, 1 / 2, 1])
    assert recency_weights(np.array([0, 50]), None).tolist() == [1.0, 1.0]
    assert recency_weights(np.array([7, 7]), 0.25).tolist() == [1.0, 1.0]


def test_periods_are_of_about_equal_size_and_in_order() -> None:
    period = periods_of(logistic_world(1200)[0], 12)
    assert np.bincount(period).tolist() == [100] * 12
    assert np.all(np.diff(period) >= 0)


def test_few_won_leads_make_few_periods() -> None:
    data = logistic_world(1000)[0]
    assert periods_of(with_won(data, 45), 12).max() + 1 == 4
    assert periods_of(with_won(data, 25), 12).max() == 0


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_the_canonical_order_forgets_the_order_given(seed: int) -> None:
    data = logistic_world(60)[0]
    shuffled = data.rows(np.random.default_rng(seed).permutation(60))
    one, other = data.rows(canonical_order(data)), shuffled.rows(canonical_order(shuffled))
    assert np.array_equal(one.values, other.values, equal_nan=True)
    assert np.array_equal(one.converted, other.converted)


def test_thinning_spans_all_rows() -> None:
    thin = thinned(logistic_world(1000)[0], 10)
    assert (thin.position[0], thin.position[-1], len(thin)) == (0, 999, 10)


def test_blend_weights_prefer_the_shape_that_tells() -> None:
    data, truth = logistic_world(5000)
    noise = np.random.default_rng(9).normal(size=5000)
    shapes = np.column_stack([truth - truth.mean(), noise])
    level = np.full(5000, truth.mean())
    weights = blend_weights(level, shapes, data.converted, data.group % 3)
    assert weights[0] == pytest.approx(1, abs=0.25)
    assert weights[1] == pytest.approx(0, abs=0.15)


def test_blend_weights_are_never_negative() -> None:
    data, truth = logistic_world(5000)
    centred = truth - truth.mean()
    shapes = np.column_stack([centred, -centred])
    weights = blend_weights(np.zeros(5000), shapes, data.converted, data.group % 2)
    assert np.all(weights >= 0)
    assert weights[0] > weights[1]


def test_stages_of_the_same_trees_are_kept_once_and_say_the_same() -> None:
    data = logistic_world(1000)[0]
    columns = np.arange(data.values.shape[1])
    boosters = boost(data, np.ones(1000), np.zeros(1000), columns, 20, QUICK)
    stages = ((5, 0.5), (20, 0.25))
    parts = as_trees(boosters, columns, stages, data.values)
    assert [weight for _, weight in parts] == [0.75, 0.25]
    after = {n: added_between(boosters, data.values, 0, n) for n, _ in stages}
    wanted = sum(weight * (after[n] - after[n].mean()) for n, weight in stages)
    found = sum(weight * trees.values(data.values) for trees, weight in parts)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
