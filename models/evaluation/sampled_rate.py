"""The rate of a population of which only some were looked at, each with a known probability.

References
----------
Hájek, J. (1971). Comment on "An essay on the logical foundations of survey sampling, part one". In
Godambe, V. P., Sprott, D. A. (editors), Foundations of Statistical Inference. Holt, Rinehart and
Winston. (The self-normalised estimator.)

Horvitz, D. G., Thompson, D. J. (1952). A generalization of sampling without replacement from a
finite universe. Journal of the American Statistical Association 47, 663-685. (The weights.)

Korn, E. L., Graubard, B. I. (1998). Confidence intervals for proportions with small expected number
of positive counts estimated from survey data. Survey Methodology 24, 193-201. (The interval.)

Kish, L. (1965). Survey Sampling. Wiley. (What weights cost.)

Zou, G. Y., Donner, A. (2008). Construction of confidence limits about effect measures: a general
approach. Statistics in Medicine 27, 1693-1702. (The difference of two rates.)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import LEVEL, Estimate, coded


@dataclass(frozen=True)
class SampledRate:
    """What a sample tells of its population."""

    rows: int
    """So many were looked at."""
    converted: int
    """So many of them converted."""
    rate: Estimate
    """Of the whole population."""
    expected: float | None
    """The mean of what was told of them, weighted likewise; None without rows."""

    @property
    def as_told(self) -> bool | None:
        """Whether what was told lies in the interval; None where there is none."""
        if self.rate.low is None or self.rate.high is None or self.expected is None:
            return None
        return self.rate.low <= self.expected <= self.rate.high


def sampled_rate(
    converted: npt.ArrayLike,
    told: npt.ArrayLike,
    propensity: npt.ArrayLike,
    group: npt.ArrayLike,
    level: float = LEVEL,
) -> SampledRate:
    """Estimate the rate of a population from those of it that were drawn.

    The rate is Hájek's: each row counts 1 / propensity, and the sum is divided by that of the
    weights. Its variance is linearised and clustered on groups; with it the sample is worth so
    many independent rows, for which Clopper and Pearson's interval is taken (Korn and Graubard).

    Parameters
    ----------
    converted : array_like of bool or float, shape (n_rows,)
        Of the rows that were drawn.
    told : array_like of float, shape (n_rows,)
        Their probabilities, as they were told.
    propensity : array_like of float, shape (n_rows,)
        With which probability each was drawn; above 0.
    group : array_like, shape (n_rows,)
        Rows that share it are not independent: the lead.
    level : float
        How often the interval should hold the truth.

    Returns
    -------
    SampledRate

    Raises
    ------
    ValueError
        If a propensity is not above 0 and at most 1.
    """
    outcome = np.asarray(converted, dtype=np.float64)
    share = np.asarray(propensity, dtype=np.float64)
    if not ((share > 0) & (share <= 1)).all():
        raise ValueError("propensities must be above 0 and at most 1")
    if not len(outcome):
        return SampledRate(0, 0, Estimate(None, None, None), None)
    weight = (1 / share) / (1 / share).sum()
    rate = float(min(1.0, weight @ outcome))
    low, high = exact_interval(rate, _effective(outcome, weight, rate, group), level)
    expected = float(weight @ np.asarray(told, dtype=np.float64))
    return SampledRate(len(outcome), int(outcome.sum()), Estimate(rate, low, high), expected)


def clustered_rate(
    converted: npt.ArrayLike, group: npt.ArrayLike, level: float = LEVEL
) -> Estimate:
    """Estimate the rate of rows all of which were looked at, and that are not independent.

    Parameters
    ----------
    converted : array_like of bool or float, shape (n_rows,)
    group : array_like, shape (n_rows,)
        Rows that share it are not independent: the account, or the person.
    level : float

    Returns
    -------
    Estimate
        Without numbers where there are no rows.
    """
    outcome = np.asarray(converted, dtype=np.float64)
    return sampled_rate(outcome, outcome, np.ones(len(outcome)), group, level).rate


def rate_difference(one: Estimate, other: Estimate) -> Estimate:
    """Estimate how much higher one rate is than another, from the intervals of both.

    Parameters
    ----------
    one, other : Estimate
        Of rows that are not the same.

    Returns
    -------
    Estimate
        By the method of Zou and Donner (2008), as if the two were independent: where groups have
        rows in both, which makes them alike, the interval is too wide rather than too narrow.
    """
    if None in (one.value, one.low, one.high, other.value, other.low, other.high):
        return Estimate(None, None, None)
    a, b = (np.array([it.value, it.low, it.high], dtype=np.float64) for it in (one, other))
    value = float(a[0] - b[0])
    low = value - float(np.hypot(a[0] - a[1], b[2] - b[0]))
    high = value + float(np.hypot(a[2] - a[0], b[0] - b[1]))
    return Estimate(value, max(low, -1.0), min(high, 1.0))


def exact_interval(rate: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Give Clopper and Pearson's interval, where `n` need be no whole number.

    Parameters
    ----------
    rate : float
        The share that was seen.
    n : float
        Of so many rows.
    level : float

    Returns
    -------
    low, high : float
    """
    from scipy.special import betaincinv

    tail, seen = (1 - level) / 2, rate * n
    low = float(betaincinv(seen, n - seen + 1, tail)) if seen > 0 else 0.0
    high = float(betaincinv(seen + 1, n - seen, 1 - tail)) if seen < n else 1.0
    return low, high


def rows_needed(rate: float, half_width: float, level: float = LEVEL) -> int:
    """Tell of how many independent rows a rate is known so well.

    Parameters
    ----------
    rate : float
        About what it is.
    half_width : float
        Half of what the interval may span.
    level : float

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `half_width` is not above 0.
    """
    if half_width <= 0:
        raise ValueError(f"a rate is never known to ± {half_width:g}")

    def fits(n: int) -> bool:
        low, high = exact_interval(rate, n, level)
        return high - low <= 2 * half_width

    most = 1
    while not fits(most):
        most *= 2
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if fits(middle) else (middle, most)
    return most


def _effective(outcome: Floats, weight: Floats, rate: float, group: npt.ArrayLike) -> float:
    """Tell how many independent rows of equal weight the sample is worth."""
    codes, groups = coded(group)
    # Where those who stand for many all ended alike, the variance knows nothing of their doubt:
    # the sample is never worth more than its weights allow (Kish 1965).
    shares = np.bincount(codes, weights=weight)
    worth = 1 / float(shares @ shares)
    if 0 < rate < 1 and groups > 1:
        pulls = np.bincount(codes, weights=weight * (outcome - rate))
        spread = float(pulls @ pulls) * groups / (groups - 1)
        worth = min(worth, rate * (1 - rate) / spread) if spread > 0 else worth
    return max(1.0, worth)
