"""How far a thing differs from time to time beyond the errors of its estimates (random effects)."""

import numpy as np

from leadcast.models.data import Floats

USUAL_LEVEL_SPREAD = 0.2
"""How far the level usually moves between periods (standard deviation, log-odds)."""
_HALVINGS = 60


def pooled_variance(seen: float, number: float, usual: float, worth: float) -> float:
    """Pool the variance that was seen with the usual one.

    Parameters
    ----------
    seen : float
        A variance.
    number : float
        Of how many.
    usual : float
        A standard deviation.
    worth : float
        As how many it counts.

    Returns
    -------
    float
        A variance.
    """
    return (worth * usual**2 + number * seen) / (worth + number)


def spread_of(shift: Floats, variance: Floats) -> float:
    """Estimate the spread of misses around zero beyond their errors, by Paule and Mandel.

    The spread with which the misses' squares over their variances, errors included, add up to as
    many as there are misses; 0 where errors alone make that sum smaller.

    Parameters
    ----------
    shift, variance : ndarray of float64, shape (n,)
        The misses, and the variances of their errors (positive).

    Returns
    -------
    float
        A standard deviation.
    """
    low, high = 0.0, float(np.max(shift**2))
    if (shift**2 / variance).sum() <= len(shift):
        return 0.0
    # The sum falls as the spread grows, and with the largest square as variance it is below n.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (shift**2 / (variance + middle)).sum() > len(shift):
            low = middle
        else:
            high = middle
    return float(np.sqrt((low + high) / 2))
