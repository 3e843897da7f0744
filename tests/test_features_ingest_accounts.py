"""Accounts from an export to the lead that carries them: their history, and raw new leads."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.changes.versions import leads_at
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.tables import ACCOUNT_HISTORY, TIME, Tables
from tests.source_samples import Keys, make_source, read_new_leads

LEADS = """\
id,created,revenue,source,account,email,company
L1,2024-01-01T08:00:00Z,1000,Google,A1,,
L2,2024-01-02T08:00:00Z,,Referral,,ann@north.io,
L3,2024-01-03T08:00:00Z,3000.5,Google,,,South Ltd.
L4,2024-01-04T08:00:00Z,0,,,jo@gmail.com,
"""
ACCOUNTS = """\
Id,Name,Website,Industry,Staff
A1,North,north.io,Steel,90
A2,South,south.io,Bank,12
A3,West,west.io,Farm,3
"""
HISTORY = """\
Account,When,Field,Old,New
A1,2024-01-10T00:00:00Z,Industry,Trade,Steel
A1,2024-01-20T00:00:00Z,Employees,50,90
A2,2024-01-12T00:00:00Z,Industry,,Bank
A2,2024-01-13T00:00:00Z,Owner,Ann,Bob
A3,2024-01-13T00:00:00Z,Industry,Bank,Farm
A1,2025-01-10T00:00:00Z,Industry,Steel,Gold
"""
EVENTS = "id,at,type,seconds\nL1,2024-01-05T09:00:00Z,form,\nL2,2024-01-06T09:00:00Z,form,\n"


def source(folder: Path, history: str = HISTORY, more: Keys | None = None) -> SourceDefinition:
    (folder / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (folder / "history.csv").write_text(history, encoding="utf-8")
    columns = {"account_id": "Account", "changed_at": "When", "attribute": "Field"}
    changes: Keys = {
        "tables.leads.attributes.account_id": "account",
        "tables.leads.attributes.email": "email",
        "tables.leads.person": {"company": "company"},
        "tables.accounts": {
            "read": {"files": "accounts.csv"},
            "columns": {"account_id": "Id", "name": "Name", "domain": "Website"},
            "attributes": {
                "industry": {"column": "Industry", "type": "category"},
                "staff": {"column": "Staff", "type": "number"},
            },
        },
        "tables.account_changes": {
            "read": {"files": "history.csv"},
            "columns": columns | {"new_value": "New", "old_value": "Old"},
            "fields": {"staff": "Employees"},
        },
        "accounts": {},
        "limits": {"future_times": "1"},
    }
    whole = {key: value for key, value in (changes | (more or {})).items() if value is not None}
    return make_source(folder, whole, leads=LEADS, events=EVENTS)


def tables_of(folder: Path, history: str = HISTORY) -> Tables:
    ingest(source(folder, history), folder / "tables")
    return Tables.read(folder / "tables")


def state(tables: Tables, lead: str, day: int) -> dict[str, object]:
    moment = datetime(2024, 1, day, tzinfo=UTC)
    rows = pl.DataFrame({"lead_id": [lead]}).with_columns(as_of=pl.lit(moment, dtype=TIME))
    return leads_at(tables.leads, rows, tables.attribute_types).row(0, named=True)


@pytest.mark.parametrize("lead", ["L1", "L2"], ids=["by identifier", "by domain"])
def test_an_account_says_of_each_of_its_leads_what_it_said_then(tmp_path: Path, lead: str) -> None:
    tables = tables_of(tmp_path)
    # A change is known strictly after its moment.
    told = [state(tables, lead, day) for day in (9, 10, 11, 20, 21)]
    assert [one["industry"] for one in told] == ["Trade", "Trade", "Steel", "Steel", "Steel"]
    assert [one["staff"] for one in told] == [50, 50, 50, 50, 90]
    assert [one["industry_changes"] for one in told] == [0, 0, 1, 1, 1]
    assert tables.attribute_types["industry_changed_at"] == "time"


def test_a_lead_that_is_found_by_the_company_s_name_has_the_history_too(tmp_path: Path) -> None:
    tables = tables_of(tmp_path)
    assert [state(tables, "L3", day)["industry"] for day in (12, 13)] == [None, "Bank"]
    assert state(tables, "L3", 13)["industry_filled_in"] is True
    assert "person_company" not in tables.leads.columns
    # A lead of no account has neither its attributes nor its history.
    assert state(tables, "L4", 13)["industry"] is None
    assert state(tables, "L4", 13)["industry_changes"] == 0


def test_identifiers_that_differ_by_case_are_two_accounts_and_that_is_told(tmp_path: Path) -> None:
    plain = [one.where for one in check_source(source(tmp_path)).faults]
    assert "accounts: account_id" not in plain
    about = source(tmp_path)
    leads = tmp_path / "leads.csv"
    row = "L5,2024-01-05T08:00:00Z,5,Google,a1,,\n"
    leads.write_text(leads.read_text(encoding="utf-8") + row, encoding="utf-8")
    (told,) = (one for one in check_source(about).faults if one.where == "accounts: account_id")
    assert told.severity == "warning"
    assert "2 identifiers" in told.found
    assert "'A1' and 'a1'" in told.found
    result = ingest(about, tmp_path / "tables")
    assert told in result.warnings
    matches = Tables.read(tmp_path / "tables").matches
    assert matches is not None
    found = dict(matches.select("lead_id", "account_id").iter_rows())
    assert (found["L1"], found["L5"]) == ("A1", "a1")


def test_each_row_of_an_account_s_history_is_accounted_for(tmp_path: Path) -> None:
    found = check_source(source(tmp_path))
    told = {
        line.reason or line.fate: line.rows
        for line in found.account
        if line.table == "account_changes"
    }
    assert told == {
        "kept": 3,
        "of a field that is no attribute": 1,
        "of a lead that was set aside": 1,
        "time in the future": 1,
    }


def test_changes_from_the_moment_on_change_nothing(tmp_path: Path) -> None:
    before = state(tables_of(tmp_path), "L2", 15)
    more = "A1,2024-01-15T00:00:00Z,Employees,50,70\nA1,2024-02-01T00:00:00Z,Industry,Steel,Gas\n"
    later = HISTORY.replace("A1,2024-01-20T00:00:00Z,Employees,50,90\n", more)
    (tmp_path / "later").mkdir()
    after = state(tables_of(tmp_path / "later", later), "L2", 15)
    carried = {"attribute_changes", ACCOUNT_HISTORY}
    assert {k: v for k, v in after.items() if k not in carried} == {
        k: v for k, v in before.items() if k not in carried
    }


NEW = """\
id,created,revenue,source,account,email,company
N1,2024-05-01T08:00:00Z,1,Google,A9,eve@east.io,
N2,2024-05-02T08:00:00Z,1,Google,,joe@east.io,
N3,2024-05-03T08:00:00Z,1,Google,,,South Ltd.
N4,2024-05-04T08:00:00Z,1,Google,,,South Ltd.
N5,2024-05-05T08:00:00Z,1,Google,,kim@hotmail.com,
"""


@pytest.mark.parametrize("told", ["all", "no table", "no name"])
def test_new_leads_are_matched_as_a_run_matches(tmp_path: Path, told: str) -> None:
    """By all that the definition names; a company's name as far as new leads have it."""
    more: Keys = {}
    if told == "no table":
        more |= {"tables.accounts": None, "tables.account_changes": None}
    text = NEW
    if told == "no name":
        text = "\n".join(line.rpartition(",")[0] for line in NEW.splitlines()) + "\n"
    definition = source(tmp_path, more=more)
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    (tmp_path / "done.csv").write_text(
        "id,at,type,seconds\nN1,2024-05-01T09:00:00Z,form,\n", encoding="utf-8"
    )
    found = read_new_leads(definition, [tmp_path / "new.csv"], [tmp_path / "done.csv"])
    carried = dict(found.leads.select("lead_id", ACCOUNT_HISTORY).iter_rows())
    what = {
        lead: None if one is None else [e["what"] for e in one] for lead, one in carried.items()
    }
    # Nobody told how they ended, which is no "nobody was won".
    by_name = None if told == "no name" else ["untold", "no_role"]
    assert what == {
        "N1": ["untold", "no_role"],
        "N2": ["untold", "no_role", "event"],
        "N3": by_name,
        "N4": by_name,
        "N5": None,
    }
    warned = [str(one) for one in found.warnings if "company" in str(one)]
    assert bool(warned) == (told == "no name")
    assert "person_company" not in found.leads.columns
    if told == "all":
        assert dict(found.leads.select("lead_id", "industry").iter_rows())["N3"] == "Bank"


def test_leads_of_a_run_given_as_new_ones_have_the_same_accounts(tmp_path: Path) -> None:
    definition = source(tmp_path)
    ingest(definition, tmp_path / "tables")
    run = Tables.read(tmp_path / "tables")
    files = [tmp_path / "leads.csv"], [tmp_path / "events.csv"]
    found = read_new_leads(definition, *files, attribute_types=run.attribute_types)
    assert found.matches is not None
    assert run.matches is not None
    assert found.matches.equals(run.matches)
    assert set(run.matches["matched_by"]) == {"account_id", "domain", "company", None}
    kept = ["lead_id", "account_id", "industry", "staff"]
    assert found.leads.select(kept).equals(run.leads.select(kept))
