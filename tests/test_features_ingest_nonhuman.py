"""An export whose events are not all people's: what is left out, what is told, what stays."""

from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.ingest.nonhuman_events import NONHUMAN_FILE
from leadcast.features.nonhuman.people_events import NONHUMAN
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.tables import Tables
from tests.source_samples import LEADS, Keys, make_source, read_new_leads

EVENTS = """\
id,at,type,seconds,agent,marked
L1,2024-01-02T09:00:00Z,email_sent,,,
L1,2024-01-02T09:00:09Z,email_opened,,,
L1,2024-01-02T09:00:10Z,clicked,,,
L1,2024-01-02T09:00:10.500Z,clicked,,,
L1,2024-01-02T09:00:11Z,clicked,,,
L1,2024-01-03T09:00:00Z,email_opened,,Mozilla/5.0 (Windows) Firefox/133.0,no
L2,2024-01-05T09:00:00Z,form,,python-requests/2.31,no
L3,2024-01-06T09:00:00Z,email_opened,,,yes
L4,2024-01-06T09:00:00Z,form,31.5,,
"""
SECTION: Keys = {"deliveries": ["email_sent"], "opens": ["email_opened"], "clicks": ["clicked"]}
MORE = {
    "nonhuman": SECTION,
    "tables.events.columns.user_agent": "agent",
    "tables.events.columns.filtered": "marked",
    "tables.leads.attributes.email": {"column": "email", "type": "text"},
    "own_domains": ["ours.example"],
}
ADDRESSES = ["a@guarded.example", "", "b@other.example", "qa@ours.example"]
WITH_EMAIL = "\n".join(
    f"{line},{email}" for line, email in zip(LEADS.splitlines(), ["email", *ADDRESSES], strict=True)
)


def test_events_of_machines_are_left_out_and_told(tmp_path: Path) -> None:
    source = make_source(tmp_path, MORE, leads=WITH_EMAIL, events=EVENTS)
    result = ingest(source, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    kept = tables.events.collect().sort("occurred_at")
    assert kept["event_type"].to_list() == ["email_sent", "email_opened"]
    # An open counts from when its verdict stands.
    assert kept["occurred_at"].dt.to_string("%d %T").to_list() == ["02 09:00:00", "03 09:00:02"]
    gone = pl.read_parquet(tmp_path / "tables" / NONHUMAN_FILE)
    assert dict(gone.select("lead_id", "signs").group_by("lead_id").last().iter_rows()) == {
        "L1": "many_links, soon",
        "L2": "agent",
        "L3": "crm_filter",
        "L4": "staff",
    }
    found = read_json(tmp_path / "tables" / "quality.json")["nonhuman"]
    assert (found["events"], found["nonhuman"], found["leads_without_events"]) == (9, 7, 3)
    assert tables.nonhuman is not None
    assert PeopleRules.from_json(tables.nonhuman, "").clicks == ("clicked",)
    told = "7 of 9 events (77.8%) are not people's"
    assert told in str(result)
    checked = check_source(source)
    assert checked.nonhuman == found
    assert told in str(checked)
    assert "a machine's user agent: 1" in str(checked)


def test_events_are_kept_where_the_key_says_so(tmp_path: Path) -> None:
    keep = MORE | {"nonhuman": SECTION | {"events": "keep"}}
    ingest(make_source(tmp_path, keep, leads=WITH_EMAIL, events=EVENTS), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    events = tables.events.collect()
    assert events.height == 9
    assert tables.nonhuman is None
    assert events.filter(pl.col(NONHUMAN) >= 0.9).height == 7
    assert events["occurred_at"].dt.microsecond().max() == 500_000, "none was moved"


def test_without_the_section_nothing_changes(tmp_path: Path) -> None:
    own = {key: value for key, value in MORE.items() if key != "nonhuman"}
    ingest(make_source(tmp_path, own, leads=WITH_EMAIL, events=EVENTS), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.events.collect_schema().names() == [
        *("lead_id", "occurred_at", "event_type", "value")
    ]
    assert tables.events.collect().height == 9
    assert "nonhuman" not in read_json(tmp_path / "tables" / "quality.json")
    assert not (tmp_path / "tables" / NONHUMAN_FILE).exists()


def test_new_leads_bring_what_tells_machines(tmp_path: Path) -> None:
    source = make_source(tmp_path, MORE, leads=WITH_EMAIL, events=EVENTS)
    files = [[tmp_path / f"{name}.csv"] for name in ("leads", "events")]
    events = read_new_leads(source, *files).events.collect()
    assert events["user_agent"].count() == 2
    assert events["filtered"].to_list().count(True) == 1


def test_kinds_that_no_event_has_are_told(tmp_path: Path) -> None:
    source = make_source(tmp_path, MORE | {"nonhuman": SECTION | {"visits": "page"}},
                         leads=WITH_EMAIL, events=EVENTS)  # fmt: skip
    assert "no events that the definition names as visits" in str(check_source(source))


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"own_networks": "10.0.0.0/64"}, "no address range"),
        ({"test_leads": "*a*"}, "single *"),
        ({"events": "hide"}, "drop"),
        ({"click": ["clicked"]}, "click"),
    ],
)
def test_a_wrong_section_is_refused_by_its_key(tmp_path: Path, section: Keys, told: str) -> None:
    with pytest.raises(FaultsError, match="nonhuman") as refused:
        make_source(tmp_path, MORE | {"nonhuman": section}, leads=WITH_EMAIL, events=EVENTS)
    assert told.replace("*", r"*") in str(refused.value)


def test_a_source_without_dates_cannot_ask_for_it(tmp_path: Path) -> None:
    undated = {"tables.leads.columns.created_at": None, "observed_until": None, "nonhuman": SECTION}
    with pytest.raises(FaultsError, match="creation time"):
        make_source(tmp_path, undated)
