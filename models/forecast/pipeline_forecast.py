"""What the open pipeline brings by week: customers and revenue, each with an interval.

Each open lead has a probability to become a customer by the end of each week (the curve F(t) of the
bundle) and a mean amount if so. What is not known is drawn: whether and when each lead is won (a
lead is won once, so weeks are not independent), how far the levels of probabilities and of amounts
are off and where they move (`pipeline_level`), whether those of large amounts are won as often as
said, by how much weeks differ beyond chance, and how far each amount lies from its mean. Quantiles
of the draws are the intervals. Leads that have yet to come are not in it: these are the customers
that the leads of today bring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadcast.models.data import Floats, Integers
from leadcast.models.forecast.pipeline_level import (
    AGES,
    MoneyDoubt,
    OpenLeads,
    PastOrigin,
    PastWeeks,
    PipelineLevel,
    RevenueLevel,
)

LEVEL = 0.9
"""How often an interval should hold what comes."""


@dataclass(frozen=True)
class Draws:
    """What may come, drawn again and again.

    Parameters
    ----------
    customers, revenue : ndarray of float64, shape (n_draws, n_weeks)
        In each week; revenue is NaN where nothing is told of amounts.
    """

    customers: Floats
    revenue: Floats


def draw_pipeline(
    leads: OpenLeads, level: PipelineLevel, money: RevenueLevel | None, *, draws: int, seed: int
) -> Draws:
    """Draw what the open leads bring.

    Parameters
    ----------
    leads : OpenLeads
    level : PipelineLevel
    money : RevenueLevel or None
        None where nothing is told of amounts.
    draws : int
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    Draws
    """
    random = np.random.default_rng(seed)
    hazard, weeks = leads.hazard, leads.n_weeks
    ages = [np.flatnonzero(leads.age == place) for place in range(len(AGES))]
    levels = level.draw(draws, random)
    # Who is won has draws of its own, so that amounts change no number of customers but by it.
    whom = np.random.default_rng([seed, 1])
    tilts, prices = _money_levels(money, draws, weeks, whom)
    customers, revenue = np.zeros((draws, weeks)), np.full((draws, weeks), np.nan)
    size = None if money is None else money.size(leads)
    for place, moved in enumerate(levels):
        # What moves hazards keeps probabilities below 1: an exponential time under the moved
        # hazards tells in which week a lead is won, if in any.
        total = np.empty(len(hazard))
        for mine, own in zip(ages, moved, strict=True):
            total[mine] = hazard[mine] @ own
        times = np.ones(len(hazard)) if size is None else _tilted(total, size, tilts[place], ages)
        time = random.exponential(size=len(hazard)) / times
        won = np.flatnonzero(time < total)
        cumulative = np.cumsum(hazard[won] * moved[leads.age[won]], axis=1)
        week = np.minimum((cumulative <= time[won, None]).sum(axis=1), weeks - 1)
        customers[place] = np.bincount(week, minlength=weeks)
        if money is not None:
            price = prices[place][week]
            bought = _amounts(leads, won, price, money.doubt, whom)
            revenue[place] = np.bincount(week, bought, weeks)
    return Draws(customers, revenue)


def _money_levels(
    money: RevenueLevel | None, draws: int, weeks: int, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw by how much large amounts are won more often, and the levels of amounts by week."""
    if money is None:
        return np.zeros(draws), np.zeros((draws, weeks))
    prices = money.prices(draws, weeks, random)
    return money.tilt + money.tilt_error * random.standard_normal(draws), prices


def _tilted(total: Floats, size: Floats, tilt: float, ages: list[Integers]) -> Floats:
    """Give by how much each hazard is moved for its amount; the sum of each age's stays."""
    times = np.exp(tilt * size)
    for mine in ages:
        moved = float(total[mine] @ times[mine])
        if moved > 0:
            times[mine] *= float(total[mine].sum()) / moved
    return times


def _amounts(
    leads: OpenLeads,
    won: Integers,
    price: Floats,
    doubt: MoneyDoubt,
    random: np.random.Generator,
) -> Floats:
    ratio = doubt.ratios[random.integers(0, len(doubt.ratios), len(won))]
    predicted = leads.amount[won] * np.exp(price + ratio)
    return np.where(leads.is_known[won] > 0, leads.amount[won], predicted)


@dataclass(frozen=True)
class WeekForecast:
    """One week, or all weeks up to it, with intervals of `LEVEL`.

    Parameters
    ----------
    week : int
        From 1.
    customers, revenue : tuple of float
        Mean, low and high end; revenue is None where nothing is told of amounts.
    customers_so_far, revenue_so_far : tuple of float
        Likewise of all weeks up to this one.
    """

    week: int
    customers: tuple[float, float, float]
    customers_so_far: tuple[float, float, float]
    revenue: tuple[float, float, float] | None
    revenue_so_far: tuple[float, float, float] | None


def told_by_week(draws: Draws) -> tuple[WeekForecast, ...]:
    """Tell the draws by week.

    Parameters
    ----------
    draws : Draws

    Returns
    -------
    tuple of WeekForecast
    """
    has_money = bool(np.isfinite(draws.revenue).all())
    return tuple(
        WeekForecast(
            week=week + 1,
            customers=_three(draws.customers[:, week]),
            customers_so_far=_three(draws.customers[:, : week + 1].sum(axis=1)),
            revenue=_three(draws.revenue[:, week]) if has_money else None,
            revenue_so_far=(
                _three(draws.revenue[:, : week + 1].sum(axis=1)) if has_money else None
            ),
        )
        for week in range(draws.customers.shape[1])
    )


def _three(drawn: Floats) -> tuple[float, float, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(drawn.mean()), float(low), float(high)


@dataclass(frozen=True)
class Backtested:
    """How past forecasts did, and what they say of the levels now.

    Parameters
    ----------
    origins : tuple of tuple of WeekForecast
        What was forecast at each, with what was known by then alone.
    level : PipelineLevel
        As all origins say it.
    """

    origins: tuple[tuple[WeekForecast, ...], ...]
    level: PipelineLevel


def backtest_pipeline(
    past: Sequence[PastOrigin],
    money: MoneyDoubt | None,
    *,
    drift: float,
    draws: int,
    seed: int,
) -> Backtested:
    """Forecast at each past week with what was known by then.

    Parameters
    ----------
    past : sequence of PastOrigin
        A week apart, in time's order; each with at least one known week.
    money : MoneyDoubt or None
    drift : float
        As of `leadcast.models.forecast.pipeline_level.PipelineLevel.of`.
    draws, seed : int

    Returns
    -------
    Backtested
    """
    if not past:
        raise ValueError("no past origin: give one at least")
    weeks = PastWeeks.of(past)
    told = []
    for place, one in enumerate(past):
        level = PipelineLevel.of(weeks, place, drift)
        own = None if money is None else RevenueLevel.of(past, place, money, one.leads)
        drawn = draw_pipeline(one.leads, level, own, draws=draws, seed=seed + place)
        told.append(told_by_week(drawn))
    return Backtested(tuple(told), PipelineLevel.of(weeks, len(past), drift))
