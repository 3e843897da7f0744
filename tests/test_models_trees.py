"""Trees: equal to LightGBM on whatever values come, and refused where they are damaged."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.models.data import Matrix
from leadcast.models.trees import trees as trees_module
from leadcast.models.trees.trees import WALK_ROWS, Forest

N_FEATURES = 6
CATEGORIES = (4, 5)
ODD_VALUES = (0.0, -0.0, 1e-36, -1e-36, 1e-35, 2e-35, -2e-35, 0.5, 1e30, np.inf, -np.inf, np.nan)
ODD_CATEGORIES = (-1.0, -0.5, 0.0, 0.5, 3.7, 8.0, 29.0, 33.0, 500.0, 3e9, np.inf, -np.inf, np.nan)

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "nan is not missing": {"use_missing": False},
    "zero is missing": {"zero_as_missing": True},
    "extra trees": {"extra_trees": True, "feature_fraction": 0.5},
    "categories one by one": {"max_cat_to_onehot": 40},
    "large trees": {"num_leaves": 300, "min_data_in_leaf": 1},
    "many thresholds": {"max_bin": 1000, "min_data_in_bin": 1, "num_leaves": 200},
    "random forest": {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
    "dart": {"boosting": "dart", "drop_rate": 0.5},
}


def draw(seed: int, n_rows: int, odd_share: float) -> Matrix:
    """Draw numbers, counts with zeros, and categories of 6 and 30 levels; some values are odd."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(n_rows, N_FEATURES))
    values[:, 2] = generator.poisson(1.0, n_rows)
    values[:, 4] = generator.integers(0, 6, n_rows)
    values[:, 5] = generator.integers(0, 30, n_rows)
    is_odd = generator.random(values.shape) < odd_share
    odd = generator.choice(ODD_VALUES, values.shape)
    odd[:, CATEGORIES] = generator.choice(ODD_CATEGORIES, (n_rows, len(CATEGORIES)))
    return np.where(is_odd, odd, values).astype(np.float32)


@cache
def booster(variant: str, seed: int = 0) -> Any:  # noqa: ANN401 - LightGBM is untyped
    import lightgbm

    values = draw(seed, 1500, 0.0)
    generator = np.random.default_rng(seed + 1000)
    values[generator.random(values.shape) < 0.15] = np.nan
    signal = np.nan_to_num(values[:, 0] + values[:, 2] * values[:, 1]) + np.sin(values[:, 5])
    signal = np.nan_to_num(signal) + 3 * np.isnan(values[:, 3])
    target = signal + generator.normal(size=len(values)) > 0.3
    parameters = {
        "objective": "binary",
        "num_leaves": 15,
        "min_data_in_leaf": 5,
        "min_data_per_group": 5,
        "cat_smooth": 1.0,
        "num_threads": 1,
        "seed": seed,
        "verbose": -1,
        "deterministic": True,
    }
    data = lightgbm.Dataset(values, target.astype(float), categorical_feature=list(CATEGORIES))
    return lightgbm.train(parameters | VARIANTS[variant], data, 12)


def forest_of(variant: str, seed: int = 0) -> Forest:
    return Forest.from_lightgbm_text(booster(variant, seed).model_to_string())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n_rows", [1, WALK_ROWS, WALK_ROWS + 1, 1100])
