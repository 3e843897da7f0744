"""Pipelines whose law is known, to hold forecasts against: how often, and how wide.

Leads arrive each week and are won by hazards that fall with their age. What a model says of them is
off as the world's kind has it: by a level that moves from week to week, by age of the leads or by
their pace, by amounts that have a long tail or drift, by large leads that are won less often than
said. Each world gives one forecast, so worlds are independent trials. An oracle knows all of its
law and no future: its intervals are the narrowest that hold as often as they say.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leadcast.models.amounts.amount_level import with_tail
from leadcast.models.data import Floats, Integers
from leadcast.models.forecast.moving_level import MovingLevel
from leadcast.models.forecast.pipeline_forecast import (
    Draws,
    WeekForecast,
    draw_pipeline,
    told_by_week,
)
from leadcast.models.forecast.pipeline_level import (
    MoneyDoubt,
    OpenLeads,
    Pace,
    PastOrigin,
    PastWeeks,
    PipelineLevel,
    RevenueLevel,
)

LIFE = 16
"""After so many weeks nobody is won any more."""
AHEAD = 8
BASE, FADE = 0.04, 5.0
"""The mean hazard of a new lead's first week, and in how many weeks it falls to a third."""
_QUANTILES = 200


@dataclass(frozen=True)
class World:
    """How what is said of leads differs from what is so; standard deviations of logarithms.

    Parameters
    ----------
    start, step, weekly : float
        Of the level at the first past week, of its steps, and of single weeks.
    ages, pace : float
        Of what sets three ages of leads apart, and single weeks of age.
    tilt : float
        By how much the hazard's logarithm rises with a standard deviation of the amount's.
    amount_step : float
        Of the steps of the level of amounts.
    spread, noise : float
        Of the mean amounts, and of amounts around them.
    has_tail : bool
        Whether a tenth of the amounts follows Pareto's law with exponent 1.8.
    learned : int
        How many earlier amounts told their distribution.
    arrivals : int
        A week.
    """

    start: float = 0.0
    step: float = 0.0
    weekly: float = 0.0
    ages: float = 0.0
    pace: float = 0.0
    tilt: float = 0.0
    amount_step: float = 0.0
    spread: float = 0.8
    noise: float = 0.6
    has_tail: bool = False
    learned: int = 300
    arrivals: int = 60


KINDS = {
    "as said": World(),
    "level off": World(start=0.4),
    "level moves": World(start=0.3, step=0.08, weekly=0.1),
    "level moves fast": World(start=0.3, step=0.15, weekly=0.2),
    "weeks differ": World(weekly=0.3),
    "ages off": World(ages=0.35),
    "pace off": World(pace=0.4, arrivals=150),
    "few leads": World(arrivals=12),
    "large amounts won less": World(tilt=-0.25, spread=1.3),
    "amounts drift": World(amount_step=0.05),
    "amounts spread far": World(spread=1.2, noise=1.3, learned=150),
    "amounts have a tail": World(has_tail=True, learned=150),
    "all together": World(
        start=0.3,
        step=0.08,
        weekly=0.15,
        tilt=-0.2,
        amount_step=0.04,
        noise=1.3,
        arrivals=30,
    ),
}


@dataclass(frozen=True)
class Simulated:
    """A world as it went.

    Parameters
    ----------
    past : tuple of PastOrigin
    now : PastOrigin
        The moment of the forecast, with what came of it.
    doubt : MoneyDoubt
        As earlier amounts told it.
    level, price : float
        The logarithms of the levels of customers and of amounts at the moment, above what is said.
    """

    past: tuple[PastOrigin, ...]
    now: PastOrigin
    doubt: MoneyDoubt
    level: float
    price: float


def _noise(world: World, number: int, random: np.random.Generator) -> Floats:
    if not world.has_tail:
        return random.lognormal(-(world.noise**2) / 2, world.noise, number)
    far = 1.9 * (random.pareto(1.8, number) + 1)
    body = random.lognormal(0, 0.5, number)
    mean = 0.9 * np.exp(0.125) + 0.1 * 1.9 * 1.8 / 0.8
    return np.asarray(np.where(random.random(number) < 0.9, body, far) / mean)


