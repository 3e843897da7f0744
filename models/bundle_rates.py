"""Observed rates: how often leads with a value of a feature converted, against all leads.

They stand beside reasons ("leads like this convert 2.1 times as often"). They are counts of what
was seen, one feature at a time, not effects: what else such leads have in common is in them.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, FailFast, Field, PlainSerializer, model_validator

from features.plain import MOST_COLUMNS, Count, Number, Plain, rises
from features.registry import Feature
from models.data import Floats, Integers, Matrix

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
    """The leads and the won ones in each bin of a feature's values.

    Parameters
    ----------
    edges : tuple of float
        The upper ends of a number's bins but for the last, ascending; a value at an end is below
        it. Empty for a category or flag, whose bins are its codes from 0 on.
    leads, won : tuple of int
        First those whose value is missing, then one for each bin.
    """

    edges: Edges = ()
    leads: Counts
    won: Counts

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
