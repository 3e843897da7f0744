"""Logistic regression with a few columns, an offset and a Gaussian prior, by Newton's method."""

import numpy as np

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Floats
from leadcast.models.evaluation.tally import Tally

MOST_STEPS = 60
MOST_HALVINGS = 30
SMALLEST_GAIN = 1e-12
"""Newton's method ends with the step that promises less log loss than this for a row."""

MOST_SHIFT = 40.0
"""In log-odds: beyond it every probability is 0 or 1 to the last bit."""
HALVINGS = 60

FLAT = 1e-13
"""A direction whose curvature is this share of what it was has none of its own."""


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
    """Keep probabilities off 0 and 1 by the spacing of doubles at 1, 2.2e-16."""
    least = np.finfo(np.float64).eps
    return np.clip(probability, least, 1 - least)


def shift_to(log_odds: Floats, rate: float) -> float:
    """Tell by how much all log-odds are to be moved for a mean probability.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n,)
    rate : float
        The mean probability; between 0 and 1.

    Returns
    -------
    float
        At most `MOST_SHIFT` either way.
    """
    # The mean probability rises with the shift, so that halving the interval finds it.
    low, high = -MOST_SHIFT, MOST_SHIFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if sigmoid(log_odds + middle).mean() < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


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
    place = np.zeros(width) if start is None else start.astype(np.float64)
    found, place = _newton(design, offset, counts.mass, counts.hits, penalty, place)
    return place if found else None


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
    width = design.shape[1]
    nothing = np.zeros((width, width))
    return _look(coefficients, design, offset, counts.mass, counts.hits, nothing)[1]


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
def _newton(
    design: Floats, offset: Floats, mass: Floats, hits: Floats, penalty: Floats, place: Floats
) -> tuple[bool, Floats]:
    enough = SMALLEST_GAIN * mass.sum()
    slope, curvature = _look(place, design, offset, mass, hits, penalty)
    for _ in range(MOST_STEPS):
        solved, step = _solved(curvature, -slope)
        if not solved:
            return False, place
        # Twice the loss still to be won, to second order; a last step this short needs no check.
        if -(slope * step).sum() <= enough:
            return True, place + step
        steepest = -(slope * step).sum()
        for _ in range(MOST_HALVINGS):
            there, bend = _look(place + step, design, offset, mass, hits, penalty)
            # The loss is convex: past its minimum along the step the slope turns, and where it is
            # steeper than at the beginning the step went too far.
            if (there * step).sum() <= steepest:
                break
            step = step / 2
            steepest = steepest / 2
        place, slope, curvature = place + step, there, bend
    return False, place


@compiled
def _look(
    place: Floats, design: Floats, offset: Floats, mass: Floats, hits: Floats, penalty: Floats
) -> tuple[Floats, Floats]:
    # The loss's slope and curvature in one pass: one exponential a row and no temporaries.
    width = design.shape[1]
    slope = np.zeros(width)
    curvature = penalty.copy()
    for column in range(width):
        for other in range(width):
            slope[column] += penalty[column, other] * place[other]
    for row in range(len(mass)):
        z = offset[row]
        for column in range(width):
            z += design[row, column] * place[column]
        small = np.exp(-abs(z))
        error = mass[row] * (1.0 if z >= 0 else small) / (1.0 + small) - hits[row]
        spread = mass[row] * small / (1.0 + small) ** 2
        for column in range(width):
            slope[column] += error * design[row, column]
            for other in range(width):
                curvature[column, other] += spread * design[row, column] * design[row, other]
    return slope, curvature


@compiled
def _solved(matrix: Floats, right: Floats) -> tuple[bool, Floats]:
    # Cholesky's method, for a handful of columns; False where the matrix is not positive definite.
    width = len(right)
    root = np.zeros((width, width))
    for row in range(width):
        for column in range(row + 1):
            rest = matrix[row, column]
            for inner in range(column):
                rest -= root[row, inner] * root[column, inner]
            if row > column:
                root[row, column] = rest / root[column, column]
            elif rest > FLAT * matrix[row, row]:
                root[row, row] = np.sqrt(rest)
            else:
                return False, right
    answer = right.copy()
    for row in range(width):
        for inner in range(row):
            answer[row] -= root[row, inner] * answer[inner]
        answer[row] /= root[row, row]
    for row in range(width - 1, -1, -1):
        for inner in range(row + 1, width):
            answer[row] -= root[inner, row] * answer[inner]
        answer[row] /= root[row, row]
    return True, answer
