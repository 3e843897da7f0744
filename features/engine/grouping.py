"""Events grouped by lead and sorted within it, by a counting sort."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled

Times = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.int16]
Values = npt.NDArray[np.float64]
Leads = npt.NDArray[np.int32]
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Events:
    """The events of some leads.

    Parameters
    ----------
    starts : ndarray of int64, shape (n_leads + 1,)
        The events of lead i are ``starts[i]:starts[i + 1]``.
    times_us : ndarray of int64, shape (n_events,)
        Microseconds since 1970; ascending within a lead.
    kinds : ndarray of int16, shape (n_events,)
        1 for the first kind of the plan, 0 for a kind without a number of its own.
    values : ndarray of float64, shape (n_events,) or (0,)
        NaN where there is none; of length 0 where no value is used.
    """

    starts: npt.NDArray[np.int64]
    times_us: Times
    kinds: Kinds
    values: Values


class Ungrouped(NamedTuple):
    """Some events, in any order."""

    leads: Leads
    """Where each event's lead stands in `lead_places`, which may be -1 for the last."""
    times_us: Times
    kinds: npt.NDArray[np.signedinteger]
    values: Values
    """As in `Events`, but that a kind is its place in `kind_codes`."""
    lead_places: Leads
    """The leads' numbers, -1 for one whose events are left out."""
    kind_codes: Kinds
    """The kinds' numbers."""

    def only(self, is_wanted: npt.NDArray[np.bool_]) -> "Ungrouped":
        """Leave some events out; `is_wanted` has a place for each."""
        return self._replace(
            leads=self.leads[is_wanted],
            times_us=self.times_us[is_wanted],
            kinds=self.kinds[is_wanted],
            values=self.values[is_wanted] if len(self.values) else self.values,
        )


def group_events(leads: Leads, times_us: Times, kinds: Kinds, values: Values, n: int) -> Events:
    """Bring each lead's events together, sorted by time, kind and value.

    The full order makes the result independent of the events' order in the input, down to the
    last bit of a sum.

    Parameters
    ----------
    leads : ndarray of int32, shape (n_events,)
        Each event's lead, 0 to n - 1.
    times_us, kinds, values : ndarray
        As in `Events`, in any order; values that are not finite count as missing.
    n : int
        The number of leads.

    Returns
    -------
    Events
        In time linear in the events, but for the sorting of leads whose events came unsorted.
    """
    each = np.arange(n, dtype=np.int32)
    codes = np.arange(kinds.max(initial=0) + 1, dtype=np.int16)
    return group_batches([Ungrouped(leads, times_us, kinds, values, each, codes)], n)


def group_batches(batches: list[Ungrouped], n: int) -> Events:
    """Do as `group_events` to events that came in batches."""
    starts = np.zeros(n + 1, dtype=np.int64)
    for batch in batches:
        count_each(batch.leads, batch.lead_places, starts)
    np.cumsum(starts, out=starts)
    n_events = starts[-1]
    n_values = n_events if any(len(batch.values) for batch in batches) else 0
    out = (np.empty(n_events, np.int64), np.empty(n_events, np.int16), np.empty(n_values))
    free = starts[:-1].copy()
    # In their own order, in which they often are sorted already.
    batches.reverse()
    while batches:
        _scatter(*batches.pop(), free, *out)
    _sort_each(starts, *out)
    return Events(starts, *out)


def sort_events(times_us: Times, kinds: Kinds, values: Values) -> Events:
    """Sort the events of one lead, where they are, as `group_events` does."""
    starts = np.array([0, len(times_us)], dtype=np.int64)
    _sort_each(starts, times_us, kinds, values)
    return Events(starts, times_us, kinds, values)


@compiled
def count_each(leads: Leads, places: Leads, starts: npt.NDArray[np.int64]) -> None:
    """Count the events of each place, one further; `leads` may be -1 for the last of `places`."""
    for event in range(len(leads)):
        place = places[leads[event]]
        if place >= 0:
            starts[place + 1] += 1


