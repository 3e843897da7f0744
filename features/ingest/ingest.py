"""From a source definition to the canonical tables, or to everything that is wrong.

Every table is read, and every fault found, in bounded memory. What the tables depend on can be told
as hashes: of the definition and of every raw byte.

Examples
--------
>>> from pathlib import Path
>>> from leadcast.features.definitions.load import find_definition
>>> definition = find_definition("x_education")  # doctest: +SKIP
>>> ingest(definition, Path("data/runs/x_education/tables"))  # doctest: +SKIP
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.accounts.known_accounts import write_accounts
from leadcast.features.accounts.matching import MatchedLeads, alike_ids, match_leads
from leadcast.features.base.errors import Fault, FaultsError, describe_faults, did_you_mean
from leadcast.features.base.files import sha256_of, write_json, written_whole
from leadcast.features.definitions.definition import EventOutcomes, Outcomes, SourceDefinition
from leadcast.features.definitions.table_schema import FileReader, SqlReader
from leadcast.features.forgetting.tombstone import Tombstones
from leadcast.features.ingest.change_rows import ReadChanges, read_changes, with_history
from leadcast.features.ingest.context import Context, Progress, latest_possible, no_progress
from leadcast.features.ingest.event_rows import (
    OpenEvents,
    canonical_events,
    known_leads,
    open_events,
)
from leadcast.features.ingest.known_persons import read_accounts, read_merges, write_persons
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import CanonicalLeads, read_leads
from leadcast.features.ingest.nonhuman_events import (
    NONHUMAN_FILE,
    EventJudge,
    JudgedEvents,
)
from leadcast.features.ingest.outcomes import (
    Ends,
    Settled,
    ends_by_events,
    ends_of_leads,
    read_ends,
    settle,
)
from leadcast.features.ingest.recorded import recorded_from
from leadcast.features.nonhuman.telling import nonhuman_words
from leadcast.features.profile.collector import Collector, EventFacts
from leadcast.features.profile.describe import describe_profile
from leadcast.features.profile.doubts import Doubt, certain, doubts_words
from leadcast.features.profile.finding import find_doubts
from leadcast.features.profile.reading import SourceReading
from leadcast.features.readers.account import KEPT, AccountLine, account_plain, account_words
from leadcast.features.readers.ledger import Ledger, Quarantine
from leadcast.features.readers.opening import RawTable, find_files
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.readers.sql_origin import SqlOrigin
from leadcast.features.tables import Tables, TimeOrder, empty_events, moment_words

Sink = Callable[[pl.DataFrame], None]


@dataclass(frozen=True)
class Examined:
    """A source that was read."""

    settled: Settled
    """The leads and how they ended."""
    events: EventFacts
    """What was counted while events passed by."""
    observed_until: datetime | None
    """Until when outcomes are known."""
    outcomes_from: datetime | None
    """From when on they were recorded; None: ever since the first lead."""
    merges: pl.DataFrame | None = None
    """What the CRM has merged; None where the source has no such table."""
    accounts: pl.DataFrame | None = None
    """The accounts' own table; None where the source has none, or nobody asks for accounts."""
    matched: MatchedLeads | None = None
    """Which leads belong to which accounts; None where nobody asks for accounts."""
    changes: ReadChanges | None = None
    """What the leads' attributes said before; None where the source has no such table."""


def time_order(definition: SourceDefinition) -> TimeOrder:
    """Tell what a source knows of time."""
    if definition.is_dated:
        return TimeOrder.DATED
    ordered = definition.tables.leads.order_by is not None
    return TimeOrder.ORDERED if ordered else TimeOrder.UNORDERED


