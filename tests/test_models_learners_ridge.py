"""The rows choose how far a number's curve bends: not where the truth is a line."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.basis import bent_by, fit_terms
from leadcast.models.learners.drifting_level import fit_level_regression
from leadcast.models.learners.regression import fit_regressions, lay_out
from leadcast.models.learners.ridge import HELD, PRIOR_BENDS, Ridge
from tests.learner_worlds import QUICK, logistic_world

NUMBERS = 10


def _world(seed: int, shape: str) -> tuple[LabelledMatrix, Floats]:
    """Rows of ten numbers, and the true log-odds: lines, or a jump of each."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(2_000, NUMBERS))
    slopes = random.normal(size=NUMBERS)
    truth = (values if shape == "lines" else 2.0 * (values > 0.5)) @ slopes / 2 - 1
    blank = logistic_world(len(values), seed)[0]
    number = replace(blank.features[0], dtype="number", levels=())
    features = tuple(replace(number, name=f"number_{place}") for place in range(NUMBERS))
    converted = (random.random(len(values)) < sigmoid(truth)).astype(np.float64)
    return replace(
        blank, values=values.astype(np.float32), features=features, converted=converted
    ), truth


def _regret(said: Floats, truth: Floats) -> float:
    """The expected log loss beyond that of the truth."""
    return float(
        np.mean(sigmoid(truth) * (truth - said) - np.logaddexp(0, truth) + np.logaddexp(0, said))
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lines_are_learned_as_well_as_by_scikit_learn(seed: int) -> None:
    from sklearn.linear_model import LogisticRegression

    data, truth = _world(seed, "lines")
    past, later = np.arange(800), np.arange(800, len(data))
    regression = fit_regressions(lay_out(data.rows(past), QUICK), None, (2.5,))[0]
    new = data.values[later]
    said = regression.level.mean(new) + regression.curves.values(new)
    peer = LogisticRegression().fit(data.values[past], data.converted[past])
    theirs = peer.decision_function(new).astype(np.float64)
    # Bends that are held like lines come to 2.6 to 4 times as much.
    assert _regret(said, truth[later]) < 1.5 * _regret(theirs, truth[later])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_jumps_let_the_bends_loose(seed: int) -> None:
    data, truth = _world(seed, "jumps")
    past, later = np.arange(800), np.arange(800, len(data))
    new = data.values[later]

    def regret(knots: int) -> float:
        settings = QUICK.model_copy(update={"knots": knots})
        regression = fit_regressions(lay_out(data.rows(past), settings), None, (2.5,))[0]
        said = regression.level.mean(new) + regression.curves.values(new)
        return _regret(said, truth[later])

    assert regret(8) < 0.8 * regret(1)


def test_only_the_bends_of_numbers_are_left_to_the_rows() -> None:
    data = logistic_world(600)[0]
    terms = fit_terms(data, 6, 0.5, frozenset({0}))
    group = bent_by(terms)
    start = 0
    for term in terms:
        own = group[start : start + term.width()]
        bends = 0 if term.category else len(term.points)
        assert (own == term.feature).sum() == bends
        assert term.category or own[0] == HELD
        start += term.width()


@given(st.integers(0, 1000))
def test_an_update_is_what_expectation_maximisation_asks_for(seed: int) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(HELD, 3, 12)
    given_ = np.where(group == HELD, 3.0, 20.0 + group)
    weights, variance = random.normal(size=12), random.uniform(0.01, 1, 12)
    found = Ridge.of(given_, group).after(weights, variance).penalty
    np.testing.assert_array_equal(found[group == HELD], 3.0)
    for number in range(3):
        own = group == number
        squares = (weights[own] ** 2 + variance[own]).sum() + PRIOR_BENDS / (20.0 + number)
        np.testing.assert_allclose(found[own], (own.sum() + PRIOR_BENDS) / squares)


def test_what_tells_nothing_keeps_what_was_given() -> None:
    """Where no row bends a column, the posterior is the prior, and stays."""
    columns = np.zeros((300, 4))
    converted = np.arange(300) % 3 == 0
    period = np.zeros(300, np.int64)
    ridge = Ridge.of(np.full(4, 7.0), np.zeros(4, np.int64))
    fit = fit_level_regression(columns, converted * 1.0, np.ones(300), period, ridge)
    np.testing.assert_allclose(np.diag(fit.covariance)[1:5], 1 / 7, rtol=1e-6)
