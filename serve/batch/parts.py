"""The parts of a batch: leads split by a hash of the lead, and what is told of all together.

Rescoring only the leads of which something has become known since a moment.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, in_words
from leadcast.features.engine.coded import EventTable
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.tables import TIME
from leadcast.serve.asked import columns_read, reads_values
from leadcast.serve.batch.events import StoredEvents, split_events
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.batch.output import ROW, in_order
from leadcast.serve.batch.split import Read, height_of
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import ReasonsAsked

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


Known = tuple[pl.LazyFrame, EventTable | None]
"""Leads with the column `ROW`, and their events."""
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
    read: Callable[[], Known]
    """Gives `leads` and `events`."""

    @property
    def leads(self) -> pl.LazyFrame:
        """Its leads, with the column `ROW`."""
        return self.read()[0]

    @property
    def events(self) -> EventTable | None:
        """All events of these leads."""
        return self.read()[1]


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
    reads = [_again(piece) for piece in known]
    if len(reads) == 1:
        leads, events = known[0]
        reads = _in_parts(leads, inputs.coded or events, work, chunk_leads, plan)
    if since is not None:
        all_parts = (read() for read in reads)
        reads = [
            _again((changed_since(leads, events, since, moment), events))
            for leads, events in all_parts
        ]
    return [BatchPart(number, height_of(read()[0]), read) for number, read in enumerate(reads)]


def ordered(files: Sequence[Path], reasons: ReasonsAsked, beside: Path) -> pl.LazyFrame:
    """Bring the scores of all parts into the order of the leads.

    Parameters
    ----------
    files : sequence of Path
        The parts' scores, with the column `ROW`.
    reasons : ReasonsAsked
        Of the leads that score highest among all, where these are asked: each part kept its own.
    beside : Path
        A folder of the batch's own.

    Returns
    -------
    pl.LazyFrame
        Without `ROW`.
    """
    scores = in_order(files, beside / "ordered")
    if reasons.which == "top":
        scores = _only_top(scores, files, reasons.top)
    return scores.drop(ROW)


def _only_top(scores: pl.LazyFrame, files: Sequence[Path], top: int) -> pl.LazyFrame:
    best = pl.concat(
        pl.scan_ipc(file).filter(pl.col("reasons").is_not_null()).select("probability", ROW)
        for file in files
    )
    rows = best.sort("probability", ROW, descending=[True, False]).head(top).collect()[ROW]
    kept = pl.when(pl.col(ROW).is_in(rows.implode())).then("reasons")
    return scores.with_columns(kept.alias("reasons"))


def grades_of(files: Sequence[Path]) -> dict[str, int]:
    """Count the leads of each grade.

    Parameters
    ----------
    files : sequence of Path
        The parts' scores.

    Returns
    -------
    dict of str to int
    """
    counts = pl.scan_ipc(list(files)).group_by("grade").len().sort("grade").collect()
    return dict(counts.iter_rows())


def count_reasons(asked: ReasonsAsked, n_rows: int, grades: Mapping[str, int]) -> int:
    """Tell how many leads are explained.

    Parameters
    ----------
    asked : ReasonsAsked
    n_rows : int
        How many leads there are.
    grades : mapping of str to int
        How many of each grade.

    Returns
    -------
    int
    """
    counts = {"none": 0, "all": n_rows, "cut": grades.get("A", 0), "top": min(asked.top, n_rows)}
    return counts[asked.which]


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


def told_of_all(warnings: Iterable[Fault], n_rows: int) -> list[Fault]:
    """Tell the warnings of all parts in words; what concerns every lead is usual no more.

    Parameters
    ----------
    warnings : iterable of Fault
    n_rows : int
        How many rows of leads all parts have.

    Returns
    -------
    list of Fault
    """
    return [
        in_words(replace(fault, is_usual=fault.is_usual and fault.count < n_rows))
        for fault in summed(warnings)
    ]


def _only_read(leads: pl.LazyFrame, plan: FeaturePlan) -> pl.LazyFrame:
    read = {ROW, UPDATED} | columns_read(plan)
    return leads.select(name for name in leads.collect_schema() if name in read)


def _in_parts(
    leads: pl.LazyFrame,
    events: EventTable | None,
    work: Work,
    chunk_leads: int,
    plan: FeaturePlan,
) -> list[Callable[[], Known]]:
    if ROW not in leads.collect_schema():
        leads = leads.with_row_index(ROW)
    n_rows = height_of(leads)
    n_parts = max(1, -(-n_rows // chunk_leads))
    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(work.split, "leads", leads, n_parts)
        if n_rows > FEW_LEADS:
            own.result()
        theirs = _events_in_parts(events, work, n_parts, plan)
    return [partial(_read, *both) for both in zip(own.result(), theirs, strict=True)]


def _events_in_parts(
    events: EventTable | None, work: Work, n_parts: int, plan: FeaturePlan
) -> Sequence[ReadEvents]:
    if events is None:
        return [lambda: None] * n_parts
    if isinstance(events, pl.LazyFrame):
        return work.split("events", events, n_parts)
    if n_parts == 1:
        return [lambda: events]
    with_values = reads_values(plan) and "value" in events.collect_schema()
    folder = work.folder / "coded_events"
    parts = split_events(folder, events, n_parts, plan.kinds, with_values)
    work.seal(folder.name)
    return [partial(_same, part) for part in parts]


def _same(part: StoredEvents) -> StoredEvents:
    return part


def _read(leads: Read, events: ReadEvents) -> Known:
    return leads(), events()


def _again(known: Known) -> Callable[[], Known]:
    return lambda: known
