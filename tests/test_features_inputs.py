"""What an engine refuses, in words that name the column, and what it works around."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.engine.attributes import AttributeColumn
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME, TimeOrder, empty_events

AT = datetime(2025, 1, 1, tzinfo=UTC)
READINGS = {"n": "number", "c": "category", "f": "flag", "t": "days_before"}
_PLAN = FeaturePlan(
    time_order=TimeOrder.DATED,
    settings=FeatureSettings(),
    attributes=tuple(AttributeColumn.of(reading, (name,)) for name, reading in READINGS.items()),
    kinds=("form",),
    value_kinds=("form",),
)
PLAN = _PLAN.with_columns(tuple(_PLAN.catalogue))
LEADS = pl.DataFrame(
    {"lead_id": ["a", "b"], "created_at": [AT, AT], "n": [1.0, 2.0], "c": ["x", "y"],
     "f": [True, False], "t": [AT, AT]},
    schema_overrides={"created_at": TIME, "t": TIME},
)  # fmt: skip
ROWS = pl.DataFrame({"lead_id": ["a"], "as_of": [AT]}, schema_overrides={"as_of": TIME})
Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop("created_at"), "'created_at'"),
        (lambda t: t.with_columns(pl.col("created_at").dt.replace_time_zone(None)), "'created_at'"),
        (lambda t: t.with_columns(pl.col("n").cast(pl.String)), "'n'"),
        (lambda t: t.with_columns(c=1), "'c'"),
        (lambda t: t.with_columns(f=pl.lit("yes")), "'f'"),
        (lambda t: t.with_columns(pl.col("t").dt.replace_time_zone(None)), "'t'"),
        (lambda t: t.with_columns(lead_id=pl.lit("a")), "more than once"),
        (lambda t: t.with_columns(lead_id=pl.Series(["a", None])), "no id"),
        (lambda t: t.drop("lead_id"), "'lead_id'"),
        (lambda t: t.with_columns(lead_id=1), "'lead_id'"),
    ],
)
def test_a_fault_of_the_leads_is_named(change: Change, told: str) -> None:
    with pytest.raises(FaultsError, match=told):
        compute(PLAN, change(LEADS), None, ROWS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop("as_of"), "'as_of'"),
        (lambda t: t.with_columns(as_of=pl.lit(None, TIME)), r"no time \(1 row\)"),
        (lambda t: t.with_columns(pl.col("as_of").dt.replace_time_zone(None)), "'as_of'"),
        (lambda t: t.with_columns(lead_id=pl.lit("z")), "such as .'z'"),
        (lambda t: t.with_columns(lead_id=pl.lit(None, pl.String)), "'lead_id'"),
    ],
)
def test_a_fault_of_the_snapshots_is_named(change: Change, told: str) -> None:
    with pytest.raises(FaultsError, match=told):
        compute(PLAN, LEADS, None, change(ROWS))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop("occurred_at"), "'occurred_at'"),
        (lambda t: t.with_columns(occurred_at=pl.lit("now")), "'occurred_at'"),
        (lambda t: t.with_columns(pl.col("occurred_at").dt.replace_time_zone(None)), "time zone"),
        (lambda t: t.with_columns(event_type=1), "'event_type'"),
        (lambda t: t.with_columns(value=pl.lit("1")), "'value'"),
    ],
)
def test_a_fault_of_the_events_is_named(change: Change, told: str) -> None:
    with pytest.raises(FaultsError, match=told):
        compute(PLAN, LEADS, change(empty_events().collect()).lazy(), ROWS)


def test_all_faults_are_told_at_once() -> None:
    leads = LEADS.drop("created_at").with_columns(n=pl.lit("1"), f=1)
    with pytest.raises(FaultsError) as caught:
        compute(PLAN, leads, None, ROWS)
    assert len(caught.value.faults) == 3


def test_what_is_worked_around_is_told() -> None:
    warnings: list[Fault] = []
    events = empty_events().drop("value")
    found = compute(PLAN, LEADS.drop("n", "t"), events, ROWS, warnings)
    assert sorted(fault.where for fault in warnings) == [
        "events",
        "events: column 'value'",
        "leads: column 'n'",
        "leads: column 't'",
    ]
    assert {fault.severity for fault in warnings} == {"warning"}
    assert np.isnan(found[0, PLAN.columns.index("n")])


def test_columns_of_nulls_and_columns_more_are_taken() -> None:
    leads = LEADS.with_columns(n=None, c=None, f=None, t=None, more=pl.lit("x"))
    found = compute(PLAN, leads, None, ROWS)[0, : len(READINGS)]
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("lead", "told"),
    [
        ({"n": "1"}, "'n'"),
        ({"n": True}, "'n'"),
        ({"c": 1}, "'c'"),
        ({"f": 1}, "'f'"),
        ({"t": AT.replace(tzinfo=None)}, "'t'"),
        ({"created_at": "2025-01-01"}, "'created_at'"),
    ],
)
def test_a_wrong_value_of_one_lead_is_named(lead: dict[str, object], told: str) -> None:
    with pytest.raises(FaultsError, match=told):
        compute_one(PLAN, lead, [], 0)


def test_one_lead_may_be_almost_empty() -> None:
    row = compute_one(PLAN, {}, [], 0)
    assert np.isnan(row[: len(READINGS)]).all()


def test_whole_numbers_and_numpy_numbers_are_numbers() -> None:
    column = PLAN.columns.index("n")
    for value in (3, np.float32(3), np.int64(3)):
        assert compute_one(PLAN, {"n": value}, [], 0)[column] == 3
