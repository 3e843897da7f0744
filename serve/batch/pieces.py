"""Tables that do not stream by as they are, in pieces by lead: large CSV, many CSV, queries.

The rows go to disk as they come, numbered, with their values as texts or as the database gave
them; then they are split by lead, and each piece is read with the care of a small file.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, in_words
from leadcast.features.base.files import written_whole
from leadcast.features.definitions.definition import Limits
from leadcast.features.definitions.table_schema import FileReader, Reader, SqlReader
from leadcast.features.engine.coded import NEEDED
from leadcast.features.engine.inputs import CONTEXT, unknown_column
from leadcast.features.ingest.new_leads import kind_in, read_canonical
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import RawTable, open_table, require_columns
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.values.columns import alike
from leadcast.serve.batch.output import ROW
from leadcast.serve.batch.places import Place
from leadcast.serve.batch.split import Read, split_by_lead

_WHERE = "Name the file with the leads to score"
_STAND_INS = {
    "lead_id": pl.col(ROW).cast(pl.String).alias("lead_id"),
    "created_at": pl.lit("2000-01-01T00:00:00Z").alias("created_at"),
    "occurred_at": pl.lit("2000-01-01T00:00:00Z").alias("occurred_at"),
    "event_type": pl.lit("none").alias("event_type"),
}
"""Instead of columns that are missing, so that the faults of the others are told all the same."""


def read_in_pieces(
    leads: Place,
    events: Place | None,
    folder: Path,
    *,
    attribute_types: Mapping[str, str],
    is_dated: bool,
    time_zone: str | None,
    piece_rows: int,
) -> tuple[list[tuple[pl.LazyFrame, pl.LazyFrame | None]], tuple[Fault, ...]]:
    """Read leads and events in pieces, in bounded memory."""
    # What a killed batch has left may be half done; the same pieces come out again.
    shutil.rmtree(folder, ignore_errors=True)
    needed = ("lead_id", "created_at") if is_dated else ("lead_id",)
    n_leads, faults = _store("leads", leads, folder, needed, attribute_types)
    n_events: int | None = 0
    if events is not None:
        n_events, more = _store("events", events, folder, NEEDED)
        faults += more
    if n_leads is None or n_events is None:
        raise FaultsError(f"leads {leads.name}", faults)
    n_pieces = max(1, -(-n_leads // piece_rows))
    some = split_by_lead(folder / "leads_split", _stored(folder, "leads"), n_pieces)
    theirs: list[Read | None] = [None] * n_pieces
    if events is not None:
        theirs = [*split_by_lead(folder / "events_split", _stored(folder, "events"), n_pieces)]
    pieces = []
    for number, (own, their) in enumerate(zip(some, theirs, strict=True)):
        piece = folder / f"piece_{number:06}"
        names = _written(piece, own(), None if their is None else their())
        original = {names[0]: leads.name} | ({} if events is None else {names[1]: events.name})
        try:
            new = read_canonical(
                piece / "leads.parquet",
                None if their is None else piece / "events.parquet",
                attribute_types={**attribute_types, ROW: "number"},
                is_dated=is_dated,
                time_zone=time_zone,
            )
        except FaultsError as error:
            faults += [_told_of(fault, original) for fault in error.faults]
            continue
        faults += [_told_of(fault, original) for fault in new.warnings]
        pieces.append(_kept(piece, new.leads, None if their is None else new.events))
    if any(fault.severity == "error" for fault in faults):
        raise FaultsError(f"leads {leads.name}", faults)
    return pieces, tuple(faults)


def _store(
    name: str,
    place: Place,
    folder: Path,
    needed: Sequence[str],
    attribute_types: Mapping[str, str] | None = None,
) -> tuple[int | None, list[Fault]]:
    """Write a table's rows as they are, numbered, in bounded memory.

    Gives how many there are, None where it cannot be read to its end, and what is wrong; columns of
    leads that nobody has use for are left out, and something stands in for those that are missing.
    """
    ledger, n_rows = Ledger(kind_in=kind_in), 0
    reader: Reader
    if place.query is None:
        reader = FileReader(files=tuple(str(file.resolve()) for file in place.files))
    else:
        reader = SqlReader(sql=place.query, url_env=place.url_env)
    table = open_table(name, reader, Path.cwd(), _WHERE, ledger)
    if table is None:
        return None, ledger.faults(Limits())
    table = require_columns(table, [(f"columns.{column}", column) for column in needed], ledger)
    unknown = []
    if attribute_types is not None:
        unknown = [name for name in table.columns if name not in {*CONTEXT, *attribute_types}]
    wanted = [*(name for name in table.columns if name not in unknown), *table.lacking]
    stand_ins = [_STAND_INS[column] for column in table.lacking]
    with written_whole(folder / name) as new:
        new.mkdir()
        try:
            for number, rows in enumerate(table.parts(wanted, ledger)):
                numbered = rows.frame.with_row_index(ROW, offset=n_rows).with_columns(stand_ins)
                numbered.write_parquet(new / f"{number:06}.parquet", compression="lz4")
                n_rows += rows.frame.height
        except UnreadableError as error:
            ledger.fault(error.fault)
            return None, ledger.faults(Limits())
        if not n_rows:
            empty = pl.DataFrame(schema={ROW: pl.UInt32, **dict.fromkeys(wanted, pl.String)})
            empty.write_parquet(new / "000000.parquet")
    # A header whose names are all wrong is told already.
    unused = [] if "lead_id" in table.lacking else unknown
    told = [in_words(unknown_column(column, n_rows)) for column in unused]
    return n_rows, [*ledger.faults(Limits()), *_not_in_all(table), *told]


def _not_in_all(table: RawTable) -> Iterator[Fault]:
    columns = {origin.name: origin.columns() for origin in table.origins}
    for name in dict.fromkeys(name for own in columns.values() for name in own):
        lacking = [file for file, own in columns.items() if name not in own]
        if lacking:
            yield Fault(
                where=f"{table.name}: column {name!r}",
                found=f"no such column in {len(lacking)} of {len(columns)} files ({lacking[0]})",
                expected="the same columns in all files",
                remedy="It is left aside in all of them; add it to the others.",
                severity="warning",
            )


def _stored(folder: Path, name: str) -> pl.LazyFrame:
    files = sorted((folder / name).glob("*.parquet"))
    # Files, and a query's chunks, may differ in type; each value stays what it is.
    tables = [pl.scan_parquet(file) for file in files]
    schemas = [table.collect_schema() for table in tables]
    held = alike(schemas, schemas[0])
    return pl.concat(
        [table.select(own) for table, own in zip(tables, held, strict=True)], rechunk=False
    )


def _written(piece: Path, leads: pl.LazyFrame, events: pl.LazyFrame | None) -> list[str]:
    piece.mkdir()
    names = [piece / "leads.parquet"]
    leads.sort(ROW).sink_parquet(names[0])
    if events is not None:
        names.append(piece / "events.parquet")
        events.sort(ROW).drop(ROW).sink_parquet(names[1])
    return [str(name.resolve()) for name in names]


def _kept(
    piece: Path, leads: pl.DataFrame, events: pl.LazyFrame | None
) -> tuple[pl.LazyFrame, pl.LazyFrame | None]:
    typed = piece / "leads_typed.parquet"
    leads.with_columns(pl.col(ROW).cast(pl.UInt32)).write_parquet(typed)
    if events is None:
        return pl.scan_parquet(typed), None
    events.sink_parquet(piece / "events_typed.parquet")
    return pl.scan_parquet(typed), pl.scan_parquet(piece / "events_typed.parquet")


def _told_of(fault: Fault, original: Mapping[str, str]) -> Fault:
    where, found = fault.where, fault.found
    for name, its in original.items():
        where, found = (text.replace(name, its) for text in (where, found))
    # The column of places is the batch's own.
    remedy = fault.remedy.replace(f"'{ROW}', ", "")
    return replace(fault, where=where, found=found, remedy=remedy)
