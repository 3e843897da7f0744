"""Evidence that may be looked at every night: its mean, what it finds, what it lets pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import (
    FEWER,
    MORE,
    WEEK_DAYS,
    Raised,
    Thresholds,
    Watch,
    detect,
    ratio_interval,
    watch_counts,
    weekly_dispersion,
)

SHOCKS = 0.01
HIGH = Thresholds(80.0, 300.0)


def counts(
    seed: int, a_week: float, days: int, ratio: float = 1.0, since: int = 0, shocks: float = SHOCKS
) -> tuple[Floats, Floats]:
    """Poisson counts of weeks that shake, by another ratio from a day on."""
    rng = np.random.default_rng(seed)
    shock = np.repeat(rng.gamma(1 / shocks, shocks, days // WEEK_DAYS + 1), WEEK_DAYS)[:days]
    due = np.full(days, a_week / WEEK_DAYS)
    moved = np.where(np.arange(days) >= since, ratio, 1.0)
    return rng.poisson(due * shock * moved).astype(np.float64), due


def detected(
    paths: int,
    days: int,
    bets: tuple[float, ...] = FEWER,
    a_week: float = 20,
    ratio: float = 1.0,
    assumed: float = SHOCKS,
) -> Floats:
    each = [counts(seed, a_week, days, ratio) for seed in range(paths)]
    seen, due = (np.array(part) for part in zip(*each, strict=True))
    return detect(seen, due, assumed, bets)


@pytest.mark.parametrize("bet", [0.9, 1.1])
def test_the_evidence_of_quiet_weeks_grows_on_average_by_one_a_week(bet: float) -> None:
    # Ten weeks and three days: in the middle of a week as well.
    last = detected(1000, 73, (bet,))[:, -1]
    assert last.mean() == pytest.approx(11, abs=4 * last.std() / np.sqrt(len(last)))
    # The law can fail: where the level has moved that way it grows faster.
    assert detected(100, 73, (bet,), ratio=bet**2)[:, -1].mean() > 20


def test_evidence_that_ignores_the_shocks_of_weeks_would_be_seen() -> None:
    honest, careless = (
        detected(60, 70, a_week=400, assumed=one).max(axis=1) for one in (SHOCKS, 1e-4)
    )
    assert (honest >= 80).mean() < 0.2 < (careless >= 80).mean()


@pytest.mark.parametrize(("ratio", "direction"), [(0.5, "fewer"), (2.0, "more")])
def test_a_planted_shift_is_found_and_its_beginning_told(ratio: float, direction: str) -> None:
    change, found = 140, []
    for seed in range(20):
        watch = watch_counts(*counts(seed, 40, 280, ratio, change), SHOCKS, HIGH)
        first = next(one for one in watch.raised if one.day >= change)
        assert first.direction == direction
        found.append((first.day - change, first.since - change))
    late, since = np.median(np.array(found), axis=0)
    assert late <= 28
    assert abs(since) <= 14


def test_only_the_total_of_a_week_so_far_counts() -> None:
    seen, due = counts(3, 30, 70)
    mixed = seen.reshape(-1, WEEK_DAYS)[:, ::-1].ravel()
    ends = slice(WEEK_DAYS - 1, None, WEEK_DAYS)
    one, other = (detect(part[None], due[None], SHOCKS, MORE)[0] for part in (seen, mixed))
    np.testing.assert_allclose(one[ends], other[ends], rtol=1e-9)
    assert not np.allclose(one, other)


def test_evidence_does_not_look_ahead() -> None:
    seen, due = counts(4, 30, 140, 0.3, 70)
    whole = watch_counts(seen, due, SHOCKS, HIGH)
    part = watch_counts(seen[:100], due[:100], SHOCKS, HIGH)
    np.testing.assert_allclose(whole.evidence[:100], part.evidence, rtol=1e-9)
    assert part.raised == tuple(one for one in whole.raised if one.day < 100)


def test_an_alarm_stands_while_it_is_raised_again() -> None:
    raised = (Raised(10, 7, "more"), Raised(30, 28, "more"), Raised(50, 49, "fewer"))
    watch = Watch(np.zeros(100), raised)
    assert watch.standing(60, 28) == raised[2]
    assert Watch(np.zeros(100), raised[:2]).standing(40, 28) == raised[0]
    assert watch.standing(80, 28) is None
    assert Watch(np.zeros(3), ()).standing(2, 28) is None


@given(st.integers(0, 10_000), st.sampled_from([0.005, 0.02, 0.1]))
@settings(max_examples=20)
def test_weekly_shocks_are_measured_within_their_luck(seed: int, shocks: float) -> None:
    seen, due = counts(seed, 2000, 364, shocks=shocks)
    # Drawn towards 0.005 by two weeks; 52 weeks tell a variance to about a fifth.
    assert weekly_dispersion(seen, due) == pytest.approx((52 * shocks + 0.01) / 54, rel=0.8)


def test_a_level_that_was_missed_all_along_is_no_shock() -> None:
    seen, due = counts(1, 500, 364)
    assert weekly_dispersion(seen, 2 * due) == pytest.approx(weekly_dispersion(seen, due))
    assert weekly_dispersion(np.zeros(70), np.zeros(70)) > 0


def test_the_interval_of_a_ratio_holds_it() -> None:
    low, high = ratio_interval(40, 80, 0.002)
    assert low < 0.5 < high < 0.8


@pytest.mark.parametrize(
    ("observed", "expected", "shocks", "rate"),
    [
        ([1.0], [1.0, 2.0], 0.1, 1),
        ([-1.0], [1.0], 0.1, 1),
        ([1.0], [np.nan], 0.1, 1),
        ([1.0], [1.0], 0.0, 1),
        ([1.0], [1.0], 0.1, 0),
    ],
)
def test_what_is_no_count_is_refused(
    observed: list[float], expected: list[float], shocks: float, rate: float
) -> None:
    with pytest.raises(ValueError, match=r"observed|expected|above 0"):
        watch_counts(np.array(observed), np.array(expected), shocks, Thresholds(rate, 1.0))
