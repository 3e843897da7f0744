"""An export that is read in pieces gives what it gives as a whole, faults and all."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.engine.partition import ROW
from leadcast.features.ingest.new_leads import NewLeads, Place, canonical, mapped
from leadcast.features.ingest.pieces import LeadsInPieces, read_in_pieces
from tests.source_samples import EVENTS, LIMITS_OF_ONE_HALF, Keys, make_source, read_new_leads

TYPES = {"revenue": "number", "source": "category"}
N = 60
LEADS = "id,created,revenue,source\n" + "".join(
    f"L{i},2024-01-{1 + i % 28:02d}T08:00:00Z,{i * 10.5},{'Google' if i % 3 else ''}\n"
    for i in range(N)
)
HISTORY = "id,at,type,seconds\n" + "".join(
    f"L{i * 7 % N},2024-02-{1 + i % 28:02d}T09:00:00Z,visit,{i if i % 2 else ''}\n"
    for i in range(4 * N)
)


def in_pieces(
    definition: SourceDefinition, leads: Place, events: Place, folder: Path, piece_rows: int = 7
) -> LeadsInPieces:
    rows = mapped(definition, leads, events, TYPES)
    return read_in_pieces(rows, folder / "read", piece_rows, folder / "aside.parquet")


def together(found: LeadsInPieces) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leads in their order, and events in the order of their leads' pieces."""
    leads = pl.concat([piece.collect() for piece, _ in found.pieces]).sort(ROW)
    events = pl.concat([events.collect() for _, events in found.pieces if events is not None])
    return leads.drop(ROW), events


def assert_same(found: LeadsInPieces, whole: NewLeads) -> None:
    leads, events = together(found)
    assert_frame_equal(leads.drop("position"), whole.leads.drop("position"))
    # The order of one lead's events is kept as well, and that of leads does not matter.
    assert_frame_equal(
        events.sort("lead_id", maintain_order=True),
        whole.events.collect().sort("lead_id", maintain_order=True),
    )
    assert told(found.warnings) == told(whole.warnings)
    assert found.set_aside == whole.set_aside.height


def told(faults: Sequence[Fault]) -> list[tuple[str, str, int, str, str, str]]:
    """Faults without their examples, of which each way shows its first three."""
    return sorted(
        (one.where, one.found.split(": ")[0], one.count, one.expected, one.remedy, one.severity)
        for one in faults
    )


def faults_of(read: Callable[[], Sequence[Fault]]) -> Sequence[Fault]:
    try:
        return read()
    except FaultsError as error:
        return error.faults


