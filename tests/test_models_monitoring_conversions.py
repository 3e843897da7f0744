"""Conversions by day against what scores led to expect: worlds whose law is known."""

import numpy as np
import pytest

from leadcast.features.registry import DAY_US
from leadcast.models.data import Floats, Integers
from leadcast.models.monitoring.conversions import (
    NEVER,
    DayCounts,
    Delays,
    Statements,
    count_by_day,
    until_next,
    weekday_factors,
)
from leadcast.models.monitoring.evidence import Thresholds, watch_counts

HORIZON = 30


def world(
    seed: int, leads: int, days: int, ratio: float = 1.0, change: int = 10**6
) -> tuple[Statements, Integers]:
    """Leads scored on arrival and a week later; the chance of each day is a known one."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, days * DAY_US, leads))
    probability = rng.beta(2, 10, leads)
    # Conversions of a horizon come at a pace that falls by day.
    pace = np.exp(-np.arange(HORIZON) / 8)
    share = np.cumsum(pace) / pace.sum()
    day = np.searchsorted(share, rng.random(leads))
    moment = at + day * DAY_US + rng.integers(1, DAY_US, leads)
    kept = rng.random(leads) < np.where(moment >= change * DAY_US, ratio, 1.0)
    won = np.where((rng.random(leads) < probability) & kept, moment, NEVER)
    lead = np.arange(leads)
    until = until_next(lead, at, HORIZON)
    return Statements(at, until, probability, np.zeros(leads, np.int64), won, HORIZON), lead


def counted(statements: Statements, days: int, learn: int) -> DayCounts:
    delays = Delays.learned(statements, learn * DAY_US)
    return count_by_day(statements, delays, 0, days * DAY_US)


def test_what_is_expected_comes() -> None:
    statements, _ = world(1, 40_000, 400)
    counts = counted(statements, 400, 200)
    assert counts.observed.sum() == pytest.approx(counts.expected.sum(), rel=0.03)
    # Week by week too, not only in all.
    weeks = [
        part.reshape(-1, 7)[:50].sum(axis=1)
        for part in (counts.observed[:399], counts.expected[:399])
    ]
    z = (weeks[0] - weeks[1]) / np.sqrt(np.maximum(weeks[1], 1))
    assert np.abs(z[5:]).mean() < 1.0


def test_no_conversion_is_lost_or_counted_twice() -> None:
    statements, _ = world(2, 3000, 100)
    counts = counted(statements, 200, 60)
    assert counts.observed.sum() == (statements.won != NEVER).sum()


def test_the_order_of_rows_makes_no_difference() -> None:
    statements, _ = world(3, 2000, 100)
    mixed = np.random.default_rng(0).permutation(2000)
    parts = (
        statements.at,
        statements.until,
        statements.probability,
        statements.kind,
        statements.won,
    )
    other = Statements(
        parts[0][mixed], parts[1][mixed], parts[2][mixed], parts[3][mixed], parts[4][mixed], HORIZON
    )
    one, two = counted(statements, 90, 60), counted(other, 90, 60)
    np.testing.assert_array_equal(one.observed, two.observed)
    np.testing.assert_allclose(one.expected, two.expected)


def test_what_is_known_later_changes_no_earlier_day() -> None:
    statements, _ = world(4, 2000, 100)
    delays = Delays.learned(statements, 50 * DAY_US)
    early, late = (count_by_day(statements, delays, 0, days * DAY_US) for days in (60, 90))
    np.testing.assert_array_equal(early.observed, late.observed[:60])
    np.testing.assert_allclose(early.expected, late.expected[:60])


def test_only_quick_conversions_would_shorten_the_delays() -> None:
    statements, _ = world(5, 20_000, 100)
    honest = Delays.learned(statements, 100 * DAY_US).share[0]
    # Forgetting that young leads' slow conversions are still to come.
    seen = statements.won <= 100 * DAY_US
    naive = np.bincount(((statements.won - statements.at)[seen] - 1) // DAY_US, minlength=HORIZON)
    assert honest[10] < np.cumsum(naive)[9] / naive.sum()
    assert honest[0] == 0
    assert honest[-1] == pytest.approx(1)
    assert (np.diff(honest) > 0).all()


def test_a_lead_is_watched_by_its_newest_score_alone() -> None:
    at = np.array([0, 7, 3]) * DAY_US
    until = until_next(np.array([5, 5, 6]), at, HORIZON)
    np.testing.assert_array_equal(until // DAY_US, [7, 37, 33])


def test_a_lead_that_is_lost_by_its_next_look_is_no_longer_expected() -> None:
    at = np.array([0, 0, 0]) * DAY_US
    due, lost = np.array([7, 7, NEVER // DAY_US]) * DAY_US, np.array([3, 9, 20]) * DAY_US
    until = until_next(np.array([1, 2, 3]), at, HORIZON, due, lost)
    # The second was open at its next look; after the last look losses are in the score.
    np.testing.assert_array_equal(until // DAY_US, [7, 30, 30])


def test_what_is_expected_comes_where_leads_are_lost_between_looks() -> None:
    rng, n, week = np.random.default_rng(8), 60_000, 7 * DAY_US
    arrived, chance = np.sort(rng.integers(0, 300 * DAY_US, n)), rng.beta(3, 10, n)
    # Half are never to convert and are lost within the week; nobody can tell who on arrival.
    junk = rng.random(n) < 0.5
    day = rng.integers(0, HORIZON, n) * DAY_US + rng.integers(1, DAY_US, n)
    won = np.where(~junk & (rng.random(n) < chance), arrived + day, NEVER)
    lost = np.where(junk, arrived + rng.integers(1, week, n), NEVER)
    again = np.flatnonzero(~junk & (won > arrived + week))
    lead = np.concatenate([np.arange(n), again])
    at = np.concatenate([arrived, arrived[again] + week])
    left = (HORIZON - 7) / HORIZON
    second = chance[again] * left / (1 - chance[again] * (1 - left))
    probability = np.concatenate([0.5 * chance, second])
    kind = np.repeat([0, 1], [n, len(again)])
    due = np.where(kind == 0, at + week, NEVER)

    def ratio(*ends: Integers) -> float:
        until = until_next(lead, at, HORIZON, *ends)
        said = Statements(at, until, probability, kind, won[lead], HORIZON)
        counts = counted(said, 300, 200)
        return float(counts.observed.sum() / counts.expected.sum())

    assert ratio(due, lost[lead]) == pytest.approx(1, abs=0.02)
    assert ratio() < 0.8


def test_a_planted_drop_is_found_before_a_label_is_mature() -> None:
    statements, _ = world(6, 60_000, 400, ratio=0.5, change=300)
    counts = counted(statements, 400, 200)
    high = Thresholds(100.0, 100.0)
    watch = watch_counts(counts.observed[200:], counts.expected[200:], 0.01, high)
    assert 100 <= watch.raised[0].day <= 100 + 14
    quiet, _ = world(6, 60_000, 400)
    counts = counted(quiet, 400, 200)
    assert not watch_counts(counts.observed[200:], counts.expected[200:], 0.01, high).raised


def test_the_week_is_learned_and_leaves_a_week_as_it_is() -> None:
    rng, due = np.random.default_rng(7), np.full(700, 20.0)
    truth = np.array([0.4, 0.4, 1.2, 1.3, 1.3, 1.25, 1.15])
    seen: Floats = rng.poisson(due * truth[np.arange(700) % 7]).astype(np.float64)
    counts = DayCounts(0, seen, due, due)
    factors = weekday_factors(counts)
    np.testing.assert_allclose(factors, truth, rtol=0.1)
    assert counts.with_weekdays(factors).expected[:7].sum() == pytest.approx(140)
    few = weekday_factors(DayCounts(0, np.zeros(7), np.zeros(7), np.zeros(7)))
    np.testing.assert_array_equal(few, 1)
