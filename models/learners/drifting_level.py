"""A logistic regression whose level drifts from period to period, and its level at scoring time.

The log-odds of row i in period b are ``intercept + columns[i] @ weights + level[b]``, the weights
have a ridge penalty each (a normal prior around 0), and the levels are a random walk whose step
variance is found by expectation-maximisation around Laplace's approximation, as for a local-level
model (Durbin & Koopman 2012, "Time Series Analysis by State Space Methods"; Breslow & Clayton
1993, "Approximate inference in generalized linear mixed models").

The probability of a lead is the average over what the level may be. For log-odds that are normal
with mean m and variance v, the average of the logistic function is that of
``m / sqrt(1 + pi * v / 8)`` (MacKay 1992, "The evidence framework applied to classification
networks", Neural Computation 4): the less is known of the level, the closer to one half.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from leadcast.models.data import Flags, Floats, Integers, Matrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.basis import Term, expand, owners

PERIODS_AHEAD = 3.0
"""Leads are scored up to so many periods after the last training rows: of twelve, a quarter of the
training span, which is about how long a model serves."""
PRIOR_STEP_VARIANCE = 0.005
"""A priori a level moves by about this variance from period to period; counts as two periods."""
MOST_SWEEPS = 8
MOST_STEPS = 25
ENOUGH = 1e-5
"""Newton's method ends when a step promises less than this much log-likelihood in all."""
SLOW = 0.25
"""A step that promises more than this share of what the last did asks for a new curvature."""
LOOSE = 0.02
"""How close the variance is brought, on the log scale, before it is taken as found."""


@dataclass(frozen=True)
class Level:
    """The level of the log-odds for rows to come."""

    terms: tuple[Term, ...]
    """The clocks' columns."""
    weights: Floats
    """The last period's level, then the columns' weights."""
    centre: Floats
    """What the columns are relative to."""
    covariance: Floats
    """Of the weights."""
    drift: float
    """The variance that the level gathers until the rows are scored."""

    def mean(self, values: Matrix) -> Floats:
        """Tell the expected level of each row, shape (n,)."""
        result = np.full(len(values), self.weights[0])
        return np.asarray(result + self._columns(values) @ self.weights[1:])

    def trust(self, values: Matrix) -> Floats:
        """Tell by what, in (0, 1], log-odds are to be multiplied for the doubt about the level."""
        design = np.column_stack([np.ones(len(values)), self._columns(values)])
        variance = (design @ self.covariance * design).sum(axis=1)
        return np.asarray(1 / np.sqrt(1 + np.pi * (variance + self.drift) / 8))

    def contributions(self, values: Matrix) -> tuple[Floats, float]:
        """Split the expected level among the clocks; the base is the last period's level."""
        result = np.zeros(values.shape)
        parts = self._columns(values) * self.weights[1:]
        for owner, part in zip(owners(self.terms), parts.T, strict=True):
            result[:, owner] += part
        return result, float(self.weights[0])

    def to_json(self) -> dict[str, Any]:
        """Turn the level into plain data, as `learner_schema.StoredLevel` declares it."""
        return {
            "terms": [term.model_dump() for term in self.terms],
            "weights": self.weights.tolist(),
            "centre": self.centre.tolist(),
            "covariance": self.covariance.tolist(),
            "drift": self.drift,
        }

    def _columns(self, values: Matrix) -> Floats:
        return expand(self.terms, values) - self.centre


@dataclass(frozen=True)
class LevelFit:
    """A fitted regression."""

    coefficients: Floats
    """Intercept, weights, levels."""
    covariance: Floats
    """Of the coefficients, by Laplace's approximation."""
    centre: Floats
    """The columns' weighted means, which the weights are relative to."""
    step_variance: float
    """Of the level from one period to the next."""
    fisher: Floats
    """What the rows tell of the coefficients, without the priors."""

    @property
    def weights(self) -> Floats:
        """The columns' weights."""
        return self.coefficients[1 : 1 + len(self.centre)]

    @property
    def levels(self) -> Floats:
        """The periods' levels."""
        return self.coefficients[1 + len(self.centre) :]

    def without(self, held: Flags) -> Self:
        """Set weights that a penalty has all but removed to 0 exactly."""
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
    offset: Floats | float = 0.0,
) -> LevelFit:
    """Fit weights, levels and the levels' step variance."""
    centre = (weight @ columns) / weight.sum()
    n_periods = int(period.max()) + 1
    rows = _Rows(_design(columns - centre, period, n_periods), converted, weight, offset)
    step_variance, place, fisher = PRIOR_STEP_VARIANCE, rows.first_place(), None
    if start is not None:
        step_variance, place, fisher = start.step_variance, start.coefficients, start.fisher
    for _ in range(MOST_SWEEPS):
        precision = _precision(penalty, n_periods, step_variance)
        place, log_odds, fisher = _newton(rows, precision, place, fisher)
        covariance = _inverse(fisher + precision)
        before, step_variance = step_variance, _step_variance(place, covariance, n_periods)
        if abs(np.log(step_variance / before)) < LOOSE or n_periods == 1:
            break
    # On the way a curvature from near by was good enough; the doubt is told by that of the end.
    fisher = rows.fisher(log_odds)
    covariance = _inverse(fisher + precision)
    if n_periods == 1:
        step_variance = PRIOR_STEP_VARIANCE
    return LevelFit(place, covariance, centre, step_variance, fisher)


