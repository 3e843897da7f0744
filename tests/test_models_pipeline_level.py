"""Levels of a pipeline in worlds whose law is known: what is learned, and how often it holds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.forecast_worlds import (
    KINDS,
    World,
    forecast_of,
    judge_world,
    oracle_of,
    simulate,
)
from leadcast.models.amounts.amount_level import DRAWN, TAIL, with_tail
from leadcast.models.data import Floats
from leadcast.models.forecast.pipeline_forecast import LEVEL, told_by_week
from leadcast.models.forecast.pipeline_level import (
    SPREAD,
    STEPS,
    USUAL_DRIFT,
    WEEKLIES,
    PastOrigin,
    PastWeeks,
    PipelineLevel,
    RevenueLevel,
)

WORLDS = 60
WORLDS_OF_LEVELS = 400
FLUKE = 0.002
"""A sound interval would fall outside the bounds of a test by chance this often, on each side."""


def bounds() -> tuple[float, float]:
    low, high = binom.ppf([FLUKE, 1 - FLUKE], WORLDS, LEVEL)
    return float(low) / WORLDS, float(high) / WORLDS


JUDGED = {
    "as said": KINDS["as said"],
    "level moves": KINDS["level moves"],
    "large amounts won less": World(tilt=-0.45, spread=1.3, arrivals=150),
    "amounts drift": World(amount_step=0.08, arrivals=100),
    "amounts have a tail": KINDS["amounts have a tail"],
    "all together": KINDS["all together"],
}
"""So far off that each is missed beyond the bounds where its source of doubt is left out."""


@pytest.mark.parametrize("kind", JUDGED)
def test_totals_are_held_as_often_as_intervals_say(kind: str) -> None:
    told = judge_world(JUDGED[kind], 20, WORLDS, draws=150, has_width=False)
    low, high = bounds()
    for name in ("customers", "revenue"):
        assert low <= told[name]["totals_held"] <= high, name


def test_in_a_steady_world_intervals_are_not_much_wider_than_of_who_knows_it() -> None:
    """An interval that always holds is no answer: the level of 20 weeks has to be believed."""
    told = judge_world(KINDS["as said"], 20, 16, draws=200)
    assert 1.0 < told["customers"]["width"] < 1.7
    assert 1.0 < told["revenue"]["width"] < 1.6


def test_the_measure_sees_intervals_that_know_no_doubt() -> None:
    """Without what was learned from the past a level that is off is missed."""
    world, held = World(start=0.6), []
    for seed in range(30):
        found = simulate(world, seed, 20)
        sure = told_by_week(oracle_of(World(), replace(found, level=0.0), 100, seed))
        _, low, high = sure[-1].customers_so_far
        held.append(low <= found.now.came()[0].sum() <= high)
    assert np.mean(held) < bounds()[0]


def test_large_leads_that_are_won_less_often_are_found_and_told() -> None:
    tilts, errors = [], []
    for seed in range(8):
        found = simulate(World(tilt=-0.4, arrivals=200), seed, 20)
        level = RevenueLevel.of(found.past, 20, found.doubt, found.now.leads)
        tilts.append(level.tilt)
        errors.append(level.tilt_error)
    assert np.mean(tilts) == pytest.approx(-0.4, abs=0.08)
    assert np.std(tilts) < 2 * np.mean(errors)


def of_prior(random: np.random.Generator, expected: Floats) -> tuple[PastWeeks, float]:
    """Draw a level, its steps and weeks as they are believed beforehand; give the last level."""
    spread, n_weeks = float(np.hypot(SPREAD, USUAL_DRIFT)), len(expected)
    step, weekly = (random.choice([*one], p=[*one.values()]) for one in (STEPS, WEEKLIES))
    start = spread * random.standard_normal() - spread**2 / 2
    level = start + np.cumsum(step * random.standard_normal(n_weeks))
    own = level + weekly * random.standard_normal(n_weeks) - weekly**2 / 2
    came = random.poisson(expected * np.exp(own)[:, None, None]).astype(np.float64)
    return PastWeeks(expected, came), float(np.exp(level[-1]))


def test_few_customers_tell_the_level_once() -> None:
    """What is believed is a mean: where it is high, as where it is low, it is as often too high."""
    random, rows = np.random.default_rng(1), []
    expected = np.tile([[[0.3], [0.6], [1.1]]], (4, 1, 1))
    for _ in range(WORLDS_OF_LEVELS):
        past, so = of_prior(random, expected)
        level = PipelineLevel.of(past, len(expected))
        factor = expected[0, :, 0] @ level.factor[:, 0] / expected[0].sum()
        rows.append((factor, level.moving.mean, so))
    factor, moving, so = np.array(rows).T
    # Ages are set apart, and together they have the level that whole weeks have told.
    np.testing.assert_allclose(factor, moving, rtol=1e-9)
    missed = (factor - so) * (factor - factor.mean())
    assert abs(missed.mean()) < 3 * missed.std() / np.sqrt(len(missed))


def test_who_is_won_changes_no_number_of_customers() -> None:
    found = simulate(World(tilt=-0.5, arrivals=200), 3, 20)
    alike = replace(found, past=tuple(_alike(one) for one in found.past), now=_alike(found.now))
    one, two = (forecast_of(each, 400, 1).customers.sum(axis=1).mean() for each in (found, alike))
    assert one == pytest.approx(two, rel=0.03)


def _alike(one: PastOrigin) -> PastOrigin:
    return replace(one, leads=replace(one.leads, amount=np.ones(len(one.leads.amount))))


def test_levels_hold_for_another_model_of_the_same_leads() -> None:
    """What a pipeline brings is the same, whichever model tells it."""
    found = simulate(World(start=0.5), 4, 20)
    leads = found.now.leads
    other = replace(leads, within=-np.expm1(0.5 * np.log1p(-leads.within)), amount=3 * leads.amount)
    level = PipelineLevel.of(PastWeeks.of(found.past), 20)
    money = RevenueLevel.of(found.past, 20, found.doubt, leads)
    moved = level.for_model(leads, other)
    said, says = (
        (one.expected() * at.factor).sum() for one, at in ((leads, level), (other, moved))
    )
    # Drawn to nothing as by four customers an age.
    assert says == pytest.approx(said, rel=0.2)
    assert says > (other.expected() * level.factor).sum()
    assert money.for_model(leads, other).other == pytest.approx(-np.log(3))


def test_a_tail_goes_on_beyond_what_was_seen_and_leaves_the_rest() -> None:
    ratios = np.sort(np.random.default_rng(1).exponential(0.5, 200))
    drawn = with_tail(ratios)
    assert len(drawn) == DRAWN
    assert (np.diff(drawn) >= 0).all()
    assert drawn.max() > ratios.max()
    assert np.quantile(drawn, 0.5) == pytest.approx(np.quantile(ratios, 0.5), abs=0.02)
    # Of an exponential law the mean beyond any threshold is its mean.
    beyond = drawn[drawn > np.quantile(drawn, 1 - TAIL)] - np.quantile(drawn, 1 - TAIL)
    assert beyond.mean() == pytest.approx(0.5, rel=0.35)
    assert (with_tail(np.zeros(1)) == 0).all()
