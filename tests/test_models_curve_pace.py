"""What days are worth, and the newest pace: in worlds of which it is known what moves."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.delays import OPEN, WON
from leadcast.models.curve import curve_fit
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.curve_fit import fit_curve
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.curve.newest_pace import agreeing, counted
from leadcast.models.curve.person_periods import Calendar, CurveRows, Periods
from leadcast.models.curve.worth_of_days import even_calendar, shrunken_ratios
from leadcast.models.data import Floats, LabelledMatrix

HORIZON, SPAN, STEP = 30.0, 240.0, 0.5
EDGES = (1.0, 3.0, 7.0, 14.0, 30.0)
AGES = np.arange(0.0, 60.0, STEP)
SHAPE = 0.05 * np.exp(-AGES / 20.0)
"""How likely an average lead converts a day, by its age."""
UNTIL_HORIZON = SHAPE[AGES < HORIZON].sum() * STEP
WEEK = SHAPE[AGES < 7.0].sum() * STEP / UNTIL_HORIZON
"""The share of the hazard until the horizon that falls into the first week."""

Moves = Callable[[Floats, Floats], Floats]
"""By what hazards are multiplied, at ages and times."""


def still(ages: Floats, times: Floats) -> Floats:
    """Nothing moves."""
    return np.ones(np.broadcast_shapes(ages.shape, times.shape))


def faster(ages: Floats, times: Floats) -> Floats:
    """In the last third leads convert sooner, and as many of them: what the first week gains, the
    others lose."""
    late = (1 - 1.7 * WEEK) / (1 - WEEK)
    return np.where(times < 2 * SPAN / 3, 1.0, np.where(ages < 7, 1.7, late))


def busy(ages: Floats, times: Floats) -> Floats:
    """A holiday near the end, and a push after it, whatever the age."""
    return np.select([times > 220, times > 200], [2.5, 0.2], 1.0) * np.ones_like(ages)


def world(moves: Moves, n: int = 9_000, seed: int = 1) -> CurveRows:
    """Leads that come evenly, with a liking each that the score knows, and nothing else."""
    draw = np.random.default_rng(seed)
    came = np.sort(draw.uniform(0.0, SPAN, n))
    liking = np.exp(draw.normal(-0.6, 0.7, n))
    hazard = liking[:, None] * SHAPE * moves(AGES[None, :], came[:, None] + AGES)
    gone = np.cumsum(hazard, axis=1) * STEP
    place = (gone < draw.exponential(size=n)[:, None]).sum(axis=1)
    won = np.where(place < len(AGES), (place + draw.random(n)) * STEP, np.inf)
    watched = SPAN - came
    ending = np.where(won <= watched, WON, OPEN).astype(np.int64)
    data = LabelledMatrix(
        values=np.zeros((n, 0), np.float32),
        features=(),
        converted=np.full(n, np.nan),
        position=np.arange(n),
        group=np.arange(n),
        horizon=0,
    )
    probability = -np.expm1(-liking * UNTIL_HORIZON)
    return CurveRows(data, probability, FollowUp(np.minimum(won, watched), ending, watched))


def first_week(curve: ConversionCurve, rows: CurveRows) -> float:
    """Tell which share of the hazard until the horizon falls into the first week."""
    told = curve.probability(rows.data.values, rows.probability, [7.0])[:, 0]
    return float((np.log1p(-told) / np.log1p(-rows.probability)).mean())


def fitted(rows: CurveRows) -> ConversionCurve:
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    return choice.curve


def without_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(curve: ConversionCurve, _: CurveRows) -> ConversionCurve:
        return curve

    monkeypatch.setattr(curve_fit, "with_newest_pace", same)


def without_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(rows: CurveRows, *_: object) -> CurveRows:
        return rows

    monkeypatch.setattr(curve_fit, "_in_calendar", same)


def test_where_leads_begin_to_convert_sooner_the_curve_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = world(faster)
    curve = fitted(rows)
    without_pace(monkeypatch)
    pooled = fitted(rows)
    truth = 1.7 * WEEK
    assert abs(first_week(curve, rows) - truth) < 0.5 * abs(first_week(pooled, rows) - truth)
    # The score is what it was.
    told = curve.probability(rows.data.values, rows.probability, [HORIZON])[:, 0]
    np.testing.assert_array_equal(told, rows.probability)


@pytest.mark.parametrize("seed", [2, 3])
def test_where_nothing_moves_nothing_is_followed(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = world(still, seed=seed)
    curve = fitted(rows)
    without_pace(monkeypatch)
    without_worth(monkeypatch)
    assert first_week(curve, rows) == pytest.approx(first_week(fitted(rows), rows), rel=0.03)
    assert first_week(curve, rows) == pytest.approx(WEEK, rel=0.06)


def test_a_holiday_and_the_push_after_it_are_not_taken_for_slow_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = world(busy)
    own = abs(first_week(fitted(rows), rows) / WEEK - 1)
    without_worth(monkeypatch)
    even = abs(first_week(fitted(rows), rows) / WEEK - 1)
    assert own < 0.06
    assert own < even


def test_days_that_are_all_worth_the_same_count_as_days() -> None:
    rows = world(still, n=1_000)
    plain, even = Periods.of(rows, EDGES), Periods.of(even_calendar(rows), EDGES)
    np.testing.assert_allclose(even.exposure, plain.exposure, atol=1e-9)
    np.testing.assert_array_equal(even.won, plain.won)


def test_what_is_counted_by_time_is_all_there_is() -> None:
    rows = world(busy, n=3_000)
    hazard = np.random.default_rng(5).random((len(rows), len(EDGES)))
    weight = np.ones(len(rows))
    won, expected = counted(rows, np.array(EDGES), hazard, weight)
    periods = Periods.of(rows, EDGES)
    np.testing.assert_allclose(won.sum(axis=0), periods.won.sum(axis=0))
    np.testing.assert_allclose(expected.sum(axis=0), (hazard * periods.exposure).sum(axis=0))


def test_a_busy_day_is_worth_more_days() -> None:
    rows = world(still, n=400)
    times = np.array([-SPAN, -10.0, 0.0])
    rows = replace(rows, calendar=Calendar(times, np.array([1.0, 3.0])))
    one = rows.rows(np.flatnonzero(rows.followed.watched_days > 40)[-1:])
    watched = one.followed.watched_days[0]
    exposure = Periods.of(one, (60.0,)).exposure[0, 0]
    days = min(float(one.followed.won_days()[0]), watched)
    assert exposure == pytest.approx(days + 2 * max(days - (watched - 10.0), 0.0))


def test_ratios_are_drawn_together_as_far_as_they_are_alike() -> None:
    draw = np.random.default_rng(3)
    told = np.full(12, 50.0)
    alike = shrunken_ratios(draw.poisson(told).astype(np.float64), told)
    assert np.abs(alike - 1).max() < 0.15
    truth = np.tile([0.4, 1.6], 6)
    apart = shrunken_ratios(draw.poisson(told * truth).astype(np.float64), told)
    assert np.abs(apart / truth - 1).mean() < 0.2


paces = st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6).map(np.array)
shares = st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6).map(np.array)


@given(paces, shares)
def test_paces_give_way_to_the_score(pace: Floats, share: Floats) -> None:
    edges = np.array([*EDGES, 60.0])
    moved = agreeing(pace, share, edges, HORIZON)
    assert share[:5] @ np.exp(moved[:5]) == pytest.approx(share[:5].sum(), rel=1e-6)
    assert moved[5] == pace[5]
    np.testing.assert_allclose(agreeing(0 * pace, share, edges, HORIZON), 0.0, atol=1e-9)
