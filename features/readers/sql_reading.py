"""Reading a database without writing to it: one statement, and a connection that refuses to write.

The database itself refuses what writes. What stands before that looks at the text, because a second
statement could end the transaction that only reads, and some functions write in any transaction.
"""

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leadcast.features.base.errors import Fault

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
