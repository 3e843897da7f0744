"""The share that an event has reached by each age, when another event may forestall it.

A lead that was lost can no longer be won, so that a loss is a competing event and not the end of
watching: taken as the latter (the plain Kaplan-Meier estimate), the curve would say what share
would be won if nobody were ever lost, which is always too much. The estimate here is Aalen and
Johansen's, which is one minus Kaplan and Meier's where no loss is recorded.

References
----------
Aalen, O., Johansen, S. (1978). An empirical transition matrix for non-homogeneous Markov chains
based on censored observations. Scandinavian Journal of Statistics 5, 141-150.

Marubini, E., Valsecchi, M. G. (1995). Analysing survival data from clinical trials and
observational studies. Wiley. (The variance, by the delta method; Greenwood's without losses.)
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

OPEN, WON, LOST = 0, 1, 2
"""How watching a lead ended: still open, won, lost."""

_Z_95 = 1.959963984540054


def count_endings(days: Floats, ending: Integers) -> tuple[Floats, Integers, Integers, Integers]:
    """Count wins, losses and leads at risk by age.

    Parameters
    ----------
    days : ndarray of float64, shape (n_leads,)
        Age until which each lead was watched.
    ending : ndarray of int64, shape (n_leads,)
        `OPEN`, `WON` or `LOST`.

    Returns
    -------
    times : ndarray of float64, shape (n_times,)
        The distinct ages, increasing.
    won, lost, at_risk : ndarray of int64, shape (n_times,)
        Wins and losses at that age, and leads watched until then or longer (a lead whose
        watching ends at an age counts as watched at that age, as is the convention).
    """
    times, step = np.unique(days, return_inverse=True)
    won = np.bincount(step, weights=ending == WON, minlength=len(times)).astype(np.int64)
    lost = np.bincount(step, weights=ending == LOST, minlength=len(times)).astype(np.int64)
    gone = np.bincount(step, minlength=len(times)).cumsum()
    at_risk = len(days) - np.concatenate([[0], gone[:-1]])
    return times, won, lost, at_risk.astype(np.int64)


def incidence(won: Integers, lost: Integers, at_risk: Integers) -> tuple[Floats, Floats]:
    r"""Estimate the share won by each age, with its standard error.

    With :math:`S_i` the share still open just before age i, and w wins, d endings (wins and
    losses) among Y leads at risk there:

    .. math::

        F(t) = \sum_{i \le t} S_i w_i / Y_i, \quad
        Var F(t) = \sum_{i \le t} (F(t) - F_i)^2 \frac{d_i}{Y_i (Y_i - d_i)}
                 + S_i^2 \frac{(Y_i - w_i) w_i}{Y_i^3} - 2 (F(t) - F_i) S_i \frac{w_i}{Y_i^2}

    Parameters
    ----------
    won, lost, at_risk : ndarray of int64, shape (n_times,)
        As `count_endings` gives them.

    Returns
    -------
    share, error : ndarray of float64, shape (n_times,)
        :math:`F` and the root of its variance.
    """
    ended, risk = (won + lost).astype(np.float64), at_risk.astype(np.float64)
    still_open = np.concatenate([[1.0], np.cumprod(1 - ended / risk)[:-1]])
    share = np.cumsum(still_open * won / risk)
    # Where everyone at risk ends, F stays as it is from there on and the term is 0.
    left = risk - ended
    first = np.divide(ended, risk * left, out=np.zeros_like(risk), where=left > 0)
    second = still_open**2 * (risk - won) * won / risk**3
    third = still_open * won / risk**2
    # The squares are multiplied out, so that each sum is one pass for every t at once.
    variance = share**2 * first.cumsum() - 2 * share * (first * share).cumsum()
    variance += (first * share**2).cumsum() + second.cumsum()
    variance -= 2 * (share * third.cumsum() - (third * share).cumsum())
    return np.minimum(share, 1.0), np.sqrt(np.maximum(variance, 0.0))


def band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Draw a 95 % band around a curve of shares, point by point.

    Symmetric on the scale :math:`log(-log(1 - F))`, which keeps both ends between 0 and 1.

    Parameters
    ----------
    share, error : ndarray of float64, shape (n_times,)
        As `incidence` gives them.

    Returns
    -------
    low, high : ndarray of float64, shape (n_times,)
        Equal to the share where that is 0 or 1.
    """
    # A sum of shares may miss 1 by a rounding.
    inside = (share > 0) & (share < 1 - 1e-9)
    lasting = np.where(inside, 1 - share, 0.5)
    width = np.where(inside, _Z_95 * error / (-lasting * np.log(lasting)), 0.0)
    width = np.minimum(width, 30.0)
    low, high = 1 - lasting ** np.exp(-width), 1 - lasting ** np.exp(width)
    return np.where(inside, low, share), np.where(inside, high, share)
