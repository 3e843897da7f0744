from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.choice.backtest import (
    Origin,
    compare,
    paired_error,
    rolling_origins,
    thinned_origin,
)
from leadcast.models.data import LabelledMatrix
from tests.learner_worlds import logistic_world


def _rows(seed: int, n: int, horizon: int) -> LabelledMatrix:
    random = np.random.default_rng(seed)
    data = logistic_world(n, seed)[0]
    position = np.sort(random.integers(0, 3 * n, n))
    return replace(data, position=position, group=random.integers(0, n, n), horizon=horizon)


def _lawful(data: LabelledMatrix, origin: Origin) -> bool:
    known = data.position[origin.train] + data.horizon <= origin.position
    before = data.position[origin.train] < origin.position
    later = data.position[origin.valid] >= origin.position
    parted = not set(data.persons[origin.train]) & set(data.persons[origin.valid])
    return bool(known.all() and before.all() and later.all() and parted)


@given(st.integers(0, 10_000), st.integers(30, 200), st.integers(0, 80), st.integers(1, 5))
@settings(max_examples=60)
def test_an_origin_learns_only_from_labels_known_and_from_other_persons(
    seed: int, n: int, horizon: int, number: int
) -> None:
    data = _rows(seed, n, horizon)
    assert all(_lawful(data, origin) for origin in rolling_origins(data, number))


def test_all_that_was_known_of_an_account_is_learned_from_at_an_origin() -> None:
    rows = _rows(3, 300, 40)
    data = replace(rows, group=np.zeros(300, np.int64), person=np.arange(300))
    origins = rolling_origins(data, 3)
    assert len(origins) == 3
    for origin in origins:
        known = (data.position + 40 <= origin.position).sum()
        assert len(origin.train) == known
        assert _lawful(data, origin)
    assert rolling_origins(replace(data, person=None), 3) == (), "one person on all sides"


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_what_was_known_of_a_lead_is_learned_from_and_of_its_person_nothing_else(seed: int) -> None:
    rows, random = _rows(seed, 200, 40), np.random.default_rng(seed)
    lead = random.integers(0, 60, 200)
    person = lead % 45  # A fourth of the persons has two leads.
    data = replace(rows, group=person, person=person, lead=lead)
    for origin in rolling_origins(data, 3):
        known = data.position + 40 <= origin.position
        tried = list(zip(person[origin.valid], lead[origin.valid], strict=True))
        others = [
            any(p == q and a != b for q, b in tried) for p, a in zip(person, lead, strict=True)
        ]
        assert set(origin.train) == set(np.flatnonzero(known & ~np.array(others)))


def test_the_law_catches_a_backtest_without_purge() -> None:
    data = _rows(1, 200, 60)
    origin = rolling_origins(data, 1)[0]
    unpurged = np.flatnonzero(data.position < origin.position)
    assert not _lawful(data, replace(origin, train=unpurged))


def test_a_label_known_at_the_origin_itself_may_be_learned() -> None:
    data = replace(_rows(2, 200, 0), group=np.arange(200), horizon=20)
    origin = rolling_origins(data, 1)[0]
    latest = (data.position[origin.train] + 20).max()
    later = data.position[data.position + 20 > origin.position]
    assert latest <= origin.position < (later + 20).min()


def test_rows_of_one_position_are_never_parted() -> None:
    data = logistic_world(300)[0]
    data = replace(data, position=data.position // 25)
    for origin in rolling_origins(data, 3):
        tried = set(data.position[origin.valid])
        assert not tried & set(data.position[origin.train])


def test_origins_try_the_latest_rows_once_each() -> None:
    data = logistic_world(500)[0]
    tried = np.concatenate([origin.valid for origin in rolling_origins(data, 3)])
    assert sorted(tried) == list(range(300, 500))


def test_an_origin_with_too_few_won_is_left_out() -> None:
    data = logistic_world(300)[0]
    assert rolling_origins(replace(data, converted=np.zeros(300)), 3) == ()


def test_thinning_keeps_rows_of_the_origin() -> None:
    origin = Origin(60, np.arange(60), np.arange(60, 100))
    thin = thinned_origin(origin, 10)
    assert (len(thin.train), len(thin.valid)) == (10, 10)
    assert set(thin.train) <= set(origin.train)


def test_the_chosen_differs_from_itself_by_nothing() -> None:
    data, truth = logistic_world(500)
    origins = rolling_origins(data, 2)
    predictions = {
        "truth": [truth[origin.valid] for origin in origins],
        "coin": [np.zeros(len(origin.valid)) for origin in origins],
    }
    table = compare(predictions, "truth", data, origins)
    assert [(r.difference, r.low, r.high) for r in table[:2]] == [(0.0, 0.0, 0.0)] * 2
    assert all(r.difference > 0 and r.low < r.difference < r.high for r in table[2:])
    assert table[2].log_loss == pytest.approx(np.log(2))
    assert table[2].auc == 0.5


def test_repeated_rows_of_a_group_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(0)
    difference, group = random.normal(size=200), np.arange(200)
    alone = paired_error(difference, group)
    repeated = paired_error(np.repeat(difference, 5), np.repeat(group, 5))
    assert repeated == pytest.approx(alone)
    assert paired_error(np.repeat(difference, 5), np.arange(1000)) < 0.5 * alone
    assert alone == pytest.approx(difference.std(ddof=1) / np.sqrt(200))


def test_the_interval_covers_the_truth() -> None:
    covered = []
    for seed in range(200):
        difference = np.random.default_rng(seed).normal(0.3, 1.0, 80)
        error = paired_error(difference, np.arange(80))
        covered.append(abs(difference.mean() - 0.3) <= 1.96 * error)
    assert 0.90 <= np.mean(covered) <= 0.99
