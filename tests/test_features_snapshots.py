from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.snapshots import (
    SnapshotSettings,
    has_undated_outcome,
    make_snapshots,
    microseconds,
)
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events

START = datetime(2024, 2, 1, tzinfo=UTC)
SETTINGS = SnapshotSettings(landmarks_days=(0, 7), horizon_days=30)
Lead = tuple[float, float | None, float | None]


def day(number: float | None) -> datetime | None:
    return None if number is None else START + timedelta(days=number)


def dated(leads: dict[str, Lead], until: float, accounts: dict[str, str] | None = None) -> Tables:
    """Leads as (created, won, lost), in days since `START`."""
    ids = pl.Series("lead_id", list(leads), dtype=pl.String)
    times = [pl.Series([day(lead[i]) for lead in leads.values()], dtype=TIME) for i in range(3)]
    frame = pl.DataFrame({"lead_id": ids, "created_at": times[0]}).with_row_index("position")
    if accounts is not None:
        frame = frame.with_columns(account_id=ids.replace_strict(accounts, default=None))
    outcomes = pl.DataFrame({"lead_id": ids, "won_at": times[1], "lost_at": times[2]})
    outcomes = outcomes.with_columns(converted=pl.lit(None, pl.Boolean), amount=pl.lit(None))
    return Tables(frame, empty_events(), outcomes, day(until), TimeOrder.DATED, {})


def undated(converted: list[bool | None], order: TimeOrder) -> Tables:
    count = len(converted)
    ids = [f"lead {number}" for number in range(count)]
    leads = pl.DataFrame({"lead_id": ids, "position": range(count)})
    leads = leads.with_columns(created_at=pl.lit(None, TIME), position=pl.col("position") * 10)
    outcomes = pl.DataFrame({"lead_id": ids, "converted": converted}).with_columns(
        won_at=pl.lit(None, TIME), lost_at=pl.lit(None, TIME)
    )
    return Tables(leads, empty_events(), outcomes, None, order, {})


def by_hand(leads: dict[str, Lead], until: float, horizon: float) -> list[tuple[object, ...]]:
    """The definition, lead by lead and landmark by landmark."""
    rows: list[tuple[object, ...]] = []
    for lead_id, (created, won, lost) in leads.items():
        for landmark in (0.0, 7.0):
            as_of = created + landmark
            closed = (won is not None and won <= as_of) or (lost is not None and lost <= as_of)
            if closed or as_of > until:
                continue
            mature = as_of + horizon <= until
            converted = won is not None and won <= as_of + horizon
            rows.append((day(as_of), lead_id, landmark, mature, converted if mature else None))
    return sorted(rows, key=lambda row: row[:3])


def as_rows(snapshots: pl.DataFrame) -> list[tuple[object, ...]]:
    return snapshots.select("as_of", "lead_id", "landmark_days", "mature", "converted").rows()


# Whole days, so that wins and ends fall exactly on landmarks, horizons and the end of the export.
ends = st.one_of(st.none(), st.integers(0, 90).map(float))
one_lead = st.tuples(st.integers(0, 60).map(float), ends, ends)
some_leads = st.lists(one_lead, min_size=1, max_size=12).map(
    lambda leads: {f"lead {number}": lead for number, lead in enumerate(leads)}
)
# One lead that converts and one that does not, or there would be nothing to learn from.
ANCHORS: dict[str, Lead] = {"won": (0.0, 5.0, None), "open": (0.0, None, None)}


def test_worked_example() -> None:
    leads: dict[str, Lead] = {
        "a": (0, 9, None),
        "b": (0, 4, None),
        "c": (0, 48, None),
        "d": (29, 37, None),
    }
    # 1 February + 59 days is 31 March in 2024 (29 days in February): d's first window ends there.
    rows = as_rows(make_snapshots(dated(leads, until=59), SETTINGS, seed=0))
    assert [row[1:] for row in rows] == [
        ("a", 0.0, True, True),
        ("b", 0.0, True, True),
        ("c", 0.0, True, False),
        ("a", 7.0, True, True),
        ("c", 7.0, True, False),
        ("d", 0.0, True, True),
        ("d", 7.0, False, None),
    ]


