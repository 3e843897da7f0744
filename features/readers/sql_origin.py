"""A query, read in chunks, by one statement and a connection that refuses to write.

The database itself refuses what writes. What stands before that looks at the text, because a second
statement could end the transaction that only reads, and some functions write in any transaction.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import polars as pl

from leadcast.features.base.errors import Fault, nearest
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.readers.origins import (
    NumberedPart,
    OnBroken,
    UnreadableError,
    WithoutLines,
    no_cell_fault,
    refuse_twins,
)
from leadcast.features.values.columns import column_of, no_cell

if TYPE_CHECKING:
    import sqlalchemy as sa


_LITERALS = r"'[^']*'|--[^\n]*|/\*.*?\*/"
_QUIET = re.compile(rf'{_LITERALS}|"[^"]*"', re.DOTALL)
_NAMED = re.compile(_LITERALS, re.DOTALL)
# Whether a text in these ends where it seems to depends on the database.
_UNCLEAR = re.compile(r"\\|\$\w*\$|/\*(?:(?!\*/).)*/\*", re.DOTALL)
_FIRST_WORD = re.compile(r"[\s(]*(\w+)")
_READING = {"select", "with", "values", "table", "from"}
_REACHING_OUT = re.compile(
    r"\b(load_extension|readfile|writefile|lo_import|lo_export|dblink\w*|pg_read_\w+|pg_ls_\w+"
    r"|pg_file_\w+|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile"
    r'|xp_cmdshell|load_file)"?\s*\(',
    re.IGNORECASE,
)
# Of PostgreSQL's cursors, which take a SELECT only, and of transactions that only read.
_REFUSED_WRITE = re.compile(
    r"read-?only (?:transaction|database|mode)|read-write mode|readonly|data-modifying"
    r"|INTO is not allowed"
    r'|syntax error at or near "(?:delete|update|insert|merge|into)"',
    re.IGNORECASE,
)
_ONLY_READS = "one query that reads (SELECT …, or WITH … SELECT …); a database is only read from"
_SETTINGS = {"data_version", "table_info", "table_xinfo", "table_list", "index_list", "index_info"}
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_TRANSACTION,
}
_WRITING = """
INSERT UPDATE DELETE ATTACH DETACH PRAGMA CREATE_TABLE CREATE_TEMP_TABLE CREATE_INDEX CREATE_VIEW
CREATE_TRIGGER DROP_TABLE DROP_INDEX DROP_VIEW ALTER_TABLE REINDEX ANALYZE
"""
_WORDS = {getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ") for name in _WRITING.split()}


def refused_query(sql: str, name: str) -> Fault | None:
    """Tell what keeps a text from being run as a query that reads."""
    plain = _QUIET.sub(" ", sql).rstrip("; \t\r\n")
    first = _FIRST_WORD.match(plain)
    word = first[1].lower() if first else ""
    if ";" in plain or (";" in sql and _UNCLEAR.search(sql)):
        after = plain.partition(";")[2].split()
        found = f"more than one statement (another begins with {after[0]})" if after else ""
        return Fault(
            name,
            found or "a semicolon that may begin another statement",
            _ONLY_READS,
            "Leave one statement; write a semicolon that is text as chr(59), or char(59) in "
            "SQLite, where a backslash, $$ or a comment within a comment stands beside it.",
        )
    if word not in _READING:
        found = f"a statement that begins with {word.upper()}" if word else "no statement"
        return Fault(name, found, _ONLY_READS, "Write the query that gives the rows.")
    reaching = _REACHING_OUT.search(_NAMED.sub(" ", sql))
    if reaching:
        return Fault(
            name,
            f"the function {reaching[1]}, which reaches beyond the database's tables",
            _ONLY_READS,
            "Leave it out; what lies in files is read as files.",
        )
    return None


def read_only_url(url: "sa.URL") -> "sa.URL":
    """Give a database's URL so that SQLite opens the file for reading, and makes none."""
    path = url.database or ""
    in_memory = (
        path in ("", ":memory:") or "mode=memory" in path or url.query.get("mode") == "memory"
    )
    if url.get_backend_name() != "sqlite" or url.get_driver_name() != "pysqlite" or in_memory:
        return url
    if not path.startswith("file:"):
        path = f"file:{quote(str(Path(path).absolute()))}"
    path = re.sub(r"([?&])mode=\w+&?", r"\1", path).rstrip("?&")
    return url.set(database=path).update_query_dict({"mode": "ro", "uri": "true"})


def refuse_writes(engine: "sa.Engine", denied: list[str]) -> None:
    """Let every connection of an engine refuse to write."""
    import sqlalchemy as sa

    if engine.dialect.name not in ("sqlite", "mysql", "mariadb"):
        return

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _: object) -> None:  # noqa: ANN401 - a driver's own
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA query_only = ON")
            if hasattr(connection, "set_authorizer"):
                connection.set_authorizer(_authorizer(denied))
        else:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()


