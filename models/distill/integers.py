"""From coefficients to integer points, and limits that cost nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers
from models.distill.selection import Additive, Flags, fit_logistic, logistic

TOTAL = 100
"""What all rules that give points give together, before limits."""
_QUANTILES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
_FREE = 1e-4


def as_points(model: Additive) -> Integers:
    """Scale coefficients so that the positive ones make `TOTAL`, and round them.

    Parameters
    ----------
    model : Additive
        The model.

    Returns
    -------
    ndarray of int64, shape (n_chosen,)
        None is 0: the weakest become 1 or -1.
    """
    positive = float(np.maximum(model.coefficients, 0.0).sum())
    largest = positive if positive > 0 else float(-model.coefficients.min(initial=-1.0))
    points = np.rint(model.coefficients * TOTAL / largest)
    weakest = np.where(model.coefficients < 0, -1.0, 1.0)
    return np.where(points == 0, weakest, points).astype(np.int64)


def limits_of(
    holds: Flags, points: Integers, groups: Sequence[str], target: Floats
) -> dict[str, int]:
    """Choose for each group the lowest limit that costs nothing.

    A limit is tried at several quantiles of the group's points, from the lowest; it is free where
    the log loss of the total, put on the scale of probabilities anew, is at most a ten-thousandth
    above that of the best limit.

    Parameters
    ----------
    holds : ndarray of bool, shape (n_rows, n_chosen)
        Whether each chosen condition holds.
    points : ndarray of int64, shape (n_chosen,)
        Their points.
    groups : sequence of str, length n_chosen
        Their groups.
    target : ndarray of float64, shape (n_rows,)
        0 to 1.

    Returns
    -------
    dict of str to int
        By group; without groups that give no positive points.
    """
    sums = group_points(holds, points, groups)
    limits: dict[str, int] = {}
    for name, given in sums.items():
        tried = sorted({int(limit) for limit in np.quantile(given, _QUANTILES) if limit > 0})
        others = sum((sums[other] for other in sums if other != name), np.zeros(len(given)))
        losses = [loss_of(others + np.minimum(given, limit), target) for limit in tried]
        free = [
            limit
            for limit, loss in zip(tried, losses, strict=True)
            if loss <= min(losses) * (1 + _FREE)
        ]
        if free:
            limits[name] = free[0]
    return limits


def group_points(holds: Flags, points: Integers, groups: Sequence[str]) -> Mapping[str, Floats]:
    """Add up the points of each group.

    Parameters
    ----------
    holds, points, groups
        As in `limits_of`.

    Returns
    -------
    mapping of str to ndarray of float64, shape (n_rows,)
    """
    of = np.array(groups)
    return {
        name: (holds[:, of == name] @ points[of == name]).astype(np.float64)
        for name in dict.fromkeys(groups)
    }


def loss_of(total: npt.NDArray[np.float64], target: Floats) -> float:
    """Give the log loss of a total once it is put on the scale of probabilities.

    Parameters
    ----------
    total : ndarray of float64, shape (n_rows,)
        Points.
    target : ndarray of float64, shape (n_rows,)
        0 to 1.

    Returns
    -------
    float
        A mean over the rows, in nats.
    """
    level, place = np.unique(total, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    mean = np.bincount(place, target) / weight
    scaled = (level - level.mean()) / max(float(level.std()), 1e-9)
    intercept, slope = fit_logistic(scaled[:, None], mean, weight, ridge=1e-6)
    probability = np.clip(logistic(intercept + slope * scaled), 1e-12, 1 - 1e-12)
    losses = -(mean * np.log(probability) + (1 - mean) * np.log(1 - probability))
    return float(np.average(losses, weights=weight))
