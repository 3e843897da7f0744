"""What a batch reads: tables that fit stream by, everything else is read with care."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.base.packing import parquet_fault
from leadcast.features.engine.coded import ParquetEvents
from leadcast.serve.asked import refuse
from leadcast.serve.batch.places import Place
from leadcast.serve.scorer import Scorer

WHOLE_BYTES = 64_000_000
"""Files that are not larger together are read whole, so that faults are told line by line."""
PIECE_ROWS = 100_000
"""About so many leads of what is larger are read at a time."""

CODED_BYTES = 2_000_000
"""Smaller Parquet files of events are read sooner than what reads codes is imported."""

Piece = tuple[pl.LazyFrame, pl.LazyFrame | None]


@dataclass(frozen=True)
class BatchInputs:
    """Leads and events to score.

    Parameters
    ----------
    pieces : sequence of (pl.LazyFrame, pl.LazyFrame or None)
        Leads, as `Scorer.score` takes them, and events. One pair, or several by
        lead, whose leads then have the column `leadcast.serve.batch.output.ROW`.
    warnings : tuple of Fault
        What was worked around while reading.
    coded : ParquetEvents or None
        The events of the only piece once more, to be read by codes, where that is worth it.
    as_given : bool
        Whether the only piece is what the files hold, unchanged.
    """

    pieces: Sequence[Piece]
    warnings: tuple[Fault, ...] = ()
    coded: ParquetEvents | None = None
    as_given: bool = False


def read_inputs(
    scorer: Scorer, leads: Place, events: Place | None, time_zone: str | None, folder: Path
) -> BatchInputs:
    """Open tables in canonical columns.

    Parquet whose columns have the types that the bundle reads streams by, whatever its size. CSV,
    queries, and Parquet with other types (texts for times, numbers for ids) are converted: small
    files whole, with their faults told line by line, everything else in pieces.

    Parameters
    ----------
    scorer : Scorer
        Tells what is needed.
    leads, events
        Where they are.
    time_zone : str or None
        The zone of times that name none.
    folder : Path
        A folder of the batch's own, for pieces.

    Returns
    -------
    Inputs

    Raises
    ------
    LeadcastError
        If a file or query cannot be read, or columns or values are not what is needed.
    """
    places = [leads] if events is None else [leads, events]
    if all(place.is_parquet for place in places):
        _refuse_large(places)
        tables = [pl.scan_parquet(list(place.files)) for place in places]
        # Polars reads files of one schema as one table.
        alike = all(place.is_uniform for place in places)
        if alike and _fit(scorer, tables[0], tables[1] if events is not None else None):
            if events is None:
                return BatchInputs([(tables[0], None)], as_given=True)
            return BatchInputs([(tables[0], tables[1])], coded=_coded(events), as_given=True)
    types = scorer.bundle.manifest.origin.attribute_types
    is_small = sum(place.n_bytes for place in places) <= WHOLE_BYTES
    # Imported where they are used: reading tables of any kind needs much that scoring does not.
    if is_small and all(len(place.files) == 1 for place in places):
        from leadcast.features.ingest.new_leads import read_canonical

        file = None if events is None else events.files[0]
        new = read_canonical(
            leads.files[0],
            file,
            attribute_types=types,
            is_dated=scorer.is_dated,
            time_zone=time_zone,
        )
        return BatchInputs([(new.leads.lazy(), None if file is None else new.events)], new.warnings)
    from leadcast.serve.batch.pieces import read_in_pieces

    pieces, warnings = read_in_pieces(
        leads,
        events,
        folder,
        attribute_types=types,
        is_dated=scorer.is_dated,
        time_zone=time_zone,
        piece_rows=PIECE_ROWS,
    )
    return BatchInputs(pieces, warnings)


def _refuse_large(places: Sequence[Place]) -> None:
    found = (parquet_fault(file, str(file)) for place in places for file in place.files)
    faults = [fault for fault in found if fault is not None]
    if faults:
        raise FaultsError(f"leads {places[0].name}", faults)


def _coded(place: Place) -> ParquetEvents | None:
    if sum(file.stat().st_size for file in place.files) < CODED_BYTES:
        return None
    return ParquetEvents.opened(place.files)


def _fit(scorer: Scorer, leads: pl.LazyFrame, events: pl.LazyFrame | None) -> bool:
    try:
        refuse(scorer.bundle.plan, leads.head(0).collect(), events, None)
    except (FaultsError, pl.exceptions.ComputeError):
        # Whoever reads it with care tells what is wrong, a damaged file included.
        return False
    return True
