"""What each feature does to the score: its direction and its shape, by the model's own parts.

A model's log-odds are a sum of parts, one a feature (for trees Shapley values, for a regression the
height of its curve). The mean part of leads whose value lies in a bin, over the bins in order, is
the feature's shape: a partial dependence that uses no lead that does not exist (Lundberg et al.
2020, From local explanations to global understanding with explainable AI for trees).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Matrix

Direction = Literal["up", "down", "mixed", "by value"]

MOST_BINS = 8
FEWEST_ROWS = 10
"""A bin of fewer rows is not told."""
NOTICEABLE = 0.02
"""A part that moves the odds by less than this share is no direction."""


@dataclass(frozen=True)
class ShapeBin:
    """Leads whose value of a feature lies close together."""

    low: float
    high: float
    """The lowest and the highest value; the code of a category or flag."""
    rows: int
    contribution: float
    """The mean part of the log-odds, less its mean over all rows."""


@dataclass(frozen=True)
class FeatureShape:
    """What a feature does to the score.

    Parameters
    ----------
    feature : Feature
    direction : {"up", "down", "mixed", "by value"}
        Whether more of it raises the score, lowers it, or neither throughout; ``"by value"`` for
        categories.
    bins : tuple of ShapeBin
        In the order of the values; of a category by contribution, the highest first.
    missing : ShapeBin or None
        The leads of which it is not known.
    """

    feature: Feature
    direction: Direction
    bins: tuple[ShapeBin, ...]
    missing: ShapeBin | None


def feature_shapes(
    features: Sequence[Feature], values: Matrix, contributions: Floats, names: Sequence[str]
) -> list[FeatureShape]:
    """Tell what features do to the score.

    Parameters
    ----------
    features : sequence of Feature
        The columns.
    values : ndarray of float32, shape (n_rows, n_features)
    contributions : ndarray of float64, shape (n_rows, n_features)
        What each value adds to its row's log-odds.
    names : sequence of str
        The features that are wanted, in order.

    Returns
    -------
    list of FeatureShape
        Those that take two values at least, each in `FEWEST_ROWS` rows.
    """
    places = {feature.name: place for place, feature in enumerate(features)}
    found = (
        _shape(features[places[name]], values[:, places[name]], contributions[:, places[name]])
        for name in names
        if name in places
    )
    return [shape for shape in found if shape is not None]


def _shape(feature: Feature, value: Matrix, part: Floats) -> FeatureShape | None:
    known = ~np.isnan(value)
    if feature.dtype == "category":
        known &= value > 0
    centred = part - part.mean()
    bins = _bins(value[known].astype(np.float64), centred[known], feature.dtype == "number")
    missing = _bin(value[~known].astype(np.float64), centred[~known])
    if len(bins) + (missing is not None) < 2 or not bins:
        return None
    if feature.dtype == "category":
        bins.sort(key=lambda one: -one.contribution)
    return FeatureShape(feature, _direction(feature, bins, missing), tuple(bins), missing)


def _bins(value: Floats, part: Floats, is_number: bool) -> list[ShapeBin]:
    levels = np.unique(value)
    if is_number and len(levels) > MOST_BINS:
        inner = np.quantile(value, np.linspace(0, 1, MOST_BINS + 1)[1:-1], method="inverted_cdf")
        code = np.searchsorted(np.unique(inner), value, side="left")
    else:
        code = np.searchsorted(levels, value)
    found = (_bin(value[code == one], part[code == one]) for one in np.unique(code))
    return [one for one in found if one is not None]


def _bin(value: Floats, part: Floats) -> ShapeBin | None:
    if len(part) < FEWEST_ROWS:
        return None
    known = value[~np.isnan(value)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)
    return ShapeBin(low, high, len(part), float(part.mean()))


def _direction(feature: Feature, bins: list[ShapeBin], missing: ShapeBin | None) -> Direction:
    if feature.dtype == "category" or len(bins) == 1:
        return "by value"
    heights = np.array([one.contribution for one in bins])
    steps = np.diff(heights)
    rise, fall = float(steps[steps > 0].sum()), -float(steps[steps < 0].sum())
    if max(rise, fall) < NOTICEABLE:
        return "mixed" if missing is None else "by value"
    # A step back is no turn where it is small beside the whole way.
    if fall <= 0.2 * rise:
        return "up"
    return "down" if rise <= 0.2 * fall else "mixed"
