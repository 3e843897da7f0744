"""The profile: plain data of what was read, the same facts as text, and vouching for doubts."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadcast.demo.simulate import simulate
from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.doubt_kinds import DOUBTS
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.profile import collector
from leadcast.features.profile.describe import filling
from leadcast.features.profile.month_bins import MOST_BINS, TimeBins, months_of
from leadcast.features.profile.personal import is_personal, looks_personal
from leadcast.features.profile.profile_text import profile_text, strip_of
from leadcast.features.readers.origins import ParquetOrigin, RawRows
from leadcast.features.tables import TIME
from tests.conftest import PROJECT
from tests.profile_world import World, healthy
from tests.source_samples import Keys, changed, make_source, sample_keys, write_definition


def sample_profile(folder: Path, changes: Keys | None = None, **files: str) -> dict[str, Any]:
    profile = check_source(make_source(folder, changes, **files)).profile
    assert profile is not None
    return profile


def test_rows_outcomes_and_times_are_told(tmp_path: Path) -> None:
    profile = sample_profile(tmp_path)
    leads, events, outcomes = profile["tables"]
    assert (leads["rows"], leads["kept"], leads["set_aside"]) == (4, 4, 0)
    assert (events["name"], events["rows"], events["kept"]) == ("events", 4, 4)
    assert outcomes["times"][1] == {
        "column": "lost_at",
        "first": "2024-02-02T00:00:00+00:00",
        "last": "2024-02-02T00:00:00+00:00",
        "unit": "month",
        "bars": [["2024-02", 1]],
    }
    ends = profile["outcomes"]
    assert (ends["won"], ends["lost"], ends["open"]) == (1, 1, 2)
    assert (ends["won_share"], ends["won_share_of_ended"]) == (0.25, 0.5)
    row = {"span": "2024-01", "leads": 4, "won": 1, "lost": 1, "open": 2, "won_share": 0.25}
    assert ends["rows"] == [row]
    assert profile["time_to_win"]["median_days"] == pytest.approx(30 + 16 / 24)


def test_columns_and_events_are_told(tmp_path: Path) -> None:
    profile = sample_profile(tmp_path)
    revenue, source, amount = profile["columns"]
    assert (revenue["filled"], revenue["missing"], revenue["distinct"]) == (3, 1, 3)
    assert [value for _, value in revenue["quantiles"]][::3] == [0.0, 1000.0, 3000.5]
    assert revenue["missing_rows"] == [["2024-01", 0.25]]
    assert source["levels"] == [["Google", 2], ["Referral", 1]]
    assert source["rest"] == {"levels": 0, "count": 0}
    assert amount["name"] == "amount"
    types = {one["type"]: one["by"] for one in profile["events"]["types"]}
    assert types == {"email_opened": [2], "video_watched": [1], "form": [1]}


def test_all_rows_of_bins_add_up(tmp_path: Path) -> None:
    result = healthy(3).check(tmp_path)
    assert result.profile is not None
    profile = result.profile
    assert sum(row["leads"] for row in profile["outcomes"]["rows"]) == result.counts["leads"]
    assert sum(row["won"] for row in profile["outcomes"]["rows"]) == result.counts["won"]
    for table in profile["tables"][:2]:
        assert sum(count for _, count in table["times"][0]["bars"]) == table["kept"]
    for one in profile["events"]["types"]:
        assert sum(one["by"]) == one["count"]
    for column in profile["columns"]:
        if column.get("levels"):
            levels = sum(count for _, count in column["levels"])
            assert levels + column["rest"]["count"] == column["filled"]


def test_the_months_are_those_of_the_declared_zone(tmp_path: Path) -> None:
    leads = "id,created,revenue,source\nL1,2024-01-31T23:30:00Z,1,a\nL2,2024-01-05T00:00:00Z,1,a\n"
    zone = {"time_zone": "Europe/Berlin"}
    profile = sample_profile(tmp_path, zone, leads=leads, events="id,at,type,seconds\n")
    assert profile["tables"][0]["times"][0]["bars"] == [["2024-01", 1], ["2024-02", 1]]


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@example([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)], "UTC")
@settings(max_examples=50)
@given(
    times=st.lists(MOMENTS, min_size=1),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Asuncion"]),
)
def test_months_are_those_that_the_calendar_tells(times: list[datetime], zone: str) -> None:
    local = [one.astimezone(ZoneInfo(zone)) for one in times]
    expected = [one.year * 12 + one.month - 1 for one in local]
    assert months_of(pl.Series(times, dtype=TIME), zone).to_list() == expected


@pytest.mark.parametrize(
    ("first", "last", "unit", "label"),
    [
        (2024 * 12, 2024 * 12 + MOST_BINS - 1, "month", "2024-01"),
        (2024 * 12, 2024 * 12 + MOST_BINS, "quarter", "2024 Q1"),
        (2000 * 12 + 3, 2024 * 12, "year", "2000"),
        (1900 * 12, 2026 * 12, "decade", "1900s"),
        (12, 9999 * 12 + 11, "millennium", "0000s"),
    ],
)
def test_bins_are_as_short_as_can_be_seen(first: int, last: int, unit: str, label: str) -> None:
    spans = TimeBins.over(first, last)
    assert (spans.unit, spans.labels()[0]) == (unit, label)
    assert len(spans.labels()) <= MOST_BINS
    counts = spans.sums({first: 2, last: 3})
    assert (counts[0], counts[-1], sum(counts)) == (2, 3, 5)


def test_leads_without_dates_are_told_by_tenths(tmp_path: Path) -> None:
    rows = "".join(f"L{n},{n},{'yes' if n > 20 else 'no'}\n" for n in range(40))
    changes = {
        "observed_until": None,
        "tables.events": None,
        "tables.leads.columns": {"lead_id": "id"},
        "tables.leads.order_by": "n",
        "tables.leads.attributes": {},
        "tables.outcomes": {
            "form": "status",
            "columns": {"status": "bought"},
            "won": ["yes"],
            "lost": ["no"],
        },
    }
    profile = sample_profile(tmp_path, changes, leads=f"id,n,bought\n{rows}")
    assert [table["name"] for table in profile["tables"]] == ["leads"]
    told = profile["outcomes"]
    assert (told["by"], [row["leads"] for row in told["rows"]]) == ("tenth", [4] * 10)
    assert [row["won"] for row in told["rows"]] == [0] * 5 + [3] + [4] * 4
    assert profile["time_to_win"] is None


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ([1.0, 1.0, 0.2, 0.1], "begins c"),
        ([0.1, 0.5, 1.0, 1.0], "ends b"),
        ([1.0, 0.2, None, 1.0], "begins b, ends b"),
        ([0.3, 0.9, 0.2, 0.4], None),
        ([1.0, 0.995, 0.999, 1.0], None),
        ([1.0, 0.9, 0.3, 0.4], "begins b"),
        ([1.0, 0.9, 0.9, 0.4], None),
        ([0.1, 0.2, 0.95, 1.0], "ends c"),
    ],
)
def test_a_column_begins_or_ends_being_filled_in(
    missing: list[float | None], told: str | None
) -> None:
    assert filling(list(zip("abcd", missing, strict=True))) == told


@pytest.mark.parametrize(
    "name", ["E-Mail", "email", "Phone 2", "First Name", "name", "Date of birth"]
)
def test_who_somebody_is_is_seen_by_the_name(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize("name", ["Campaign Name", "contact_by", "source", "emailing campaign"])
def test_other_names_tell_nobody(name: str) -> None:
    assert not is_personal(name)


def test_who_somebody_is_is_seen_by_the_values() -> None:
    assert looks_personal(pl.Series([f"a{n}@b.de" for n in range(3)] * 20), 3)
    assert looks_personal(pl.Series([f"value {n}" for n in range(100)]), 100)
    assert not looks_personal(pl.Series(["a", "b"] * 30), 2)


def test_no_personal_value_is_in_a_profile(tmp_path: Path) -> None:
    world = healthy(1).with_leads(
        pl.lit("anna@secret.de").alias("Email"), pl.lit("Secret Ltd").alias("Company")
    )
    told = json.dumps(world.check(tmp_path).as_plain())
    assert "secret.de" not in told
    assert "Secret" not in told
    assert "Google" in told


def test_the_text_tells_the_facts(tmp_path: Path) -> None:
    profile = healthy(2).check(tmp_path).profile
    assert profile is not None
    text = profile_text(profile)
    for row in profile["outcomes"]["rows"]:
        assert f"{row['span']}" in text
    assert f"{profile['outcomes']['won']:,} won" in text
    assert f"median {profile['time_to_win']['median_days']:.1f} days" in text
    for value, count in profile["columns"][1]["levels"]:
        assert f"{value} ({count:,})" in text
    assert "█" in text
    assert text.endswith("0 doubts")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", None, "no such encoding"])
def test_a_terminal_that_cannot_show_blocks_gets_others(
    tmp_path: Path, encoding: str | None
) -> None:
    world = healthy(2).with_leads(pl.lit("Fair Köln 日本").alias("Channel"))
    profile = world.check(tmp_path).profile
    assert profile is not None
    text = profile_text(profile, encoding)
    assert text.encode("latin-1" if encoding == "latin-1" else "ascii")
    assert "@" in text
    assert r"\u65e5" in text


def test_a_strip_shows_whatever_is_more_than_nothing() -> None:
    assert strip_of([0, 1, 500, 1000, None]) == " ▁▄█ "
    assert strip_of([0, 0]) == "  "


def test_the_end_of_the_data_is_told_as_people_in_the_zone_see_it(tmp_path: Path) -> None:
    days = (pl.col(name).str.slice(0, 10).alias(name) for name in ("Won", "Lost"))
    world = healthy(0).with_outcomes(*days, pl.lit(None, pl.String).alias("Ended"))
    keys = {"observed_until": "latest", "time_zone": "Asia/Tokyo", "tables.events": []}
    profile = world.with_keys(keys).check(tmp_path).profile
    assert profile is not None
    assert profile["observed_until"].endswith("T23:59:59.999999+09:00")
    assert re.search(r"outcomes known until \S+ 23:59\)", profile_text(profile))


def test_rows_that_a_join_adds_are_told_so_that_the_sum_is_right(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("deal,lead\nD1,L1\nD1,L2\n", encoding="utf-8")
    pairs = {"read": {"files": "pairs.csv"}, "on": "deal", "columns": ["lead"], "expect": "many"}
    outcomes = {
        **{"form": "dates", "read": {"files": "outcomes.csv"}, "join": [pairs]},
        "columns": {"lead_id": "lead", "won_at": "won"},
    }
    deals = "deal,won\nD1,2024-02-01T00:00Z\n"
    definition = make_source(tmp_path, {"tables.outcomes": outcomes}, outcomes=deals)
    profile = check_source(definition).profile
    assert profile is not None
    told = next(table for table in profile["tables"] if table["name"] == "outcomes")
    assert (told["rows"], told["kept"]) == (1, 2)
    assert told["reasons"] == [["added by joins and split cells", 1]]
    assert "    1 added by joins and split cells\n" in profile_text(profile)


def bulk_world() -> World:
    world = healthy(0)
    lost = world.outcomes["Lost"]
    places = lost.is_not_null().arg_true().gather_every(3).head(200)
    return world.with_outcomes(lost.scatter(places, ["2024-04-20T02:00:00Z"] * 200))


def test_a_doubt_is_vouched_for(tmp_path: Path) -> None:
    world = bulk_world()
    doubt = world.doubts(tmp_path)["ends_in_bulk"]
    assert doubt["vouched"] is None
    assert "vouched: {ends_in_bulk: the reason}" in doubt["remedy"]
    vouched = world.with_keys({"vouched": {"ends_in_bulk": "moved from the old CRM"}})
    result = vouched.check(tmp_path)
    assert result.profile is not None
    assert [one["vouched"] for one in result.profile["doubts"]] == ["moved from the old CRM"]
    text = profile_text(result.profile)
    assert "0 doubts, 1 vouched for" in text
    assert "reason: moved from the old CRM" in text
    assert "warning [" not in text


def test_one_column_is_vouched_for_alone(tmp_path: Path) -> None:
    unknown = pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("unknown"))
    world = healthy(0).with_leads(
        unknown.otherwise("Channel").alias("Channel"), unknown.otherwise("Company").alias("Company")
    )
    world = world.with_keys({"vouched": {"placeholder:Channel": "clerks wrote it"}})
    result = world.check(tmp_path)
    assert result.profile is not None
    told = [(one["subject"], one["vouched"]) for one in result.profile["doubts"]]
    assert told == [("Company", None), ("Channel", "clerks wrote it")]


def test_a_late_record_that_is_vouched_for_is_told_as_such(tmp_path: Path) -> None:
    world = healthy(7)
    late = [
        pl.when(pl.col(name) >= "2023-08-01").then(name).alias(name) for name in ("Won", "Lost")
    ]
    world = world.with_outcomes(*late).with_keys({"vouched": {"outcomes_begin_late": "so it was"}})
    profile = world.check(tmp_path).profile
    assert profile is not None
    told = [(one["code"], one["vouched"]) for one in profile["doubts"]]
    assert told == [("outcomes_begin_late", "so it was")]
    assert profile["outcomes_from"] is None


def test_a_sample_has_all_copies_of_a_row_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MOST_HASHES", 500)
    sample, n_rows = collector.RepeatSample(), 6_000
    frame = pl.DataFrame({"lead_id": [f"L{n}" for n in range(n_rows)]})
    for part in (0, 1, 2):
        numbers = pl.int_range(1, n_rows + 1, eager=True)
        places = pl.repeat(part, n_rows, dtype=pl.Int32, eager=True)
        origins = tuple(ParquetOrigin(Path(name), name) for name in "abc")
        sample.add(frame, RawRows(frame, numbers, places, origins), "events")
    kept = sample.frame()
    assert 0 < kept.height <= 500
    assert kept["hash"].value_counts()["count"].unique().to_list() == [3]
    assert kept.group_by("number").len()["len"].unique().to_list() == [3]
    assert 0.5 < kept.height * sample.one_in / (3 * n_rows) < 2


def test_what_nobody_doubts_is_vouched_for_idly(tmp_path: Path) -> None:
    profile = sample_profile(tmp_path, {"vouched": {"none_lost": "so it is"}})
    assert profile["idle_vouches"] == ["none_lost"]
    assert "idle: `vouched` names none_lost" in profile_text(profile)


def test_an_unknown_code_is_refused_with_the_nearest(tmp_path: Path) -> None:
    for key, words in (("end_in_bulk", "'ends_in_bulk'"), ("placeholder:", "Leave out the colon")):
        keys = changed(sample_keys(tmp_path), {"vouched": {key: "why"}})
        with pytest.raises(FaultsError, match=words):
            load_definition(write_definition(tmp_path, keys))


def test_the_run_keeps_the_doubts(tmp_path: Path) -> None:
    world = bulk_world()
    definition_folder = tmp_path / "world"
    definition_folder.mkdir()
    world.check(definition_folder)
    definition = load_definition(definition_folder / "world.yaml")
    result = ingest(definition, tmp_path / "tables")
    assert "; 1 doubt: outcomes: 185 of 646 ends on 2024-04-20" in str(result)
    kept = read_json(tmp_path / "tables" / "quality.json")["doubts"]
    assert [doubt["code"] for doubt in kept] == ["ends_in_bulk"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "kind", [{}, {"evening": True}, {"leads": 60}, {"growth": 0.4}, {"growth": 1.3}]
)
def test_nothing_is_to_be_doubted_about_a_healthy_export(
    tmp_path: Path, seed: int, kind: dict[str, Any]
) -> None:
    assert healthy(100 + seed, **kind).doubts(tmp_path) == {}


@pytest.mark.parametrize(("seed", "leads"), [(11, 300), (12, 1500)])
def test_nothing_is_to_be_doubted_about_the_simulated_seller(
    tmp_path: Path, seed: int, leads: int
) -> None:
    simulate(leads, seed, tmp_path / "world")
    demo = load_definition(PROJECT / "data/sources/demo.yaml")
    profile = check_source(demo.model_copy(update={"root": tmp_path / "world"})).profile
    assert profile is not None
    assert profile["doubts"] == []


def test_each_code_is_a_word() -> None:
    assert all(code.replace("_", "").isalpha() and code.islower() for code in DOUBTS)
