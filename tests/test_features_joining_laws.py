"""Laws of joins: held against a lookup by hand, in any order of rows and through each reader."""

import sqlite3
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.readers.account import ADDED
from leadcast.features.tables import Tables
from tests.source_samples import Keys, changed, read_new_leads, sample_keys, write_definition

FEW = settings(max_examples=12)
keys = st.sampled_from(["A1", "A2", "A3", "7", "007", ""])
values = st.sampled_from(["Steel", "Bank", "n/a", ""])
leads = st.lists(keys, min_size=1, max_size=8)
some_accounts = st.lists(st.tuples(keys, values), min_size=1, max_size=8)
unique_accounts = st.lists(st.tuples(keys, values), min_size=1, unique_by=lambda row: row[0])
READ: Keys = {"files": "accounts.csv", "missing": "n/a"}
LOOSE: Keys = {"repeated_join_keys": "1", "duplicate_leads": "1", "duplicate_outcomes": "1"}


def source(folder: Path, expect: str = "one", changes: Keys | None = None) -> SourceDefinition:
    join = {"read": READ, "on": {"account": "Id"}, "columns": ["Industry"], "expect": expect}
    own: Keys = {
        "tables.leads.attributes": {"industry": {"column": "Industry", "type": "category"}},
        "tables.leads.join": join,
        "limits": LOOSE,
    }
    return load_definition(
        write_definition(folder, changed(sample_keys(folder), {**own, **(changes or {})}))
    )


def write_leads(folder: Path, ids: list[str]) -> None:
    rows = [f"L{number},2024-01-01T08:00:00Z,{own}\n" for number, own in enumerate(ids)]
    (folder / "leads.csv").write_text("".join(["id,created,account\n", *rows]))


def write_accounts(folder: Path, rows: list[tuple[str, str]]) -> None:
    # A blank line would be no row.
    text = "".join(f'"{own}","{value}"\n' for own, value in rows)
    (folder / "accounts.csv").write_text("Id,Industry\n" + text)


def joined(folder: Path, definition: SourceDefinition) -> pl.DataFrame:
    return read_new_leads(definition, [folder / "leads.csv"]).leads