@given(leads=some_leads)
@settings(max_examples=60)
def test_equals_the_definition_taken_lead_by_lead(leads: dict[str, Lead]) -> None:
    leads = leads | ANCHORS
    made = make_snapshots(dated(leads, until=80), SETTINGS, seed=0)
    assert as_rows(made) == by_hand(leads, until=80, horizon=30)


def test_the_oracle_can_fail() -> None:
    # Against another horizon the same comparison must differ, or it would prove nothing.
    made = make_snapshots(dated(ANCHORS, until=80), SETTINGS, seed=0)
    assert as_rows(made) != by_hand(ANCHORS, until=80, horizon=4)


@given(leads=some_leads, seed=st.integers(0, 2**16))
@settings(max_examples=30)
def test_order_of_rows_changes_nothing(leads: dict[str, Lead], seed: int) -> None:
    tables = dated(leads | ANCHORS, until=80)
    shuffled = Tables(
        tables.leads.sample(fraction=1, shuffle=True, seed=seed),
        tables.events,
        tables.outcomes.sample(fraction=1, shuffle=True, seed=seed + 1),
        tables.observed_until,
        tables.time_order,
        {},
    )
    expected = make_snapshots(tables, SETTINGS, seed=0)
    assert make_snapshots(shuffled, SETTINGS, seed=0).equals(expected)


@given(leads=some_leads, later=st.floats(0.001, 500))
@settings(max_examples=30)
def test_what_happens_after_the_window_changes_no_label(
    leads: dict[str, Lead], later: float
) -> None:
    # A win after the last window of a lead (7 + 30 days) is moved further away, or away entirely.
    moved = {
        name: (created, won + later if won is not None and won > created + 37 else won, lost)
        for name, (created, won, lost) in leads.items()
    }
    labels = make_snapshots(dated(leads | ANCHORS, until=80), SETTINGS, 0)
    assert make_snapshots(dated(moved | ANCHORS, until=80), SETTINGS, 0).equals(labels)


@pytest.mark.parametrize(
    ("won", "landmarks_and_labels"),
    [
        (7.0, [(0.0, True)]),  # at as_of of the second landmark: no longer open
        (7.0 + 1e-6, [(0.0, True), (7.0, True)]),
        (30.0, [(0.0, True), (7.0, True)]),  # exactly at as_of + horizon: still within
        (30.0 + 1e-6, [(0.0, False), (7.0, True)]),
        (37.0, [(0.0, False), (7.0, True)]),
        (37.0 + 1e-6, [(0.0, False), (7.0, False)]),
    ],
)
def test_labels_at_equality(won: float, landmarks_and_labels: list[tuple[float, bool]]) -> None:
    made = make_snapshots(dated({"a": (0, won, None)} | ANCHORS, until=80), SETTINGS, seed=0)
    lead = made.filter(pl.col("lead_id") == "a")
    assert lead.select("landmark_days", "converted").rows() == landmarks_and_labels


@pytest.mark.parametrize(("until", "mature"), [(37.0, True), (37.0 - 1e-6, False)])
def test_maturity_at_equality(until: float, mature: bool) -> None:
    made = make_snapshots(dated(ANCHORS, until), SETTINGS, seed=0)
    last = made.filter(pl.col("landmark_days") == 7.0)
    assert last["mature"].to_list() == [mature]


def test_reporting_lag_delays_maturity() -> None:
    lagging = SETTINGS.model_copy(update={"reporting_lag_days": 10.0})
    made = make_snapshots(dated(ANCHORS, until=46), lagging, seed=0)
    assert made.filter("mature")["landmark_days"].unique().to_list() == [0.0]


def test_no_snapshot_after_the_end_of_the_export() -> None:
    late: dict[str, Lead] = {"late": (40, None, None)}
    made = make_snapshots(dated(late | ANCHORS, until=47), SETTINGS, seed=0)
    assert made["as_of"].max() == day(47)
    made = make_snapshots(dated(late | ANCHORS, until=46.9), SETTINGS, seed=0)
    assert made["as_of"].max() == day(40)