def _authorizer(denied: list[str]) -> Any:  # noqa: ANN401 - a callable of sqlite3
    def allows(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        # The table's name in the schema, or a setting's, stands first, a function's second.
        reads = action in _ALLOWED and (second or "").lower() != "load_extension"
        if reads or (action == sqlite3.SQLITE_PRAGMA and first in _SETTINGS):
            return sqlite3.SQLITE_OK
        # What changes a table's definition is seen first as a change of the schema's own table.
        on = "" if first is None or first.startswith("sqlite_") else f" {first}"
        denied.append(f"{_WORDS.get(action, f'action {action}')}{on}")
        return sqlite3.SQLITE_DENY

    return allows


def told_of_writing(words: str, denied: list[str], name: str) -> Fault | None:
    """Tell a query that the database has refused because it writes."""
    if not denied and not _REFUSED_WRITE.search(words):
        return None
    told = f"{denied[0]}; {words}" if denied else words
    remedy = "Leave what writes out of the query, and run it by itself where it is meant."
    return Fault(name, f"a query that writes ({told})", _ONLY_READS, remedy)


# A colon before a word would be a parameter to SQLAlchemy; definitions have none.
_PARAMETER_LIKE = re.compile(r"(?<![:\w\\]):(?=\w)")


class SqlOrigin(WithoutLines):
    """One query of a database.

    Parameters
    ----------
    reader : SqlReader
        The query, and the variable that holds the database's URL.
    name : str
        How it is called in messages.
    """

    def __init__(self, reader: SqlReader, name: str) -> None:
        self.name = name
        self._reader = reader

    def columns(self) -> list[str]:
        """Ask the database for the columns' names.

        Returns
        -------
        list of str
            All different.

        Raises
        ------
        UnreadableError
            If the variable is not set, the database does not answer or refuses the query, or two
            columns have one name.
        """
        with self._result() as result:
            names = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict
        refuse_twins(self.name, names, "Give them names with AS.")
        return names

    def parts(
        self,
        columns: Sequence[str],
        on_broken: OnBroken,  # noqa: ARG002 - no broken rows here
    ) -> Iterator[NumberedPart]:
        """Read some columns chunk by chunk; rows are numbered in the order of the result.

        Parameters
        ----------
        columns : sequence of str
            Names among `columns`.
        on_broken : callable
            Never called: a database has no broken rows.

        Yields
        ------
        tuple of (pl.DataFrame, pl.Series of Int64)
            The columns, and the rows' numbers from 1.

        Raises
        ------
        UnreadableError
            If the database stops answering.
        """
        first = 1
        with self._result() as result:
            names = [str(name) for name in result.keys()]  # noqa: SIM118
            wanted = [names.index(column) for column in columns]
            for rows in result.partitions(self._reader.chunk_rows):
                frame = pl.DataFrame(
                    [
                        self._column(name, [row[index] for row in rows])
                        for name, index in zip(columns, wanted, strict=True)
                    ]
                )
                yield frame, pl.int_range(first, first + len(rows), eager=True)
                first += len(rows)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Read the result row by row, as Python values.

        Yields
        ------
        tuple
            One row.
        """
        with self._result() as result:
            for rows in result.partitions(self._reader.chunk_rows):
                yield from (tuple(row) for row in rows)

    def _column(self, name: str, values: list[Any]) -> pl.Series:
        dtype = no_cell(values)
        if dtype is not None:
            raise UnreadableError(no_cell_fault(f"{self.name}: column {name!r}", dtype))
        return column_of(name, values)

    @contextmanager
    def _result(self) -> "Iterator[sa.CursorResult[Any]]":
        import sqlalchemy as sa

        sql = self._reader.sql.strip().rstrip("; \t\r\n")
        fault = refused_query(sql, self.name)
        if fault is not None:
            raise UnreadableError(fault)
        engine, denied = self.engine(), list[str]()
        refuse_writes(engine, denied)
        query = sa.text(_PARAMETER_LIKE.sub(r"\\:", sql))
        try:
            with engine.connect() as connection:
                options = {"stream_results": True, "yield_per": self._reader.chunk_rows}
                if engine.dialect.name == "postgresql":
                    options["postgresql_readonly"] = True
                with connection.execution_options(**options).execute(query) as result:
                    yield result
        except sa.exc.SQLAlchemyError as error:
            raise self._refused(error, denied) from None
        finally:
            engine.dispose()

    def engine(self) -> "sa.Engine":
        """Make an engine of the database that the variable names; raises `UnreadableError`."""
        import sqlalchemy as sa

        url = os.environ.get(self._reader.url_env, "").strip()
        if not url:
            raise UnreadableError(self._no_variable())
        try:
            # Some services still hand out the scheme that SQLAlchemy has dropped.
            named = sa.make_url(re.sub(r"^postgres://", "postgresql://", url))
            return sa.create_engine(read_only_url(named))
        except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
            # The URL itself may hold a password, so it is not shown.
            raise UnreadableError(
                Fault(
                    f"{self.name}: environment variable {self._reader.url_env}",
                    f"a URL that cannot be used ({error})",
                    "a SQLAlchemy URL, such as postgresql://user@host/database",
                    "Correct it; for other databases than PostgreSQL and SQLite install the "
                    "driver that the URL names.",
                )
            ) from None

    def _no_variable(self) -> Fault:
        name = self._reader.url_env
        similar = nearest(name, os.environ)
        hint = "" if similar is None else f"There is {similar}; did you mean that?"
        return Fault(
            f"{self.name}: read.url_env",
            f"the environment variable {name}, which is not set",
            "the database's SQLAlchemy URL in it",
            f"Set it, for example {name}=postgresql://user:password@host/database. {hint}".strip(),
        )

    def _refused(self, error: Exception, denied: list[str]) -> UnreadableError:
        cause = getattr(error, "orig", None) or error
        # PostgreSQL shows the query once more, within a cursor that the user knows nothing of.
        words = " ".join(str(cause).partition("\nLINE ")[0].split())
        writing = told_of_writing(words, denied, self.name)
        if writing is not None:
            return UnreadableError(writing)
        if getattr(error, "connection_invalidated", False):
            return UnreadableError(
                Fault(
                    self.name,
                    f"a database that was gone before all rows were read ({words})",
                    "rows to the end",
                    "See that it can be reached, and begin again: what was there before stays.",
                )
            )
        return UnreadableError(
            Fault(
                self.name,
                f"a database that does not answer the query ({words})",
                "rows",
                "Run the query by hand with the same user; look at the tables' names, the "
                "rights and the URL.",
            )
        )
