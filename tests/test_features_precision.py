"""What happened on a day is known when the day is over; nobody vanishes for want of a clock."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.ingest.precision import FEWEST, at_end_of_day, days_alone
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import Tables
from leadcast.features.values.times import TimeRules, parse_times
from tests.source_samples import LEADS, Keys, make_source, read_new_leads
from tests.three_doors import DOORS, Door

BERLIN: Keys = {"time_zone": "Europe/Berlin"}
LEADS_WITH_CLOCKS = "id,created,revenue,source\n" + "".join(
    f"L{day},2024-01-{day:02d} 10:30:00,1,a\n" for day in range(1, 31)
)


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(request.param, tmp_path, monkeypatch)


def read(door: Door, changes: Keys, **files: str) -> Tables:
    ingest(door.source(changes, **files), door.folder / "tables")
    return Tables.read(door.folder / "tables")


def faults(door: Door, changes: Keys, **files: str) -> list[Fault]:
    return [*check_source(door.source(changes, **files)).faults]


def same_day_wins(clock: str = "") -> str:
    """Every other lead is won on the day of its creation."""
    rows = [f"L{day},2024-01-{day:02d}{clock},,5" for day in range(1, 31, 2)]
    rows += [f"L{day},,2024-02-{day // 2 + 1:02d}{clock},5" for day in range(2, 31, 2)]
    return "id,won,lost,amount\n" + "\n".join(rows) + "\n"


def end_of(day: date, zone: str = "Europe/Berlin") -> datetime:
    tomorrow = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    return tomorrow.astimezone(UTC) - timedelta(microseconds=1)


def test_a_lead_that_is_won_on_its_first_day_is_won(door: Door) -> None:
    files = {"leads": LEADS_WITH_CLOCKS, "outcomes": same_day_wins()}
    tables = read(door, BERLIN, **files)
    assert tables.leads.height == 30
    assert tables.outcomes["won_at"][0] == end_of(date(2024, 1, 1))
    assert tables.outcomes["lost_at"][1] == end_of(date(2024, 2, 2))
    looks = SnapshotSettings(landmarks_days=(0,), horizon_days=7)
    assert make_snapshots(tables, looks, 0)["converted"].sum() == 15
    told = [fault for fault in faults(door, BERLIN, **files) if "no time of day" in fault.found]
    assert [(fault.where, fault.count) for fault in told] == [
        ("outcomes: column 'won'", 15),
        ("outcomes: column 'lost'", 15),
    ]
    assert all(fault.severity == "warning" and fault.is_usual for fault in told)


def test_midnights_only_are_days(door: Door) -> None:
    # The export has written days as times.
    outcomes = "id,won,lost,amount\n" + "".join(
        f"L{day},2024-01-{day:02d} 00:00:00,,5\n" for day in range(1, 29)
    )
    files = {"leads": LEADS_WITH_CLOCKS, "outcomes": outcomes}
    tables = read(door, BERLIN, **files)
    assert tables.leads.height == 30
    assert tables.outcomes["won_at"][4] == end_of(date(2024, 1, 5))
    # What the definition says counts more than what the values look like.
    moment = {**BERLIN, "tables.outcomes.time_precision": "moment"}
    assert "that ended before they were created" in faults(door, moment, **files)[0].found


def test_few_midnights_may_be_moments_unless_the_definition_says_otherwise(door: Door) -> None:
    outcomes = "id,won,lost,amount\nL1,2024-02-01 00:00:00,,5\nL2,,2024-02-03 00:00:00,\n"
    files = {"leads": LEADS_WITH_CLOCKS, "outcomes": outcomes}
    assert read(door, BERLIN, **files).outcomes["won_at"][0] == datetime(
        2024, 1, 31, 23, tzinfo=UTC
    )
    day = {**BERLIN, "tables.outcomes.time_precision": "day"}
    assert read(door, day, **files).outcomes["won_at"][0] == end_of(date(2024, 2, 1))


EVENTS_OF_DAYS = (
    "id,at,type,seconds\nL1,2024-01-01,form,\nL1,2024-01-05,visit,\nL2,2024-01-02,form,\n"
)


def test_an_event_of_a_day_is_known_when_the_day_is_over(door: Door) -> None:
    files = {"leads": LEADS_WITH_CLOCKS, "events": EVENTS_OF_DAYS, "outcomes": same_day_wins()}
    events = read(door, BERLIN, **files).events.collect()
    days = [date(2024, 1, 1), date(2024, 1, 5), date(2024, 1, 2)]
    assert events["occurred_at"].to_list() == [end_of(day) for day in days]
    # On the day of the creation is not before the creation.
    assert not [one for one in faults(door, BERLIN, **files) if "before the creation" in one.found]


def test_events_at_midnights_only_are_of_days(door: Door) -> None:
    events = "id,at,type,seconds\n" + "".join(
        f"L{day},2024-01-{day:02d} 00:00:00,form,\n" for day in range(1, FEWEST + 1)
    )
    files = {"leads": LEADS_WITH_CLOCKS, "outcomes": same_day_wins()}
    known = read(door, BERLIN, events=events, **files).events.collect()
    assert known["occurred_at"].to_list()[:2] == [end_of(date(2024, 1, day)) for day in (1, 2)]
    # One time of day says that the others are midnights.
    events += "L1,2024-01-05 07:00:00,form,\n"
    lenient = {**BERLIN, "limits": {"events_before_creation": "1"}}
    known = read(door, lenient, events=events, **files).events.collect()
    assert known["occurred_at"][0] == datetime(2023, 12, 31, 23, tzinfo=UTC)


def test_outcome_events_of_a_day(door: Door) -> None:
    form = {"form": "events", "won_events": ["visit"]}
    events = EVENTS_OF_DAYS + "L3,2024-01-03,visit,\n"
    tables = read(door, {**BERLIN, "tables.outcomes": form}, leads=LEADS_WITH_CLOCKS, events=events)
    won = tables.outcomes["won_at"].drop_nulls().to_list()
    assert won == [end_of(date(2024, 1, 5)), end_of(date(2024, 1, 3))]


def test_a_creation_of_a_day_is_its_beginning(door: Door) -> None:
    leads = LEADS.replace("T08:00:00Z", "")
    events = "id,at,type,seconds\nL1,2024-01-01 00:10:00,form,\nL2,2024-01-02 23:00:00,form,\n"
    outcomes = "id,won,lost,amount\nL1,2024-01-01,,5\nL2,,2024-02-02,\n"
    files = {"leads": leads, "events": events, "outcomes": outcomes}
    tables = read(door, BERLIN, **files)
    assert tables.leads["created_at"][0] == datetime(2023, 12, 31, 23, tzinfo=UTC)
    assert tables.outcomes["won_at"][0] == end_of(date(2024, 1, 1))
    assert not [one for one in faults(door, BERLIN, **files) if "creat" in one.found]


def test_what_happened_on_the_day_of_the_export_is_known_by_then(door: Door) -> None:
    until = {**BERLIN, "observed_until": "2024-02-16T12:00:00+01:00"}
    files = {"leads": LEADS_WITH_CLOCKS, "outcomes": same_day_wins()}
    tables = read(door, until, **files)
    assert tables.outcomes["lost_at"].max() == tables.observed_until
    told = [fault.found for fault in faults(door, until, **files)]
    assert not [words for words in told if "after observed_until" in words]
    earlier = {**BERLIN, "observed_until": "2024-02-15T12:00:00+01:00"}
    told = [fault.found for fault in faults(door, earlier, **files)]
    assert [words for words in told if words.startswith("1 of 30 rows with an outcome after")]


def test_new_leads_are_read_as_the_earlier_ones_were(tmp_path: Path) -> None:
    definition = make_source(tmp_path, BERLIN, leads=LEADS_WITH_CLOCKS, outcomes=same_day_wins())
    (tmp_path / "new.csv").write_text(LEADS_WITH_CLOCKS)
    (tmp_path / "new_events.csv").write_text(EVENTS_OF_DAYS)
    new = read_new_leads(definition, [tmp_path / "new.csv"], [tmp_path / "new_events.csv"])
    assert new.events.collect()["occurred_at"][0] == end_of(date(2024, 1, 1))


@pytest.mark.parametrize(
    ("value", "formats", "is_day"),
    [
        ("2024-01-02", (), True),
        ("2024-01-02 00:00", (), False),
        ("2024-01-02T00:00:00Z", (), False),
        ("02.01.2024", ("%d.%m.%Y %H:%M", "%d.%m.%Y"), True),
        ("02.01.2024 00:00", ("%d.%m.%Y %H:%M", "%d.%m.%Y"), False),
        ("1/2/24", ("%m/%d/%y",), True),
        ("45293", ("excel",), True),
        (45293.0, ("excel",), True),
        (45293.5, ("excel",), False),
        ("1704096000", ("epoch_s",), False),
        (date(2024, 1, 2), (), True),
        (datetime(2024, 1, 2), (), False),
        (None, (), False),
    ],
)
def test_a_value_tells_that_it_is_a_day(
    value: object, formats: tuple[str, ...], is_day: bool
) -> None:
    series = pl.Series([value], dtype=pl.String if value is None else None)
    assert days_alone(series, TimeRules("Europe/Berlin", formats)).to_list() == [is_day]


AT_MIDNIGHT = ("Asia/Beirut", "America/Santiago", "America/Havana", "America/Sao_Paulo")
"""Where clocks are changed, or were, at midnight."""
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", *AT_MIDNIGHT])


@given(day=st.dates(date(1990, 1, 1), date(2035, 1, 1)), zone=zones)
def test_no_day_is_known_before_it_is_over(day: date, zone: str) -> None:
    rules = TimeRules(zone)
    series = pl.Series([day.isoformat()])
    parsed = parse_times(series, rules)
    # Wherever clocks are changed, each day begins.
    assert parsed.values[0] is not None
    assert parsed.values[0].astimezone(ZoneInfo(zone)).date() == day
    values, days = at_end_of_day(parsed, series, rules, (), None)
    assert days.to_list() == [True]
    local = values[0].astimezone(ZoneInfo(zone))
    after = (values[0] + timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert local.date() == day
    assert after.date() == day + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "zone", "hour"),
    [
        # Set forward at midnight: the day began at one.
        ("2018-11-04", "America/Sao_Paulo", 3),
        # Set back to midnight at one: the day began the first time.
        ("2023-11-05", "America/Havana", 4),
    ],
)
def test_a_day_begins_where_clocks_are_changed_at_midnight(day: str, zone: str, hour: int) -> None:
    moment = date.fromisoformat(day)
    written = f"{moment:%d.%m.%Y}"
    for series, formats in (
        (pl.Series([day]), ()),
        (pl.Series([moment]), ()),
        (pl.Series([written]), ("%d.%m.%Y",)),
    ):
        begin = parse_times(series, TimeRules(zone, formats)).values[0]
        assert begin == datetime(moment.year, moment.month, moment.day, hour, tzinfo=UTC)
    # A time of day that never was, or was twice, is refused as before.
    for text in (f"{day} 00:00:00", f"{day}T00:30:00"):
        assert parse_times(pl.Series([text]), TimeRules(zone)).values[0] is None


def test_a_midnight_of_utc_is_the_day_in_utc_wherever_the_export_is_from(door: Door) -> None:
    outcomes = "id,won,lost,amount\n" + "".join(
        f"L{day},2024-01-{day:02d}T00:00:00Z,,5\n" for day in range(1, 29)
    )
    zone = {"time_zone": "America/New_York"}
    tables = read(door, zone, leads=LEADS_WITH_CLOCKS, outcomes=outcomes)
    assert tables.outcomes["won_at"][4] == end_of(date(2024, 1, 5), "America/New_York")
