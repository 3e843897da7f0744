"""No row is lost and none counted twice: each is kept, set aside or left out, for one reason."""

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.ingest import Examined, check_source, examine, ingest
from leadcast.features.profile.collector import Collector
from leadcast.features.readers.account import (
    ADDED,
    KEPT,
    LEFT_OUT,
    SET_ASIDE,
    AccountLine,
    account_words,
)
from leadcast.features.readers.ledger import Ledger, Quarantine
from tests.source_samples import EVENTS, LEADS, OUTCOMES, Keys, make_source

DATES: Keys = {}
IN_LEADS: Keys = {
    "tables.outcomes": {"form": "dates", "columns": {"won_at": "won", "lost_at": "lost"}}
}
STATUS: Keys = {
    "tables.outcomes": {
        "form": "status",
        "read": {"files": "outcomes.csv"},
        "columns": {"lead_id": "id", "status": "amount", "closed_at": "won"},
        "won": ["5"],
        "lost": ["6"],
    }
}
BY_EVENTS: Keys = {
    "tables.outcomes": {"form": "events", "won_events": ["sale"], "lost_events": ["loss"]}
}
FORMS = {"dates": DATES, "in the leads' table": IN_LEADS, "status": STATUS, "events": BY_EVENTS}

ids = st.sampled_from(["L1", "L2", "L3", "L4", "L9", "", "  "])
MOMENTS = [
    *("2024-01-03T08:00:00Z", "2024-01-05T08:00:00Z", "2024-02-01T00:00:00Z"),
    *("", "soon", "2031-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
]
ends = st.sampled_from(MOMENTS)
# A time without a zone puts nothing into quarantine: such a source is refused.
times = st.sampled_from([*MOMENTS, "2024-01-03T08:00:00"])
lead_rows = st.tuples(ids, times, st.sampled_from(["1", "x", ""]), ends, ends)
event_rows = st.tuples(ids, times, st.sampled_from(["form", "sale", "loss", ""]), ids)
outcome_rows = st.tuples(ids, times, times, st.sampled_from(["5", "6", "7", "x", ""]))
BROKEN = ("too few fields",)
FINE = ("L0", "2024-01-01T08:00:00Z", "5", "2024-03-01T08:00:00Z", "")
COMMON: Keys = {
    "tables.leads.attributes": {"revenue": {"column": "revenue", "type": "number"}},
    "events_before_creation": "set_aside",
}


def text_of(header: str, rows: list[tuple[str, ...]]) -> str:
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def some(rows: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    """A few rows, some of them with too few fields."""
    return st.lists(st.one_of(rows, rows, rows, st.just(BROKEN)), min_size=1, max_size=8)


@dataclass(frozen=True)
class Read:
    """An export that was read, and what was set aside."""

    examined: Examined
    ledger: Ledger
    events: int
    aside: pl.DataFrame


def read(folder: Path, definition: SourceDefinition) -> Read:
    quarantine = Quarantine(folder / "aside")
    ledger, events = Ledger(quarantine), list[pl.DataFrame]()
    until, collector = datetime(2024, 6, 1, tzinfo=UTC), Collector(definition)
    context = Context(definition, ledger, until, collector=collector)
    examined = examine(context, events.append)
    quarantine.finish(folder / "aside.parquet")
    aside = pl.read_parquet(folder / "aside.parquet", memory_map=False).filter(~pl.col("kept"))
    assert examined is not None
    return Read(examined, ledger, sum(map(len, events)), aside)


@pytest.mark.parametrize("form", FORMS)
@given(leads=some(lead_rows), events=some(event_rows), outcomes=some(outcome_rows))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_in_one_place(
    tmp_path: Path,
    form: str,
    leads: list[tuple[str, ...]],
    events: list[tuple[str, ...]],
    outcomes: list[tuple[str, ...]],
) -> None:
    # One lead and its end without a fault, so that something can be read.
    rows = {
        "leads": [FINE, *leads],
        "events": events,
        "outcomes": [("L0", FINE[3], "", "5"), *outcomes],
    }
    headers = ("id,created,revenue,won,lost", "id,at,type,seconds", "id,won,lost,amount")
    files = {name: text_of(one, rows[name]) for name, one in zip(rows, headers, strict=True)}
    # The definition is the same text each time, and so parsed once.
    definition = make_source(tmp_path, {**COMMON, **FORMS[form]}, **files)
    with tempfile.TemporaryDirectory() as name:
        found = read(Path(name), definition)
    lines = found.ledger.account.lines(definition.readers())
    for table in definition.readers():
        own = [line for line in lines if line.table == table]
        assert sum(line.rows for line in own) == len(rows[table])
        # What is said to be in quarantine is there, and each row once.
        set_aside = sum(line.rows for line in own if line.fate == SET_ASIDE)
        in_quarantine = found.aside.filter(table=table)["row"]
        assert set_aside == len(in_quarantine) == in_quarantine.n_unique()
    kept = {line.table: line.rows for line in lines if line.fate == KEPT}
    assert kept["leads"] == found.examined.settled.leads.frame.height
    assert kept["events"] == found.events


LEADS_6 = LEADS + "L1,2024-01-05T08:00:00Z,1,Again\nL6,soon,,\n"
EVENTS_8 = (
    EVENTS
    + "L9,2024-01-05T08:00:00Z,form,\nL6,2024-01-05T08:00:00Z,form,\n"
    + "L3,2024-01-05T08:00:00Z,form,\nL1,2024-01-05T08:00:00Z,,\n"
)
OUTCOMES_8 = (
    OUTCOMES
    + "L3,2023-01-01T00:00:00Z,,\nL2,,2024-03-02T00:00:00Z,\nL9,,,\n"
    + "L6,2024-03-02T00:00:00Z,,\nL4,never,never,\nL4,2024-03-02T00:00:00Z,,\n"
)
WHOLE = [
    ("leads", KEPT, "", 2),
    ("leads", SET_ASIDE, "duplicate lead", 1),
    ("leads", SET_ASIDE, "unreadable row", 1),
    ("leads", LEFT_OUT, "outcome before creation", 1),
    ("leads", LEFT_OUT, "lead with an unreadable outcome", 1),
    ("events", KEPT, "", 3),
    ("events", SET_ASIDE, "blank", 1),
    ("events", SET_ASIDE, "orphan event", 1),
    ("events", LEFT_OUT, "of a lead that was set aside", 3),
    ("outcomes", KEPT, "", 2),
    ("outcomes", SET_ASIDE, "unreadable row", 1),
    ("outcomes", SET_ASIDE, "orphan outcome", 1),
    ("outcomes", LEFT_OUT, "of a lead that was set aside", 2),
    ("outcomes", SET_ASIDE, "duplicate outcome", 1),
    ("outcomes", SET_ASIDE, "outcome before creation", 1),
]


def test_each_reason_is_counted(tmp_path: Path) -> None:
    definition = make_source(tmp_path, leads=LEADS_6, events=EVENTS_8, outcomes=OUTCOMES_8)
    found = read(tmp_path, definition)
    lines = found.ledger.account.lines(["leads", "events", "outcomes"])
    assert [(line.table, line.fate, line.reason, line.rows) for line in lines] == WHOLE


def test_the_account_is_told_and_written(tmp_path: Path) -> None:
    limits = {"limits": {"duplicate_leads": "1", "orphan_events": "1"}}
    leads = LEADS + "L1,2024-01-05T08:00:00Z,1,Again\n"
    events = EVENTS + "L9,2024-01-05T08:00:00Z,form,\n"
    definition = make_source(tmp_path, limits, leads=leads, events=events)
    told = [
        "leads: 5 rows read = 4 kept + 1 set aside (1 duplicate lead)",
        "events: 5 rows read = 4 kept + 1 set aside (1 orphan event)",
    ]
    checked = str(check_source(definition))
    assert [f"  {line}" in checked for line in (*told, "outcomes: 2 rows read = 2 kept")] == [
        True
    ] * 3
    result = ingest(definition, tmp_path / "tables")
    assert str(result).endswith("; ".join(told))
    written = json.loads((tmp_path / "tables" / "quality.json").read_text())["account"]
    assert [AccountLine(**line) for line in written] == list(result.account)


def test_every_bad_time_of_a_row_is_told_where_the_source_is_refused(tmp_path: Path) -> None:
    told = check_source(make_source(tmp_path, outcomes=OUTCOMES + "L4,never,never,\n")).faults
    assert [fault.where for fault in told] == ["outcomes: column 'won'", "outcomes: column 'lost'"]


def test_what_filters_leave_out_and_joins_add_is_counted(tmp_path: Path) -> None:
    # Deal D1 is of two leads; the second row of account A is not used; events of one kind are not.
    (tmp_path / "map.csv").write_text("deal,lead\nD1,L1\nD1,L2\nD2,L3\n,L4\n")
    (tmp_path / "sizes.csv").write_text("name,size\nGoogle,10\nGoogle,20\nReferral,5\n")
    outcomes = "id,won,lost,amount\nD1,2024-02-01T00:00:00Z,,500\nD2,,2024-02-02T00:00:00Z,\n"
    mapping = {
        "read": {"files": "map.csv"},
        "on": {"id": "deal"},
        "columns": {"lead": "lead"},
        "expect": "many",
    }
    sizes = {
        "read": {"files": "sizes.csv"},
        "on": {"source": "name"},
        "columns": {"size": "size"},
        "expect": "first",
    }
    changes = {
        "tables.outcomes.join": [mapping],
        "tables.outcomes.columns.lead_id": "lead",
        "tables.leads.join": [sizes],
        "tables.events.where": [{"column": "type", "not": ["form"]}],
    }
    definition = make_source(tmp_path, changes, outcomes=outcomes)
    lines = read(tmp_path, definition).ledger.account.lines(definition.readers())
    told = [(line.table, line.fate, line.reason, line.rows) for line in lines]
    assert told == [
        ("leads", KEPT, "", 4),
        ("leads.join[0]", KEPT, "", 2),
        ("leads.join[0]", LEFT_OUT, "repeated join key", 1),
        ("events", KEPT, "", 3),
        ("events", LEFT_OUT, "left out by where[0]", 1),
        ("outcomes", KEPT, "", 3),
        ("outcomes", ADDED, "", 1),
        ("outcomes.join[0]", KEPT, "", 3),
        ("outcomes.join[0]", LEFT_OUT, "joined row without key", 1),
    ]
    assert "outcomes: 2 rows read + 1 added by joins and split cells = 3 kept" in account_words(
        lines
    )
