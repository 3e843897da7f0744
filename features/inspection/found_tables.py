"""The tables of a folder or of a database: where they are, how they are read, and their rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import Limits
from leadcast.features.definitions.table_schema import FileReader, Reader, SqlReader
from leadcast.features.inspection.csv_shape import shape_of
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import RawTable, open_table
from leadcast.features.readers.origins import UnreadableError, stacked
from leadcast.features.values.columns import MIXED

_PARQUET, _TEXT = (".parquet", ".pq"), (".csv", ".tsv", ".tab", ".txt")
_UNREAD = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"),
                    "a workbook; save each sheet as CSV (UTF-8)"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON; save it as CSV (UTF-8) or Parquet"),
    **dict.fromkeys((".xml",), "XML; save it as CSV (UTF-8) or Parquet"),
    **dict.fromkeys((".feather", ".arrow", ".avro", ".orc"),
                    "a table in a form that is not read; save it as CSV (UTF-8) or Parquet"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst"),
                    "packed; unpack it into the folder"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"),
                    "a database; draft from it with --database-env, or save its tables as CSV"),
}  # fmt: skip
"""Endings of files that may hold tables and are not read, with what to do."""
MOST_CELLS = 12_000_000
"""So many values of a table are looked at, that memory stays bounded."""
_DEEPEST = 4
_MOST_LACKED = 0.4
"""So many of the columns of files of one name may be missing in some of them."""
_TABLE_SHARE = 0.8
"""Of the lines of a .txt file, so many have as many fields as most, or it is no table."""


@dataclass(frozen=True)
class FoundTable:
    """A table of the export.

    Parameters
    ----------
    name : str
        How it is called in messages: its file, its glob, or the database's table.
    reader : FileReader or SqlReader
        How it is read.
    frame : pl.DataFrame
        Its rows, or the first of them.
    is_whole : bool
        Whether these are all.
    notes : tuple of str
        What speaks for the way in which it is read.
    """

    name: str
    reader: Reader
    frame: pl.DataFrame
    is_whole: bool
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Give the table's name without its folder and ending."""
        if isinstance(self.reader, SqlReader):
            return self.name
        stem = Path(self.reader.files[0]).name.removesuffix(".gz")
        stem = Path(stem).stem.replace("*", "").strip(" -_.")
        folder = Path(self.reader.files[0]).parent.name
        return folder if stem in ("", "part", "data", "export") and folder else stem


@dataclass
class Found:
    """What a folder or a database holds."""

    tables: list[FoundTable] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """What is there and cannot be read."""
    left_out: list[str] = field(default_factory=list)
    """Files that are no tables, each with the reason."""


def tables_of_folder(root: Path) -> Found:
    """Find and read the tables of a folder.

    Parameters
    ----------
    root : Path
        The folder; those within it belong to it.

    Returns
    -------
    Found
    """
    found = Found()
    groups: dict[tuple[str, str], dict[tuple[str, ...], list[_File]]] = {}
    for path in _files(root, found):
        name = path.relative_to(root).as_posix()
        try:
            reader, notes = _reader_of(path, name)
            columns = _opened(name, reader, root).columns
        except UnreadableError as error:
            if path.name.lower().endswith(".txt"):
                found.left_out.append(f"{name}: no table ({error.fault.found})")
            else:
                found.faults.append(error.fault)
            continue
        alike = groups.setdefault((_without_digits(name), _written(reader)), {})
        alike.setdefault(tuple(columns), []).append((path, reader, notes))
    for alike in groups.values():
        for files, lacked in _tables_among(alike):
            _add(found, root, files, lacked)
    return found


_File = tuple[Path, FileReader, tuple[str, ...]]


def _tables_among(
    alike: dict[tuple[str, ...], list[_File]],
) -> Iterator[tuple[list[_File], dict[str, int]]]:
    """Join files whose names differ in digits alone, where most of their columns are the same.

    An export that grows by a file a month has fields that were added, and others that were given
    up. With each table goes in how many of its files a column is missing.
    """
    every = dict.fromkeys(column for columns in alike for column in columns)
    lacked = {
        column: sum(len(files) for columns, files in alike.items() if column not in columns)
        for column in every
    }
    lacked = {column: files for column, files in lacked.items() if files}
    if len(lacked) <= _MOST_LACKED * len(every):
        yield sorted(file for files in alike.values() for file in files), lacked
        return
    yield from ((files, {}) for files in alike.values())


def _files(root: Path, found: Found) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith((".", "~", "_")) for part in parts)
        if hidden or not path.is_file() or len(parts) > _DEEPEST:
            continue
        ending = Path(path.name.lower().removesuffix(".gz")).suffix
        if ending in (*_PARQUET, *_TEXT):
            yield path
        elif ending in _UNREAD:
            found.left_out.append(f"{path.relative_to(root).as_posix()}: {_UNREAD[ending]}")


