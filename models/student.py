"""Student's t for differences whose error is estimated from few customers."""

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers


def degrees_of_freedom(converted: Floats | npt.NDArray[np.bool_], group: Integers) -> int:
    """Tell from how much a standard error is estimated: the groups of the rarer outcome but one.

    Parameters
    ----------
    converted : ndarray of float64 or bool, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
        The lead (or account) of each row.

    Returns
    -------
    int
        Below 1 where an error cannot be estimated.
    """
    won = converted == 1
    return min(len(np.unique(group[rows])) for rows in (won, ~won)) - 1


def reach_of(error: float, freedom: int, level: float) -> float:
    """Tell how far an interval reaches to either side.

    Parameters
    ----------
    error : float
        The standard error.
    freedom : int
        At least 1.
    level : float
        How often the interval should hold the truth.

    Returns
    -------
    float
    """
    # Only comparisons need SciPy, whose import takes longer than scoring.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2)) * error


def p_value_of(difference: float, error: float, freedom: int) -> float | None:
    """Give the two-sided p-value of no difference.

    Parameters
    ----------
    difference, error : float
    freedom : int
        At least 1.

    Returns
    -------
    float or None
        None where a difference has no error.
    """
    from scipy.special import stdtr

    if error > 0:
        return 2 * float(stdtr(freedom, -abs(difference) / error))
    return 1.0 if difference == 0 else None
