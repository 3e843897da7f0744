from dataclasses import replace

import numpy as np
import pytest

from leadcast.models.choice import ladder
from leadcast.models.choice.backtest import rolling_origins, row_log_loss
from leadcast.models.choice.choice import choose
from leadcast.models.choice.setups import contenders
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.learners.boosting import CAPACITIES, Grove, boost, parameters
from tests.learner_worlds import QUICK, logistic_world

CLIMBING = QUICK.model_copy(
    update={
        "rounds": (20, 40, 80, 160),
        "candidates": ("prior", "lightgbm"),
        "capacities": ("cautious", "moderate", "bold"),
        "seeds": 1,
    }
)


def _pairs(n: int, seed: int) -> tuple[LabelledMatrix, Floats]:
    """Leads that are won where two columns agree in sign: no column tells anything alone."""
    data, _ = logistic_world(n, seed=seed)
    generator = np.random.default_rng(seed)
    values = generator.normal(size=data.values.shape).astype(np.float32)
    probability = np.where(values[:, 0] * values[:, 1] > 0, 0.8, 0.1)
    converted = (generator.random(n) < probability).astype(np.float64)
    features = tuple(replace(f, dtype="number", levels=()) for f in data.features)
    return replace(data, values=values, converted=converted, features=features), probability


def test_bolder_trees_win_where_interactions_matter_and_leads_are_many() -> None:
    data, probability = _pairs(2_000, seed=3)
    chosen = choose(data, CLIMBING)
    used = {t["capacity"] for member in chosen.setup["members"] for t in member["trees"]}
    assert used <= {"moderate", "bold"}
    cautious = choose(data, CLIMBING.model_copy(update={"capacities": ("cautious",)}))
    losses = [
        float(row_log_loss(one.learner.log_odds(data.values), probability).mean())
        for one in (chosen, cautious)
    ]
    assert losses[0] < losses[1] - 0.02


def test_cautious_trees_stay_where_nothing_can_be_learned() -> None:
    data, _ = logistic_world(3_000, seed=4)
    coin = np.random.default_rng(1).random(len(data)) < 0.3
    chosen = choose(replace(data, converted=coin.astype(np.float64)), CLIMBING)
    used = {t["capacity"] for member in chosen.setup["members"] for t in member["trees"]}
    assert used <= {"cautious"}


def test_rules_that_hold_are_found_among_few_won_leads() -> None:
    # 230 won: CatBoost and LightGBM at their defaults find such rules, and cautious trees do not.
    data, _ = _pairs(1_500, seed=5)
    clear = data.values[:, 0] * data.values[:, 1] > 0.35
    rules = replace(data, converted=clear.astype(np.float64))
    chosen = choose(rules, CLIMBING)
    used = {t["capacity"] for member in chosen.setup["members"] for t in member["trees"]}
    assert used
    assert "cautious" not in used
    cautious = choose(rules, CLIMBING.model_copy(update={"capacities": ("cautious",)}))
    later, _ = _pairs(2_000, seed=6)
    won = (later.values[:, 0] * later.values[:, 1] > 0.35).astype(np.float64)
    losses = [
        float(row_log_loss(one.learner.log_odds(later.values), won).mean())
        for one in (chosen, cautious)
    ]
    assert losses[0] < 0.7 * losses[1]


def test_deep_trees_want_more_won_leads() -> None:
    data, _ = _pairs(2_000, seed=5)
    origins = rolling_origins(data, 3)
    to_the_top = CLIMBING.model_copy(update={"capacities": tuple(CAPACITIES)})
    trials = ladder.run_trials(data, origins, to_the_top, ("lightgbm",), lambda _w, _s: None)
    grown = {capacity for trial in trials for _, (capacity, _) in trial.trees}
    assert "bold" in grown
    assert "deep" not in grown


def test_a_stage_competes_only_where_all_origins_reached_it() -> None:
    data, _ = _pairs(800, seed=6)
    origins = rolling_origins(data, 3)
    trials = ladder.run_trials(data, origins, QUICK, ("lightgbm",), lambda _w, _s: None)

    def offered() -> set[tuple[str, int]]:
        found = contenders(trials, ("lightgbm",), QUICK)["lightgbm"]
        return {(tree.capacity, tree.rounds) for setup in found.setups for tree in setup.trees}

    assert ("cautious", 60) in offered()
    for key in [key for key in trials[1].trees if key[1] == ("cautious", 60)]:
        del trials[1].trees[key]
    assert ("cautious", 60) not in offered()


def test_boosting_ends_where_more_rounds_make_later_leads_worse() -> None:
    data, _ = logistic_world(800, seed=7)
    coin = (np.random.default_rng(2).random(len(data)) < 0.4).astype(np.float64)
    long = CLIMBING.model_copy(update={"rounds": (10, 20, 40, 80, 160, 320, 640)})
    rows = replace(data, converted=coin)
    trials = ladder.run_trials(
        rows, rolling_origins(rows, 3), long, ("lightgbm",), lambda _w, _s: None
    )
    assert all(rounds < 640 for trial in trials for _, (_, rounds) in trial.trees)


@pytest.mark.parametrize("capacity", list(CAPACITIES))
def test_boosters_grown_on_are_those_grown_at_once(capacity: str) -> None:
    data, _ = logistic_world(600, seed=8)
    columns, even = np.arange(data.values.shape[1]), np.ones(len(data))
    options = parameters(len(data), QUICK, capacity)  # type: ignore[arg-type]
    grove = Grove.planted(data, even, np.zeros(len(data)), columns, QUICK, options)
    for rounds in (5, 12):
        grove.grow_to(rounds, 1)
        grove.boosters()
    at_once = boost(data, even, np.zeros(len(data)), columns, 12, QUICK, options)
    for one, other in zip(grove.boosters(), at_once, strict=True):
        assert one.model_to_string() == other.model_to_string()
