"""A logistic regression whose level drifts from period to period, and its level at scoring time.

The log-odds of row i in period b are ``intercept + columns[i] @ weights + level[b]``, the weights
have a ridge penalty each (a normal prior around 0), and the levels are a random walk whose step
variance is found by expectation-maximisation around Laplace's approximation, as for a local-level
model (Durbin & Koopman 2012, "Time Series Analysis by State Space Methods"; Breslow & Clayton
1993, "Approximate inference in generalized linear mixed models").

Steps have heavy tails, so that a jump (outcomes begin to be recorded, a new form) is believed and
yet is not expected again. The level of rows to come is that of the newest periods; what clocks add
to it, and the doubt about it, keep to bounds that the periods' own levels support, so that a level
seen between 3 % and 6 % says neither 20 % nor 0.1 %.

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
from leadcast.models.learners.ridge import Ridge

LATELY = 1 / 6
"""The level of rows to come is that of the newest two of twelve periods: the last alone could be a
spike, and what lies further back keeps from following a jump."""
PERIODS_AHEAD = 3.0
"""Leads are scored so many periods of twelve after the last training rows: about as long as a model
serves."""
PRIOR_STEP_VARIANCE = 0.005
"""A priori a level moves by about this variance from period to period; counts as two periods."""
TAILS = 3.0
"""Degrees of freedom of the steps: so few that a jump hardly tells of the usual steps."""
JUMP = 0.2
"""A step whose precision is multiplied by less than this is a jump: it is about four times as long
as a usual one."""
BEYOND = 1.0
"""So many standard deviations of what lies ahead are left to the level beyond what it has been."""
OF_THE_RANGE = 0.25
"""The doubt about a level is at most this share of the range between its bounds, as a standard
deviation: nearly all of a normal distribution then lies inside of them."""
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
    low: float = -np.inf
    high: float = np.inf
    """What the periods' own levels support: whatever the clocks say, the level stays between."""

    def mean(self, values: Matrix) -> Floats:
        """Tell the expected level of each row, shape (n,)."""
        return np.asarray(np.clip(self._unbounded(values), self.low, self.high))

    def trust(self, values: Matrix) -> Floats:
        """Tell by what, in (0, 1], log-odds are to be multiplied for the doubt about the level."""
        design = np.column_stack([np.ones(len(values)), self._columns(values)])
        variance = (design @ self.covariance * design).sum(axis=1) + self.drift
        # A level that is known to lie between bounds is not doubted beyond them.
        most = (OF_THE_RANGE * (self.high - self.low)) ** 2
        return np.asarray(1 / np.sqrt(1 + np.pi * np.minimum(variance, most) / 8))

    def contributions(self, values: Matrix) -> tuple[Floats, float]:
        """Split the expected level among the clocks; the base is the last period's level."""
        result = np.zeros(values.shape)
        parts = self._columns(values) * self.weights[1:]
        base = float(np.clip(self.weights[0], self.low, self.high))
        # Where the level stops at a bound, all clocks are cut back alike.
        wanted, moved = parts.sum(axis=1), self.mean(values) - base
        kept = np.divide(moved, wanted, out=np.ones(len(values)), where=wanted != 0)
        for owner, part in zip(owners(self.terms), (parts * kept[:, None]).T, strict=True):
            result[:, owner] += part
        return result, base

    def to_json(self) -> dict[str, Any]:
        """Turn the level into plain data, as `learner_schema.StoredLevel` declares it."""
        bounds = {"low": self.low, "high": self.high}
        return {
            "terms": [term.model_dump() for term in self.terms],
            "weights": self.weights.tolist(),
            "centre": self.centre.tolist(),
            "covariance": self.covariance.tolist(),
            "drift": self.drift,
        } | {name: bound for name, bound in bounds.items() if np.isfinite(bound)}

    def _unbounded(self, values: Matrix) -> Floats:
        result = np.full(len(values), self.weights[0])
        return np.asarray(result + self._columns(values) @ self.weights[1:])

    def _columns(self, values: Matrix) -> Floats:
        return expand(self.terms, values) - self.centre


@dataclass(frozen=True)
class LevelSteps:
    """How the level moves from one period to the next.

    Steps have heavy tails (Student's t, by expectation-maximisation as in Lange, Little & Taylor
    1989, "Robust statistical modeling using the t distribution"): where the recording of outcomes
    begins, or a new form goes live, the level jumps once, which tells little of its usual steps.
    """

    variance: float
    """Of a usual step."""
    tightness: Floats
    """By what each step's precision is multiplied, shape (n_periods - 1,): small for a jump."""

    @classmethod
    def usual(cls, n_periods: int) -> Self:
        """Expect no jumps."""
        return cls(PRIOR_STEP_VARIANCE, np.ones(n_periods - 1))

    def precision(self) -> Floats:
        """Give the levels' precision, shape (n_periods, n_periods)."""
        n_periods = len(self.tightness) + 1
        if n_periods == 1:
            # One period has no level to follow: its level stays at 0.
            return np.array([[1e8]])
        # The small diagonal ties the walk to the intercept, which else could trade with all levels
        # at once.
        differences = np.diff(np.eye(n_periods), axis=0)
        walk = differences.T @ (self.tightness[:, None] * differences) + 1e-3 * np.eye(n_periods)
        return np.asarray(walk / self.variance)

    def after(self, place: Floats, covariance: Floats) -> Self:
        """Update by what the levels have done, and how sure that is."""
        n_steps = len(self.tightness)
        if n_steps == 0:
            return self
        levels, doubt = place[-n_steps - 1 :], covariance[-n_steps - 1 :, -n_steps - 1 :]
        differences = np.diff(np.eye(n_steps + 1), axis=0)
        squares = np.diff(levels) ** 2 + np.einsum("ij,jk,ik->i", differences, doubt, differences)
        tightness = (TAILS + 1) / (TAILS + squares / self.variance)
        variance = float((tightness @ squares + 2 * PRIOR_STEP_VARIANCE) / (n_steps + 2))
        return type(self)(variance, tightness)

    def is_near(self, other: Self) -> bool:
        """Tell whether another round would change next to nothing."""
        return abs(float(np.log(self.variance / other.variance))) < LOOSE