def _place(age: Integers) -> Integers:
    return np.searchsorted([3, 8], age, side="right").astype(np.int64)


@dataclass(frozen=True)
class _Leads:
    born: Integers
    said: Floats
    mean: Floats
    won: Integers
    amount: Floats

    def at(self, week: int, known: int) -> PastOrigin:
        """Look at those that are open when a week begins."""
        mine = np.flatnonzero((self.born < week) & (self.born > week - LIFE) & (self.won >= week))
        age = week - self.born[mine]
        hazard = self.said[mine[:, None], age[:, None] + np.arange(AHEAD)]
        ahead = self.won[mine] - week
        ahead = np.where(ahead < min(known, AHEAD), ahead, -1).astype(np.int64)
        within = -np.expm1(-np.cumsum(hazard, axis=1))
        leads = OpenLeads(within, self.mean[mine], np.zeros(len(mine)), _place(age))
        amount = np.where(ahead >= 0, self.amount[mine], np.nan)
        return PastOrigin(leads, ahead, amount, known)


def simulate(world: World, seed: int, n_past: int) -> Simulated:
    """Let a world go on, and look at its pipeline each week.

    Parameters
    ----------
    world : World
    seed : int
    n_past : int
        How many past weeks are known.

    Returns
    -------
    Simulated
    """
    random = np.random.default_rng(seed)
    now = LIFE + n_past
    weeks = now + AHEAD
    born = np.repeat(np.arange(weeks), random.poisson(world.arrivals, weeks))
    walk = np.cumsum(world.step * random.standard_normal(weeks))
    level = world.start * random.standard_normal() + walk - walk[LIFE]
    price = np.cumsum(world.amount_step * random.standard_normal(weeks))
    price -= price[LIFE]
    size, age = random.standard_normal(len(born)), np.arange(LIFE)
    base = BASE * random.lognormal(0, 0.7, len(born))
    said = np.minimum(base[:, None] * np.exp(-age / FADE), 0.5)
    week = np.minimum(born[:, None] + age, weeks - 1)
    own = level + world.weekly * random.standard_normal(weeks) - world.weekly**2 / 2
    by_age = np.exp(world.ages * random.standard_normal(3))[_place(age)]
    by_age *= np.exp(world.pace * random.standard_normal(LIFE))
    tilted = np.exp(world.tilt * np.clip(size, -3, 3))
    hazard = said * np.exp(own)[week] * by_age * (tilted / tilted.mean())[:, None]
    hazard *= born[:, None] + age < weeks
    lived = (np.cumsum(hazard, axis=1) <= random.exponential(size=(len(born), 1))).sum(axis=1)
    won = np.where(lived < LIFE, born + lived, weeks)
    # What earlier amounts told of their mean and of what lies around it.
    earlier = _noise(world, world.learned, random)
    fitted = float(np.log(earlier.mean()))
    ratios = np.quantile(np.log(earlier), (np.arange(_QUANTILES) + 0.5) / _QUANTILES) - fitted
    mean = np.exp(8 + world.spread * size)
    amount = mean * np.exp(price[np.minimum(won, weeks - 1)]) * _noise(world, len(born), random)
    told = np.concatenate([said, np.zeros((len(born), AHEAD))], axis=1)
    leads = _Leads(born, told, mean * np.exp(fitted), won, amount)
    error = float(np.exp(ratios).std() / np.sqrt(world.learned))
    return Simulated(
        tuple(leads.at(each, now - each) for each in range(LIFE, now)),
        leads.at(now, AHEAD),
        MoneyDoubt(with_tail(ratios), error),
        float(level[now - 1]),
        float(price[now - 1] - fitted),
    )


def forecast_of(found: Simulated, draws: int, seed: int) -> Draws:
    """Forecast as Leadcast does, by the past weeks.

    Parameters
    ----------
    found : Simulated
    draws, seed : int

    Returns
    -------
    Draws
    """
    place, leads = len(found.past), found.now.leads
    level = PipelineLevel.of(PastWeeks.of(found.past), place)
    money = RevenueLevel.of(found.past, place, found.doubt, leads)
    return draw_pipeline(leads, level, money, draws=draws, seed=seed)


