"""Movement between periods: found where there is some, and what it does to leads' intervals."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.interval_coverage import lead_coverage
from benchmarks.known_worlds import Drawn, World
from leadcast.models.calibration.corrections import TalliedRows
from leadcast.models.calibration.intervals import fit_lead_intervals
from leadcast.models.calibration.period_drift import (
    PRIOR_FREEDOM,
    USUAL_SLOPE_SPREAD,
    estimate_drift,
    stretches_of,
)
from leadcast.models.evaluation.random_effects import USUAL_LEVEL_SPREAD


def rows_of(drawn: Drawn) -> TalliedRows:
    return TalliedRows.of(drawn.log_odds, drawn.converted, drawn.group)


def test_a_moving_level_is_found() -> None:
    drawn = World(level=-1.0, drift=0.6, periods=20).draw(12_000, seed=3)
    found = estimate_drift(rows_of(drawn), drawn.period)
    assert found.level_spread == pytest.approx(0.6, rel=0.35)
    assert found.slope_spread < 0.12
    assert found.periods == 20
    assert found.freedom == 19 + PRIOR_FREEDOM


def test_a_moving_slope_is_found() -> None:
    drawn = World(level=-1.0, spread=1.5, periods=12).draw(12_000, seed=3)
    slope = np.where(drawn.period % 2, 0.6, 1.4)
    said = drawn.log_odds * slope
    found = estimate_drift(TalliedRows.of(said, drawn.converted, drawn.group), drawn.period)
    assert found.slope_spread > 0.25


# What chance alone moves from period to period must not be taken for drift.
def test_a_level_that_stays_is_seen_to_stay() -> None:
    drawn = World(level=-1.0, periods=20).draw(12_000, seed=4)
    found = estimate_drift(rows_of(drawn), drawn.period)
    assert found.level_spread < USUAL_LEVEL_SPREAD / 2
    assert found.slope_spread < USUAL_SLOPE_SPREAD


def test_one_period_tells_nothing_but_what_is_usual() -> None:
    drawn = World(periods=1).draw(500, seed=5)
    found = estimate_drift(rows_of(drawn), drawn.period)
    usual = (USUAL_LEVEL_SPREAD, USUAL_SLOPE_SPREAD)
    assert (found.level_spread, found.slope_spread) == pytest.approx(usual)
    assert found.freedom == PRIOR_FREEDOM


def test_periods_with_a_handful_of_winners_do_not_count() -> None:
    drawn = World(level=-6.0, periods=4).draw(400, seed=6)
    assert estimate_drift(rows_of(drawn), drawn.period).periods == 0


def test_shifts_have_the_spread_they_are_drawn_with() -> None:
    drawn = World(level=-1.0, drift=0.6, periods=20).draw(12_000, seed=3)
    found = replace(estimate_drift(rows_of(drawn), drawn.period), slope_spread=0.0)
    shifts = found.shifts(np.array([-5.0, 0.0]), 4000, seed=0)
    assert (shifts[:, 0] == shifts[:, 1]).all()
    assert np.median(np.abs(shifts)) == pytest.approx(0.7 * found.level_spread, rel=0.1)


def test_told_periods_widen_the_interval_and_leave_the_pair() -> None:
    drawn = World(drift=0.6).draw(1500, seed=3)
    rows = (drawn.log_odds, drawn.converted, drawn.group)
    plain = fit_lead_intervals(*rows, replicates=100)
    told = fit_lead_intervals(*rows, period=drawn.period, replicates=100)
    at = np.linspace(-5, -2, 50)
    probability = 1 / (1 + np.exp(-at))
    width = [np.subtract(*one.interval(at, probability)[::-1]).mean() for one in (plain, told)]
    assert width[1] > 1.3 * width[0]
    assert (told.if_lost, told.if_won) == (plain.if_lost, plain.if_won)


def test_wild_periods_still_give_ends_that_rise() -> None:
    drawn = World(level=-1.0, spread=2.0, periods=3).draw(600, seed=8)
    said = drawn.log_odds * np.array([1.0, -2.0, 8.0])[drawn.period]
    found = fit_lead_intervals(
        said, drawn.converted, drawn.group, period=drawn.period, replicates=100
    )
    for ends in (found.low, found.high):
        assert (np.diff(ends) >= 0).all()
        assert (np.array(ends) >= 0).all()
        assert (np.array(ends) <= 1).all()


def test_a_period_for_each_row_is_needed() -> None:
    with pytest.raises(ValueError, match="period"):
        fit_lead_intervals([0.1, 0.2], [0, 1], [1, 2], period=[1], replicates=2)


# `python -m benchmarks.interval_coverage` measures it at length.
@pytest.mark.slow
def test_in_a_drifting_world_only_told_periods_give_intervals_that_hold() -> None:
    world = World(drift=0.3)
    plain = lead_coverage(world, leads=1500, repetitions=15, replicates=60)
    told = lead_coverage(world, leads=1500, repetitions=15, replicates=60, periods=True)
    assert plain["covered"] < 0.8
    assert told["covered"] > max(0.8, plain["covered"] + 0.1)


def _four_origins(won: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    origin, position = np.repeat(np.arange(4), 500), np.arange(2000) * 10
    converted = (np.arange(2000) % (2000 // won) == 0).astype(np.float64)
    return origin, position, converted, np.arange(2000)


def test_origins_are_cut_into_stretches_of_time_whatever_the_order_of_rows() -> None:
    parts = _four_origins(won=400)
    stretch = stretches_of(*parts)
    assert (np.diff(stretch) >= 0).all()
    assert np.unique(stretch, return_counts=True)[1].tolist() == [250] * 8
    shuffled = np.random.default_rng(2).permutation(2000)
    again = stretches_of(*(part[shuffled] for part in parts))
    np.testing.assert_array_equal(again, stretch[shuffled])


def test_where_few_leads_are_won_an_origin_stays_whole() -> None:
    parts = _four_origins(won=125)
    np.testing.assert_array_equal(stretches_of(*parts), parts[0])
    # Snapshots of one lead are one lead.
    one_lead = parts[3] // 40
    np.testing.assert_array_equal(stretches_of(*_four_origins(400)[:3], one_lead), parts[0])


def test_more_stretches_leave_less_to_the_prior_where_nothing_moves() -> None:
    drawn = World(level=-1.5, periods=3).draw(3_000, seed=3)
    rows, place = rows_of(drawn), np.arange(len(drawn.group))
    finer = stretches_of(drawn.period, place, rows.converted, rows.group)
    few, many = (estimate_drift(rows, period) for period in (drawn.period, finer))
    assert many.periods == 6
    assert many.level_spread < few.level_spread
    assert many.freedom == few.freedom + 3
    # But for how sure that is, the origins count.
    assert estimate_drift(rows, finer, independent=3).freedom == few.freedom
