"""Searching every file for a person: tables by their values, databases, archives, and bytes."""

import gzip
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leadcast.features.forgetting.person import Person

LEFT_ASIDE = (
    *(".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"),
    *("node_modules", "site-packages"),
)
"""Folders that hold no data of leads; a virtual environment is left aside as well."""
Read = Callable[[int], bytes]
"""Reads so many bytes."""
_UNREADABLE = (
    *(OSError, EOFError, zlib.error, sqlite3.Error, zipfile.BadZipFile),
    pl.exceptions.PolarsError,
)
_CHUNK = 1 << 22
_OVERLAP = 1 << 12


@dataclass(frozen=True)
class Trace:
    """A file in which the person stands."""

    path: Path
    rows: int
    """So many rows of a table; 0 where it is none."""
    unreadable: str = ""
    """Why it could not be searched; it counts as found."""


def files_below(places: Sequence[Path]) -> Iterator[Path]:
    """Name every file below some places, each once.

    Parameters
    ----------
    places : sequence of Path
        Files and folders; links are followed where they are named here, and not below.

    Yields
    ------
    Path
    """
    seen: set[Path] = set()
    for place in places:
        if place.is_file():
            walked: Iterator[Path] = iter([place])
        else:
            walked = _walked(place)
        for path in walked:
            resolved = path.resolve()
            if resolved not in seen:
                seen.add(resolved)
                yield path


def _walked(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in LEFT_ASIDE and not (Path(parent) / name / "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            path = Path(parent) / name
            if path.is_file():
                yield path


def search(path: Path, person: Person) -> Trace | None:
    """Search a file for a person.

    Parameters
    ----------
    path : Path
    person : Person

    Returns
    -------
    Trace or None
        None where the person does not stand there.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
        if head[:4] == b"PAR1":
            rows = sum(int(person.rows(part).sum()) for part in _parts(path, person))
            return Trace(path, rows) if rows else None
        if head == b"SQLite format 3\0":
            return _in_database(path, person)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                return Trace(path, 0) if _in_stream(packed.read, person) else None
        if head[:4] == b"PK\x03\x04":
            return _in_archive(path, person)
        return _in_bytes(path, person, head)
    except _UNREADABLE as error:
        return Trace(path, 0, unreadable=f"{type(error).__name__}")


def _parts(path: Path, person: Person) -> Iterator[pl.DataFrame]:
    schema = pl.read_parquet_schema(path)
    wanted = [
        name
        for name, dtype in schema.items()
        if dtype == pl.String or dtype.is_nested() or name in person.id_columns
    ]
    if wanted:
        yield pl.read_parquet(path, columns=wanted)


def _in_database(path: Path, person: Person) -> Trace | None:
    rows = 0
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for name in [one for (one,) in base.execute(tables)]:
            quoted = name.replace('"', '""')
            for row in base.execute(f'SELECT * FROM "{quoted}"'):
                texts = (one.encode() if isinstance(one, str) else one for one in row)
                rows += any(isinstance(one, bytes) and person.in_text(one) for one in texts)
    return Trace(path, rows) if rows else None


def _in_archive(path: Path, person: Person) -> Trace | None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                if _in_stream(member.read, person):
                    return Trace(path, 0)
    return None


def _in_stream(read: Read, person: Person) -> bool:
    tail = b""
    while chunk := read(_CHUNK):
        if person.in_text(tail + chunk):
            return True
        tail = (tail + chunk)[-_OVERLAP:]
    return False


def _in_bytes(path: Path, person: Person, head: bytes) -> Trace | None:
    if not head:
        return None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = path.read_bytes().decode("utf-16", errors="replace").encode()
        return Trace(path, _lines(text, person)) if person.in_text(text) else None
    with path.open("rb") as file:
        stands = _in_stream(file.read, person)
    if stands:
        return Trace(path, _lines(path.read_bytes(), person) if path.suffix == ".csv" else 0)
    if path.suffix == ".csv" and person.short_ids:
        return _short_ids(path, person)
    return None


def _lines(text: bytes, person: Person) -> int:
    return sum(person.in_text(line) for line in text.splitlines())


def _short_ids(path: Path, person: Person) -> Trace | None:
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    rows = int(person.rows(frame).sum())
    return Trace(path, rows) if rows else None
