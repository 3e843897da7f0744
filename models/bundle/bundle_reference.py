"""The reference population: what a probability is compared with for percentile and grade.

Observed rates: how often leads with a value of a feature converted, against all leads.

They stand beside reasons ("leads like this convert 2.1 times as often"). They are counts of what
was seen, one feature at a time, not effects: what else such leads have in common is in them.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, FailFast, Field, PlainSerializer, Strict, model_validator

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import (
    MOST_COLUMNS,
    MOST_COUNTED,
    Count,
    Number,
    Plain,
    Share,
    rises,
)
from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Integers, Matrix

GRADES = ("A", "B", "C", "D")
PERCENTILES = (90.0, 70.0, 40.0)
"""From which percentile on a lead is an A, a B, a C."""
MAX_POINTS = 1001


class Reference(Plain):
    """Probabilities of a population that stays the same while the bundle is in use.

    Grades that are quantiles of today's leads move when the mix of leads does; these do not,
    because the population is frozen with the model.

    Parameters
    ----------
    points : tuple of float
        The population's probabilities, ascending: all of them, or evenly spaced quantiles.
    n : int
        How many leads the population has.
    bounds : tuple of float
        From which probability on a lead is an A, a B, a C; below it is a D.
    """

    points: Annotated[tuple[Share, ...], FailFast(), Field(min_length=1, max_length=MAX_POINTS)]
    n: Annotated[int, Strict(), Field(ge=1, le=MOST_COUNTED)]
    bounds: tuple[Share, Share, Share]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if any(low > high for low, high in pairwise(self.points)):
            raise ValueError("points must ascend")
        if any(high < low for high, low in pairwise(self.bounds)):
            raise ValueError("bounds must descend from A to C")
        return self

    @classmethod
    def of(cls, probability: Floats) -> Self:
        """Freeze a population.

        Parameters
        ----------
        probability : ndarray of float64, shape (n,)
            Calibrated probabilities of leads that the model was not trained on.

        Returns
        -------
        Reference

        Raises
        ------
        LeadcastError
            If the population is empty.
        """
        if not len(probability):
            raise LeadcastError("the reference population is empty; keep some snapshots for it")
        shares = np.linspace(0, 1, MAX_POINTS)
        if len(probability) > MAX_POINTS:
            points = np.quantile(probability, shares, method="inverted_cdf")
        else:
            points = np.sort(probability)
        percentile = _middle_rank(points, points)
        # Nobody reaches a probability of 1, so that where all are alike nobody is an A.
        bounds = [min(points[percentile >= bound], default=1.0) for bound in PERCENTILES]
        return cls(
            points=tuple(points.tolist()), n=len(probability), bounds=tuple(map(float, bounds))
        )

    def percentile(self, probability: Floats) -> Floats:
        """Tell which percentage of the population has a lower probability; ties count half.

        Parameters
        ----------
        probability : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of float64, shape (n,)
            0 to 100.
        """
        return _middle_rank(self._points, probability)

    def grade(self, probability: Floats) -> npt.NDArray[np.str_]:
        """Grade leads by the frozen bounds.

        Parameters
        ----------
        probability : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of str, shape (n,)
            ``"A"`` (the best) to ``"D"``.
        """
        return np.array(GRADES)[self.grade_places(probability)]

    def grade_places(self, probability: Floats) -> npt.NDArray[np.int32]:
        """Grade leads, by the places of their grades in `GRADES`.

        Parameters
        ----------
        probability : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        places: npt.NDArray[np.int32] = np.zeros(len(probability), dtype=np.int32)
        for bound in self.bounds:
            places += probability < bound
        return places

    @cached_property
    def _points(self) -> Floats:
        return np.array(self.points)


def _middle_rank(points: Floats, probability: Floats) -> Floats:
    below = np.searchsorted(points, probability, side="left")
    not_above = np.searchsorted(points, probability, side="right")
    return np.asarray((below + not_above) * (50.0 / len(points)))


MOST_BINS = 10
FEWEST_LEADS = 30
"""Of fewer leads no rate is told."""


MOST_CHARACTERS = 2_000_000
"""Of numbers in one text; a category has fewer codes."""


def _texts(numbers: str) -> list[str]:
    if len(numbers) > MOST_CHARACTERS:
        raise ValueError(f"a text of at most {MOST_CHARACTERS} characters")
    return numbers.split()


def _integers(numbers: object) -> object:
    return tuple(map(int, _texts(numbers))) if isinstance(numbers, str) else numbers


