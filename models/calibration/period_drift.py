"""How far level and slope of the log-odds move from one period to the next, beyond chance.

Prices, campaigns and seasons move conversions in ways that no feature shows. What was learnt in
some periods is used in another, so an interval that only counts the luck of the calibration rows
is too narrow by the movement between periods. It is estimated as in a meta-analysis with random
effects (DerSimonian and Laird 1986), with a prior for when there are few periods.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrators import Calibrator, Identity
from leadcast.models.calibration.corrections import Line, TalliedRows, fitted, shrunken
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.random_effects import USUAL_LEVEL_SPREAD, pooled_variance

USUAL_SLOPE_SPREAD = 0.1
"""The same of the slope."""

PRIOR_FREEDOM = 2.0
"""How many periods the usual spreads are worth."""

FEWEST_LEADS = 10
"""A period tells its level and slope where so many leads have each outcome."""


MOST_STRETCHES = 2
"""An origin's rows are cut into at most so many stretches of time."""


@dataclass(frozen=True)
class PeriodDrift:
    """The movement of the log-odds between periods."""

    level_spread: float
    slope_spread: float
    """Standard deviations of the shift at the centre, and of the slope."""
    centre: float
    """The log-odds around which the slope turns."""
    freedom: float
    """Degrees of freedom of both estimates."""
    periods: int
    """How many periods they were seen in."""

    def shifts(self, log_odds: Floats, draws: int, seed: int) -> Floats:
        """Draw how a period to come may differ from the periods seen."""
        generator = np.random.default_rng(seed)
        scale = sqrt(1 + 1 / max(self.periods, 1))
        level, slope = scale * generator.standard_t(self.freedom, (2, draws, 1))
        away = log_odds - self.centre
        return np.asarray(self.level_spread * level + self.slope_spread * slope * away)


def stretches_of(
    origin: Integers, position: Integers, converted: Floats, group: Integers
) -> Integers:
    """Cut each origin's rows into stretches of time, as many as can tell their level.

    Three origins alone say little of how far the level moves, so that most of what is said would
    be the prior. Within an origin the level moves as well, and is seen as well.

    Parameters
    ----------
    origin : ndarray of int64, shape (n_rows,)
        Which origin's model predicted each row.
    position : ndarray of int64, shape (n_rows,)
        Time's order.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
        The lead (or account) of each row.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        A number for each stretch, rising with time; each origin has as many.
    """
    scarce = min(len(np.unique(group[converted == outcome])) for outcome in (0, 1))
    origins = np.unique(origin)
    number = int(np.clip(scarce // (2 * FEWEST_LEADS * len(origins)), 1, MOST_STRETCHES))
    stretch = np.zeros(len(origin), np.int64)
    for place, each in enumerate(origins):
        rows = np.flatnonzero(origin == each)
        order = rows[np.argsort(position[rows], kind="stable")]
        stretch[order] = place * number + np.arange(len(rows)) * number // len(rows)
    return stretch


def estimate_drift(
    rows: TalliedRows, period: npt.ArrayLike, independent: int | None = None
) -> PeriodDrift:
    """Estimate the movement of the log-odds between periods."""
    periods = np.asarray(period)
    if periods.shape != rows.converted.shape:
        raise ValueError(f"period has shape {periods.shape}, there are {len(rows)} rows")
    line, overall = Line.on(rows.log_odds), fitted(Line, rows) or Identity(rows=len(rows))
    found = [
        moved
        for name in np.unique(periods)
        if (moved := _movement(rows.taken(periods == name), line, overall)) is not None
    ]
    usual = (USUAL_LEVEL_SPREAD, USUAL_SLOPE_SPREAD)
    level, slope = (
        _spread([movement[number] for movement in found], spread)
        for number, spread in enumerate(usual)
    )
    told = len(found) if independent is None else min(independent, len(found))
    freedom = PRIOR_FREEDOM + max(told - 1, 0)
    return PeriodDrift(level, slope, line.centre, freedom, len(found))


def _movement(
    rows: TalliedRows, line: Line, overall: Calibrator
) -> list[tuple[float, float]] | None:
    # How far this period's level and slope lie from the overall ones, with their variances.
    if rows.leads_of_rarer_outcome < FEWEST_LEADS:
        return None
    about = TalliedRows(overall.log_odds(rows.log_odds), rows.converted, rows.group)
    found = shrunken(about, line.columns(rows.log_odds), [np.eye(2) * 1e6])
    if found is None:
        return None
    variances = np.diag(found.covariance).tolist()
    return list(zip(found.unshrunken.tolist(), variances, strict=True))


def _spread(found: list[tuple[float, float]], usual: float) -> float:
    freedom = max(len(found) - 1, 0)
    seen = _seen_squared(np.array(found)) if freedom else 0.0
    return sqrt(pooled_variance(seen, freedom, usual, PRIOR_FREEDOM))


def _seen_squared(found: Floats) -> float:
    shift, variance = found.T
    weight = 1 / variance
    mean = float((weight * shift).sum() / weight.sum())
    excess = float((weight * (shift - mean) ** 2).sum()) - (len(shift) - 1)
    unit = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(excess / unit, 0.0)
