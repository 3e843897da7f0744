"""Judging probabilities over time where not all leads were followed: Brier score and calibration.

What is not known at t is made up for by weights: who was followed counts for those who were not,
by the inverse of the probability of being followed so long (IPCW).

References
----------
Graf, E., Schmoor, C., Sauerbrei, W., Schumacher, M. (1999). Assessment and comparison of prognostic
classification schemes for survival data. Statistics in Medicine 18, 2529-2545.

Schoop, R., Beyersmann, J., Schumacher, M., Binder, H. (2011). Quantifying the predictive accuracy
of time-to-event models in the presence of competing risks. Biometrical Journal 53, 88-112.
"""

from collections.abc import Sequence

import numpy as np

from leadcast.features.delays import OPEN, WON, count_endings, incidence
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import inside


def still_followed(followed: FollowUp, days: Floats, *, before: bool) -> Floats:
    """Estimate the probability of being followed for so long (Kaplan and Meier's, of censoring).

    Parameters
    ----------
    followed : FollowUp
    days : ndarray of float64
        At which to tell it.
    before : bool
        Whether just before each day (G(t-)); else at it (G(t)).

    Returns
    -------
    ndarray of float64, same shape
    """
    times, counts = np.unique(followed.days, return_counts=True)
    step = np.searchsorted(times, followed.days)
    censored = np.bincount(step, weights=followed.ending == OPEN, minlength=len(times))
    # Of those who end on the very day at which others are lost sight of, the end comes first.
    at_risk = len(followed) - np.concatenate([[0], counts.cumsum()[:-1]]) - (counts - censored)
    share = np.divide(censored, at_risk, out=np.zeros(len(times)), where=at_risk > 0)
    kept = np.concatenate([[1.0], np.cumprod(1 - share)])
    return np.asarray(kept[np.searchsorted(times, days, side="left" if before else "right")])


def censoring_weights(followed: FollowUp, day: float) -> Floats:
    """Weigh each row by how many it stands for at a day.

    Parameters
    ----------
    followed : FollowUp
    day : float

    Returns
    -------
    ndarray of float64, shape (n,)
        ``1 / G(T-)`` of a row that ended by then, ``1 / G(day)`` of one that was followed beyond,
        0 of one that was lost sight of before.
    """
    ended = (followed.days <= day) & (followed.ending != OPEN)
    beyond = followed.days > day
    at_end = still_followed(followed, followed.days, before=True)
    at_day = still_followed(followed, np.array([day]), before=False)[0]
    weight = np.zeros(len(followed))
    weight[ended] = 1 / at_end[ended]
    if at_day > 0:
        weight[beyond] = 1 / at_day
    return weight


def won_by(followed: FollowUp, day: float) -> Floats:
    """Tell which rows were won by a day: 1 or 0; a row that was lost is 0 for good."""
    won: Floats = ((followed.ending == WON) & (followed.days <= day)).astype(np.float64)
    return won


def brier_rows(followed: FollowUp, probability: Floats, day: float) -> Floats:
    """Compute each row's share of the Brier score at a day, weighted for censoring.

    Parameters
    ----------
    followed : FollowUp
    probability : ndarray of float64, shape (n,)
        Of being won by then.
    day : float

    Returns
    -------
    ndarray of float64, shape (n,)
        Its mean is the score.
    """
    weight = censoring_weights(followed, day)
    return np.asarray(weight * (won_by(followed, day) - probability) ** 2)


def log_loss_rows(followed: FollowUp, probability: Floats, day: float) -> Floats:
    """Compute each row's share of the log loss at a day, weighted for censoring."""
    won, kept = won_by(followed, day), inside(probability)
    loss = -won * np.log(kept) - (1 - won) * np.log1p(-kept)
    return np.asarray(censoring_weights(followed, day) * loss)


def integrated(days: Sequence[float], rows: Floats) -> Floats:
    """Average scores over time, by the trapezoid rule, from 0 (where nobody has been won) on.

    Parameters
    ----------
    days : sequence of float
        Ascending, above 0.
    rows : ndarray of float64, shape (n, n_days)
        Scores at each day.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    at = np.array([0.0, *days])
    full = np.concatenate([np.zeros((len(rows), 1)), rows], axis=1)
    return np.asarray(((full[:, 1:] + full[:, :-1]) / 2 * np.diff(at)).sum(axis=1) / at[-1])


def marginal(followed: FollowUp, days: Sequence[float]) -> Floats:
    """Estimate the share won by each day, of all rows alike (Aalen and Johansen).

    Parameters
    ----------
    followed : FollowUp
    days : sequence of float

    Returns
    -------
    ndarray of float64, shape (n_days,)
    """
    times, won, lost, at_risk = count_endings(followed.days, followed.ending)
    share, _ = incidence(won, lost, at_risk)
    steps = np.concatenate([[0.0], share])
    return np.asarray(steps[np.searchsorted(times, np.asarray(days), side="right")])
