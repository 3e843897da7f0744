"""Opening a table: finding its files, and its columns."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.features.base.files import sha256_of, why_no_file
from leadcast.features.base.packing import open_unpacked
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.table_schema import FileReader, Reader
from leadcast.features.readers.csv_origin import CsvOrigin, is_utf8_after_all
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.origins import (
    BrokenRow,
    ParquetOrigin,
    RawOrigin,
    RawRows,
    UnreadableError,
)
from leadcast.features.readers.sql_origin import SqlOrigin


@dataclass(frozen=True)
class RawTable:
    """A table that can be read.

    Parameters
    ----------
    name : str
        ``leads``, ``events``, ``outcomes``.
    origins : tuple of RawOrigin
        Its files, or its query.
    columns : list of str
        The columns that all origins have, and those that some may lack, in the order in which
        they come.
    missing : tuple of str
        Values that mean missing in each column.
    lacking : tuple of str
        Columns that should be there and are not: read as if they were, and empty.
    partial : tuple of str
        Columns that only some origins have, as is allowed; empty in the rows of the others.
    """

    name: str
    origins: tuple[RawOrigin, ...]
    columns: list[str]
    missing: tuple[str, ...]
    lacking: tuple[str, ...] = field(default=(), kw_only=True)
    partial: tuple[str, ...] = field(default=(), kw_only=True)

    def every(self) -> "list[RawTable]":
        """List the tables that it is made of: itself, where nothing is joined to it.

        Returns
        -------
        list of RawTable
        """
        return [self]

    def parts(self, columns: Sequence[str], ledger: Ledger) -> Iterator[RawRows]:
        """Read some columns part by part.

        Parameters
        ----------
        columns : sequence of str
            Names among `columns` and `lacking`.
        ledger : Ledger
            Counts the rows and takes those that cannot be split into fields.

        Yields
        ------
        Rows
            Empty parts are left out.

        Raises
        ------
        UnreadableError
            If an origin cannot be read to its end, or a column's name is a pattern.
        """
        # Where none of them is there, any column tells how many rows there are.
        present = [name for name in columns if name in self.columns] or self.columns[:1]
        if patterns := [name for name in dict.fromkeys([*columns, *present]) if _is_pattern(name)]:
            raise UnreadableError(_patterns(f"{self.name} ({self.origins[0].name})", patterns))
        for index, origin in enumerate(self.origins):
            own = self._present(origin, present)
            lacking = [
                # Without a type, so that it takes on that of the other files.
                pl.lit(None, pl.String if name in self.lacking else pl.Null).alias(name)
                for name in columns
                if name in self.lacking or name not in own
            ]

            def note(broken: Sequence[BrokenRow], index: int = index) -> None:
                ledger.add_total(self.name, len(broken), self.origins[index].name)
                ledger.broken_rows(self.name, broken, self.origins, index)

            for frame, number in origin.parts(own, note):
                ledger.add_total(self.name, frame.height, origin.name)
                if frame.height:
                    place = pl.Series([index], dtype=pl.Int32).new_from_index(0, frame.height)
                    whole = frame.with_columns(lacking).select(columns)
                    yield RawRows(whole, number, place, self.origins)

    def _present(self, origin: RawOrigin, columns: list[str]) -> list[str]:
        """List those of some columns that a file has; any, where it has none of them."""
        if not self.partial:
            return columns
        there = origin.columns()
        return [name for name in columns if name in there] or there[:1]


def open_table(
    name: str,
    reader: Reader,
    root: Path,
    where_to_get: str,
    ledger: Ledger,
    *,
    is_new: bool = False,
) -> RawTable | None:
    """Find a table's files and their columns.

    Parameters
    ----------
    name : str
        How the table is called in messages.
    reader : FileReader or SqlReader
        Where its rows come from.
    root : Path
        The folder that file names are relative to.
    where_to_get : str
        What to tell somebody who does not have the files.
    ledger : Ledger
        Takes the faults.
    is_new : bool
        Whether these are rows of the day, none of which need have a column that some may lack.

    Returns
    -------
    RawTable or None
        None where something is missing or not readable; the ledger says what.
    """
    origins: list[RawOrigin]
    if isinstance(reader, FileReader):
        paths = find_files(name, reader, root, where_to_get, ledger)
        origins = [_origin(path, reader, root, ledger) for path in paths]
    else:
        origins = [SqlOrigin(reader, f"{name} (SQL)")]
    headers: list[list[str]] = []
    for origin in origins:
        try:
            headers.append(origin.columns())
        except UnreadableError as error:
            ledger.fault(error.fault)
    if not origins or len(headers) < len(origins):
        return None
    allowed = reader.may_lack if isinstance(reader, FileReader) else ()
    every = dict.fromkeys(column for header in headers for column in header)
    if is_new:
        every |= dict.fromkeys(allowed)
    for column in [column for column in allowed if column not in every]:
        ledger.fault(_lacked_by_all(name, len(origins), column, list(every)))
    lacked = [column for column in every if not all(column in header for header in headers)]
    columns = [column for column in every if column not in lacked or column in allowed]
    partial = tuple(column for column in columns if column in lacked)
    return RawTable(name, tuple(origins), columns, reader.missing, partial=partial)


def _lacked_by_all(name: str, n_files: int, column: str, every: Sequence[str]) -> Fault:
    """Refuse to let files lack what none of them has, which is rather a name that is misspelt."""
    return Fault(
        where=f"{name}: read.may_lack {column!r}",
        found=f"no such column in any of its {n_files} files",
        expected="a column that some of its files have",
        remedy=f"{did_you_mean(column, every)} Else take it out of may_lack.",
    )


def _is_pattern(column: str) -> bool:
    """Tell whether Polars takes a column's name for a pattern of several names."""
    return column == "*" or (column.startswith("^") and column.endswith("$"))