def examine(context: Context, sink: Sink) -> Examined | None:
    """Read a source, and find everything that is wrong with it."""
    tables = context.definition.tables
    leads_table = context.open(LEADS, tables.leads)
    events = open_events(context)
    outcomes = _open_outcomes(context)
    opened = [leads_table, *(one.table for one in events), *outcomes]
    _warn_of_absent_forbidden(context, [table for table in opened if table is not None])
    leads = None if leads_table is None else read_leads(context, leads_table)
    ends = [
        _ends(context, about, leads, events, table)
        for about, table in zip(tables.outcomes, outcomes, strict=True)
    ]
    told = [one for one in ends if one is not None]
    if leads is None or len(told) < len(ends):
        for _ in canonical_events(context, events, None):
            pass
        return None
    settled = settle(context, told, leads)
    merges, accounts = read_merges(context), read_accounts(context, leads)
    matched = _matched(context, settled, accounts)
    changes = read_changes(context, leads, None if matched is None else matched.matches)
    for part in canonical_events(context, events, _with_ends(settled)):
        sink(part)
    assert context.collector is not None, "what passes by is counted"
    events_seen = context.collector.events
    until = _observed_until(context, settled, events_seen)
    begin = recorded_from(context, settled, until)
    return Examined(settled, events_seen, until, begin, merges, accounts, matched, changes)


def _matched(
    context: Context, settled: Settled, accounts: pl.DataFrame | None
) -> MatchedLeads | None:
    """Match leads to accounts, where the source asks for it."""
    asked, leads = context.definition.accounts, settled.leads.frame
    if asked is None:
        return None
    if "account_id" in asked.match and (fault := alike_ids(leads, accounts)) is not None:
        context.ledger.fault(fault)
    return match_leads(leads, accounts, asked.match)


def _with_ends(settled: Settled) -> pl.DataFrame:
    """Tell what is known of leads while their events are read, and when they ended."""
    ended = settled.outcomes.select("lead_id", ended_at=pl.min_horizontal("won_at", "lost_at"))
    return known_leads(settled.leads).join(ended, on="lead_id", how="left", maintain_order="left")


def _open_outcomes(context: Context) -> list[RawTable | None]:
    """Open the tables of outcomes; None where one cannot be read, or is no table of its own."""
    definition = context.definition
    return [
        None
        if isinstance(about, EventOutcomes) or about.read is None
        else context.open(name, about)
        for name, about in zip(
            definition.outcome_table_names(), definition.tables.outcomes, strict=True
        )
    ]


def _ends(
    context: Context,
    about: Outcomes,
    leads: CanonicalLeads | None,
    events: list[OpenEvents],
    table: RawTable | None,
) -> Ends | None:
    if isinstance(about, EventOutcomes):
        return None if leads is None else ends_by_events(context, about, events, leads)
    if about.read is None:
        return None if leads is None else ends_of_leads(context, about, leads)
    return None if table is None else read_ends(context, about, table)


def _warn_of_absent_forbidden(context: Context, tables: list[RawTable]) -> None:
    tables = [one for table in tables for one in table.every()]
    if len(tables) < len(context.definition.readers()):
        return
    columns = [column for table in tables for column in table.columns]
    for column in context.definition.forbidden:
        if column not in columns:
            # A misspelt prohibition prohibits nothing.
            context.ledger.fault(
                Fault(
                    where=f"forbidden: {column!r}",
                    found="no such column in any table",
                    expected="a column of the export",
                    remedy=f"{did_you_mean(column, columns)} If the export no longer has it, "
                    "remove it here.",
                    severity="warning",
                )
            )


def _observed_until(context: Context, settled: Settled, events: EventFacts) -> datetime | None:
    if context.definition.observed_until != "latest":
        return context.until if context.definition.is_dated else None
    ends = settled.outcomes
    created = settled.leads.frame["created_at"]
    times = [created.max(), ends["won_at"].max(), ends["lost_at"].max()]
    moments = [time for time in [*times, events.last] if isinstance(time, datetime)]
    return max(moments).astimezone(UTC) if moments else None


_TOP = 10
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_PERSONAL = frozenset({"email", "phone"})

_TOLD = ("severity", "level", "where", "found", "expected", "remedy", "count")
Plain = dict[str, Any]


