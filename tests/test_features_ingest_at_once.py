"""All faults of an input are told at once: rows that are left out for one hide no other."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.tables import Tables
from tests.source_samples import (
    EVENTS,
    LEADS,
    LIMITS_OF_ONE_HALF,
    Keys,
    make_source,
    read_canonical,
    read_new_leads,
)

TYPES = {"revenue": "number", "source": "category", "seen": "time"}
HALF: Keys = {"limits": LIMITS_OF_ONE_HALF}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(folder: Path, leads: str, events: str | None = None) -> list[tuple[str, int]]:
    file = write(folder, "leads.csv", leads)
    other = None if events is None else write(folder, "events.csv", events)
    with pytest.raises(FaultsError) as caught:
        read_canonical(file, other, attribute_types=TYPES, is_dated=True)
    return where_and_count(caught.value.faults)


def where_and_count(faults: Iterable[Fault]) -> list[tuple[str, int]]:
    return [(fault.where, fault.count) for fault in faults]


def test_naive_times_hide_no_fault_of_another_column(tmp_path: Path) -> None:
    leads = (
        "lead_id,created_at,revenue,seen\n"
        "N1,2025-01-01 08:00,ten,2025-01-01T08:00Z\n"
        ",2025-01-01 08:00,1,soon\n"
        "N3,2025-01-01T08:00Z,eleven,\n"
        "N3,2025-01-01 08:00,1,\n"
    )
    assert refusal(tmp_path, leads) == [
        ("leads: column 'lead_id'", 1),
        ("leads: column 'lead_id'", 1),
        ("leads: column 'created_at'", 3),
        ("leads: column 'revenue'", 2),
        ("leads: column 'seen'", 1),
    ]


def test_faults_of_leads_hide_none_of_their_events(tmp_path: Path) -> None:
    leads = "lead_id,created_at\nN1,2025-01-01 08:00\nN2,2025-01-01T08:00Z\n"
    events = (
        "lead_id,occurred_at,event_type,value\n"
        "N1,2025-01-02T08:00Z,visit,many\n"
        "N2,2025-01-02 08:00,visit,few\n"
        "other,2025-01-02T08:00Z,visit,none\n"
    )
    assert refusal(tmp_path, leads, events) == [
        ("leads: column 'created_at'", 1),
        ("events: column 'occurred_at'", 1),
        ("events: column 'value'", 2),
    ]


def test_a_source_whose_times_are_refused_tells_its_other_faults_too(tmp_path: Path) -> None:
    naive = LEADS.replace("Z", "").replace("1000", "1k")
    definition = make_source(tmp_path, leads=naive)
    expected = [("leads: column 'created'", 4), ("leads: column 'revenue'", 1)]
    assert where_and_count(check_source(definition).faults)[:2] == expected
    with pytest.raises(FaultsError) as caught:
        read_new_leads(definition, [tmp_path / "leads.csv"])
    assert where_and_count(caught.value.faults) == expected


def test_the_time_of_an_outcome_among_the_events_is_told_once(tmp_path: Path) -> None:
    outcomes = {"form": "events", "won_events": ["form"], "lost_events": ["lost"]}
    events = EVENTS + "L4,2024-02-01T08:00:00,form,\nL4,2024-02-01T08:00:00Z,lost,\n"
    definition = make_source(tmp_path, {"tables.outcomes": outcomes}, events=events)
    assert where_and_count(check_source(definition).faults) == [("events: column 'at'", 1)]


def test_rows_that_are_set_aside_tell_nothing_more_where_the_rest_is_read(tmp_path: Path) -> None:
    changes = HALF | {"tables.leads.attributes": {"revenue": "revenue"}}
    leads = LEADS.replace("2024-01-04T08:00:00Z,0", "never,zero")
    definition = make_source(tmp_path, changes, leads=leads)
    ingest(definition, tmp_path / "tables")
    assert where_and_count(check_source(definition).faults) == [("leads: column 'created'", 1)]
    # Nor do they tell the type: all numbers but for the row that is set aside.
    assert Tables.read(tmp_path / "tables").attribute_types["revenue"] == "number"


def test_a_column_that_is_missing_hides_no_fault_of_the_others(tmp_path: Path) -> None:
    leads = "lead_id,revenue,seen\nN1,ten,soon\nN1,1,2025-01-01 08:00\n"
    events = "lead_id,event_type,value\nN1,visit,many\nN2,visit,1\n"
    assert refusal(tmp_path, leads, events) == [
        (f"events ({tmp_path}/events.csv): column 'occurred_at'", 0),
        (f"leads ({tmp_path}/leads.csv): column 'created_at'", 0),
        ("leads: column 'lead_id'", 1),
        ("leads: column 'revenue'", 1),
        ("leads: column 'seen'", 1),
        ("leads: column 'seen'", 1),
        ("events: column 'value'", 1),
    ]


def test_leads_without_a_column_of_ids_hide_no_fault(tmp_path: Path) -> None:
    leads = "created_at,revenue\n2025-01-01 08:00,1\n2025-01-01T08:00Z,ten\n"
    events = "occurred_at,event_type\nnever,visit\n,\n"
    assert refusal(tmp_path, leads, events) == [
        (f"events ({tmp_path}/events.csv): column 'lead_id'", 0),
        (f"leads ({tmp_path}/leads.csv): column 'lead_id'", 0),
        ("leads: column 'created_at'", 1),
        ("leads: column 'revenue'", 1),
        ("events: column 'event_type'", 1),
        ("events: column 'occurred_at'", 1),
        ("events: column 'occurred_at'", 1),
    ]


def test_a_source_that_lacks_columns_tells_its_other_faults_too(tmp_path: Path) -> None:
    leads = LEADS.replace("created", "made", 1).replace("1000", "1k")
    events = EVENTS.replace("id,", "lead,", 1).replace("31.5", "long")
    definition = make_source(tmp_path, leads=leads, events=events)
    found = where_and_count(check_source(definition).faults)
    assert found == [
        ("events (events.csv): column 'id'", 0),
        ("leads (leads.csv): column 'created'", 0),
        ("leads: column 'revenue'", 1),
        ("events: column 'seconds'", 1),
    ]
