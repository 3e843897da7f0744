"""The parts of a batch on this machine: made by a hash of the lead, and scored by threads.

While the learner has one part, features of the next are computed: the learner takes longest, so
that it gets a thread that does nothing else. Memory that a part has let go of goes back to the
system, so that the peak of a batch is that of a part: the C library keeps what is freed, in pieces,
for later, which over many parts, with threads, adds up. Elsewhere than with glibc nothing is done.
"""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.engine.coded import EventTable, split_events
from leadcast.features.engine.engine import Matrix
from leadcast.features.engine.inputs import unknown_column, unknown_of_events
from leadcast.features.engine.partition import ROW, Read, by_row, height_of
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.tables import TIME
from leadcast.models.bundle.extra_parts import asked_parts
from leadcast.models.data import Floats
from leadcast.serve.asked import (
    Asked,
    asked_of,
    columns_read,
    people_asked,
    reads_values,
    refuse,
    unknown,
)
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import score_rows

if TYPE_CHECKING:
    from leadcast.serve.batch.batch import BatchSettings

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Is told how many rows have been scored, and of how many."""


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


UPDATED = "updated_at"
"""A time at which a lead's attributes were changed last, where the leads have such a column."""


def changed_since(
    leads: pl.LazyFrame, events: EventTable | None, since: datetime, until: datetime | None
) -> pl.LazyFrame:
    """Keep the leads that were created, changed or did something since a moment.

    A score changes with time alone as well; that is not a change of the lead.
    """
    is_new = pl.col("created_at") >= since
    if UPDATED in leads.collect_schema():
        is_new |= pl.col(UPDATED) >= since
    if events is None:
        return leads.filter(is_new.fill_null(value=True))
    busy = _busy(events, since, until)
    is_busy = pl.col("lead_id").cast(pl.String).is_in(busy.implode())
    # Of whom the creation is not known, nobody can say that nothing has changed.
    return leads.filter(is_new.fill_null(value=True) | is_busy)


def _busy(events: EventTable, since: datetime, until: datetime | None) -> pl.Series:
    if isinstance(events, pl.LazyFrame):
        recent = events.filter(pl.col("occurred_at") >= since)
        if until is not None:
            recent = recent.filter(pl.col("occurred_at") < until)
        return recent.select(pl.col("lead_id").cast(pl.String)).unique().collect()["lead_id"]
    first, last = pl.Series([since, until], dtype=TIME).to_physical()
    found = [pl.Series(dtype=pl.String)]
    for some in events.batches(with_values=False):
        is_recent = (some.leads >= 0) & (some.times_us >= first)
        if last is not None:
            is_recent &= some.times_us < last
        found.append(some.lead_ids.gather(np.unique(some.leads[is_recent])))
    return pl.concat(found).unique()


ReadEvents = Callable[[], EventTable | None]

FEW_LEADS = 250_000
"""So many leads are split while their events are; of more, that would take much more memory."""


@dataclass(frozen=True)
class BatchPart:
    """Leads that are scored at once, and their events."""

    number: int
    """From 0 on."""
    n_rows: int
    """How many leads it has."""
    leads: Read
    """Gives its leads, with the column `ROW`."""
    events: ReadEvents
    """Gives all events of these leads."""


def split_inputs(
    inputs: BatchInputs,
    work: Work,
    chunk_leads: int,
    since: datetime | None,
    moment: datetime | None,
    plan: FeaturePlan,
) -> list[BatchPart]:
    """Split what is to be scored into parts that fit into memory."""
    known = [(_only_read(leads, plan), events) for leads, events in inputs.pieces]
    reads: list[tuple[Read, ReadEvents]] = [
        (_always(own), _always(events)) for own, events in known
    ]
    if len(known) == 1:
        reads = _in_parts(known[0][0], inputs.coded or known[0][1], work, chunk_leads, plan)
    if since is not None:
        reads = [
            (_always(changed_since(leads(), events(), since, moment)), events)
            for leads, events in reads
        ]
    return [BatchPart(number, height_of(one[0]()), *one) for number, one in enumerate(reads)]


CHECKED_AT_ONCE = 2
"""So many parts are checked at a time: as many as are in memory when parts are scored."""


class ScoredParts(NamedTuple):
    """Parts whose scores are kept."""

    n_parts: int
    n_rows: int
    """How many leads all of them have."""
    warnings: Sequence[Fault] = ()
    """What concerns all parts; what concerns one is kept with its scores."""


