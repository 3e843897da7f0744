"""The compiled loop: each row from the events of its lead that were known at its `as_of`.

A row is a function of its lead's events and its `as_of` alone. So it does not matter which other
rows are computed with it, and there is no state to get wrong; the price, looking at a lead's
events again for each of its moments, is small.

The loop writes every column that its shape allows into a scratch row and copies the wanted ones
into the matrix. `engine.engagement` describes the scratch row's columns in the same order.
"""

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import known_until
from leadcast.features.engine.engagement import NO_TIME, fill_moments
from leadcast.features.registry import DAY_US, HOUR_US

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.int16]
Matrix = npt.NDArray[np.float32]

LARGEST = float(np.finfo(np.float32).max)


@compiled
def fill_rows(
    out: Matrix,
    first_column: int,
    slots: Integers,
    leads: Integers,
    created_us: Integers,
    as_of_us: Integers,
    starts: Integers,
    times_us: Integers,
    kinds: Kinds,
    values: Floats,
    windows_us: Integers,
    trends_us: Integers,
    half_lives_us: Floats,
    n_kinds: int,
) -> None:
    """Compute the wanted columns of some rows."""
    n_windows = len(windows_us)
    # Per kind, by the newest window that holds an event; the last bin is for what is older.
    counts = np.empty((n_kinds + 1, n_windows + 1))
    sums = np.empty((n_kinds + 1, n_windows + 1))
    decayed = np.empty((n_kinds + 1, len(half_lives_us)))
    newest = np.empty(n_kinds + 1, dtype=np.int64)
    days = np.empty(n_windows + 1)
    ends = np.empty(n_windows + 2, dtype=np.int64)
    scratch = np.empty(scratch_width(n_windows, len(trends_us), len(half_lives_us), n_kinds))
    for row in range(len(leads)):
        lead, as_of = leads[row], as_of_us[row]
        start = starts[lead]
        stop = known_until(times_us, start, starts[lead + 1], as_of)
        _find_windows(ends, times_us, start, stop, as_of, windows_us)
        _count_days(days, ends, times_us)
        _tally(counts, sums, decayed, newest, ends, times_us, kinds, values, as_of, half_lives_us)
        fill_moments(scratch, created_us[lead], as_of)
        at = _MOMENTS
        scratch[at] = _response_hours(times_us, start, stop, created_us[lead])
        at = _fill_order(scratch, at + 1, times_us, kinds, start, stop, as_of, newest)
        at = _fill_totals(scratch, at, ends, days, decayed)
        at = _fill_trends(scratch, at, times_us, start, stop, as_of, trends_us)
        _fill_kinds(scratch, at, counts, sums, decayed, newest, times_us, as_of)
        for column in range(len(slots)):
            # A sum may be beyond float32; the matrix has no infinities. NaN stays NaN.
            number = scratch[slots[column]]
            if abs(number) > LARGEST:
                number = np.copysign(LARGEST, number)
            out[row, first_column + column] = number


_MOMENTS = 6
_END_OF_TIME = np.iinfo(np.int64).max


@compiled
def scratch_width(n_windows: int, n_trends: int, n_half_lives: int, n_kinds: int) -> int:
    """Tell how many places the scratch row has."""
    per_kind = 2 * (n_windows + 1) + 1 + n_half_lives
    return _MOMENTS + 7 + 2 * (n_windows + 1) + n_half_lives + n_trends + per_kind * (n_kinds + 1)


def decayed_places(n_windows: int, n_trends: int, n_half_lives: int, n_kinds: int) -> Integers:
    """Tell which places of the scratch row hold decayed counts."""
    counted = 2 * (n_windows + 1)
    of_all = _MOMENTS + 7 + counted
    first = of_all + n_half_lives + n_trends + counted
    per_kind = counted + 1 + n_half_lives
    starts = [of_all, *(first + per_kind * kind for kind in range(n_kinds + 1))]
    places: Integers = np.arange(n_half_lives)[:, None] + np.array(starts)
    return places


@compiled
def _find_windows(
    ends: Integers, times: Integers, start: int, stop: int, as_of: int, windows: Integers
) -> None:
    """Bisect the known events, newest first: bin b is ``ends[b + 1]:ends[b]``."""
    ends[0] = stop
    for window in range(len(windows)):
        ends[window + 1] = known_until(times, start, stop, as_of - windows[window])
    ends[len(windows) + 1] = start