def test_raw_is_bit_for_bit_that_of_lightgbm(variant: str, n_rows: int) -> None:
    values = draw(7, n_rows, 0.3)
    expected = booster(variant).predict(values, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(forest_of(variant).raw(values), expected)


@settings(max_examples=25)
@given(
    variant=st.sampled_from(["plain", "zero is missing", "extra trees"]),
    seed=st.integers(1, 6),
    rows=st.integers(0, 2**32 - 1),
    odd_share=st.sampled_from([0.0, 0.1, 0.9]),
)
def test_raw_is_that_of_lightgbm_for_any_model(
    variant: str, seed: int, rows: int, odd_share: float
) -> None:
    values = draw(rows, 100, odd_share)
    expected = booster(variant, seed).predict(values, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(forest_of(variant, seed).raw(values), expected)


def test_the_models_of_these_tests_hold_what_they_are_to_test() -> None:
    trees = forest_of("plain").trees
    assert trees.left_sets, "no categorical split"
    assert np.isinf(trees.threshold).any(), "no split of missing against all else"
    assert set(trees.decision & 2) == {0, 2}, "missing values go one way only"
    assert set(trees.decision >> 2) >= {2}, "no split with missing NaN"
    assert 1 in forest_of("zero is missing").trees.decision >> 2, "no split with missing zero"
    assert np.diff(forest_of("large trees").trees.leaf_start).max() > 256, "leaves fit one byte"


def test_the_comparison_can_fail() -> None:
    trees, values = forest_of("plain").trees, draw(7, 200, 0.3)
    expected = booster("plain").predict(values, raw_score=True, num_threads=1)
    other_side = Forest(replace(trees, decision=trees.decision ^ 2))
    strict = Forest(replace(trees, threshold=np.nextafter(trees.threshold, -np.inf)))
    assert (other_side.raw(values) != expected).any()
    assert (strict.raw(values) != expected).any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_alone_equals_the_row_among_many(variant: str) -> None:
    forest, values = forest_of(variant), draw(3, 50, 0.3)
    alone = np.concatenate([forest.raw(values[row : row + 1]) for row in range(len(values))])
    np.testing.assert_array_equal(forest.raw(values), alone)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees_module, "ROWS_PER_THREAD", 100)
    forest, values = forest_of("plain"), draw(3, 1050, 0.3)
    np.testing.assert_array_equal(forest.raw(values, threads=2), forest.raw(values))


def test_very_large_trees_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    values = draw(3, 600, 0.3)
    expected = forest_of("plain").raw(values)
    monkeypatch.setattr(trees_module, "MAX_LEAVES", 2)
    np.testing.assert_array_equal(forest_of("plain").raw(values), expected)


def test_a_threshold_between_two_float32_values_splits_them() -> None:
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1.0))
    between = (float(low) + float(high)) / 2
    text = booster("plain").model_to_string()
    stump = one_split(text, threshold=between)
    raw = Forest.from_lightgbm_text(stump).raw(row_of(low, high))
    np.testing.assert_array_equal(raw, [-1.0, 1.0])


def test_no_rows_give_no_sums() -> None:
    assert len(forest_of("plain").raw(draw(0, 0, 0.0))) == 0


def test_a_matrix_in_another_order_of_memory_is_read_rightly() -> None:
    values = draw(3, 100, 0.3)
    forest = forest_of("plain")
    np.testing.assert_array_equal(forest.raw(np.asfortranarray(values)), forest.raw(values))


@pytest.mark.parametrize(
    "values", [np.zeros((3, 5), np.float32), np.zeros((3, 6)), np.zeros(6, np.float32)]
)
def test_a_matrix_that_does_not_fit_is_refused(values: Matrix) -> None:
    with pytest.raises(LeadcastError, match="float32 matrix of 6 columns"):
        forest_of("plain").raw(values)