class OnThisMachine:
    """Parts of `BatchSettings.chunk_leads`, scored by `BatchSettings.threads`."""

    def job(self, settings: "BatchSettings") -> dict[str, Any]:
        """Tell on what the parts depend; see `leadcast.serve.batch.batch.Way`."""
        return {"chunk_leads": settings.chunk_leads}

    def score(
        self,
        scorer: Scorer,
        inputs: BatchInputs,
        work: Work,
        settings: "BatchSettings",
        moment: datetime | None,
        progress: Progress,
    ) -> ScoredParts:
        """Score all parts; see `leadcast.serve.batch.batch.Way`."""
        parts = split_inputs(
            inputs, work, settings.chunk_leads, settings.changed_since, moment, scorer.bundle.plan
        )
        _refuse_faults(scorer, parts, moment)
        left = [part for part in parts if not work.scores_of(part.number).exists()]
        total = sum(part.n_rows for part in parts)
        done = total - sum(part.n_rows for part in left)
        progress(done, total)
        n_threads = settings.threads
        more = (settings.reasons, asked_parts(settings.extra, scorer.bundle.extras))
        with (
            ThreadPoolExecutor(n_threads) as reading,
            ThreadPoolExecutor(n_threads) as learner,
            ThreadPoolExecutor(n_threads) as keeping,
        ):

            def begun(part: BatchPart) -> Future[int]:
                read = reading.submit(_read, scorer, part, moment)
                said = learner.submit(_log_odds, scorer, read)
                return keeping.submit(_keep, scorer, part, read, said, work, more)

            for n_rows in _ahead(map(begun, left), n_threads):
                done += n_rows
                progress(done, total)
        # Of what nobody reads, the parts have no column.
        columns = inputs.pieces[0][0].drop(ROW, strict=False).collect_schema()
        unused = [unknown_column(name, total) for name in unknown(columns, scorer.bundle)]
        events = inputs.pieces[0][1]
        given = () if events is None else events.collect_schema().names()
        unused += [unknown_column(name, 0, "events") for name in unknown_of_events(given)]
        return ScoredParts(len(parts), total, unused)


def _refuse_faults(scorer: Scorer, parts: Sequence[BatchPart], moment: datetime | None) -> None:
    """Tell every fault of all parts before the first is scored."""

    def faults_of(part: BatchPart) -> Sequence[Fault]:
        try:
            refuse(scorer.bundle.plan, part.leads().drop(ROW).collect(), part.events(), moment)
        except FaultsError as error:
            return error.faults
        return ()

    with ThreadPoolExecutor(CHECKED_AT_ONCE) as pool:
        faults = [fault for found in pool.map(faults_of, parts) for fault in found]
    if faults:
        raise FaultsError("leads to score", summed(faults), tell_counts=True)


def _ahead(begun: Iterator[Future[int]], ahead: int) -> Iterator[int]:
    """Give results in order; so many more have begun by then, so that memory has a bound."""
    waiting: deque[Future[int]] = deque()
    for one in begun:
        waiting.append(one)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    for one in waiting:
        yield one.result()


class _Read(NamedTuple):
    rows: pl.Series
    asked: Asked
    values: Matrix
    warnings: list[Fault]


def _read(scorer: Scorer, part: BatchPart, moment: datetime | None) -> _Read:
    warnings: list[Fault] = []
    leads = by_row(part.leads().collect())
    events = people_asked(scorer.bundle.plan, leads, part.events())
    asked = asked_of(scorer.bundle, leads.drop(ROW), events, moment, warnings)
    return _Read(leads[ROW], asked, scorer.features(asked, warnings), warnings)


def _log_odds(scorer: Scorer, read: Future[_Read]) -> Floats:
    return scorer.bundle.learner.log_odds(read.result().values)


def _keep(
    scorer: Scorer,
    part: BatchPart,
    read: Future[_Read],
    said: Future[Floats],
    work: Work,
    more: tuple[ReasonsAsked, tuple[str, ...]],
) -> int:
    known = read.result()
    scores = score_rows(scorer.bundle, known.asked.rows, known.values, said.result(), *more)
    work.keep(part.number, scores.with_columns(known.rows), known.warnings)
    return part.n_rows


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
        if known is not None:
            is_usual = known.is_usual and fault.is_usual
            fault = replace(known, count=known.count + fault.count, is_usual=is_usual)
        first[kind] = fault
    return list(first.values())


def _only_read(leads: pl.LazyFrame, plan: FeaturePlan) -> pl.LazyFrame:
    read = {ROW, UPDATED} | columns_read(plan)
    return leads.select(name for name in leads.collect_schema() if name in read)


def _in_parts(
    leads: pl.LazyFrame,
    events: EventTable | None,
    work: Work,
    chunk_leads: int,
    plan: FeaturePlan,
) -> list[tuple[Read, ReadEvents]]:
    if ROW not in leads.collect_schema():
        leads = leads.with_row_index(ROW)
    n_rows = height_of(leads)
    n_parts = max(1, -(-n_rows // chunk_leads))
    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(work.split, "leads", leads, n_parts)
        if n_rows > FEW_LEADS:
            own.result()
        theirs = _events_in_parts(events, work, n_parts, plan)
    return list(zip(own.result(), theirs, strict=True))


def _events_in_parts(
    events: EventTable | None, work: Work, n_parts: int, plan: FeaturePlan
) -> Sequence[ReadEvents]:
    if isinstance(events, pl.LazyFrame):
        return work.split("events", events, n_parts)
    if events is None or n_parts == 1:
        return [_always(events)] * n_parts
    with_values = reads_values(plan) and "value" in events.collect_schema()
    folder = work.folder / "coded_events"
    parts = split_events(folder, events, n_parts, plan.kinds, with_values)
    work.seal(folder.name)
    return [_always(part) for part in parts]


def _always(value: T) -> Callable[[], T]:
    return lambda: value
