"""Curves of a ranking, as tables with bands; drawing is another matter."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import LEVEL, drawn_weights
from leadcast.models.evaluation.metrics import gains
from leadcast.models.evaluation.tally import RankedTally, Tally, cumulated


@dataclass(frozen=True)
class Curve:
    """A curve over evenly spaced places, with a band."""

    across: ClassVar[str]
    upwards: ClassVar[str]
    place: Floats
    """Rising."""
    value: Floats
    """NaN where it is not defined."""
    low: Floats
    high: Floats
    """The middle 95 % of the curves of leads drawn with replacement."""

    @staticmethod
    def at(counts: Tally, place: Floats) -> Floats:
        """Compute the curve's values."""
        raise NotImplementedError

    def frame(self) -> pl.DataFrame:
        """Give the curve as a table."""
        columns = {self.across: self.place, self.upwards: self.value}
        return pl.DataFrame(columns | {"low": self.low, "high": self.high}).fill_nan(None)


class GainCurve(Curve):
    """The share of all conversions that the highest ``share`` of the rows holds."""

    across: ClassVar[str] = "share"
    upwards: ClassVar[str] = "gain"

    @staticmethod
    def at(counts: Tally, place: Floats) -> Floats:
        """Compute `leadcast.models.evaluation.metrics.gains` at each share; see `Curve.at`."""
        return gains(counts, place)


class LiftCurve(Curve):
    """How many times the base rate the highest ``share`` of the rows converts at."""

    across: ClassVar[str] = "share"
    upwards: ClassVar[str] = "lift"

    @staticmethod
    def at(counts: Tally, place: Floats) -> Floats:
        """Compute the gain over the share; see `Curve.at`."""
        return gains(counts, place) / np.where(place > 0, place, np.nan)


class RocCurve(Curve):
    """The share of the conversions found against the share of the other rows taken along."""

    across: ClassVar[str] = "false_positive_rate"
    upwards: ClassVar[str] = "true_positive_rate"

    @staticmethod
    def at(counts: Tally, place: Floats) -> Floats:
        """Compute the ROC curve, tied rows in proportion; see `Curve.at`."""
        if not counts.has_both_outcomes:
            return np.full(len(place), np.nan)
        misses, hits = cumulated(counts.misses), cumulated(counts.hits)
        # Where the curve rises straight up, interpolation gives the upper end.
        return np.asarray(np.interp(place * misses[-1], misses, hits) / hits[-1])


class PrecisionRecallCurve(Curve):
    """The share of conversions among the rows taken, against the share of conversions found."""

    across: ClassVar[str] = "recall"
    upwards: ClassVar[str] = "precision"

    @staticmethod
    def at(counts: Tally, place: Floats) -> Floats:
        """Compute the curve, tied rows in proportion; see `Curve.at`."""
        won = counts.hits > 0
        if not won.any():
            return np.full(len(place), np.nan)
        found = place * counts.hits.sum()
        after = np.cumsum(counts.hits)[won]
        value = np.minimum(np.searchsorted(after, found * (1 - 1e-12)), len(after) - 1)
        # Of the value at which so many are found, only as many rows as that takes.
        missing = (after[value] - found) / counts.hits[won][value]
        taken = np.cumsum(counts.mass)[won][value] - missing * counts.mass[won][value]
        precision: Floats = np.where(place > 0, found, np.nan) / taken
        return precision


CURVES: dict[str, type[Curve]] = {
    "gain": GainCurve,
    "lift": LiftCurve,
    "roc": RocCurve,
    "precision_recall": PrecisionRecallCurve,
}
"""Every curve by its name."""


def draw_curves(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    points: int = 101,
    replicates: int = 300,
    seed: int = 0,
) -> dict[str, Curve]:
    """Compute every curve, with bands from the same draws of leads.

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    points : int
        How many places from 0 to 1.
    replicates : int
        How many draws.
    seed : int
        The same seed gives the same bands.

    Returns
    -------
    dict of str to Curve
        By the names of `CURVES`.

    Raises
    ------
    ValueError
        If the lengths differ or a number is not finite.
    """
    ranking = RankedTally.of(value, converted)
    place = np.linspace(0.0, 1.0, points)
    draws: dict[str, list[Floats]] = {name: [] for name in CURVES}
    for weight in drawn_weights(group, replicates, seed):
        counts = ranking.weighted(weight)
        for name, kind in CURVES.items():
            draws[name].append(kind.at(counts, place))
    whole = ranking.tally()
    return {
        name: kind(place, kind.at(whole, place), *_band(draws[name], points))
        for name, kind in CURVES.items()
    }


def _band(draws: list[Floats], points: int) -> tuple[Floats, Floats]:
    known = np.array([draw for draw in draws if not np.isnan(draw[1:]).any()])
    if len(known) == 0:
        return np.full(points, np.nan), np.full(points, np.nan)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
