"""Hours and weekdays are those of the clocks where the leads live, in training and in scoring."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from leadcast.features.engine.engagement import NO_TIME, on_the_wall
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.ingest.ingest import ingest
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import Tables
from tests.conftest import PROJECT
from tests.feature_world import World, event_table, every_column, in_microseconds, worlds
from tests.source_samples import Keys, make_source

PLAN = every_column()
CLOCK = (
    "created_hour",
    "created_weekday",
    "created_at_night",
    "created_on_weekend",
    "as_of_weekday",
)
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland")


def in_zone(zone: str | None) -> FeaturePlan:
    return FeaturePlan(**(PLAN.model_dump() | {"time_zone": zone}))


def of(plan: FeaturePlan, world: World) -> npt.NDArray[np.float32]:
    return compute(plan, world.leads, event_table(world.events), world.snapshot_table)


def clocks(world: World, zone: str) -> list[dict[str, float]]:
    """What clocks showed, by Python's own calendar."""
    told = []
    for lead, as_of in world.snapshots:
        row = dict.fromkeys(CLOCK, np.nan)
        row["as_of_weekday"] = as_of.astimezone(ZoneInfo(zone)).isoweekday()
        created = world.created[lead]
        if created is not None:
            local = created.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
            row["created_hour"] = (local - midnight) / timedelta(hours=1)
            row["created_weekday"] = local.isoweekday()
            row["created_at_night"] = local.hour >= 22 or local.hour < 6
            row["created_on_weekend"] = local.isoweekday() >= 6
        told.append(row)
    return told


@given(world=worlds(), zone=st.sampled_from(ZONES))
@settings(max_examples=20)
def test_clocks_are_those_of_the_zone_and_all_else_is_as_it_was(world: World, zone: str) -> None:
    local, universal = of(in_zone(zone), world), of(PLAN, world)
    own = [PLAN.columns.index(name) for name in CLOCK]
    others = [number for number in range(len(PLAN.columns)) if number not in own]
    expected = np.array([[row[name] for name in CLOCK] for row in clocks(world, zone)])
    np.testing.assert_allclose(local[:, own], expected.reshape(-1, len(CLOCK)), rtol=1e-6)
    np.testing.assert_array_equal(local[:, others], universal[:, others])


@given(world=worlds(), zone=st.sampled_from(ZONES))
@settings(max_examples=20)
def test_one_lead_has_the_row_that_it_has_among_many(world: World, zone: str) -> None:
    plan, events = in_zone(zone), world.events
    rows = of(plan, world)
    for row, (lead, as_of) in zip(rows, world.snapshots, strict=True):
        known = {"lead_id": lead, "created_at": world.created[lead]}
        own = [
            (in_microseconds(one.occurred_at), one.event_type, one.value)
            for one in events
            if one.lead_id == lead
        ]
        alone = compute_one(plan, known, own, in_microseconds(as_of))
        np.testing.assert_array_equal(alone.view(np.uint32), row.view(np.uint32))


def test_the_weekday_is_that_of_the_evening_before() -> None:
    # Monday, three in the morning in UTC, is Sunday evening in Chicago.
    moment = datetime(2024, 1, 8, 3, tzinfo=UTC)
    world = World({"a": moment}, [], [("a", moment)])
    for zone, weekday in ((None, 1), ("America/Chicago", 7)):
        plan = in_zone(zone)
        row = dict(zip(plan.columns, of(plan, world)[0], strict=True))
        assert row["created_weekday"] == row["as_of_weekday"] == weekday
        assert row["created_on_weekend"] == (weekday == 7)


def test_a_missing_time_is_missing_on_every_clock() -> None:
    times = np.array([NO_TIME, 0], dtype=np.int64)
    assert on_the_wall(times, "Asia/Kolkata").tolist() == [NO_TIME, int(5.5 * 3_600_000_000)]


def test_plans_from_before_there_were_zones_are_read_and_written_as_they_were() -> None:
    content = PLAN.to_json()
    assert "time_zone" not in content
    assert FeaturePlan.from_json(content) == PLAN
    local = in_zone("Europe/Berlin")
    assert FeaturePlan.from_json(local.to_json()) == local
    words = {feature.name: feature.words for feature in local.features}
    assert words["created_hour"] == "hour of creation (Europe/Berlin)"
    with pytest.raises(FaultsError, match="time_zone"):
        FeaturePlan.from_json(content | {"time_zone": "Europe/Atlantis"})


LEADS = "id,created,revenue,source\n" + "".join(
    f"L{n},{datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=7 * n):%Y-%m-%d %H:%M:%S},{n},a\n"
    for n in range(60)
)
OUTCOMES = "id,won,lost,amount\n" + "".join(
    f"L{n},2024-02-01 10:00:00,,1\n" for n in range(0, 60, 3)
)


@pytest.mark.parametrize(
    ("keys", "zone"),
    [
        ({"time_zone": "UTC"}, None),
        ({"time_zone": "Europe/Berlin"}, "Europe/Berlin"),
        ({"time_zone": "UTC", "local_time_zone": "America/Chicago"}, "America/Chicago"),
        ({"time_zone": "Europe/Berlin", "local_time_zone": "UTC"}, None),
    ],
)
def test_the_definition_says_where_leads_live(keys: Keys, zone: str | None, tmp_path: Path) -> None:
    definition = make_source(tmp_path, keys, leads=LEADS, outcomes=OUTCOMES)
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    rule = SnapshotSettings(landmarks_days=(0,), horizon_days=60)
    snapshots = make_snapshots(tables, rule, 0)
    plan = fit_plan(tables, snapshots, FeatureSettings(), None, rule)
    assert (tables.time_zone, plan.time_zone) == (zone, zone)


def test_a_zone_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="the time zone 'Europe/Berln'"):
        make_source(tmp_path, {"local_time_zone": "Europe/Berln"})


def test_the_demo_lives_in_utc() -> None:
    assert load_definition(PROJECT / "data" / "sources" / "demo.yaml").zone_of_leads is None
