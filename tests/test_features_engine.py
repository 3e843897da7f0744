"""The engine against a naive loop, at the boundary, and the laws that every row obeys."""

import json
import random
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine import loop, parts
from leadcast.features.engine.engagement import loop_features
from leadcast.features.engine.engine import Engine, compute, compute_one
from leadcast.features.engine.parts import LoopPart
from leadcast.features.engine.plan import FeaturePlan
from tests.feature_oracle import Boundary, NaiveEvent, naive_row, strictly_before
from tests.feature_world import (
    KINDS,
    SETTINGS,
    START,
    World,
    event_table,
    every_column,
    in_microseconds,
    kinds,
    values,
    worlds,
)

PLAN = every_column()
Matrix = npt.NDArray[np.float32]


def computed(world: World) -> Matrix:
    return compute(PLAN, world.leads, event_table(world.events), world.snapshot_table)


def by_the_oracle(world: World, is_known: Boundary = strictly_before) -> Matrix:
    rows = []
    for lead, as_of in world.snapshots:
        row = naive_row(
            world.created[lead],
            world.events_of(lead),
            as_of,
            KINDS,
            SETTINGS.windows_days,
            SETTINGS.trend_windows_days,
            SETTINGS.half_lives_days,
            is_known,
        )
        assert set(row) == set(PLAN.columns)
        rows.append([row[name] for name in PLAN.columns])
    return np.array(rows, dtype=np.float32)


def assert_same_bits(left: Matrix, right: Matrix) -> None:
    np.testing.assert_array_equal(left.view(np.uint32), right.view(np.uint32))


@given(worlds())
@settings(max_examples=80)
def test_every_column_equals_the_naive_loop(world: World) -> None:
    np.testing.assert_allclose(computed(world), by_the_oracle(world), rtol=1e-6, atol=1e-6)


def an_event_at_the_moment_itself() -> World:
    events = [NaiveEvent("a", START, "form", 1.0)]
    return World({"a": START - timedelta(days=1)}, events, [("a", START)])


def test_what_happens_at_as_of_is_not_known_yet() -> None:
    world = an_event_at_the_moment_itself()
    row = dict(zip(PLAN.columns, computed(world)[0], strict=True))
    assert row["events_count_ever"] == 0
    assert np.isnan(row["days_since_last_event"])


def test_what_happens_a_microsecond_before_as_of_is_known() -> None:
    world = World({"a": None}, [NaiveEvent("a", START, "form", 1.0)], [("a", later(START, 1))])
    row = dict(zip(PLAN.columns, computed(world)[0], strict=True))
    assert row["form_count_ever"] == row["form_count_1d"] == 1


def test_a_window_holds_its_beginning() -> None:
    event = NaiveEvent("a", START, "form", 1.0)
    day = START + timedelta(days=1)
    world = World({"a": None}, [event], [("a", day), ("a", later(day, 1))])
    column = PLAN.columns.index("form_count_1d")
    assert computed(world)[:, column].tolist() == [1, 0]


def later(moment: datetime, microseconds: int) -> datetime:
    return moment + timedelta(microseconds=microseconds)


