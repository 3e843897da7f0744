"""Scores of leads that were not all followed: closed forms, brute force, and exact identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.delays import LOST, OPEN, WON
from leadcast.models.curve.censored import (
    brier_rows,
    censoring_weights,
    integrated,
    log_loss_rows,
    marginal,
    still_followed,
    won_by,
)
from leadcast.models.curve.follow_up import FollowUp

rows = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from((OPEN, WON, LOST))), min_size=1, max_size=30
)


def followed(pairs: list[tuple[int, int]]) -> FollowUp:
    days, ending = np.array(pairs).T
    return FollowUp(days.astype(float), ending.astype(np.int64), days.astype(float))


def naive_incidence(pairs: list[tuple[int, int]], day: int) -> float:
    """Go through the days one by one: who is at risk, who is won, who leaves."""
    share, lasting = 0.0, 1.0
    for today in range(1, day + 1):
        at_risk = sum(days >= today for days, _ in pairs)
        if not at_risk:
            break
        won = sum(days == today and ending == WON for days, ending in pairs)
        lost = sum(days == today and ending == LOST for days, ending in pairs)
        share += lasting * won / at_risk
        lasting *= 1 - (won + lost) / at_risk
    return share


@given(rows, st.integers(1, 12))
def test_the_share_won_is_that_of_counting_day_by_day(
    pairs: list[tuple[int, int]], day: int
) -> None:
    assert marginal(followed(pairs), [float(day)])[0] == pytest.approx(naive_incidence(pairs, day))


@given(rows, st.integers(1, 12))
def test_weights_make_up_for_all_who_were_lost_sight_of(
    pairs: list[tuple[int, int]], day: int
) -> None:
    # Satten & Datta (2001): the weighted mean of wins is Aalen and Johansen's share, exactly.
    all_rows = followed(pairs)
    weight = censoring_weights(all_rows, float(day))
    seen = (weight * won_by(all_rows, float(day))).mean()
    assert seen == pytest.approx(naive_incidence(pairs, day))
    is_followed = any(days > day for days, _ in pairs) or all(e != OPEN for _, e in pairs)
    if is_followed:
        assert weight.mean() == pytest.approx(1.0)


@given(rows, st.integers(1, 12))
def test_where_nobody_is_lost_sight_of_the_scores_are_the_plain_ones(
    pairs: list[tuple[int, int]], day: int
) -> None:
    ended = followed([(days, LOST if ending == OPEN else ending) for days, ending in pairs])
    probability = np.linspace(0.1, 0.9, len(ended))
    won = won_by(ended, float(day))
    np.testing.assert_allclose(brier_rows(ended, probability, day), (won - probability) ** 2)
    plain = -np.log(np.where(won == 1, probability, 1 - probability))
    np.testing.assert_allclose(log_loss_rows(ended, probability, day), plain)


def test_the_weighted_brier_score_has_its_closed_form() -> None:
    # Won at the rate a, lost at the rate b, lost sight of uniformly within 100 days: told the
    # truth F, the score's mean is F (1 - F).
    a, b, n, day = 0.01, 0.03, 200_000, 40.0
    draw = np.random.default_rng(7)
    end, watched = draw.exponential(1 / (a + b), n), draw.uniform(0, 100, n)
    how = np.where(draw.random(n) < a / (a + b), WON, LOST)
    both = FollowUp(
        np.minimum(end, watched), np.where(end <= watched, how, OPEN).astype(np.int64), watched
    )
    truth = a / (a + b) * (1 - np.exp(-(a + b) * day))
    score = brier_rows(both, np.full(n, truth), day).mean()
    assert score == pytest.approx(truth * (1 - truth), abs=0.002)
    # Without weights, as if who was not followed had not been won, it is far from it.
    assert abs(((won_by(both, day) - truth) ** 2).mean() - truth * (1 - truth)) > 0.015
    # One minus Kaplan and Meier's estimate would take losses for being lost sight of.
    assert marginal(both, [day])[0] == pytest.approx(truth, abs=0.004)
    assert 1 - np.exp(-a * day) > truth + 0.1


def test_following_is_told_before_and_at_a_day() -> None:
    # Two of four are lost sight of on day 2, when one of the others is won: it was followed.
    all_rows = followed([(2, OPEN), (2, OPEN), (2, WON), (5, WON)])
    two = np.array([2.0])
    assert still_followed(all_rows, two, before=True)[0] == 1.0
    assert still_followed(all_rows, two, before=False)[0] == pytest.approx(1 / 3)


def test_a_score_that_rises_evenly_is_half_of_its_last_on_average() -> None:
    np.testing.assert_allclose(integrated([1.0, 3.0, 10.0], np.array([[1.0, 3.0, 10.0]])), [5.0])
