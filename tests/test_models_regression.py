from dataclasses import replace

import numpy as np
import pytest

from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup, WeighedTrees
from leadcast.models.data import LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.regression import Ground, lay_out
from leadcast.models.learners.rows import canonical_order, row_weights
from tests.learner_worlds import QUICK, logistic_world

STEADY = QUICK.model_copy(update={"periods": 1})
CURVES, TREES = ((10.0, 0.3), (100.0, 0.3)), (WeighedTrees("cautious", 60, 0.5),)


@pytest.fixture(scope="module")
def rare() -> LabelledMatrix:
    """Make a world in which few leads convert, where averages of log-odds say too little."""
    data, truth = logistic_world(6000, seed=3)
    converted = np.random.default_rng(4).random(6000) < sigmoid(2 * truth - 3)
    return replace(data, converted=converted.astype(np.float64))


def ground_of(data: LabelledMatrix) -> Ground:
    return Ground.of(lay_out(data.rows(canonical_order(data)), STEADY))


@pytest.mark.parametrize(
    "setup",
    [Setup(None, curves=((10.0, 1.0),)), Setup(None, trees=TREES), Setup(None, CURVES, TREES)],
    ids=["curves", "trees", "both"],
)
def test_as_many_are_expected_to_convert_as_did(rare: LabelledMatrix, setup: Setup) -> None:
    kind = "blend" if setup.curves and setup.trees else "logistic" if setup.curves else "lightgbm"
    expected = sigmoid(fit_learner(kind, rare, (setup,), STEADY).log_odds(rare.values)).mean()
    assert expected == pytest.approx(rare.converted.mean(), rel=0.01)


def test_a_shape_moved_up_moves_the_level_down(rare: LabelledMatrix) -> None:
    ground, shape = ground_of(rare), np.random.default_rng(0).normal(size=len(rare))
    there = ground.level_under(shape, None).weights[0]
    assert ground.level_under(shape + 2.0, None).weights[0] == pytest.approx(there - 2.0, abs=0.01)


def test_without_a_shape_the_level_is_that_of_the_base_rate(rare: LabelledMatrix) -> None:
    rate = rare.converted.mean()
    level = ground_of(rare).level_under(np.zeros(len(rare)), None)
    assert level.weights[0] == pytest.approx(np.log(rate / (1 - rate)), abs=0.01)


def test_copies_of_a_leads_snapshots_tell_nothing_new(rare: LabelledMatrix) -> None:
    thrice = rare.rows(np.repeat(np.arange(len(rare)), 3))
    assert row_weights(thrice, None).sum() == pytest.approx(row_weights(rare, None).sum())
    setup = (Setup(None, curves=((10.0, 1.0),)),)
    once, copied = (fit_learner("logistic", d, setup, STEADY) for d in (rare, thrice))
    np.testing.assert_allclose(copied.log_odds(rare.values), once.log_odds(rare.values), atol=0.05)


def test_copies_of_other_leads_do_tell_something(rare: LabelledMatrix) -> None:
    thrice = rare.rows(np.repeat(np.arange(len(rare)), 3))
    strangers = replace(thrice, group=np.arange(len(thrice)))
    assert row_weights(strangers, None).sum() == pytest.approx(3 * len(rare))
    # Other leads of an account are cases of their own.
    account = replace(strangers, group=np.zeros(len(strangers), np.int64), person=strangers.group)
    assert row_weights(account, None).sum() == pytest.approx(3 * len(rare))
