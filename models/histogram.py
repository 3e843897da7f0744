"""The probabilities of those that converted and of those that did not, counted in bins."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from models.data import Floats, Integers
from models.tally import Ranking


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
        ranking = Ranking.of(probability, converted)
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
