"""Gaps within segments, in worlds where the truth of each is known."""

import numpy as np
import polars as pl
import pytest

from leadcast.models.data import Floats
from leadcast.models.evaluation.chance import multicalibration
from leadcast.models.evaluation.evaluation import EMPTY, MOST_SEGMENTS, REST, segments_of

ROWS = 4_000


def world(shift_in_a: float) -> tuple[Floats, Floats, dict[str, np.ndarray]]:
    """Even halves: `a` converts more often by `shift_in_a` than is said, `b` less often."""
    rng = np.random.default_rng(3)
    said = rng.uniform(0.2, 0.6, ROWS)
    half = np.repeat(["a", "b"], ROWS // 2)
    true = said + np.where(half == "a", shift_in_a, -shift_in_a)
    return said, (rng.random(ROWS) < true).astype(np.float64), {"half": half}


def measured(shift: float) -> dict[str, object]:
    said, converted, segments = world(shift)
    return multicalibration(said, converted, np.arange(ROWS), segments, replicates=100)


def test_a_gap_that_the_whole_hides_is_found_with_its_size_and_side() -> None:
    found = measured(0.1)
    rows = {row["segment"]: row for row in found["segments"]}  # type: ignore[attr-defined]
    assert rows["a"]["gap"] == pytest.approx(0.1, abs=0.03)
    assert rows["b"]["gap"] == pytest.approx(-0.1, abs=0.03)
    assert abs(rows["a"]["gap"]) > rows["a"]["gap_by_chance"]
    # Half of the rows are in the segment, so it is half as large as a share of all.
    assert found["gap"] == pytest.approx(0.05, abs=0.015)


def test_true_probabilities_stay_below_what_chance_gives_as_often_as_it_says() -> None:
    rng, below = np.random.default_rng(8), 0
    said, half = rng.uniform(0.1, 0.5, 300), np.repeat(["a", "b", "c"], 100)
    for seed in range(120):
        converted = (rng.random(300) < said).astype(np.float64)
        found = multicalibration(
            said, converted, np.arange(300), {"third": half}, replicates=60, seed=seed
        )
        below += found["gap"] <= found["gap_by_chance"]
    # 95 % within three standard errors of a share of 120 (and of a quantile of 60).
    assert below / 120 >= 0.87


def test_the_range_is_where_the_gap_is() -> None:
    said = np.repeat([0.1, 0.3, 0.5], 400)
    happened = np.concatenate([np.repeat([1, 0], [40, 360]), np.repeat([1, 0], [200, 200])])
    converted = np.concatenate([happened, np.repeat([1, 0], [200, 200])]).astype(np.float64)
    found = multicalibration(
        said, converted, np.arange(1200), {"all": np.full(1200, "x")}, replicates=20
    )
    row = found["segments"][0]
    assert (row["from"], row["to"]) == (0.3, 0.3)
    assert row["gap"] == pytest.approx(0.2 * 400 / 1200)


def test_neither_the_rows_order_nor_that_of_ties_changes_anything() -> None:
    said, converted, segments = world(0.05)
    said = said.round(1)
    order = np.random.default_rng(1).permutation(ROWS)
    group = np.arange(ROWS)
    one = multicalibration(said, converted, group, segments, replicates=5)
    mixed = {name: labels[order] for name, labels in segments.items()}
    other = multicalibration(said[order], converted[order], group[order], mixed, replicates=5)
    assert other["gap"] == pytest.approx(one["gap"])


def test_too_few_rows_are_not_measured() -> None:
    found = multicalibration([0.5] * 9, [1.0] * 9, range(9), {"x": np.full(9, "a")})
    assert found["gap"] is None
    assert found["segments"] == []


def test_rare_values_and_empty_ones_have_segments_of_their_own() -> None:
    values = pl.Series([f"v{n}" for n in range(10) for _ in range(10 - n)] + [None])
    named = segments_of(values).tolist()
    assert named[0] == "v0"
    assert named[-1] == EMPTY
    assert REST in named
    assert len(set(named)) == MOST_SEGMENTS + 2


def test_bands_of_a_number_hold_equally_many_and_say_their_ends() -> None:
    named = segments_of(pl.Series(np.arange(100.0)))
    names, counts = np.unique(named, return_counts=True)
    assert counts.tolist() == [25] * 4
    assert "25 to below 50" in names
    assert set(named[:25]) == {"below 25"}
    assert segments_of(pl.Series([1, 2, 1])).tolist() == ["1", "2", "1"]
