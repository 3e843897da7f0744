"""Sources over SQL: a real PostgreSQL, and SQLite; nothing of a password in a message."""

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
import sqlalchemy as sa

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.ingest.ingest import check_source, fingerprint, ingest
from leadcast.features.readers.sql_origin import SqlOrigin
from leadcast.features.tables import TIME, Tables
from leadcast.features.values.columns import MIXED, column_of
from tests.source_samples import changed, make_source, sample_keys, write_definition

SCHEMA = """
DROP SEQUENCE IF EXISTS counter; CREATE SEQUENCE counter;
DROP TABLE IF EXISTS deals; DROP TABLE IF EXISTS activities; DROP TABLE IF EXISTS people;
CREATE TABLE people (
    id integer, created timestamptz, revenue numeric, source text, vip boolean, born date);
CREATE TABLE activities (person integer, at timestamp, type text, seconds double precision);
CREATE TABLE deals (person integer, won timestamptz, lost timestamptz, amount numeric);
INSERT INTO people VALUES
    (1, '2024-01-01 09:00+01', 1000, 'Google', true, '1990-05-01'),
    (2, '2024-01-02 08:00+00', NULL, 'Référence', false, NULL),
    (3, '2024-01-03 08:00+00', 3000.5, '', NULL, NULL);
INSERT INTO activities VALUES
    (1, '2024-01-02 10:00', 'email_opened', NULL), (2, '2024-07-05 10:00', 'form', 2.5);
INSERT INTO deals VALUES (1, '2024-02-01 00:00+00', NULL, 500), (2, NULL, '2024-08-02', NULL);
"""


@pytest.fixture
def database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(SCHEMA)
    engine.dispose()
    monkeypatch.setenv("SAMPLE_URL", postgres_url)
    return postgres_url


def sql(query: str) -> dict[str, str]:
    return {"sql": query, "url_env": "SAMPLE_URL", "chunk_rows": "2"}


def definition_over_sql(folder: Path, **queries: str) -> Path:
    keys = changed(
        sample_keys(folder),
        {
            "observed_until": "2024-12-01T00:00:00Z",
            "time_zone": "Europe/Berlin",
            "tables.leads.read": sql(queries.get("leads", "SELECT * FROM people ORDER BY id;")),
            "tables.leads.attributes": {"revenue": "revenue", "source": "source", "vip": "vip"},
            "tables.events.read": sql("SELECT * FROM activities WHERE type LIKE '%m%'"),
            "tables.events.columns.lead_id": "person",
            "tables.outcomes.read": sql(
                "SELECT *, '12:30:00' AS clock, amount::text AS words FROM deals"
            ),
            "tables.outcomes.columns.lead_id": "person",
        },
    )
    return write_definition(folder, keys)


