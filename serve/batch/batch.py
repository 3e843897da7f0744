"""Nightly batch: files of leads and events to a file of scores, in bounded memory.

Leads and events are split by a hash of the lead into parts that fit into memory, each part is
scored and kept, and the scores are merged into the order of the leads. A batch that was killed
goes on with `resume` and gives the same bytes.

Memory that a batch has let go of goes back to the system, so that its peak is that of a part.

The C library keeps what is freed, in pieces, for later; over many parts, with threads, that adds
up. Elsewhere than with glibc nothing is done.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.engine.inputs import unknown_column
from leadcast.serve.asked import refuse, unknown
from leadcast.serve.batch.deliver import Outputs, deliver
from leadcast.serve.batch.inputs import BatchInputs, read_inputs
from leadcast.serve.batch.line import Progress, score_parts
from leadcast.serve.batch.output import ROW
from leadcast.serve.batch.parts import (
    BatchPart,
    count_reasons,
    grades_of,
    ordered,
    split_inputs,
    summed,
    told_of_all,
)
from leadcast.serve.batch.places import place_of
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import NO_REASONS, ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import version_of

_M_MMAP_THRESHOLD = -3
LARGE_BLOCK = 2**23
"""Blocks from so many bytes on are got from the system one by one, and go back when freed."""


def keep_large_blocks_apart() -> None:
    """Give large blocks back to the system when they are freed, however large they get.

    By itself glibc raises its bound whenever a larger block is freed (mallopt(3)).
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        change(_M_MMAP_THRESHOLD, LARGE_BLOCK)


# Of each step of a streaming query several morsels wait for the next; Polars' own 100,000 rows make
# that a quarter of a gigabyte. It is read when the process first streams anything.
os.environ.setdefault("POLARS_IDEAL_MORSEL_SIZE", "10000")


CHECKED_AT_ONCE = 2
"""So many parts are checked at a time: as many as are in memory when parts are scored."""


@dataclass(frozen=True)
class BatchSettings:
    """How a batch is done; `resume`, `chunk_leads` and `threads` change nothing of what comes out.

    Parameters
    ----------
    as_of : datetime or None
        The moment at which to score, where the leads have no such column; None for now.
    resume : bool
        Whether to go on with a batch that was interrupted.
    chunk_leads : int
        About how many leads are in memory at a time, for each thread.
    threads : int
        How many parts are scored at a time, while the features of as many more are computed.
    reasons : ReasonsAsked
        For which leads to tell reasons.
    changed_since : datetime or None
        Score only the leads that were created, changed or did something since then.
    """

    as_of: datetime | None = None
    resume: bool = False
    chunk_leads: int = 25_000
    threads: int = 1
    reasons: ReasonsAsked = NO_REASONS
    changed_since: datetime | None = None


DEFAULTS = BatchSettings()


@dataclass(frozen=True)
class BatchSummary:
    """What a batch did.

    Parameters
    ----------
    outputs : Outputs
        Where the scores went.
    n_rows : int
        How many there are.
    as_of : datetime or None
        The moment of those rows that had none of their own.
    model_version : str
        Of the bundle.
    grades : dict of str to int
        How many leads have each grade.
    n_reasons : int
        How many leads were explained.
    warnings : tuple of Fault
        What was worked around.
    """

    outputs: Outputs
    n_rows: int
    as_of: datetime | None
    model_version: str
    grades: dict[str, int] = field(default_factory=dict)
    n_reasons: int = 0
    warnings: tuple[Fault, ...] = ()

    @property
    def unexpected(self) -> tuple[Fault, ...]:
        """The warnings that a healthy export does not bring every night."""
        return tuple(fault for fault in self.warnings if not fault.is_usual)


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def score_files(
    bundle: Path | Scorer,
    leads: Path | str,
    events: Path | str | None,
    out: Path | Outputs,
    settings: BatchSettings = DEFAULTS,
    progress: Progress = no_progress,
    *,
    time_zone: str | None = None,
    database_env: str | None = None,
) -> BatchSummary:
    """Score leads from files, or a database's queries, in canonical columns.

    Parameters
    ----------
    bundle : Path or Scorer
        The bundle's folder, or a scorer made from it.
    leads : Path or str
        A CSV or Parquet file, a folder of Parquet, a glob, or a query; with columns as
        `Scorer.score` takes leads.
    events : Path, str or None
        Likewise, as `Scorer.score` takes events.
    out : Path or Outputs
        Where to write the scores: a file ``.csv`` or ``.parquet``, or several places.
    settings : BatchSettings
        How to do it.
    progress : callable
        Is told how many rows are done, and of how many.
    time_zone : str or None
        The zone of times in the files that name none; without it they are refused.
    database_env : str or None
        The environment variable that holds the URL of the database that is queried.

    Returns
    -------
    BatchSummary

    Raises
    ------
    LeadcastError
        If the bundle, the inputs or the output cannot be used; every fault of the inputs at once.
    """
    outputs = Outputs.of(out)
    outputs.refuse_unusable()
    scorer = bundle if isinstance(bundle, Scorer) else Scorer.load(bundle)
    own = place_of(leads, database_env)
    theirs = None if events is None else place_of(events, database_env)
    outputs.refuse_inputs(None if isinstance(bundle, Scorer) else bundle, own, theirs)
    stamps = [place.stamps() for place in (own, theirs) if place is not None]

    def read(folder: Path) -> BatchInputs:
        return read_inputs(scorer, own, theirs, time_zone, folder)

    return score_inputs(scorer, read, stamps, outputs, settings, progress)


