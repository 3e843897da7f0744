"""Calibrators: plain numbers that turn a learner's log-odds into probabilities.

Each is a strictly rising function of the log-odds, so that a list sorted by one is sorted by the
other, and never gives 0 or 1. They are declared as the plain data of ``calibrator.json``, from the
simplest to the most flexible, and need nothing but NumPy to be used.
"""

from typing import Annotated, Any, Literal, Protocol, Self

import numpy as np
from pydantic import FailFast, Field, RootModel, Strict, model_validator

from leadcast.features.base.plain import LARGEST, Count, Number, Plain, checked, joins, rises
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid

FARTHEST = 1e6
"""Log-odds beyond this, either way, are taken as this; doubles could not tell the probabilities."""

FEWEST_ROWS = 1000
"""Data smaller than this do not narrow the range of probabilities any further."""

MOST_KNOTS = 100_000

Knots = Annotated[list[Number], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]
Slope = Annotated[float, Strict(), Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Slopes = Annotated[list[Slope], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]


class Calibrator(Protocol):
    """What turns a learner's log-odds into probabilities."""

    @property
    def kind(self) -> str:
        """Its name in ``calibrator.json``."""

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; strictly rising.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            As the learner gives them; finite.

        Returns
        -------
        ndarray of float64, shape (n_rows,)

        Raises
        ------
        ValueError
            If one is NaN or infinite.
        """

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            As the learner gives them; finite.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Strictly between 0 and 1, strictly rising with `log_odds` (as far as doubles can tell).

        Raises
        ------
        ValueError
            If one is NaN or infinite.
        """

    def to_json(self) -> dict[str, Any]:
        """Give plain data, from which `calibrator_from_json` makes the same calibrator."""

    def describe(self) -> str:
        """Say what it does, in words that follow "the probabilities are"."""


class CalibrationCurve(Plain):
    """What the calibrators of a fitted curve share: the range that their data support."""

    kind: str
    rows: Count
    """How many rows it was fitted on. Beyond the log-odds of ``1 / (rows + 2)`` and of its
    complement (Laplace's rule: what so many rows without an exception show) the calibrated log-
    odds go on rising, but only logarithmically."""

    def curve(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds before their range is narrowed."""
        raise NotImplementedError

    def describe(self) -> str:
        """Say what it does; see `Calibrator.describe`."""
        raise NotImplementedError

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; see `Calibrator.log_odds`."""
        return narrowed(self.curve(_finite(log_odds)), self.rows)

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities; see `Calibrator.probability`."""
        return sigmoid(self.log_odds(log_odds))

    def to_json(self) -> dict[str, Any]:
        """Give plain data; see `Calibrator.to_json`."""
        return self.model_dump()


class Identity(CalibrationCurve):
    """Log-odds as the learner gives them."""

    kind: Literal["identity"] = "identity"

    def curve(self, log_odds: Floats) -> Floats:
        """Leave log-odds as they are; see `CalibrationCurve.curve`."""
        return log_odds

    def describe(self) -> str:
        """Say what it does."""
        return "the learner's own"


class Logistic(CalibrationCurve):
    """A straight line on the log-odds scale (Platt 1999; Cox 1958)."""

    kind: Literal["logistic"] = "logistic"
    intercept: Number
    slope: Slope
    """``intercept + slope * log_odds``; the slope is positive."""

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the line; see `CalibrationCurve.curve`."""
        return self.intercept + self.slope * log_odds

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"the learner's log-odds times {self.slope:.2f} "
            f"{'plus' if self.intercept >= 0 else 'minus'} {abs(self.intercept):.2f}"
        )


class Beta(CalibrationCurve):
    """Beta calibration (Kull, Silva Filho and Flach 2017): one slope below, another above.

    ``intercept + lower * log(p) - upper * log(1 - p)`` with p the learner's probability: for low
    log-odds a line of slope `lower`, for high ones of slope `upper`.
    """

    kind: Literal["beta"] = "beta"
    intercept: Number
    lower: Slope
    upper: Slope
    """The slopes are positive."""

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the curve; see `CalibrationCurve.curve`."""
        below, above = np.logaddexp(0.0, -log_odds), np.logaddexp(0.0, log_odds)
        return np.asarray(self.intercept + self.upper * above - self.lower * below)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"beta-calibrated: slope {self.lower:.2f} for low log-odds, {self.upper:.2f} for high"
        )


class Spline(CalibrationCurve):
    """A smooth rising curve: quadratic between knots, straight beyond them.

    Its slope is the straight line through `slopes` at `knots`, so it rises where they are all
    positive (the integral of a linear spline: Ramsay 1988).
    """

    kind: Literal["spline"] = "spline"
    knots: Knots
    """Log-odds, strictly rising; at least two."""
    start: Number
    """The curve's value at the first knot."""
    slopes: Slopes
    """The curve's slope at each knot; positive."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if len(self.knots) != len(self.slopes) or not rises(self.knots):
            raise ValueError("knots must rise, with a slope for each")
        if not joins(self.knots, self.slopes):
            raise ValueError("knots must be far enough apart")
        return self

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the curve; see `CalibrationCurve.curve`."""
        return self.start + integrated(np.array(self.knots), np.array(self.slopes), log_odds)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"the learner's log-odds bent by a smooth rising curve with slopes from "
            f"{min(self.slopes):.2f} to {max(self.slopes):.2f}"
        )


