"""A level that moves: what weeks say of it, and what stays open."""

import numpy as np
import pytest

from leadcast.models.forecast.moving_level import GRID, MovingLevel, counted, paid

STEPS, WEEKLIES = {0.0: 0.5, 0.1: 0.3, 0.3: 0.2}, {0.0: 0.5, 0.3: 0.5}


def after(weeks: list[tuple[float, float]], steps: dict[float, float] = STEPS) -> MovingLevel:
    level = MovingLevel.before(0.5, steps, WEEKLIES)
    for expected, came in weeks:
        level = level.moved().after(counted(expected, came, level.weeklies))
    return level


def spread(level: MovingLevel) -> float:
    belief = level.belief.sum(axis=(0, 1))
    return float(np.sqrt(belief @ GRID**2 - (belief @ GRID) ** 2))


def test_before_any_week_the_level_is_one_on_average() -> None:
    assert MovingLevel.before(0.5, STEPS, WEEKLIES).mean == pytest.approx(1, abs=0.01)


def test_a_fixed_level_is_learned_as_poisson_and_a_prior_say() -> None:
    """With no steps and no weekly deviation the posterior of many counts is that of their sum."""
    level = MovingLevel.before(0.5, {0.0: 1.0}, {0.0: 1.0})
    one = level.after(counted(30.0, 45.0, (0.0,)))
    for _ in range(3):
        level = level.after(counted(10.0, 15.0, (0.0,)))
    np.testing.assert_allclose(one.belief, level.belief, atol=1e-12)
    # Close to 45 / 30, and as sure as 45 customers and the prior make it.
    assert one.mean == pytest.approx(1.5, abs=0.12)
    assert spread(one) == pytest.approx((45 + 0.5**-2) ** -0.5, rel=0.05)


def test_more_weeks_make_a_steady_level_surer_and_a_moving_one_less() -> None:
    steady = [spread(after([(40.0, 40.0)] * weeks)) for weeks in (1, 4, 16)]
    assert steady[0] > steady[1] > steady[2]
    still = after([(40.0, 40.0)] * 16)
    jumping = after([(40.0, 25.0 if week % 6 < 3 else 60.0) for week in range(16)])
    assert jumping.step > 2 * still.step
    assert spread(jumping) > spread(still)


def test_weeks_that_differ_are_told_from_a_level_that_moves() -> None:
    one_by_one = after([(100.0, 140.0 if week % 2 else 70.0) for week in range(20)])
    for_long = after([(100.0, 70.0 + 2.0 * week) for week in range(40)])
    assert one_by_one.weekly > 0.25
    assert for_long.weekly < 0.1
    assert for_long.mean > 1.3 > 1.1 > one_by_one.mean


def test_amounts_are_learned_without_bias_whatever_their_tail() -> None:
    """The gamma loss is fitted where the sum of amounts is the sum of means."""
    random = np.random.default_rng(1)
    amounts = random.pareto(2.5, 20_000) + 1
    level = MovingLevel.before(1.0, {0.0: 1.0}, {0.0: 1.0})
    level = level.after(paid(20_000.0, float(amounts.sum()), 4_000.0))
    assert level.mean == pytest.approx(amounts.mean(), rel=0.02)


def test_draws_follow_belief_and_walk_on() -> None:
    level = MovingLevel.before(0.0, {0.1: 1.0}, {0.2: 1.0})
    walked, weekly = level.draw(20_000, 9, np.random.default_rng(2))
    assert walked[:, 0].std() == pytest.approx(0.1, rel=0.05)
    assert walked[:, 8].std() == pytest.approx(0.3, rel=0.05)
    assert np.exp(weekly).mean() == pytest.approx(1, abs=0.01)
    # Weeks' own deviations have nothing to do with each other.
    assert abs(np.corrcoef(weekly[:, 0], weekly[:, 1])[0, 1]) < 0.03
