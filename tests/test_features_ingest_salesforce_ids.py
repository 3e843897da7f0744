"""Salesforce's ids of 15 and 18 letters: with `ids: salesforce` they meet wherever ids are read."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.ingest.new_leads import mapped
from leadcast.features.ingest.pieces import read_in_pieces
from leadcast.features.tables import Tables
from tests.source_samples import Keys, make_source

LONG = {"00Q5g00000AbCdE": "EAV", "00Q5g00000abcde": "EAA", "00Q5g00000ABCDE": "EA5"}
"""Three leads whose ids differ in case alone, and what makes them long."""
ONE, TWO, THREE = LONG
FOREIGN = ONE + "EAA"
"""18 letters that are no id of Salesforce: their end does not tell the case."""
ACCOUNT, ACCOUNT_MORE = "0015g00000AbCdE", "AAV"


def long(short: str) -> str:
    return short + {**LONG, ACCOUNT: ACCOUNT_MORE}[short]


def write(folder: Path, changes: Keys, *, is_mixed: bool) -> SourceDefinition:
    """Write an export whose ids are all short, or short here and long there."""
    more = long if is_mixed else str
    day = "2024-01-01T08:00:00Z"
    (folder / "accounts.csv").write_text(f"Id,Industry\n{more(ACCOUNT)},Steel\n")
    roles = [f"d1,{more(ONE)}", f"d2,{TWO}", f"d3,{more(THREE)}"]
    (folder / "roles.csv").write_text("\n".join(["Deal,Lead", *roles, ""]))
    keys: Keys = {
        "tables.leads.attributes": {"account_id": "account"},
        "tables.leads.where": {"column": "deleted", "not": "1"},
        "tables.accounts": {
            "read": {"files": "accounts.csv"},
            "columns": {"account_id": "Id"},
            "attributes": {"industry": "Industry"},
        },
        "tables.outcomes.join": {"read": {"files": "roles.csv"}, "on": "Deal", "columns": "Lead"},
        "tables.outcomes.columns": {"lead_id": "Lead", "won_at": "won", "lost_at": "lost"},
    }
    leads = [f"{ONE},{ACCOUNT},0", f"{more(TWO)},{more(ACCOUNT)},", f"{THREE},,", f"{FOREIGN},,1"]
    events = [more(ONE), ONE, TWO, more(THREE), FOREIGN]
    ends = [f"d1,{day},", f"d2,,{day}", "d3,,"]
    return make_source(
        folder,
        {**keys, **changes},
        leads="created,id,account,deleted\n" + "".join(f"{day},{one}\n" for one in leads),
        events="id,at,type,seconds\n" + "".join(f"{one},{day},form,1\n" for one in events),
        outcomes="\n".join(["Deal,won,lost", *ends, ""]),
    )


SET: Keys = {"ids": "salesforce"}


def tables(folder: Path, changes: Keys, *, is_mixed: bool) -> Tables:
    folder.mkdir()
    ingest(write(folder, changes, is_mixed=is_mixed), folder / "tables")
    return Tables.read(folder / "tables")


def test_both_forms_are_the_short_one_in_every_table(tmp_path: Path) -> None:
    found = tables(tmp_path / "mixed", SET, is_mixed=True)
    assert found.leads["lead_id"].to_list() == [ONE, TWO, THREE]
    assert found.leads["account_id"].to_list() == [ACCOUNT, ACCOUNT, None]
    assert found.leads["industry"].to_list() == ["Steel", "Steel", None]
    expected = tables(tmp_path / "short", {}, is_mixed=False)
    assert_frame_equal(found.leads, expected.leads)
    assert_frame_equal(found.outcomes, expected.outcomes)
    assert_frame_equal(found.events.collect(), expected.events.collect())
    assert found.events.collect().height == 4


@pytest.mark.parametrize("piece_rows", [None, 1])
def test_new_leads_are_read_likewise(tmp_path: Path, piece_rows: int | None) -> None:
    definition = write(tmp_path, SET, is_mixed=True)
    rows = mapped(definition, [tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    if piece_rows is None:
        whole = rows.whole()
        leads, events = whole.leads, whole.events.collect()
    else:
        pieces = read_in_pieces(rows, tmp_path / "pieces", piece_rows).pieces
        leads = pl.concat(own.collect() for own, _ in pieces)
        events = pl.concat(own.collect() for _, own in pieces if own is not None)
    assert sorted(leads["lead_id"]) == sorted([ONE, TWO, THREE])
    assert sorted(events["lead_id"]) == sorted([ONE, ONE, TWO, THREE])
    assert leads["industry"].drop_nulls().to_list() == ["Steel", "Steel"]


def test_one_lead_in_both_forms_is_a_repeated_lead(tmp_path: Path) -> None:
    day = "2024-01-01T08:00:00Z"
    leads = "id,created,revenue,source\n" + "".join(f"{one},{day},,\n" for one in (ONE, long(ONE)))
    source = make_source(tmp_path, {**SET, "tables.events": []}, leads=leads)
    assert "an earlier row" in str(check_source(source))


def test_without_the_key_it_is_named(tmp_path: Path) -> None:
    told = str(check_source(write(tmp_path, {}, is_mixed=True)))
    assert told.count("Set `ids: salesforce` at the top of the definition.") >= 2
    assert f"{long(ONE)!r} here is {ONE!r} in the leads' table" in told
