"""What every metric needs to know of scored rows: per distinct value, how many and how many won.

A `Tally` is a sufficient statistic: it knows neither the rows' order nor how a weight of two
differs from a row that stands there twice, so no metric can depend on either. Rows are sorted once
into a `RankedTally`; each replicate of a bootstrap then costs one pass.

The probabilities of those that converted and of those that did not, counted in bins.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Floats, Integers


@dataclass(frozen=True)
class Tally:
    """Rows counted by the value they were given, the highest value first.

    Parameters
    ----------
    value : ndarray of float64, shape (n_distinct,)
        The distinct values (probabilities, or any number that ranks), strictly falling.
    mass : ndarray of float64, shape (n_distinct,)
        The weight of the rows with that value; positive (a value without weight is left out).
    hits : ndarray of float64, shape (n_distinct,)
        The weight of those among them that converted, at most `mass`.
    """

    value: Floats
    mass: Floats
    hits: Floats

    @property
    def misses(self) -> Floats:
        """Weight of the rows that did not convert, shape (n_distinct,)."""
        return self.mass - self.hits

    @property
    def has_both_outcomes(self) -> bool:
        """Whether some weight converted and some did not."""
        return bool(self.hits.sum() > 0 and self.misses.sum() > 0)


@dataclass(frozen=True)
class RankedTally:
    """Rows sorted once, to be tallied under many weights.

    Parameters
    ----------
    value : ndarray of float64, shape (n_distinct,)
        The distinct values, strictly falling.
    place : ndarray of int64, shape (n_rows,)
        Where each row's value stands in `value`.
    converted : ndarray of float64, shape (n_rows,)
        1.0 for a conversion, else 0.0 (or a known probability of converting, between them).
    """

    value: Floats
    place: Integers
    converted: Floats

    @classmethod
    def of(cls, value: npt.ArrayLike, converted: npt.ArrayLike) -> Self:
        """Sort rows by value.

        Parameters
        ----------
        value : array_like of float, shape (n_rows,)
            Finite.
        converted : array_like of float or bool, shape (n_rows,)
            Each in [0, 1].

        Returns
        -------
        Ranking

        Raises
        ------
        ValueError
            If the lengths differ, a value is not finite or an outcome is outside [0, 1].
        """
        values = np.asarray(value, dtype=np.float64)
        outcomes = np.asarray(converted, dtype=np.float64)
        if values.ndim != 1 or values.shape != outcomes.shape:
            raise ValueError(
                f"value has shape {values.shape}, converted {outcomes.shape}: give a row each"
            )
        if not np.isfinite(values).all():
            raise ValueError("value holds NaN or an infinity")
        if not ((outcomes >= 0) & (outcomes <= 1)).all():
            raise ValueError("converted holds NaN or a number outside [0, 1]")
        rising, place = np.unique(values, return_inverse=True)
        return cls(rising[::-1], len(rising) - 1 - place, outcomes)

    def tally(self, weight: npt.ArrayLike | None = None) -> Tally:
        """Count the rows by value.

        Parameters
        ----------
        weight : array_like of float, shape (n_rows,), optional
            Each finite and at least 0; 1 for each row if not given.

        Returns
        -------
        Tally

        Raises
        ------
        ValueError
            If the weights' number is wrong, or one is negative or not finite.
        """
        if weight is None:
            return self.weighted(np.ones(len(self.place)))
        weights = np.asarray(weight, dtype=np.float64)
        if weights.shape != self.place.shape:
            raise ValueError(f"weight has shape {weights.shape}, there are {len(self.place)} rows")
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise ValueError("weight holds a number that is negative or not finite")
        return self.weighted(weights)

    def weighted(self, weight: Floats) -> Tally:
        """Count the rows by value, with weights known to be good (the bootstrap's inner step).

        Parameters
        ----------
        weight : ndarray of float64, shape (n_rows,)
            Each finite and at least 0.

        Returns
        -------
        Tally
        """
        mass, hits = self._sums(weight), self._sums(weight * self.converted)
        weighed = mass > 0
        return Tally(self.value[weighed], mass[weighed], hits[weighed])

    def _sums(self, amount: Floats) -> Floats:
        sums = np.bincount(self.place, amount, minlength=len(self.value))
        return np.asarray(sums, dtype=np.float64)


def tally(
    value: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> Tally:
    """Count rows by the value they were given.

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0. A known probability of converting may stand there instead: the
        metrics of such a tally are those of an endless sample of the same rows.
    weight : array_like of float, shape (n_rows,), optional
        Each finite and at least 0; 1 for each row if not given.

    Returns
    -------
    Tally

    Raises
    ------
    ValueError
        If the lengths differ, or a number is outside what is said above.

    Examples
    --------
    >>> tally([0.2, 0.7, 0.2], [0, 1, 1]).hits
    array([1., 1.])
    """
    return RankedTally.of(value, converted).tally(weight)


def cumulated(amount: Floats) -> Floats:
    """Sum from the highest value down, beginning with 0.

    Between its points, linear interpolation shares tied rows in proportion.
    """
    sums = np.zeros(len(amount) + 1)
    np.cumsum(amount, out=sums[1:])
    return sums


@dataclass(frozen=True)
class ScoreHistogram:
    """How many rows that converted, and how many that did not, lie in each bin of probability.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Rising; a bin holds its lower edge, the last one both.
    won, lost : ndarray of int64, shape (n_bins,)
    """

    edges: Floats
    won: Integers
    lost: Integers

    @classmethod
    def of(cls, probability: npt.ArrayLike, converted: npt.ArrayLike, bins: int = 40) -> Self:
        """Count rows by probability, in bins of equal width from 0 to the highest.

        Parameters
        ----------
        probability : array_like of float, shape (n_rows,)
            In [0, 1].
        converted : array_like of float or bool, shape (n_rows,)
            1 for a conversion, else 0.
        bins : int

        Returns
        -------
        ScoreHistogram

        Raises
        ------
        ValueError
            If the lengths differ or a number is not finite.
        """
        ranking = RankedTally.of(probability, converted)
        counts = ranking.tally()
        top = float(ranking.value[0]) if len(ranking.value) else 1.0
        edges = np.linspace(0.0, top if top > 0 else 1.0, bins + 1)
        won, lost = (
            np.histogram(counts.value, edges, weights=weight)[0].round().astype(np.int64)
            for weight in (counts.hits, counts.misses)
        )
        return cls(edges, won, lost)

    def frame(self) -> pl.DataFrame:
        """Give the bins as a table with columns ``from``, ``to``, ``won`` and ``lost``."""
        return pl.DataFrame(
            {"from": self.edges[:-1], "to": self.edges[1:], "won": self.won, "lost": self.lost}
        )
