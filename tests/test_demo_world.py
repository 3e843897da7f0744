"""The calendar: seasons, the weak campaign, and arrivals that do not depend on parts."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from leadcast.demo import world


def arrivals(parts: int, count: int = 20_000) -> world.Integers:
    rng = np.random.default_rng(parts)
    share = 1.0 / parts
    return np.concatenate(
        [
            world.arrival_seconds(rng, count // parts, part * share, (part + 1) * share)
            for part in range(parts)
        ]
    )


def test_arrivals_are_in_order_and_inside_the_world() -> None:
    created = arrivals(4)
    assert (np.diff(created) >= 0).all()
    assert created.min() >= 0
    assert created.max() < world.LAST_SECOND


def test_a_world_in_parts_has_the_same_arrivals_as_one_drawn_at_once() -> None:
    assert ks_2samp(arrivals(1), arrivals(50)).pvalue > 1e-3


def test_weekends_august_and_nights_are_quiet() -> None:
    created = arrivals(1)
    day, hour = created // world.DAY_SECONDS, created // 3600 % 24
    weekday = (world.dates()[day].astype(np.int64) + 3) % 7
    month = world.dates()[day].astype("datetime64[M]").astype(np.int64) % 12
    by_weekday, by_month = np.bincount(weekday), np.bincount(month)
    assert by_weekday[5:].max() < 0.5 * by_weekday[:5].min()
    assert by_month[7] < by_month[2]
    assert np.bincount(hour)[:5].max() < 0.1 * np.bincount(hour).max()


def test_the_weak_campaign_comes_on_top_of_what_arrives_anyway() -> None:
    surge = world.campaign_surge()
    assert set(np.unique(surge)) == {1.0, 1.0 / (1.0 - world.WEAK_CAMPAIGN_SHARE)}
    assert surge[0] == surge[-1] == 1.0


def test_both_drifts_come_early_enough_to_be_learnt_from() -> None:
    last = (world.WEAK_CAMPAIGN_LAST - world.START.date()).days
    assert world.PRICE_CHANGE_DAY < last < 0.6 * world.DAYS


def test_the_calendar_reaches_a_horizon_beyond_the_end() -> None:
    assert len(world.signing_by_day()) == len(world.activity_by_day()) == world.DAYS + 182
    assert world.activity_by_day().max() == 1.0
    assert world.activity_by_day().min() > 0.0


@pytest.mark.parametrize("length_days", [60, 90])
def test_signing_has_a_rhythm_but_no_season_that_moves_the_base_rate(length_days: int) -> None:
    windows = np.convolve(world.signing_by_day(), np.ones(length_days), mode="valid")
    assert windows.max() / windows.min() < 1.08


def test_times_of_day_are_seconds_of_a_day() -> None:
    moments = world.time_of_day(np.random.default_rng(0), 10_000)
    assert moments.min() >= 0
    assert moments.max() < world.DAY_SECONDS