def _patterns(where: str, columns: Sequence[str]) -> Fault:
    return Fault(
        where=f"{where}: column {', '.join(map(repr, columns))}",
        found="a name that would stand for several columns where tables are read",
        expected="a name that is not a star, and does not both begin with ^ and end with $",
        remedy="Rename it in the export (in a query: by AS).",
    )


def require_columns(
    table: RawTable, columns: Sequence[tuple[str, str]], ledger: Ledger
) -> RawTable:
    """Check that a table has the columns that a definition names.

    Parameters
    ----------
    table : RawTable
        The table.
    columns : sequence of (str, str)
        The key that names the column, and the column.
    ledger : Ledger
        Takes a fault for each that is missing, with the nearest one there is; of what is not
        there it takes no other.

    Returns
    -------
    RawTable
        The table, with those that it lacks: so that what else is wrong with it can be told too.
    """
    lacking: dict[str, None] = {}
    wanted = list(dict.fromkeys(column for _, column in columns))
    for key, column in columns:
        if column not in table.columns:
            lacking[column] = None
            ledger.fault(_missing_column(table, key, column, wanted))
    ledger.lacks(table.name, lacking)
    return replace(table, lacking=tuple(lacking))


def _missing_column(table: RawTable, key: str, column: str, wanted: Sequence[str]) -> Fault:
    lacking = [origin for origin in table.origins if column not in origin.columns()]
    others = len(table.origins) - len(lacking)
    where = lacking[0].name if lacking else table.name
    # What is joined to the table is in none of its files.
    present = [*(lacking[0].columns() if lacking else ()), *table.columns]
    advice = _header_advice(lacking or table.origins, wanted) or did_you_mean(column, present)
    if others:
        advice += f" If these files never had it: `read.may_lack: [{column}]`."
    return Fault(
        where=f"{table.name} ({where}): column {column!r}",
        found="no such column" + (f" ({others} other files have it)" if others else ""),
        expected="a column of this name"
        if key.endswith(f".{column}")
        else f"the column that `{key}` names",
        remedy=advice,
    )


def _header_advice(lacking: Sequence[RawOrigin], wanted: Sequence[str]) -> str | None:
    """Tell where a header is another line, or is separated by something else."""
    told = (origin.header_advice(wanted) for origin in lacking if isinstance(origin, CsvOrigin))
    return next((words for words in told if words), None)


def files_of(definition: SourceDefinition, readers: Mapping[str, Reader]) -> list[Path]:
    """List the files that some tables of a source are read from, as far as they are there.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    readers : mapping of str to FileReader or SqlReader
        Its tables: `SourceDefinition.readers`, or some of them.

    Returns
    -------
    list of Path
    """
    about = (definition.root, definition.where_to_get, Ledger())
    files = [(name, one) for name, one in readers.items() if isinstance(one, FileReader)]
    return [path for name, one in files for path in find_files(name, one, *about)]


