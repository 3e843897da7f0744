"""The logistic regression's columns, and the effects that their weights are folded into.

A number has a curve, a category levels, and either a column for missing values; both are declared
as the plain data of ``learner.json``.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Self

import numpy as np
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.plain import (
    Column,
    Number,
    Plain,
    Positive,
    Truth,
    joins,
    rises,
)
from leadcast.features.registry import Feature
from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.learners.ridge import HELD

MOST_POINTS = 100_000
NEWTON_BUDGET = 1e9
"""About how large rows times columns squared may be, which a step of Newton's method costs."""
FEWEST_COLUMNS, MOST_EXPANDED = 150, 600
"""Numbers share at least and at most so many columns, whatever the rows."""
FEWEST_DEVIATING = 5.0
"""A column that deviates from its mean in fewer rows than about this teaches nothing."""
TAIL = 0.002
"""The range of a number leaves out this share at either end, so that outliers have no leverage."""


Numbers = Annotated[list[Number], FailFast(), Field(max_length=MOST_POINTS)]


class Term(Plain):
    """The columns of one feature."""

    feature: Column
    """Its column in the matrix."""
    category: Truth
    """Whether it holds codes."""
    points: Numbers
    """A category's codes, a column each; or a number's knots, a hat function each (none where it
    has two values only)."""
    low: Number
    high: Number
    """The range that the line follows, extrapolation included."""
    mean: Number
    scale: Positive
    """What the line is centred and scaled by."""
    missing: Truth
    """Whether it has a column for missing values."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if not rises(self.points):
            raise ValueError("points must rise")
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self

    @property
    def ends(self) -> list[tuple[float, float]]:
        """Between what each of its columns lies, whatever the feature's value."""
        names = [(0.0, 1.0)] * (len(self.points) + self.missing)
        if self.category:
            return names
        line = [(end - self.mean) / self.scale for end in (self.low, self.high)]
        return [(min(0.0, *line), max(0.0, *line)), *names]

    def columns(self, values: Floats) -> Iterator[Floats]:
        """Expand a feature's values."""
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
        """Count the columns."""
        return len(self.points) + (not self.category) + self.missing


def fit_terms(
    data: LabelledMatrix, knots: int, extrapolation: float, straight: frozenset[int]
) -> tuple[Term, ...]:
    """Lay out the columns for each feature that varies."""
    numbers = sum(feature.dtype == "number" for feature in data.features)
    budget = np.clip(np.sqrt(NEWTON_BUDGET / len(data)), FEWEST_COLUMNS, MOST_EXPANDED)
    pieces = int(min(knots, max(2, budget // max(numbers, 1) - 2)))
    terms = (
        _term(
            feature, place, data.values[:, place], 0 if place in straight else pieces, extrapolation
        )
        for place, feature in enumerate(data.features)
    )
    return tuple(term for term in terms if term is not None)


def expand(terms: tuple[Term, ...], values: Matrix) -> Floats:
    """Expand a matrix into the logistic regression's columns."""
    width = sum(term.width() for term in terms)
    result = np.empty((len(values), width))
    place = 0
    for term in terms:
        for column in term.columns(values[:, term.feature].astype(np.float64)):
            result[:, place] = column
            place += 1
    return result


def owners(terms: tuple[Term, ...]) -> Integers:
    """Tell which feature each column belongs to."""
    return np.repeat([t.feature for t in terms], [t.width() for t in terms]).astype(np.int64)


def bent_by(terms: tuple[Term, ...]) -> Integers:
    """Tell which feature's line each column bends; `HELD` are lines, values and missing values."""
    result = np.full(sum(term.width() for term in terms), HELD)
    start = 0
    for term in terms:
        if not term.category:
            result[start + 1 : start + 1 + len(term.points)] = term.feature
        start += term.width()
    return result


def _term(feature: Feature, place: int, column: Matrix, pieces: int, beyond: float) -> Term | None:
    absent = np.isnan(column)
    present = column[~absent].astype(np.float64)
    missing = _teaches(float(absent.mean()), len(column))
    if feature.dtype == "category":
        codes, counts = np.unique(present, return_counts=True)
        kept = codes[[_teaches(count / len(column), len(column)) for count in counts]]
        return _plain_term(place, kept, 0.0, missing, category=True)
    if not _varies(present):
        mean = float(present.mean()) if len(present) else 0.0
        return _plain_term(place, np.empty(0), mean, missing, category=False)
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
    return Term(
        feature=place,
        category=False,
        points=knots.tolist() if len(knots) > 2 else [],
        low=float(low - room),
        high=float(high + room),
        mean=mean,
        scale=scale,
        missing=missing,
    )


def _plain_term(
    place: int, points: Floats, at: float, missing: bool, *, category: bool
) -> Term | None:
    if not missing and not len(points):
        return None
    return Term(
        feature=place,
        category=category,
        points=points.tolist(),
        low=at,
        high=at,
        mean=at,
        scale=1.0,
        missing=missing,
    )


def _varies(present: Floats) -> bool:
    # As for a flag: the variance in units of half the range, times the rows.
    half_range = float(np.ptp(present)) / 2 if len(present) else 0.0
    return half_range > 0 and present.var() / half_range**2 * len(present) >= FEWEST_DEVIATING


def _teaches(share: float, n: int) -> bool:
    return bool(share * (1 - share) * n >= FEWEST_DEVIATING)


def _hats(values: Floats, absent: Flags, points: list[float]) -> Iterator[Floats]:
    knots = np.asarray(points)
    for place in range(len(points)):
        hat = np.interp(values, knots, (np.arange(len(points)) == place).astype(np.float64))
        yield np.where(absent, 0.0, hat)


class Effect(Plain):
    """What one feature adds to the log-odds."""

    feature: Column
    """Its column in the matrix."""
    category: Truth
    """Whether it holds codes."""
    points: Numbers
    """A number's corners, between which the effect is straight and beyond which it is constant; a
    category's codes, sorted."""
    heights: Numbers
    """The effect at each point."""
    other: Number
    """The effect of a code that is not among the points."""
    missing: Number
    """The effect of a missing value."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if len(self.points) != len(self.heights) or not rises(self.points):
            raise ValueError("points must rise, with a height for each")
        if not self.category and not (self.points and joins(self.points, self.heights)):
            raise ValueError("a number needs points, and they must be far enough apart")
        return self

    def of(self, values: Matrix) -> Floats:
        """Tell what the feature adds to each row."""
        points, heights = self._corners
        column = values[:, self.feature].astype(np.float64)
        absent = np.isnan(column)
        if not self.category:
            return np.where(absent, self.missing, np.interp(column, points, heights))
        if len(points) == 0:
            return np.where(absent, self.missing, self.other)
        place = np.minimum(np.searchsorted(points, column), len(points) - 1)
        known = np.where(points[place] == column, heights[place], self.other)
        return np.where(absent, self.missing, known)

    @cached_property
    def _corners(self) -> tuple[Floats, Floats]:
        # Made once: from lists they would cost more than one lead's effect.
        return np.array(self.points, float), np.array(self.heights, float)


def effects_of(
    terms: tuple[Term, ...], weights: Floats, centre: Floats, kept: frozenset[int]
) -> tuple[Effect, ...]:
    """Fold the columns' weights into an effect for each feature."""
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
    return Effect(
        feature=term.feature,
        category=term.category,
        points=points.tolist(),
        heights=heights.tolist(),
        other=-base,
        missing=missing,
    )


def _height(term: Term, weights: Floats, values: Floats) -> Floats:
    total = np.zeros(len(values))
    for weight, column in zip(weights, term.columns(values), strict=True):
        total += weight * column
    return total
