"""The level between retrainings, segments, revisions, inputs and metrics without labels."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.registry import DAY_US
from leadcast.models.monitoring.cohorts import above_the_line, cohorts, grades_by_week
from leadcast.models.monitoring.evidence import Watch
from leadcast.models.monitoring.inputs_drift import input_drift, new_categories, stability_index
from leadcast.models.monitoring.level_tracker import (
    SUPPORT_WEEKS,
    LevelWeek,
    record_of,
    supported,
    track_level,
)
from leadcast.models.monitoring.revisions import Revisions, UsualRevisions
from leadcast.models.monitoring.segments import segment_ratios
from leadcast.models.monitoring.streams import Stream, watch_streams
from leadcast.models.monitoring.unlabelled import expected_performance, seen_performance


def level_weeks(seed: int, n_weeks: int, expected: float, offset: float) -> list[LevelWeek]:
    rng = np.random.default_rng(seed)
    return [
        LevelWeek(float(rng.poisson(expected * np.exp(0.9 * offset))), expected, 0.9)
        for _ in range(n_weeks)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 200)), max_size=30),
    st.sampled_from([0.005, 0.05]),
)
@settings(max_examples=60)
def test_the_offset_never_leaves_what_conversions_support(
    counts: list[tuple[int, float]], dispersion: float
) -> None:
    weeks = [LevelWeek(float(seen), due, 0.9) for seen, due in counts]
    level = track_level(weeks, dispersion)
    assert len(level.path) == len(weeks) + 1
    for place, offset in enumerate(level.path):
        low, high = supported(weeks[max(place - SUPPORT_WEEKS, 0) : place], dispersion)
        assert low <= 0 <= high
        assert low <= offset <= high


def test_the_level_is_found_within_its_own_error() -> None:
    found = [track_level(level_weeks(seed, 40, 30, -0.5), 0.005) for seed in range(40)]
    off = np.array([(one.offset + 0.5) / one.standard_error for one in found])
    assert abs(np.mean([one.offset for one in found]) + 0.5) < 0.05
    assert np.mean(np.abs(off) < 1.96) >= 0.8


def test_a_level_that_stays_is_left_nearly_alone() -> None:
    found = [track_level(level_weeks(seed, 52, 30, 0.0), 0.005).offset for seed in range(40)]
    assert np.sqrt(np.mean(np.square(found))) < 0.1


def test_no_week_sees_what_comes_after_it() -> None:
    weeks = level_weeks(1, 20, 30, -0.5)
    one, other = track_level(weeks, 0.01, [0.0016]), track_level(weeks[:12], 0.01, [0.0016])
    np.testing.assert_allclose(one.path[:13], other.path)


def test_a_record_tells_help_from_harm_and_neither() -> None:
    rng, leads = np.random.default_rng(0), np.full(30, 100.0)
    without = 30 + rng.normal(0, 1, 30)
    assert record_of(without, without + 5, leads).harms
    better = record_of(without, without - 5, leads)
    assert better.gain == pytest.approx(0.05)
    assert better.low > 0
    assert not record_of(without, without + rng.normal(0, 3, 30), leads).harms
    assert not record_of(without[:1], without[:1] + 9, leads[:1]).harms
    assert not record_of(np.zeros(0), np.zeros(0), np.zeros(0)).harms


def test_segments_are_drawn_to_the_whole_by_what_they_do_not_know() -> None:
    names = [("vendor", value) for value in "abcd"]
    expected = np.array([100.0, 100.0, 1.0, 100.0])
    found = segment_ratios(names, [1, 2, 3, 4], np.array([100.0, 95.0, 0.0, 20.0]), expected)
    small, weak = found[2], found[3]
    assert 0.5 < small.ratio < 1
    assert small.low < 0.75 < small.high
    assert weak.high < 0.5
    assert [one.value for one in found] == list("abcd")
    assert segment_ratios([], [], np.zeros(0), np.zeros(0)) == []


def test_scores_that_are_taken_back_are_seen_at_once() -> None:
    rng, n = np.random.default_rng(1), 20_000
    said, at = rng.beta(2, 30, n), np.sort(rng.integers(0, 400 * DAY_US, n))
    became = said * rng.choice([0.2, 0.6, 2.2], n)
    weak = at >= 300 * DAY_US
    for factor, found in ((1.0, False), (0.7, True)):
        rows = Revisions(at, said, np.where(weak, factor, 1) * became, np.zeros(n, np.int64))
        usual = UsualRevisions.learned(rows.rows(at < 200 * DAY_US), 1)
        seen, due = usual.by_day(rows, 0, 400)
        parts = (seen[200:], due[200:], seen[:200], due[:200])
        (watch,) = watch_streams([Stream("revisions", "", "", *parts)])
        assert bool(watch.raised) is found
        if found:
            assert 100 <= watch.raised[0].day <= 135


def watched_segment(ratio: float) -> Watch:
    """A segment that is new, six counts a week, beside all leads that go on as before."""
    rng, before, now = np.random.default_rng(4), np.full(280, 2.0), np.full(84, 2.0)
    seen = [rng.poisson(part).astype(np.float64) for part in (before, now)]
    every = Stream("revisions", "", "", seen[1], now, seen[0], before)
    due, nothing = np.full(84, 6 / 7), np.zeros(0)
    own = rng.poisson(ratio * due).astype(np.float64)
    new = Stream("revisions", "campaign", "new", own, due, nothing, nothing)
    assert new.level_variance == 0
    return watch_streams([every, new])[1]


def test_a_new_segment_that_is_worse_than_it_looks_is_found_within_weeks() -> None:
    (raised,) = watched_segment(0.2).raised[:1]
    assert (raised.direction, raised.since) == ("fewer", 0)
    assert raised.day < 42
    assert not watched_segment(1.0).raised


def test_luck_moves_a_segments_level_by_a_tenth_at_most() -> None:
    def variance(told: float) -> float:
        part = np.full(10, told / 10)
        return Stream("revisions", "vendor", "a", part, part, part, part).level_variance

    found = [variance(told) for told in (1, 10, 25, 100, 1000)]
    assert max(found) == found[2] == pytest.approx(0.01)
    # With many conversions of its own it is known as well as they tell.
    assert found[4] == pytest.approx(1 / 1000, rel=0.06)


def test_metrics_need_no_label_where_scores_mean_what_they_say() -> None:
    rng = np.random.default_rng(2)
    probability = rng.beta(1, 8, 40_000)
    converted = (rng.random(40_000) < probability).astype(np.float64)
    told, seen = expected_performance(probability), seen_performance(probability, converted)
    assert told.auc == pytest.approx(seen.auc, abs=0.01)
    assert told.log_loss == pytest.approx(seen.log_loss, abs=0.005)
    # What the estimate cannot see: leads that convert half as often as they did.
    halved = seen_performance(probability, converted * (rng.random(40_000) < 0.5))
    assert told.log_loss - halved.log_loss > 0.05
    assert expected_performance(np.zeros(0)).to_json()["auc"] is None


def test_inputs_are_ranked_by_what_they_do_to_the_score() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(size=(2000, 3)).astype(np.float32)
    now = rng.normal(size=(500, 3)).astype(np.float32)
    now[:, 0] += 1
    now[:, 2] += 1
    now[:100, 1] = np.nan
    found = input_drift(["a", "b", "c"], before, now, np.array([0.05, 0.15, 0.8]))
    assert [one.feature for one in found] == ["c", "b", "a"]
    assert found[1].missing_now == pytest.approx(0.2)
    assert stability_index(before[:, 0], before[::-1, 0]) == pytest.approx(0)
    assert input_drift(["a"], before[:0], now, np.array([1.0])) == []


def test_new_values_are_told_and_known_ones_are_not() -> None:
    before = pl.DataFrame({"campaign": ["a", "b", None]})
    values: list[str | None] = [*["c"] * 5, *["a"] * 9, "d", None]
    now = pl.DataFrame({"campaign": values})
    assert new_categories(before, now, 2) == [("campaign", "c", 5)]


def test_cohorts_compare_what_was_said_with_what_happened() -> None:
    n = 6000
    rng = np.random.default_rng(5)
    day = pl.Series(np.sort(rng.integers(0, 90, n)) * DAY_US).cast(pl.Datetime("us", "UTC"))
    probability = rng.beta(2, 10, n)
    converted = pl.Series(rng.random(n) < probability)
    said = pl.DataFrame(
        {"as_of": day, "probability": probability, "grade": ["A", "B"] * (n // 2)}
    ).with_columns(converted=pl.when(pl.int_range(n) < 4000).then(converted))
    told = cohorts(said)
    assert told["cohort"].is_sorted()
    assert (told["leads"] + told["waiting"]).sum() == n
    first = told.row(0, named=True)
    assert first["low"] < first["happened"] < first["high"]
    assert cohorts(said.filter(pl.col("converted").is_null()))["happened"].null_count() > 0
    grades = grades_by_week(said)
    assert grades["leads"].sum() == n
    line = above_the_line(said, 0.3, 40.0)
    assert line["above"].sum() == (probability >= 0.3).sum()
    assert cohorts(said.head(0)).columns == told.columns