def describe_quality(
    definition: SourceDefinition,
    examined: Examined,
    ledger: Ledger,
    faults: list[Fault],
    doubts: Sequence[Doubt] = (),
) -> Plain:
    """Describe the tables as plain data."""
    until, begin = examined.observed_until, examined.outcomes_from
    return {
        "source": definition.name,
        "title": definition.title,
        "time_order": str(time_order(definition)),
        "observed_until": None if until is None else until.isoformat(),
        "outcomes_from": None if begin is None else begin.isoformat(),
        "tables": _tables(definition, examined, ledger),
        "account": account_plain(ledger.account.lines(definition.readers())),
        "outcomes": count_outcomes(examined.settled.outcomes),
        "columns": _columns(examined),
        "events": _events(examined),
        "faults": [plain_fault(fault) for fault in faults],
        "doubts": [doubt.as_plain() for doubt in doubts],
        "counts": ledger.counts(),
        "unused_columns": list(examined.settled.leads.unused_columns),
        "forbidden": definition.forbidden,
    }


def plain_fault(fault: Fault) -> Plain:
    """Describe a fault as plain data."""
    return {name: getattr(fault, name) for name in _TOLD}


def count_outcomes(outcomes: pl.DataFrame) -> dict[str, int]:
    """Count how leads ended."""
    won = pl.col("won_at").is_not_null() | pl.col("converted").fill_null(False)
    lost = pl.col("lost_at").is_not_null() | ~pl.col("converted").fill_null(True)
    counts = outcomes.select(won=won.sum(), lost=(lost & ~won).sum(), all=pl.len()).row(0)
    return {"won": counts[0], "lost": counts[1], "open": counts[2] - counts[0] - counts[1]}


def _tables(definition: SourceDefinition, examined: Examined, ledger: Ledger) -> Plain:
    read = {name: ledger.total(name) for name in definition.readers()}
    events = sum(read[name] for name in definition.event_table_names() if name in read)
    kept = examined.settled.leads.frame.height
    tables = {
        "leads": {"rows": read["leads"], "kept": kept},
        "events": {"rows": events, "kept": examined.events.rows},
    }
    for name, used in examined.settled.used_rows.items():
        if name in read and name != LEADS:
            tables[name] = {"rows": read[name], "kept": used}
    return tables


def _columns(examined: Examined) -> list[Plain]:
    frame, types = examined.settled.leads.frame, dict(examined.settled.leads.attribute_types)
    if "rules_score" in frame.columns:
        types = {"rules_score": "number", **types}
    if frame["created_at"].count():
        types = {"created_at": "time", **types}
    return [_column(frame[name], kind) for name, kind in types.items()]


def _column(series: pl.Series, kind: str) -> Plain:
    about: Plain = {
        "name": series.name,
        "type": kind,
        "missing_share": series.null_count() / max(len(series), 1),
        "distinct": series.drop_nulls().n_unique(),
    }
    if kind in ("number", "time"):
        values = [series.quantile(share, "nearest") for share in _QUANTILES]
        shown = [one.isoformat() if isinstance(one, datetime) else one for one in values]
        about["quantiles"] = [[share, one] for share, one in zip(_QUANTILES, shown, strict=True)]
    elif kind != "text" and series.name not in _PERSONAL:
        about["top"] = _top(series)
    return about


def _top(series: pl.Series) -> list[list[str | int]]:
    counts = series.drop_nulls().cast(pl.String).value_counts(name="count")
    value = counts.columns[0]
    ordered = counts.sort("count", value, descending=[True, False]).head(_TOP)
    return [list(row) for row in ordered.iter_rows()]


