"""Scores by grade, by what leads have in common, and what features do to them."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from leadcast.features.registry import Feature
from leadcast.models.evaluation.feature_shapes import feature_shapes
from leadcast.models.evaluation.score_groups import (
    EMPTY,
    MOST_GROUPS,
    OTHERS,
    grade_table,
    named_groups,
    once_each,
    scores_by,
    scores_by_month,
)


def test_grades_split_the_leads_at_their_bounds_and_lose_nobody() -> None:
    probability = np.array([0.5, 0.3, 0.29999, 0.1, 0.05, 0.01])
    converted = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    found = grade_table(probability, converted, (0.3, 0.1, 0.05))
    assert found["leads"].to_list() == [2, 2, 1, 1]
    assert found["share"].sum() == pytest.approx(1.0)
    assert found["customers"].sum() == converted.sum()
    assert found["conversion"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert (found["low"] <= found["conversion"]).all()
    assert (found["conversion"] <= found["high"]).all()
    nobody = grade_table(probability, converted, (0.9, 0.8, 0.7))
    assert nobody["leads"].to_list() == [0, 0, 0, 6]
    assert nobody["conversion"].to_list()[:3] == [None] * 3


def leads() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "lead_id": ["a", "a", "b", "c", "d"],
            "landmark_days": [7.0, 0.0, 0.0, 0.0, 0.0],
            "as_of": [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 1, 1, 2, 2)],
            "probability": [0.9, 0.2, 0.4, 0.1, 0.3],
            "converted": [True, True, False, False, True],
            "source": ["ads", "ads", "ads", " ", None],
        }
    )


def test_each_lead_counts_once_by_its_first_snapshot() -> None:
    found = once_each(leads())
    assert sorted(found["lead_id"]) == ["a", "b", "c", "d"]
    assert found.filter(lead_id="a")["probability"].to_list() == [0.2]


def test_sources_are_told_with_their_conversions_and_months() -> None:
    found = scores_by(once_each(leads()), "source")
    assert found["value"].to_list() == ["ads", EMPTY]
    assert found["probability"].to_list() == pytest.approx([0.3, 0.2])
    assert found["conversion"].to_list() == [0.5, 0.5]
    by_month = scores_by_month(once_each(leads()), "source")
    assert by_month.select("value", "month", "leads").rows() == [
        (EMPTY, "2026-02", 2),
        ("ads", "2026-01", 2),
    ]


def test_of_many_values_the_rare_ones_are_told_together() -> None:
    rows = pl.DataFrame({"source": [f"s{n:02d}" for n in range(40) for _ in range(n + 1)]})
    found = named_groups(rows, "source")["value"]
    assert found.n_unique() == MOST_GROUPS
    assert (found == OTHERS).sum() == sum(n + 1 for n in range(40 - MOST_GROUPS + 1))


def feature(name: str, dtype: str = "number", levels: tuple[str, ...] = ()) -> Feature:
    return Feature(name=name, group="fit", dtype=dtype, inputs=(), words=name, levels=levels)  # type: ignore[arg-type]


def test_directions_are_those_that_the_parts_were_made_with() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 10, (2000, 4)).astype(np.float32)
    values[:, 3] = generator.integers(1, 4, 2000)
    rising, falling = values[:, 0] / 5, -values[:, 1] / 5
    turning = np.abs(values[:, 2] - 5)
    by_level = np.choose(values[:, 3].astype(int) - 1, [0.0, 1.0, -1.0])
    parts = np.stack([rising, falling, turning, by_level], axis=1).astype(np.float64)
    columns = (*(feature(name) for name in "abc"), feature("d", "category", ("x", "y", "z")))
    found = feature_shapes(columns, values, parts, "abcd")
    assert [one.direction for one in found] == ["up", "down", "mixed", "by value"]
    assert [one.low for one in found[3].bins] == [2.0, 1.0, 3.0]
    for one in found:
        centre = sum(each.rows * each.contribution for each in one.bins)
        assert centre == pytest.approx(0.0, abs=1e-6)


def test_what_is_not_known_stands_apart_and_what_never_varies_has_no_shape() -> None:
    values = np.full((60, 2), np.nan, dtype=np.float32)
    values[30:, 0] = 1.0
    parts = np.zeros((60, 2))
    parts[30:, 0] = 1.0
    found = feature_shapes((feature("a"), feature("b")), values, parts, ("a", "b"))
    assert [one.feature.name for one in found] == ["a"]
    assert found[0].missing is not None
    assert found[0].missing.contribution == pytest.approx(-0.5)
    assert found[0].direction == "by value"
