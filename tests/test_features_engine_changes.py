"""Features of leads with a history: many as one by one, and nothing of what comes later."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.changes.attribute_changes import CHANGE, derived_types
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import CHANGES, TIME, Tables, TimeOrder, empty_events
from leadcast.models.rules import evaluate, load_rules

N_LEADS = 60
START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = {"job_title": "text", "company_size": "number", "source": "category"}
RULES = """\
title: points
rules:
  - name: boss
    when: {attribute: job_title, equals: CEO}
    points: 10
"""
FILLED = """\
title: points
rules:
  - name: measured
    when: {attribute: company_size_filled_in, equals: true}
    points: 10
"""


def lead(number: int) -> dict[str, Any]:
    """Every second lead is promoted on its fifth day, and its size is filled in on the tenth."""
    history: list[dict[str, Any]] = []
    created = START + number * DAY
    row = {"lead_id": f"L{number}", "created_at": created, "job_title": "Clerk"}
    row |= {"company_size": None, "source": ("Fair", "Web")[number % 2]}
    if number % 2:
        about = {"changed_at": created + 5 * DAY, "attribute": "job_title"}
        history.append(about | {"old_value": "Clerk", "new_value": "CEO"})
        about = {"changed_at": created + 10 * DAY, "attribute": "company_size"}
        history.append(about | {"old_value": None, "new_value": "250.0"})
        row |= {"job_title": "CEO", "company_size": 250.0}
    return row | {CHANGES: history}


@pytest.fixture(scope="module")
def tables() -> Tables:
    schema: Any = {"lead_id": pl.String, "created_at": TIME, "job_title": pl.String}
    schema |= {"company_size": pl.Float64, "source": pl.String, CHANGES: pl.List(CHANGE)}
    leads = pl.DataFrame([lead(number) for number in range(N_LEADS)], schema=schema, orient="row")
    leads = leads.with_columns(position=pl.int_range(N_LEADS))
    won = pl.col("created_at") + pl.duration(days=20)
    outcomes = leads.select(
        "lead_id",
        won_at=pl.when(pl.col("position") % 3 == 0).then(won),
        lost_at=pl.lit(None, TIME),
        converted=pl.lit(None, pl.Boolean),
        amount=pl.lit(None, pl.Float64),
    )
    about = (leads, empty_events(), outcomes, START + 400 * DAY, TimeOrder.DATED)
    return Tables(*about, attribute_types=TYPES | derived_types(TYPES))


@pytest.fixture(scope="module")
def snapshots(tables: Tables) -> pl.DataFrame:
    days = pl.DataFrame({"day": [0, 5, 6, 11]})
    rows = tables.leads.select("lead_id", "created_at").join(days, how="cross")
    moment = (pl.col("created_at") + pl.duration(days="day")).cast(TIME)
    return rows.select("lead_id", "day", as_of=moment)


@pytest.fixture(scope="module")
def plan(tables: Tables, snapshots: pl.DataFrame) -> FeaturePlan:
    return fit_plan(tables, snapshots, FeatureSettings(), None, SnapshotSettings())


def test_what_is_derived_becomes_features(plan: FeaturePlan) -> None:
    names = " ".join(plan.columns)
    assert "job_title" in names
    assert "_changes" in names or "_changed_at" in names or "_filled_in" in names


def test_many_leads_and_one_by_one_give_the_same_bits(
    tables: Tables, snapshots: pl.DataFrame, plan: FeaturePlan
) -> None:
    many = compute(plan, tables.leads, None, snapshots)
    leads = {row["lead_id"]: row for row in tables.leads.to_dicts()}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for row, values in zip(snapshots.to_dicts(), many, strict=True):
        as_of_us = (row["as_of"] - epoch) // timedelta(microseconds=1)
        one = compute_one(plan, leads[row["lead_id"]], (), as_of_us)
        np.testing.assert_array_equal(one, values)


def test_a_snapshot_before_a_change_is_that_of_a_lead_that_never_changed(
    tables: Tables, snapshots: pl.DataFrame, plan: FeaturePlan
) -> None:
    early = snapshots.filter(pl.col("day") <= 5)
    is_odd = pl.col("lead_id").str.tail(-1).cast(pl.Int64) % 2 == 1
    never = tables.leads.with_columns(
        pl.lit("Clerk").alias("job_title"),
        pl.lit(None, pl.Float64).alias("company_size"),
        pl.lit([], pl.List(CHANGE)).alias(CHANGES),
    )
    values = compute(plan, tables.leads, None, early)
    np.testing.assert_array_equal(values, compute(plan, never, None, early))
    later = snapshots.filter(pl.col("day") == 11, is_odd)
    changed = compute(plan, tables.leads, None, later)
    assert not np.array_equal(changed, compute(plan, never, None, later), equal_nan=True)


def test_points_are_given_for_what_a_lead_was(
    tables: Tables, snapshots: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "points.yaml"
    path.write_text(RULES, encoding="utf-8")
    points = evaluate(load_rules(path), tables.leads, None, snapshots).points
    is_odd = snapshots["lead_id"].str.tail(-1).cast(pl.Int64) % 2 == 1
    expected = (is_odd & (snapshots["day"] > 5)).cast(pl.Float64) * 10
    np.testing.assert_array_equal(points, expected.to_numpy())


def test_points_are_given_for_what_is_derived(
    tables: Tables, snapshots: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "points.yaml"
    path.write_text(FILLED, encoding="utf-8")
    points = evaluate(load_rules(path), tables.leads, None, snapshots).points
    is_odd = snapshots["lead_id"].str.tail(-1).cast(pl.Int64) % 2 == 1
    expected = (is_odd & (snapshots["day"] > 10)).cast(pl.Float64) * 10
    np.testing.assert_array_equal(points, expected.to_numpy())
    with pytest.raises(FaultsError, match="'company_size_filled_in', which is not there"):
        evaluate(load_rules(path), tables.leads.drop(CHANGES), None, snapshots)
