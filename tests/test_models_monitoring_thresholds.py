"""Thresholds by simulation: quiet years keep to the number of false alarms that was asked for."""

import numpy as np
import pytest

from leadcast.models.monitoring.evidence import FEWER, WEEK_DAYS, detect
from leadcast.models.monitoring.thresholds import WEEKS, thresholds_for

WEEKLY, SHOCKS, LUCK = 13.0, 0.0025, 1 / 512


def share_of_years(threshold: float, luck: float, seed: int = 3) -> float:
    """Other quiet years than those that the threshold was found in, whose level is off by luck."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(1 / luck, luck, (400, 1)) if luck else np.ones((400, 1))
    daily = np.repeat(rng.gamma(1 / SHOCKS, SHOCKS, (400, WEEKS)), WEEK_DAYS, axis=1)
    seen = rng.poisson(daily * level * WEEKLY / WEEK_DAYS).astype(np.float64)
    due = np.full((1, WEEKS * WEEK_DAYS), WEEKLY / WEEK_DAYS)
    return float((detect(seen, due, SHOCKS, FEWER).max(axis=1) >= threshold).mean())


def test_years_without_an_alarm_are_as_many_as_the_rate_says() -> None:
    asked = thresholds_for(WEEKLY, SHOCKS, LUCK, 0.5, 0.1)
    # The years until the first alarm are spread exponentially: 39 % have one.
    assert share_of_years(asked.fewer, LUCK) == pytest.approx(1 - np.exp(-0.5), abs=0.08)
    # Ville's bound for the same number, and a level that is known for sure, see fewer.
    assert share_of_years(2 * asked.fewer, LUCK) < 0.3


def test_rarer_alarms_and_a_level_that_is_less_known_take_more_evidence() -> None:
    rates = [thresholds_for(WEEKLY, SHOCKS, LUCK, rate, rate) for rate in (1.0, 0.1, 0.01, 0.001)]
    assert rates == sorted(rates)
    assert rates[3].fewer == pytest.approx(10 * rates[2].fewer)
    unsure = thresholds_for(WEEKLY, SHOCKS, 16 * LUCK, 0.1, 0.1)
    assert unsure.fewer > rates[1].fewer
    assert thresholds_for(WEEKLY, SHOCKS, LUCK, 0.1, 0.1) == rates[1]
    assert np.isfinite(thresholds_for(0.0, 1e-3, 0.0, 0.01, 0.01)).all()
