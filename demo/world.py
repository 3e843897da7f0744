"""The demo world's calendar: its two years, its seasons and the day its prices rose.

Times inside the world are seconds since its start (int64); a day is a whole number of days since
then. The calendar goes on for half a year after the last observed day, because a true probability
looks a horizon ahead.
"""

from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

START = datetime(2024, 1, 1, tzinfo=UTC)
"""When the world begins."""
OBSERVED_UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
"""When it was exported: nothing at or after this moment is known."""
DAYS = (OBSERVED_UNTIL - START).days
DAY_SECONDS = 86_400
LAST_SECOND = DAYS * DAY_SECONDS
LOOK_AHEAD_DAYS = 182
PRICE_CHANGE = date(2024, 4, 1)
"""From this day on the product is dearer, which costs conversions, most among small companies."""
PRICE_CHANGE_DAY = (PRICE_CHANGE - START.date()).days
WEAK_CAMPAIGN = "Win a Tablet 2024"
"""A paid campaign that brings many leads who want the prize and not the product."""
WEAK_CAMPAIGN_FIRST = date(2024, 8, 5)
WEAK_CAMPAIGN_LAST = date(2024, 12, 13)
WEAK_CAMPAIGN_SHARE = 0.3
"""Its share of all leads that arrive while it runs."""

_ARRIVALS_BY_MONTH = (0.95, 1.05, 1.15, 1.05, 1.05, 1.0, 0.85, 0.75, 1.15, 1.15, 1.1, 0.75)
_ARRIVALS_BY_WEEKDAY = (1.1, 1.2, 1.15, 1.1, 0.95, 0.3, 0.35)
_ACTIVITY_BY_MONTH = (0.95, 1.0, 1.0, 1.0, 0.95, 0.95, 0.85, 0.75, 1.0, 1.0, 1.0, 0.8)
_ACTIVITY_BY_WEEKDAY = (1.0, 1.0, 1.0, 0.97, 0.85, 0.35, 0.4)
# The end of a quarter pulls signatures forward. Any window of 60 days holds two months of such a
# rhythm, so the base rate hardly moves with the season, as a steady seller's does.
_SIGNING_BY_MONTH_OF_QUARTER = (0.97, 0.98, 1.05)
_SIGNING_BY_WEEKDAY = (1.2, 1.3, 1.3, 1.25, 1.15, 0.4, 0.4)
_HOURS = (
    *(2, 1.5, 1.5, 2, 3, 5, 12, 28, 55, 68, 72, 68),
    *(58, 66, 72, 74, 68, 52, 36, 30, 28, 22, 12, 5),
)
_GROWTH_PER_YEAR = 0.05


def dates() -> npt.NDArray[np.datetime64]:
    """List the world's days and those of the half year after it."""
    return np.datetime64(START.date(), "D") + np.arange(DAYS + LOOK_AHEAD_DAYS)


def arrivals_by_day() -> Floats:
    """How many leads arrive on a day, as a factor of the mean without the weak campaign."""
    growth = 1.0 + _GROWTH_PER_YEAR * np.arange(DAYS) / 365.0
    return _seasonal(_ARRIVALS_BY_MONTH, _ARRIVALS_BY_WEEKDAY)[:DAYS] * growth


def activity_by_day() -> Floats:
    """How active leads are on a day, relative to the busiest."""
    return _seasonal(_ACTIVITY_BY_MONTH, _ACTIVITY_BY_WEEKDAY)


def signing_by_day() -> Floats:
    """How readily a lead that is about to sign does so on a day, as a factor of the hazard."""
    return _seasonal(_SIGNING_BY_MONTH_OF_QUARTER * 4, _SIGNING_BY_WEEKDAY)


def arrival_seconds(rng: np.random.Generator, count: int, low: float, high: float) -> Integers:
    """Draw when leads arrive, in order."""
    by_hour = np.outer(arrivals_by_day() * campaign_surge(), _HOURS).ravel()
    reached = np.concatenate(([0.0], np.cumsum(by_hour) / by_hour.sum()))
    quantiles = np.sort(rng.uniform(low, high, count))
    hours = np.interp(quantiles, reached, np.arange(len(reached)))
    return np.minimum((hours * 3600.0).astype(np.int64), LAST_SECOND - 1)


def campaign_surge() -> Floats:
    """How many more leads arrive on a day because of the weak campaign, as a factor."""
    return np.where(campaign_runs(np.arange(DAYS)), 1.0 / (1.0 - WEAK_CAMPAIGN_SHARE), 1.0)


def campaign_runs(day: Integers) -> npt.NDArray[np.bool_]:
    """Tell on which days the weak campaign runs."""
    first = (WEAK_CAMPAIGN_FIRST - START.date()).days
    last = (WEAK_CAMPAIGN_LAST - START.date()).days
    runs: npt.NDArray[np.bool_] = (day >= first) & (day <= last)
    return runs


def time_of_day(rng: np.random.Generator, count: int) -> Integers:
    """Draw times of day at which people do things."""
    reached = np.concatenate(([0.0], np.cumsum(_HOURS) / np.sum(_HOURS)))
    hours = np.interp(rng.random(count), reached, np.arange(25.0))
    seconds: Integers = (hours * 3600.0).astype(np.int64)
    return np.minimum(seconds, DAY_SECONDS - 1)


def _seasonal(by_month: tuple[float, ...], by_weekday: tuple[float, ...]) -> Floats:
    days = dates()
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    factors: Floats = np.array(by_month)[month] * np.array(by_weekday)[weekday]
    return factors