def test_the_oracle_catches_a_kernel_that_knows_the_present(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def too_late(times: npt.NDArray[np.int64], start: int, stop: int, as_of: int) -> int:
        return start + int(np.searchsorted(times[start:stop], as_of, side="right"))

    interpreted = loop.fill_rows.py_func  # type: ignore[attr-defined]
    monkeypatch.setattr(loop, "known_until", too_late)
    monkeypatch.setattr(parts, "fill_rows", interpreted)
    world = an_event_at_the_moment_itself()
    wrong = Engine(PLAN).compute(world.leads, event_table(world.events), world.snapshot_table)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(wrong, by_the_oracle(world), rtol=1e-6)
    # The wrong kernel is what the oracle would compute with the wrong boundary: the test sees it.
    inclusive = by_the_oracle(world, lambda occurred_at, as_of: occurred_at <= as_of)
    np.testing.assert_allclose(wrong, inclusive, rtol=1e-6)


@given(worlds(), st.data())
@settings(max_examples=50)
def test_the_future_changes_nothing(world: World, data: st.DataObject) -> None:
    last = {lead: max(at for other, at in world.snapshots if other == lead)
            for lead, _ in world.snapshots}  # fmt: skip
    past = [e for e in world.events if e.lead_id in last and e.occurred_at < last[e.lead_id]]
    delays = st.integers(0, 10**13).map(lambda us: timedelta(microseconds=us))
    future = [
        NaiveEvent(lead, last[lead] + delay, kind, value)
        for lead, delay, kind, value in data.draw(
            st.lists(st.tuples(st.sampled_from(sorted(last)), delays, kinds, values), max_size=20)
        )
    ]
    changed = World(world.created, [*past, *future], world.snapshots)
    assert_same_bits(computed(world), computed(changed))


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_rows_changes_nothing(world: World, shuffler: random.Random) -> None:
    places = list(range(len(world.snapshots)))
    shuffler.shuffle(places)
    events = list(world.events)
    shuffler.shuffle(events)
    leads = list(world.created.items())
    shuffler.shuffle(leads)
    shuffled = World(dict(leads), events, [world.snapshots[place] for place in places])
    assert_same_bits(computed(world)[places], computed(shuffled))


@given(worlds())
@settings(max_examples=40)
def test_a_lead_alone_equals_itself_among_others(world: World) -> None:
    together = computed(world)
    for row, (lead, as_of) in enumerate(world.snapshots):
        alone = World({lead: world.created[lead]}, world.events_of(lead), [(lead, as_of)])
        assert_same_bits(computed(alone), together[row : row + 1])


@given(worlds())
@settings(max_examples=50)
def test_one_lead_from_python_values_equals_the_batch(world: World) -> None:
    together = computed(world)
    for row, (lead, as_of) in enumerate(world.snapshots):
        events = [
            (in_microseconds(e.occurred_at), e.event_type, e.value) for e in world.events_of(lead)
        ]
        one = compute_one(PLAN, {"created_at": world.created[lead]}, events, in_microseconds(as_of))
        assert_same_bits(one, together[row])


@given(worlds())
@settings(max_examples=20)
def test_a_plan_read_back_gives_the_same_matrix(world: World) -> None:
    plan = FeaturePlan.from_json(json.loads(json.dumps(PLAN.to_json())))
    again = compute(plan, world.leads, event_table(world.events), world.snapshot_table)
    assert_same_bits(computed(world), again)


def test_a_lead_with_a_million_events_is_one_lead_among_others() -> None:
    n = 1_000_000
    generator = np.random.default_rng(1)
    offsets = generator.integers(0, 10**12, n)
    # Half of them at one moment: a bulk import must not make the sorting quadratic.
    offsets[: n // 2] = 0
    base = in_microseconds(START)
    events = pl.LazyFrame(
        {
            "lead_id": ["giant"] * n + ["dwarf"],
            "occurred_at": pl.Series([*(base + offsets), base]).cast(pl.Datetime("us", "UTC")),
            "event_type": pl.Series(["call", "form"])[generator.integers(0, 2, n + 1)],
            "value": generator.normal(size=n + 1),
        }
    )
    world = World({"giant": START, "dwarf": START}, [], [("giant", later(START, 5 * 10**11)),
                                                         ("dwarf", later(START, 1))])  # fmt: skip
    matrix = compute(PLAN, world.leads, events, world.snapshot_table)
    counts = matrix[:, PLAN.columns.index("events_count_ever")]
    assert counts.tolist() == [np.float32((offsets < 5 * 10**11).sum()), 1]


def test_a_lead_without_events_and_no_event_table_are_the_same() -> None:
    world = World({"a": START}, [], [("a", later(START, 10))])
    with_table = computed(world)
    without = compute(PLAN, world.leads, None, world.snapshot_table)
    assert_same_bits(with_table, without)


def test_an_event_of_an_unknown_lead_or_without_a_time_is_left_out() -> None:
    world = World({"a": START}, [], [("a", later(START, 10))])
    stray = [NaiveEvent("b", START, "form", 1.0)]
    table = pl.concat([event_table(stray), event_table(stray).with_columns(lead_id=pl.lit("a"),
                       occurred_at=pl.lit(None, pl.Datetime("us", "UTC")))])  # fmt: skip
    again = compute(PLAN, world.leads, table, world.snapshot_table)
    assert_same_bits(computed(world), again)


def test_values_beyond_float32_give_no_infinity() -> None:
    events = [NaiveEvent("a", START, "form", 1e300), NaiveEvent("a", START, "form", 3e38)]
    matrix = computed(World({"a": START}, events, [("a", later(START, 10))]))
    assert not np.isinf(matrix).any()
    assert matrix[0, PLAN.columns.index("form_value_ever")] == np.finfo(np.float32).max


def test_a_moment_in_the_year_9999_is_safe() -> None:
    end = START.replace(year=9999)
    events = [NaiveEvent("a", START, "form", 1.0)]
    matrix = computed(World({"a": START}, events, [("a", end)]))
    assert np.isfinite(matrix[0, PLAN.columns.index("form_days_since")])


def test_the_scratch_row_is_as_wide_as_its_description() -> None:
    width = loop.scratch_width(
        len(SETTINGS.windows_days),
        len(SETTINGS.trend_windows_days),
        len(SETTINGS.half_lives_days),
        len(KINDS),
    )
    assert width == len(loop_features(SETTINGS, KINDS, KINDS))


def test_values_are_read_only_where_a_column_needs_them() -> None:
    assert LoopPart(PLAN).with_values
    assert not LoopPart(PLAN.with_columns(("form_count_1d",))).with_values


def test_decayed_counts_are_where_the_loop_is_told_that_they_are() -> None:
    features = loop_features(SETTINGS, KINDS, KINDS)
    sizes = (len(SETTINGS.windows_days), len(SETTINGS.trend_windows_days))
    places = loop.decayed_places(*sizes, len(SETTINGS.half_lives_days), len(KINDS))
    for days, of_one in zip(SETTINGS.half_lives_days, places.tolist(), strict=True):
        called = [place for place, one in enumerate(features) if one and _decays(one.name, days)]
        assert of_one == called


def _decays(name: str, days: float) -> bool:
    return name.endswith(f"_decayed_{days:g}d")


@given(worlds(), st.sets(st.sampled_from(PLAN.columns), min_size=1))
@settings(max_examples=50)
def test_what_is_left_out_changes_no_other_column(world: World, names: set[str]) -> None:
    kept = [place for place, name in enumerate(PLAN.columns) if name in names]
    plan = PLAN.with_columns(tuple(PLAN.columns[place] for place in kept))
    fewer = compute(plan, world.leads, event_table(world.events), world.snapshot_table)
    assert_same_bits(fewer, np.ascontiguousarray(computed(world)[:, kept]))
