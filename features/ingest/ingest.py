"""From a source definition to the canonical tables, or to everything that is wrong.

Examples
--------
>>> from pathlib import Path
>>> from leadcast.features.definitions.load import find_definition
>>> definition = find_definition("x_education")  # doctest: +SKIP
>>> ingest(definition, Path("data/runs/x_education/tables"))  # doctest: +SKIP

What the canonical tables depend on, as hashes: the definition and every raw byte.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, describe_faults
from leadcast.features.base.files import sha256_of, write_json, written_whole
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.table_schema import FileReader, SqlReader
from leadcast.features.ingest.context import Context, Progress, latest_possible, no_progress
from leadcast.features.ingest.examination import Examined, examine, time_order
from leadcast.features.ingest.quality import count_outcomes, describe_quality
from leadcast.features.readers.ledger import Ledger, Quarantine
from leadcast.features.readers.opening import find_files
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.readers.sql_origin import SqlOrigin
from leadcast.features.tables import Tables, empty_events

_PART_ROWS = 1_000_000


@dataclass(frozen=True)
class CheckResult:
    """What `check_source` found."""

    subject: str
    """``source 'NAME'``."""
    faults: tuple[Fault, ...]
    """Errors and warnings."""
    counts: Mapping[str, int]
    """``leads``, ``events``, ``won``, ``lost``, ``open``; empty where a table could not be read."""
    observed_until: datetime | None
    """Until when outcomes are known."""
    unused_columns: tuple[str, ...]
    """Columns of the leads' table that the definition does not mention."""

    @property
    def is_fine(self) -> bool:
        """Whether there are no errors; there may be warnings."""
        return all(fault.severity == "warning" for fault in self.faults)

    def __str__(self) -> str:
        told = describe_faults(self.subject, self.faults)
        if not self.counts:
            return told
        counted = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"{told}\n  read: {counted}"


@dataclass(frozen=True)
class IngestResult:
    """What `ingest` wrote."""

    folder: Path
    """The folder of the canonical tables."""
    warnings: tuple[Fault, ...]
    """What was worked around."""
    counts: Mapping[str, int]
    """``leads``, ``events``, ``won``, ``lost``, ``open``."""
    quarantined: int
    """How many rows the quarantine file lists."""

    def __str__(self) -> str:
        read = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"{read}; {self.quarantined:,} rows in quarantine, {len(self.warnings)} warnings"


def check_source(definition: SourceDefinition, progress: Progress = no_progress) -> CheckResult:
    """Read a source's data and find everything that is wrong; nothing is written.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    progress : callable
        Told the table and how many of its rows have been read.

    Returns
    -------
    CheckResult
    """
    ledger = Ledger()
    until = latest_possible(definition, datetime.now(UTC))
    examined = examine(Context(definition, ledger, until, progress), _let_pass)
    faults = tuple(ledger.faults(definition.limits))
    return CheckResult(
        subject=_subject(definition),
        faults=faults,
        counts={} if examined is None else _counts(examined),
        observed_until=None if examined is None else examined.observed_until,
        unused_columns=() if examined is None else examined.settled.leads.unused_columns,
    )


def ingest(
    definition: SourceDefinition, out: Path, progress: Progress = no_progress
) -> IngestResult:
    """Write a source's canonical tables, whole or not at all.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    out : Path
        The folder to write: ``leads.parquet``, ``events/part-*.parquet``, ``outcomes.parquet``,
        ``tables.json``, ``quarantine.parquet`` (see `leadcast.features.readers.ledger`) and
        ``quality.json`` (see `leadcast.features.ingest.quality`).
    progress : callable
        Told the table and how many of its rows have been read.

    Returns
    -------
    IngestResult

    Raises
    ------
    FaultsError
        With every fault of the data.
    """
    with written_whole(out, "tables") as folder:
        folder.mkdir()
        quarantine = Quarantine(folder / "quarantine")
        ledger = Ledger(quarantine)
        writer = _EventWriter(folder / "events")
        until = latest_possible(definition, datetime.now(UTC))
        examined = examine(Context(definition, ledger, until, progress), writer.write)
        faults = ledger.faults(definition.limits)
        if examined is None or any(fault.severity == "error" for fault in faults):
            raise FaultsError(_subject(definition), faults)
        writer.finish()
        quarantine.finish(folder / "quarantine.parquet")
        _write_tables(definition, examined, folder)
        quality = describe_quality(definition, examined, ledger, faults)
        write_json(folder / "quality.json", quality)
    return IngestResult(out, tuple(faults), _counts(examined), quarantine.rows)