@compiled
def _count_days(days: Floats, ends: Integers, times: Integers) -> None:
    """Count the days with events, each in the bin of its newest event."""
    day_began = _END_OF_TIME
    for bin_ in range(len(days)):
        days[bin_] = 0
        for event in range(ends[bin_] - 1, ends[bin_ + 1] - 1, -1):
            if times[event] < day_began:
                day_began = times[event] // DAY_US * DAY_US
                days[bin_] += 1


@compiled
def _tally(
    counts: Floats,
    sums: Floats,
    decayed: Floats,
    newest: Integers,
    ends: Integers,
    times: Integers,
    kinds: Kinds,
    values: Floats,
    as_of: int,
    half_lives: Floats,
) -> None:
    """Count the known events by kind and bin, newest first."""
    for kind in range(len(newest)):
        newest[kind] = -1
        for bin_ in range(counts.shape[1]):
            counts[kind, bin_] = sums[kind, bin_] = 0
        for h in range(len(half_lives)):
            decayed[kind, h] = 0
    for bin_ in range(counts.shape[1]):
        for event in range(ends[bin_] - 1, ends[bin_ + 1] - 1, -1):
            kind = kinds[event]
            counts[kind, bin_] += 1
            if newest[kind] < 0:
                newest[kind] = event
            age = float(as_of - times[event])
            for h in range(len(half_lives)):
                if half_lives[h] > 0:
                    decayed[kind, h] += np.exp2(-age / half_lives[h])
            if len(values) > 0 and not np.isnan(values[event]):
                sums[kind, bin_] += values[event]


@compiled
def _response_hours(times: Integers, start: int, stop: int, created: int) -> float:
    """Measure from the creation to the first known event after it."""
    if created == NO_TIME:
        return np.nan
    first = known_until(times, start, stop, created + 1)
    return (times[first] - created) / HOUR_US if first < stop else np.nan


@compiled
def _fill_order(
    row: Floats,
    at: int,
    times: Integers,
    kinds: Kinds,
    start: int,
    stop: int,
    as_of: int,
    newest: Integers,
) -> int:
    """Write what came first and last, and how many kinds there were."""
    row[at] = 0
    for kind in range(len(newest)):
        row[at] += newest[kind] >= 0
    for place in range(at + 1, at + 6):
        row[place] = np.nan
    if stop > start:
        row[at + 1] = (as_of - times[start]) / DAY_US
        row[at + 2] = (as_of - times[stop - 1]) / DAY_US
        row[at + 3] = kinds[start]
        row[at + 4] = kinds[stop - 1]
    if stop > start + 1:
        row[at + 5] = kinds[stop - 2]
    return at + 6


@compiled
def _fill_totals(row: Floats, at: int, ends: Integers, days: Floats, decayed: Floats) -> int:
    active = 0.0
    for bin_ in range(len(days)):
        active += days[bin_]
        # All time comes first, the shortest window last.
        place = at + 2 * (len(days) - 1 - bin_)
        row[place] = ends[0] - ends[bin_ + 1]
        row[place + 1] = active
    at += 2 * len(days)
    for h in range(decayed.shape[1]):
        row[at] = 0
        for kind in range(decayed.shape[0]):
            row[at] += decayed[kind, h]
        at += 1
    return at


@compiled
def _fill_trends(
    row: Floats, at: int, times: Integers, start: int, stop: int, as_of: int, trends: Integers
) -> int:
    """Compare each window with the one of the same length before it, on a log scale."""
    for trend in range(len(trends)):
        recent = known_until(times, start, stop, as_of - trends[trend])
        before = known_until(times, start, recent, as_of - 2 * trends[trend])
        row[at] = np.log2((stop - recent + 1) / (recent - before + 1))
        at += 1
    return at


@compiled
def _fill_kinds(
    row: Floats,
    at: int,
    counts: Floats,
    sums: Floats,
    decayed: Floats,
    newest: Integers,
    times: Integers,
    as_of: int,
) -> None:
    n_bins = counts.shape[1]
    for kind in range(len(newest)):
        count = total = 0.0
        for bin_ in range(n_bins):
            count += counts[kind, bin_]
            total += sums[kind, bin_]
            place = at + 2 * (n_bins - 1 - bin_)
            row[place] = count
            row[place + 1] = total
        at += 2 * n_bins
        for h in range(decayed.shape[1]):
            row[at] = decayed[kind, h]
            at += 1
        known = newest[kind] >= 0
        row[at] = (as_of - times[newest[kind]]) / DAY_US if known else np.nan
        at += 1
