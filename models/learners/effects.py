"""Curves and tables: what each feature adds to the log-odds, as plain data."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from models.data import Floats, Matrix
from models.learners.basis import Term


@dataclass(frozen=True)
class Effect:
    """What one feature adds to the log-odds.

    Parameters
    ----------
    feature : int
        Its column in the matrix.
    category : bool
        Whether it holds codes.
    points : ndarray of float64, shape (n_points,)
        A number's corners, between which the effect is straight and beyond which it is constant;
        a category's codes, sorted.
    heights : ndarray of float64, shape (n_points,)
        The effect at each point.
    other : float
        The effect of a code that is not among the points.
    missing : float
        The effect of a missing value.
    """

    feature: int
    category: bool
    points: Floats
    heights: Floats
    other: float
    missing: float

    def of(self, values: Matrix) -> Floats:
        """Tell what the feature adds to each row.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        column = values[:, self.feature].astype(np.float64)
        absent = np.isnan(column)
        if not self.category:
            return np.where(absent, self.missing, np.interp(column, self.points, self.heights))
        if len(self.points) == 0:
            return np.where(absent, self.missing, self.other)
        place = np.minimum(np.searchsorted(self.points, column), len(self.points) - 1)
        known = np.where(self.points[place] == column, self.heights[place], self.other)
        return np.where(absent, self.missing, known)

    def to_json(self) -> dict[str, Any]:
        """Turn the effect into plain data.

        Returns
        -------
        dict
        """
        return {**vars(self), "points": self.points.tolist(), "heights": self.heights.tolist()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read the effect from plain data.

        Parameters
        ----------
        content : dict
            As `to_json` made it.

        Returns
        -------
        Effect
        """
        points, heights = np.array(content["points"], float), np.array(content["heights"], float)
        return cls(**{**content, "points": points, "heights": heights})


def effects_of(
    terms: tuple[Term, ...], weights: Floats, centre: Floats, kept: frozenset[int]
) -> tuple[Effect, ...]:
    """Fold the columns' weights into an effect for each feature.

    Parameters
    ----------
    terms : tuple of Term
    weights, centre : ndarray of float64, shape (sum of the terms' widths,)
        Of the columns; the effects are relative to the centre.
    kept : frozenset of int
        The features whose effects are wanted.

    Returns
    -------
    tuple of Effect
    """
    effects, start = [], 0
    for term in terms:
        own = slice(start, start + term.width())
        start += term.width()
        if term.feature in kept:
            effects.append(_effect(term, weights[own], centre[own]))
    return tuple(effects)


def _effect(term: Term, weights: Floats, centre: Floats) -> Effect:
    base = float(centre @ weights)
    points = np.unique(term.points if term.category else (*term.points, term.low, term.high))
    absent = float(_height(term, weights, np.array([np.nan]))[0])
    # Where nothing was missing in training, a missing value is taken for an average one.
    missing = absent - base if term.missing or term.category else 0.0
    heights = _height(term, weights, points) - base
    return Effect(term.feature, term.category, points, heights, -base, missing)


def _height(term: Term, weights: Floats, values: Floats) -> Floats:
    total = np.zeros(len(values))
    for weight, column in zip(weights, term.columns(values), strict=True):
        total += weight * column
    return total