def oracle_of(world: World, found: Simulated, draws: int, seed: int) -> Draws:
    """Forecast as who knows the world's law and the levels now (but ages and pace as said).

    Parameters
    ----------
    world : World
    found : Simulated
    draws, seed : int

    Returns
    -------
    Draws
    """
    leads, ones = found.now.leads, np.ones(AHEAD)
    moving = MovingLevel.before(0.0, {world.step: 1.0}, {world.weekly: 1.0})
    relative = np.full((3, AHEAD), np.exp(found.level))
    sure = Pace(ones, 0 * ones, ones / AHEAD)
    level = PipelineLevel(moving, relative, 0 * relative, 0 * relative + 1 / 3, 0 * ones, sure, 0)
    noise = np.log(_noise(world, 4_000, np.random.default_rng([seed, 2])))
    money = replace(
        RevenueLevel.of([], 0, MoneyDoubt(noise, 0.0), leads),
        moving=MovingLevel.before(0.0, {world.amount_step: 1.0}, {0.0: 1.0}),
        tilt=world.tilt,
        tilt_error=0.0,
        other=found.price,
    )
    return draw_pipeline(leads, level, money, draws=draws, seed=seed)


def judge_world(
    world: World, n_past: int, worlds: int, *, draws: int = 400, has_width: bool = True
) -> dict[str, Any]:
    """Count how often intervals of totals and of weeks hold, and how wide they are.

    Parameters
    ----------
    world : World
    n_past : int
        How many past weeks are known.
    worlds : int
        Independent trials.
    draws : int
    has_width : bool
        Whether the oracle forecasts, too; without it ``width`` is NaN.

    Returns
    -------
    dict
        ``worlds``, ``customers_a_forecast``, and of ``customers`` and ``revenue``: ``totals_held``,
        ``totals_above`` (what came was more than the interval), ``weeks_held``, and ``width`` over
        the oracle's (the median of all worlds).
    """
    rows = []
    for seed in range(worlds):
        found = simulate(world, seed, n_past)
        told = told_by_week(forecast_of(found, draws, seed))
        best = told_by_week(oracle_of(world, found, draws, seed))[-1] if has_width else None
        rows.append([_one(told, best, found.now, which) for which in (0, 1)])
    table = np.array(rows)
    names = ("totals_held", "totals_above", "weeks_held")
    judged: dict[str, Any] = {
        "worlds": worlds,
        "customers_a_forecast": float(table[:, 0, 4].mean()),
    }
    for which, name in enumerate(("customers", "revenue")):
        means = table[:, which, :3].mean(axis=0)
        judged[name] = dict(zip(names, means.tolist(), strict=True))
        judged[name]["width"] = float(np.median(table[:, which, 3]))
    return judged


def _one(
    told: tuple[WeekForecast, ...], best: WeekForecast | None, now: PastOrigin, which: int
) -> list[float]:
    came = now.came()[which]
    last = _ends(told[-1], which, so_far=True)
    ideal = (np.nan, np.nan) if best is None else _ends(best, which, so_far=True)
    ends = np.array([_ends(one, which, so_far=False) for one in told])
    held = (ends[:, 0] <= came) & (came <= ends[:, 1])
    total = float(came.sum())
    width = (last[1] - last[0]) / np.maximum(ideal[1] - ideal[0], 1e-9)
    return [
        float(last[0] <= total <= last[1]),
        float(total > last[1]),
        held.mean(),
        float(width),
        total,
    ]


def _ends(one: WeekForecast, which: int, *, so_far: bool) -> tuple[float, float]:
    weekly, total = ((one.customers, one.customers_so_far), (one.revenue, one.revenue_so_far))[
        which
    ]
    told = total if so_far else weekly
    if told is None:
        raise ValueError("a forecast without amounts: give it a MoneyDoubt")
    return told[1], told[2]
