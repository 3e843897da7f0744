"""The forecast of the open pipeline: what is drawn, what it may know, and how often it holds."""

from dataclasses import replace

import numpy as np
import pytest

from leadcast.models.data import Floats
from leadcast.models.forecast.forecast_coverage import coverage_of
from leadcast.models.forecast.forecast_words import coverage_words, forecast_words
from leadcast.models.forecast.moving_level import MovingLevel
from leadcast.models.forecast.pipeline_forecast import (
    Draws,
    backtest_pipeline,
    draw_pipeline,
    told_by_week,
)
from leadcast.models.forecast.pipeline_level import (
    AGES,
    MoneyDoubt,
    OpenLeads,
    Pace,
    PastOrigin,
    PastWeeks,
    PipelineLevel,
    RevenueLevel,
)

WEEKS = 5
ONES = np.ones(WEEKS)
SURE = PipelineLevel(
    moving=MovingLevel.before(0.0, {0.0: 1.0}, {0.0: 1.0}),
    relative=np.ones((3, WEEKS)),
    age_error=np.zeros((3, WEEKS)),
    age_share=np.ones((3, WEEKS)) / 3,
    ahead_error=0 * ONES,
    pace=Pace(ONES, 0 * ONES, ONES / WEEKS),
    weeks=0,
)
"""A level that is right and known to be so."""
EXACT = MoneyDoubt(np.zeros(1), 0.0)
SURE_MONEY = RevenueLevel(EXACT)


def leads(n: int = 300, seed: int = 1) -> OpenLeads:
    random = np.random.default_rng(seed)
    by_week = random.uniform(0, 0.06, (n, WEEKS))
    within = np.asarray(1 - np.cumprod(1 - by_week, axis=1), dtype=np.float64)
    return OpenLeads(within, random.uniform(1, 9, n), np.zeros(n), random.integers(0, 3, n))


def origin(random: np.random.Generator, known: int, right: float = 1.0) -> PastOrigin:
    """A pipeline that brings `right` times what is said of it."""
    said = leads(200, int(random.integers(1_000_000)))
    true = 1 - (1 - said.within) ** right
    week = (random.random(200)[:, None] > true).sum(axis=1)
    won = np.where(week < min(known, WEEKS), week, -1)
    amount = said.amount * random.lognormal(-0.125, 0.5, 200)
    return PastOrigin(said, won, amount, known)


def money_of(amounts: int = 400) -> MoneyDoubt:
    ratios = np.random.default_rng(2).normal(-0.125, 0.5, amounts)
    return MoneyDoubt(ratios - np.log(np.exp(ratios).mean()), 0.05)


def past(number: int, right: float = 1.0, seed: int = 3) -> list[PastOrigin]:
    random = np.random.default_rng(seed)
    return [origin(random, number - place, right) for place in range(number)]


def test_draws_have_the_means_and_the_spread_of_chance() -> None:
    some = leads()
    drawn = draw_pipeline(some, SURE, SURE_MONEY, draws=4000, seed=1)
    np.testing.assert_allclose(drawn.customers.mean(axis=0), some.expected().sum(axis=0), rtol=0.05)
    total = some.within[:, -1]
    # A lead is won once: the variance is that of Poisson's binomial.
    assert drawn.customers.sum(axis=1).var() == pytest.approx((total * (1 - total)).sum(), rel=0.1)
    assert drawn.revenue.sum(axis=1).mean() == pytest.approx(total @ some.amount, rel=0.03)


def test_scaling_amounts_scales_revenue_and_leaves_customers() -> None:
    some = leads()
    dear = replace(some, amount=8 * some.amount)
    one, two = (
        draw_pipeline(each, SURE, RevenueLevel.of([], 0, money_of(), each), draws=50, seed=4)
        for each in (some, dear)
    )
    assert (one.customers == two.customers).all()
    np.testing.assert_allclose(two.revenue, 8 * one.revenue)


def test_an_amount_that_is_known_is_brought_as_it_is() -> None:
    some = replace(leads(), amount=np.full(300, 7.0), is_known=np.ones(300))
    money = RevenueLevel.of([], 0, money_of(), some)
    drawn = draw_pipeline(some, SURE, money, draws=50, seed=4)
    np.testing.assert_allclose(drawn.revenue, 7 * drawn.customers)