def test_a_model_that_learned_nothing_is_a_constant() -> None:
    import lightgbm

    data = lightgbm.Dataset(np.zeros((50, 2)), np.arange(50) % 5 == 0)
    constant = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3)
    forest = Forest.from_lightgbm_text(constant.model_to_string())
    values = np.ones((20, 2), dtype=np.float32)
    np.testing.assert_array_equal(forest.raw(values), constant.predict(values, raw_score=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_contributions_are_those_of_lightgbm(variant: str) -> None:
    values = draw(5, 40, 0.3)
    expected = booster(variant).predict(values, pred_contrib=True, num_threads=1)
    found = forest_of(variant).contributions(values)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_contributions_add_up_to_the_sum_of_leaves(variant: str) -> None:
    forest, values = forest_of(variant), draw(6, 40, 0.3)
    total = forest.contributions(values).sum(axis=1)
    np.testing.assert_allclose(total, forest.raw(values), rtol=0, atol=1e-9)


def test_contributions_of_a_row_alone_equal_those_among_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forest, values = forest_of("plain"), draw(6, 40, 0.3)
    together = forest.contributions(values)
    alone = np.vstack([forest.contributions(values[row : row + 1]) for row in range(40)])
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr(trees_module, "EXPLAINED_PER_THREAD", 7)
    np.testing.assert_array_equal(together, forest.contributions(values, threads=2))


def test_contributions_of_two_splits_are_those_worked_out_by_hand() -> None:
    # Column 0 then column 1, each side taken by half of the training rows: leaves 0, 0, 2, 6.
    # Known: nothing 2, column 0 (right) 4, column 1 (right) 3, both 6.
    forest = Forest.from_lightgbm_text(two_splits(booster("plain").model_to_string()))
    values = np.array([[1, 1, 0, 0, 0, 0]], dtype=np.float32)
    found = forest.contributions(values)[0]
    np.testing.assert_allclose(found, [2.5, 1.5, 0, 0, 0, 0, 2.0], atol=1e-15)


def test_a_feature_that_no_tree_looks_at_contributes_nothing() -> None:
    forest, values = forest_of("extra trees"), draw(6, 40, 0.3)
    unused = np.setdiff1d(np.arange(N_FEATURES), forest.trees.feature)
    assert not forest.contributions(values)[:, unused].any()


DAMAGES: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "foreign": lambda text: "{}",
    "truncated": lambda text: text[: len(text) // 2],
    "a tree is missing": lambda text: without_block(text, "Tree=3"),
    "a value is missing": lambda text: text.replace("leaf_value=", "leaf_value=1 ", 1),
    "a value is no number": lambda text: text.replace("threshold=", "threshold=x", 1),
    "a leaf is infinite": lambda text: text.replace("leaf_value=", "leaf_value=1e", 1),
    "a child twice": lambda text: text.replace("left_child=1", "left_child=2", 1),
    "a child beyond": lambda text: text.replace("left_child=1", "left_child=77", 1),
    "a circle": lambda text: text.replace("left_child=1", "left_child=0", 1),
    "a foreign feature": lambda text: text.replace("max_feature_idx=5", "max_feature_idx=1"),
    "another version": lambda text: text.replace("version=v4", "version=v9"),
    "several classes": lambda text: text.replace("num_class=1", "num_class=3"),
    "linear": lambda text: text.replace("is_linear=0", "is_linear=1", 1),
    "an unknown decision": lambda text: text.replace("decision_type=", "decision_type=12", 1),
    "a set is missing": lambda text: text.replace("num_cat=", "num_cat=1", 1),
    "a word of a set is missing": lambda text: text.replace("cat_threshold=", "cat_threshold=1 "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_text_is_refused(damage: str) -> None:
    text = booster("plain").model_to_string()
    damaged = DAMAGES[damage](text)
    assert damaged != text
    with pytest.raises(LeadcastError, match="LightGBM text model"):
        Forest.from_lightgbm_text(damaged)


@settings(max_examples=60)
@given(data=st.data())
def test_no_damage_of_the_text_gives_another_error(data: st.DataObject) -> None:
    text = booster("plain").model_to_string().split("end of trees")[0][:3000]
    text += "\nend of trees"
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    put = data.draw(st.text("0123456789-=. \nab", max_size=5))
    damaged = text[:at] + put + text[at + length :]
    try:
        forest = Forest.from_lightgbm_text(damaged)
    except LeadcastError:
        return
    assert np.isfinite(forest.raw(np.zeros((20, forest.n_features), np.float32))).all()


def without_block(text: str, name: str) -> str:
    before, after = text.split(name + "\n", 1)
    return before + "Tree=" + after.split("Tree=", 1)[1]


def one_split(text: str, threshold: float) -> str:
    """A model of one tree with one split on the first column: -1 on the left, 1 on the right."""
    head = text.split("tree_sizes=")[0]
    return head + (
        "tree_sizes=1\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\n"
        f"threshold={threshold!r}\ndecision_type=8\nleft_child=-1\nright_child=-2\n"
        "leaf_value=-1 1\nleaf_count=1 1\ninternal_count=2\nis_linear=0\n\nend of trees\n"
    )


def two_splits(text: str) -> str:
    """A model of one tree that looks at column 0, then on both sides at column 1."""
    head = text.split("tree_sizes=")[0]
    return head + (
        "tree_sizes=1\n\nTree=0\nnum_leaves=4\nnum_cat=0\nsplit_feature=0 1 1\n"
        "threshold=0.5 0.5 0.5\ndecision_type=8 8 8\nleft_child=1 -1 -3\nright_child=2 -2 -4\n"
        "leaf_value=0 0 2 6\nleaf_count=5 5 5 5\ninternal_count=20 10 10\nis_linear=0\n\n"
        "end of trees\n"
    )


def row_of(*first: np.float32) -> Matrix:
    values = np.zeros((len(first), N_FEATURES), dtype=np.float32)
    values[:, 0] = first
    return values
