"""The level of conversion at scoring time: where it stands, how clocks move it, how sure that is.

The probability of a lead is the average over what the level may be. For log-odds that are normal
with mean m and variance v, the average of the logistic function is that of
``m / sqrt(1 + pi * v / 8)`` (MacKay 1992, "The evidence framework applied to classification
networks", Neural Computation 4): the less is known of the level, the closer to one half.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from leadcast.models.data import Floats, Integers, Matrix
from leadcast.models.learners.basis import Term, expand, owners
from leadcast.models.learners.newton import LevelFit

PERIODS_AHEAD = 3.0
"""Leads are scored up to so many periods after the last training rows: of twelve, a quarter of the
training span, which is about how long a model serves."""


@dataclass(frozen=True)
class Level:
    """The level of the log-odds for rows to come.

    Parameters
    ----------
    terms : tuple of Term
        The clocks' columns.
    weights : ndarray of float64, shape (1 + n_columns,)
        The last period's level, then the columns' weights.
    centre : ndarray of float64, shape (n_columns,)
        What the columns are relative to.
    covariance : ndarray of float64, shape (1 + n_columns, 1 + n_columns)
        Of the weights.
    drift : float
        The variance that the level gathers until the rows are scored.
    """

    terms: tuple[Term, ...]
    weights: Floats
    centre: Floats
    covariance: Floats
    drift: float

    def mean(self, values: Matrix) -> Floats:
        """Tell the expected level.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        result = np.full(len(values), self.weights[0])
        return np.asarray(result + self._columns(values) @ self.weights[1:])

    def trust(self, values: Matrix) -> Floats:
        """Tell by what the log-odds are to be multiplied for the doubt about the level.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
            In (0, 1].
        """
        design = np.column_stack([np.ones(len(values)), self._columns(values)])
        variance = (design @ self.covariance * design).sum(axis=1)
        return np.asarray(1 / np.sqrt(1 + np.pi * (variance + self.drift) / 8))

    def contributions(self, values: Matrix) -> tuple[Floats, float]:
        """Split the expected level among the clocks.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        contributions : ndarray of float64, shape (n, n_features)
        base : float
            The last period's level.
        """
        result = np.zeros(values.shape)
        parts = self._columns(values) * self.weights[1:]
        for owner, part in zip(owners(self.terms), parts.T, strict=True):
            result[:, owner] += part
        return result, float(self.weights[0])

    def shifted(self, by: float) -> "Level":
        """Move the level.

        Parameters
        ----------
        by : float
            Added to the log-odds.

        Returns
        -------
        Level
        """
        weights = np.concatenate([[self.weights[0] + by], self.weights[1:]])
        return Level(self.terms, weights, self.centre, self.covariance, self.drift)

    def to_json(self) -> dict[str, Any]:
        """Turn the level into plain data.

        Returns
        -------
        dict
        """
        return {
            "terms": [term.to_json() for term in self.terms],
            "weights": self.weights.tolist(),
            "centre": self.centre.tolist(),
            "covariance": self.covariance.tolist(),
            "drift": self.drift,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read the level from plain data.

        Parameters
        ----------
        content : dict
            As `to_json` made it.

        Returns
        -------
        Level
        """
        return cls(
            terms=tuple(Term.from_json(term) for term in content["terms"]),
            weights=np.array(content["weights"], float),
            centre=np.array(content["centre"], float),
            covariance=np.array(content["covariance"], float),
            drift=content["drift"],
        )

    def _columns(self, values: Matrix) -> Floats:
        return expand(self.terms, values) - self.centre


def level_of(
    fit: LevelFit, terms: tuple[Term, ...], clocks: frozenset[int], several: bool
) -> Level:
    """Take the level out of a fitted regression."""
    own: Integers = np.flatnonzero(np.isin(owners(terms), list(clocks)))
    places = np.concatenate([[0], 1 + own]).astype(np.int64)
    # The last level and the intercept only ever occur together: add the one to the other.
    last = len(fit.coefficients) - 1
    merge = np.zeros((len(places), len(fit.coefficients)))
    merge[np.arange(len(places)), places] = 1.0
    merge[0, last] = 1.0
    return Level(
        terms=tuple(term for term in terms if term.feature in clocks),
        weights=merge @ fit.coefficients,
        centre=fit.centre[own],
        covariance=merge @ fit.covariance @ merge.T,
        drift=PERIODS_AHEAD * fit.step_variance if several else 0.0,
    )
