"""New leads, to be scored, in the shape of a source's export."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

import polars as pl

from features.errors import Fault, FaultsError
from features.sources.context import Context, Progress, latest_possible, no_progress
from features.sources.definition import SourceDefinition
from features.sources.event_tables import open_events
from features.sources.events import KnownLeads, canonical_events
from features.sources.leads import NAME as LEADS
from features.sources.leads import Leads, read_leads
from features.sources.ledger import KindIn, Ledger, as_defined
from features.sources.quarantine import Quarantine
from features.sources.schema import EventsTable, FileReader, Reader, SqlReader
from features.tables import empty_events

Place = Sequence[Path] | SqlReader
"""Files, or a query."""


@dataclass(frozen=True)
class NewLeads:
    """Leads that are to be scored.

    Parameters
    ----------
    leads : pl.DataFrame
        As `features.tables.Tables.leads`; with ``as_of`` where the file has it.
    events : pl.LazyFrame
        As `features.tables.Tables.events`.
    warnings : tuple of Fault
        What was worked around.
    set_aside : pl.DataFrame
        The rows that were set aside, or kept with an empty value, and why
        (`features.sources.quarantine.SCHEMA`).
    """

    leads: pl.DataFrame
    events: pl.LazyFrame
    warnings: tuple[Fault, ...]
    set_aside: pl.DataFrame


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
    """Read leads and events by a definition, but not how the leads ended.

    Parameters
    ----------
    subject : str
        What is read, for messages.
    definition : SourceDefinition
        The tables.
    until : datetime
        No time can be later.
    attribute_types : mapping of str to str
        Types for attributes without one.
    warnings : iterable of Fault
        What was found before.
    progress : callable
        Told the table and how many of its rows have been read.
    kind_in : callable
        As in `features.sources.ledger.Ledger`.

    Returns
    -------
    NewLeads

    Raises
    ------
    FaultsError
        With every fault of the files.
    """
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


def _tables(context: Context) -> tuple[Leads | None, pl.DataFrame]:
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
