"""The compiled loop: what each rule's events amount to, for each row at its `as_of`.

It visits a lead's known events once, newest first; an event is shown only to the rules that it
matters to, so that the time grows with the events and hardly with the rules.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import known_until
from leadcast.features.engine.engagement import NO_TIME

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]
Counts = npt.NDArray[np.int32]

ANY, FIRST, LAST, FIRST_OF_ALL, LAST_OF_ALL = range(5)
"""Which of a lead's events may count, as in `leadcast.models.rules.conditions.Which`."""
NO_DECAY, LINEAR, EXPONENTIAL, STEPS = range(4)
"""The forms of decay; an expiry is one step down to nothing."""


class Tallies(NamedTuple):
    """What is tallied, as arrays: one place a condition on events."""

    starts: Integers
    members: Integers
    """The tallies that events of code c matter to are ``members[starts[c]:starts[c + 1]]``."""
    within_us: Integers
    """How old an event may be."""
    which: Integers
    """`ANY`, `FIRST`, `LAST`, `FIRST_OF_ALL` or `LAST_OF_ALL`."""
    each: npt.NDArray[np.bool_]
    """Whether the shares of all events are added up, instead of the newest event's alone."""
    form: Integers
    """`NO_DECAY`, `LINEAR`, `EXPONENTIAL` or `STEPS`."""
    span_us: Floats
    """The half-life, or when nothing is left."""
    step_starts: Integers
    """The steps of tally t are ``step_starts[t]:step_starts[t + 1]``."""
    step_us: Floats
    step_keep: Floats
    """After which age a step is taken, and the share that it leaves."""


@compiled
def tally_rows(
    counts: Counts,
    shares: Floats,
    leads: Integers,
    as_of_us: Integers,
    starts: Integers,
    times_us: Integers,
    codes: Codes,
    tallies: Tallies,
) -> None:
    """Tally the known events of some rows."""
    # When the last event that was shown to a tally happened; events of one moment stand together.
    shown_us = np.empty(counts.shape[1], dtype=np.int64)
    for row in range(len(leads)):
        shown_us[:] = NO_TIME
        start = starts[leads[row]]
        stop = known_until(times_us, start, starts[leads[row] + 1], as_of_us[row])
        for event in range(stop - 1, start - 1, -1):
            code, time = codes[event], times_us[event]
            for place in range(tallies.starts[code], tallies.starts[code + 1]):
                t = tallies.members[place]
                if tallies.which[t] != ANY and not _is_the_one(
                    counts[row], shares[row], shown_us, t, tallies.which[t], time,
                    times_us[start], times_us[stop - 1],
                ):  # fmt: skip
                    continue
                age = as_of_us[row] - time
                if age <= tallies.within_us[t]:
                    counts[row, t] += 1
                    if tallies.each[t] or counts[row, t] == 1:
                        shares[row, t] += kept(tallies, t, float(age))


@compiled
def _is_the_one(
    counts: Counts,
    shares: Floats,
    shown_us: Integers,
    t: int,
    which: int,
    time_us: int,
    first_us: int,
    last_us: int,
) -> bool:
    """Tell whether an event may be the first or the last; forget newer ones that were not."""
    if which == LAST_OF_ALL:
        return time_us == last_us
    if which == FIRST_OF_ALL:
        return time_us == first_us
    is_newest, is_older = shown_us[t] == NO_TIME, shown_us[t] != time_us
    if which == LAST and is_older and not is_newest:
        return False
    # An older one is the first in its place, even if it is too old to count.
    if which == FIRST and is_older:
        counts[t], shares[t] = 0, 0.0
    shown_us[t] = time_us
    return True


@compiled
def kept(tallies: Tallies, t: int, age_us: float) -> float:
    """Give the share of the points that an event's age leaves."""
    form = tallies.form[t]
    if form == LINEAR:
        return max(0.0, 1.0 - age_us / float(tallies.span_us[t]))
    if form == EXPONENTIAL:
        return float(np.exp2(-age_us / tallies.span_us[t]))
    share: float = 1.0
    for step in range(tallies.step_starts[t], tallies.step_starts[t + 1]):
        if age_us > tallies.step_us[step]:
            share = tallies.step_keep[step]
    return share
