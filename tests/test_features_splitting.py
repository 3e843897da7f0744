"""Cells with several identifiers: the same as an export that was split by hand."""

import sqlite3
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.ingest.new_leads import mapped
from leadcast.features.ingest.pieces import read_in_pieces
from leadcast.features.readers import splitting
from leadcast.features.readers.account import account_words
from leadcast.features.tables import Tables
from tests.joined_samples import ACCOUNT_ID, account_source
from tests.source_samples import Keys, make_source
from tests.three_doors import DOORS, Door

FEW = settings(max_examples=8)
CELLS = {"id": ";"}
EVENTS: Keys = {"tables.events.split_cells": CELLS, "tables.events.read.missing": "n/a"}
OPEN: Keys = {"limits": {"unreadable_values": "1", "orphan_events": "1", "duplicate_outcomes": "1"}}
HEADER = "id,at,type,seconds\n"
one_id = st.sampled_from(["L1", " L2", "L3 ", "L1", "L9", "", " ", "n/a"])
cells = st.lists(st.lists(one_id, min_size=1, max_size=4), min_size=1, max_size=6)


def by_hand(cell: str) -> list[str]:
    """Split a cell."""
    ids = [one.strip() for one in cell.split(";")]
    return list(dict.fromkeys(one for one in ids if one not in ("", "n/a"))) or [""]


def events_of(ids: list[str]) -> str:
    """Write an event for each id."""
    lines = [f"{one},2024-01-{5 + n:02}T08:00:00Z,form,{n}\n" for n, one in enumerate(ids)]
    return HEADER + "".join(lines)


def split(text: str) -> str:
    """Split an export's cells by hand."""
    lines = [line.partition(",") for line in text.splitlines()[1:]]
    own = [f"{one},{rest}\n" for cell, _, rest in lines for one in by_hand(cell)]
    return HEADER + "".join(own)


def events_in(folder: Path, changes: Keys, events: str) -> pl.DataFrame:
    definition = make_source(folder, {**OPEN, **changes}, events=events)
    ingest(definition, folder / "tables")
    return Tables.read(folder / "tables").events.collect()


@FEW
@given(listed=cells)
def test_split_cells_are_an_export_split_by_hand(listed: list[list[str]]) -> None:
    text = events_of([";".join(ids) for ids in listed])
    with tempfile.TemporaryDirectory() as name:
        found = events_in(Path(name), EVENTS, text)
        missing = {"tables.events.read.missing": "n/a"}
        assert_frame_equal(found, events_in(Path(name), missing, split(text)))


@FEW
@given(listed=cells, piece_rows=st.integers(1, 3))
def test_new_leads_are_split_whole_and_in_pieces(listed: list[list[str]], piece_rows: int) -> None:
    text = events_of([";".join(ids) for ids in listed])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        definition = make_source(folder, {**EVENTS, **OPEN}, events=text)
        (folder / "split.csv").write_text(split(text))
        leads, events = [folder / "leads.csv"], folder / "events.csv"
        whole = mapped(definition, leads, [events]).whole().events.collect()
        apart = mapped(definition, leads, [folder / "split.csv"]).whole().events.collect()
        rows = mapped(definition, leads, [events])
        pieces = read_in_pieces(rows, folder / "pieces", piece_rows).pieces
        found = pl.concat(own.collect() for _, own in pieces if own is not None)
    assert_frame_equal(whole, apart)
    assert_frame_equal(found, whole, check_row_order=False)


