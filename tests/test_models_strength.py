"""What columns tell is measured out of fold, by leads, and within stretches of time."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.registry import Feature
from leadcast.models.data import LabelledMatrix
from leadcast.models.leakage.strength import (
    FOLDS,
    MOST_ROWS,
    Sample,
    auc_within_blocks,
    boosted,
    codes_auc,
    column_auc,
    draw_sample,
    gain,
)

NUMBER = Feature("x", "fit", "number", ("leads.x",), "x")
CATEGORY = Feature("x", "fit", "category", ("leads.x",), "x", ("a", "b", "c"))
Floats = npt.NDArray[np.float64]


def matrix(converted: Floats, values: Floats, groups: int | None = None) -> LabelledMatrix:
    rows = len(converted)
    return LabelledMatrix(
        values=values.reshape(rows, -1).astype(np.float32),
        features=(NUMBER,) * values.reshape(rows, -1).shape[1],
        converted=converted,
        position=np.arange(rows),
        group=np.arange(rows) % (groups or rows),
        horizon=0,
    )


def sample(converted: Floats, fold: Floats | None = None, block: Floats | None = None) -> Sample:
    rows = len(converted)
    zeros = np.zeros(rows, dtype=np.int64)
    return Sample(
        rows=np.arange(rows),
        values=np.zeros((rows, 1), dtype=np.float32),
        converted=converted,
        group=np.arange(rows),
        fold=zeros if fold is None else fold.astype(np.int64),
        block=zeros if block is None else block.astype(np.int64),
    )


def pairs_by_hand(score: Floats, drawn: Sample) -> float:
    right, pairs = 0.0, 0
    for i in np.flatnonzero(drawn.converted == 1):
        for j in np.flatnonzero(drawn.converted == 0):
            if drawn.block[i] == drawn.block[j] and drawn.fold[i] == drawn.fold[j]:
                right += 0.5 * (score[i] == score[j]) + (score[i] > score[j])
                pairs += 1
    return right / pairs if pairs else 0.5


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)),
        min_size=1,
        max_size=25,
    )
)
@settings(max_examples=100)
def test_auc_counts_pairs_within_blocks_and_folds(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    converted, score, fold, block = np.array(rows, dtype=np.float64).T
    drawn = sample(converted, fold, block)
    auc = auc_within_blocks(score, drawn)
    assert auc.value == pytest.approx(pairs_by_hand(score, drawn))
    assert 0 <= auc.low <= auc.value


def test_interval_is_hanleys_and_mcneils() -> None:
    # Their formula by hand for A = 0.75, 20 and 20: Q1 = 0.6, Q2 = 0.642857,
    # variance = (0.1875 + 19 x 0.0375 + 19 x 0.080357) / 400 = 0.0060670.
    converted = np.repeat([1.0, 0.0], 20)
    score = np.concatenate([np.repeat([3.0, 1.0], 10), np.repeat([2.0, 0.0], 10)])
    auc = auc_within_blocks(score, sample(converted))
    assert auc.value == 0.75
    assert auc.low == pytest.approx(0.75 - 1.959964 * np.sqrt(0.0060670), abs=1e-5)


def test_a_clock_tells_nothing_within_blocks() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(20_000)
    converted = (rng.random(20_000) < time / 20_000).astype(np.float64)
    drawn = draw_sample(matrix(converted, time.astype(np.float64)), seed=0)
    assert column_auc(drawn.values[:, 0], NUMBER, drawn).value < 0.55
    without_blocks = replace(drawn, block=np.zeros_like(drawn.block))
    assert column_auc(drawn.values[:, 0], NUMBER, without_blocks).value > 0.8


def test_noise_of_many_levels_tells_nothing_out_of_fold() -> None:
    rng = np.random.default_rng(1)
    converted = (rng.random(4_000) < 0.3).astype(np.float64)
    drawn = draw_sample(matrix(converted, np.zeros(4_000)), seed=0)
    auc = codes_auc(rng.integers(0, 800, 4_000), drawn)
    assert abs(auc.value - 0.5) < 0.03
    in_fold = converted  # what a level for every row would remember, the labels themselves
    assert auc_within_blocks(in_fold, drawn).value == 1


@pytest.mark.parametrize("effect", [lambda x: x, lambda x: -x, lambda x: np.abs(x)])
def test_any_shape_of_effect_is_seen(effect: object) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, 6_000)
    log_odds = 3 * np.asarray(effect(x))  # type: ignore[operator]
    converted = (rng.random(6_000) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)
    drawn = draw_sample(matrix(converted, x), seed=0)
    best = auc_within_blocks(log_odds, drawn).value
    assert column_auc(drawn.values[:, 0], NUMBER, drawn).value == pytest.approx(best, abs=0.02)


def test_missing_and_categories_are_classes() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, 3_000).astype(np.float64)
    converted = (rng.random(3_000) < np.array([0.1, 0.6, 0.2, 0.7])[codes.astype(int)]).astype(
        float
    )
    codes[codes == 0] = np.nan
    drawn = draw_sample(matrix(converted, codes), seed=0)
    assert column_auc(drawn.values[:, 0], CATEGORY, drawn).value > 0.7


def test_gain_of_noise_is_not_positive_and_of_the_truth_is_its_information() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(0, 2, 5_000)
    probability = 1 / (1 + np.exp(-x))
    converted = (rng.random(5_000) < probability).astype(np.float64)
    drawn = draw_sample(matrix(converted, x), seed=0)
    information = gain(x[drawn.rows], drawn)
    assert gain(boosted(drawn.values, [], drawn), drawn) == pytest.approx(information, abs=0.02)
    noise = rng.normal(0, 1, (5_000, 3)).astype(np.float32)
    assert gain(boosted(noise, [], drawn), drawn) <= 0


@given(rows=st.integers(1, 400), groups=st.integers(1, 60), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_a_group_is_drawn_whole_and_into_one_fold(rows: int, groups: int, seed: int) -> None:
    drawn = draw_sample(matrix(np.zeros(rows), np.zeros(rows), groups), seed)
    assert len(drawn.rows) == rows
    folds = {(int(group), int(fold)) for group, fold in zip(drawn.group, drawn.fold, strict=True)}
    assert len(folds) == len(set(drawn.group.tolist()))
    assert set(drawn.fold.tolist()) <= set(range(FOLDS))
    assert (np.diff(drawn.block) >= 0).all()


def test_large_matrices_are_sampled_by_groups() -> None:
    rows = 3 * MOST_ROWS
    everything = matrix((np.arange(rows) % 2).astype(float), np.zeros(rows), groups=rows // 4)
    drawn = draw_sample(everything, seed=0)
    assert MOST_ROWS - 4 <= len(drawn.rows) <= MOST_ROWS
    sizes = np.bincount(everything.group)
    kept = everything.group[drawn.rows]
    assert (
        np.bincount(kept, minlength=len(sizes))[np.unique(kept)] == sizes[np.unique(kept)]
    ).all()
    assert not np.array_equal(draw_sample(everything, seed=1).rows, drawn.rows)


def test_more_is_drawn_where_an_outcome_is_rare() -> None:
    rows = 4 * MOST_ROWS
    rare = (np.arange(rows) % (rows // 60) == 0).astype(np.float64)
    drawn = draw_sample(matrix(rare, np.zeros(rows)), seed=0)
    assert drawn.fewest() == int(rare.sum())
    often = (np.arange(rows) % 2).astype(np.float64)
    assert len(draw_sample(matrix(often, np.zeros(rows)), seed=0).rows) <= MOST_ROWS