@dataclass(frozen=True)
class LevelFit:
    """A fitted regression."""

    coefficients: Floats
    """Intercept, weights, levels."""
    covariance: Floats
    """Of the coefficients, by Laplace's approximation."""
    centre: Floats
    """The columns' weighted means, which the weights are relative to."""
    steps: LevelSteps
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
    ridge: Ridge,
    start: LevelFit | None = None,
    offset: Floats | float = 0.0,
) -> LevelFit:
    """Fit weights, levels, the levels' step variance and the penalties that are left to it."""
    centre = (weight @ columns) / weight.sum()
    n_periods = int(period.max()) + 1
    rows = _Rows(_design(columns - centre, period, n_periods), converted, weight, offset)
    steps, place, fisher = LevelSteps.usual(n_periods), rows.first_place(), None
    if start is not None:
        steps, place, fisher = start.steps, start.coefficients, start.fisher
    for _ in range(MOST_SWEEPS):
        precision = _precision(ridge.penalty, steps)
        place, log_odds, fisher = _newton(rows, precision, place, fisher)
        covariance = _inverse(fisher + precision)
        own = slice(1, 1 + len(centre))
        before = steps, ridge
        steps = steps.after(place, covariance)
        ridge = ridge.after(place[own], np.diag(covariance)[own])
        settled = n_periods == 1 or steps.is_near(before[0])
        if settled and ridge.is_near(before[1]):
            break
    # On the way a curvature from near by was good enough; the doubt is told by that of the end.
    fisher = rows.fisher(log_odds)
    covariance = _inverse(fisher + precision)
    return LevelFit(place, covariance, centre, steps, fisher)


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


def _precision(penalty: Floats, steps: LevelSteps) -> Floats:
    levels = steps.precision()
    precision = np.diag(np.concatenate([[1e-4], penalty, np.zeros(len(levels))]))
    precision[-len(levels) :, -len(levels) :] = levels
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


def bounds_of(fit: LevelFit) -> tuple[float, float]:
    """Tell between what the level may lie when rows are scored.

    What it has been since it last jumped, and on either side as much more as it has been known to
    move in the time ahead.

    Parameters
    ----------
    fit : LevelFit
        Without clocks: what they are said to do is what is to be bounded.

    Returns
    -------
    tuple of float
        Low and high, in log-odds of rows that are average but for the time.
    """
    jumps = np.flatnonzero(fit.steps.tightness < JUMP)
    since = fit.levels[jumps[-1] + 1 if len(jumps) else 0 :] + fit.coefficients[0]
    doubt = fit.covariance[0, 0] + fit.covariance[-1, -1] + 2 * fit.covariance[0, -1]
    room = BEYOND * float(np.sqrt(PERIODS_AHEAD * fit.steps.variance + doubt))
    return float(since.min()) - room, float(since.max()) + room


def between(held: Level, led: Level, follow: float, bounds: tuple[float, float]) -> Level:
    """Let the level go so far with its clocks, and no further than its bounds.

    Parameters
    ----------
    held, led : Level
        Without clocks and with them.
    follow : float
        0 is the one, 1 the other.
    bounds : tuple of float

    Returns
    -------
    Level
    """
    still = 1 - follow
    weights, covariance = follow * led.weights, follow * led.covariance
    weights[0] += still * held.weights[0]
    covariance[0, 0] += still * held.covariance[0, 0]
    drift = follow * led.drift + still * held.drift
    return Level(led.terms, weights, led.centre, covariance, drift, *bounds)


def level_of(
    fit: LevelFit, terms: tuple[Term, ...], clocks: frozenset[int], several: bool
) -> Level:
    """Take the level of rows to come out of a fitted regression."""
    own: Integers = np.flatnonzero(np.isin(owners(terms), list(clocks)))
    # What clocks explain is no longer in the levels: the rest is followed to its end.
    place, share = _at_the_end(fit) if len(own) else _lately(fit)
    # The levels and the intercept only ever occur together: add the ones to the other.
    merge = np.zeros((1 + len(own), len(fit.coefficients)))
    merge[np.arange(1 + len(own)), np.concatenate([[0], 1 + own]).astype(np.int64)] = 1.0
    merge[0, -len(share) :] = share
    weights = merge @ fit.coefficients
    weights[0] = place
    return Level(
        terms=tuple(term for term in terms if term.feature in clocks),
        weights=weights,
        centre=fit.centre[own],
        covariance=merge @ fit.covariance @ merge.T,
        drift=PERIODS_AHEAD * fit.steps.variance if several else 0.0,
    )


def _at_the_end(fit: LevelFit) -> tuple[float, Floats]:
    share = np.zeros(len(fit.levels))
    share[-1] = 1.0
    return float(fit.coefficients[0] + fit.levels[-1]), share


def _lately(fit: LevelFit) -> tuple[float, Floats]:
    # The rate of the newest periods, and how it hangs on each one's level.
    number = len(fit.levels)
    latest = np.arange(number) >= number - max(1, round(number * LATELY))
    expected = sigmoid(fit.coefficients[0] + fit.levels)
    rate = float(expected[latest].mean())
    share = latest * expected * (1 - expected) / (latest.sum() * rate * (1 - rate))
    return float(np.log(rate / (1 - rate))), np.asarray(share)