def test_without_amounts_customers_are_forecast_alone() -> None:
    told = told_by_week(draw_pipeline(leads(), SURE, None, draws=50, seed=1))
    assert [one.week for one in told] == [1, 2, 3, 4, 5]
    assert all(one.revenue is None and one.revenue_so_far is None for one in told)


def test_ends_are_those_of_the_draws() -> None:
    numbers = np.arange(101, dtype=np.float64)[:, None]
    (told,) = told_by_week(Draws(numbers, 2 * numbers))
    assert told.customers == pytest.approx((50, 5, 95))
    assert told.revenue == pytest.approx((100, 10, 190))


def test_no_forecast_knows_what_came_after_it() -> None:
    before = past(8)
    changed = [*before]
    for place in range(8):
        one = before[place]
        later = (one.won_in >= 0) & (one.won_in + place >= 5)
        changed[place] = replace(one, won_in=np.where(later, -1, one.won_in))
    told = [
        backtest_pipeline(each, None, drift=0.1, draws=60, seed=1).origins
        for each in (before, changed)
    ]
    # Up to the origin in whose week the first change lies nothing differs, and then something does.
    assert told[0][:6] == told[1][:6]
    assert told[0][7] != told[1][7]


def test_a_level_that_is_off_is_learned_from_its_own_past() -> None:
    off = backtest_pipeline(past(20, right=2.0), None, drift=0.1, draws=20, seed=1)
    assert off.level.factor[:, 0] == pytest.approx([2, 2, 2], abs=0.5)
    nothing = PastWeeks(np.zeros((0, 3, WEEKS)), np.zeros((0, 3, WEEKS)))
    assert (PipelineLevel.of(nothing, 0).relative == 1).all()


def test_more_or_fewer_weeks_keep_the_last_level() -> None:
    level = replace(SURE, relative=np.arange(1.0, 16).reshape(3, WEEKS))
    assert level.for_weeks(7).relative[0].tolist() == [1, 2, 3, 4, 5, 5, 5]
    assert level.for_weeks(2).factor.shape == (len(AGES), 2)


@pytest.mark.parametrize("right", [1.0, 1.6])
def test_intervals_hold_what_comes_as_often_as_they_say(right: float) -> None:
    held: list[Floats] = []
    for seed in range(4):
        before, money = past(14, right, seed=100 + seed), money_of()
        found = backtest_pipeline(before, money, drift=0.1, draws=150, seed=seed)
        told = coverage_of(found, before)
        held.append(np.array([told["customers"]["held"], told["revenue"]["held"]]))
    assert (np.mean(held, axis=0) > 0.86).all()


def test_intervals_that_know_no_doubt_hold_too_little() -> None:
    """The measure of coverage can fail: a level that is off, and told as if it were sure."""
    before = past(10, right=2.0)
    told = tuple(
        told_by_week(draw_pipeline(one.leads, SURE, SURE_MONEY, draws=100, seed=1))
        for one in before
    )
    found = backtest_pipeline(before, EXACT, drift=0.1, draws=10, seed=1)
    assert coverage_of(replace(found, origins=told), before)["customers"]["held"] < 0.6


def test_words_tell_customers_money_and_how_past_forecasts_did() -> None:
    ends = {"mean": 12.0, "low": 7.0, "high": 18.0}
    counted = {"weeks": 20, "held": 0.9, "totals_held": 0.8, "expected": 40.0, "came": 44.0}
    backtest = {"origins": 5, "customers": counted, "revenue": counted}
    content = {
        "source": "ours",
        "open_leads": 1_500,
        "as_of": "2026-01-01T00:00:00+00:00",
        "interval": 0.9,
        "currency": "EUR",
        "weeks": [{"customers_so_far": ends, "revenue_so_far": ends}],
        "backtest": backtest,
    }
    first, scope, held = forecast_words(content)
    assert (
        "of 1,500 open leads at 2026-01-01 00:00, 12 become customers in 1 week (7 to 18" in first
    )
    one = {"customers_so_far": ends | {"mean": 1.2}, "revenue_so_far": ends}
    assert (
        ", 1 becomes a customer in 2 weeks (" in forecast_words(content | {"weeks": [one] * 2})[0]
    )
    assert "have yet to come" in scope
    assert "90 % of 20 single weeks" in held.replace("\N{NO-BREAK SPACE}", " ")
    assert coverage_words({**backtest, "revenue": None}).count("revenue") == 0
