"""A few dozen leads won: what they show is told, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from leadcast.features.registry import Feature
from leadcast.models.choice.choice import choose
from leadcast.models.choice.setups import Setup
from leadcast.models.choice.shrinkage import shrunken
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.rows import canonical_order
from leadcast.models.settings import LearnerSettings

N, SEEDS = 300, 8
COLUMNS = 9
FEATURES = tuple(Feature(f"x{j}", "fit", "number", ("leads",), f"x{j}") for j in range(COLUMNS))
SETUP = Setup(None, ((LearnerSettings().for_rows(N).middle_penalty, 1.0),))


def _world(effect: float, seed: int) -> tuple[LabelledMatrix, LabelledMatrix, Floats]:
    random = np.random.default_rng(seed)
    values = random.normal(size=(N + 4000, COLUMNS)).astype(np.float32)
    truth = -2.2 + values @ random.normal(size=COLUMNS) * effect
    converted = (random.random(len(truth)) < sigmoid(truth)).astype(np.float64)
    place = np.arange(len(truth), dtype=np.int64)
    data = LabelledMatrix(values, FEATURES, converted, place, place, 0)
    return data.rows(place[:N]), data.rows(place[N:]), truth[N:]


def _regret(log_odds: Floats, truth: Floats) -> float:
    def loss(said: Floats) -> float:
        return float((np.logaddexp(0.0, said) - sigmoid(truth) * said).mean())

    return loss(log_odds) - loss(truth)


def _regrets(effect: float) -> tuple[float, float]:
    found = []
    for seed in range(SEEDS):
        known, new, truth = _world(effect, seed)
        won = float(known.converted.mean())
        base = np.full(len(truth), np.log(won / (1 - won)))
        learner = choose(known, LearnerSettings()).learner
        found.append((_regret(learner.log_odds(new.values), truth), _regret(base, truth)))
    ours, base_rate = np.mean(found, axis=0)
    return float(ours), float(base_rate)


def test_where_there_is_nothing_to_learn_it_is_near_the_base_rate() -> None:
    ours, base_rate = _regrets(0.0)
    assert ours < base_rate + 0.003


def test_where_there_is_something_it_beats_the_base_rate() -> None:
    ours, base_rate = _regrets(0.4)
    # A prior four times as tight came to 0.39 of it.
    assert ours < base_rate / 3


def test_curves_that_set_no_leads_apart_are_left_out() -> None:
    random = np.random.default_rng(0)
    weights = []
    for seed in range(SEEDS):
        known = _world(1.0, seed)[0]
        shuffled = replace(known, converted=random.permutation(known.converted))
        setups = [_shrunken(one) for one in (known, shuffled)]
        weights.append([setup.curves[0][1] for setup in setups])
    told, by_chance = np.mean(weights, axis=0)
    assert told > 0.8
    assert by_chance < 0.25


@pytest.mark.parametrize("won", [1, N - 1])
def test_a_fold_that_would_learn_nothing_changes_nothing(won: int) -> None:
    known = _world(1.0, 0)[0]
    one_sided = replace(known, converted=(np.arange(N) < won).astype(np.float64))
    assert _shrunken(one_sided) == SETUP


def _shrunken(data: LabelledMatrix) -> Setup:
    return shrunken(SETUP, data.rows(canonical_order(data)), LearnerSettings())
