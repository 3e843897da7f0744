"""The feature matrix as an estimator of others takes it: with codes and gaps, or filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Integers, Matrix

Given = Literal["codes", "filled"]


def way_of(estimator: Any) -> Given:  # noqa: ANN401 - any estimator
    """Tell how an estimator is given the matrix, by what it says of itself.

    Parameters
    ----------
    estimator
        Of scikit-learn's kind.

    Returns
    -------
    {"codes", "filled"}
        ``"codes"`` where its tags say that it takes missing values
        (``input_tags.allow_nan``), else ``"filled"``.
    """
    from sklearn.utils import get_tags

    try:
        takes_gaps = bool(get_tags(estimator).input_tags.allow_nan)
    except Exception:
        takes_gaps = False
    return "codes" if takes_gaps else "filled"


@dataclass(frozen=True)
class GivenMatrix:
    """How rows are turned into what an estimator sees.

    Parameters
    ----------
    way : {"codes", "filled"}
        ``"codes"``: the columns as they are, categories as their codes, NaN where a value is
        missing. ``"filled"``: numbers with the training rows' median where they are missing,
        categories as a column of 0 and 1 for each code, and a column of 0 and 1 for each feature
        that was missing in training.
    columns : ndarray of int64, shape (m,)
        The features that it sees, as columns of the matrix.
    levels : ndarray of int64, shape (m,)
        How many known values each category has; 0 for numbers and flags.
    medians : ndarray of float64, shape (m,)
        Of the numbers and flags; 0 for categories.
    gaps : ndarray of int64, shape (m,)
        Which of them were missing in some training row.
    """

    way: Given
    columns: Integers
    levels: Integers
    medians: Floats
    gaps: Integers

    @classmethod
    def of(cls, way: Given, values: Matrix, features: Sequence[Feature], columns: Integers) -> Self:
        """Look at training rows.

        Parameters
        ----------
        way : {"codes", "filled"}
        values : ndarray of float32, shape (n, n_features)
        features : sequence of Feature
        columns : ndarray of int64, shape (m,)

        Returns
        -------
        GivenMatrix
        """
        levels = np.array([len(features[j].levels) for j in columns], np.int64)
        gaps = np.array([np.isnan(values[:, j]).any() for j in columns], bool)
        medians = np.zeros(len(columns))
        for place, column in enumerate(columns):
            known = values[:, column][~np.isnan(values[:, column])]
            if not levels[place] and len(known):
                medians[place] = float(np.median(known))
        return cls(way, columns, levels, medians, gaps.astype(np.int64))

    def seen(self, values: Matrix) -> Floats:
        """Turn rows into what the estimator sees.

        Parameters
        ----------
        values : ndarray of float32, shape (n, m)
            The columns that it sees alone.

        Returns
        -------
        ndarray of float64, shape (n, n_inputs)
        """
        own = np.asarray(values, np.float64)
        if self.way == "codes":
            return own
        parts: list[Floats] = []
        for place in range(len(self.columns)):
            column = own[:, place]
            missing = np.isnan(column)
            if self.levels[place]:
                codes = np.arange(self.levels[place] + 1)
                parts.append((column[:, None] == codes).astype(np.float64))
            else:
                parts.append(np.where(missing, self.medians[place], column)[:, None])
            if self.gaps[place]:
                parts.append(missing[:, None].astype(np.float64))
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(own), 0))
