"""Columns that optional parts of a bundle add to scores, where they are asked for.

The one mechanism for all of them. A part is what a bundle may hold beside the model: the curve over
time (`leadcast.models.curve`) is one. It has a name, by which its columns are asked for
(``leadcast score --extra curve``, ``Scorer.score(..., extra=("curve",))``,
``POST /v1/score?extra=curve``), a file ``NAME.json`` in the bundle, and columns of numbers. Which
parts there are is `leadcast.models.bundle.extra_parts.PARTS`; nothing else names them, so that a
new part is an entry there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from leadcast.models.data import Floats, Matrix


@dataclass(frozen=True)
class ExtraColumn:
    """A column of numbers (Float64) that a part adds to scores.

    Parameters
    ----------
    name : str
        Its name in tables, as ``probability_7d``.
    words : str
        What it holds, for the service's document and for people; with its unit.
    """

    name: str
    words: str


@dataclass(frozen=True)
class ScoredRows:
    """Leads at a moment that have their scores.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_features)
        Their features, as the bundle's plan computes them.
    probability : ndarray of float64, shape (n_rows,)
        What users see: calibrated, of becoming a customer within the horizon.
    parts : mapping of str to ExtraPart
        All optional parts of the bundle, by their names: a part may build upon another.
    """

    values: Matrix
    probability: Floats
    parts: Mapping[str, "ExtraPart"]


class ExtraPart(Protocol):
    """An optional part of a bundle: plain data that adds columns to scores."""

    @property
    def columns(self) -> tuple[ExtraColumn, ...]:
        """The columns that it adds, in their order."""

    def fill(self, rows: ScoredRows) -> Mapping[str, Floats]:
        """Compute the columns.

        Parameters
        ----------
        rows : ScoredRows

        Returns
        -------
        mapping of str to ndarray of float64, shape (n_rows,)
            A column for each of `columns`; NaN where there is nothing to tell. A row's numbers hang
            on that row alone, to the last bit: what a batch gives and what the service answers is
            the same.
        """

    def save(self, folder: Path) -> None:
        """Write it into a bundle's folder: ``NAME.json``, and what else it needs below ``NAME/``.

        Parameters
        ----------
        folder : Path
        """

    def unfitting(self, n_columns: int, horizon_days: float) -> Iterator[tuple[str, str, str]]:
        """Find what does not fit the rest of the bundle.

        Parameters
        ----------
        n_columns : int
            How many columns the matrix has.
        horizon_days : float
            Of the bundle's probability.

        Yields
        ------
        tuple of str
            Where (``curve.json: effects.3.feature``), what was found, and what was expected.
        """


def filled(
    names: tuple[str, ...], parts: Mapping[str, ExtraPart], rows: ScoredRows
) -> dict[str, Floats]:
    """Compute the columns of the parts that are asked for.

    Parameters
    ----------
    names : tuple of str
        As `leadcast.models.bundle.extra_parts.asked_parts` lets them pass.
    parts : mapping of str to ExtraPart
        Of the bundle.
    rows : ScoredRows

    Returns
    -------
    dict of str to ndarray of float64, shape (n_rows,)
        In the order of the names and of each part's columns.
    """
    return {
        column.name: np.asarray(own[column.name], np.float64)
        for name in names
        for own in [parts[name].fill(rows)]
        for column in parts[name].columns
    }
