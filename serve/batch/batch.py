"""A batch: leads and events to scores, in bounded memory, on this machine or on a cluster.

Leads and events are split by a hash of the lead into parts that fit into memory, each part is
scored and kept, and the scores are merged into the order of the leads. A batch that was killed
goes on with `resume` and gives the same bytes. How the parts are made and scored is a `Way`.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from leadcast.features.base.errors import Fault, LeadcastError, in_words
from leadcast.features.engine.inputs import without_events
from leadcast.features.engine.other_kinds import EVENT_KIND
from leadcast.models.bundle.extra_parts import asked_parts, columns_of
from leadcast.serve.asked import CREATION
from leadcast.serve.batch.clock import goes_by_clock, refuse_clock_behind, told_of_later
from leadcast.serve.batch.deliver import Outputs, deliver, ordered
from leadcast.serve.batch.inputs import BatchInputs, CanonicalSource, Source, place_of
from leadcast.serve.batch.own_leads import served_only
from leadcast.serve.batch.parts import (
    OnThisMachine,
    Progress,
    ScoredParts,
    keep_large_blocks_apart,
    summed,
)
from leadcast.serve.batch.still_open import open_only, without_leads
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import NO_REASONS, ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import version_of
from leadcast.serve.served import Others

LOG = logging.getLogger(__name__)
LAYOUT = 4
"""Of a batch's folder; what parts hold, or how rows are numbered, is another in another one."""


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
    closed : bool
        Whether to score leads as well of which the input tells that they were won or lost before.
    no_events : bool
        Whether it is meant that there are no events: then it is no warning.
    extra : tuple of str
        Optional parts of the bundle whose columns to add, as in `Scorer.score`.
    """

    as_of: datetime | None = None
    resume: bool = False
    chunk_leads: int = 25_000
    threads: int = 1
    reasons: ReasonsAsked = NO_REASONS
    changed_since: datetime | None = None
    closed: bool = False
    no_events: bool = False
    extra: tuple[str, ...] = ()


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
    n_closed : int or None
        How many leads were left out, as they were won or lost before; None where nothing tells.
    others : Counter
        How many leads were left out as the model is not for them, by what they are.
    """

    outputs: Outputs
    n_rows: int
    as_of: datetime | None
    model_version: str
    grades: dict[str, int] = field(default_factory=dict)
    n_reasons: int = 0
    warnings: tuple[Fault, ...] = ()
    n_closed: int | None = 0
    others: Others = field(default_factory=Counter)

    @property
    def unexpected(self) -> tuple[Fault, ...]:
        """The warnings that a healthy export does not bring every night."""
        return tuple(fault for fault in self.warnings if not fault.is_usual)


class Way(Protocol):
    """How parts are made and scored."""

    def job(self, settings: BatchSettings) -> dict[str, Any]:
        """Tell on what the parts depend, as JSON values; refuse what cannot be done."""

    def score(
        self,
        scorer: Scorer,
        inputs: BatchInputs,
        work: Work,
        settings: BatchSettings,
        moment: datetime | None,
        progress: Progress,
    ) -> ScoredParts:
        """Score all parts and keep their scores; those that are kept already are left alone."""


ON_THIS_MACHINE = OnThisMachine()


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
    way: Way = ON_THIS_MACHINE,
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
        Is told how many rows (on a cluster: partitions) are done, and of how many.
    time_zone : str or None
        The zone of times in the files that name none; without it they are refused.
    database_env : str or None
        The environment variable that holds the URL of the database that is queried.
    way : Way
        On this machine, or `leadcast.serve.cluster.scoring.OnCluster`.

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
    source = CanonicalSource(own, theirs, time_zone)
    return score_source(scorer, source, outputs, settings, progress, way)


