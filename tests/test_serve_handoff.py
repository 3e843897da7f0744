"""The hand-off: capacity, who may be called, and a share to explore with its propensity."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.pipelines.daily.handoff import as_persons
from leadcast.serve.today.handoff import CALL, NONE, NURTURE, draw, hand_off, week_of
from leadcast.serve.today.handoff_settings import HandoffRules, HandoffSettings

AS_OF = datetime(2026, 1, 7, tzinfo=UTC)
NO_RULES = HandoffRules()


def leads(n: int, seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    probability = np.round(random.uniform(0.01, 0.9, n), 2)
    return pl.DataFrame(
        {
            "lead_id": [f"L{one:04}" for one in range(n)],
            "probability": probability,
            "expected_value": probability * random.uniform(100, 900, n),
            "grade": np.array(["D", "C", "B", "A"])[np.digitize(probability, [0.2, 0.4, 0.7])],
            "owner": [f"o{one % 3}" if one % 3 else None for one in range(n)],
            "territory": [f"t{one % 2}" for one in range(n)],
            "do_not_contact": [one % 7 == 0 for one in range(n)],
            "phone": ["1" if one % 5 else " " for one in range(n)],
        }
    )


some_settings = st.builds(
    HandoffSettings,
    exploration_share=st.floats(0, 0.5),
    grades=st.sampled_from([("A",), ("A", "B"), ("A", "B", "C", "D")]),
    rank_by=st.sampled_from(["probability", "expected_value"]),
    calls_per_owner=st.sampled_from([None, 0, 3, 50]),
)
some_rules = st.builds(
    HandoffRules,
    required=st.sampled_from([(), ("phone",)]),
    owners=st.sampled_from([{}, {"o9": ("t0",)}]),
)


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(0, 70), some_settings, some_rules)
def test_a_call_list_keeps_its_places_its_rules_and_its_order(
    n: int, calls: int, settings: HandoffSettings, rules: HandoffRules
) -> None:
    asked = leads(n)
    made = hand_off(asked, AS_OF, calls, settings, rules)
    whole = asked.drop("owner").with_columns(made.frame.drop("lead_id"))
    called = whole.filter(hand_off=CALL)
    assert called.height <= made.calls
    assert not called["do_not_contact"].any()
    assert sorted(called["call_rank"]) == list(range(1, called.height + 1))
    assert whole.filter(pl.col("hand_off") != CALL)["call_rank"].null_count() == n - called.height
    assert set(whole.filter("do_not_contact")["hand_off"]) <= {NONE}
    if rules.required:
        assert (called["phone"] == "1").all()
    if settings.calls_per_owner is not None:
        each = called.group_by("owner").len()["len"]
        assert (each <= settings.calls_per_owner).all()
        assert called["owner"].null_count() == 0
    certain = called.filter(~pl.col("explored"))
    assert certain["grade"].is_in(settings.grades).all()
    assert (certain["propensity"] == 1).all()
    assert whole["propensity"].is_between(0, 1).all()
    if certain.height and settings.calls_per_owner is None:
        could = whole.filter(
            (pl.col("hand_off") == NURTURE) & (pl.col("hand_off_why") == "below the line")
        )
        key = settings.rank_by
        assert made.line == certain[key].min()
        assert could.is_empty() or could[key].max() <= made.line  # type: ignore[operator]


def test_propensities_are_the_shares_in_which_leads_are_called() -> None:
    asked, times = leads(60), np.zeros(60)
    settings = HandoffSettings(exploration_share=0.5)
    weeks = [AS_OF + timedelta(days=7 * number) for number in range(400)]
    for week in weeks:
        made = hand_off(asked, week, 20, settings, NO_RULES)
        times += (made.frame["hand_off"] == CALL).to_numpy()
    expected = made.frame["propensity"].to_numpy()
    assert set(np.round(expected, 6)) == {0.0, 1.0, round(10 / 41, 6)}
    error = np.sqrt(expected * (1 - expected) / len(weeks))
    assert np.all(np.abs(times / len(weeks) - expected) <= 4.5 * error)
    # As many called of 20 places and 41 leads would not fit another propensity.
    assert not np.all(np.abs(times / len(weeks) - 0.5 * expected) <= 4.5 * error)


def test_the_same_week_draws_the_same_whoever_else_is_there() -> None:
    ids = [f"{number}" for number in range(500)]
    week = week_of(AS_OF)
    assert (draw(ids, week)[100:] == draw(ids[100:], week)).all()
    assert not (draw(ids, week) == draw(ids, "2026-W03")).any()
    assert abs(draw(ids, week).mean() - 0.5) < 0.06


def test_reasons_for_not_calling_are_told() -> None:
    asked = leads(12).with_columns(
        consent=pl.Series([None, True, False, *[True] * 9]),
        feedback=pl.Series(["worked"] * 11 + ["disqualified"]),
    )
    rules = HandoffRules(required=("phone",))
    whys = hand_off(asked, AS_OF, 3, HandoffSettings(exploration_share=0), rules).frame
    told = dict(whys.select("lead_id", "hand_off_why").iter_rows())
    assert told["L0000"] == "not to be contacted"
    assert told["L0002"] == "no consent"
    assert told["L0005"] == "no phone"
    assert told["L0011"] == "disqualified by sales"
    assert sorted(told.values()).count("above the line") == 3


def test_a_lead_without_an_owner_goes_to_that_of_its_territory() -> None:
    rules = HandoffRules(owners={"Zoe": ("t0",)})
    owner = hand_off(leads(12), AS_OF, 3, HandoffSettings(), rules).frame["owner"].to_list()
    assert owner[:7] == ["Zoe", "o1", "o2", None, "o1", "o2", "Zoe"]


@pytest.mark.parametrize("calls", [0, 1000])
def test_no_place_and_a_place_for_all(calls: int) -> None:
    asked = leads(30)
    made = hand_off(asked, AS_OF, calls, HandoffSettings(), NO_RULES)
    fine = asked.filter(~pl.col("do_not_contact")).height
    assert (made.frame["hand_off"] == CALL).sum() == (fine if calls else 0)
    assert (made.line is None) == (calls == 0)


@given(st.integers(2, 40), st.integers(0, 50), some_settings, st.integers(1, 9))
@settings(max_examples=30)
def test_one_call_a_person(n: int, calls: int, settings: HandoffSettings, persons: int) -> None:
    created = [AS_OF - timedelta(days=one % 4) for one in range(n)]
    whose = [f"p{one % persons}" if one % 5 else None for one in range(n)]
    asked = leads(n).with_columns(
        person_id=pl.Series(whose, dtype=pl.String), created_at=pl.Series(created)
    )
    made = hand_off(asked, AS_OF, calls, settings, NO_RULES).frame
    told = made.with_columns(asked["person_id"])
    called = told.filter(hand_off=CALL).drop_nulls("person_id")
    assert called["person_id"].is_unique().all()
    twins = told.filter(pl.col("hand_off_why").str.starts_with("same person as "))
    assert (twins["hand_off"] == NONE).all()
    assert (twins["propensity"] == 0).all()
    first = twins["hand_off_why"].str.strip_prefix("same person as ")
    of = dict(told.select("lead_id", "person_id").iter_rows())
    assert [of[one] for one in first] == twins["person_id"].to_list()


def test_of_like_records_of_a_person_the_newest_is_called() -> None:
    asked = leads(3).with_columns(
        probability=pl.lit(0.5), grade=pl.lit("A"), do_not_contact=False, person_id=pl.lit("p"),
        created_at=pl.Series([AS_OF - timedelta(days=one) for one in (3, 1, 2)]),
    )  # fmt: skip
    made = hand_off(asked, AS_OF, 3, HandoffSettings(exploration_share=0), NO_RULES).frame
    assert made.select("hand_off", "hand_off_why").rows() == [
        (NONE, "same person as L0001"), (CALL, "above the line"), (NONE, "same person as L0001"),
    ]  # fmt: skip


def test_who_is_not_to_be_contacted_on_one_record_is_not_on_any() -> None:
    created = AS_OF - timedelta(days=30)
    own = leads(4).select("lead_id").with_columns(created_at=pl.lit(created).cast(TIME))
    refused = own.with_columns(sales_do_not_contact=pl.Series([True, False, False, False]))
    unended = own.select(
        "lead_id",
        won_at=pl.lit(None, TIME),
        # The record on which it was said is closed.
        lost_at=pl.Series([created + timedelta(days=9), None, None, None], dtype=TIME),
    )
    persons = own.select(
        "lead_id",
        person_id=pl.Series(["p", "p", "q", "q"]),
        known_at=pl.Series([None, created, None, AS_OF + timedelta(days=1)], dtype=TIME),
    )
    tables = Tables(refused, empty_events(), unended, AS_OF, TimeOrder.DATED, {}, persons=persons)
    listed = refused.tail(3).select(
        "lead_id", "created_at", do_not_contact="sales_do_not_contact",
        probability=pl.Series([0.9, 0.5, 0.4]), grade=pl.lit("A"), expected_value=pl.lit(1.0),
    )  # fmt: skip
    asked = as_persons(listed, tables, AS_OF)
    assert asked["do_not_contact"].to_list() == [True, False, False]
    made = hand_off(asked, AS_OF, 3, HandoffSettings(exploration_share=0), NO_RULES).frame
    assert made.select("hand_off", "hand_off_why").rows()[0] == (NONE, "not to be contacted")
    # That the last two are one person is known tomorrow: today both are called.
    assert made["hand_off"].to_list()[1:] == [CALL, CALL]
    tomorrow = as_persons(listed, tables, AS_OF + timedelta(days=2))
    made = hand_off(tomorrow, AS_OF, 3, HandoffSettings(exploration_share=0), NO_RULES).frame
    assert made["hand_off"].to_list() == [NONE, CALL, NONE]