class Isotonic(CalibrationCurve):
    """Straight pieces through the centres of isotonic steps, straight beyond them."""

    kind: Literal["isotonic"] = "isotonic"
    knots: Knots
    """Log-odds, strictly rising; at least two."""
    values: Knots
    """Calibrated log-odds at the knots, strictly rising."""
    slope: Slope
    """Slope below the first knot and above the last; positive."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if len(self.knots) != len(self.values) or not rises(self.knots):
            raise ValueError("knots must rise, with a value for each")
        if not rises(self.values):
            raise ValueError("values must rise")
        if not joins(self.knots, self.values):
            raise ValueError("knots must be far enough apart")
        return self

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the pieces; see `CalibrationCurve.curve`."""
        below = np.minimum(log_odds - self.knots[0], 0.0)
        above = np.maximum(log_odds - self.knots[-1], 0.0)
        inner = np.interp(log_odds, self.knots, self.values)
        return np.asarray(inner + self.slope * (below + above))

    def describe(self) -> str:
        """Say what it does."""
        return f"the learner's log-odds bent by {len(self.knots)} isotonic steps, joined by lines"


class Shifted(Plain):
    """A calibrator whose level was moved: the same amount is added to all log-odds.

    This is what a change of the base rate alone does to them (Saerens, Latinne and Decaestecker
    2002).
    """

    kind: Literal["shifted"] = "shifted"
    shift: Annotated[float, Strict(), Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]
    """What is added to its log-odds."""
    base: "AnyCalibrator"
    """What was moved."""

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; see `Calibrator.log_odds`."""
        return self.base.log_odds(log_odds) + self.shift

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities; see `Calibrator.probability`."""
        return sigmoid(self.log_odds(log_odds))

    def to_json(self) -> dict[str, Any]:
        """Give plain data; see `Calibrator.to_json`."""
        return self.model_dump()

    def describe(self) -> str:
        """Say what it does."""
        return f"{self.base.describe()}, then {self.shift:+z.2f} on all log-odds for the level"


AnyCalibrator = Annotated[
    Identity | Logistic | Beta | Spline | Isotonic | Shifted, Field(discriminator="kind")
]


class CalibratorFile(RootModel[AnyCalibrator]):
    """``calibrator.json``."""


def moved_by(calibrator: Calibrator, shift: float) -> Calibrator:
    """Move a calibrator's level.

    Parameters
    ----------
    calibrator : Calibrator
    shift : float
        What is added to all log-odds.

    Returns
    -------
    Calibrator
        The same where that is nothing.
    """
    if not shift:
        return calibrator
    return calibrator_from_json({"kind": "shifted", "shift": shift, "base": calibrator.to_json()})


def unmoved(calibrator: Calibrator) -> Calibrator:
    """Take back what `moved_by` did.

    Parameters
    ----------
    calibrator : Calibrator

    Returns
    -------
    Calibrator
    """
    return calibrator.base if isinstance(calibrator, Shifted) else calibrator


def calibrator_from_json(content: object, where: str = "calibrator") -> Calibrator:
    """Make the calibrator that `Calibrator.to_json` told.

    Parameters
    ----------
    content : JSON value
        As read from ``calibrator.json``.
    where : str
        The file.

    Returns
    -------
    Calibrator

    Raises
    ------
    FaultsError
        If the kind is unknown, or a number is missing or would not give a rising curve; all
        faults, by their keys.
    """
    subject = "calibrator: is damaged, or comes from a newer version"
    return checked(CalibratorFile, content, subject, where).root


def narrowed(log_odds: Floats, rows: int) -> Floats:
    """Hold log-odds back where they are more extreme than so many rows can show."""
    bound = np.log(max(rows, FEWEST_ROWS) + 1)
    excess = np.maximum(np.abs(log_odds) - bound, 0.0)
    return np.asarray(np.sign(log_odds) * (np.abs(log_odds) - excess + np.log1p(excess)))


def integrated(knots: Floats, slopes: Floats, log_odds: Floats) -> Floats:
    """Integrate a slope that is linear between knots and constant beyond, from the first knot."""
    widths = np.diff(knots)
    heights = np.concatenate([[0.0], np.cumsum(widths * (slopes[1:] + slopes[:-1]) / 2)])
    piece = np.clip(np.searchsorted(knots, log_odds, side="right") - 1, 0, len(widths) - 1)
    inside = np.clip(log_odds, knots[0], knots[-1]) - knots[piece]
    bend = (slopes[1:] - slopes[:-1]) / (2 * widths)
    below = slopes[0] * np.minimum(log_odds - knots[0], 0.0)
    above = slopes[-1] * np.maximum(log_odds - knots[-1], 0.0)
    return np.asarray(
        heights[piece] + slopes[piece] * inside + bend[piece] * inside**2 + below + above
    )


def _finite(log_odds: Floats) -> Floats:
    if not np.isfinite(log_odds).all():
        raise ValueError("log_odds holds NaN or an infinity")
    return np.clip(log_odds, -FARTHEST, FARTHEST)
