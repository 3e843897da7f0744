"""New leads in pieces by lead and in bounded memory.

The raw rows go to disk as they come, each with its place in the export, and are split by lead. Then
each piece is read as a whole export is, and all pieces share one account of what is wrong: faults
are told once, with their counts, lines and limits, as if nothing had been split.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.files import written_out
from leadcast.features.definitions.table_schema import ExportColumn
from leadcast.features.engine.partition import ROW, Read, split_by_lead
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.event_rows import (
    OpenEvents,
    canonical_events,
    known_leads,
    no_events,
    open_events,
)
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import read_leads, wanted_columns
from leadcast.features.ingest.new_ends import with_ends
from leadcast.features.ingest.new_leads import NewRows
from leadcast.features.readers.ledger import Ledger, Quarantine
from leadcast.features.readers.opening import RawTable
from leadcast.features.readers.origins import RawRows, UnreadableError
from leadcast.features.values.columns import alike

Piece = tuple[pl.LazyFrame, pl.LazyFrame | None]
"""Leads, and events where there are any."""

_RAW = "raw "
"""In front of an export's own names, which may be any."""
_NUMBERED = "number of the row"
_FILE_ROWS = 10**12
"""More rows than a file has: what a row's file counts in its place among all."""


@dataclass(frozen=True)
class LeadsInPieces:
    """New leads in canonical columns, on disk."""

    pieces: list[Piece]
    """Leads with the column `leadcast.features.engine.partition.ROW`, and their events."""
    warnings: tuple[Fault, ...]
    """What was worked around."""
    set_aside: int
    """How many rows were set aside, or kept with an empty value."""


