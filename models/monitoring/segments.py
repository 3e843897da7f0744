"""Segments of leads by what was expected of them and what came, drawn towards the whole.

Few conversions say little: a segment's ratio of observed to expected is the mean of a gamma
posterior whose prior is the ratio of all leads (empirical Bayes as in disease mapping: Clayton and
Kaldor 1987; Marshall 1991).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leadcast.models.data import Floats

USUAL_SPREAD = 0.04
"""The variance of segments' ratios around 1 to begin from (a standard deviation of a fifth)."""
USUAL_SEGMENTS = 5.0
_Z_90 = 1.644854


@dataclass(frozen=True)
class SegmentRatio:
    """What came of a segment.

    Parameters
    ----------
    name, value : str
        The attribute, and its value.
    leads : int
        Watched.
    observed, expected : float
        Conversions.
    ratio, low, high : float
        Observed over expected, drawn towards that of all leads, with a 90 % interval.
    """

    name: str
    value: str
    leads: int
    observed: float
    expected: float
    ratio: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


def segment_ratios(
    names: list[tuple[str, str]], leads: list[int], observed: Floats, expected: Floats
) -> list[SegmentRatio]:
    """Estimate the segments' ratios of one attribute.

    Parameters
    ----------
    names : list of tuple of str
        Each segment's attribute and value.
    leads : list of int
    observed, expected : ndarray of float64, shape (n_segments,)
        Conversions that came, and that were expected; not negative.

    Returns
    -------
    list of SegmentRatio
        In the same order.
    """
    if not len(expected):
        return []
    total = (observed.sum() + 0.5) / (expected.sum() + 0.5)
    size = 1.0 / _spread(observed, expected, total)
    shape, rate = observed + size * total, expected + size
    ratio = shape / rate
    # A gamma variable's cube root is nearly normal (Wilson and Hilferty 1931).
    step = _Z_90 / np.sqrt(9 * shape)
    low, high = (ratio * np.maximum(1 - 1 / (9 * shape) + side * step, 0) ** 3 for side in (-1, 1))
    return [
        SegmentRatio(*name, count, *(float(part[place]) for part in parts))
        for place, (name, count) in enumerate(zip(names, leads, strict=True))
        for parts in [(observed, expected, ratio, low, high)]
    ]


def _spread(observed: Floats, expected: Floats, total: float) -> float:
    due = expected * total
    excess = float((np.square(observed - due) - due).sum())
    size = float(np.square(due).sum())
    found = max(excess / size, 0.0) if size > 0 else USUAL_SPREAD
    freedom = max(len(expected) - 1, 0)
    mixed = (USUAL_SEGMENTS * USUAL_SPREAD + freedom * found) / (USUAL_SEGMENTS + freedom)
    return max(mixed, USUAL_SPREAD / 4)
