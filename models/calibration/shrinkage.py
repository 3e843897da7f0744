"""Shrinkage of a calibration curve towards the learner's own log-odds.

A few thousand snapshots with a few per cent of conversions do not know the level of the
probabilities to better than some per cent of itself, which is more than a good learner errs by. So
the correction of the learner is estimated as in Efron and Morris (1973): it is drawn from a
Gaussian around "no correction" whose scales are themselves unknown; every pair of scales on a grid
is weighed by how likely it makes what was seen, and the corrections they give are averaged. Where
the data show a correction clearly it is kept nearly whole, otherwise nearly none is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrators import probability_of
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import coded
from leadcast.models.evaluation.logistic import information, logistic_fit
from leadcast.models.evaluation.tally import Tally

WIDEST = 3.0
"""Scale of the weak prior that only keeps the search for the optimum finite."""


@dataclass(frozen=True)
class TalliedRows:
    """What a calibrator is fitted on."""

    log_odds: Floats
    """As the learner gave them."""
    converted: Floats
    """1.0 for a conversion, else 0.0."""
    group: Integers
    """The lead (or account) of each row, numbered from 0 without gaps."""

    def __len__(self) -> int:
        return len(self.converted)

    @property
    def counts(self) -> Tally:
        """The outcomes, a place a row."""
        return Tally(self.log_odds, np.ones(len(self)), self.converted)

    @property
    def leads_of_rarer_outcome(self) -> int:
        """How many leads have a row with the outcome that fewer have."""
        won, lost = (np.unique(self.group[self.converted == outcome]) for outcome in (1, 0))
        return min(len(won), len(lost))

    @classmethod
    def of(cls, log_odds: npt.ArrayLike, converted: npt.ArrayLike, group: npt.ArrayLike) -> Self:
        """Check rows and number their groups."""
        values = np.asarray(log_odds, dtype=np.float64)
        outcomes = np.asarray(converted, dtype=np.float64)
        codes, _ = coded(group)
        if not values.shape == outcomes.shape == codes.shape:
            raise ValueError("log_odds, converted and group must have a number for each row")
        if not np.isfinite(values).all():
            raise ValueError("log_odds holds NaN or an infinity")
        if not np.isin(outcomes, (0.0, 1.0)).all():
            raise ValueError("converted holds something other than 0 and 1")
        return cls(values, outcomes, codes)

    def taken(self, which: npt.NDArray[np.bool_]) -> Self:
        """Take some of the rows."""
        return self.of(self.log_odds[which], self.converted[which], self.group[which])


@dataclass(frozen=True)
class Correction:
    """Coefficients of a curve's deviation from the learner's log-odds."""

    mean: Floats
    """The shrunken coefficients."""
    unshrunken: Floats
    """What the data alone say."""
    covariance: Floats
    """Of the shrunken coefficients' error, with the scales' own uncertainty."""


def shrunken(rows: TalliedRows, columns: Floats, priors: Sequence[Floats]) -> Correction | None:
    """Estimate the deviation ``columns @ coefficients`` from the learner's log-odds."""
    width = columns.shape[1]
    weak = np.eye(width) / WIDEST**2
    found = logistic_fit(columns, rows.log_odds, rows.counts, precision=weak)
    if found is None:
        return None
    curvature = information(found, columns, rows.log_odds, rows.counts)
    try:
        variance = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    # One step of Newton's method takes the weak prior's pull out again.
    unshrunken = found + variance @ weak @ found
    error = variance * _design_effect(rows, columns, found, variance)
    return _averaged(unshrunken, error, priors)


def _design_effect(rows: TalliedRows, columns: Floats, found: Floats, variance: Floats) -> float:
    # Snapshots of one lead tell less than as many leads: the sandwich variance with leads as
    # clusters (Liang and Zeger 1986) over the plain one, as one factor, never below 1.
    residual = rows.converted - probability_of(rows.log_odds + columns @ found)
    scores = np.column_stack([np.bincount(rows.group, residual * column) for column in columns.T])
    clusters = len(scores)
    between = scores.T @ scores * clusters / (clusters - 1)
    factor: float = np.trace(variance @ between).item() / columns.shape[1]
    return max(1.0, factor)


def _averaged(unshrunken: Floats, error: Floats, priors: Sequence[Floats]) -> Correction:
    spread = np.array(priors)
    inverse = np.linalg.inv(error + spread)
    log_evidence = (
        np.linalg.slogdet(inverse)[1] - np.einsum("j,ijk,k->i", unshrunken, inverse, unshrunken)
    ) / 2
    weight = np.exp(log_evidence - log_evidence.max())
    weight /= weight.sum()
    kept = spread @ inverse
    means = kept @ unshrunken
    mean = weight @ means
    within = np.einsum("i,ijk->jk", weight, spread - kept @ spread)
    between = np.einsum("i,ij,ik->jk", weight, means - mean, means - mean)
    return Correction(mean, unshrunken, within + between)
