"""The ages at which leads are scored, and the landmarks that training needs for them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.landmarks import (
    FIRST,
    OLDEST_SHARE,
    ages_days,
    landmarks_of,
    landmarks_to_add,
    open_ages,
    states_at,
    untested_words,
)
from leadcast.features.tables import Tables, TimeOrder, empty_events
from tests.scoring_world import START

ages = st.lists(st.floats(0, 3000), max_size=40).map(np.array)


@given(ages)
def test_few_leads_are_older_than_twice_the_last_landmark(ages: np.ndarray) -> None:
    whole = [*FIRST, *landmarks_to_add(ages, FIRST)]
    assert whole == sorted(set(whole))
    if len(ages):
        assert np.mean(ages > 2 * whole[-1]) <= OLDEST_SHARE
    assert untested_words(ages, whole, whole) is None or ages.max() > whole[-1]


def test_ages_that_training_has_ask_for_none() -> None:
    assert landmarks_to_add(np.array([0.0, 30.0, 59.0]), FIRST) == []
    assert landmarks_to_add(np.array([]), FIRST) == []
    assert untested_words(np.array([0.0, 30.0]), FIRST, FIRST) is None


def test_the_warning_names_the_share_and_what_to_add() -> None:
    old = np.array([1.0, 40.0, 100.0, 200.0])
    words = untested_words(old, FIRST, (*FIRST, 60.0, 120.0))
    assert words is not None
    assert "3 of 4 open leads (75%) are older than 30 days" in words
    assert "add 60, 120 to landmarks_days, or say landmarks_days: auto" in words
    # What `auto` has found already is not advised again.
    found = (*FIRST, 60.0)
    assert "an older one cannot be learned: fewer than 100 leads" in str(
        untested_words(old, found, found)
    )
    assert "add 120 to" in str(untested_words(old, found, (*found, 120.0)))


def tables(days_open: int, n: int = 40) -> Tables:
    """Leads a day apart; the first is as old as the export, the second was won, the third lost."""
    until = START + timedelta(days=days_open)
    created = [START + timedelta(days=day * days_open / n) for day in range(n)]
    ids = [f"{number}" for number in range(n)]
    won = [None, until - timedelta(days=1), *[None] * (n - 2)]
    lost = [None, None, until - timedelta(days=1), *[None] * (n - 3)]
    leads = pl.DataFrame({"lead_id": ids, "created_at": created, "position": range(n)})
    outcomes = pl.DataFrame(
        {"lead_id": ids, "won_at": won, "lost_at": lost, "converted": None, "amount": None},
        schema_overrides={"converted": pl.Boolean, "amount": pl.Float64},
    )
    return Tables(leads, empty_events(), outcomes, until, TimeOrder.DATED, {})


def test_open_leads_alone_have_ages() -> None:
    few = tables(400)
    assert sorted(open_ages(few)) == pytest.approx(
        sorted({10.0 * n for n in range(1, 41)} - {380.0, 390.0})
    )
    assert ages_days(few.leads, few.observed_until or START)[0] == 400


def test_an_outcome_counts_from_the_next_moment_on() -> None:
    few = tables(400)
    won_at = few.outcomes["won_at"][1]
    for moment, state in ((won_at, "open"), (won_at + timedelta(microseconds=1), "won")):
        assert few.outcomes.select(states_at(moment))["literal"][1] == state


def test_at_the_end_of_the_export_what_stands_in_it_counts() -> None:
    few = tables(400)
    until = few.outcomes["won_at"][1]
    few = replace(few, observed_until=until)
    assert few.outcomes.select(states_at(until, until))["literal"].to_list()[:4] == [
        *("open", "won", "lost", "open")
    ]
    assert len(open_ages(few)) == few.leads.filter(pl.col("created_at") <= until).height - 2
    before = until - timedelta(microseconds=1)
    assert set(few.outcomes.select(states_at(before, until))["literal"]) == {"open"}


def test_landmarks_follow_the_ages_of_the_open_leads_as_far_as_the_export_can_test_them() -> None:
    assert landmarks_of(tables(1000), 60.0) == (*FIRST, 60.0, 120.0, 240.0)
    assert landmarks_of(tables(300), 60.0) == (*FIRST, 60.0)
    assert landmarks_of(tables(20), 60.0) == (0.0,)


def test_an_old_landmark_needs_enough_leads_whose_horizon_was_over_before_the_test() -> None:
    # Of 1,000 days the horizon takes 60 and the test 188; of 692 days the leads are 480 days old
    # before the last horizon that is learned from begins.
    wanted = landmarks_to_add(open_ages(tables(1000, 400)), FIRST)
    assert wanted == [60.0, 120.0, 240.0, 480.0]
    assert landmarks_of(tables(1000, 480), 60.0) == (*FIRST, *wanted)
    assert landmarks_of(tables(1000, 460), 60.0) == (*FIRST, *wanted[:-1])


def test_leads_that_ended_younger_do_not_speak_for_an_old_landmark() -> None:
    many = tables(1000, 600)
    ended = pl.col("lead_id").cast(pl.Int64) % 2 == 0
    won_at = many.leads["created_at"] + timedelta(days=100)
    half = many.outcomes.with_columns(won_at=pl.when(ended).then(won_at).otherwise("won_at"))
    assert landmarks_of(many, 60.0)[-1] == 480
    assert landmarks_of(replace(many, outcomes=half), 60.0)[-1] == 240