@pytest.mark.parametrize("door", DOORS)
def test_each_reader_splits_alike(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = events_of(["L1;L2", "L3", " ; ", "L2; L2 ;L1;"])
    source = Door(door, tmp_path, monkeypatch).source({**EVENTS, **OPEN}, events=text)
    ingest(source, tmp_path / "tables")
    found = Tables.read(tmp_path / "tables").events.collect()
    told = found.select("lead_id", pl.col("value").cast(pl.Int64)).rows()
    assert sorted(told) == [("L1", 0), ("L1", 3), ("L2", 0), ("L2", 3), ("L3", 1)]


def test_numbers_beside_texts_stay_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE events (id, at, type, seconds)")
        rows = [("1;2", 0), (2, 1), (1.0, 2), (1.5, 3), (None, 4)]
        filled = [(one, "2024-01-05T08:00:00Z", "form", n) for one, n in rows]
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", filled)
    database.close()
    monkeypatch.setenv("CRM", f"sqlite:///{tmp_path / 'crm.db'}")
    read = {"sql": "SELECT * FROM events", "url_env": "CRM"}
    changes: Keys = {"tables.events.read": read, "tables.events.split_cells": CELLS, **OPEN}
    times = "2024-01-01T08:00:00Z"
    leads = f"id,created,revenue,source\n1,{times},,\n2,{times},,\n"
    source = make_source(
        tmp_path, changes, leads=leads, outcomes=f"id,won,lost,amount\n1,{times},,\n"
    )
    ingest(source, tmp_path / "tables")
    found = Tables.read(tmp_path / "tables").events.collect()
    told = sorted(found.select("lead_id", pl.col("value").cast(pl.Int64)).rows())
    # A fraction identifies nobody, as without split cells.
    assert told == [("1", 0), ("1", 2), ("2", 0), ("2", 1)]


def deal_source(folder: Path, outcomes: Keys, deals: str) -> SourceDefinition:
    (folder / "deals.csv").write_text(deals)
    columns = {"lead_id": "Contacts", "won_at": "won", "lost_at": "lost"}
    own = {"form": "dates", "read": {"files": "deals.csv"}, "columns": columns, **outcomes}
    return make_source(folder, {"tables.outcomes": own, **OPEN})


def test_rows_are_split_before_joins_and_filters_and_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("Id,lead\nc1,L1\nc2,L2\nc3,L3\n")
    deals = "Contacts,won,lost\nc1;c2,2024-02-01T00:00:00Z,\nc3;c1,,2024-03-01T00:00:00Z\n"
    join = {"read": {"files": "names.csv"}, "on": {"Contacts": "Id"}, "columns": "lead"}
    outcomes: Keys = {
        "split_cells": {"Contacts": ";"},
        "join": join,
        "where": {"column": "Contacts", "not": "c2"},
        "columns": {"lead_id": "lead", "won_at": "won", "lost_at": "lost"},
    }
    checked = check_source(deal_source(tmp_path, outcomes, deals))
    assert checked.is_fine, str(checked)
    assert checked.counts["won"] == checked.counts["lost"] == 1
    words = "\n".join(account_words(checked.account))
    assert "outcomes: 2 rows read + 2 added by joins and split cells = 2 kept" in words


def test_a_joined_tables_cells_are_split(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("Deal,Leads\nd1,L1 | L3\nd2,L2\n")
    read = {"files": "pairs.csv"}
    join = {"read": read, "on": {"Id": "Deal"}, "columns": "Leads", "expect": "many"}
    outcomes: Keys = {
        "join": {**join, "split_cells": {"Leads": "|"}},
        "columns": {"lead_id": "Leads", "won_at": "won", "lost_at": "lost"},
    }
    deals = "Id,won,lost\nd1,2024-02-01T00:00:00Z,\nd2,,2024-02-01T00:00:00Z\n"
    checked = check_source(deal_source(tmp_path, outcomes, deals))
    assert checked.is_fine, str(checked)
    assert (checked.counts["won"], checked.counts["lost"]) == (2, 1)


def test_an_account_of_several_ids_is_each_ones(tmp_path: Path) -> None:
    accounts: Keys = {
        "read": {"files": "accounts.csv"},
        "columns": {"account_id": "Ids"},
        "split_cells": {"Ids": ","},
        "attributes": {"industry": "Industry"},
    }
    text = 'Ids,Industry\n"A1, A2",Steel\nA3,Bank\n'
    changes = {**ACCOUNT_ID, "tables.accounts": accounts}
    definition = account_source(tmp_path, changes, accounts=text)
    checked = check_source(definition)
    words = "\n".join(account_words(checked.account))
    assert "accounts: 2 rows read + 1 added by joins and split cells = 3 kept" in words
    ingest(definition, tmp_path / "tables")
    leads = Tables.read(tmp_path / "tables").leads
    assert leads["industry"].to_list() == ["Steel", "Steel", "Steel", None]


def test_a_forbidden_column_is_not_split(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match=r"tables\.events\.split_cells\.id.*forbidden"):
        make_source(tmp_path, {**EVENTS, "forbidden": {"id": "it tells the outcome"}})


def test_a_message_names_the_line_of_the_cell(tmp_path: Path) -> None:
    deals = "Contacts,won,lost\nL1;L2,2024-02-01T00:00:00Z,\nL3;L8,2024-02-01T00:00:00Z,\n"
    checked = check_source(deal_source(tmp_path, {"split_cells": {"Contacts": ";"}}, deals))
    orphan = next(str(fault) for fault in checked.faults if "L8" in str(fault))
    assert "deals.csv line 3" in orphan


def test_the_key_is_told_where_cells_hold_several(tmp_path: Path) -> None:
    deals = "Contacts,won,lost\nL1;L2,2024-02-01T00:00:00Z,\nL3,,\n"
    told = str(check_source(deal_source(tmp_path, {}, deals)))
    assert 'Set `split_cells: {"Contacts": ";"}`' in told


def test_the_leads_own_table_is_never_split(tmp_path: Path) -> None:
    for column in ("id", "source"):
        with pytest.raises(FaultsError, match="one row for each lead") as told:
            make_source(tmp_path, {"tables.leads.split_cells": {column: ";"}})
        assert f"tables.leads.split_cells.{column}" in str(told.value)
    beside: Keys = {"form": "dates", "columns": {"won_at": "won"}, "split_cells": CELLS}
    with pytest.raises(FaultsError, match=r"tables\.outcomes\.split_cells\.id.*one row for each"):
        make_source(tmp_path, {"tables.outcomes": beside})


def test_a_column_that_is_not_there_and_an_empty_separator_are_told(tmp_path: Path) -> None:
    events: Keys = {"tables.events.split_cells": {"Id": ";"}}
    told = str(check_source(make_source(tmp_path, events)))
    assert "column 'Id': found no such column" in told
    assert "'id'" in told
    with pytest.raises(FaultsError, match=r"split_cells"):
        make_source(tmp_path, {"tables.events.split_cells": {"id": ""}})


def test_an_explosion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MOST_ROWS", 5)
    text = events_of(["L1;L2;L3", "L1;L2;L3"])
    told = str(check_source(make_source(tmp_path, EVENTS, events=text)))
    assert "cells that make 6 rows of 2" in told
    assert "split_cells" in told