@compiled
def _scatter(
    leads: Leads,
    times: Times,
    kinds: npt.NDArray[np.signedinteger],
    values: Values,
    places: Leads,
    codes: Kinds,
    free: npt.NDArray[np.int64],
    out_times: Times,
    out_kinds: Kinds,
    out_values: Values,
) -> None:
    """Put each event into the next free place of its lead."""
    for event in range(len(leads)):
        lead = places[leads[event]]
        if lead < 0:
            continue
        place = free[lead]
        free[lead] += 1
        out_times[place] = times[event]
        out_kinds[place] = codes[kinds[event]]
        if len(values) > 0:
            # No infinities, and nothing beyond what float32 holds.
            value = values[event] if np.isfinite(values[event]) else np.nan
            out_values[place] = min(max(value, -LARGEST), LARGEST) if value == value else value


@compiled
def _sort_each(starts: npt.NDArray[np.int64], times: Times, kinds: Kinds, values: Values) -> None:
    longest = 0
    for lead in range(len(starts) - 1):
        longest = max(longest, starts[lead + 1] - starts[lead])
    order = np.empty(longest, dtype=np.int64)
    spare = np.empty(longest, dtype=np.int64)
    moved = (np.empty_like(times[:longest]), np.empty_like(kinds[:longest]), np.empty(longest))
    for lead in range(len(starts) - 1):
        start, stop = starts[lead], starts[lead + 1]
        if _ascends(start, stop, times):
            continue
        if stop - start <= _FEW:
            _insertion_sort(start, stop, times, kinds, values)
        elif not _is_sorted(start, stop, times, kinds, values):
            ordered = _merge_sort(start, stop, times, kinds, values, order, spare)
            _rearrange(times, start, ordered, moved[0])
            _rearrange(kinds, start, ordered, moved[1])
            if len(values) > 0:
                _rearrange(values, start, ordered, moved[2])


@compiled
def _rearrange(
    column: npt.NDArray[np.generic],
    start: int,
    ordered: npt.NDArray[np.int64],
    spare: npt.NDArray[np.generic],
) -> None:
    for place in range(len(ordered)):
        spare[place] = column[ordered[place]]
    for place in range(len(ordered)):
        column[start + place] = spare[place]


_FEW = 40


@compiled
def _insertion_sort(start: int, stop: int, times: Times, kinds: Kinds, values: Values) -> None:
    """Sort a lead's few events where they are, which for few is the fastest way."""
    for unsorted in range(start + 1, stop):
        event = unsorted
        while event > start and _precedes(event, event - 1, times, kinds, values):
            times[event], times[event - 1] = times[event - 1], times[event]
            kinds[event], kinds[event - 1] = kinds[event - 1], kinds[event]
            if len(values) > 0:
                values[event], values[event - 1] = values[event - 1], values[event]
            event -= 1


@compiled
def _ascends(start: int, stop: int, times: Times) -> bool:
    """Tell whether no two events are at one time, and each is later than the one before."""
    ascends = True
    for event in range(start + 1, stop):
        ascends &= times[event] > times[event - 1]
    return ascends


@compiled
def _is_sorted(start: int, stop: int, times: Times, kinds: Kinds, values: Values) -> bool:
    for event in range(start + 1, stop):
        if _precedes(event, event - 1, times, kinds, values):
            return False
    return True


@compiled
def _precedes(a: int, b: int, times: Times, kinds: Kinds, values: Values) -> bool:
    if times[a] != times[b]:
        return bool(times[a] < times[b])
    if kinds[a] != kinds[b]:
        return bool(kinds[a] < kinds[b])
    if len(values) == 0:
        return False
    # A missing value (NaN) comes first.
    return bool(values[a] < values[b] or (np.isnan(values[a]) and not np.isnan(values[b])))


@compiled
def _merge_sort(
    start: int,
    stop: int,
    times: Times,
    kinds: Kinds,
    values: Values,
    order: npt.NDArray[np.int64],
    spare: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Sort the numbers of a lead's events by merging runs of doubling width."""
    n = stop - start
    for i in range(n):
        order[i] = start + i
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            left, right = low, middle
            for place in range(low, high):
                from_right = right < high and (
                    left >= middle or _precedes(order[right], order[left], times, kinds, values)
                )
                spare[place] = order[right] if from_right else order[left]
                right += from_right
                left += not from_right
        order, spare = spare, order
        width *= 2
    return order[:n]
