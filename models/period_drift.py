"""How far the level of conversions moves from one period to the next, beyond what chance moves.

Prices, campaigns and seasons move the base rate in ways that no feature shows. What was learnt
in some periods is used in another, so an interval that only counts the luck of the calibration
rows is too narrow by the movement between periods. It is estimated as in a meta-analysis with
random effects (DerSimonian and Laird 1986), with a prior for when there are few periods.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from models.calibration.calibrators import Calibrator
from models.calibration.curves import Identity
from models.calibration.shapes import Level, Line, fitted
from models.calibration.shrinkage import Rows, shrunken
from models.data import Floats

USUAL_SPREAD = 0.2
"""How far the level usually moves between periods (standard deviation, log-odds)."""

PRIOR_FREEDOM = 2.0
"""How many periods the usual spread is worth."""

FEWEST_LEADS = 5
"""A period tells its level where so many leads have each outcome."""


@dataclass(frozen=True)
class PeriodDrift:
    """The movement of the level between periods.

    Parameters
    ----------
    spread : float
        Its standard deviation, in log-odds.
    freedom : float
        Degrees of freedom of that estimate.
    periods : int
        How many periods it was seen in.
    """

    spread: float
    freedom: float
    periods: int

    def shifts(self, draws: int, seed: int) -> Floats:
        """Draw how the level of a period to come may differ from that of the periods seen.

        Parameters
        ----------
        draws : int
        seed : int

        Returns
        -------
        ndarray of float64, shape (draws,)
            In log-odds; Student's t, since the spread is itself estimated.
        """
        generator = np.random.default_rng(seed)
        scale = self.spread * sqrt(1 + 1 / max(self.periods, 1))
        return np.asarray(scale * generator.standard_t(self.freedom, draws))


def estimate_drift(rows: Rows, period: npt.ArrayLike) -> PeriodDrift:
    """Estimate the movement of the level between periods.

    Parameters
    ----------
    rows : Rows
        Predictions for snapshots later than those that their model was trained on.
    period : array_like of int or str, shape (n_rows,)
        The month of each row, or the origin of the model behind it.

    Returns
    -------
    PeriodDrift

    Raises
    ------
    ValueError
        If there is not a period for each row.
    """
    periods = np.asarray(period)
    if periods.shape != rows.converted.shape:
        raise ValueError(f"period has shape {periods.shape}, there are {len(rows)} rows")
    overall = fitted(Line, rows) or Identity(len(rows))
    found = [
        moved
        for name in np.unique(periods)
        if (moved := _shift(rows.taken(periods == name), overall)) is not None
    ]
    freedom = max(len(found) - 1, 0)
    seen = _spread_squared(np.array(found)) if freedom else 0.0
    total = PRIOR_FREEDOM + freedom
    spread = sqrt((PRIOR_FREEDOM * USUAL_SPREAD**2 + freedom * seen) / total)
    return PeriodDrift(spread, total, len(found))


def _shift(rows: Rows, overall: Calibrator) -> tuple[float, float] | None:
    # How far this period's level lies from the overall one, and the variance of that.
    if rows.leads_of_rarer_outcome < FEWEST_LEADS:
        return None
    about = Rows(overall.log_odds(rows.log_odds), rows.converted, rows.group)
    found = shrunken(about, Level().columns(about.log_odds), [np.array([[1e6]])])
    return None if found is None else (float(found.unshrunken[0]), float(found.covariance[0, 0]))


def _spread_squared(found: Floats) -> float:
    shift, variance = found.T
    weight = 1 / variance
    mean = float((weight * shift).sum() / weight.sum())
    excess = float((weight * (shift - mean) ** 2).sum()) - (len(shift) - 1)
    unit = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(excess / unit, 0.0)
