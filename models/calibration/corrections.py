"""Corrections of a learner's log-odds, shrunken towards none, and the shapes that they may take.

A few thousand snapshots with a few per cent of conversions do not know the level of the
probabilities to better than some per cent of itself, which is more than a good learner errs by. So
the correction of the learner is estimated as in Efron and Morris (1973): it is drawn from a
Gaussian around "no correction" whose scales are themselves unknown; every pair of scales on a grid
is weighed by how likely it makes what was seen, and the corrections they give are averaged. Where
the data show a correction clearly it is kept nearly whole, otherwise nearly none is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrators import (
    Beta,
    CalibrationCurve,
    Logistic,
    Spline,
    integrated,
)
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.bootstrap import coded
from leadcast.models.evaluation.logistic import information, logistic_fit, sigmoid
from leadcast.models.evaluation.tally import Tally

WIDEST = 3.0
"""Scale of the weak prior that only keeps the search for the optimum finite."""

LEVEL_SCALES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Standard deviations of the level's shift, in log-odds, that are thought possible."""

SLOPE_SCALES = (0.0, 0.05, 0.1, 0.2, 0.4)
"""The same of the slope's deviation from 1."""

BEND_SCALES = (0.0, 0.1, 0.2, 0.4, 0.8)
"""The same of the slope's change over one unit of log-odds."""

FLATTEST = 0.05
"""No slope is smaller, so that the ranking is kept."""

SPLINE_KNOTS = 6


@dataclass(frozen=True)
class TalliedRows:
    """What a calibrator is fitted on."""

    log_odds: Floats
    """As the learner gave them."""
    converted: Floats
    """1.0 for a conversion, else 0.0."""
    group: Integers
    """The lead (or account) of each row, numbered from 0 without gaps."""

    def __len__(self) -> int:
        return len(self.converted)

    @property
    def counts(self) -> Tally:
        """The outcomes, a place a row."""
        return Tally(self.log_odds, np.ones(len(self)), self.converted)

    @property
    def leads_of_rarer_outcome(self) -> int:
        """How many leads have a row with the outcome that fewer have."""
        won, lost = (np.unique(self.group[self.converted == outcome]) for outcome in (1, 0))
        return min(len(won), len(lost))

    @classmethod
    def of(cls, log_odds: npt.ArrayLike, converted: npt.ArrayLike, group: npt.ArrayLike) -> Self:
        """Check rows and number their groups."""
        values = np.asarray(log_odds, dtype=np.float64)
        outcomes = np.asarray(converted, dtype=np.float64)
        codes, _ = coded(group)
        if not values.shape == outcomes.shape == codes.shape:
            raise ValueError("log_odds, converted and group must have a number for each row")
        if not np.isfinite(values).all():
            raise ValueError("log_odds holds NaN or an infinity")
        if not np.isin(outcomes, (0.0, 1.0)).all():
            raise ValueError("converted holds something other than 0 and 1")
        return cls(values, outcomes, codes)

    def taken(self, which: Flags) -> Self:
        """Take some of the rows."""
        return self.of(self.log_odds[which], self.converted[which], self.group[which])


@dataclass(frozen=True)
class Correction:
    """Coefficients of a curve's deviation from the learner's log-odds."""

    mean: Floats
    """The shrunken coefficients."""
    unshrunken: Floats
    """What the data alone say."""
    covariance: Floats
    """Of the shrunken coefficients' error, with the scales' own uncertainty."""


def shrunken(rows: TalliedRows, columns: Floats, priors: Sequence[Floats]) -> Correction | None:
    """Estimate the deviation ``columns @ coefficients`` from the learner's log-odds."""
    width = columns.shape[1]
    weak = np.eye(width) / WIDEST**2
    found = logistic_fit(columns, rows.log_odds, rows.counts, precision=weak)
    if found is None:
        return None
    curvature = information(found, columns, rows.log_odds, rows.counts)
    try:
        variance = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    # One step of Newton's method takes the weak prior's pull out again.
    unshrunken = found + variance @ weak @ found
    error = variance * _design_effect(rows, columns, found, variance)
    return _averaged(unshrunken, error, priors)


def _design_effect(rows: TalliedRows, columns: Floats, found: Floats, variance: Floats) -> float:
    # Snapshots of one lead tell less than as many leads: the sandwich variance with leads as
    # clusters (Liang and Zeger 1986) over the plain one, as one factor, never below 1.
    residual = rows.converted - sigmoid(rows.log_odds + columns @ found)
    scores = np.column_stack([np.bincount(rows.group, residual * column) for column in columns.T])
    clusters = len(scores)
    between = scores.T @ scores * clusters / (clusters - 1)
    factor: float = np.trace(variance @ between).item() / columns.shape[1]
    return max(1.0, factor)


