"""Kinds of events that a plan does not know, which it counts together as other events."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, nearest
from leadcast.features.engine.coded import CodedTable, EventTable
from leadcast.features.engine.engagement import OTHER, kind_prefix
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.values.distinct import Lookup

EVENT_KIND = "events: column 'event_type'"
"""Where such events are told to be."""
USUAL_FACTOR = 2.0
"""So many times as often as in training is what an ordinary export drifts to."""
FEW_OTHERS = 0.001
"""A share of events that no new kind is worth an alarm for."""
UNTOLD_SHARE = 0.5
"""The share of other kinds in the training of a plan that has columns of them and tells none."""
MOST_NAMED = 5
_LONGEST = 60


def usual_count(share: float, n: int) -> float:
    """Tell how many of some rows may be unknown: as exports drift, and as chance has it.

    Parameters
    ----------
    share : float
        How many of them were in training, 0 to 1.
    n : int
        How many rows there are.

    Returns
    -------
    float
    """
    expected = USUAL_FACTOR * share * n
    return expected + 3 * math.sqrt(expected)


def reads_kinds(plan: FeaturePlan) -> bool:
    """Tell whether any column of a plan depends on the events' kinds."""
    return bool(plan.kinds) and any(
        "events.event_type" in feature.inputs for feature in plan.features
    )


def other_kinds(plan: FeaturePlan, counts: Mapping[str, int], n_other: int, n: int) -> list[Fault]:
    """Describe events whose kind a plan does not know.

    Parameters
    ----------
    plan : FeaturePlan
    counts : mapping of str to int
        How many events there are of each such kind, as far as it has a name.
    n_other, n : int
        How many there are of all such kinds, and of all kinds.

    Returns
    -------
    list of Fault
        A warning, where there are any; usual where they are about as many as in training.
    """
    if not n_other:
        return []
    fault = Fault(
        where=EVENT_KIND,
        found=f"kinds that the model does not know (rare or new): {_named(plan, counts)}",
        expected="kinds of events that were frequent in training",
        remedy="They count as other events; where a kind was only renamed, give its old name.",
        severity="warning",
        count=n_other,
        is_usual=_is_usual(plan, n_other, n),
    )
    return [fault]


def other_kinds_of_one(plan: FeaturePlan, kinds: Iterable[str | None]) -> list[Fault]:
    """Do as `other_kinds` with the kinds of one lead's events."""
    if not reads_kinds(plan):
        return []
    told = Counter(kinds)
    counts = {kind: n for kind, n in told.items() if kind is not None and kind not in plan.kinds}
    return other_kinds(plan, counts, sum(counts.values()), told.total())


def counts_of_others(
    events: EventTable, lead_ids: pl.Series, kinds: tuple[str, ...]
) -> Mapping[str, int]:
    """Count the events of some leads that are of none of some kinds, by their own kind.

    The table is read once more, which is asked for only where there are such events.
    """
    if isinstance(events, pl.LazyFrame):
        kind = pl.col("event_type").cast(pl.String)
        mine = pl.col("lead_id").cast(pl.String).is_in(lead_ids.implode())
        table = events.filter(mine & ~kind.is_in(list(kinds)) & pl.col("occurred_at").is_not_null())
        counted = table.group_by(kind).len().collect(engine="streaming")
        return dict(counted.iter_rows())
    return _counts_of_coded(events, lead_ids, kinds)


def _counts_of_coded(
    events: CodedTable, lead_ids: pl.Series, kinds: tuple[str, ...]
) -> Mapping[str, int]:
    known, counts = Lookup(lead_ids), Counter[str]()
    for some in events.batches(with_values=False):
        names = some.event_types.to_list()
        places = np.append(known.places_or_none(some.lead_ids), np.int32(-1))
        chosen = some.kinds[(places[some.leads] >= 0) & (some.kinds >= 0)]
        for place, count in enumerate(np.bincount(chosen, minlength=len(names)).tolist()):
            if count and names[place] is not None and names[place] not in kinds:
                counts[names[place]] += count
    return counts


def _is_usual(plan: FeaturePlan, n_other: int, n: int) -> bool:
    share = plan.other_share
    if share is None:
        # A plan of before: without a column of other kinds there were hardly any.
        prefix = kind_prefix(OTHER)
        share = UNTOLD_SHARE if any(one.startswith(prefix) for one in plan.columns) else 0.0
    # Where most events were of other kinds, twice as many is no bound: those of known kinds tell.
    expected = (1 - share) * n
    fewest = expected / USUAL_FACTOR - 3 * math.sqrt(expected)
    return n_other <= usual_count(max(share, FEW_OTHERS), n) and n - n_other >= fewest


def _named(plan: FeaturePlan, counts: Mapping[str, int]) -> str:
    most_first = sorted(counts, key=lambda kind: (-counts[kind], kind))
    told = []
    for kind in most_first[:MOST_NAMED]:
        short = kind if len(kind) <= _LONGEST else f"{kind[: _LONGEST - 1]}…"
        meant = nearest(short, plan.kinds)
        told.append(f"{short!r}" if meant is None else f"{short!r} (perhaps {meant!r})")
    if len(most_first) > MOST_NAMED or not told:
        told.append("others")
    return ", ".join(told)
