"""The streams that are watched, and how the false alarms of a year are shared among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import Watch, watch_counts, weekly_dispersion

FALSE_ALARMS_PER_YEAR = 0.5
"""Of all streams together, at most, on average; simulation shows a tenth of it."""
SHARES = {"conversions": 0.5, "conversions in a segment": 0.25, "revisions": 0.25}
"""How they are shared; the streams of one kind get equal parts."""
LASTING_DAYS = 28
"""An alarm stands for so long; where what raised it goes on, it is raised again before."""

StreamKind = Literal["conversions", "conversions in a segment", "revisions"]


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

    @property
    def dispersion(self) -> float:
        """The variance of its weekly shocks."""
        return weekly_dispersion(self.quiet_observed, self.quiet_expected)


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
    return [
        watch_counts(
            one.observed,
            one.expected,
            one.dispersion,
            false_alarms_per_year * SHARES[one.kind] / counts[one.kind],
        )
        for one in streams
    ]


def sums_since(stream: Stream, day: int) -> tuple[float, float]:
    """Add up what was observed and expected from a day on."""
    return float(np.sum(stream.observed[day:])), float(np.sum(stream.expected[day:]))
