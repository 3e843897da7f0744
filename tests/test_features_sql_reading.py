"""A database is only read from, whatever the query says."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.readers.sql_origin import SqlOrigin, refused_query
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.scoring_world import bundle_folder

ROWS = [(1, "a;b"), (2, None), (3, "c")]
CREATE = "CREATE TABLE people (id integer, name text)"
WRITES = [
    "WITH one AS (SELECT 1 AS id) DELETE FROM people",
    "WITH one AS (SELECT 1 AS id) UPDATE people SET name = 'x'",
    "WITH one AS (SELECT 9 AS id) INSERT INTO people (id) SELECT id FROM one",
    "/* SELECT */ DELETE FROM people",
    "INSERT INTO people VALUES (4, 'd')",
    "DROP TABLE people",
    "CREATE TABLE others (id integer)",
    "SELECT * FROM people; DELETE FROM people",
    "SELECT 1; COMMIT; DELETE FROM people; COMMIT",
    "SELECT ';'; DELETE FROM people",
]
OF_SQLITE = [
    "ATTACH '{folder}/other.db' AS other",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "VACUUM INTO '{folder}/other.db'",
    "SELECT load_extension('{folder}/other.so')",
    "REPLACE INTO people VALUES (1, 'x')",
]
OF_POSTGRES = [
    "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    "SELECT * INTO others FROM people",
    "SELECT E'\\';DELETE FROM people;--'",
    "SELECT $a$'$a$; DELETE FROM people; SELECT '$a$'",
    "SELECT /* /* */ ' */ 1; DELETE FROM people; COMMIT; --'",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY people TO '/tmp/leadcast_people'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT \"pg_read_file\" ('PG_VERSION')",
    "SELECT lo_export(1, '/tmp/leadcast_people')",
    "SELECT set_config('transaction_read_only', 'off', false), nextval('counter')",
    "SET default_transaction_read_only = off",
    "TRUNCATE people",
    "SELECT * FROM people FOR UPDATE",
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "crm 1#?.db"
    with sqlite3.connect(path) as connection:
        connection.execute(CREATE)
        connection.executemany("INSERT INTO people VALUES (?, ?)", ROWS)
    connection.close()
    monkeypatch.setenv("SOME_URL", sa.URL.create("sqlite", database=str(path)).render_as_string())
    return path


@pytest.fixture
def server(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS people, others")
        connection.exec_driver_sql("DROP SEQUENCE IF EXISTS counter")
        connection.exec_driver_sql("CREATE SEQUENCE counter")
        connection.exec_driver_sql(CREATE)
        for row in ROWS:
            connection.execute(
                sa.text("INSERT INTO people VALUES (:a, :b)"), dict(zip("ab", row, strict=True))
            )
    monkeypatch.setenv("SOME_URL", postgres_url)
    yield engine
    engine.dispose()


def origin(query: str) -> SqlOrigin:
    return SqlOrigin(SqlReader(sql=query, url_env="SOME_URL"), "leads (SQL)")


def refused(query: str) -> str:
    asked = origin(query)
    words = []
    for read in (asked.columns, lambda: list(asked.rows())):
        with pytest.raises(UnreadableError) as caught:
            read()
        words.append(str(caught.value.fault))
    assert words[0] == words[1]
    return words[0]


def of_sqlite(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("people",)]
        return connection.execute("SELECT * FROM people ORDER BY id").fetchall()
    finally:
        connection.close()


def of_postgres(engine: sa.Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        named = (
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'others'"
        )
        assert connection.exec_driver_sql(named).scalar() == 0
        rows = connection.exec_driver_sql("SELECT * FROM people ORDER BY id")
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("query", [*WRITES, *OF_SQLITE])
def test_sqlite_is_the_same_after_a_query_that_writes(file: Path, query: str) -> None:
    before = file.read_bytes()
    words = refused(query.format(folder=file.parent))
    assert "only read from" in words
    assert file.read_bytes() == before
    assert of_sqlite(file) == ROWS
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.postgres
@pytest.mark.parametrize("query", [*WRITES, *OF_POSTGRES])
def test_postgresql_is_the_same_after_a_query_that_writes(server: sa.Engine, query: str) -> None:
    assert "only read from" in refused(query)
    assert of_postgres(server) == ROWS
    assert not Path("/tmp/leadcast_people").exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM people ORDER BY id;",
        "SELECT * FROM people ORDER BY id; -- all; of them",
        "-- all; of them\nSELECT * FROM people ORDER BY id",
        "/* all; */ (SELECT * FROM people) ORDER BY id ;\n;",
        "WITH RECURSIVE one(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM one WHERE id < 3) "
        "SELECT people.* FROM people JOIN one USING (id) ORDER BY id",
        "SELECT id, replace(name, ';', ';') FROM people ORDER BY id",
        "VALUES (1, 'a;b'), (2, NULL), (3, 'c')",
    ],
)
def test_a_query_that_reads_is_read(file: Path, query: str) -> None:
    if query.startswith("/* all; */ ("):
        query = query.replace("(SELECT * FROM people)", "SELECT * FROM people")
    assert list(origin(query).rows()) == ROWS


@pytest.mark.postgres
@pytest.mark.parametrize(
    "query",
    [
        "(SELECT * FROM people) ORDER BY id; -- all; of them",
        "SELECT id, replace(name, $$;$$, ';') FROM people ORDER BY id".replace("$$", "'"),
        "TABLE people ORDER BY id",
    ],
)
def test_a_query_that_reads_is_read_from_postgresql(server: sa.Engine, query: str) -> None:
    assert list(origin(query).rows()) == ROWS


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("WITH one AS (SELECT 1) DELETE FROM people", "a query that writes (DELETE people"),
        ("PRAGMA query_only = OFF", "a statement that begins with PRAGMA"),
        ("SELECT 1; DROP TABLE people", "more than one statement (another begins with DROP)"),
        ("SELECT readfile('/etc/hosts')", "the function readfile"),
        ("-- nothing", "no statement"),
    ],
)
def test_words_say_which_statement_it_was(file: Path, query: str, found: str) -> None:
    assert refused(query).startswith(f"leads (SQL): found {found}")


def test_names_and_texts_that_look_like_statements_are_none() -> None:
    for query in ("SELECT 'x; DELETE FROM y'", 'SELECT "a;b" FROM t', "SELECT 'it''s; so'"):
        assert refused_query(query, "x") is None
    # Where the database alone knows whether the text has ended, a semicolon is refused.
    assert refused_query(r"SELECT '\'; DELETE FROM y; --'", "x") is not None
    assert refused_query(r"SELECT name LIKE 'a\_%'", "x") is None


def test_a_database_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "none.db", f"file:{tmp_path}/none.db?mode=rwc&uri=true"):
        monkeypatch.setenv("SOME_URL", f"sqlite:///{path}")
        assert "unable to open database file" in refused("SELECT 1")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_another_program_writes_to_is_read(file: Path) -> None:
    writer = sqlite3.connect(file)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO people VALUES (4, 'd')")
        assert list(origin("SELECT * FROM people ORDER BY id").rows()) == ROWS
        writer.commit()
        assert len(list(origin("SELECT * FROM people").rows())) == 4
    finally:
        writer.close()


def test_scoring_leads_of_a_query_that_deletes_leaves_them(file: Path, tmp_path: Path) -> None:
    query = "WITH one AS (SELECT 1) DELETE FROM people"
    with pytest.raises(LeadcastError, match="a query that writes"):
        score_files(
            Scorer.load(bundle_folder()),
            query,
            None,
            tmp_path / "out.csv",
            BatchSettings(),
            database_env="SOME_URL",
        )
    assert of_sqlite(file) == ROWS