@dataclass(frozen=True)
class _Split(RawTable):
    """One piece of a table: its rows of some leads, in the table's order."""

    stored: tuple[Read, ...]
    """Each gives its rows; one for each schema that the table's files or chunks have."""

    def parts(
        self,
        columns: Sequence[str],
        ledger: Ledger,  # noqa: ARG002 - has counted these rows when they were stored
    ) -> Iterator[RawRows]:
        frames = [read().collect() for read in self.stored]
        if not frames:
            return
        names = [ROW, *(_RAW + column for column in columns)]
        held = alike([frame.schema for frame in frames], names)
        whole = pl.concat(frame.select(own) for frame, own in zip(frames, held, strict=True))
        # Rows that a join has multiplied have one place.
        frame = whole.sort(ROW, maintain_order=True)
        row = frame[ROW]
        raw = frame.select(pl.col(_RAW + column).alias(column) for column in columns)
        yield RawRows(raw, row % _FILE_ROWS, (row // _FILE_ROWS).cast(pl.Int32), self.origins)


def read_in_pieces(
    rows: NewRows, folder: Path, piece_rows: int, aside: Path | None = None, *, force: bool = False
) -> LeadsInPieces:
    """Read new leads without holding more than a piece of them.

    Parameters
    ----------
    rows : NewRows
    folder : Path
        Where the pieces are kept.
    piece_rows : int
        About how many leads a piece has.
    aside : Path or None
        The file of the rows that were set aside; written where there are any. None where they are
        only counted.
    force : bool
        Whether `aside` may take the place of a file that Leadcast did not write.

    Returns
    -------
    LeadsInPieces

    Raises
    ------
    FaultsError
        As `NewRows.whole` does, with the same faults.
    """
    # What a killed batch has left may be half done; the same pieces come out again.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quarantine = None if aside is None else Quarantine(folder / "set_aside")
    context = rows.context(quarantine)
    pieces = _pieces(context, folder, piece_rows)
    warnings = rows.told(context.ledger, context.ledger.total(LEADS))
    if aside is None or quarantine is None or not quarantine.rows:
        return LeadsInPieces(pieces, warnings, 0)
    with written_out(aside, force=force) as temporary:
        quarantine.finish(temporary)
    return LeadsInPieces(pieces, warnings, quarantine.rows)


def _pieces(context: Context, folder: Path, piece_rows: int) -> list[Piece]:
    table = context.open(LEADS, context.definition.tables.leads)
    opened = open_events(context)
    if table is None:
        return _only_faults(context, opened)
    table, columns = wanted_columns(context, table)
    own_id = context.definition.tables.leads.columns.lead_id
    id_column = own_id.column if isinstance(own_id, ExportColumn) else None
    if id_column in table.lacking:
        id_column = None
    n_rows = _store(context, table, columns, id_column, folder / "leads")
    if n_rows is None:
        return _only_faults(context, opened)
    if id_column is None:
        context, table = _numbered(context, table)
    n_pieces = max(1, -(-n_rows // piece_rows))
    events = []
    for number, one in enumerate(opened):
        own = folder / f"events_{number}"
        _store(context, one.table, one.wanted(), one.about.columns.lead_id, own)
        events.append([replace(one, table=part) for part in _split(one.table, own, n_pieces)])
    pieces = [
        _piece(context, part, [parts[number] for parts in events], folder / f"piece_{number:06}")
        for number, part in enumerate(_split(table, folder / "leads", n_pieces))
    ]
    return [piece for piece in pieces if piece is not None]


def _only_faults(context: Context, opened: Sequence[OpenEvents]) -> list[Piece]:
    """Read events for their faults, which are told with those of the leads."""
    for _ in canonical_events(context, opened, None):
        pass
    return []


def _store(
    context: Context, table: RawTable, columns: Sequence[str], id_column: str | None, folder: Path
) -> int | None:
    """Write a table's raw rows and their places; give how many, or None where one is unreadable."""
    folder.mkdir()
    n_rows = 0
    try:
        for number, rows in enumerate(table.parts(columns, context.ledger)):
            frame = rows.frame.select(pl.all().name.prefix(_RAW))
            if id_column is None:
                numbers = pl.int_range(n_rows + 1, n_rows + len(rows) + 1, eager=True)
                ids = numbers.cast(pl.String)
                frame = frame.with_columns(ids.alias(_RAW + _NUMBERED))
            else:
                ids = context.ids(rows.frame[id_column], table.missing).values
            frame = frame.with_columns(ids.alias("lead_id"), _places(rows))
            frame.write_parquet(folder / f"{number:06}.parquet", compression="lz4")
            n_rows += len(rows)
    except UnreadableError as error:
        context.ledger.fault(error.fault)
        return None
    return n_rows


def _numbered(context: Context, table: RawTable) -> tuple[Context, RawTable]:
    """Let the numbers that the rows were given be the column of the leads' ids."""
    leads = context.definition.tables.leads
    columns = leads.columns.model_copy(update={"lead_id": ExportColumn(column=_NUMBERED)})
    leads = leads.model_copy(update={"columns": columns})
    tables = context.definition.tables.model_copy(update={"leads": leads})
    definition = context.definition.model_copy(update={"tables": tables})
    named = replace(table, columns=[*table.columns, _NUMBERED])
    return replace(context, definition=definition), named


def _places(rows: RawRows) -> pl.Series:
    """Give each row a number in the order of the table."""
    return (rows.origin.cast(pl.Int64) * _FILE_ROWS + rows.number).alias(ROW)


def _split(table: RawTable, folder: Path, n_pieces: int) -> list[_Split]:
    groups: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.parquet")):
        # A column may be of another type in another file, or in another chunk of a query.
        groups.setdefault(str(pl.read_parquet_schema(file)), []).append(file)
    split = [
        split_by_lead(folder / f"split_{number}", pl.scan_parquet(files), n_pieces)
        for number, files in enumerate(groups.values())
    ]
    about = (table.name, table.origins, table.columns, table.missing)
    return [
        _Split(*about, tuple(stored), lacking=table.lacking) for stored in zip(*split, strict=True)
    ] or [_Split(*about, (), lacking=table.lacking)] * n_pieces


def _piece(
    context: Context, leads_table: RawTable, events: Sequence[OpenEvents], folder: Path
) -> Piece | None:
    leads = read_leads(context, leads_table)
    if leads is None or leads_table.lacking:
        _only_faults(context, events)
        return None
    known = known_leads(leads)
    theirs = pl.concat([no_events(context), *canonical_events(context, events, known)])
    folder.mkdir()
    frame = with_ends(context, leads, events)
    frame.with_columns(_places(leads.raw)).write_parquet(folder / "leads.parquet")
    theirs.write_parquet(folder / "events.parquet")
    return pl.scan_parquet(folder / "leads.parquet"), pl.scan_parquet(folder / "events.parquet")