def test_leads_of_an_account_share_a_group() -> None:
    tables = dated(ANCHORS | {"17": (0, None, None)}, 80, {"won": "17", "open": "17"})
    groups = make_snapshots(tables, SETTINGS, seed=0).select("lead_id", "group_id").unique()
    assert dict(groups.iter_rows()) == {"won": "account:17", "open": "account:17", "17": "17"}


def test_leads_of_a_person_share_a_group() -> None:
    tables = dated(ANCHORS | {"b": (0, None, None)}, 80)
    emails = pl.Series(["A@example.com", "b@example.com", "a@example.com "])
    leads = tables.leads.with_columns(email=emails)
    tables = Tables(leads, *list(vars(tables).values())[1:])
    groups = make_snapshots(tables, SETTINGS, seed=0).select("lead_id", "group_id").unique()
    assert dict(groups.iter_rows()) == {"won": "b", "open": "open", "b": "b"}


def test_undated_outcome_gives_one_mature_look_a_lead() -> None:
    tables = dated({"a": (0, None, None), "b": (1, None, None), "c": (60, None, None)}, until=80)
    outcomes = tables.outcomes.with_columns(converted=pl.Series([True, False, True]))
    tables = Tables(
        tables.leads, tables.events, outcomes, tables.observed_until, TimeOrder.DATED, {}
    )
    assert has_undated_outcome(tables)
    made = make_snapshots(tables, SETTINGS, seed=0)
    assert made["landmark_days"].to_list() == [0.0, 0.0, 0.0]
    assert made["converted"].to_list() == [True, False, None]


def test_ordered_source_keeps_its_positions_and_leaves_out_unknown_outcomes() -> None:
    made = make_snapshots(undated([True, None, False], TimeOrder.ORDERED), SETTINGS, seed=0)
    assert made["position"].to_list() == [0, 10, 20]
    assert made["mature"].to_list() == [True, False, True]
    assert made["as_of"].dtype == TIME
    assert made["as_of"].null_count() == made["landmark_days"].null_count() == 3


def test_unordered_source_is_permuted_by_lead_and_seed() -> None:
    tables = undated([True, False] * 20, TimeOrder.UNORDERED)
    made = make_snapshots(tables, SETTINGS, seed=1)
    assert sorted(made["position"].to_list()) == list(range(40))
    reversed_rows = Tables(
        tables.leads.reverse(), tables.events, tables.outcomes, None, TimeOrder.UNORDERED, {}
    )
    assert make_snapshots(reversed_rows, SETTINGS, seed=1).equals(made)
    assert not make_snapshots(tables, SETTINGS, seed=2).equals(made)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (lambda: dated(ANCHORS, until=20), ["20.0 days", "horizon_days 30", "older history"]),
        (lambda: dated({"a": (0, None, None)}, until=80), ["none of the 2", "maps the outcome"]),
        (lambda: dated({"a": (0, 79, None)}, until=80), ["1 of 1 leads", "lengthen horizon_days"]),
        (
            lambda: undated([True, True], TimeOrder.ORDERED),
            ["each of the 2 snapshots", "When they were won is not known, nor who was lost"],
        ),
        (lambda: undated([None, None], TimeOrder.ORDERED), ["none of the 2 leads"]),
    ],
)
def test_errors_explain(tables: Callable[[], Tables], words: list[str]) -> None:
    with pytest.raises(LeadcastError) as error:
        make_snapshots(tables(), SETTINGS, seed=0)
    assert [word for word in words if word not in str(error.value)] == []


def test_a_dated_source_must_say_until_when_it_knows() -> None:
    tables = dated(ANCHORS, until=80)
    tables = Tables(tables.leads, tables.events, tables.outcomes, None, TimeOrder.DATED, {})
    with pytest.raises(LeadcastError, match="observed_until"):
        make_snapshots(tables, SETTINGS, seed=0)


@pytest.mark.parametrize("landmarks", [(), (-1.0,), (1.0, 1.0), (7.0, 1.0), (float("nan"),)])
def test_settings_refuse_landmarks_that_do_not_increase(landmarks: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="landmarks_days"):
        SnapshotSettings(landmarks_days=landmarks)


def test_microseconds_are_whole() -> None:
    assert microseconds(1 / 3) == 28_800_000_000
