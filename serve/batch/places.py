"""Where a batch reads from: a file, a folder of Parquet, a glob, or a query.

What tells files apart from others that may stand at the same places later.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.packing import parquet_cells, unpacked_bytes


def stamps(files: Sequence[Path]) -> list[list[str | int]]:
    """Tell files apart."""
    stats = [(file.resolve(), file.stat()) for file in files]
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


_QUERY = re.compile(r"\s*(select|with)\s", re.IGNORECASE)
_GLOB = set("*?[")
_TEXTS = {".csv", ".tsv"}
# Two letters at least: a drive is no scheme. A path has lost one of the strokes.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True)
class Place:
    """Where a table is read from.

    Parameters
    ----------
    name : str
        What the user called it.
    files : tuple of Path
        Its files, in alphabetical order; empty for a query.
    query : str or None
        The ``SELECT``, where it is one.
    url_env : str
        The environment variable that holds the database's URL, where it is a query.
    """

    name: str
    files: tuple[Path, ...] = ()
    query: str | None = None
    url_env: str = ""

    @property
    def is_parquet(self) -> bool:
        """Whether all of it is Parquet."""
        return bool(self.files) and all(map(_packs, self.files))

    @property
    def is_uniform(self) -> bool:
        """Whether all of its files, which are Parquet, have the same columns of the same types."""
        try:
            schemas = [list(pl.read_parquet_schema(file).items()) for file in self.files]
        except (pl.exceptions.ComputeError, OSError):
            return False
        return all(schema == schemas[0] for schema in schemas)

    @property
    def n_bytes(self) -> int:
        """About the size of its files as text; of what is very large, that it is."""
        return sum(map(_n_bytes, self.files))

    def stamps(self) -> list[list[str | int]]:
        """Tell this table apart from another, as JSON values.

        Returns
        -------
        list
            Of each file its path, size and time of change; or the query.
        """
        return [["query", self.query]] if self.query is not None else stamps(self.files)


PARQUET = (".parquet", ".pq")
PACKED = 8
"""So many times as large is a table of events as text as it is as Parquet."""


COUNTED_BYTES = 1 << 26
"""So far it is counted to how much a gzip file unpacks."""


def place_of(text: str | Path, database_env: str | None = None) -> Place:
    """Find what a user means.

    Parameters
    ----------
    text : str or Path
        A CSV or Parquet file; a folder, of which every Parquet file at any depth is read; a glob;
        or, as a str, a query that begins with ``SELECT`` or ``WITH``.
    database_env : str or None
        The environment variable that holds the database's URL.

    Returns
    -------
    Place

    Raises
    ------
    LeadcastError
        If there is no such file, none in the folder or of the glob, or a query has
        no database, or its variable is not set.
    """
    name = str(text)
    if isinstance(text, str) and _QUERY.match(text):
        if database_env is None:
            raise LeadcastError(
                f"{name!r} is a query, and no database is named; add --database-env VARIABLE, an "
                "environment variable that holds its URL, as postgresql://user:password@host/name"
            )
        if not os.environ.get(database_env, "").strip():
            raise LeadcastError(
                f"--database-env {database_env}: this environment variable is not set; set it to "
                "the database's URL, as postgresql://user:password@host/name"
            )
        return Place(name=_shortened(name), query=name, url_env=database_env)
    try:
        return Place(name=name, files=tuple(_found(Path(text), name)))
    except (LeadcastError, OSError) as error:
        # Who names a database may mean a query; other statements would change it.
        if database_env is None or os.path.exists(name) or _ADDRESS.match(name):  # noqa: PTH110
            if isinstance(error, LeadcastError):
                raise
            told = f"{_shortened(name)}: cannot be read ({error.strerror}); check the name"
            raise LeadcastError(told) from None
    raise LeadcastError(
        f"{_shortened(name)!r}: found no such file, and no query; expected a file's name, or a "
        "query that begins with SELECT or WITH: a database is read and never changed"
    )


def refuse_address(place: Path | str) -> None:
    """Refuse an object store's address, which would be taken for a folder's name."""
    if _ADDRESS.match(str(place)):
        raise LeadcastError(
            f"{place}: found an address; expected a file or folder. Copy from and to an object "
            "store by its own program, mount it, or score with Spark (docs/cluster.md)"
        )


def _found(path: Path, name: str) -> Sequence[Path]:
    if path.is_file():
        return [path]
    refuse_address(name)
    if path.is_dir():
        # What begins with a dot or an underscore is a writer's own, by Hadoop's custom.
        within = [file for file in sorted(path.rglob("*")) if file.is_file()]
        own = [file for file in within if not _is_hidden(file.relative_to(path))]
        files = [file for file in own if _packs(file)]
        texts = [file for file in own if _TEXTS & set(file.suffixes[-2:])]
        if texts:
            raise LeadcastError(
                f"{name}: found {texts[0].name} in this folder, of which Parquet alone is read; "
                f"name a glob, as '{path / '*'}', to read files of any kind, or take it out"
            )
        if not files:
            raise LeadcastError(f"{name}: no Parquet file in this folder; name one that has some")
        return files
    if _GLOB & set(name):
        anchor = Path(path.anchor) if path.is_absolute() else Path()
        files = sorted(file for file in anchor.glob(_below(path)) if file.is_file())
        if files:
            return files
        raise LeadcastError(f"{name}: no file is called so; check the pattern and the folder")
    raise LeadcastError(f"{name}: there is no such file or folder; check the name")


def _packs(file: Path) -> bool:
    return file.suffix.lower() in PARQUET


def _n_bytes(file: Path) -> int:
    if not _packs(file):
        return unpacked_bytes(file, COUNTED_BYTES)
    # A few bytes can hold very many rows of one value.
    return max(file.stat().st_size * PACKED, parquet_cells(file) * PACKED)


def _below(path: Path) -> str:
    return str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _shortened(query: str) -> str:
    words = " ".join(query.split())
    return words if len(words) <= 60 else words[:59] + "…"
