"""The logistic regression's columns: curves for numbers, levels for categories, missingness."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from features.registry import Feature
from models.data import Floats, Integers, LabelledMatrix, Matrix

NEWTON_BUDGET = 1e9
"""About how large rows times columns squared may be, which a step of Newton's method costs."""
FEWEST_COLUMNS, MOST_COLUMNS = 150, 600
"""Numbers share at least and at most so many columns, whatever the rows."""
FEWEST_DEVIATING = 5.0
"""A column that deviates from its mean in fewer rows than about this teaches nothing."""
TAIL = 0.002
"""The range of a number leaves out this share at either end, so that outliers have no leverage."""


@dataclass(frozen=True)
class Term:
    """The columns of one feature.

    Parameters
    ----------
    feature : int
        Its column in the matrix.
    category : bool
        Whether it holds codes.
    points : tuple of float
        A category's codes, a column each; or a number's knots, a hat function each (none where it
        has two values only).
    low, high : float
        The range that the line follows, extrapolation included.
    mean, scale : float
        What the line is centred and scaled by.
    missing : bool
        Whether it has a column for missing values.
    """

    feature: int
    category: bool
    points: tuple[float, ...]
    low: float
    high: float
    mean: float
    scale: float
    missing: bool

    def columns(self, values: Floats) -> Iterator[Floats]:
        """Expand a feature's values.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)

        Yields
        ------
        ndarray of float64, shape (n,)
            A line, then the hats (a number); or a column a level (a category); then missingness.
        """
        absent = np.isnan(values)
        if self.category:
            yield from ((values == code).astype(np.float64) for code in self.points)
        else:
            line = (np.clip(values, self.low, self.high) - self.mean) / self.scale
            yield np.where(absent, 0.0, line)
            yield from _hats(np.where(absent, self.mean, values), absent, self.points)
        if self.missing:
            yield absent.astype(np.float64)

    def width(self) -> int:
        """Count the columns.

        Returns
        -------
        int
        """
        return len(self.points) + (not self.category) + self.missing

    def to_json(self) -> dict[str, Any]:
        """Turn the term into plain data.

        Returns
        -------
        dict
        """
        return {**vars(self), "points": list(self.points)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read the term from plain data.

        Parameters
        ----------
        content : dict
            As `to_json` made it.

        Returns
        -------
        Term
        """
        return cls(**{**content, "points": tuple(content["points"])})


def fit_terms(
    data: LabelledMatrix, knots: int, extrapolation: float, straight: frozenset[int]
) -> tuple[Term, ...]:
    """Lay out the columns for each feature that varies.

    Parameters
    ----------
    data : LabelledMatrix
        The training rows.
    knots : int
        Most pieces of a number's curve.
    extrapolation : float
        How far lines go on beyond the range seen, as a share of it.
    straight : frozenset of int
        Features that get a line only, without a curve.

    Returns
    -------
    tuple of Term
    """
    numbers = sum(feature.dtype == "number" for feature in data.features)
    budget = np.clip(np.sqrt(NEWTON_BUDGET / len(data)), FEWEST_COLUMNS, MOST_COLUMNS)
    pieces = int(min(knots, max(2, budget // max(numbers, 1) - 2)))
    terms = (
        _term(
            feature, place, data.values[:, place], 0 if place in straight else pieces, extrapolation
        )
        for place, feature in enumerate(data.features)
    )
    return tuple(term for term in terms if term is not None)


def expand(terms: tuple[Term, ...], values: Matrix) -> Floats:
    """Expand a matrix into the logistic regression's columns.

    Parameters
    ----------
    terms : tuple of Term
    values : ndarray of float32, shape (n, n_features)

    Returns
    -------
    ndarray of float64, shape (n, sum of widths)
    """
    width = sum(term.width() for term in terms)
    result = np.empty((len(values), width))
    place = 0
    for term in terms:
        for column in term.columns(values[:, term.feature].astype(np.float64)):
            result[:, place] = column
            place += 1
    return result


def owners(terms: tuple[Term, ...]) -> Integers:
    """Tell which feature each column belongs to.

    Parameters
    ----------
    terms : tuple of Term

    Returns
    -------
    ndarray of int64, shape (sum of widths,)
    """
    return np.repeat([t.feature for t in terms], [t.width() for t in terms]).astype(np.int64)


def _term(feature: Feature, place: int, column: Matrix, pieces: int, beyond: float) -> Term | None:
    absent = np.isnan(column)
    present = column[~absent].astype(np.float64)
    missing = _teaches(float(absent.mean()), len(column))
    if feature.dtype == "category":
        codes, counts = np.unique(present, return_counts=True)
        kept = codes[[_teaches(count / len(column), len(column)) for count in counts]]
        points = tuple(float(code) for code in kept)
        return Term(place, True, points, 0.0, 0.0, 0.0, 1.0, missing) if missing or points else None
    if not _varies(present):
        mean = float(present.mean()) if len(present) else 0.0
        return Term(place, False, (), mean, mean, mean, 1.0, missing) if missing else None
    return _curve(place, present, pieces, beyond, missing)


def _curve(place: int, present: Floats, pieces: int, beyond: float, missing: bool) -> Term:
    low, high = np.quantile(present, [TAIL, 1 - TAIL])
    if low == high:
        low, high = present.min(), present.max()
    mean, scale = float(present.mean()), float(np.clip(present, low, high).std())
    knots = (
        np.unique(np.quantile(present, np.linspace(0, 1, pieces + 1))) if pieces else np.empty(0)
    )
    room = beyond * (high - low)
    points = tuple(float(knot) for knot in knots) if len(knots) > 2 else ()
    return Term(place, False, points, float(low - room), float(high + room), mean, scale, missing)


def _varies(present: Floats) -> bool:
    # As for a flag: the variance in units of half the range, times the rows.
    half_range = float(np.ptp(present)) / 2 if len(present) else 0.0
    return half_range > 0 and present.var() / half_range**2 * len(present) >= FEWEST_DEVIATING


def _teaches(share: float, n: int) -> bool:
    return bool(share * (1 - share) * n >= FEWEST_DEVIATING)


def _hats(
    values: Floats, absent: npt.NDArray[np.bool_], points: tuple[float, ...]
) -> Iterator[Floats]:
    knots = np.asarray(points)
    for place in range(len(points)):
        hat = np.interp(values, knots, (np.arange(len(points)) == place).astype(np.float64))
        yield np.where(absent, 0.0, hat)