def _events(examined: Examined) -> Plain:
    events = examined.events
    ordered = sorted(events.types.items(), key=lambda item: (-item[1], item[0]))
    return {
        "types": [[name, count] for name, count in ordered],
        "first": None if events.first is None else events.first.isoformat(),
        "last": None if events.last is None else events.last.isoformat(),
    }


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
    account: tuple[AccountLine, ...] = ()
    """Where the rows of each table went; empty where a table could not be read."""
    tables: Tables | None = None
    """What was read, without the events; None where a table could not be read."""
    profile: Plain | None = None
    """What was read, with its doubts (see `leadcast.features.profile.describe`); None where a table
    could not be read."""
    nonhuman: Plain | None = None
    """Which events are not people's (see `leadcast.features.nonhuman.telling`); None where the
    definition does not ask."""
    merges: pl.DataFrame | None = None
    """What the CRM has merged, where the source has such a table."""

    @property
    def is_fine(self) -> bool:
        """Whether there are no errors; there may be warnings."""
        return all(fault.severity == "warning" for fault in self.faults)

    def as_plain(self) -> Plain:
        """Describe it as plain data: ``faults``, ``counts``, ``unused_columns``, ``profile``."""
        told = {} if self.nonhuman is None else {"nonhuman": self.nonhuman}
        return {
            "subject": self.subject,
            "is_fine": self.is_fine,
            "faults": [plain_fault(fault) for fault in self.faults],
            "counts": dict(self.counts),
            "unused_columns": list(self.unused_columns),
            "profile": self.profile,
            **told,
        }

    def __str__(self) -> str:
        told = describe_faults(self.subject, self.faults)
        if not self.counts:
            return told
        counted = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        rows = (f"  {words}" for words in account_words(self.account))
        lines = [told, f"  read: {counted}", *rows]
        if self.nonhuman is not None:
            first, *others = nonhuman_words(self.nonhuman)
            lines += [f"  {first}", *(f"    {words}" for words in others)]
        return "\n".join(lines)


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
    account: tuple[AccountLine, ...] = ()
    """Where the rows of each table went."""
    outcomes_from: datetime | None = None
    """From when on outcomes were recorded; None: ever since the first lead."""
    doubts: tuple[Doubt, ...] = ()
    """What is to be doubted, the worst first."""
    nonhuman: Plain | None = None
    """As in `CheckResult`."""

    def __str__(self) -> str:
        read = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        told = f"{read}; {self.quarantined:,} rows in quarantine, {len(self.warnings)} warnings"
        begin = self.outcomes_from
        late = [] if begin is None else [f"outcomes recorded from {moment_words(begin)} on"]
        odd = doubts_words(self.doubts)
        machines = [] if self.nonhuman is None else nonhuman_words(self.nonhuman)[:1]
        rows = account_words(_with_losses(self.account))
        return "; ".join([told, *late, *odd, *machines, *rows])


def _with_losses(account: Sequence[AccountLine]) -> list[AccountLine]:
    losing = {line.table for line in account if line.fate != KEPT}
    return [line for line in account if line.table in losing]


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
    ledger, judge = Ledger(), EventJudge.of(definition)
    read = _read(definition, ledger, _let_pass if judge is None else judge.add, progress)
    examined = read.examined
    judged = None if judge is None or examined is None else _judged(judge, examined)
    return CheckResult(
        subject=_subject(definition),
        faults=tuple(read.faults),
        counts={} if examined is None else _counts(examined),
        observed_until=None if examined is None else examined.observed_until,
        unused_columns=() if examined is None else examined.settled.leads.unused_columns,
        account=() if examined is None else tuple(ledger.account.lines(definition.readers())),
        tables=None if examined is None else _tables_of(definition, examined),
        profile=None if read.reading is None else describe_profile(read.reading, read.doubts),
        nonhuman=None if judged is None else judged.as_plain(),
        merges=None if examined is None else examined.merges,
    )


def _judged(judge: EventJudge, examined: Examined) -> JudgedEvents:
    return judge.judged(examined.settled.leads.frame)


@dataclass(frozen=True)
class _Read:
    """A source that was read to its end."""

    examined: Examined | None
    reading: SourceReading | None
    """None where a table could not be read."""
    doubts: list[Doubt]
    faults: list[Fault]


def _read(
    definition: SourceDefinition,
    ledger: Ledger,
    sink: Sink,
    progress: Progress,
    tombstones: Tombstones | None = None,
) -> _Read:
    """Read a source, and find what is wrong with it and what is to be doubted."""
    until = latest_possible(definition, datetime.now(UTC))
    collector = Collector(definition)
    context = Context(
        definition, ledger, until, progress, collector=collector, tombstones=tombstones
    )
    examined = examine(context, sink)
    reading = None if examined is None else _as_read(context, collector, examined)
    doubts = [] if reading is None else find_doubts(reading)
    return _Read(examined, reading, doubts, [*ledger.faults(definition.limits), *certain(doubts)])


