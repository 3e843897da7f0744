"""The history of attributes, from an export to the lead that carries it."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.changes.versions import leads_at
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.tables import CHANGES, TIME, Tables
from tests.source_samples import Keys, make_source

HISTORY = """\
Lead,When,Field,Old,New
L1,2024-01-01T08:00:20Z,Revenue,,900
L1,2024-01-20T12:00:00Z,Revenue,900,1000
L2,2024-01-10T00:00:00Z,Lead Source,Google,Referral
L2,2024-01-11T00:00:00Z,Owner,Ann,Bob
L9,2024-01-11T00:00:00Z,Revenue,1,2
L3,2025-01-11T00:00:00Z,Revenue,1,2
L3,soon,Revenue,1,2
"""
COLUMNS = {"lead_id": "Lead", "changed_at": "When", "attribute": "Field", "new_value": "New"}


def sample(folder: Path, text: str = HISTORY, **columns: str) -> SourceDefinition:
    (folder / "history.csv").write_text(text, encoding="utf-8")
    table: Keys = {
        "read": {"files": "history.csv"},
        "columns": COLUMNS | columns,
        "fields": {"source": "Lead Source"},
    }
    limits = {"future_times": "1", "unreadable_values": "1"}
    return make_source(folder, {"tables.attribute_changes": table, "limits": limits})


def tables_of(folder: Path, text: str = HISTORY, **columns: str) -> Tables:
    ingest(sample(folder, text, **columns), folder / "tables")
    return Tables.read(folder / "tables")


def state(tables: Tables, lead: str, day: int) -> dict[str, object]:
    moment = datetime(2024, 1, day, 12, tzinfo=UTC)
    rows = pl.DataFrame({"lead_id": [lead]}).with_columns(as_of=pl.lit(moment, dtype=TIME))
    return leads_at(tables.leads, rows, tables.attribute_types).row(0, named=True)


@pytest.mark.parametrize("columns", [{"old_value": "Old"}, {}], ids=["both values", "new alone"])
def test_a_lead_says_what_it_said_then(tmp_path: Path, columns: dict[str, str]) -> None:
    tables = tables_of(tmp_path, **columns)
    # What was written in the first minute belongs to the creation; the moment itself is not known.
    assert [state(tables, "L1", day)["revenue"] for day in (1, 20, 21)] == [900, 900, 1000]
    assert [state(tables, "L1", day)["revenue_changes"] for day in (1, 20, 21)] == [0, 0, 1]
    first = "Google" if columns else None
    assert [state(tables, "L2", day)["source"] for day in (9, 12)] == [first, "Referral"]
    assert state(tables, "L2", 12)["source_filled_in"] is (not columns)
    assert state(tables, "L4", 12)["revenue"] == 0, "a lead without history is as it stands"
    assert state(tables, "L4", 12)["revenue_changes"] == 0


def test_a_value_that_cannot_be_read_is_told_and_its_change_kept(tmp_path: Path) -> None:
    history = HISTORY.replace("Revenue,900,1000", "Revenue,900,many")
    tables = tables_of(tmp_path, history, old_value="Old")
    assert state(tables, "L1", 21)["revenue"] is None
    aside = pl.read_parquet(tmp_path / "tables" / "quarantine.parquet")
    found = aside.filter(table=CHANGES, lead_id="L1")["reason"].to_list()
    assert len(found) == 1
    assert "'many'" in found[0]
    assert "New" in found[0]


def test_what_is_derived_is_an_attribute(tmp_path: Path) -> None:
    types = tables_of(tmp_path).attribute_types
    assert types["revenue_changes"] == "number"
    assert types["source_changed_at"] == "time"
    assert types["source_filled_in"] == "flag"


def test_each_row_of_the_history_is_accounted_for(tmp_path: Path) -> None:
    found = check_source(sample(tmp_path))
    told = {line.reason or line.fate: line.rows for line in found.account if line.table == CHANGES}
    assert told == {
        "kept": 3,
        "of a field that is no attribute": 1,
        "of a lead that was set aside": 1,
        "time in the future": 1,
        "unreadable row": 1,
    }


def test_a_history_that_names_no_attribute_is_told(tmp_path: Path) -> None:
    odd = HISTORY.replace("Revenue", "Umsatz").replace("Lead Source", "Herkunft")
    told = [fault for fault in check_source(sample(tmp_path, odd)).faults if "only" in fault.found]
    assert [fault.where for fault in told] == [f"{CHANGES}: column 'Field'"]
    assert "'Umsatz', 'Herkunft', 'Owner'" in told[0].found
    assert "tables.attribute_changes.fields" in told[0].remedy
    usual = check_source(sample(tmp_path)).faults
    assert not [fault for fault in usual if "no attributes" in fault.found]


def test_a_missing_column_is_told_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match=r"'Before'.*tables.attribute_changes.columns.old_value"):
        ingest(sample(tmp_path, old_value="Before"), tmp_path / "tables")