@pytest.mark.parametrize("expect", ["one", "first"])
@FEW
@given(ids=leads, rows=some_accounts)
def test_a_join_is_a_lookup_and_changes_no_number_of_leads(
    expect: str, ids: list[str], rows: list[tuple[str, str]]
) -> None:
    first: dict[str, str | None] = {}
    for key, value in rows:
        first.setdefault(key, value if value not in ("", "n/a") else None)
    first.pop("", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_leads(folder, ids)
        write_accounts(folder, rows)
        found = joined(folder, source(folder, expect))
    assert found["lead_id"].to_list() == [f"L{number}" for number in range(len(ids))]
    assert found["industry"].to_list() == [first.get(one) for one in ids]


@FEW
@given(ids=leads, rows=unique_accounts, data=st.data())
def test_the_order_of_joined_rows_makes_no_difference(
    ids: list[str], rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        definition = source(folder)
        write_leads(folder, ids)
        write_accounts(folder, rows)
        before = joined(folder, definition)
        write_accounts(folder, data.draw(st.permutations(rows)))
        assert_frame_equal(joined(folder, definition), before)


@FEW
@given(ids=leads, rows=unique_accounts)
def test_accounts_are_the_same_as_an_export_joined_by_hand(
    ids: list[str], rows: list[tuple[str, str]]
) -> None:
    industry = {key: value for key, value in rows if key and value != "n/a"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_leads(folder, ids)
        write_accounts(folder, rows)
        table = {"read": READ, "columns": {"account_id": "Id"}}
        own = {"account_id": "account"}
        changes: Keys = {
            "tables.leads.attributes": own,
            "tables.accounts": {**table, "attributes": {"industry": "Industry"}},
            "tables.leads.join": [],
        }
        found = joined(folder, source(folder, changes=changes))
        header, *lines = (folder / "leads.csv").read_text().splitlines()
        whole = [f"{line},{industry.get(one, '')}" for line, one in zip(lines, ids, strict=True)]
        (folder / "leads.csv").write_text("\n".join([f"{header},Industry", *whole, ""]))
        by_hand = {**own, "industry": "Industry"}
        changes = {"tables.leads.attributes": by_hand, "tables.leads.join": []}
        assert_frame_equal(joined(folder, source(folder, changes=changes)), found)


@FEW
@given(ids=leads, rows=some_accounts, deals=some_accounts)
def test_every_row_of_joined_and_filtered_tables_is_accounted_for(
    ids: list[str], rows: list[tuple[str, str]], deals: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_leads(folder, [*ids, "A1", "A2"])
        write_accounts(folder, [*rows, ("A1", "Bank"), ("A2", "Steel")])
        (folder / "map.csv").write_text(
            "Id,lead\n" + "".join(f"{key},L{n % 3}\n" for n, (key, _) in enumerate(deals))
        )
        text = "".join(f"{key},2024-02-0{n % 8 + 1}T00:00:00Z,\n" for n, key in enumerate(ids))
        (folder / "outcomes.csv").write_text(f"Id,won,lost\n{text}A9,2024-02-01T00:00:00Z,\n")
        mapping = {"read": {"files": "map.csv"}, "on": "Id", "columns": "lead", "expect": "many"}
        changes: Keys = {
            "tables.events": [],
            "tables.leads.where": {"column": "Industry", "not": "Bank"},
            "tables.outcomes.join": mapping,
            "tables.outcomes.where": {"column": "Id", "not": "A3"},
            "tables.outcomes.columns": {"lead_id": "lead", "won_at": "won", "lost_at": "lost"},
            "limits": {**LOOSE, "orphan_outcomes": "1"},
        }
        found = check_source(source(folder, changes=changes))
        lengths = {"leads": len(ids) + 2, "leads.join[0]": len(rows) + 2}
        lengths |= {"outcomes": len(ids) + 1, "outcomes.join[0]": len(deals)}
    assert found.account
    for table, n_rows in lengths.items():
        own = [line for line in found.account if line.table == table]
        added = sum(line.rows for line in own if line.fate == ADDED)
        assert sum(line.rows for line in own) - added == n_rows + added, own


EXPORTED = {
    "id": ["L1", "L2", "L3"],
    "created": ["2024-01-01T08:00:00Z"] * 3,
    "account": [1001, 1002, None],
}

ACCOUNTS = {"Id": [1001, 1002, 1003], "Industry": ["Steel", "Bank", "Law"], "Size": [12.5, None, 3]}


def read_through(folder: Path, door: str, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Ingest the same leads and accounts through a reader."""
    folder.mkdir()
    tables = {"leads": pl.DataFrame(EXPORTED), "accounts": pl.DataFrame(ACCOUNTS)}
    reads: dict[str, Keys] = {}
    for name, table in tables.items():
        if door == "sqlite":
            columns = ", ".join(table.columns)
            reads[name] = {"sql": f"SELECT {columns} FROM {name} ORDER BY 1", "url_env": "CRM"}
            with sqlite3.connect(folder / "crm.db") as database:
                database.execute(f"CREATE TABLE {name} ({columns})")
                marks = ", ".join("?" * len(table.columns))
                database.executemany(f"INSERT INTO {name} VALUES ({marks})", table.rows())
        elif door == "csv":
            table.write_csv(folder / f"{name}.csv")
            reads[name] = {"files": f"{name}.csv"}
        else:
            # Numbers with a gap are floats to pandas.
            floats = table.cast({pl.Int64: pl.Float64}) if door == "floats" else table
            floats.write_parquet(folder / f"{name}.parquet")
            reads[name] = {"files": f"{name}.parquet"}
    monkeypatch.setenv("CRM", f"sqlite:///{folder / 'crm.db'}")
    (folder / "outcomes.csv").write_text("id,won,lost\nL1,2024-02-01T00:00:00Z,\n")
    accounts = {"read": reads["accounts"], "columns": {"account_id": "Id"}}
    attributes = {"industry": "Industry", "company_size": {"column": "Size", "type": "number"}}
    changes: Keys = {
        "tables.events": [],
        "tables.leads.read": reads["leads"],
        "tables.leads.attributes": {"account_id": "account"},
        "tables.leads.join": [],
        "tables.accounts": {**accounts, "attributes": attributes},
        "tables.outcomes.columns": {"lead_id": "id", "won_at": "won", "lost_at": "lost"},
    }
    ingest(source(folder, changes=changes), folder / "tables")
    return Tables.read(folder / "tables")


def test_each_reader_gives_the_same_tables_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_through(tmp_path / "csv", "csv", monkeypatch)
    assert expected.leads["industry"].to_list() == ["Steel", "Bank", None]
    assert expected.leads["company_size"].to_list() == [12.5, None, None]
    for door in ("parquet", "floats", "sqlite"):
        found = read_through(tmp_path / door, door, monkeypatch)
        assert_frame_equal(found.leads, expected.leads, check_exact=True)
        assert_frame_equal(found.outcomes, expected.outcomes, check_exact=True)