def score_inputs(
    scorer: Scorer,
    read: Callable[[Path], BatchInputs],
    stamps: Sequence[object],
    outputs: Outputs,
    settings: BatchSettings = DEFAULTS,
    progress: Progress = no_progress,
) -> BatchSummary:
    """Score leads that are read when the batch has its folder.

    Parameters
    ----------
    scorer : Scorer
    read : callable
        Is given a folder for pieces, and reads leads and events.
    stamps : sequence of JSON values
        Tell these inputs apart from others.
    outputs : Outputs
        Where the scores go; that `Outputs.refuse_unusable` lets them pass is the caller's to see.
    settings, progress
        As in `score_files`.

    Returns
    -------
    BatchSummary

    Raises
    ------
    LeadcastError
        As `score_files` does.
    """
    if settings.changed_since is not None and not scorer.is_dated:
        raise LeadcastError(
            "only changed leads are asked for, and this bundle's source has no dates; score all"
        )
    job = job_of(scorer, settings, stamps) | {
        "chunk_leads": settings.chunk_leads,
        "changed_since": str(settings.changed_since),
    }
    keep_large_blocks_apart()
    with Work.opened(outputs.place, job, settings.resume) as work:
        moment = work.moment if scorer.is_dated else settings.as_of
        inputs = read(work.folder / "read")
        parts = split_inputs(
            inputs, work, settings.chunk_leads, settings.changed_since, moment, scorer.bundle.plan
        )
        _refuse_faults(scorer, parts, moment)
        n_rows = score_parts(
            scorer,
            parts,
            moment,
            work,
            reasons=settings.reasons,
            threads=settings.threads,
            progress=progress,
        )
        files = [work.scores_of(part.number) for part in parts]
        deliver(ordered(files, settings.reasons, work.folder), outputs, work.folder)
        columns = inputs.pieces[0][0].drop(ROW, strict=False).collect_schema()
        warnings = [unknown_column(name, n_rows) for name in unknown(columns, scorer.bundle)]
        warnings += [*work.mended, *(f for part in parts for f in work.warnings_of(part.number))]
        grades = grades_of(files)
    return BatchSummary(
        outputs,
        n_rows,
        moment,
        version_of(scorer.bundle),
        grades,
        count_reasons(settings.reasons, n_rows, grades),
        (*inputs.warnings, *told_of_all(warnings, n_rows)),
    )


def job_of(scorer: Scorer, settings: BatchSettings, stamps: Sequence[object]) -> dict[str, object]:
    """Tell what the scores of a batch depend on, wherever it is done.

    Parameters
    ----------
    scorer : Scorer
    settings : BatchSettings
    stamps : sequence of JSON values
        Tell these inputs apart from others.

    Returns
    -------
    dict
        For `leadcast.serve.batch.work.Work.opened`.
    """
    return {
        "as_of": None if settings.as_of is None else settings.as_of.isoformat(),
        "bundle_id": scorer.bundle.manifest.bundle_id,
        "inputs": list(stamps),
        "reasons": str(settings.reasons),
        "polars": pl.__version__,
    }


def _refuse_faults(scorer: Scorer, parts: Sequence[BatchPart], moment: datetime | None) -> None:
    """Tell every fault of all parts before the first is scored."""

    def faults_of(part: BatchPart) -> Sequence[Fault]:
        try:
            refuse(scorer.bundle.plan, part.leads.drop(ROW).collect(), part.events, moment)
        except FaultsError as error:
            return error.faults
        return ()

    with ThreadPoolExecutor(CHECKED_AT_ONCE) as pool:
        faults = [fault for found in pool.map(faults_of, parts) for fault in found]
    if faults:
        raise FaultsError("leads to score", summed(faults), tell_counts=True)
