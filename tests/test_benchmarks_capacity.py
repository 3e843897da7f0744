"""The capacity benchmark: its tables happen as they say, and its verdict can go either way."""

import numpy as np
import polars as pl
import pytest

from benchmarks.capacity import World, verdict, worlds_of
from benchmarks.capacity_tables import DRIFT, KINDS, TEST_ROWS, draw_table
from benchmarks.fits import LEADCAST
from benchmarks.strange_worlds import expected_log_loss
from benchmarks.table_fits import leadcast_says


@pytest.mark.parametrize("name", KINDS)
def test_as_many_convert_as_the_truth_says_and_columns_are_those_of_leads(name: str) -> None:
    kind = KINDS[name]
    table = draw_table(kind, 20_000, False, 3)
    assert 0.05 <= kind.base_rate <= 0.4
    assert table.truth.mean() == pytest.approx(kind.base_rate, abs=1e-6)
    assert 6 <= table.columns.width <= 30
    assert {pl.Float64, pl.String} <= set(table.columns.dtypes)
    assert table.columns.null_count().sum_horizontal().item() > 0
    for tenth in np.array_split(np.argsort(table.truth), 10):
        truth = table.truth[tenth]
        spread = np.sqrt((truth * (1 - truth)).sum()) / len(tenth)
        assert abs(table.converted[tenth].mean() - truth.mean()) < 4.5 * spread


@pytest.mark.parametrize("name", KINDS)
def test_the_dependence_is_the_same_however_many_rows_there_are(name: str) -> None:
    # Coefficients that hung on the rows drawn would make of a larger table another task.
    effect, sizes = KINDS[name].effect, KINDS[name].levels
    draw = np.random.default_rng(0)
    codes = np.column_stack([draw.integers(0, size, 60_000) for size in sizes])
    numbers = draw.normal(size=(60_000, KINDS[name].numbers))
    whole = effect(numbers, codes, np.random.default_rng(1))
    part = effect(numbers[:50_000], codes[:50_000], np.random.default_rng(1))
    assert np.array_equal(whole[:50_000], part)


def test_without_drift_the_level_stays_and_with_drift_it_wanders() -> None:
    kind = KINDS["additive"]
    still, moving = (
        np.array(
            [
                draw_table(kind, 6_000, drifts, seed).truth[:5_000].reshape(10, -1).mean(axis=1)
                for seed in range(20)
            ]
        )
        for drifts in (False, True)
    )
    assert still.std(axis=1).mean() < 0.01
    assert moving.std(axis=1).mean() > 0.03


def test_the_test_comes_right_after_the_rows_that_are_learned_from() -> None:
    # A level that went on as long as in training would be another task than the newest level's.
    seeds = range(16)
    kind = KINDS["additive"]
    tables = [draw_table(kind, 20_000, True, seed) for seed in seeds]
    moved = [
        t.truth[-TEST_ROWS:].mean() - t.truth[-2 * TEST_ROWS : -TEST_ROWS].mean() for t in tables
    ]
    whole = [t.truth[-TEST_ROWS:].mean() - t.truth[:TEST_ROWS].mean() for t in tables]
    assert np.std(moved) < np.std(whole)
    assert DRIFT > 0


def test_a_table_is_its_seed() -> None:
    one, again, other = (World("smooth curves", True, 300, s).table() for s in (1, 1, 2))
    assert one.columns.equals(again.columns)
    assert np.array_equal(one.converted, again.converted)
    assert not np.array_equal(one.truth, other.truth)


def test_leadcast_learns_a_table_from_its_own_features() -> None:
    table = World("additive", False, 500, 0).table()
    truth = table.truth[-TEST_ROWS:]
    said, constant = leadcast_says(table), np.full(TEST_ROWS, table.truth.mean())
    least = expected_log_loss(truth, truth)
    regret = expected_log_loss(said, truth) - least
    assert 0 < regret < 0.5 * (expected_log_loss(constant, truth) - least)


@pytest.mark.parametrize(
    ("regret", "its_regret", "reached"),
    [
        (0.0109, 0.01, True),
        (0.0119, 0.01, True),
        (0.0121, 0.01, False),
        (0.109, 0.1, True),
        (0.111, 0.1, False),
    ],
)
def test_the_verdict(regret: float, its_regret: float, reached: bool) -> None:
    rows = pl.DataFrame(
        {
            "kind": "additive",
            "drifts": False,
            "rows": 300,
            "seed": [0, 1] * 3,
            "method": [LEADCAST] * 2 + ["LightGBM"] * 2 + ["CatBoost"] * 2,
            # LightGBM is best once, and CatBoost on average.
            "regret": [regret, regret, its_regret / 2, its_regret * 2, its_regret, its_regret],
        }
    )
    found = verdict(rows).row(0, named=True)
    assert found["best_peer"] == "CatBoost"
    assert found["reached"] is reached


def test_small_tables_are_drawn_more_often_unless_it_is_said_how_often() -> None:
    of_size = {
        group[0].rows: len(group) for group in worlds_of(["additive"], [300, 30_000], None, [True])
    }
    assert of_size[300] > of_size[30_000] == 1
    assert {len(group) for group in worlds_of(["additive"], [300, 30_000], 3, [True])} == {3}