def _as_read(context: Context, collector: Collector, examined: Examined) -> SourceReading:
    settled = examined.settled
    return SourceReading(
        definition=context.definition,
        collector=collector,
        ledger=context.ledger,
        leads=settled.leads.frame,
        raw=settled.leads.raw,
        attribute_types=settled.leads.attribute_types,
        outcomes=settled.outcomes,
        observed_until=examined.observed_until,
        outcomes_from=examined.outcomes_from,
    )


def ingest(
    definition: SourceDefinition,
    out: Path,
    progress: Progress = no_progress,
    tombstones: Tombstones | None = None,
) -> IngestResult:
    """Write a source's canonical tables, whole or not at all.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    out : Path
        The folder to write: ``leads.parquet``, ``events/part-*.parquet``, ``outcomes.parquet``,
        ``tables.json``, ``quarantine.parquet`` (see `leadcast.features.readers.ledger`) and
        ``quality.json`` (see `leadcast.features.ingest.ingest`).
    progress : callable
        Told the table and how many of its rows have been read.
    tombstones : Tombstones, optional
        Who was forgotten: their rows are left out and counted, and not in the quarantine either.

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
        judge = EventJudge.of(definition)
        writer = _EventWriter(folder / "events", judge)
        read = _read(definition, ledger, writer.write, progress, tombstones)
        examined, faults = read.examined, read.faults
        if examined is None or any(fault.severity == "error" for fault in faults):
            raise FaultsError(_subject(definition), faults)
        writer.finish()
        quarantine.finish(folder / "quarantine.parquet")
        if tombstones is not None:
            _forget_quarantined(folder / "quarantine.parquet", tombstones)
        judged = None if judge is None else _judged(judge, examined)
        _write_tables(definition, examined, folder, judged)
        quality = describe_quality(definition, examined, ledger, faults, read.doubts)
        told = None if judged is None else judged.as_plain()
        write_json(folder / "quality.json", quality | ({} if told is None else {"nonhuman": told}))
    account = tuple(ledger.account.lines(definition.readers()))
    about = (out, tuple(faults), _counts(examined), quarantine.rows, account)
    return IngestResult(*about, examined.outcomes_from, tuple(read.doubts), told)


def _forget_quarantined(path: Path, tombstones: Tombstones) -> None:
    rows = pl.read_parquet(path)
    rows.filter(~tombstones.ids(rows["lead_id"])).write_parquet(path)


def _tables_of(definition: SourceDefinition, examined: Examined) -> Tables:
    settled = examined.settled.leads
    leads, types = with_history(settled.frame, settled.attribute_types, examined.changes)
    return Tables(
        leads=leads,
        events=empty_events(),
        outcomes=examined.settled.outcomes,
        observed_until=examined.observed_until,
        time_order=time_order(definition),
        attribute_types=types,
        outcomes_from=examined.outcomes_from,
        delayed_entry=definition.before_outcomes == "delayed_entry",
        time_zone=definition.zone_of_leads if definition.is_dated else None,
        hygiene_features=definition.hygiene_features,
    )


def _write_tables(
    definition: SourceDefinition, examined: Examined, folder: Path, judged: JudgedEvents | None
) -> None:
    tables = _tables_of(definition, examined)
    if judged is not None:
        judged.rewrite(folder / "events", folder / NONHUMAN_FILE)
        if judged.drops:
            tables = replace(tables, nonhuman=judged.rules.to_json())
    if examined.matched is not None:
        tables = write_accounts(examined.matched, tables, examined.accounts, folder)
    tables = write_persons(definition.identity, tables, examined.merges, folder)
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

    def __init__(self, folder: Path, judge: EventJudge | None) -> None:
        folder.mkdir()
        self._folder, self._judge = folder, judge
        self._waiting: list[pl.DataFrame] = []
        self._parts = 0

    def write(self, part: pl.DataFrame) -> None:
        if part.height:
            self._waiting.append(part)
            if self._judge is not None:
                self._judge.add(part)
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
