"""What a batch reads: tables that fit stream by, everything else is read with care."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import Fault, FaultsError
from serve.scorer import Scorer


@dataclass(frozen=True)
class Inputs:
    """Leads and events to score.

    Parameters
    ----------
    leads : pl.LazyFrame
        As `serve.scorer.Scorer.score` takes them.
    events : pl.LazyFrame or None
        Likewise.
    stamps : list
        Tells these inputs apart from others, as JSON values.
    warnings : tuple of Fault
        What was worked around while reading.
    """

    leads: pl.LazyFrame
    events: pl.LazyFrame | None
    stamps: list[Any]
    warnings: tuple[Fault, ...] = ()


def read_inputs(
    scorer: Scorer, leads_file: Path, events_file: Path | None, time_zone: str | None = None
) -> Inputs:
    """Open files in canonical columns.

    Parquet whose columns have the types that the bundle reads streams by, whatever its size. CSV,
    and Parquet with other types (texts for times, numbers for ids), is read whole and converted,
    with its faults told line by line.

    Parameters
    ----------
    scorer : Scorer
        Tells what is needed.
    leads_file, events_file
        CSV or Parquet.
    time_zone : str or None
        The zone of times that name none.

    Returns
    -------
    Inputs

    Raises
    ------
    LeadcastError
        If a file is missing or cannot be read, or columns or values are not what is needed.
    """
    files = [leads_file] if events_file is None else [leads_file, events_file]
    if all(file.suffix.lower() == ".parquet" and file.exists() for file in files):
        leads = pl.scan_parquet(leads_file)
        events = None if events_file is None else pl.scan_parquet(events_file)
        if _fit(scorer, leads, events):
            return Inputs(leads, events, stamps(files))
    return _read_with_care(scorer, leads_file, events_file, time_zone)


def stamps(files: Sequence[Path]) -> list[Any]:
    """Tell files apart from what may stand at the same places later.

    Parameters
    ----------
    files : sequence of Path

    Returns
    -------
    list
        Path, size and time of change of each file.
    """
    stats = [(file.resolve(), file.stat()) for file in files]
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _fit(scorer: Scorer, leads: pl.LazyFrame, events: pl.LazyFrame | None) -> bool:
    try:
        scorer.check(leads.head(0).collect(), events, None, [])
    except FaultsError:
        return False
    return True


def _read_with_care(
    scorer: Scorer, leads_file: Path, events_file: Path | None, time_zone: str | None
) -> Inputs:
    # Imported here, because reading tables of any kind needs much that scoring does not.
    from features.sources.canonical_leads import read_canonical

    types: Mapping[str, str] = scorer.bundle.manifest.origin.attribute_types
    new = read_canonical(
        leads_file,
        events_file,
        attribute_types=types,
        is_dated=scorer.is_dated,
        time_zone=time_zone,
    )
    files = [leads_file] if events_file is None else [leads_file, events_file]
    events = None if events_file is None else new.events
    return Inputs(new.leads.lazy(), events, stamps(files), new.warnings)
