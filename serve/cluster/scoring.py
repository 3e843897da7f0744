"""Scores, by partitions of leads on a Dask cluster: the batch that outgrows one machine."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from features.errors import Fault, FaultsError
from serve.asked import in_words
from serve.batch import BatchSettings, BatchSummary, summed
from serve.batch_inputs import Inputs, read_inputs, stamps
from serve.batch_output import ROW, refuse_other_suffixes, write_scores
from serve.batch_work import Work
from serve.cluster.connection import Progress, no_progress, run_all
from serve.cluster.matrix import parts_for
from serve.cluster.shuffle import ROWS_AT_ONCE, Shuffled, files_of, shuffle
from serve.scorer import Scorer

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Batch:
    """What all tasks of a batch share: all of it is small, and workers see the files.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    leads : Shuffled
    events : Shuffled or None
    moment : datetime or None
        The moment of those rows that have none of their own.
    work : Work
        The batch's folder.
    """

    bundle: Path
    leads: Shuffled
    events: Shuffled | None
    moment: datetime | None
    work: Work


def score_on_cluster(
    client: "Client",
    bundle: Path,
    leads_file: Path,
    events_file: Path | None,
    out: Path,
    settings: BatchSettings,
    *,
    n_parts: int | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    progress: Progress = no_progress,
) -> BatchSummary:
    """Score leads from files in canonical columns.

    A worker that dies costs the partitions that it had in hand; a batch that was killed as a whole
    goes on with ``settings.resume``.

    Parameters
    ----------
    client : distributed.Client
    bundle : Path
        The bundle's folder, which all workers see.
    leads_file, events_file : Path
        Parquet files, or folders of them, which all workers see; CSV is read here and converted.
    out : Path
        Where to write the scores: ``.csv`` or ``.parquet``. What lies between is kept in a folder
        beside it, which all workers see.
    settings : BatchSettings
        ``as_of`` and ``resume`` count here.
    n_parts : int, optional
        How many partitions of leads; as many as seem good, if not given.
    rows_at_once : int
        How many rows of a file a worker reads at once.
    progress : callable
        Is told how many partitions are done.

    Returns
    -------
    BatchSummary
        As `serve.batch.score_files` gives it, with the same scores.

    Raises
    ------
    LeadcastError
        As `serve.batch.score_files` does.
    """
    refuse_other_suffixes(out)
    scorer, files = Scorer.load(bundle), [leads_file, *([events_file] if events_file else [])]
    inputs = read_inputs(scorer, leads_file, events_file)
    n_rows = int(inputs.leads.select(pl.len()).collect().item())
    n_parts = n_parts or parts_for(n_rows, client)
    job = {
        "as_of": None if settings.as_of is None else settings.as_of.isoformat(),
        "bundle_id": scorer.bundle.manifest.bundle_id,
        "inputs": stamps(files),
        "parts": [n_parts, rows_at_once],
        "polars": pl.__version__,
    }
    with Work.opened(out, job, settings.resume) as work:
        work = Work(work.folder.resolve(), work.moment)
        as_files = _as_files(inputs, files, work.folder)
        leads, *events = (
            shuffle(client, table, work.folder / f"shuffled-{name}", n_parts, rows_at_once)
            for name, table in as_files.items()
        )
        moment = work.moment if scorer.is_dated else settings.as_of
        batch = Batch(bundle.resolve(), leads, events[0] if events else None, moment, work)
        told = run_all(client, score_part, [(batch, part) for part in range(n_parts)], progress)
        if faults := summed(fault for found in told for fault in found):
            raise FaultsError("leads to score", faults)
        write_scores([work.scores_of(part) for part in range(n_parts)], out, work.folder)
        warnings = [fault for part in range(n_parts) for fault in work.warnings_of(part)]
    return BatchSummary(out, n_rows, moment, (*inputs.warnings, *map(in_words, summed(warnings))))


def score_part(batch: Batch, part: int) -> list[Fault]:
    """Score one partition and keep its scores in the batch's folder.

    Parameters
    ----------
    batch : Batch
    part : int
        The partition.

    Returns
    -------
    list of Fault
        What is wrong with its leads; empty where it could be scored.
    """
    if batch.work.scores_of(part).exists():
        return []
    warnings: list[Fault] = []
    leads = batch.leads.part(part)
    events = None if batch.events is None else batch.events.part(part).drop(ROW)
    try:
        scores = _scorer(batch.bundle).score(leads.drop(ROW), events, batch.moment, warnings)
    except FaultsError as error:
        return list(error.faults)
    batch.work.keep(part, scores.with_columns(leads[ROW]), warnings)
    return []


@lru_cache(maxsize=1)
def _scorer(bundle: Path) -> Scorer:
    return Scorer.load(bundle)


def _as_files(inputs: Inputs, files: list[Path], folder: Path) -> dict[str, list[Path]]:
    """Give the inputs as Parquet: where they are, or, if they had to be converted, written here."""
    tables = {"leads": inputs.leads, **({} if inputs.events is None else {"events": inputs.events})}
    found = {}
    for (name, table), file in zip(tables.items(), files, strict=True):
        parquet = file.is_dir() or file.suffix.lower() == ".parquet"
        if parquet and pl.scan_parquet(file).collect_schema() == table.collect_schema():
            found[name] = files_of(file)
            continue
        converted = folder / f"{name}.parquet"
        table.sink_parquet(converted)
        found[name] = [converted.resolve()]
    return found