def find_files(
    name: str, reader: FileReader, root: Path, where_to_get: str, ledger: Ledger
) -> list[Path]:
    """Find the files of a table.

    Parameters
    ----------
    name : str
        How the table is called in messages.
    reader : FileReader
        Names and globs.
    root : Path
        The folder that they are relative to.
    where_to_get : str
        What to tell somebody who does not have the files.
    ledger : Ledger
        Takes a fault for each name or glob without a file.

    Returns
    -------
    list of Path
        Each file once, in the order of the names; empty where one of them has no file.
    """
    found: dict[Path, None] = {}
    complete = True
    for pattern in reader.files:
        paths = matching_files(root, pattern)
        if not paths:
            complete = False
            ledger.fault(_absent(name, root, pattern, where_to_get))
        folders = [path for path in paths if path.is_dir()]
        for folder in folders:
            complete = False
            ledger.fault(_folder(name, folder, pattern))
        found |= dict.fromkeys(paths)
    if complete:
        for twin, first in twins(list(found)).items():
            ledger.same_files.add((name, _name(twin, root)))
            ledger.fault(_twin(name, _name(twin, root), _name(first, root)))
    return list(found) if complete else []


def matching_files(root: Path, pattern: str) -> list[Path]:
    """List the files that a name or a glob means, and folders that are called like files."""
    literal = root / pattern
    if literal.is_file() or (literal.is_dir() and literal.suffix in _FILES):
        return [literal]
    if not set("*?[") & set(pattern):
        return []
    if Path(pattern).is_absolute():
        root, pattern = Path(literal.anchor), str(literal.relative_to(literal.anchor))
    return sorted(
        path
        for path in root.glob(pattern)
        if path.is_file() or (path.is_dir() and path.suffix in _FILES)
    )


_FILES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")


def twins(paths: Sequence[Path]) -> dict[Path, Path]:
    """Find files with rows that have the content of another, each with that one.

    Parameters
    ----------
    paths : sequence of Path
        Files.

    Returns
    -------
    dict of Path to Path
        Those that come later, with the first of the same content.
    """
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        by_size.setdefault(path.stat().st_size, []).append(path)
    first: dict[str, Path] = {}
    found: dict[Path, Path] = {}
    for path in (one for alike in by_size.values() if len(alike) > 1 for one in alike):
        other = first.setdefault(sha256_of(path), path)
        if other is not path and _has_several_rows(path):
            found[path] = other
    return found


def _has_several_rows(path: Path) -> bool:
    """Tell whether there are several rows: one may be the same by chance."""
    try:
        if path.suffix in (".parquet", ".pq"):
            return bool(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item() > 1)
        with open_unpacked(path) as file:
            return sum(bool(line.strip()) for line in islice(file, 100)) > 2
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError):
        return True


def _folder(name: str, folder: Path, pattern: str) -> Fault:
    held = sum(path.is_file() for path in folder.iterdir())
    return Fault(
        where=f"{name}: {pattern}",
        found=f"a folder of {held} files, {folder}",
        expected="a file",
        remedy=f'Name the files in it, as `files: "{folder.name}/*.{folder.suffix[1:]}"`.',
    )


def _twin(name: str, twin: str, first: str) -> Fault:
    return Fault(
        where=f"{name}: {twin}",
        found=f"the same content as {first}",
        expected="each row of the export once",
        remedy="Take one of the two away, or narrow `read.files`: a browser calls a second "
        'download "… (1)". Nothing vouches for equal files: `repeated_files` is for files that '
        "overlap.",
    )


def _name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _origin(path: Path, reader: FileReader, root: Path, ledger: Ledger) -> RawOrigin:
    name = _name(path, root)
    by_ending = "parquet" if path.suffix in (".parquet", ".pq") else "csv"
    if (reader.format or by_ending) == "parquet":
        return ParquetOrigin(path, name, reader.times_unpacked)
    if is_utf8_after_all(path, reader):
        ledger.fault(
            Fault(
                where=name,
                found=f"letters that are UTF-8, although read.encoding is {reader.encoding}",
                expected=f"text in {reader.encoding}",
                remedy="Set `read.encoding: utf-8` if names with accents look garbled.",
                severity="warning",
            )
        )
    return CsvOrigin(path, name, reader)


def _absent(name: str, root: Path, pattern: str, where_to_get: str) -> Fault:
    there = root / pattern
    return Fault(
        where=f"{name}: {pattern}",
        found=f"what {why_no_file(there)}" if there.exists() else f"no such file in {root}",
        expected="the export",
        remedy=f"{where_to_get.strip().rstrip('.')}. Put it into {root}, or change `root`.",
    )
