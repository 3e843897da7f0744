"""From deviations of logarithms to money: the level, and how far amounts lie around the mean.

The mean of an amount is not the exponential of a mean logarithm. Here the mean itself is fitted, on
predictions for later leads than were learned from, as ``exp(level + slope * deviation)`` with the
loss of a gamma regression: it is a proper score of means for amounts above 0, and it counts ratios,
so that doubling all amounts doubles all means and changes nothing else (Gneiting 2011, Making and
evaluating point forecasts). The slope is drawn to 1. The same predictions give the ratios of
amounts to their means, whose quantiles make the median and, with the correction for few leads of
split conformal prediction (Lei et al. 2018), the intervals.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from leadcast.models.data import Floats

PULL = 10.0
"""The slope is drawn to 1 as if so many leads had said so."""
LEVELS = (0.8, 0.9)
"""How often intervals should hold the amount; scores carry the last."""
KEPT = 200
"""So many quantiles of the ratios are kept."""
TAIL, DRAWN = 0.1, 4_000
"""The largest tenth of the ratios tells how the tail goes on; so many values are drawn from."""
_STEPS, _ENOUGH = 100, 1e-12


@dataclass(frozen=True)
class AmountLevel:
    """Where amounts stand, given their deviations.

    Parameters
    ----------
    level, slope : float
        The logarithm of the mean is ``level + slope * deviation``.
    median : float
        The median, as the logarithm of its ratio to the mean.
    intervals : tuple of (float, float)
        Of each of `LEVELS`, likewise.
    ratios : tuple of float
        Quantiles of the logarithm of an amount's ratio to its mean, evenly spaced, rising.
    leads : float
        How many leads they were seen in.
    """

    level: float
    slope: float
    median: float
    intervals: tuple[tuple[float, float], ...]
    ratios: tuple[float, ...]
    leads: float

    @classmethod
    def fit(cls, deviation: Floats, amount: Floats, weight: Floats) -> Self:
        """Fit it on predictions for leads that were not learned from.

        Parameters
        ----------
        deviation : ndarray of float64, shape (n,)
            As `leadcast.models.amounts.locations.Location.of` gives it.
        amount : ndarray of float64, shape (n,)
            Above 0.
        weight : ndarray of float64, shape (n,)
            Sums to the number of leads.

        Returns
        -------
        AmountLevel
        """
        level, slope = _means(deviation, amount, weight)
        ratio = np.log(amount) - (level + slope * deviation)
        leads = float(weight.sum())
        # The half of a lead that is to come lies beyond each end.
        correction = (leads + 1) / leads
        tails = [((1 - one) / 2, (1 + one) / 2) for one in LEVELS]
        held = [0.5 + (np.array(tail) - 0.5) * correction for tail in tails]
        intervals = [quantiles(ratio, weight, np.clip(share, 0, 1)) for share in held]
        evenly = (np.arange(KEPT) + 0.5) / KEPT
        return cls(
            level=level,
            slope=slope,
            median=float(quantiles(ratio, weight, np.array([0.5]))[0]),
            intervals=tuple((float(low), float(high)) for low, high in intervals),
            ratios=tuple(quantiles(ratio, weight, evenly).tolist()),
            leads=leads,
        )

    def log_mean(self, deviation: Floats) -> Floats:
        """Give the logarithm of the mean amount, shape (n,)."""
        return self.level + self.slope * deviation


def with_tail(ratios: Floats) -> Floats:
    """Let ratios go on beyond the largest that was seen, as Pareto's law by their largest tenth.

    A sum of few amounts hangs on the largest of them, and the next may be larger than any before.

    Parameters
    ----------
    ratios : ndarray of float64, shape (n,)
        Logarithms, evenly likely.

    Returns
    -------
    ndarray of float64, shape (DRAWN,)
        Likewise, rising. Up to the last tenth they are what was given.
    """
    evenly = (np.arange(DRAWN) + 0.5) / DRAWN
    mine = evenly > 1 - TAIL
    *found, threshold = quantiles(ratios, np.ones(len(ratios)), np.append(evenly, 1 - TAIL))
    drawn, beyond = np.array(found), ratios[ratios > threshold] - threshold
    if len(beyond):
        # Hill's estimator: the mean of what lies beyond the threshold.
        drawn[mine] = threshold - float(beyond.mean()) * np.log((1 - evenly[mine]) / TAIL)
    return drawn


def gamma_loss(amount: Floats, mean: Floats) -> Floats:
    """Score means of amounts; less is better, and 0 where they are equal.

    Parameters
    ----------
    amount, mean : ndarray of float64, shape (n,)
        Above 0.

    Returns
    -------
    ndarray of float64, shape (n,)
        Half the deviance of a gamma distribution.
    """
    ratio = amount / mean
    return np.asarray(ratio - np.log(ratio) - 1)


def quantiles(value: Floats, weight: Floats, shares: Floats) -> Floats:
    """Give weighted quantiles, linear between the middles of the sorted weights."""
    order = np.argsort(value, kind="stable")
    sorted_weight = weight[order]
    middle = (np.cumsum(sorted_weight) - sorted_weight / 2) / sorted_weight.sum()
    return np.asarray(np.interp(shares, middle, value[order]))


def _means(deviation: Floats, amount: Floats, weight: Floats) -> tuple[float, float]:
    """Minimise the gamma loss, which is convex in level and slope, by Newton's method."""
    logarithm = np.log(amount)
    start = float(np.average(logarithm, weights=weight))
    if not np.ptp(deviation):
        # One mean for all, wherever they stand.
        mean = float(np.average(np.exp(logarithm - start), weights=weight))
        return start + float(np.log(mean)) - float(deviation[0]), 1.0
    columns = np.stack([np.ones(len(deviation)), deviation], axis=1)
    prior = np.diag([0.0, PULL])
    found = np.array([0.0, 1.0])

    def loss(at: Floats) -> float:
        eta = columns @ at
        own = weight @ (eta + np.exp(np.minimum(logarithm - start - eta, 700)))
        return float(own + PULL * (at[1] - 1) ** 2 / 2)

    here = loss(found)
    for _ in range(_STEPS):
        ratio = np.exp(np.minimum(logarithm - start - columns @ found, 700))
        slope = columns.T @ (weight * (1 - ratio)) + prior @ (found - np.array([0.0, 1.0]))
        step = np.linalg.solve((columns.T * (weight * ratio)) @ columns + prior, slope)
        part = 1.0
        while (there := loss(found - part * step)) > here and part > _ENOUGH:
            part /= 2
        found, here = found - part * step, min(here, there)
        if float(np.abs(part * step).max()) < _ENOUGH:
            break
    return start + float(found[0]), float(found[1])
