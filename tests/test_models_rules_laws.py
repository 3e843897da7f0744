"""Laws of points: the naive sum, the ledger, the future, the order of the rows."""

from datetime import timedelta
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.rules import evaluate, ledger
from tests.feature_oracle import NaiveEvent
from tests.feature_world import START, World, event_table, worlds
from tests.rules_oracle import naive_points
from tests.rules_world import as_table, attribute_rows, table_words

Case = tuple[World, pl.DataFrame, dict[str, Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    world = draw(worlds())
    return world, draw(attribute_rows(world)), draw(table_words())


@settings(max_examples=40)
@given(cases())
def test_points_are_what_adding_up_by_hand_gives(case: Case) -> None:
    world, leads, words = case
    scores = evaluate(as_table(words), leads, event_table(world.events), world.snapshot_table)
    by_id = {row["lead_id"]: row for row in leads.to_dicts()}
    for row, (lead, as_of) in enumerate(world.snapshots):
        total, given = naive_points(words, by_id[lead], world.events_of(lead), as_of)
        np.testing.assert_allclose(scores.contributions[row], given, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(scores.points[row], total, rtol=1e-12, atol=1e-12)


@settings(max_examples=12)
@given(cases())
def test_a_ledger_adds_up_to_the_total(case: Case) -> None:
    world, leads, words = case
    table, events = as_table(words), event_table(world.events)
    lead, as_of = world.snapshots[0]
    total = evaluate(table, leads, events, world.snapshot_table).points[0]
    entries = ledger(table, leads, events, lead, as_of)
    assert entries["points"].sum() == pytest.approx(total, abs=1e-9)
    assert (entries["occurred_at"].drop_nulls() < as_of).all(), "an entry from the future"


@settings(max_examples=12)
@given(cases(), st.randoms(use_true_random=False))
def test_the_future_and_the_order_change_nothing(case: Case, random: Random) -> None:
    world, leads, words = case
    table, rows = as_table(words), world.snapshot_table
    last = max(as_of for _, as_of in world.snapshots)
    later = [NaiveEvent(lead, last, "form", 1.0) for lead in world.created]
    changed = [event for event in world.events if event.occurred_at < last] + later
    random.shuffle(changed)
    before = evaluate(table, leads, event_table(world.events), rows)
    after = evaluate(table, leads, event_table(changed), rows.reverse())
    np.testing.assert_array_equal(before.points, after.points[::-1])


def test_an_event_at_the_very_moment_is_not_known() -> None:
    words = {"rules": [{"name": "form", "points": 5, "when": {"event": "form"}}]}
    world = World({"a": START}, [NaiveEvent("a", START, "form", None)], [])
    rows = pl.DataFrame({"lead_id": ["a", "a"], "as_of": [START, START + timedelta(seconds=1)]})
    points = evaluate(as_table(words), world.leads, event_table(world.events), rows).points
    assert points.tolist() == [0.0, 5.0]


def test_the_oracle_can_fail() -> None:
    words = {
        "groups": {"fit": {}}, "total": {}, "exclusions": [],
        "rules": [{"name": "x", "group": "fit", "points": 5, "when": [{"event": ["form"]}]}],
    }  # fmt: skip
    events = [NaiveEvent("a", START, "form", None)]
    assert naive_points(words, {}, events, START)[0] == 0.0
    assert naive_points(words, {}, events, START + timedelta(days=1))[0] == 5.0
