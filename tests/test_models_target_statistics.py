from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.registry import DType, Feature
from leadcast.models.data import Floats, LabelledMatrix, Matrix
from leadcast.models.learners.boosting import boost
from leadcast.models.learners.target_statistics import (
    PRIOR_LEADS,
    TargetStatistics,
    as_categorical_splits,
)
from leadcast.models.settings import LearnerSettings
from leadcast.models.trees.trees import Forest

LEVELS = 40
CATEGORIES = np.array([0, 2])


def feature(name: str, dtype: DType) -> Feature:
    levels = tuple(f"L{n}" for n in range(LEVELS)) if dtype == "category" else ()
    return Feature(name, "fit", dtype, (name,), name, levels)


def world(n: int, seed: int, horizon: int = 3) -> LabelledMatrix:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, LEVELS + 1, (n, 3)).astype(np.float32)
    values[rng.random((n, 3)) < 0.1] = np.nan
    chance = 0.1 + 0.7 * (np.nan_to_num(values[:, 0], nan=7.0) % 5 < 2)
    return LabelledMatrix(
        values=values,
        features=(feature("a", "category"), feature("b", "number"), feature("c", "category")),
        converted=(rng.random(n) < chance).astype(np.float64),
        position=np.sort(rng.integers(0, max(n // 2, 1), n)),
        group=np.arange(n),
        horizon=horizon,
    )


def same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


def tables_of(statistics: TargetStatistics, values: Matrix) -> Matrix:
    columns = [
        table[np.where(np.isnan(values[:, column]), -1, values[:, column]).astype(int) + 1]
        for column, table in zip(CATEGORIES, statistics.tables, strict=True)
    ]
    return np.column_stack(columns)


def grown(data: LabelledMatrix, rounds: int = 40) -> tuple[lightgbm.Booster, TargetStatistics, str]:
    statistics = TargetStatistics.of(data, data.weights, CATEGORIES)
    seen = np.hstack([data.values, statistics.so_far])
    rows = lightgbm.Dataset(seen, data.converted, categorical_feature=[0])
    options = {"objective": "binary", "verbose": -1, "extra_trees": True, "num_threads": 1}
    booster = lightgbm.train(options, rows, rounds)
    text = as_categorical_splits(booster.model_to_string(), CATEGORIES, statistics.tables)
    return booster, statistics, text


@given(st.integers(2, 40), st.integers(0, 10_000), st.integers(0, 5))
@settings(max_examples=60)
def test_a_row_sees_the_share_among_labels_known_before_it(n: int, seed: int, horizon: int) -> None:
    data = world(n, seed, horizon)
    weight = np.random.default_rng(seed).uniform(0.5, 2, n)
    statistics = TargetStatistics.of(data, weight, CATEGORIES)
    overall = np.average(data.converted, weights=weight)
    for place, column in enumerate(CATEGORIES):
        own = data.values[:, column]
        for row in range(n):
            alike = np.array([same(value, own[row]) for value in own])
            known = alike & (data.position + horizon < data.position[row])
            won = (weight * data.converted)[known].sum() + PRIOR_LEADS * overall
            expected = won / (weight[known].sum() + PRIOR_LEADS)
            assert statistics.so_far[row, place] == pytest.approx(expected, rel=1e-6)


def test_labels_not_known_yet_change_nothing() -> None:
    data = world(400, 1, horizon=20)
    moment = int(data.position[200])
    late = data.position + data.horizon >= moment
    # The overall share, which all rows share, stays the same: outcomes are exchanged.
    turned = data.converted.copy()
    turned[late] = turned[late][::-1]
    assert not np.array_equal(turned, data.converted)
    one, other = (
        TargetStatistics.of(each, each.weights, CATEGORIES).so_far
        for each in (data, replace(data, converted=turned))
    )
    early = data.position <= moment
    np.testing.assert_array_equal(one[early], other[early])
    assert not np.array_equal(one[~early], other[~early])


@pytest.mark.parametrize("seed", range(5))
def test_categorical_splits_say_what_the_splits_on_statistics_said(seed: int) -> None:
    booster, statistics, text = grown(world(3000, seed))
    later = world(1000, 100 + seed).values
    wanted = booster.predict(np.hstack([later, tables_of(statistics, later)]), raw_score=True)
    rewritten = lightgbm.Booster(model_str=text)
    assert rewritten.num_feature() == 3
    np.testing.assert_array_equal(rewritten.predict(later, raw_score=True), wanted)
    np.testing.assert_allclose(Forest.from_lightgbm_text(text).raw(later), wanted, atol=1e-12)
    np.testing.assert_allclose(Forest.from_lightgbm_text(text).raw(later[:1]), wanted[:1])


def test_contributions_are_those_of_lightgbm() -> None:
    text = grown(world(3000, 3))[2]
    later = world(50, 4).values
    wanted = lightgbm.Booster(model_str=text).predict(later, pred_contrib=True)
    found = Forest.from_lightgbm_text(text).contributions(later)
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_a_code_that_training_never_met_goes_with_the_missing_ones_or_by_the_overall_share() -> (
    None
):
    data = world(3000, 5)
    values = data.values.copy()
    values[values[:, 0] == 9, 0] = np.nan
    text = grown(replace(data, values=values))[2]
    beyond = np.tile(world(1, 6).values, (2, 1))
    beyond[:, 0] = np.float32(LEVELS + 5), np.nan
    one, other = Forest.from_lightgbm_text(text).raw(beyond)
    assert one == other


def test_every_other_booster_sees_statistics_and_none_needs_them_afterwards() -> None:
    data = world(2000, 7)
    settings_of_two = LearnerSettings(seeds=2, seed=1, few_rows=0)
    nothing: Floats = np.zeros(len(data))
    boosters = boost(data, data.weights, nothing, np.arange(3), 30, settings_of_two)
    assert [booster.num_feature() for booster in boosters] == [3, 3]
    sets = [
        max(map(len, Forest.from_lightgbm_text(booster.model_to_string()).trees.left_sets.values()))
        for booster in boosters
    ]
    # One category against the rest, and many taken together.
    assert sets[1] == 1 < sets[0]