@pytest.mark.parametrize("piece_rows", [1, 7, N, 10 * N])
def test_a_clean_export_is_the_same_in_pieces(tmp_path: Path, piece_rows: int) -> None:
    definition = make_source(tmp_path, leads=LEADS, events=HISTORY)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    found = in_pieces(definition, *files, tmp_path, piece_rows)
    assert len(found.pieces) == max(1, -(-N // piece_rows))
    assert_same(found, read_new_leads(definition, *files, attribute_types=TYPES))
    assert not (tmp_path / "aside.parquet").exists()


@pytest.mark.parametrize("expect", ["one", "many"])
def test_joins_and_filters_are_the_same_in_pieces(tmp_path: Path, expect: str) -> None:
    (tmp_path / "map.csv").write_text("source,kind\nGoogle,search\n")
    visitors = "visitor,lead\n" + "".join(f"L{i},L{i}\nL{i},L{i + 1}\n" for i in range(N))
    (tmp_path / "visitors.csv").write_text(visitors)
    many = {"on": {"id": "visitor"}, "columns": ["lead"], "expect": expect}
    changes: Keys = {
        "tables.leads.join": {"read": {"files": "map.csv"}, "on": "source", "columns": "kind"},
        "tables.leads.where": [{"column": "id", "not": ["L5", "L7"]}],
        "tables.leads.attributes.kind": "kind",
        "tables.events.join": {"read": {"files": "visitors.csv"}, **many},
        "tables.events.where": {"column": "seconds", "not": "3"},
        "tables.events.columns.lead_id": "lead",
        "limits": {"repeated_join_keys": "1"},
    }
    definition = make_source(tmp_path, changes, leads=LEADS, events=HISTORY)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    types = TYPES | {"kind": "category"}
    whole = read_new_leads(definition, *files, attribute_types=types)
    rows = mapped(definition, *files, types)
    found = read_in_pieces(rows, tmp_path / "read", 7, tmp_path / "aside.parquet")
    assert whole.leads["kind"].drop_nulls().unique().to_list() == ["search"]
    assert_same(found, whole)


def test_every_lead_stands_in_the_piece_of_its_events(tmp_path: Path) -> None:
    definition = make_source(tmp_path, leads=LEADS, events=HISTORY)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    homes = set[str]()
    for leads, events in in_pieces(definition, *files, tmp_path).pieces:
        own = set(leads.collect()["lead_id"])
        assert events is not None
        assert set(events.collect()["lead_id"]) <= own
        assert not homes & own
        homes |= own
    assert len(homes) == N


def broken(text: str) -> str:
    return (
        text.replace("L3,", "L4,", 1)  # twice
        .replace("L9,", " ,", 1)  # no id
        .replace("105.0", "ten", 1)  # no number
        .replace("L12,2024", "L12,year", 1)  # no time
        .replace("Google\n", "Google,more\n", 1)  # a field too many
    )


def test_faults_are_told_as_of_the_whole(tmp_path: Path) -> None:
    definition = make_source(
        tmp_path,
        {"limits": LIMITS_OF_ONE_HALF},
        leads=broken(LEADS),
        events=HISTORY.replace("L14,2024", "L14,never", 1).replace("L21,", "nobody,", 1),
    )
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    whole = read_new_leads(definition, *files, attribute_types=TYPES)
    found = in_pieces(definition, *files, tmp_path)
    assert len(whole.warnings) >= 7
    assert_same(found, whole)
    order = ["table", "row", "reason"]
    aside = pl.read_parquet(tmp_path / "aside.parquet").sort(order)
    assert_frame_equal(aside, whole.set_aside.sort(order))
    assert aside["line"].null_count() == 0


def test_what_is_refused_whole_is_refused_in_pieces(tmp_path: Path) -> None:
    definition = make_source(tmp_path, leads=broken(LEADS), events=HISTORY)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    with pytest.raises(FaultsError) as whole:
        read_new_leads(definition, *files, attribute_types=TYPES)
    with pytest.raises(FaultsError) as pieces:
        in_pieces(definition, *files, tmp_path)
    assert told(pieces.value.faults) == told(whole.value.faults)


@pytest.mark.parametrize(
    ("leads", "events"),
    [
        ("id,created,revenue\nL1,2024-01-01T08:00:00Z,1\n", EVENTS.replace("09:00", "9")),
        (broken(LEADS).replace("id,", "lead,", 1), HISTORY.replace("L14,2024", "L14,never", 1)),
        (broken(LEADS), HISTORY.replace("id,", "lead,", 1).replace("09:00", "9", 1)),
        ("id,created,revenue,source\n", EVENTS),
        (LEADS, "id,at,type,seconds\n"),
        (LEADS, "id,at,type\nL1,2024-01-01T08:00:00Z,visit\n"),
        (LEADS + 'L99,2024-01-01T08:00:00Z,1,"Google\n', EVENTS.replace("L1", "")),
    ],
    ids=[
        "no column",
        "no ids",
        "no ids of events",
        "no rows",
        "no events",
        "no column of events",
        "open quote",
    ],
)
def test_what_is_missing_is_told_as_of_the_whole(tmp_path: Path, leads: str, events: str) -> None:
    definition = make_source(tmp_path, leads=leads, events=events)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    found = [
        faults_of(lambda: read_new_leads(definition, *files, attribute_types=TYPES).warnings),
        faults_of(lambda: in_pieces(definition, *files, tmp_path).warnings),
    ]
    assert len(found[0]) > 0
    assert told(found[1]) == told(found[0])


def test_an_export_without_ids_is_numbered_in_its_order(tmp_path: Path) -> None:
    status = {"form": "status", "columns": {"status": "stage"}, "won": ["won"]}
    changes: Keys = {
        "tables.leads.columns.lead_id": "row",
        "tables.events": [],
        "tables.outcomes": status,
    }
    definition = make_source(tmp_path, changes, leads=LEADS)
    files = [tmp_path / "leads.csv"]
    whole = read_new_leads(definition, files, attribute_types=TYPES)
    found = in_pieces(definition, files, (), tmp_path)
    assert len(found.pieces) > 1
    assert_same(found, whole)
    assert together(found)[0]["lead_id"].to_list() == [str(i + 1) for i in range(N)]


def test_files_whose_columns_differ_in_type_are_read_alike(tmp_path: Path) -> None:
    definition = make_source(tmp_path, leads=LEADS, events=HISTORY)
    table = pl.read_csv(tmp_path / "leads.csv")
    numbered = table.with_columns(id=pl.int_range(1000, 1000 + N), source=pl.lit(None))
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    table.write_parquet(files[0])
    numbered.write_parquet(files[1])
    events = [tmp_path / "events.csv"]
    whole = read_new_leads(definition, files, events, attribute_types=TYPES)
    assert whole.leads.height == 2 * N
    assert_same(in_pieces(definition, files, events, tmp_path), whole)


def test_a_query_is_mapped_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = make_source(tmp_path, leads=LEADS, events=HISTORY)
    files = ([tmp_path / "leads.csv"], [tmp_path / "events.csv"])
    with sqlite3.connect(tmp_path / "crm.db") as database:
        for name, (file,) in zip(("leads", "events"), files, strict=True):
            table = pl.read_csv(file)
            database.execute(f"CREATE TABLE {name} ({', '.join(table.columns)})")
            marks = ", ".join("?" * table.width)
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", table.rows())
    database.close()
    monkeypatch.setenv("CRM_URL", f"sqlite:///{tmp_path / 'crm.db'}")
    leads, events = (
        SqlReader(sql=f"SELECT * FROM {name}", url_env="CRM_URL", chunk_rows=11)
        for name in ("leads", "events")
    )
    whole = read_new_leads(definition, *files, attribute_types=TYPES)
    assert_same(in_pieces(definition, leads, events, tmp_path), whole)


def test_canonical_columns_are_told_in_pieces_as_in_whole(tmp_path: Path) -> None:
    leads, events = tmp_path / "leads.csv", tmp_path / "events.csv"
    leads.write_text(LEADS.replace("id,created", "lead_id,created_at", 1))
    # One event without a time, in whichever piece, and a column that nobody reads.
    gap = "L14,2024-02-03T09:00:00Z"
    assert gap in HISTORY
    header = "lead_id,occurred_at,event_type,more"
    events.write_text(HISTORY.replace("id,at,type,seconds", header, 1).replace(gap, "L14,", 1))
    about = {"attribute_types": TYPES, "is_dated": True}
    rows = canonical("leads", [leads], [events], **about)  # type: ignore[arg-type]
    whole, found = rows.whole(), read_in_pieces(rows, tmp_path / "read", 7)
    assert len(whole.warnings) == 2
    assert_same(found, replace(whole, set_aside=whole.set_aside.clear()))


def test_faults_of_canonical_columns_stand_where_they_are_in_the_file(tmp_path: Path) -> None:
    leads = tmp_path / "leads.csv"
    bad = {number: f"L{number},2024-01-{1 + number % 28:02d}T08:00:00Z" for number in (3, 31, 50)}
    text = LEADS.replace("id,created", "lead_id,created_at", 1)
    for number, row in bad.items():
        assert row in text
        text = text.replace(row, f"L{number},never", 1)
    leads.write_text(text)
    rows = canonical("leads", [leads], attribute_types=TYPES, is_dated=True)
    with pytest.raises(FaultsError) as raised:
        read_in_pieces(rows, tmp_path / "read", 7)
    (fault,) = raised.value.faults
    assert fault.found.startswith("3 of 60 rows")
    assert {f"line {2 + number}" in fault.found for number in bad} == {True}
