"""How old a lead is is no leak, though where the lost stay open for ever it tells nearly all."""

from dataclasses import replace

import polars as pl
import pytest

from leadcast.features.snapshots import SnapshotSettings
from leadcast.models.leakage.column_checks import DominantColumn, NearPerfectColumn
from leadcast.models.leakage.context import Check, LeakageContext
from leadcast.models.leakage.name_checks import IdsAlone
from tests.leak_worlds import context, dated, losses_forgotten

LOOKS = SnapshotSettings(landmarks_days=(0, 60, 120, 240), horizon_days=30)


@pytest.fixture(scope="module")
def stale() -> LeakageContext:
    """Wins have a date, losses none, and leads are looked at long after most were won."""
    return context(losses_forgotten(dated(3_000)), looks=LOOKS)


def test_age_tells_most_of_what_is_known_here(stale: LeakageContext) -> None:
    number = stale.strongest()[0]
    assert stale.features[number].name == "age_days"
    assert stale.aucs[number].value > 0.75


@pytest.mark.parametrize("check", [NearPerfectColumn, DominantColumn, IdsAlone])
def test_neither_age_nor_what_runs_with_it_is_a_leak(
    check: type[Check], stale: LeakageContext
) -> None:
    assert list(check().look(stale)) == []


def test_identifiers_are_told_where_they_tell_more_than_age(stale: LeakageContext) -> None:
    won = stale.tables.outcomes.drop_nulls("won_at")["lead_id"].implode()
    marked = pl.when(pl.col("lead_id").is_in(won)).then("9" + pl.col("lead_id"))
    name = marked.otherwise("lead_id").alias("lead_id")
    tables = replace(
        stale.tables,
        leads=stale.tables.leads.with_columns(name),
        outcomes=stale.tables.outcomes.with_columns(name),
    )
    assert [one.code for one in IdsAlone().look(context(tables, looks=LOOKS))] == ["L009"]
