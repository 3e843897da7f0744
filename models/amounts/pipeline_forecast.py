"""What the open pipeline brings by week: customers and revenue, each with an interval.

Each open lead has a probability to become a customer by the end of each week (the curve F(t) of the
bundle) and a mean amount if so. What is not known is drawn: whether and when each lead is won (a
lead is won once, so weeks are not independent), how far the level of all probabilities is off, by
how much weeks differ beyond chance, how far the level of amounts is off, and how far each amount
lies from its mean. Quantiles of the draws are the intervals. Leads that have yet to come are not in
it: these are the customers that the leads of today bring.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leadcast.models.data import Flags, Floats, Integers

LEVEL = 0.9
"""How often an interval should hold what comes."""
AGES = ("young", "older", "old")
"""Kinds of open leads, by age: as old as the model was tested at, up to a horizon older, older."""
PRIOR = 4.0
"""The level is believed right as if so many customers had confirmed it."""
RECENT_WEEKS = 26
"""The level of the pipeline is read off so many weeks before."""
WEEK_BANDS = (1, 4, 8)
"""The level is read off apart for the next week, those up to the fourth, the eighth, and later."""
FEWEST_WEEKS = 6
"""With fewer weeks nobody can tell by how much they differ beyond chance."""
USUAL_DRIFT = 0.15
"""How far the level of a stretch to come may be off, in logarithms, where no origin told."""


@dataclass(frozen=True)
class OpenLeads:
    """The leads that are open at a moment.

    Parameters
    ----------
    within : ndarray of float64, shape (n, n_weeks)
        The probability to be a customer by the end of each week; below 1, never falling.
    amount : ndarray of float64, shape (n,)
        The mean amount if won; NaN where nothing is told of amounts.
    is_known : ndarray of float64, shape (n,)
        1 where the amount is known and is no prediction.
    age : ndarray of int64, shape (n,)
        The place in `AGES`.
    """

    within: Floats
    amount: Floats
    is_known: Floats
    age: Integers

    @property
    def n_weeks(self) -> int:
        """How many weeks are looked at."""
        return int(self.within.shape[1])

    @property
    def hazard(self) -> Floats:
        """What is added in each week to the cumulative hazard, shape (n, n_weeks)."""
        cumulative = -np.log1p(-self.within)
        return np.diff(cumulative, axis=1, prepend=0.0)

    def expected(self) -> Floats:
        """Give the customers that are expected in each week, by age; shape (3, n_weeks)."""
        by_week = np.diff(self.within, axis=1, prepend=0.0)
        return np.stack([by_week[self.age == place].sum(axis=0) for place in range(len(AGES))])


@dataclass(frozen=True)
class PastWeeks:
    """What was expected of past pipelines week by week, and what came.

    Parameters
    ----------
    expected, came : ndarray of float64, shape (n_past, 3, n_weeks)
        Customers of each past origin, by age and by how many weeks ahead. The origins are a week
        apart, in time's order.
    """

    expected: Floats
    came: Floats

    def known_at(self, place: int) -> Flags:
        """Tell which weeks were over when an origin began, shape (n_past, n_weeks)."""
        n_past, _, n_weeks = self.expected.shape
        ends = np.arange(n_past)[:, None] + np.arange(1, n_weeks + 1)[None, :]
        recent = np.arange(n_past)[:, None] >= place - RECENT_WEEKS
        return (ends <= place) & recent


@dataclass(frozen=True)
class PipelineLevel:
    """How far the level of the pipeline's probabilities is off, by its own past weeks.

    Parameters
    ----------
    factor : ndarray of float64, shape (3, n_weeks)
        By age and by how many weeks ahead: how many customers came for each that was expected,
        drawn to that of all ages, of nearer weeks, and to 1.
    error : ndarray of float64, shape (3, n_weeks)
        The standard error of the factor's logarithm.
    drift : float
        By how much the level of all may move on, as a standard deviation of logarithms.
    weekly : float
        By how much single weeks differ beyond chance, likewise.
    weeks : int
        How many past weeks it was read off.
    """

    factor: Floats
    error: Floats
    drift: float
    weekly: float
    weeks: int

    @classmethod
    def of(cls, past: PastWeeks, place: int, drift: float = USUAL_DRIFT) -> "PipelineLevel":
        """Read it off the weeks that were over at an origin.

        Parameters
        ----------
        past : PastWeeks
        place : int
            The number of the origin; one more than the last for now.
        drift : float
            As `PipelineLevel.drift`.

        Returns
        -------
        PipelineLevel
        """
        known = past.known_at(place)
        n_weeks = known.shape[1]
        factor, error = np.ones((len(AGES), n_weeks)), np.ones((len(AGES), n_weeks))
        before = 1.0
        for first, last in _bands(n_weeks):
            own = known[:, None, first:last]
            # A customer is counted at each origin from which its week lies in the band.
            share = 1 / (last - first)
            said = (past.expected[:, :, first:last] * own).sum(axis=(0, 2)) * share
            seen = (past.came[:, :, first:last] * own).sum(axis=(0, 2)) * share
            # Drawn to the level of all ages, and that to the level of the weeks before.
            before = float((seen.sum() + PRIOR * before) / (said.sum() + PRIOR))
            factor[:, first:last] = ((seen + PRIOR * before) / (said + PRIOR))[:, None]
            error[:, first:last] = (1 / np.sqrt(seen + PRIOR))[:, None]
        mine = known[:, 0]
        said_first = np.einsum("pa,a->p", past.expected[mine, :, 0], factor[:, 0])
        weekly = _beyond_chance(said_first, past.came[mine, :, 0].sum(axis=1))
        return cls(factor, error, drift, weekly, int(mine.sum()))

    def for_weeks(self, n_weeks: int) -> "PipelineLevel":
        """Tell the same for fewer or more weeks; beyond the last, its level stays."""
        place = np.minimum(np.arange(n_weeks), self.factor.shape[1] - 1)
        return replace(self, factor=self.factor[:, place], error=self.error[:, place])

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        by_age = dict(zip(AGES, self.factor.tolist(), strict=True))
        told = {"drift": self.drift, "weekly": self.weekly, "weeks": self.weeks}
        return {"factor": by_age, **told}


def _bands(n_weeks: int) -> list[tuple[int, int]]:
    """Part the weeks ahead, the next ones finer."""
    ends = [end for end in WEEK_BANDS if end < n_weeks]
    return list(zip([0, *ends], [*ends, n_weeks], strict=True))


def _beyond_chance(expected: Floats, came: Floats) -> float:
    """Estimate by how much weeks differ beyond chance: their variance above that of Poisson's."""
    if len(expected) < FEWEST_WEEKS or not expected.sum() > 0:
        return 0.0
    surplus = ((came - expected) ** 2 - expected).sum() / (expected**2).sum()
    return float(np.sqrt(np.log1p(max(surplus, 0.0))))