def _averaged(unshrunken: Floats, error: Floats, priors: Sequence[Floats]) -> Correction:
    spread = np.array(priors)
    inverse = np.linalg.inv(error + spread)
    log_evidence = (
        np.linalg.slogdet(inverse)[1] - np.einsum("j,ijk,k->i", unshrunken, inverse, unshrunken)
    ) / 2
    weight = np.exp(log_evidence - log_evidence.max())
    weight /= weight.sum()
    kept = spread @ inverse
    means = kept @ unshrunken
    mean = weight @ means
    within = np.einsum("i,ijk->jk", weight, spread - kept @ spread)
    between = np.einsum("i,ij,ik->jk", weight, means - mean, means - mean)
    return Correction(mean, unshrunken, within + between)


class CorrectionShape(Protocol):
    """A family of corrections."""

    @classmethod
    def on(cls, log_odds: Floats) -> Self:
        """Fit the shape's frame (its centre and knots) to where the log-odds lie."""

    def columns(self, log_odds: Floats) -> Floats:
        """Give the columns of the correction, shape (n_rows, n_columns)."""

    def priors(self) -> list[Floats]:
        """Give the coefficients' possible covariances."""

    def curve(self, coefficients: Floats, rows: int) -> CalibrationCurve | None:
        """Turn coefficients into a curve; None where it would not rise."""


def fitted(shape: type[CorrectionShape], rows: TalliedRows) -> CalibrationCurve | None:
    """Fit a shape, shrunken towards the learner's own log-odds."""
    frame = shape.on(rows.log_odds)
    correction = shrunken(rows, frame.columns(rows.log_odds), frame.priors())
    return None if correction is None else frame.curve(correction.mean, len(rows))


@dataclass(frozen=True)
class LevelShape:
    """The same shift everywhere."""

    @classmethod
    def on(cls, log_odds: Floats) -> Self:  # noqa: ARG003 - the protocol's signature
        """Need nothing; see `CorrectionShape.on`."""
        return cls()

    def columns(self, log_odds: Floats) -> Floats:
        """Give a column of ones; see `CorrectionShape.columns`."""
        return np.ones((len(log_odds), 1))

    def priors(self) -> list[Floats]:
        """Give the level's possible variances; see `CorrectionShape.priors`."""
        return [np.array([[level**2]]) for level in LEVEL_SCALES]

    def curve(self, coefficients: Floats, rows: int) -> CalibrationCurve | None:
        """Give a line of slope 1; see `CorrectionShape.curve`."""
        return Logistic(rows=rows, intercept=float(coefficients[0]), slope=1.0)


@dataclass(frozen=True)
class Line:
    """A shift, and a slope around the centre."""

    centre: float
    """The log-odds around which the slope turns: where rows tell most, so that the errors of level
    and slope have little to do with each other."""

    @classmethod
    def on(cls, log_odds: Floats) -> Self:
        """Find the centre; see `CorrectionShape.on`."""
        return cls(float(np.average(log_odds, weights=_telling(log_odds))))

    def columns(self, log_odds: Floats) -> Floats:
        """Give level and slope; see `CorrectionShape.columns`."""
        return np.column_stack([np.ones_like(log_odds), log_odds - self.centre])

    def priors(self) -> list[Floats]:
        """Give every pair of scales; see `CorrectionShape.priors`."""
        return [np.diag(np.square(pair)) for pair in product(LEVEL_SCALES, SLOPE_SCALES)]

    def curve(self, coefficients: Floats, rows: int) -> CalibrationCurve | None:
        """Give a line; see `CorrectionShape.curve`."""
        level, slope = float(coefficients[0]), max(1 + float(coefficients[1]), FLATTEST)
        return Logistic(rows=rows, intercept=level + (1 - slope) * self.centre, slope=slope)


