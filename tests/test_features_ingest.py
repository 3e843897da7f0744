"""The canonical tables say what the export says, in each of the forms that an export may have."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.ownership import MARK
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, fingerprint, ingest
from leadcast.features.tables import TIME, Tables, TimeOrder
from tests.source_samples import EVENTS, LEADS, Keys, changed, make_source, sample_keys
from tests.source_samples import write_definition as write

EVENT_OUTCOMES: Keys = {"form": "events", "won_events": ["sale", "contract"], "lost_events": "loss"}


def tables_of(folder: Path, changes: Keys | None = None, **files: str) -> Tables:
    ingest(make_source(folder, changes, **files), folder / "tables")
    return Tables.read(folder / "tables")


def one_row_a_lead(folder: Path, text: str, leads: Keys, outcomes: Keys | None = None) -> Tables:
    """Ingest an export with one row a lead and no dates."""
    (folder / "one.csv").write_text(text)
    keys = changed(sample_keys(folder), {"observed_until": None, "tables.events": None})
    keys["tables"]["leads"] = {"read": {"files": "one.csv"}, **leads}
    status = {"form": "status", "columns": {"status": "bought"}, "won": ["1"], "lost": ["0"]}
    keys["tables"]["outcomes"] = outcomes or status
    ingest(load_definition(write(folder, keys)), folder / "tables")
    return Tables.read(folder / "tables")


def test_a_dated_source(tmp_path: Path) -> None:
    tables = tables_of(tmp_path)
    assert tables.time_order is TimeOrder.DATED
    assert tables.observed_until == datetime(2024, 6, 1, tzinfo=UTC)
    assert tables.attribute_types == {"revenue": "number", "source": "category"}
    assert dict(tables.leads.schema) == {
        "lead_id": pl.String,
        "created_at": TIME,
        "position": pl.Int64,
        "revenue": pl.Float64,
        "source": pl.String,
    }
    assert tables.leads.row(2) == (
        *("L3", datetime(2024, 1, 3, 8, tzinfo=UTC), 2, 3000.5, "Google"),
    )
    events = tables.events.collect()
    assert events.columns == ["lead_id", "occurred_at", "event_type", "value"]
    assert events.row(1) == ("L1", datetime(2024, 1, 3, 9, tzinfo=UTC), "video_watched", 31.5)
    assert dict(tables.outcomes.schema) == {
        "lead_id": pl.String,
        "won_at": TIME,
        "lost_at": TIME,
        "converted": pl.Boolean,
        "amount": pl.Float64,
    }
    assert tables.outcomes.rows()[0] == (
        *("L1", datetime(2024, 2, 1, tzinfo=UTC), None, None, 500.0),
    )
    assert tables.outcomes["lead_id"].to_list() == tables.leads["lead_id"].to_list()


def test_outcomes_that_are_events_leave_the_event_table(tmp_path: Path) -> None:
    events = EVENTS + (
        "L1,2024-02-03T00:00:00Z,contract,\nL1,2024-02-02T00:00:00Z,sale,\n"
        "L2,2024-02-09T00:00:00Z,loss,\nL2,2024-02-08T00:00:00Z,loss,\n"
        "L3,2024-07-01T00:00:00Z,sale,\n"
    )
    changes = {"tables.outcomes": EVENT_OUTCOMES, "limits": {"future_times": "1"}}
    tables = tables_of(tmp_path, changes, events=events)
    # The first of each meaning gives the time; a sale after observed_until is not known yet.
    assert tables.outcomes.select("won_at", "lost_at").rows() == [
        (datetime(2024, 2, 2, tzinfo=UTC), None),
        (None, datetime(2024, 2, 8, tzinfo=UTC)),
        *[(None, None)] * 2,
    ]
    assert tables.events.collect().height == 4
    assert set(tables.events.collect()["event_type"]) == {"email_opened", "video_watched", "form"}


def test_outcome_events_are_known_in_any_spelling(tmp_path: Path) -> None:
    events = EVENTS + (
        "L1,2024-02-03T00:00:00Z,Contract,\nL2,2024-02-04T00:00:00Z, SALE ,\n"
        "L3,2024-02-05T00:00:00Z,\u00a0loss,\nL4,2024-02-05T00:00:00Z,losses,\n"
    )
    definition = make_source(tmp_path, {"tables.outcomes": EVENT_OUTCOMES}, events=events)
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.outcomes["won_at"].is_not_null().to_list() == [True, True, False, False]
    assert tables.outcomes["lost_at"].is_not_null().to_list() == [False, False, True, False]
    # None is left among what leads did; what is another word is no outcome.
    kinds = set(tables.events.collect()["event_type"])
    assert kinds == {"email_opened", "video_watched", "form", "losses"}
    told = [fault for fault in check_source(definition).faults if "spells otherwise" in fault.found]
    assert [(fault.count, fault.is_usual) for fault in told] == [(2, True)]


def test_an_outcome_event_before_creation_sets_the_lead_aside(tmp_path: Path) -> None:
    events = EVENTS + "L1,2024-02-02T00:00:00Z,sale,\nL4,2024-01-01T00:00:00Z,sale,\n"
    limits = {"outcomes_before_creation": "0.5"}
    tables = tables_of(
        tmp_path, {"tables.outcomes": EVENT_OUTCOMES, "limits": limits}, events=events
    )
    assert tables.leads["lead_id"].to_list() == ["L1", "L2", "L3"]


def test_a_status_with_its_time(tmp_path: Path) -> None:
    outcomes = {
        "form": "status",
        "read": {"files": "outcomes.csv"},
        "columns": {"lead_id": "id", "status": "stage", "closed_at": "closed"},
        "won": ["Won"],
        "lost": ["Lost"],
        "open": ["New"],
    }
    text = (
        "id,stage,closed\nL1,Won,2024-02-01T00:00Z\nL2,Lost,2024-02-02T00:00Z\n"
        "L3,New,2024-02-03T00:00Z\nL4,Won,\n"
    )
    limits = {"unreadable_values": "0.5"}
    tables = tables_of(tmp_path, {"tables.outcomes": outcomes, "limits": limits}, outcomes=text)
    # L4 is won at a time that nobody knows: neither open nor a win, so it is set aside.
    assert tables.outcomes["lead_id"].to_list() == ["L1", "L2", "L3"]
    assert tables.outcomes["won_at"].is_not_null().to_list() == [True, False, False]
    assert tables.outcomes["lost_at"].is_not_null().to_list() == [False, True, False]


def test_dates_of_the_outcome_in_the_leads_table(tmp_path: Path) -> None:
    leads = "id,created,revenue,source,won\nL1,2024-01-01,,,01.02.2024\nL2,2024-01-01,,,\n"
    changes = {
        "time_zone": "UTC",
        "tables.leads.time_format": ["%Y-%m-%d", "%d.%m.%Y"],
        "tables.events": None,
        "tables.outcomes": {"form": "dates", "columns": {"won_at": "won"}},
    }
    tables = tables_of(tmp_path, changes, leads=leads)
    # Of a win only the day is known, so that it counts from the end of that day.
    end_of_day = datetime(2024, 2, 1, 23, 59, 59, 999_999, tzinfo=UTC)
    assert tables.outcomes["won_at"].to_list() == [end_of_day, None]
    assert tables.events.collect().height == 0


def test_an_ordered_source_is_placed_by_its_column(tmp_path: Path) -> None:
    text = "number,bought,age\n30,1,5\n10,0,6\n20,0,7\n"
    leads = {
        "columns": {"lead_id": "number"},
        "order_by": "number",
        "attributes": {"age": {"column": "age", "type": "number"}},
    }
    tables = one_row_a_lead(tmp_path, text, leads)
    assert tables.time_order is TimeOrder.ORDERED
    assert tables.observed_until is None
    assert tables.leads["position"].to_list() == [2, 0, 1]
    assert tables.outcomes["converted"].to_list() == [True, False, False]
    assert tables.leads["created_at"].null_count() == 3
    downwards = {**leads, "order_by": {"column": "number", "descending": "true"}}
    assert one_row_a_lead(tmp_path, text, downwards).leads["position"].to_list() == [0, 2, 1]


@pytest.mark.parametrize(("order", "expected"), [("row", "ordered"), (None, "unordered")])
def test_rows_without_identifier_or_dates(tmp_path: Path, order: str | None, expected: str) -> None:
    leads: Keys = {"columns": {"lead_id": "row"}} | ({"order_by": order} if order else {})
    tables = one_row_a_lead(tmp_path, "bought\n0\n1\n1\n", leads)
    assert tables.time_order == expected
    assert tables.leads["lead_id"].to_list() == ["1", "2", "3"]
    assert tables.leads["position"].to_list() == [0, 1, 2]


def test_the_remaining_columns_become_attributes_but_not_what_is_forbidden_or_mapped(
    tmp_path: Path,
) -> None:
    text = "Lead No,bought,Job Title,Do Not Call,Tags\n1,0,Boss,No,x\n2,1,Chef,Yes,y\n"
    leads = {
        "columns": {"lead_id": "Lead No"},
        "attributes": {"job_title": "Job Title"},
        "remaining_columns": "infer",
    }
    keys = changed(sample_keys(tmp_path), {"observed_until": None, "tables.events": None})
    keys["tables"]["leads"] = {"read": {"files": "one.csv"}, **leads}
    status = {"form": "status", "columns": {"status": "bought"}, "won": ["1"], "lost": ["0"]}
    keys["tables"]["outcomes"] = status
    keys["forbidden"] = {"Tags": "filled in after contact"}
    (tmp_path / "one.csv").write_text(text)
    ingest(load_definition(write(tmp_path, keys)), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.attribute_types == {"job_title": "text", "do_not_call": "flag"}
    (tmp_path / "one.csv").write_text(text.replace("Tags", "do-not-call"))
    keys["forbidden"] = {}
    told = str(check_source(load_definition(write(tmp_path, keys))))
    assert "the attribute name 'do_not_call', which column 'Do Not Call' has already" in told


def test_attributes_are_read_by_their_types_and_replacements(tmp_path: Path) -> None:
    text = (
        "bought,turnover,channel,optin,since,phone,pdays\n"
        "1,1.234,goggle,ja,2024-01-01,0049,999\n0,5,Google,nein,,0,3\n"
    )
    attributes = {
        "revenue": {
            "column": "turnover",
            "type": "number",
            "numbers": {"decimal": ",", "thousands": "."},
        },
        "source": {"column": "channel", "type": "category", "values": {"goggle": "Google"}},
        "opted_in": {"column": "optin", "type": "flag", "values": {"ja": "true", "nein": "false"}},
        "since": {"column": "since", "type": "time"},
        "phone": "phone",
        "days": {"column": "pdays", "type": "number", "missing": "999"},
    }
    leads = {"columns": {"lead_id": "row"}, "attributes": attributes, "time_zone": "Europe/Rome"}
    tables = one_row_a_lead(tmp_path, text, leads)
    assert tables.leads.drop("lead_id", "created_at", "position").rows() == [
        (1234.0, "Google", True, datetime(2023, 12, 31, 23, tzinfo=UTC), "0049", None),
        (5.0, "Google", False, None, "0", 3.0),
    ]
    assert tables.attribute_types["phone"] == "text"


def test_scores_are_added_up_and_missing_where_one_is_missing(tmp_path: Path) -> None:
    text = "bought,a,b\n1,1,2\n0,,3\n0,4,5.5\n"
    leads = {"columns": {"lead_id": "row"}, "rules_score": ["a", "b"]}
    tables = one_row_a_lead(tmp_path, text, leads)
    assert tables.leads["rules_score"].to_list() == [3.0, None, 9.5]
    assert tables.attribute_types == {}


def test_several_tables_of_events_and_kinds_of_several_columns(tmp_path: Path) -> None:
    calls = "who,started,minutes\nL1,2024-01-05 10:00,3\n"
    (tmp_path / "calls-1.csv.gz").write_bytes(gzip.compress(calls.encode()))
    (tmp_path / "web.parquet").unlink(missing_ok=True)
    web = pl.DataFrame(
        {
            "who": pl.Series(["L2", "L3"], dtype=pl.Categorical),
            "at": [datetime(2024, 1, 6, 12), datetime(2024, 1, 7, 12)],
            "action": ["visit", None],
            "page": ["pricing", "blog"],
        }
    )
    web.write_parquet(tmp_path / "web.parquet")
    events = [
        {
            "read": {"files": "calls-*.csv.gz"},
            "kind": "call",
            "columns": {"lead_id": "who", "occurred_at": "started", "value": "minutes"},
        },
        {
            "read": {"files": "web.parquet"},
            "time_zone": "UTC",
            "columns": {"lead_id": "who", "occurred_at": "at", "event_type": ["action", "page"]},
        },
    ]
    tables = tables_of(tmp_path, {"tables.events": events, "time_zone": "Europe/Berlin"})
    assert tables.events.collect().rows() == [
        ("L1", datetime(2024, 1, 5, 9, tzinfo=UTC), "call", 3.0),
        ("L2", datetime(2024, 1, 6, 12, tzinfo=UTC), "visit:pricing", None),
        ("L3", datetime(2024, 1, 7, 12, tzinfo=UTC), "blog", None),
    ]


def test_the_quality_is_told_without_personal_data(tmp_path: Path) -> None:
    leads = LEADS.replace("source", "mail").replace("Google", "a@example.com")
    attributes = {"email": {"column": "mail", "type": "category"}, "revenue": "revenue"}
    tables_of(tmp_path, {"tables.leads.attributes": attributes}, leads=leads)
    text = (tmp_path / "tables" / "quality.json").read_text()
    quality = json.loads(text)
    assert "example.com" not in text
    assert quality["tables"] == {
        "leads": {"rows": 4, "kept": 4},
        "events": {"rows": 4, "kept": 4},
        "outcomes": {"rows": 2, "kept": 2},
    }
    assert quality["outcomes"] == {"won": 1, "lost": 1, "open": 2}
    assert quality["events"]["types"][0] == ["email_opened", 2]
    columns = {column["name"]: column for column in quality["columns"]}
    assert columns["email"] == {
        **{"name": "email", "type": "category", "missing_share": 0.25, "distinct": 2},
    }
    assert columns["revenue"]["quantiles"][0] == [0.0, 0.0]
    assert columns["created_at"]["quantiles"][-1] == [1.0, "2024-01-04T08:00:00+00:00"]
    assert (quality["faults"], quality["unused_columns"]) == ([], [])


def test_columns_that_nobody_mentions_are_listed(tmp_path: Path) -> None:
    changes = {"tables.leads.attributes": {}, "forbidden": {"source": "not ours"}}
    assert check_source(make_source(tmp_path, changes)).unused_columns == ("revenue",)


def test_the_same_export_gives_the_same_bytes_and_progress_is_told(tmp_path: Path) -> None:
    definition = make_source(tmp_path)
    seen: list[tuple[str, int]] = []
    ingest(definition, tmp_path / "a", progress=lambda name, rows: seen.append((name, rows)))
    ingest(definition, tmp_path / "b")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert [str(file) for file in files] == [
        *(MARK, "events/part-00000.parquet", "leads.parquet", "outcomes.parquet"),
        *("quality.json", "quarantine.parquet", "tables.json"),
    ]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert seen == [("leads", 4), ("outcomes", 2), ("events", 4)]


def test_the_fingerprint_sees_every_byte_and_not_the_place(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    prints = []
    for folder in folders:
        folder.mkdir()
        definition = make_source(folder)
        about = fingerprint(definition.model_copy(update={"root": folder}))
        prints.append({key: about[key] for key in ("source", "files", "queries")})
    assert prints[0] == prints[1]
    assert set(about["files"]) == {"leads.csv", "events.csv", "outcomes.csv"}
    (folders[1] / "events.csv").write_text(EVENTS + "\n")
    after = fingerprint(load_definition(folders[1] / "sample.yaml"))
    assert after["files"] != about["files"]
    assert after["definition"] == about["definition"]


def test_the_fingerprint_of_absent_files_is_an_error(tmp_path: Path) -> None:
    definition = make_source(tmp_path, {"tables.leads.read.files": "absent-*.csv"})
    with pytest.raises(Exception, match="Ask the sales team for it"):
        fingerprint(definition)
