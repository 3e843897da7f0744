"""Metrics as functions of a tally; `models.metrics` says what each is and where it comes from."""

import numpy as np

from models.data import Floats
from models.isotonic import isotonic_rates
from models.logistic import inside, log_odds_of, logistic_fit
from models.tally import Tally, cumulated

ECE_BINS = 15


def auc_of(counts: Tally) -> float:
    """Compute `models.metrics.auc`; `counts` are the rows."""
    if not counts.has_both_outcomes:
        return np.nan
    misses = counts.misses
    total = misses.sum()
    below = total - np.cumsum(misses)
    return dot(counts.hits, below + misses / 2) / float(counts.hits.sum() * total)


def average_precision_of(counts: Tally) -> float:
    """Compute `models.metrics.average_precision`; `counts` are the rows."""
    total = float(counts.hits.sum())
    if not total > 0:
        return np.nan
    precision = np.cumsum(counts.hits) / np.cumsum(counts.mass)
    return dot(counts.hits, precision) / total


def gains_of(counts: Tally, shares: Floats) -> Floats:
    """Compute `models.metrics.gain_at` for several shares in (0, 1]; `counts` are the rows."""
    if not counts.hits.sum() > 0:
        return np.full(len(shares), np.nan)
    mass, hits = cumulated(counts.mass), cumulated(counts.hits)
    return np.asarray(np.interp(shares * mass[-1], mass, hits) / hits[-1])


def base_rate_of(counts: Tally) -> float:
    """Compute the share of the weight that converted; NaN without rows."""
    return _mean(counts.hits, counts)


def mean_probability_of(counts: Tally) -> float:
    """Compute the mean of the values; NaN without rows."""
    return _mean(counts.mass * counts.value, counts)


def log_loss_of(counts: Tally) -> float:
    """Compute `models.metrics.log_loss`; `counts` are the rows."""
    kept = inside(counts.value)
    return _mean(-counts.hits * np.log(kept) - counts.misses * np.log1p(-kept), counts)


def brier_of(counts: Tally) -> float:
    """Compute `models.metrics.brier_score`; `counts` are the rows."""
    return _mean(_squared_errors(counts.value, counts), counts)


def brier_decomposition_of(counts: Tally) -> tuple[float, float, float]:
    """Compute `models.metrics.brier_decomposition`; `counts` are the rows."""
    if not counts.mass.sum() > 0:
        return np.nan, np.nan, np.nan
    recalibrated = isotonic_rates(counts.mass[::-1], counts.hits[::-1])[::-1]
    best = _mean(_squared_errors(recalibrated, counts), counts)
    uncertainty = brier_uncertainty_of(counts)
    return brier_of(counts) - best, uncertainty - best, uncertainty


def brier_uncertainty_of(counts: Tally) -> float:
    """Compute the Brier score of the base rate; NaN without rows."""
    base_rate = base_rate_of(counts)
    return base_rate * (1 - base_rate)


def ece_of(counts: Tally) -> float:
    """Compute `models.metrics.expected_calibration_error`; `counts` are the rows."""
    mass = cumulated(counts.mass)
    if not mass[-1] > 0:
        return np.nan
    cuts = np.linspace(0.0, mass[-1], ECE_BINS + 1)
    surplus = cumulated(counts.hits - counts.mass * counts.value)
    return float(np.abs(np.diff(np.interp(cuts, mass, surplus))).sum() / mass[-1])


def calibration_in_the_large_of(counts: Tally) -> float:
    """Compute `models.metrics.calibration_in_the_large`; `counts` are the rows."""
    return _shift(counts, log_odds_of(counts.value))


def calibration_of(counts: Tally) -> tuple[float, float, float]:
    """Compute slope and intercept of `models.metrics.calibration_line`, and the level's shift.

    Parameters
    ----------
    counts : Tally

    Returns
    -------
    slope, intercept, in_the_large : float
    """
    log_odds = log_odds_of(counts.value)
    level = _shift(counts, log_odds)
    if np.isnan(level) or _separated(counts):
        return np.nan, np.nan, level
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    start = np.array([level, 1.0])
    line = logistic_fit(design, np.zeros_like(log_odds), counts, start=start)
    return (np.nan, np.nan, level) if line is None else (float(line[1]), float(line[0]), level)


def dot(one: Floats, other: Floats) -> float:
    """Sum the products of two arrays in one thread.

    BLAS (``one @ other``) would wake threads for more than 10,000 numbers; on a busy machine they
    wait for each other a thousand times longer than the sum takes.

    Parameters
    ----------
    one, other : ndarray of float64, shape (n,)

    Returns
    -------
    float
    """
    return float((one * other).sum())


def _mean(total: Floats, counts: Tally) -> float:
    weight = counts.mass.sum()
    return float(total.sum() / weight) if weight > 0 else np.nan


def _squared_errors(probability: Floats, counts: Tally) -> Floats:
    return counts.hits * (1 - probability) ** 2 + counts.misses * probability**2


def _shift(counts: Tally, log_odds: Floats) -> float:
    if not counts.has_both_outcomes:
        return np.nan
    rates = np.array([base_rate_of(counts), mean_probability_of(counts)])
    start = -np.diff(log_odds_of(rates))
    shift = logistic_fit(np.ones((len(log_odds), 1)), log_odds, counts, start=start)
    return np.nan if shift is None else float(shift[0])


def _separated(counts: Tally) -> bool:
    # One outcome lies wholly above the other (or all values are equal): the likelihood has no
    # maximum, and Newton's method would stop at an arbitrary large slope.
    won, rest = counts.value[counts.hits > 0], counts.value[counts.misses > 0]
    return bool(won[-1] >= rest[0] or rest[-1] >= won[0])
