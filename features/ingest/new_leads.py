"""New leads, to be scored, in the shape of a source's export.

New leads, to be scored, in canonical columns.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, in_words
from leadcast.features.definitions.definition import Limits, SourceDefinition
from leadcast.features.definitions.table_schema import EventsTable, FileReader, Reader, SqlReader
from leadcast.features.engine.inputs import CONTEXT, unknown_column
from leadcast.features.ingest.context import Context, Progress, latest_possible, no_progress
from leadcast.features.ingest.event_rows import KnownLeads, canonical_events, open_events
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import CanonicalLeads, read_leads
from leadcast.features.readers.issues import (
    BAD_CELL,
    BAD_ROW,
    BLANK,
    BROKEN_ROW,
    DUPLICATE_LEAD,
    EVENT_BEFORE_CREATION,
    EVENT_OF_OTHERS,
    NO_ZONE,
    IssueKind,
)
from leadcast.features.readers.ledger import KindIn, Ledger, Quarantine, as_defined
from leadcast.features.readers.opening import open_table
from leadcast.features.tables import empty_events

Place = Sequence[Path] | SqlReader
"""Files, or a query."""


@dataclass(frozen=True)
class NewLeads:
    """Leads that are to be scored."""

    leads: pl.DataFrame
    """As `leadcast.features.tables.Tables.leads`; with ``as_of`` where the file has it."""
    events: pl.LazyFrame
    """As `leadcast.features.tables.Tables.events`."""
    warnings: tuple[Fault, ...]
    """What was worked around."""
    set_aside: pl.DataFrame
    """The rows that were set aside, or kept with an empty value, and why
    (`leadcast.features.readers.ledger.SCHEMA`)."""


def read_new_leads(
    definition: SourceDefinition,
    leads: Place,
    events: Place = (),
    *,
    attribute_types: Mapping[str, str] = MappingProxyType({}),
    progress: Progress = no_progress,
) -> NewLeads:
    """Read new leads in the shape of a source's export, by the same mapping, without outcomes.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    leads, events : sequence of Path, or SqlReader
        Their files, or a query. Where the source has several tables of events, a file belongs to
        the table whose `read.files` has its name.
    attribute_types : mapping of str to str
        The types that the source's leads had (``Tables.attribute_types``), so that a type which
        was told from their values is not told anew from these.
    progress : callable
        Told the table and how many of its rows have been read.

    Returns
    -------
    NewLeads
        Without the existing score; events in memory.

    Raises
    ------
    FaultsError
        With every fault of the files.
    """
    about = without_history(definition, leads, events)
    return read_without_outcomes(
        subject_of(definition),
        about,
        newest_possible(definition),
        attribute_types=attribute_types,
        progress=progress,
    )


def subject_of(definition: SourceDefinition) -> str:
    """Name what is read, for messages.

    Parameters
    ----------
    definition : SourceDefinition

    Returns
    -------
    str
    """
    return f"new leads of source {definition.name!r}"


def newest_possible(definition: SourceDefinition) -> datetime:
    """Tell after which moment no time of new leads can be true.

    Parameters
    ----------
    definition : SourceDefinition

    Returns
    -------
    datetime
        Now, or the source's `observed_until` where that is later.
    """
    now = datetime.now(UTC)
    return max(now, latest_possible(definition, now))


def read_without_outcomes(
    subject: str,
    definition: SourceDefinition,
    until: datetime,
    *,
    attribute_types: Mapping[str, str] = MappingProxyType({}),
    warnings: Iterable[Fault] = (),
    progress: Progress = no_progress,
    kind_in: KindIn = as_defined,
) -> NewLeads:
    """Read leads and events by a definition, but not how the leads ended."""
    with tempfile.TemporaryDirectory() as folder:
        quarantine = Quarantine(Path(folder) / "parts")
        ledger = Ledger(quarantine, kind_in)
        for warning in warnings:
            ledger.fault(warning)
        context = Context(definition, ledger, until, progress, False, attribute_types)
        leads, events = _tables(context)
        faults = faults_of(ledger, definition)
        if leads is None or any(fault.severity == "error" for fault in faults):
            raise FaultsError(subject, faults)
        quarantine.finish(Path(folder) / "all.parquet")
        set_aside = pl.read_parquet(Path(folder) / "all.parquet", memory_map=False)
    return NewLeads(leads.frame, events.lazy(), tuple(faults), set_aside)


def faults_of(ledger: Ledger, definition: SourceDefinition) -> list[Fault]:
    """Tell what is wrong with new leads.

    Parameters
    ----------
    ledger : Ledger
        What was found.
    definition : SourceDefinition
        Its limits hold, but for those that a few leads beside a whole export of events break.

    Returns
    -------
    list of Fault
        Errors and warnings.
    """
    anything = {"events_before_creation": 1.0, "orphan_events": 1.0}
    return ledger.faults(definition.limits.model_copy(update=anything))


def _tables(context: Context) -> tuple[CanonicalLeads | None, pl.DataFrame]:
    table = context.open(LEADS, context.definition.tables.leads.read)
    opened = open_events(context)
    leads = None if table is None else read_leads(context, table)
    known = None if leads is None else KnownLeads.of(leads)
    parts = list(canonical_events(context, opened, known))
    return leads, pl.concat([empty_events().collect(), *parts])


def without_history(
    definition: SourceDefinition, leads: Place, events: Place = ()
) -> SourceDefinition:
    """Point a definition to other rows; new leads have neither an order nor an old score yet.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    leads, events : sequence of Path, or SqlReader
        As in `read_new_leads`.

    Returns
    -------
    SourceDefinition

    Raises
    ------
    FaultsError
        If events belong to no table of the source, or a query might be of several.
    """
    tables = definition.tables
    new_leads = tables.leads.model_copy(
        update={
            "read": _reader_of(tables.leads.read, leads),
            "order_by": None,
            "rules_score": (),
        }
    )
    found, faults = _events_of(definition, events)
    if faults:
        raise FaultsError(subject_of(definition), faults)
    update = {"leads": new_leads, "events": tuple(found)}
    return definition.model_copy(update={"tables": tables.model_copy(update=update)})


def _events_of(
    definition: SourceDefinition, events: Place
) -> tuple[list[EventsTable], list[Fault]]:
    tables, found = definition.tables.events, list[EventsTable]()
    if isinstance(events, SqlReader):
        if len(tables) != 1:
            return found, [_homeless("a query", definition)]
        return [_read_from(tables[0], events)], []
    left = list(events)
    for table in tables:
        mine = [file for file in left if len(tables) == 1 or _is_of(file, table.read)]
        left = [file for file in left if file not in mine]
        if mine:
            found.append(_read_from(table, mine))
    return found, [_homeless(str(file), definition) for file in left]


def _read_from(table: EventsTable, place: Place) -> EventsTable:
    return table.model_copy(update={"read": _reader_of(table.read, place)})


def _reader_of(reader: Reader, place: Place) -> Reader:
    if isinstance(place, SqlReader):
        return place.model_copy(update={"missing": reader.missing})
    # Absolute, because the source's root is of no concern for files that are named one by one.
    names = tuple(str(file.resolve()) for file in place)
    if isinstance(reader, FileReader):
        return reader.model_copy(update={"files": names, "format": None})
    return FileReader(files=names, missing=reader.missing)


def _is_of(file: Path, reader: Reader) -> bool:
    patterns = reader.files if isinstance(reader, FileReader) else ()
    return any(fnmatch(file.name, Path(pattern).name) for pattern in patterns)


def _homeless(where: str, definition: SourceDefinition) -> Fault:
    return Fault(
        where=where,
        found="events of no table of the source",
        expected="a file named like `read.files` of one of its tables of events"
        if definition.tables.events
        else "no events: the source has none",
        remedy="Name files so, or leave them out.",
    )


_WHAT_TO_DO = "Name the file with the leads to score"
_MOMENTS = ("as_of", "updated_at")
_TIMES = "Write times with their zone, as 2026-01-05T09:30:00Z or 2026-01-05T10:30:00+01:00"
_UNTOLD = (EVENT_OF_OTHERS, EVENT_BEFORE_CREATION)
_ADVICE: Mapping[IssueKind, str] = {
    BROKEN_ROW: "Put commas between fields, and texts that hold one into double quotes",
    BAD_CELL: "Write numbers as 1234.5, flags as true or false, times as 2026-01-05T09:30:00Z, "
    "and nothing where a value is not known",
    BAD_ROW: _TIMES,
    NO_ZONE: _TIMES,
    BLANK: "Fill it, or leave such rows out",
    DUPLICATE_LEAD: "Keep one row a lead",
}
"""What to do about faults where there is no definition to change."""


def read_canonical(
    leads_file: Path,
    events_file: Path | None = None,
    *,
    attribute_types: Mapping[str, str],
    is_dated: bool,
    time_zone: str | None = None,
) -> NewLeads:
    """Read new leads in canonical columns, with the same care as an export.

    Parameters
    ----------
    leads_file : Path
        CSV or Parquet: ``lead_id``, ``created_at`` where the source is dated, attributes by their
        canonical names, and perhaps ``as_of`` and ``updated_at`` (times, null where blank). An
        attribute without a column counts as missing; further columns are left out, with a warning.
    events_file : Path or None
        CSV or Parquet: ``lead_id``, ``occurred_at``, ``event_type``, perhaps ``value``.
    attribute_types : mapping of str to str
        The attributes that are wanted, and their types (``Tables.attribute_types``).
    is_dated : bool
        Whether leads have a creation time.
    time_zone : str or None
        The zone of times that name none; such times are refused without it.

    Returns
    -------
    NewLeads

    Raises
    ------
    FaultsError
        With every fault of the files.
    """
    subject = f"leads {leads_file}"
    columns = _columns_of(subject, leads_file)
    present = {name: kind for name, kind in attribute_types.items() if name in columns}
    present |= {name: "time" for name in _MOMENTS if name in columns}
    leads: dict[str, Any] = {
        "read": {"files": str(leads_file.resolve())},
        "columns": {"lead_id": "lead_id"} | ({"created_at": "created_at"} if is_dated else {}),
        "attributes": {name: {"column": name, "type": kind} for name, kind in present.items()},
    }
    tables: dict[str, Any] = {
        "leads": leads,
        "events": [] if events_file is None else [_events(subject, events_file)],
        # Never read: nobody knows yet how these leads end.
        "outcomes": {"form": "status", "columns": {"status": "status"}, "won": ["won"]},
    }
    definition = _definition(tables, time_zone)
    # Whoever scores old leads anew knows what "now" is; nothing here is too late.
    until = datetime.max.replace(tzinfo=UTC)
    new = read_without_outcomes(subject, definition, until, kind_in=kind_in)
    unknown = (name for name in columns if name not in {*CONTEXT, *attribute_types})
    unused = (in_words(unknown_column(name, new.leads.height)) for name in unknown)
    return replace(new, warnings=(*new.warnings, *unused))


def kind_in(kind: IssueKind, table: str) -> IssueKind | None:
    """Tell a fault in canonical columns as one of a file that no definition describes.

    Parameters
    ----------
    kind : IssueKind
        As a source with a definition has it.
    table : str
        ``leads`` or ``events``.

    Returns
    -------
    Kind or None
        A lead at fault is one too many, as it is for the scorer; a few events are left out. None
        for events of other leads, and before their lead's creation: both are as they should be.
    """
    if kind in _UNTOLD:
        return None
    if kind is BLANK and table == "events":
        # However many: as where events stream by.
        kind = replace(kind, limit=EVENT_OF_OTHERS.limit)
    told = replace(
        kind,
        has_key=False,
        consequence="They are left out"
        if kind is not BAD_CELL
        else "They are kept with an empty value",
        advice=_ADVICE.get(kind, kind.advice),
        expected=kind.expected.removesuffix(", or a declared zone"),
    )
    return replace(told, limit="") if table == "leads" else told


def _events(subject: str, events_file: Path) -> dict[str, Any]:
    names = ["lead_id", "occurred_at", "event_type"]
    if "value" in _columns_of(subject, events_file):
        names.append("value")
    return {
        "read": {"files": str(events_file.resolve())},
        "columns": {name: name for name in names},
    }


def _columns_of(subject: str, file: Path) -> list[str]:
    ledger = Ledger(kind_in=kind_in)
    reader = FileReader(files=(str(file.resolve()),))
    table = open_table("file", reader, file.resolve().parent, _WHAT_TO_DO, ledger)
    if table is None:
        raise FaultsError(subject, ledger.faults(Limits()))
    return table.columns


def _definition(tables: dict[str, Any], time_zone: str | None) -> SourceDefinition:
    return SourceDefinition.model_validate(
        {
            "name": "new_leads",
            "title": "New leads",
            "where_to_get": _WHAT_TO_DO,
            "root": ".",
            "time_zone": time_zone,
            "tables": tables,
        }
    )
