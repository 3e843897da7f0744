"""The reference population: what a probability is compared with for percentile and grade."""

from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import FailFast, Field, Strict, model_validator

from features.errors import LeadcastError
from features.plain import MOST_COUNTED, Plain, Share
from models.data import Floats

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