def _floats(numbers: object) -> object:
    return tuple(map(float, _texts(numbers))) if isinstance(numbers, str) else numbers


def _joined(numbers: Sequence[float]) -> str:
    return " ".join(map(str, numbers))


# In JSON as one text each: a number a line would make many pages.
Counts = Annotated[
    tuple[Count, ...],
    FailFast(),
    BeforeValidator(_integers),
    PlainSerializer(_joined, when_used="json"),
]
Edges = Annotated[
    tuple[Number, ...],
    FailFast(),
    BeforeValidator(_floats),
    PlainSerializer(_joined, when_used="json"),
]


class FeatureRates(Plain):
    """The leads and the won ones in each bin of a feature's values."""

    edges: Edges = ()
    """The upper ends of a number's bins but for the last, ascending; a value at an end is below it.
    Empty for a category or flag, whose bins are its codes from 0 on."""
    leads: Counts
    won: Counts
    """First those whose value is missing, then one for each bin."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self.leads) != len(self.won) or any(
            not 0 <= won <= leads for won, leads in zip(self.won, self.leads, strict=False)
        ):
            raise ValueError("each bin needs its leads, and no more won ones than leads")
        if not rises(self.edges):
            raise ValueError("edges must ascend")
        return self


class Rates(Plain):
    """How often leads converted, by the value of each feature.

    Parameters
    ----------
    leads, won : int
        How many leads at a moment there were in all, and how many of them converted.
    features : tuple of FeatureRates
        In the order of the matrix's columns.
    """

    leads: Count
    won: Count
    features: Annotated[tuple[FeatureRates, ...], FailFast(), Field(max_length=MOST_COLUMNS)]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.won > self.leads:
            raise ValueError("there must be no more won leads than leads")
        return self

    @classmethod
    def of(cls, values: Matrix, converted: Floats, features: Sequence[Feature]) -> Self:
        """Count.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)
        converted : ndarray of float64, shape (n,)
            1 where the lead converted, 0 where it did not.
        features : sequence of Feature
            The columns.

        Returns
        -------
        Rates
        """
        counted = []
        for column, feature in zip(values.T, features, strict=True):
            edges = _edges(column) if feature.dtype == "number" else ()
            bins = _bins(column, np.array(edges) if feature.dtype == "number" else None)
            leads, won = np.bincount(bins, minlength=1), np.bincount(bins, converted, minlength=1)
            counted.append(
                FeatureRates(
                    edges=edges,
                    leads=tuple(map(int, leads)),
                    won=tuple(map(int, won)),
                )
            )
        return cls(leads=len(values), won=int(converted.sum()), features=tuple(counted))

    def ratio(self, column: int, values: Floats, *, is_number: bool) -> Floats:
        """Tell how many times as often as all leads those with such a value converted.

        Parameters
        ----------
        column : int
            The feature's column.
        values : ndarray of float32 or float64, shape (n,)
            Values of the feature.
        is_number : bool
            Whether it is a number; else a category or a flag.

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN where fewer than `FEWEST_LEADS` leads had such a value, or nobody converted.
        """
        edges = np.array(self.features[column].edges) if is_number else None
        table = self._ratios[column]
        bins = _bins(values, edges)
        known = np.where(bins < len(table), bins, 0)
        return np.where(bins < len(table), table[known], np.nan)

    @cached_property
    def _ratios(self) -> list[Floats]:
        overall = self.won / self.leads if self.leads else 0.0
        return [_ratios(rates, overall) for rates in self.features]


def _edges(column: Matrix) -> tuple[float, ...]:
    present = column[~np.isnan(column)]
    if not len(present):
        return ()
    inner = np.linspace(0, 1, MOST_BINS + 1)[1:-1]
    # Observed values, so that a frequent one, as a count of 0, has a bin of its own.
    edges = np.unique(np.quantile(present, inner, method="inverted_cdf"))
    return tuple(float(edge) for edge in edges if edge < present.max())


def _bins(values: Floats | Matrix, edges: Floats | None) -> Integers:
    absent = np.isnan(values)
    if edges is None:
        places = np.where(absent, 0, values).astype(np.int64)
    else:
        places = np.searchsorted(edges, values, side="left")
    return np.where(absent, 0, places + 1)


def _ratios(rates: FeatureRates, overall: float) -> Floats:
    leads, won = np.array(rates.leads, float), np.array(rates.won, float)
    enough = (leads >= FEWEST_LEADS) & (overall > 0)
    return np.where(enough, won / np.maximum(leads, 1) / (overall or 1.0), np.nan)
