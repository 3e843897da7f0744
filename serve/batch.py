"""Nightly batch: files of leads and events to a file of scores, in bounded memory.

Leads and events are split by a hash of the lead into parts that fit into memory, each part is
scored and kept, and the scores are merged into the order of the leads. A batch that was killed
goes on with `resume` and gives the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from features.errors import Fault, FaultsError
from serve.asked import in_words
from serve.batch_inputs import Inputs, read_inputs
from serve.batch_output import ROW, refuse_other_suffixes, write_scores
from serve.batch_work import Work
from serve.scorer import Scorer

Progress = Callable[[int, int], None]
"""Is told how many rows have been scored, and of how many."""


@dataclass(frozen=True)
class BatchSettings:
    """How a batch is done; only `as_of` changes what comes out.

    Parameters
    ----------
    as_of : datetime or None
        The moment at which to score, where the leads have no such column; None for now.
    resume : bool
        Whether to go on with a batch that was interrupted.
    chunk_leads : int
        About how many leads are in memory at a time, for each thread.
    threads : int
        How many parts are scored at a time.
    """

    as_of: datetime | None = None
    resume: bool = False
    chunk_leads: int = 100_000
    threads: int = 1


DEFAULTS = BatchSettings()


@dataclass(frozen=True)
class BatchSummary:
    """What a batch did.

    Parameters
    ----------
    out : Path
        The scores.
    n_rows : int
        How many there are.
    as_of : datetime or None
        The moment of those rows that had none of their own.
    warnings : tuple of Fault
        What was worked around.
    """

    out: Path
    n_rows: int
    as_of: datetime | None
    warnings: tuple[Fault, ...]


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def score_files(
    bundle: Path | Scorer,
    leads_file: Path,
    events_file: Path | None,
    out: Path,
    settings: BatchSettings = DEFAULTS,
    progress: Progress = no_progress,
    *,
    time_zone: str | None = None,
) -> BatchSummary:
    """Score leads from files in canonical columns.

    Parameters
    ----------
    bundle : Path or Scorer
        The bundle's folder, or a scorer made from it.
    leads_file : Path
        CSV or Parquet, as `Scorer.score` takes leads.
    events_file : Path or None
        CSV or Parquet, as `Scorer.score` takes events.
    out : Path
        Where to write the scores: ``.csv`` or ``.parquet``.
    settings : BatchSettings
        How to do it.
    progress : callable
        Is told how many rows are done, and of how many.
    time_zone : str or None
        The zone of times in the files that name none; without it they are refused.

    Returns
    -------
    BatchSummary

    Raises
    ------
    LeadcastError
        If the bundle, the inputs or the output cannot be used; every fault of the inputs at once.
    """
    refuse_other_suffixes(out)
    scorer = bundle if isinstance(bundle, Scorer) else Scorer.load(bundle)
    inputs = read_inputs(scorer, leads_file, events_file, time_zone)
    return score_inputs(scorer, inputs, out, settings, progress)


def score_inputs(
    scorer: Scorer,
    inputs: Inputs,
    out: Path,
    settings: BatchSettings = DEFAULTS,
    progress: Progress = no_progress,
) -> BatchSummary:
    """Score leads that have been read, or will be when their turn comes.

    Parameters
    ----------
    scorer : Scorer
    inputs : Inputs
        Leads and events.
    out, settings, progress
        As in `score_files`.

    Returns
    -------
    BatchSummary

    Raises
    ------
    LeadcastError
        As `score_files` does.
    """
    refuse_other_suffixes(out)
    job = {
        "as_of": None if settings.as_of is None else settings.as_of.isoformat(),
        "bundle_id": scorer.bundle.manifest.bundle_id,
        "inputs": inputs.stamps,
        "chunk_leads": settings.chunk_leads,
        "polars": pl.__version__,
    }
    with Work.opened(out, job, settings.resume) as work:
        moment = work.moment if scorer.is_dated else settings.as_of
        parts = _split(inputs, work, settings.chunk_leads)
        _refuse_faults(scorer, inputs, parts, moment)
        n_rows = sum(_score_parts(scorer, parts, moment, work, settings.threads, progress))
        write_scores([work.scores_of(part.number) for part in parts], out, work.folder)
        warnings = [fault for part in parts for fault in work.warnings_of(part.number)]
    return BatchSummary(out, n_rows, moment, (*inputs.warnings, *map(in_words, summed(warnings))))


@dataclass(frozen=True)
class _Part:
    number: int
    n_rows: int
    leads: pl.LazyFrame
    events: pl.LazyFrame | None


def _split(inputs: Inputs, work: Work, chunk_leads: int) -> list[_Part]:
    n_rows = _height(inputs.leads)
    n_parts = max(1, -(-n_rows // chunk_leads))
    leads = work.split("leads", inputs.leads.with_row_index(ROW), n_parts)
    no_events: list[pl.LazyFrame | None] = [None] * n_parts
    events = no_events if inputs.events is None else work.split("events", inputs.events, n_parts)
    return [
        _Part(number, n_rows if n_parts == 1 else _height(some), some, theirs)
        for number, (some, theirs) in enumerate(zip(leads, events, strict=True))
    ]


def _height(table: pl.LazyFrame) -> int:
    return int(table.select(pl.len()).collect().item())


def _refuse_faults(
    scorer: Scorer, inputs: Inputs, parts: Sequence[_Part], moment: datetime | None
) -> None:
    """Tell every fault of all parts before the first is scored."""
    faults: list[Fault] = []
    for part in parts:
        leads = part.leads.drop(ROW).collect()
        try:
            scorer.check(leads, inputs.events, moment, [])
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError("leads to score", summed(faults))


def _score_parts(
    scorer: Scorer,
    parts: Sequence[_Part],
    moment: datetime | None,
    work: Work,
    threads: int,
    progress: Progress,
) -> Iterator[int]:
    total, done = sum(part.n_rows for part in parts), 0

    def score(part: _Part) -> int:
        if not work.scores_of(part.number).exists():
            _score_part(scorer, part, moment, work)
        return part.n_rows

    progress(0, total)
    with ThreadPoolExecutor(threads) as pool:
        for n_rows in pool.map(score, parts):
            done += n_rows
            progress(done, total)
            yield n_rows


def _score_part(scorer: Scorer, part: _Part, moment: datetime | None, work: Work) -> None:
    warnings: list[Fault] = []
    leads = part.leads.sort(ROW).collect()
    scores = scorer.score(leads.drop(ROW), part.events, moment, warnings)
    work.keep(part.number, scores.with_columns(leads[ROW]), warnings)


def summed(faults: Iterable[Fault]) -> list[Fault]:
    """Tell faults of the same kind at the same place, found in several parts, as one.

    Parameters
    ----------
    faults : iterable of Fault

    Returns
    -------
    list of Fault
        The first of each kind, with the counts of all, in the order in which they came first.
    """
    first: dict[tuple[str, ...], Fault] = {}
    for fault in faults:
        kind = (fault.where, fault.expected, fault.remedy, fault.severity)
        known = first.get(kind)
        first[kind] = fault if known is None else replace(known, count=known.count + fault.count)
    return list(first.values())
