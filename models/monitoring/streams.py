"""The streams that are watched, and how the false alarms of a year are shared among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import (
    WEEK_DAYS,
    Watch,
    watch_counts,
    weekly_dispersion,
)
from leadcast.models.monitoring.segments import USUAL_SPREAD
from leadcast.models.monitoring.thresholds import thresholds_for

FALSE_ALARMS_PER_YEAR = 0.9
"""Of all streams together, on average, in quiet years."""
LOOKS_PER_YEAR = 3.0
"""How often conversions of all leads may be worth a look without an alarm, in quiet years."""
SHARES = {"conversions": 0.9, "conversions in a segment": 0.05, "revisions": 0.05}
"""How they are shared; the streams of one kind get equal parts. Evidence must grow by the
logarithm of how rare an alarm is, so that many small streams cost little with a small share."""
FEWER_SHARES = {"conversions": 0.92, "conversions in a segment": 0.5, "revisions": 0.5}
"""Which part of it goes to fewer than expected, rather than more. That sales come short is what
most needs to be seen early."""
LASTING_DAYS = 28
"""An alarm stands for so long; where what raised it goes on, it is raised again before."""

LEAST_KNOWN = 0.04
"""A level is known at least to a fifth."""
WORTH_OF_SEGMENT = 1 / USUAL_SPREAD
"""So many conversions of its own it takes until a segment's level is as much its own as that of all
leads, towards which it is drawn."""

StreamKind = Literal["conversions", "conversions in a segment", "revisions"]
REST_ON: dict[StreamKind, StreamKind] = {
    "conversions": "conversions",
    "conversions in a segment": "conversions",
    "revisions": "revisions",
}
"""On the level of which stream of all leads a segment's rests."""


@dataclass(frozen=True)
class Stream:
    """What is watched.

    Parameters
    ----------
    kind : str
        A key of `SHARES`.
    name, value : str
        The attribute and the value of the segment; both empty for all leads.
    observed, expected : ndarray of float64, shape (n_days,)
        As `leadcast.models.monitoring.evidence.watch_counts` takes them.
    quiet_observed, quiet_expected : ndarray of float64, shape (n_quiet_days,)
        The same of the time before, from which weekly shocks are learned.
    """

    kind: StreamKind
    name: str
    value: str
    observed: Floats
    expected: Floats
    quiet_observed: Floats
    quiet_expected: Floats

    @cached_property
    def dispersion(self) -> float:
        """The variance of its weekly shocks."""
        return weekly_dispersion(self.quiet_observed, self.quiet_expected)

    @property
    def level_variance(self) -> float:
        """The variance of its level's own luck: a segment's beside that of all leads."""
        told = float(self.quiet_expected.sum())
        if self.name:
            # The luck of its own conversions, by the weight that they have; of a new one, none.
            return told / (told + WORTH_OF_SEGMENT) ** 2
        weeks = max(len(self.quiet_observed) / WEEK_DAYS, 1.0)
        return min(1.0 / max(told, 1.0) + self.dispersion / weeks, LEAST_KNOWN)

    def watched(self, false_alarms_per_year: float, luck_of_all: float = 0.0) -> Watch:
        """Watch it, with so many false alarms in a quiet year.

        Parameters
        ----------
        false_alarms_per_year : float
        luck_of_all : float
            Of a segment: the `level_variance` of all leads, on which its own level rests.

        Returns
        -------
        Watch
        """
        fewer = false_alarms_per_year * FEWER_SHARES[self.kind]
        weeks = max(len(self.expected) / WEEK_DAYS, 1.0)
        a_week = float(self.expected.sum()) / weeks
        settings = (a_week, self.dispersion, self.level_variance + luck_of_all)
        thresholds = thresholds_for(*settings, fewer, false_alarms_per_year - fewer)
        return watch_counts(self.observed, self.expected, self.dispersion, thresholds)


def watch_streams(
    streams: Sequence[Stream], false_alarms_per_year: float = FALSE_ALARMS_PER_YEAR
) -> list[Watch]:
    """Watch streams, so that all of them together keep to one number of false alarms.

    Parameters
    ----------
    streams : sequence of Stream
    false_alarms_per_year : float

    Returns
    -------
    list of Watch
        In the same order.
    """
    counts = {kind: sum(one.kind == kind for one in streams) for kind in SHARES}
    whole = {one.kind: one.level_variance for one in streams if not one.name}
    luck = {kind: whole.get(of_all, LEAST_KNOWN) for kind, of_all in REST_ON.items()}
    return [
        one.watched(
            false_alarms_per_year * SHARES[one.kind] / counts[one.kind],
            luck[one.kind] if one.name else 0.0,
        )
        for one in streams
    ]


def sums_since(stream: Stream, day: int) -> tuple[float, float]:
    """Add up what was observed and expected from a day on."""
    return float(np.sum(stream.observed[day:])), float(np.sum(stream.expected[day:]))
