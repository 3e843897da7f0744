r"""The level of the scores between retrainings: an offset on all log-odds that follows the labels.

A local level (Harvey 1989): the offset walks at random by a variance `pace` a week, and each week's
conversions say where it stands. With :math:`\lambda = E e^{s\theta}` expected at the offset
:math:`\theta` (E without it, s how strongly it moves the expectation), one step of Newton's method
around the present place is a Kalman filter's update with the information :math:`s^2 \lambda`,
lessened by the shocks that all leads of a week share. The pace is the one of a few under which the
weeks so far are most likely, so that a stable source is left nearly alone.

The offset never leaves what the conversions of the last weeks support by themselves: it lies
between none and the ends of their own interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import ratio_interval

PACES = (0.0, 0.0004, 0.0016, 0.0064, 0.0256)
"""Variances a week; the last moves by 0.16 in log-odds (one standard deviation)."""
FIRST_VARIANCE = 0.01
"""Of the level that a freshly trained model is given: 0.1 in log-odds."""
FARTHEST_OFFSET = 5.0
LEAST_EXPECTED = 1e-6
SUPPORT_WEEKS = 8
"""The conversions of so many last weeks bound the offset."""


@dataclass(frozen=True)
class LevelWeek:
    """What a week (or another stretch) of conversions says of the level.

    Parameters
    ----------
    observed, expected : float
        Conversions that came, and that the scores without an offset expected.
    sensitivity : float
        How strongly an offset moves the expectation: d log(expected) / d offset, in (0, 1].
    weeks : float
        How long after the week before.
    """

    observed: float
    expected: float
    sensitivity: float
    weeks: float = 1.0


@dataclass(frozen=True)
class TrackedLevel:
    """Where the level stands.

    Parameters
    ----------
    offset : float
        To be added to all log-odds.
    standard_error : float
        The tracker's own, of the offset before it is held in its bounds.
    low, high : float
        The bounds: what the last weeks support, and none.
    pace : float
        The variance a week that was found.
    path : tuple of float
        The offset as it stood before each week was known, and last as it stands now.
    """

    offset: float
    standard_error: float
    low: float
    high: float
    pace: float
    path: tuple[float, ...]


def track_level(
    weeks: Sequence[LevelWeek], dispersion: float, paces: Sequence[float] = PACES
) -> TrackedLevel:
    """Follow the level through the weeks.

    Parameters
    ----------
    weeks : sequence of LevelWeek
        In time's order.
    dispersion : float
        The variance of shocks that all leads of a week share.
    paces : sequence of float
        Variances a week to choose from, ascending.

    Returns
    -------
    TrackedLevel
        An offset of 0 where there are no weeks.
    """
    runs = [_filtered(weeks, dispersion, pace) for pace in paces]
    best = int(np.argmax([likelihood for likelihood, _, _ in runs]))
    _, means, variance = runs[best]
    path = []
    for place, mean in enumerate(means):
        low, high = supported(weeks[max(place - SUPPORT_WEEKS, 0) : place], dispersion)
        path.append(float(np.clip(mean, low, high)))
    return TrackedLevel(path[-1], float(np.sqrt(variance)), low, high, paces[best], tuple(path))


def supported(weeks: Sequence[LevelWeek], dispersion: float) -> tuple[float, float]:
    """Give the bounds of an offset: none, and the 95 % interval of these weeks' own.

    Parameters
    ----------
    weeks : sequence of LevelWeek
    dispersion : float

    Returns
    -------
    tuple of float
        The lower one is at most 0, the higher one at least 0; both 0 where nothing is known.
    """
    expected = sum(week.expected for week in weeks)
    if not expected > 0:
        return 0.0, 0.0
    observed = sum(week.observed for week in weeks)
    strength = sum(week.expected * week.sensitivity for week in weeks) / expected
    ends = ratio_interval(observed, expected, dispersion / len(weeks))
    low, high = (float(np.log(end)) / strength for end in ends)
    return min(low, 0.0), max(high, 0.0)


@dataclass(frozen=True)
class LevelRecord:
    """What the offset was worth, week by week, on labels that came afterwards.

    Parameters
    ----------
    weeks : int
    without, moved : float
        Mean log loss without and with it.
    gain : float
        `without` minus `moved`: above 0 where the offset helped.
    low, high : float
        A 95 % interval of `gain`, with weeks as the units; infinite with fewer than two weeks.
    """

    weeks: int
    without: float
    moved: float
    gain: float
    low: float
    high: float

    @property
    def harms(self) -> bool:
        """Whether the scores are better without it, beyond the luck of weeks."""
        return self.high < 0


def record_of(without: Floats, moved: Floats, leads: Floats) -> LevelRecord:
    """Compare the log loss with and without the offset.

    Parameters
    ----------
    without, moved : ndarray of float64, shape (n_weeks,)
        Each week's summed log loss.
    leads : ndarray of float64, shape (n_weeks,)
        Each week's leads; above 0.

    Returns
    -------
    LevelRecord
    """
    total, weeks = float(leads.sum()), len(leads)
    if not total > 0:
        return LevelRecord(0, np.nan, np.nan, np.nan, -np.inf, np.inf)
    gain = float((without - moved).sum() / total)
    error = np.inf
    if weeks > 1:
        # A ratio of sums over weeks (Cochran 1977, section 6.3).
        left = (without - moved) - gain * leads
        error = float(np.sqrt(np.square(left).sum() * weeks / (weeks - 1)) / total)
    width = _t_95(weeks - 1) * error
    return LevelRecord(
        weeks,
        float(without.sum() / total),
        float(moved.sum() / total),
        gain,
        gain - width,
        gain + width,
    )


def _filtered(
    weeks: Sequence[LevelWeek], dispersion: float, pace: float
) -> tuple[float, list[float], float]:
    """Run the filter: the log-likelihood, the offset before each week and at the end, its error."""
    mean, variance, likelihood = 0.0, FIRST_VARIANCE, 0.0
    means = [mean]
    for week in weeks:
        variance += pace * week.weeks
        due = week.expected * np.exp(week.sensitivity * mean)
        if due > LEAST_EXPECTED:
            # In counts: how far the week is off, and how far that may be by luck and shocks.
            surprise, luck = week.observed - due, due * (1 + dispersion * due)
            slope = week.sensitivity * due
            total = luck + slope**2 * variance
            likelihood -= 0.5 * (np.log(total) + surprise**2 / total)
            mean += variance * slope * surprise / total
            # One week's absurd count must not carry the expansion out of its range.
            mean = float(np.clip(mean, -FARTHEST_OFFSET, FARTHEST_OFFSET))
            variance *= luck / total
        means.append(mean)
    return float(likelihood), means, variance


def _t_95(freedom: int) -> float:
    """Give Student's quantile of 97.5 % (Cornish and Fisher's expansion; 1 % off from 3 on)."""
    if freedom < 1:
        return 1.0
    if freedom < 3:
        return (12.706, 4.303)[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