def _write_tables(definition: SourceDefinition, examined: Examined, folder: Path) -> None:
    tables = Tables(
        leads=examined.settled.leads.frame,
        events=empty_events(),
        outcomes=examined.settled.outcomes,
        observed_until=examined.observed_until,
        time_order=time_order(definition),
        attribute_types=examined.settled.leads.attribute_types,
    )
    tables.leads.write_parquet(folder / "leads.parquet")
    tables.outcomes.write_parquet(folder / "outcomes.parquet")
    tables.write_about(folder)


def _counts(examined: Examined) -> dict[str, int]:
    counts = {"leads": examined.settled.leads.frame.height, "events": examined.events.rows}
    return counts | count_outcomes(examined.settled.outcomes)


def _let_pass(part: pl.DataFrame) -> None:
    """Check events without keeping them."""
    del part


def _subject(definition: SourceDefinition) -> str:
    return f"source {definition.name!r}"


class _EventWriter:
    """Writes events in parts of about a million rows, however they come."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._parts = 0

    def write(self, part: pl.DataFrame) -> None:
        if part.height:
            self._waiting.append(part)
        if sum(frame.height for frame in self._waiting) >= _PART_ROWS:
            self._flush(self._waiting)

    def finish(self) -> None:
        if self._waiting:
            self._flush(self._waiting)
        if not self._parts:
            self._flush([empty_events().collect()])

    def _flush(self, frames: Sequence[pl.DataFrame]) -> None:
        path = self._folder / f"part-{self._parts:05d}.parquet"
        pl.concat(frames).write_parquet(path)
        self._parts += 1
        self._waiting = []


Fingerprint = dict[str, str | dict[str, str]]


def fingerprint(definition: SourceDefinition) -> Fingerprint:
    """Hash a source's definition and its raw data.

    Parameters
    ----------
    definition : SourceDefinition
        The source.

    Returns
    -------
    dict
        ``source`` (its name), ``definition`` (SHA-256 of the YAML file), ``files`` (each file's
        SHA-256 by its path relative to the root) and ``queries`` (for each table read by SQL, a
        hash of the query and its rows that does not depend on their order), and ``sha256``
        (of all of these). The same content gives the same fingerprint on every machine.

    Raises
    ------
    FaultsError
        If a file is absent, or a database does not answer.
    """
    ledger = Ledger()
    files: dict[str, str] = {}
    queries: dict[str, str] = {}
    faults: list[Fault] = []
    for name, reader in definition.readers().items():
        if isinstance(reader, FileReader):
            files |= _files(definition, name, reader, ledger)
            continue
        try:
            queries[name] = _query(name, reader)
        except UnreadableError as error:
            faults.append(error.fault)
    faults += ledger.faults(definition.limits)
    if faults:
        raise FaultsError(f"source {definition.name!r}", faults)
    found: Fingerprint = {
        "source": definition.name,
        "definition": sha256_of(definition.file),
        "files": files,
        "queries": queries,
    }
    whole = json.dumps(found, sort_keys=True).encode()
    return found | {"sha256": hashlib.sha256(whole).hexdigest()}


def _files(
    definition: SourceDefinition, name: str, reader: FileReader, ledger: Ledger
) -> dict[str, str]:
    root = definition.root
    paths = find_files(name, reader, root, definition.where_to_get, ledger)
    return {_relative(path, root): sha256_of(path) for path in paths}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _query(name: str, reader: SqlReader) -> str:
    # A database may give the rows in another order each time, so their hashes are added up.
    total, count = 0, 0
    for row in SqlOrigin(reader, f"{name} (SQL)").rows():
        digest = hashlib.blake2b(repr(row).encode(), digest_size=16).digest()
        total = (total + int.from_bytes(digest)) % (1 << 128)
        count += 1
    return hashlib.sha256(f"{reader.sql}\n{count}\n{total:032x}".encode()).hexdigest()