def score_source(
    scorer: Scorer,
    source: Source,
    outputs: Outputs,
    settings: BatchSettings = DEFAULTS,
    progress: Progress = no_progress,
    way: Way = ON_THIS_MACHINE,
) -> BatchSummary:
    """Score leads that are read when the batch has its folder.

    Parameters
    ----------
    scorer : Scorer
    source : Source
        Where leads and events come from.
    outputs : Outputs
        Where the scores go; that `Outputs.refuse_unusable` lets them pass is the caller's to see.
    settings, progress, way
        As in `score_files`.

    Returns
    -------
    BatchSummary

    Raises
    ------
    LeadcastError
        As `score_files` does.
    """
    # Whatever the scores depend on: a batch that was interrupted goes on with the same alone.
    job = {
        "as_of": None if settings.as_of is None else settings.as_of.isoformat(),
        "bundle_id": scorer.bundle.manifest.bundle_id,
        "inputs": source.stamps(),
        "reasons": str(settings.reasons),
        "polars": pl.__version__,
        "layout": LAYOUT,
        "changed_since": str(settings.changed_since),
        "closed": settings.closed,
        "extra": sorted(settings.extra),
        **way.job(settings),
    }
    if settings.changed_since is not None and not scorer.is_dated:
        raise LeadcastError(
            "only changed leads are asked for, and this bundle's source has no dates; score all"
        )
    _refuse_extra(scorer, outputs, settings)
    keep_large_blocks_apart()
    with Work.opened(outputs.place, job, settings.resume) as work:
        moment = work.moment if scorer.is_dated else settings.as_of
        inputs = source.read(scorer, work.folder / "read")
        empty = without_leads(inputs)
        inputs, others = served_only(inputs, scorer.bundle.manifest.origin.serves)
        inputs, n_closed = open_only(inputs, moment, closed=settings.closed)
        LOG.info("read, in pieces: %d; leads left out as closed: %s", len(inputs.pieces), n_closed)
        clock = _clock(scorer, inputs, settings, moment)
        done = way.score(scorer, inputs, work, settings, moment, progress)
        LOG.info("scored %d rows, in parts: %d; delivering", done.n_rows, done.n_parts)
        parts = range(done.n_parts)
        files = [work.scores_of(part) for part in parts]
        n_later = deliver(ordered(files, settings.reasons, work.folder), outputs, work.folder)
        warnings = [*done.warnings, *work.mended, *(f for p in parts for f in work.warnings_of(p))]
        counts = pl.scan_ipc(files).group_by("grade").len().sort("grade").collect()
    grades = dict(counts.iter_rows())
    return BatchSummary(
        outputs,
        done.n_rows,
        moment,
        version_of(scorer.bundle),
        grades,
        _count_reasons(settings.reasons, done.n_rows, grades),
        (
            *empty,
            *inputs.warnings,
            *_told_of_all(_meant(warnings, settings), done.n_rows),
            *map(in_words, told_of_later(outputs.history, outputs.table, n_later, clock)),
        ),
        n_closed,
        others,
    )


def _clock(
    scorer: Scorer, inputs: BatchInputs, settings: BatchSettings, moment: datetime | None
) -> datetime | None:
    """Give the clock's time where a batch goes by it; refuse a clock that is behind."""
    clock = moment if goes_by_clock(settings.as_of, scorer, inputs) else None
    if clock is not None:
        refuse_clock_behind(clock, scorer)
    return clock


def _refuse_extra(scorer: Scorer, outputs: Outputs, settings: BatchSettings) -> None:
    """Refuse optional parts that the bundle has not, or that an output has no room for."""
    held = scorer.bundle.extras
    parts = asked_parts(settings.extra, held)
    outputs.refuse_columns([column.name for column in columns_of(parts, held)])


def _meant(warnings: Iterable[Fault], settings: BatchSettings) -> Iterator[Fault]:
    """Leave out the warning of what is meant to be so."""
    none = {(one.where, one.found) for one in without_events(1)} if settings.no_events else set()
    return (one for one in warnings if (one.where, one.found) not in none)


def _count_reasons(asked: ReasonsAsked, n_rows: int, grades: Mapping[str, int]) -> int:
    counts = {"none": 0, "all": n_rows, "cut": grades.get("A", 0), "top": min(asked.top, n_rows)}
    return counts[asked.which]


def _told_of_all(warnings: Iterable[Fault], n_rows: int) -> list[Fault]:
    """Tell the warnings of all parts in words; what concerns every lead is usual no more."""
    return [
        in_words(replace(fault, is_usual=fault.is_usual and not _of_all(fault, n_rows)))
        for fault in summed(warnings)
    ]


def _of_all(fault: Fault, n_rows: int) -> bool:
    # Events are more than leads; which of them are usual was told by their share. Leads grow older
    # while the export stays as it is.
    return fault.count >= n_rows and fault.where not in (EVENT_KIND, CREATION)