@dataclass(frozen=True)
class MoneyDoubt:
    """How far amounts lie from what is told of them.

    Parameters
    ----------
    ratios : ndarray of float64, shape (n,)
        Logarithms of amounts over their means, evenly likely.
    error : float
        The standard error of the logarithm of all means together.
    """

    ratios: Floats
    error: float


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
    leads: OpenLeads, level: PipelineLevel, money: MoneyDoubt | None, *, draws: int, seed: int
) -> Draws:
    """Draw what the open leads bring.

    Parameters
    ----------
    leads : OpenLeads
    level : PipelineLevel
    money : MoneyDoubt or None
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
    customers, revenue = np.zeros((draws, weeks)), np.full((draws, weeks), np.nan)
    for place, moved in enumerate(_levels(level, draws, random)):
        # What moves hazards keeps probabilities below 1: an exponential time under the moved
        # hazards tells in which week a lead is won, if in any.
        total = np.empty(len(hazard))
        for mine, own in zip(ages, moved, strict=True):
            total[mine] = hazard[mine] @ own
        time = random.exponential(size=len(hazard))
        won = np.flatnonzero(time < total)
        cumulative = np.cumsum(hazard[won] * moved[leads.age[won]], axis=1)
        week = np.minimum((cumulative <= time[won, None]).sum(axis=1), weeks - 1)
        customers[place] = np.bincount(week, minlength=weeks)
        if money is not None:
            bought = _amounts(leads, won, money, random)
            revenue[place] = np.bincount(week, bought, weeks)
    return Draws(customers, revenue)


def _levels(level: PipelineLevel, draws: int, random: np.random.Generator) -> Iterator[Floats]:
    """Draw by how much hazards are moved, by age and week; shape (3, n_weeks)."""
    centre = np.log(level.factor) - level.error**2 / 2
    n_weeks = centre.shape[1]
    for _ in range(draws):
        # One draw an age: what is off for the next week is likely off for the later ones, too.
        own = centre + level.error * random.standard_normal((len(centre), 1))
        drift = level.drift * random.standard_normal() - level.drift**2 / 2
        weekly = level.weekly * random.standard_normal(n_weeks) - level.weekly**2 / 2
        yield np.exp(own + drift + weekly)


def _amounts(
    leads: OpenLeads, won: Integers, money: MoneyDoubt, random: np.random.Generator
) -> Floats:
    off = money.error * random.standard_normal() - money.error**2 / 2
    ratio = money.ratios[random.integers(0, len(money.ratios), len(won))]
    predicted = leads.amount[won] * np.exp(off + ratio)
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
class PastOrigin:
    """A past moment, and what its open leads brought since.

    Parameters
    ----------
    leads : OpenLeads
        As they stood then, told by a model that had not seen what came.
    won_in : ndarray of int64, shape (n,)
        The week in which each was won, from 0; -1 where it was not in the weeks that are known.
    amount : ndarray of float64, shape (n,)
        Of those that were won; NaN where not known.
    known_weeks : int
        How many whole weeks after it are known.
    """

    leads: OpenLeads
    won_in: Integers
    amount: Floats
    known_weeks: int

    def came(self) -> tuple[Floats, Floats]:
        """Give customers and revenue by week, each of shape (known weeks,)."""
        weeks = min(self.known_weeks, self.leads.n_weeks)
        mine = (self.won_in >= 0) & (self.won_in < weeks)
        week = self.won_in[mine]
        money = np.nan_to_num(self.amount[mine])
        return (
            np.bincount(week, minlength=weeks).astype(np.float64),
            np.bincount(week, money, weeks).astype(np.float64),
        )

    def by_age(self) -> Floats:
        """Give the customers of each week by age, shape (3, n_weeks); 0 in weeks not known."""
        found = np.zeros((len(AGES), self.leads.n_weeks))
        weeks = min(self.known_weeks, self.leads.n_weeks)
        mine = (self.won_in >= 0) & (self.won_in < weeks)
        np.add.at(found, (self.leads.age[mine], self.won_in[mine]), 1.0)
        return found


@dataclass(frozen=True)
class Backtested:
    """How past forecasts did, and what they say of the level now.

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
        As `PipelineLevel.drift`.
    draws, seed : int

    Returns
    -------
    Backtested
    """
    if not past:
        raise ValueError("no past origin: give one at least")
    weeks = PastWeeks(
        np.stack([one.leads.expected() for one in past]),
        np.stack([one.by_age() for one in past]),
    )
    told = []
    for place, one in enumerate(past):
        level = PipelineLevel.of(weeks, place, drift)
        drawn = draw_pipeline(one.leads, level, money, draws=draws, seed=seed + place)
        told.append(told_by_week(drawn))
    return Backtested(tuple(told), PipelineLevel.of(weeks, len(past), drift))
