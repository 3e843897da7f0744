"""A logistic regression whose level drifts from period to period.

The log-odds of row i in period b are ``intercept + columns[i] @ weights + level[b]``, the weights
have a ridge penalty each (a normal prior around 0), and the levels are a random walk whose step
variance is found by expectation-maximisation around Laplace's approximation, as for a local-level
model (Durbin & Koopman 2012, "Time Series Analysis by State Space Methods"; Breslow & Clayton
1993, "Approximate inference in generalized linear mixed models").
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers

PRIOR_STEP_VARIANCE = 0.005
"""A priori a level moves by about this variance from period to period; counts as two periods."""
MOST_SWEEPS = 8
MOST_STEPS = 25
ENOUGH = 1e-3
"""Newton's method ends when a step promises less than this much log-likelihood in all."""
LOOSE = 0.02
"""How close the variance is brought, on the log scale, before it is taken as found."""


@dataclass(frozen=True)
class LevelFit:
    """A fitted regression.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (1 + n_columns + n_periods,)
        Intercept, weights, levels.
    covariance : ndarray of float64, the same squared
        Of the coefficients, by Laplace's approximation.
    centre : ndarray of float64, shape (n_columns,)
        The columns' weighted means, which the weights are relative to.
    step_variance : float
        Of the level from one period to the next.
    """

    coefficients: Floats
    covariance: Floats
    centre: Floats
    step_variance: float

    @property
    def weights(self) -> Floats:
        """The columns' weights.

        Returns
        -------
        ndarray of float64, shape (n_columns,)
        """
        return self.coefficients[1 : 1 + len(self.centre)]

    @property
    def levels(self) -> Floats:
        """The periods' levels.

        Returns
        -------
        ndarray of float64, shape (n_periods,)
        """
        return self.coefficients[1 + len(self.centre) :]

    def without(self, held: npt.NDArray[np.bool_]) -> "LevelFit":
        """Set weights that a penalty has all but removed to 0 exactly.

        Parameters
        ----------
        held : ndarray of bool, shape (n_columns,)

        Returns
        -------
        LevelFit
        """
        if not held.any():
            return self
        coefficients = self.coefficients.copy()
        coefficients[1 : 1 + len(held)][held] = 0.0
        return replace(self, coefficients=coefficients)


def fit_level_regression(
    columns: Floats,
    converted: Floats,
    weight: Floats,
    period: Integers,
    penalty: Floats,
    start: LevelFit | None = None,
) -> LevelFit:
    """Fit weights, levels and the levels' step variance.

    Parameters
    ----------
    columns : ndarray of float64, shape (n, n_columns)
    converted, weight : ndarray of float64, shape (n,)
        Both outcomes must occur.
    period : ndarray of int64, shape (n,)
        0 to n_periods - 1, each with rows.
    penalty : ndarray of float64, shape (n_columns,)
        The prior precision of each weight.
    start : LevelFit, optional
        A fit of the same rows with other penalties, to begin from.

    Returns
    -------
    LevelFit
    """
    centre = (weight @ columns) / weight.sum()
    n_periods = int(period.max()) + 1
    design = _design(columns - centre, period, n_periods)
    step_variance = PRIOR_STEP_VARIANCE if start is None else start.step_variance
    place = (
        _first_place(design.shape[1], converted, weight) if start is None else start.coefficients
    )
    for _ in range(MOST_SWEEPS):
        precision = _precision(penalty, n_periods, step_variance)
        place, information = _newton(design, converted, weight, precision, place)
        covariance = np.asarray(np.linalg.inv(information), np.float64)
        before, step_variance = step_variance, _step_variance(place, covariance, n_periods)
        if abs(np.log(step_variance / before)) < LOOSE or n_periods == 1:
            break
    return LevelFit(
        place, covariance, centre, step_variance if n_periods > 1 else PRIOR_STEP_VARIANCE
    )


def _design(columns: Floats, period: Integers, n_periods: int) -> Floats:
    design = np.zeros((len(columns), 1 + columns.shape[1] + n_periods))
    design[:, 0] = 1.0
    design[:, 1 : 1 + columns.shape[1]] = columns
    design[np.arange(len(columns)), 1 + columns.shape[1] + period] = 1.0
    return design


def _first_place(width: int, converted: Floats, weight: Floats) -> Floats:
    place = np.zeros(width)
    rate = float(weight @ converted / weight.sum())
    place[0] = np.log(rate / (1 - rate))
    return place


def _walk(n_periods: int) -> Floats:
    # The precision of a random walk; the small diagonal ties it to the intercept, which else could
    # trade with all levels at once.
    steps = np.diff(np.eye(n_periods), axis=0)
    return np.asarray(steps.T @ steps + 1e-3 * np.eye(n_periods))


def _precision(penalty: Floats, n_periods: int, step_variance: float) -> Floats:
    precision = np.diag(np.concatenate([[1e-4], penalty, np.zeros(n_periods)]))
    levels = slice(1 + len(penalty), None)
    # One period has no level to follow: its level stays at 0.
    walk = _walk(n_periods) / step_variance if n_periods > 1 else np.array([[1e8]])
    precision[levels, levels] = walk
    return precision


def _newton(
    design: Floats, converted: Floats, weight: Floats, precision: Floats, place: Floats
) -> tuple[Floats, Floats]:
    log_odds = design @ place
    loss = _loss(log_odds, converted, weight, precision, place)
    for _ in range(MOST_STEPS):
        expected = 1 / (1 + np.exp(-log_odds))
        curvature = np.sqrt(weight * expected * (1 - expected))
        scaled = design * curvature[:, None]
        information = scaled.T @ scaled + precision
        slope = design.T @ (weight * (expected - converted)) + precision @ place
        step = np.linalg.solve(information, slope)
        promised, length = float(slope @ step) / 2, 1.0
        while True:
            tried = place - length * step
            tried_odds = design @ tried
            tried_loss = _loss(tried_odds, converted, weight, precision, tried)
            if tried_loss <= loss or length < 1e-3:
                break
            length /= 2
        place, log_odds, loss = tried, tried_odds, tried_loss
        if promised < ENOUGH:
            break
    return place, information


def _loss(
    log_odds: Floats, converted: Floats, weight: Floats, precision: Floats, place: Floats
) -> float:
    likelihood = weight @ (np.logaddexp(0.0, log_odds) - converted * log_odds)
    return float(likelihood + place @ precision @ place / 2)


def _step_variance(place: Floats, covariance: Floats, n_periods: int) -> float:
    walk = _walk(n_periods)
    levels = place[-n_periods:]
    squares = levels @ walk @ levels + np.trace(walk @ covariance[-n_periods:, -n_periods:])
    return float((squares + 2 * PRIOR_STEP_VARIANCE) / (n_periods - 1 + 2))
