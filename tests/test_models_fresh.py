"""Fresh snapshots: what may be known of them, what they are worth, and when they are used."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from leadcast.models.choice.backtest import row_log_loss
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.pool import Pool, expected_labels
from leadcast.models.data import Integers, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.boosting import added_between, boost
from leadcast.models.learners.prior import fit_prior
from leadcast.models.learners.rows import row_weights
from leadcast.models.splits import NEVER
from tests.learner_worlds import QUICK, logistic_world, with_won

SIMPLE = QUICK.model_copy(update={"candidates": ("logistic",), "penalties": (10.0,)})
ROWS, HORIZON = 1800, 360


@cache
def world(rise: float) -> tuple[LabelledMatrix, Pool]:
    """All rows, and those before the test: the level rises by so much, winners are quick."""
    drawn, truth = logistic_world(ROWS, seed=3)
    random, place = np.random.default_rng(4), np.arange(ROWS)
    log_odds = truth - 1.0 + rise * place / ROWS
    converted = (random.random(ROWS) < sigmoid(log_odds)).astype(np.float64)
    data = replace(drawn, converted=converted, horizon=HORIZON)
    took = (1 + random.exponential(0.2 * HORIZON, ROWS)).astype(np.int64)
    won = np.where(converted == 1, place + np.minimum(took, HORIZON), NEVER)
    return data, _pool(data, won, ROWS * 4 // 5)


def _pool(data: LabelledMatrix, won: Integers, cutoff: int) -> Pool:
    before = data.position < cutoff
    settled = np.minimum(won, data.position + data.horizon)
    settled, won, last = settled[before], won[before], data.position[before]
    return Pool.of(data.rows(before), settled, won, last, np.zeros(cutoff), cutoff)


@cache
def _chosen(rise: float, asked: bool | str) -> Choice:
    pool = world(rise)[1] if asked else None
    settings = SIMPLE.model_copy(update={"fresh_snapshots": asked})
    return choose(_mature(rise), settings, pool=pool)


def _mature(rise: float) -> LabelledMatrix:
    pool = world(rise)[1]
    return pool.rows.rows(pool.mature_at(pool.cutoff))


def _loss_on_test(rise: float, choice: Choice) -> float:
    data, pool = world(rise)
    later = data.rows(data.position >= pool.cutoff)
    return float(row_log_loss(choice.learner.log_odds(later.values), later.converted).mean())


def test_a_rising_level_is_followed_by_fresh_rows_and_the_gain_is_told() -> None:
    choice = _chosen(4.0, "auto")
    assert choice.fresh is not None
    assert choice.fresh.used
    told = choice.fresh.to_json()
    assert told["gain"] > 1.96 * told["standard_error"] > 0
    assert f"gain {told['gain']:+.4f}" in choice.fresh.words
    assert len(told["origins"]) == 3
    # In the test, which nobody has seen, they help as the backtest says.
    assert _loss_on_test(4.0, choice) < _loss_on_test(4.0, _chosen(4.0, False)) - 0.02
    # What is calibrated is what is used.
    past, origin = choice.out_of_time, told["origins"][0]
    data = _mature(4.0)
    loss = row_log_loss(past.log_odds, data.converted[past.index])[past.origin == 0].mean()
    assert loss == pytest.approx(origin["log_loss_with"])


def test_a_level_that_stands_still_gains_nothing_and_changes_nothing() -> None:
    choice = _chosen(0.0, "auto")
    assert choice.fresh is not None
    assert not choice.fresh.used
    assert choice.fresh.words.startswith("fresh snapshots not used: log loss ")
    values, without = world(0.0)[0].values, _chosen(0.0, False)
    used = choice.learner.log_odds(values)
    np.testing.assert_array_equal(used, without.learner.log_odds(values))
    forced = _chosen(0.0, True)
    assert forced.fresh is not None
    assert forced.fresh.used
    assert forced.fresh.words.startswith("fresh snapshots used, as asked for: ")


def changed_after(pool: Pool, cutoff: int) -> Pool:
    """The same rows until the cutoff, and another future."""
    random = np.random.default_rng(8)
    later = cutoff + random.integers(1, 500, len(pool.won))
    won = np.where(pool.won <= cutoff, pool.won, np.where(later % 2 == 0, later, NEVER))
    settled = np.where(pool.settled <= cutoff, pool.settled, later)
    known = pool.rows.position + HORIZON <= cutoff
    converted = np.where(known, pool.rows.converted, 1 - pool.rows.converted)
    rows = replace(pool.rows, converted=converted)
    return replace(pool, rows=rows, won=won, settled=settled)


def test_nothing_that_became_known_after_an_origin_is_used_there() -> None:
    pool, cutoff = world(4.0)[1], 1200
    other, nobody = changed_after(pool, cutoff), np.zeros(0, np.int64)
    assert (other.won != pool.won).any()
    fresh = pool.fresh_at(cutoff, nobody)
    np.testing.assert_array_equal(fresh, other.fresh_at(cutoff, nobody))
    assert pool.rows.position[fresh].max() < cutoff < pool.rows.position[fresh].min() + HORIZON
    guess = np.linspace(-2, 1, len(fresh))
    one, two = (each.labelled_at(fresh, cutoff, guess) for each in (pool, other))
    np.testing.assert_array_equal(one.converted, two.converted)
    np.testing.assert_array_equal(one.weights, two.weights)
    # The law can fail: at a later moment the two futures differ.
    assert np.nanmax(np.abs(pool.seen_at(fresh, ROWS) - other.seen_at(fresh, ROWS))) == 1


def test_leads_that_may_be_looked_at_again_are_no_fresh_rows_however_they_end() -> None:
    pool, cutoff = world(4.0)[1], 1200
    again = np.where(pool.rows.position % 3 == 0, pool.rows.position + 2 * HORIZON, pool.last_look)
    paired = replace(pool.rows, group=pool.rows.position // 2)
    fresh = replace(pool, last_look=again, rows=paired).fresh_at(cutoff, np.array([550]))
    taken = set(pool.rows.position[fresh].tolist())
    expected = {
        p for p in range(1200 - HORIZON + 1, 1200) if p % 3 and (p ^ 1) % 3 and p // 2 != 550
    }
    assert taken == expected


def test_an_account_that_comes_again_may_be_fresh() -> None:
    pool = world(0.0)[1]
    account = np.zeros(len(pool.rows), np.int64)
    of_one = replace(pool, rows=replace(pool.rows, group=account, person=pool.rows.group))
    none = np.zeros(0, np.int64)
    expected = pool.fresh_at(pool.cutoff, none)
    assert len(expected) > 0
    assert of_one.fresh_at(pool.cutoff, none).tolist() == expected.tolist()
    tried = of_one.rows.persons[expected[:1]]
    assert of_one.fresh_at(pool.cutoff, tried).tolist() == expected[1:].tolist()


def test_labels_of_open_rows_are_right_on_average_though_the_level_has_moved() -> None:
    random, n = np.random.default_rng(5), 50_000
    log_odds, caught = random.normal(-2.0, 1.0, n), random.uniform(0.1, 0.9, n)
    won = random.random(n) < sigmoid(log_odds + 0.6)
    lost_by_now = ~won & (random.random(n) < 0.3)
    seen = np.where(won & (random.random(n) < caught), 1.0, np.where(lost_by_now, 0.0, np.nan))
    label = expected_labels(log_odds, seen, caught, np.full(n, 0.7))
    is_open = np.isnan(seen)
    assert label[is_open].mean() == pytest.approx(won[is_open].mean(), rel=0.05)
    stale = expected_labels(log_odds, np.where(is_open, np.nan, 0.0), caught, np.full(n, 0.7))
    assert stale[is_open].mean() < 0.8 * won[is_open].mean()


def test_a_row_that_is_likely_won_to_a_degree_counts_as_that_much_of_each() -> None:
    data = logistic_world(400, seed=9)[0]
    unsure = data.position % 4 == 0
    twice = np.repeat(np.arange(400), 1 + unsure)
    second = np.append(False, twice[1:] == twice[:-1])
    share = np.where(unsure[twice], np.where(second, 0.75, 0.25), 1.0)
    outcome = np.where(unsure[twice], ~second, data.converted[twice]).astype(np.float64)
    apart = replace(data.rows(twice), converted=outcome, weight=share)
    whole = replace(data, converted=np.where(unsure, 0.25, data.converted))
    places = data.values
    priors = [fit_prior(rows).log_odds(places) for rows in (whole, apart)]
    np.testing.assert_allclose(priors[0], priors[1])
    trees = [
        boost(rows, rows.weights, np.zeros(len(rows)), np.arange(4), 10, QUICK)
        for rows in (whole, apart)
    ]
    first, second_trees = (added_between(own, places, 0, 10) for own in trees)
    np.testing.assert_array_equal(first, second_trees)
    assert row_weights(replace(whole, weight=np.full(400, 0.3)), None) == pytest.approx(0.3)


def test_weights_of_fresh_rows_are_the_share_of_winners_seen_by_their_age() -> None:
    # Ten mature winners, won after 1 to 10; fresh rows of age 3, 10 and 12 of a horizon of 20.
    position = np.r_[np.arange(25), [97, 90, 88]].astype(np.int64)
    won = np.where(position < 10, position + position + 1, NEVER)
    settled = np.minimum(won, position + 20)
    data = logistic_world(28)[0]
    rows = replace(data, position=position, horizon=20, converted=(won < NEVER).astype(float))
    pool = Pool.of(rows, settled, won, position, np.zeros(28), 100)
    fresh = pool.fresh_at(100, np.zeros(0, np.int64))
    assert pool.rows.position[fresh].tolist() == [88, 90, 97]
    labelled = pool.labelled_at(fresh, 100, np.zeros(3))
    np.testing.assert_allclose(labelled.weights, [1.0, 1.0, 0.3])
    assert labelled.converted[:2].tolist() == [0.0, 0.0]
    # The third: of what it knows of its level, seven of ten winners are still to come.
    odds = labelled.converted[2] / (1 - labelled.converted[2]) / 0.7
    assert 0.5 < odds <= 1.0


def test_without_a_backtest_fresh_rows_are_not_used_and_that_is_said() -> None:
    pool = world(0.0)[1]
    few = with_won(_mature(0.0), 9)
    choice = choose(few, SIMPLE.model_copy(update={"fresh_snapshots": True}), pool=pool)
    assert choice.fresh is not None
    assert not choice.fresh.used
    assert "too little data" in choice.fresh.words