@dataclass(frozen=True)
class _Rows:
    """What is fitted: the design, the outcomes, the weights and what is known beforehand."""

    design: Floats
    converted: Floats
    weight: Floats
    offset: Floats | float

    def log_odds(self, place: Floats) -> Floats:
        return np.asarray(self.design @ place + self.offset)

    def first_place(self) -> Floats:
        place = np.zeros(self.design.shape[1])
        rate = float(self.weight @ self.converted / self.weight.sum())
        place[0] = np.log(rate / (1 - rate)) - float(np.mean(self.offset))
        return place

    def loss(self, log_odds: Floats, place: Floats, precision: Floats) -> float:
        each = np.logaddexp(0.0, log_odds) - self.converted * log_odds
        return float(self.weight @ each + place @ precision @ place / 2)

    def slope(self, log_odds: Floats, place: Floats, precision: Floats) -> Floats:
        excess = sigmoid(log_odds) - self.converted
        return np.asarray((self.weight * excess) @ self.design + precision @ place)

    def fisher(self, log_odds: Floats) -> Floats:
        expected = sigmoid(log_odds)
        scaled = self.design * np.sqrt(self.weight * expected * (1 - expected))[:, None]
        return np.asarray(scaled.T @ scaled)


def _inverse(information: Floats) -> Floats:
    return np.asarray(np.linalg.inv(information), np.float64)


def _design(columns: Floats, period: Integers, n_periods: int) -> Floats:
    design = np.zeros((len(columns), 1 + columns.shape[1] + n_periods))
    design[:, 0] = 1.0
    design[:, 1 : 1 + columns.shape[1]] = columns
    design[np.arange(len(columns)), 1 + columns.shape[1] + period] = 1.0
    return design


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
    rows: _Rows, precision: Floats, place: Floats, fisher: Floats | None
) -> tuple[Floats, Floats, Floats]:
    # The curvature costs far more than a step, and changes little: it is kept while steps with it
    # bring the end near quickly.
    log_odds, before = rows.log_odds(place), np.inf
    loss = rows.loss(log_odds, place, precision)
    for _ in range(MOST_STEPS):
        slope = rows.slope(log_odds, place, precision)
        fresh = fisher is None
        if fisher is None:
            fisher = rows.fisher(log_odds)
        step = np.asarray(np.linalg.solve(fisher + precision, slope), np.float64)
        promised = float(slope @ step) / 2
        place, log_odds, loss, halved = _stepped(rows, precision, place, step, loss)
        if promised < ENOUGH:
            break
        if not fresh and (halved or promised > SLOW * before):
            fisher = None
        before = promised
    return place, log_odds, rows.fisher(log_odds) if fisher is None else fisher


def _stepped(
    rows: _Rows, precision: Floats, place: Floats, step: Floats, loss: float
) -> tuple[Floats, Floats, float, bool]:
    length = 1.0
    while True:
        tried = place - length * step
        log_odds = rows.log_odds(tried)
        tried_loss = rows.loss(log_odds, tried, precision)
        if tried_loss <= loss or length < 1e-3:
            return tried, log_odds, tried_loss, length < 1.0
        length /= 2


def _step_variance(place: Floats, covariance: Floats, n_periods: int) -> float:
    walk = _walk(n_periods)
    levels = place[-n_periods:]
    squares = levels @ walk @ levels + np.trace(walk @ covariance[-n_periods:, -n_periods:])
    return float((squares + 2 * PRIOR_STEP_VARIANCE) / (n_periods - 1 + 2))


def level_of(
    fit: LevelFit, terms: tuple[Term, ...], clocks: frozenset[int], several: bool
) -> Level:
    """Take the level out of a fitted regression."""
    own: Integers = np.flatnonzero(np.isin(owners(terms), list(clocks)))
    places = np.concatenate([[0], 1 + own]).astype(np.int64)
    # The last level and the intercept only ever occur together: add the one to the other.
    last = len(fit.coefficients) - 1
    merge = np.zeros((len(places), len(fit.coefficients)))
    merge[np.arange(len(places)), places] = 1.0
    merge[0, last] = 1.0
    return Level(
        terms=tuple(term for term in terms if term.feature in clocks),
        weights=merge @ fit.coefficients,
        centre=fit.centre[own],
        covariance=merge @ fit.covariance @ merge.T,
        drift=PERIODS_AHEAD * fit.step_variance if several else 0.0,
    )