@pytest.mark.postgres
def test_a_source_over_postgresql_gives_the_canonical_tables(database: str, tmp_path: Path) -> None:
    ingest(load_definition(definition_over_sql(tmp_path)), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.leads["lead_id"].to_list() == ["1", "2", "3"]
    assert tables.leads["created_at"][0] == datetime(2024, 1, 1, 8, tzinfo=UTC)
    assert tables.leads["revenue"].to_list() == [1000.0, None, 3000.5]
    assert tables.leads["source"].to_list() == ["Google", "Référence", None]
    assert tables.leads["vip"].to_list() == [True, False, None]
    # Times without a zone are Berlin's: one hour ahead in winter, two in summer.
    events = tables.events.sort("lead_id").collect()
    assert events["occurred_at"].dt.hour().to_list() == [9, 8]
    assert events["value"].to_list() == [None, 2.5]
    assert tables.outcomes["amount"].to_list() == [500.0, None, None]
    assert tables.outcomes["lost_at"].is_not_null().to_list() == [False, True, False]


@pytest.mark.postgres
def test_a_database_that_is_gone_in_the_middle_is_told_and_the_tables_before_it_stay(
    database: str, tmp_path: Path
) -> None:
    many = "SELECT id, now() AS created, 1 AS revenue, '' AS source, true AS vip"
    path = definition_over_sql(tmp_path, leads=f"{many} FROM generate_series(1, 20000) AS id")
    definition, out = load_definition(definition_over_sql(tmp_path)), tmp_path / "tables"
    ingest(definition, out)
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    engine, gone = sa.create_engine(database), list[str]()

    def progress(table: str, rows: int) -> None:
        if rows and not gone:
            gone.append(table)
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            asked = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
            with engine.begin() as connection:
                connection.exec_driver_sql(asked)

    definition_over_sql(tmp_path, leads=f"{many} FROM generate_series(1, 20000) AS id")
    with pytest.raises(LeadcastError, match="a database that was gone before all rows were read"):
        ingest(load_definition(path), out, progress)
    engine.dispose()
    assert gone == ["leads"]
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    # It is back.
    ingest(load_definition(definition_over_sql(tmp_path)), out)
    assert Tables.read(out).leads.height == 3


@pytest.mark.postgres
def test_the_fingerprint_of_a_query_is_its_rows_in_any_order(database: str, tmp_path: Path) -> None:
    definition = load_definition(definition_over_sql(tmp_path))
    before = fingerprint(definition)
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        # PostgreSQL puts a changed row at the end of the table.
        connection.exec_driver_sql("UPDATE activities SET seconds = seconds WHERE person = 1")
    assert fingerprint(definition) == before
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE activities SET seconds = 3 WHERE person = 1")
    engine.dispose()
    after = fingerprint(definition)
    assert set(before["queries"]) == {"leads", "events", "outcomes"}
    assert after["queries"] != before["queries"]
    assert after["definition"] == before["definition"]


@pytest.mark.postgres
def test_a_query_that_fails_and_one_that_writes_are_told(database: str, tmp_path: Path) -> None:
    path = definition_over_sql(tmp_path, leads="SELECT * FROM persons")
    text = str(check_source(load_definition(path)))
    assert "leads (SQL): found a database that does not answer the query" in text
    assert 'relation "persons" does not exist' in text
    path = definition_over_sql(tmp_path, leads="SELECT nextval('counter') AS id")
    assert "read-only transaction" in str(check_source(load_definition(path)))
    path = definition_over_sql(tmp_path, leads="SELECT id, id FROM people")
    assert "more than one column called 'id'" in str(check_source(load_definition(path)))


@pytest.mark.postgres
def test_a_missing_column_of_a_query_is_told_with_the_nearest(
    database: str, tmp_path: Path
) -> None:
    path = definition_over_sql(
        tmp_path, leads="SELECT id, created, revenue, vip, sourc FROM people"
    )
    text = str(check_source(load_definition(path)))
    assert 'column "sourc" does not exist' in text
    query = "SELECT id, created, revenue, vip, source AS sourc FROM people"
    text = str(check_source(load_definition(definition_over_sql(tmp_path, leads=query))))
    assert "leads (leads (SQL)): column 'source': found no such column" in text
    assert "Did you mean 'sourc'?" in text


def sqlite_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with sqlite3.connect(folder / "crm.db") as connection:
        connection.execute("CREATE TABLE leads (id, created, revenue, source)")
        rows = [
            ("L1", "2024-01-01T08:00:00Z", 1000, "Google"),
            ("L2", "2024-01-02T08:00:00Z", None, None),
            ("L3", "yesterday", 3.5, "Google"),
        ]
        connection.executemany("INSERT INTO leads VALUES (?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("SAMPLE_URL", f"sqlite:///{folder / 'crm.db'}")
    changes = {
        "tables.leads.read": sql("SELECT * FROM leads ORDER BY id"),
        "limits": {"unreadable_values": "0.5", "orphan_events": "1"},
    }
    make_source(folder, changes)
    return folder / "sample.yaml"


def test_a_source_over_sqlite_beside_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = load_definition(sqlite_source(tmp_path, monkeypatch))
    result = ingest(definition, tmp_path / "tables")
    leads = Tables.read(tmp_path / "tables").leads
    assert leads["lead_id"].to_list() == ["L1", "L2"]
    assert leads["revenue"].to_list() == [1000.0, None]
    # A query has no lines; the row's number says where it is.
    assert "'yesterday' (leads (SQL) row 3)" in str(result.warnings[0])
    aside = pl.read_parquet(tmp_path / "tables" / "quarantine.parquet").row(0, named=True)
    assert (aside["row"], aside["line"], aside["lead_id"]) == (3, None, "L3")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the environment variable SAMPLE_URL, which is not set"),
        ("secret without a scheme", "a URL that cannot be used"),
        ("nodb://user:secret@host/crm", "a URL that cannot be used"),
        ("postgresql://user:secret@127.0.0.1:1/crm", "a database that does not answer"),
    ],
)
def test_an_unusable_url_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("SAMPLE_URL", url)
    definition = make_source(tmp_path, {"tables.leads.read": sql("SELECT 1")})
    text = str(check_source(definition))
    assert words in text
    assert "secret" not in text


def test_a_variable_of_nearly_that_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAMPLE_URL", raising=False)
    monkeypatch.setenv("SAMPEL_URL", "sqlite://")
    text = str(check_source(make_source(tmp_path, {"tables.leads.read": sql("SELECT 1")})))
    assert "There is SAMPEL_URL; did you mean that?" in text


def test_colons_and_percent_signs_in_a_query_are_no_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAMPLE_URL", "sqlite://")
    reader = SqlReader(sql="SELECT '12:30' AS a, 'x:y' LIKE '%:y' AS b", url_env="SAMPLE_URL")
    assert list(SqlOrigin(reader, "query").rows()) == [("12:30", 1)]


NOON = datetime(2024, 1, 1, 12)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, None], pl.Null),
        ([True, None], pl.Boolean),
        ([1, None], pl.Int64),
        ([2**70, 1], MIXED),
        ([1, 2.5, Decimal("3.25")], MIXED),
        (["a", 1], MIXED),
        ([date(2024, 1, 1)], pl.Date),
        ([NOON, None], pl.Datetime("us")),
        ([NOON.replace(tzinfo=UTC)], TIME),
        ([NOON, NOON.replace(tzinfo=UTC)], MIXED),
        ([UUID(int=1)], MIXED),
    ],
)
def test_a_databases_values_have_one_dtype_a_chunk(values: list[Any], dtype: pl.DataType) -> None:
    assert column_of("x", values).dtype == dtype