def _reader_of(path: Path, name: str) -> tuple[FileReader, tuple[str, ...]]:
    if path.suffix.lower() in _PARQUET:
        by_ending = path.suffix in _PARQUET
        return FileReader(files=(name,), format=None if by_ending else "parquet"), ()
    shape = shape_of(path, name)
    if path.name.lower().endswith(".txt") and shape.share < _TABLE_SHARE:
        raise UnreadableError(Fault(name, "text without columns", "a table", "Take it away."))
    separator = "tab" if shape.separator == "\t" else shape.separator
    about = {"encoding": shape.encoding, "separator": separator, "skip_lines": shape.skip_lines}
    return FileReader.model_validate({"files": [name], **about}), shape.notes


def _written(reader: FileReader) -> str:
    return repr(reader.model_dump(exclude={"files"}))


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _add(found: Found, root: Path, files: list[_File], lacked: dict[str, int]) -> None:
    names = [path.relative_to(root).as_posix() for path, _, _ in files]
    about = {"files": (*_as_glob(names, root),), "may_lack": tuple(lacked)}
    reader = files[0][1].model_copy(update=about)
    name = reader.files[0] if len(reader.files) == 1 else f"{names[0]} and {len(names) - 1} more"
    try:
        found.tables.append(read_table(name, reader, root, (*files[0][2], *_lacks(lacked, names))))
    except UnreadableError as error:
        found.faults.append(error.fault)


def _lacks(lacked: dict[str, int], names: list[str]) -> Iterator[str]:
    """Say which files lack which columns."""
    if lacked:
        told = ", ".join(f"{column!r} in {count}" for column, count in lacked.items())
        yield (
            f"of {len(names)} files some lack a column ({told}), which is then empty there: was it "
            "added, given up or renamed?"
        )


def _as_glob(names: list[str], root: Path) -> list[str]:
    if len(names) == 1:
        return names
    # The first run of digits in which the names differ, up to the last one.
    start = next(i for i, letters in enumerate(zip(*names, strict=False)) if len({*letters}) > 1)
    backwards = [name[start:][::-1] for name in names]
    shared = zip(*backwards, strict=False)
    end = next((i for i, letters in enumerate(shared) if len({*letters}) > 1), 1)
    first, digits = names[0], "0123456789"
    glob = f"{first[:start].rstrip(digits)}*{first[len(first) - end :].lstrip(digits)}"
    matched = sorted(path.relative_to(root).as_posix() for path in root.glob(glob))
    return [glob] if matched == sorted(names) else names


def _opened(name: str, reader: Reader, root: Path) -> RawTable:
    ledger = Ledger()
    table = open_table(name, reader, root, "Export it again", ledger)
    if table is not None:
        return table
    raise UnreadableError(ledger.faults(Limits())[0])


def read_table(name: str, reader: Reader, root: Path, notes: tuple[str, ...] = ()) -> FoundTable:
    """Read a table, or its first rows where it is large; raises `UnreadableError`."""
    table = _opened(name, reader, root)
    columns, nested = _flat_columns(table, root)
    most = max(MOST_CELLS // max(len(columns), 1), 1)
    parts, rows, is_whole = [], 0, True
    for part in table.parts(columns, Ledger()):
        parts.append(part)
        rows += len(part)
        if rows >= most:
            is_whole = False
            break
    frame = (
        stacked(parts).frame if parts else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    )
    told = [] if is_whole else [f"only the first {min(rows, most):,} rows were looked at"]
    told += [f"{column!r} holds lists or records, which are left out" for column in nested]
    return FoundTable(name, reader, frame.head(most), is_whole, (*notes, *told))


def _flat_columns(table: RawTable, root: Path) -> tuple[list[str], list[str]]:
    nested: set[str] = set()
    for origin in table.origins:
        path = getattr(origin, "path", root)
        if path.suffix in _PARQUET:
            schema = pl.scan_parquet(path, glob=False).collect_schema()
            nested |= {
                name for name, dtype in schema.items() if dtype.is_nested() and dtype != MIXED
            }
    return [name for name in table.columns if name not in nested], sorted(nested)


def tables_of_database(url_env: str, names: Sequence[str] = ()) -> Found:
    """Find and read the tables and views of a database.

    Parameters
    ----------
    url_env : str
        The environment variable with its URL.
    names : sequence of str
        The tables to read; empty: all.

    Returns
    -------
    Found

    Raises
    ------
    UnreadableError
        If the database does not answer.
    """
    found = Found()
    for name, sql in _queries(url_env):
        if names and name not in names:
            continue
        reader = SqlReader(sql=sql, url_env=url_env)
        try:
            found.tables.append(read_table(name, reader, Path()))
        except UnreadableError as error:
            found.faults.append(error.fault)
    return found


def _queries(url_env: str) -> Iterator[tuple[str, str]]:
    import sqlalchemy as sa

    from leadcast.features.readers.sql_origin import SqlOrigin

    origin = SqlOrigin(SqlReader(sql="SELECT 1", url_env=url_env), "database")
    engine = origin.engine()
    try:
        inspector = sa.inspect(engine)
        quote = engine.dialect.identifier_preparer.quote
        listed = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
        yield from [(name, f"SELECT * FROM {quote(name)}") for name in listed]
    except sa.exc.SQLAlchemyError as error:
        words = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UnreadableError(
            Fault(
                "database",
                f"a database that does not answer ({words})",
                "its tables",
                f"Look at the URL in {url_env} and at the user's rights.",
            )
        ) from None
    finally:
        engine.dispose()
