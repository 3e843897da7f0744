"""Logistic regression with a few columns, an offset and a Gaussian prior, by Newton's method."""

import numpy as np

from features.compiled import compiled
from models.data import Floats
from models.tally import Tally

MOST_STEPS = 60
MOST_HALVINGS = 30
SMALLEST_GAIN = 1e-14
"""Newton's method ends with the step that promises less log loss than this for a row."""


def log_odds_of(probability: Floats) -> Floats:
    """Turn probabilities into log-odds.

    Parameters
    ----------
    probability : ndarray of float64
        In [0, 1]; 0 and 1 are taken as the closest numbers that double precision tells from them
        at 1 (2.2e-16), so that the result is finite.

    Returns
    -------
    ndarray of float64, same shape
    """
    kept = inside(probability)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def inside(probability: Floats) -> Floats:
    """Keep probabilities off 0 and 1 by the spacing of doubles at 1, 2.2e-16.

    Parameters
    ----------
    probability : ndarray of float64

    Returns
    -------
    ndarray of float64, same shape
    """
    least = np.finfo(np.float64).eps
    return np.clip(probability, least, 1 - least)


def logistic_fit(
    design: Floats,
    offset: Floats,
    counts: Tally,
    precision: Floats | None = None,
    start: Floats | None = None,
) -> Floats | None:
    """Fit log-odds ``offset + design @ coefficients`` to outcomes, weighted.

    Newton's method, its step halved while it goes too far; what is minimised is the negative
    log-likelihood plus ``coefficients @ precision @ coefficients / 2``.

    Parameters
    ----------
    design : ndarray of float64, shape (n, n_columns)
        A row for each value of `counts`.
    offset : ndarray of float64, shape (n,)
        Log-odds to begin from.
    counts : Tally
        Weights and converted weights; its values are not used.
    precision : ndarray of float64, shape (n_columns, n_columns), optional
        Inverse covariance of a Gaussian prior around 0; no prior if not given.
    start : ndarray of float64, shape (n_columns,), optional
        Where to begin; 0 if not given.

    Returns
    -------
    ndarray of float64, shape (n_columns,) or None
        The coefficients; None where no finite ones were found (a flat or endless direction).
    """
    width = design.shape[1]
    penalty = np.zeros((width, width)) if precision is None else precision
    place = np.zeros(width) if start is None else start

    def look(at: Floats) -> tuple[Floats, Floats]:
        slope, curvature = _look(at, design, offset, counts.mass, counts.hits)
        return slope + penalty @ at, curvature + penalty

    slope, curvature = look(place)
    for _ in range(MOST_STEPS):
        try:
            step = np.linalg.solve(curvature, -slope)
        except np.linalg.LinAlgError:
            return None
        # Half the loss still to be won, to second order; a last step this short needs no check.
        if -(slope @ step) <= SMALLEST_GAIN * counts.mass.sum():
            return np.asarray(place + step)
        for _ in range(MOST_HALVINGS):
            there = look(place + step)
            # The loss is convex: beyond its minimum along the step the slope turns, and where it
            # is steeper than at the beginning the step went too far.
            if there[0] @ step <= -(slope @ step):
                break
            step = step / 2
        place, (slope, curvature) = place + step, there
    return None


def information(coefficients: Floats, design: Floats, offset: Floats, counts: Tally) -> Floats:
    """Compute the Fisher information of the coefficients, without a prior.

    Parameters
    ----------
    coefficients, design, offset, counts
        As in `logistic_fit`.

    Returns
    -------
    ndarray of float64, shape (n_columns, n_columns)
    """
    return _look(coefficients, design, offset, counts.mass, counts.hits)[1]


def sigmoid(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities, without overflow.

    Parameters
    ----------
    log_odds : ndarray of float64

    Returns
    -------
    ndarray of float64, same shape
    """
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


@compiled
def _look(
    coefficients: Floats, design: Floats, offset: Floats, mass: Floats, hits: Floats
) -> tuple[Floats, Floats]:
    # The loss's slope and curvature in one pass: one exponential a row and no temporaries.
    width = design.shape[1]
    slope = np.zeros(width)
    curvature = np.zeros((width, width))
    for row in range(len(mass)):
        z = offset[row]
        for column in range(width):
            z += design[row, column] * coefficients[column]
        small = np.exp(-abs(z))
        error = mass[row] * (1.0 if z >= 0 else small) / (1.0 + small) - hits[row]
        spread = mass[row] * small / (1.0 + small) ** 2
        for column in range(width):
            slope[column] += error * design[row, column]
            for other in range(width):
                curvature[column, other] += spread * design[row, column] * design[row, other]
    return slope, curvature
