"""New leads are read by the mapping that read the old ones, and with the same care."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import FaultsError
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import TIME, Tables
from tests.source_samples import EVENTS, LEADS, Keys, make_source, read_canonical, read_new_leads

TYPES = {"revenue": "number", "source": "category"}
NEW = "id,created,revenue,source\nN1,2025-01-01T08:00:00Z,10,Google\nN2,2025-01-02T08:00:00Z,,\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_an_export_read_as_new_leads_gives_the_same_leads_and_events(tmp_path: Path) -> None:
    definition = make_source(tmp_path)
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    new = read_new_leads(definition, [tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    assert_frame_equal(new.leads, tables.leads)
    assert_frame_equal(new.events.collect(), tables.events.collect())
    assert (new.warnings, new.set_aside.height) == ((), 0)


def test_new_leads_need_neither_outcome_nor_order_nor_score(tmp_path: Path) -> None:
    changes: Keys = {
        "tables.leads.rules_score": "points",
        "tables.outcomes": {
            **{"form": "status", "columns": {"status": "stage"}, "won": ["W"], "lost": ["L"]}
        },
    }
    definition = make_source(tmp_path, changes)
    # Later than observed_until, as new leads are.
    new = read_new_leads(definition, [write(tmp_path, "new.csv", NEW)])
    assert new.leads["lead_id"].to_list() == ["N1", "N2"]
    assert "rules_score" not in new.leads.columns
    assert new.events.collect().height == 0


def test_a_type_that_was_told_from_old_values_is_not_told_anew(tmp_path: Path) -> None:
    changes = {"tables.leads.attributes": {}, "tables.leads.remaining_columns": "infer"}
    definition = make_source(tmp_path, changes)
    text = NEW.replace("Google", "17") + "N3,2025-01-03T08:00:00Z,5,18\n"
    path = write(tmp_path, "new.csv", text)
    new = read_new_leads(definition, [path], attribute_types=TYPES)
    assert new.leads["source"].to_list() == ["17", None, "18"]
    # The oracle can fail: without the old types these values are numbers.
    told_anew = read_new_leads(definition, [path], attribute_types={"revenue": "number"})
    assert "source" not in told_anew.leads.columns
    with pytest.raises(FaultsError, match="attribute 'city': found no column of this name"):
        read_new_leads(definition, [path], attribute_types={**TYPES, "city": "category"})


def test_faults_of_new_leads_are_told_and_rows_not_lost(tmp_path: Path) -> None:
    definition = make_source(tmp_path, {"limits": {"unreadable_values": "0.5"}})
    path = write(tmp_path, "new.csv", NEW.replace("10", '"1,0"'))
    new = read_new_leads(definition, [path])
    assert new.leads["revenue"].to_list() == [None, None]
    assert "'1,0' (" in str(new.warnings[0])
    assert new.set_aside.select("lead_id", "line", "kept").rows() == [("N1", 2, True)]
    with pytest.raises(FaultsError, match="found no such file"):
        read_new_leads(definition, [tmp_path / "absent.csv"])
    with pytest.raises(FaultsError, match="Did you mean 'sourc'"):
        read_new_leads(definition, [write(tmp_path, "bad.csv", NEW.replace("source", "sourc"))])
    events = write(tmp_path, "e.csv", EVENTS.replace("L", "X"))
    new = read_new_leads(definition, [path], [events])
    assert "4 of 4 rows of leads that are not to be scored: 'X1'" in str(new.warnings[-1])
    assert [one.is_usual for one in new.warnings] == [False, True]
    assert new.events.collect().height == 0


def test_files_of_several_event_tables_are_told_apart_by_name(tmp_path: Path) -> None:
    columns = {"lead_id": "id", "occurred_at": "at"}
    tables = [
        {"read": {"files": f"{kind}-*.csv"}, "kind": kind, "columns": columns}
        for kind in ("call", "mail")
    ]
    for kind in ("call", "mail"):
        write(tmp_path, f"{kind}-1.csv", "id,at\nL1,2024-02-01T00:00:00Z\n")
    definition = make_source(tmp_path, {"tables.events": tables})
    leads = write(tmp_path, "new.csv", LEADS)
    mails = write(tmp_path, "mail-7.csv", "id,at\nL2,2024-03-01T00:00:00Z\n")
    events = read_new_leads(definition, [leads], [mails]).events.collect()
    assert events["event_type"].to_list() == ["mail"]
    with pytest.raises(FaultsError, match="events of no table of the source"):
        read_new_leads(definition, [leads], [write(tmp_path, "web.csv", "id,at\n")])


CANONICAL = (
    "lead_id,created_at,as_of,revenue,extra\n"
    "N1,2025-01-01T08:00:00Z,2025-01-02T08:00:00+01:00,10,x\n"
    "N2,2025-01-01T09:00:00Z,,,y\n"
)


def test_canonical_leads_from_csv(tmp_path: Path) -> None:
    leads = write(tmp_path, "leads.csv", CANONICAL)
    events = write(
        tmp_path, "events.csv", "lead_id,occurred_at,event_type\nN1,2024-12-31T00:00Z,visit\n"
    )
    new = read_canonical(leads, events, attribute_types=TYPES, is_dated=True)
    assert new.leads["as_of"].to_list() == [datetime(2025, 1, 2, 7, tzinfo=UTC), None]
    assert new.leads.schema["as_of"] == TIME
    assert new.leads["revenue"].to_list() == [10.0, None]
    assert new.events.collect().rows() == [
        ("N1", datetime(2024, 12, 31, tzinfo=UTC), "visit", None)
    ]
    assert "source" not in new.leads.columns


def test_a_column_that_nobody_knows_is_a_counted_warning(tmp_path: Path) -> None:
    more = "lead_id,created_at,as_of,cost,shoe_size\nN1,2025-01-01T08:00Z,,2,44\n"
    new = read_canonical(write(tmp_path, "l.csv", more), attribute_types={}, is_dated=True)
    (warning,) = new.warnings
    assert (warning.where, warning.count) == ("leads: column 'shoe_size'", 1)


def test_a_header_alone_is_no_leads(tmp_path: Path) -> None:
    header = write(tmp_path, "l.csv", CANONICAL.splitlines()[0] + "\n")
    new = read_canonical(header, attribute_types=TYPES, is_dated=True)
    assert new.leads.height == 0
    assert new.leads.schema["created_at"] == TIME


def test_faults_of_canonical_columns_name_no_key_of_a_definition(tmp_path: Path) -> None:
    header = "lead_id,created_at,revenue\n"
    times = ("N1,soon,1", "N2,2025-01-01 08:00,1", "N3,,1")
    rows = [*times, "N4,2025-01-01T08:00Z,ten", ",2025-01-01T08:00Z,1", "N1,2025-01-01T08:00Z,1"]
    leads = write(tmp_path, "l.csv", header + "\n".join([*rows, "N5,2", ""]))
    with pytest.raises(FaultsError) as caught:
        read_canonical(leads, attribute_types=TYPES, is_dated=True)
    told = str(caught.value)
    assert "7 errors, 0 warnings" in told
    for key in ("limit", "quarantine", "time_zone", "time_format", "`"):
        assert key not in told


def test_a_few_bad_events_are_left_out_and_bad_leads_are_refused(tmp_path: Path) -> None:
    fine = "".join(f"N1,2024-12-{1 + number % 28:02}T00:00Z,visit\n" for number in range(199))
    header = "lead_id,occurred_at,event_type\n"
    events = write(tmp_path, "e.csv", header + fine + ",2024-12-31T00:00Z,visit\n")
    leads = write(tmp_path, "leads.csv", "lead_id,created_at\nN1,2025-01-01T00:00Z\n")
    new = read_canonical(leads, events, attribute_types={}, is_dated=True)
    assert new.events.collect().height == 199
    assert [(one.severity, one.count) for one in new.warnings] == [("warning", 1)]
    rows = "".join(f"N{number},2025-01-01T00:00Z\n" for number in range(199))
    blank = write(tmp_path, "b.csv", "lead_id,created_at\n" + rows + ",2025-01-01T00:00Z\n")
    with pytest.raises(FaultsError, match="'lead_id': found 1 of 200 rows without a value"):
        read_canonical(blank, attribute_types={}, is_dated=True)


def test_canonical_tables_from_parquet_come_back_as_they_are(tmp_path: Path) -> None:
    ingest(make_source(tmp_path), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    files = (tmp_path / "tables/leads.parquet", tmp_path / "tables/events/part-00000.parquet")
    new = read_canonical(*files, attribute_types=tables.attribute_types, is_dated=True)
    assert_frame_equal(new.leads, tables.leads)
    assert_frame_equal(new.events.collect(), tables.events.collect())


def test_canonical_leads_with_faults(tmp_path: Path) -> None:
    moment = "2025-01-02T08:00:00+01:00"
    twice = CANONICAL.replace("10,x", "ten,x").replace("N2", "N1").replace("Z,,", f"Z,{moment},")
    leads = write(tmp_path, "l.csv", twice)
    with pytest.raises(FaultsError) as caught:
        read_canonical(leads, attribute_types=TYPES, is_dated=True)
    assert "2 errors, 0 warnings" in str(caught.value)
    assert f"'N1' ({leads.name} line 3)" in str(caught.value).replace(f"{tmp_path}/", "")
    naive = write(tmp_path, "n.csv", "lead_id,created_at\nN1,2025-01-01 08:00\n")
    with pytest.raises(FaultsError, match="names no time zone"):
        read_canonical(naive, attribute_types={}, is_dated=True)
    zoned = read_canonical(naive, attribute_types={}, is_dated=True, time_zone="Asia/Tokyo")
    assert zoned.leads["created_at"][0] == datetime(2024, 12, 31, 23, tzinfo=UTC)
    with pytest.raises(FaultsError, match="found no such file"):
        read_canonical(tmp_path / "absent.csv", attribute_types={}, is_dated=True)
    wrong = write(tmp_path, "w.csv", "id,created\n1,2\n")
    with pytest.raises(FaultsError, match="There are: 'id', 'created'"):
        read_canonical(wrong, attribute_types={}, is_dated=True)


def test_canonical_leads_without_dates(tmp_path: Path) -> None:
    path = tmp_path / "leads.parquet"
    pl.DataFrame({"lead_id": [1, 2], "revenue": [1, None]}).write_parquet(path)
    new = read_canonical(path, attribute_types={"revenue": "number"}, is_dated=False)
    assert new.leads["lead_id"].to_list() == ["1", "2"]
    assert new.leads["created_at"].to_list() == [None, None]


def test_what_sales_needs_is_read_beside_the_attributes_and_never_learned_from(
    tmp_path: Path,
) -> None:
    lines = LEADS.splitlines()
    more = ["Owner,Do Not Call", "Anna,yes", ",no", "Ben,", "Ben,true"]
    text = "\n".join(",".join(pair) for pair in zip(lines, more, strict=True))
    sales = {"owner": "Owner", "do_not_contact": "Do Not Call"}
    # Owners are forbidden in most exports, as sales decides and changes them.
    changes: Keys = {
        "tables.leads.sales": sales,
        "forbidden": {"Owner": "sales changes it"},
        "tables.leads.remaining_columns": "infer",
    }
    definition = make_source(tmp_path, changes, leads=text)
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.leads["sales_owner"].to_list() == ["Anna", None, "Ben", "Ben"]
    assert tables.leads["sales_do_not_contact"].to_list() == [True, False, None, True]
    assert set(tables.attribute_types) == {"revenue", "source"}
    new = read_new_leads(definition, [write(tmp_path, "new.csv", NEW)], attribute_types=TYPES)
    assert not [name for name in new.leads.columns if name.startswith("sales_")]