@dataclass(frozen=True)
class TwoSlopes:
    """A shift, a slope, and a difference between the slope of low and of high log-odds."""

    line: Line
    """The straight part."""
    offset: float
    tilt: float
    """The line closest to ``log(1 + e^z) + log(1 + e^-z)``, which is taken off it, so that the
    difference of the slopes has little to do with level and slope."""

    @classmethod
    def on(cls, log_odds: Floats) -> Self:
        """Find the centre and the line to take off; see `CorrectionShape.on`."""
        line = Line.on(log_odds)
        weight = _telling(log_odds)
        columns = line.columns(log_odds) * np.sqrt(weight)[:, None]
        closest = np.linalg.lstsq(columns, _vee(log_odds) * np.sqrt(weight), rcond=None)[0]
        return cls(line, float(closest[0]), float(closest[1]))

    def columns(self, log_odds: Floats) -> Floats:
        """Give level, slope and difference; see `CorrectionShape.columns`."""
        straight = self.line.columns(log_odds)
        bend = _vee(log_odds) - self.offset - self.tilt * straight[:, 1]
        return np.column_stack([straight, bend])

    def priors(self) -> list[Floats]:
        """Give every triple of scales; see `CorrectionShape.priors`."""
        scales = product(LEVEL_SCALES, SLOPE_SCALES, SLOPE_SCALES)
        return [np.diag(np.square(triple)) for triple in scales]

    def curve(self, coefficients: Floats, rows: int) -> CalibrationCurve | None:
        """Give a beta calibrator, its bend damped as far as it needs to rise: see `curve`."""
        level, slope, bend = (float(number) for number in coefficients)
        # The two slopes are 1 + slope plus these, in proportion to the bend.
        changes = (-(self.tilt + 1) * bend, (1 - self.tilt) * bend)
        damping = _damping(1 + slope, min(changes))
        if damping is None:
            return None
        lower, upper = (1 + slope + damping * change for change in changes)
        tilt = slope - self.tilt * damping * bend
        intercept = level - damping * bend * self.offset - tilt * self.line.centre
        return Beta(rows=rows, intercept=intercept, lower=lower, upper=upper)


@dataclass(frozen=True)
class Smooth:
    """A shift, and a slope that changes smoothly."""

    centre: float
    """As in `Line`."""
    knots: Floats
    """Where the slope may change, with equally much to tell between them."""

    @classmethod
    def on(cls, log_odds: Floats) -> Self:
        """Place the knots; see `CorrectionShape.on`."""
        rising = np.sort(log_odds)
        told = np.cumsum(_telling(rising))
        shares = np.linspace(0.02, 0.98, SPLINE_KNOTS) * told[-1]
        knots = np.interp(shares, told, rising)
        return cls(Line.on(log_odds).centre, np.unique(knots))

    def columns(self, log_odds: Floats) -> Floats:
        """Give the level, and what a slope at each knot adds; see `CorrectionShape.columns`."""
        bends = [
            integrated(self.knots, slope, log_odds) - integrated(self.knots, slope, self._middle)
            for slope in np.eye(len(self.knots))
        ]
        return np.column_stack([np.ones_like(log_odds), *bends])

    def priors(self) -> list[Floats]:
        """Give every triple of scales; see `CorrectionShape.priors`.

        The slopes are a random walk along the knots, around a common mean.
        """
        return [
            self._covariance(*triple) for triple in product(LEVEL_SCALES, SLOPE_SCALES, BEND_SCALES)
        ]

    def curve(self, coefficients: Floats, rows: int) -> CalibrationCurve | None:
        """Give a spline, its bends damped as far as it needs to rise: see `curve`."""
        slopes = 1 + coefficients[1:]
        mean = float(slopes.mean())
        damping = _damping(mean, float(slopes.min()) - mean)
        if damping is None:
            return None
        kept = mean + damping * (slopes - mean)
        start = self.centre + float(coefficients[0] - integrated(self.knots, kept, self._middle)[0])
        return Spline(rows=rows, knots=self.knots.tolist(), start=start, slopes=kept.tolist())

    @property
    def _middle(self) -> Floats:
        return np.array([self.centre])

    def _covariance(self, level: float, slope: float, bend: float) -> Floats:
        steps = np.tril(np.ones((len(self.knots), len(self.knots))), -1)[:, :-1]
        walk = steps * np.sqrt(np.diff(self.knots))
        walk = walk - walk.mean(axis=0)
        covariance = np.zeros((len(self.knots) + 1,) * 2)
        covariance[0, 0] = level**2
        covariance[1:, 1:] = slope**2 + bend**2 * (walk @ walk.T)
        return covariance


def _damping(slope: float, lowest_change: float) -> float | None:
    # The share of the changes that leaves every slope at FLATTEST or above.
    if slope <= FLATTEST:
        return None
    room = FLATTEST - slope
    return 1.0 if lowest_change >= room else room / lowest_change


def _telling(log_odds: Floats) -> Floats:
    # How much a row's outcome tells about the log-odds near it (its Fisher information).
    probability = sigmoid(log_odds)
    return probability * (1 - probability)


def _vee(log_odds: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, log_odds) + np.logaddexp(0.0, -log_odds))
