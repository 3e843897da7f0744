"""The level by early conversions: moves that are known, and what must not move it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.models.calibration.calibrators import Identity, Shifted, moved_by
from leadcast.models.choice.backtest import row_log_loss
from leadcast.models.choice.choice import choose
from leadcast.models.choice.early_level import (
    USUAL_PACE_SPREAD,
    EarlyLevel,
    early_level,
    early_level_of,
    early_rows,
)
from leadcast.models.choice.pool import FEWEST_FRESH, Pool
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.splits import NEVER
from tests import test_models_fresh as fresh_worlds

HORIZON = 1_000
"""A fifth of the time until the cutoff."""
END = 5 * HORIZON

Level = Callable[[Floats], Floats]


def steady(position: Floats) -> Floats:
    return np.zeros(len(position))


def risen(by: float, since: int) -> Level:
    return lambda position: np.where(position >= since, by, 0.0)


def world(level: Level, n: int = 4_000, seed: int = 1, slower: float = 1.0) -> tuple[Pool, Floats]:
    """Rows evenly over time, winners after some time within the horizon, and their log-odds.

    Winners of the second half of the time take so many times as long.
    """
    random = np.random.default_rng(seed)
    position = np.arange(n) * END // n
    log_odds = random.normal(-1.5, 1.0, n)
    won = random.random(n) < sigmoid(log_odds + level(position.astype(float)))
    mean = 0.3 * HORIZON * np.where(position > END / 2, slower, 1.0)
    caught = 1 - np.exp(-HORIZON / mean)
    took = np.ceil(-mean * np.log1p(-random.random(n) * caught)).astype(np.int64)
    won_at = np.where(won, position + took, NEVER)
    data = LabelledMatrix(
        values=log_odds.astype(np.float32)[:, None],
        features=(),
        converted=won.astype(np.float64),
        position=position,
        group=np.arange(n),
        horizon=HORIZON,
    )
    settled = np.minimum(won_at, position + HORIZON)
    pool = Pool.of(data, settled, won_at, position, np.zeros(n), END)
    return pool, pool.rows.values[:, 0].astype(np.float64)


def found(pool: Pool, log_odds: Floats, cutoff: int = END) -> EarlyLevel:
    index = early_rows(pool, cutoff)
    level = early_level(pool, index, cutoff, log_odds[index])
    assert level is not None
    return level


def test_a_level_that_has_not_moved_is_left_and_the_error_is_told() -> None:
    each = [found(*world(steady, 2_000, seed)) for seed in range(40)]
    shift, error = (np.array([getattr(one, name) for one in each]) for name in ("shift", "error"))
    assert abs(shift.mean()) < 3 * shift.std(ddof=1) / np.sqrt(len(each))
    # Of 400 rows, with some 80 winners, chance alone would move an unshrunken level by as much.
    assert np.abs(shift).mean() < 0.16
    assert 0.85 < (np.abs(shift) < 1.645 * error).mean() <= 1.0


@pytest.mark.parametrize("by", [1.2, -1.2])
def test_a_level_that_jumped_since_the_last_label_is_followed(by: float) -> None:
    shift = found(*world(risen(by, END - HORIZON), 8_000)).shift / by
    assert 0.7 < shift < 1.2
    # Halfway, fewer rows tell of it, and those that came before it do not outvote them.
    later = found(*world(risen(by, END - HORIZON // 2), 20_000)).shift / by
    assert 0.5 < later < 1.3


def test_a_spike_among_the_mature_labels_is_taken_back() -> None:
    # What mature labels have made the model believe is no more true of what came since.
    pool, log_odds = world(risen(1.0, 0), 8_000)
    back, _ = world(lambda position: np.where(position < END - HORIZON, 1.0, 0.0), 8_000)
    assert found(back, log_odds + 1.0).shift < -0.6
    assert abs(found(pool, log_odds + 1.0).shift) < 0.2


def test_what_becomes_known_after_the_cutoff_changes_nothing() -> None:
    pool, log_odds = world(risen(0.8, END - HORIZON))
    cutoff = END - HORIZON // 3
    other = fresh_worlds.changed_after(pool, cutoff)
    assert (other.won != pool.won).any()
    assert found(pool, log_odds, cutoff) == found(other, log_odds, cutoff)
    # The law can fail: at a later moment the two futures differ.
    assert found(pool, log_odds) != found(other, log_odds)


@given(st.integers(0, 10_000))
def test_the_order_of_the_rows_changes_nothing(seed: int) -> None:
    pool, log_odds = world(steady, 400)
    order = np.random.default_rng(seed).permutation(len(pool.rows))
    settled, won, last = (part[order] for part in (pool.settled, pool.won, pool.last_look))
    again = Pool.of(pool.rows.rows(order), settled, won, last, pool.landmark[order], END)
    assert found(again, again.rows.values[:, 0].astype(np.float64)) == found(pool, log_odds)


def test_rows_that_weigh_nothing_tell_nothing() -> None:
    pool, log_odds = world(steady, 2_000)
    weight = np.where(np.arange(2_000) % 2, 0.0, 1.0)
    weighed = replace(pool, rows=replace(pool.rows, weight=weight))
    contrary = replace(weighed, won=np.where(weight > 0, pool.won, pool.rows.position + 1))
    index = early_rows(pool, END)
    assert early_rows(weighed, END).tolist() == index[weight[index] > 0].tolist()
    seen = found(weighed, log_odds)
    assert (seen.rows, seen.won) == (found(contrary, log_odds).rows, found(contrary, log_odds).won)


def test_delays_that_changed_before_put_early_counts_in_doubt() -> None:
    sure, changed = (found(*world(steady, 8_000, slower=slower)) for slower in (1.0, 4.0))
    assert sure.pace_spread < 2 * USUAL_PACE_SPREAD < changed.pace_spread
    assert changed.error > sure.error


def test_too_little_is_told_by_nothing() -> None:
    pool, log_odds = world(steady, 5 * (FEWEST_FRESH - 1))
    index = early_rows(pool, END)
    assert 0 < len(index) < FEWEST_FRESH
    assert early_level(pool, index, END, log_odds[index]) is None
    never = replace(pool, won=np.full(len(pool.won), NEVER))
    everything = np.arange(len(pool.rows))
    assert early_level(never, everything, END, log_odds) is None


def test_it_reads_as_it_was_written_and_says_what_it_saw() -> None:
    level = found(*world(risen(1.0, END - HORIZON)))
    assert EarlyLevel.from_json(level.to_json()) == level
    assert f"by {level.shift:+.2f}" in level.describe()
    assert f"{level.rows:,} newer snapshots" in level.describe()
    assert "leave the level where it was" in replace(level, shift=0.0).describe()


def test_a_choice_tells_how_far_the_level_has_moved_at_each_origin_and_now() -> None:
    data, pool = fresh_worlds.world(4.0)
    settings = fresh_worlds.SIMPLE
    mature = pool.rows.rows(pool.mature_at(pool.cutoff))
    choice = choose(mature, settings, pool=pool)
    assert choice.fresh is None
    assert choice.early is not None
    assert choice.early == early_level_of(choice.learner, pool)
    shift = choice.early.shift
    assert shift > 0.2
    past = choice.out_of_time
    each = [past.early[past.origin == number] for number in np.unique(past.origin)]
    assert all(len(np.unique(one)) == 1 for one in each)
    assert np.mean([one[0] for one in each]) > 0.1
    # It is right of later leads, and of those that the origins tried.
    later = data.rows(data.position >= pool.cutoff)
    said = choice.learner.log_odds(later.values)
    with_it, without = (
        row_log_loss(said + moved, later.converted).mean() for moved in (shift, 0.0)
    )
    assert with_it < without - 0.01
    converted = mature.converted[past.index]
    moved = row_log_loss(past.log_odds + past.early, converted).mean()
    assert moved < row_log_loss(past.log_odds, converted).mean()
    # The learner is the same with it and without.
    alone = choose(mature, settings.model_copy(update={"early_conversions": False}), pool=pool)
    assert alone.early is None
    assert not alone.out_of_time.early.any()
    np.testing.assert_array_equal(alone.learner.log_odds(later.values), said)


def test_fresh_rows_that_are_learned_from_do_not_move_the_level_again() -> None:
    _, pool = fresh_worlds.world(4.0)
    settings = fresh_worlds.SIMPLE.model_copy(update={"fresh_snapshots": True})
    choice = choose(pool.rows.rows(pool.mature_at(pool.cutoff)), settings, pool=pool)
    assert choice.fresh is not None
    assert choice.fresh.used
    assert choice.early is None
    assert not choice.out_of_time.early.any()


def test_a_calibrator_is_moved_by_something_or_stays_what_it_is() -> None:
    base = Identity(rows=10)
    assert moved_by(base, 0.0) is base
    moved = moved_by(base, 0.25)
    assert isinstance(moved, Shifted)
    assert moved.log_odds(np.array([0.5])).tolist() == [0.75]
