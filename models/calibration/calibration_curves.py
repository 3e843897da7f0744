"""The curves a calibrator can have, from the simplest to the most flexible.

Reading a calibrator back from ``calibrator.json``, and moving one's level.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from leadcast.features.base.plain import checked
from leadcast.models.calibration.calibrator_schema import CalibratorFile
from leadcast.models.calibration.calibrators import CalibrationCurve, Calibrator, probability_of
from leadcast.models.data import Floats


@dataclass(frozen=True)
class Identity(CalibrationCurve):
    """Log-odds as the learner gives them."""

    kind: ClassVar[str] = "identity"

    def curve(self, log_odds: Floats) -> Floats:
        """Leave log-odds as they are; see `CalibrationCurve.curve`."""
        return log_odds

    def describe(self) -> str:
        """Say what it does."""
        return "the learner's own"


@dataclass(frozen=True)
class Logistic(CalibrationCurve):
    """A straight line on the log-odds scale (Platt 1999; Cox 1958)."""

    kind: ClassVar[str] = "logistic"
    intercept: float
    slope: float
    """``intercept + slope * log_odds``; the slope is positive."""

    def __post_init__(self) -> None:
        _require(0 < self.slope < np.inf and bool(np.isfinite(self.intercept)), "slope")

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the line; see `CalibrationCurve.curve`."""
        return self.intercept + self.slope * log_odds

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"the learner's log-odds times {self.slope:.2f} "
            f"{'plus' if self.intercept >= 0 else 'minus'} {abs(self.intercept):.2f}"
        )


@dataclass(frozen=True)
class Beta(CalibrationCurve):
    """Beta calibration (Kull, Silva Filho and Flach 2017): one slope below, another above.

    ``intercept + lower * log(p) - upper * log(1 - p)`` with p the learner's probability: for low
    log-odds a line of slope `lower`, for high ones of slope `upper`.
    """

    kind: ClassVar[str] = "beta"
    intercept: float
    lower: float
    upper: float
    """The slopes are positive."""

    def __post_init__(self) -> None:
        positive = 0 < self.lower < np.inf and 0 < self.upper < np.inf
        _require(positive and bool(np.isfinite(self.intercept)), "lower and upper")

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the curve; see `CalibrationCurve.curve`."""
        below, above = np.logaddexp(0.0, -log_odds), np.logaddexp(0.0, log_odds)
        return np.asarray(self.intercept + self.upper * above - self.lower * below)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"beta-calibrated: slope {self.lower:.2f} for low log-odds, {self.upper:.2f} for high"
        )


@dataclass(frozen=True)
class Spline(CalibrationCurve):
    """A smooth rising curve: quadratic between knots, straight beyond them.

    Its slope is the straight line through `slopes` at `knots`, so it rises where they are all
    positive (the integral of a linear spline: Ramsay 1988).
    """

    kind: ClassVar[str] = "spline"
    knots: tuple[float, ...]
    """Log-odds, strictly rising; at least two."""
    start: float
    """The curve's value at the first knot."""
    slopes: tuple[float, ...]
    """The curve's slope at each knot; positive."""

    def __post_init__(self) -> None:
        _require(_rising(self.knots) and len(self.knots) == len(self.slopes) >= 2, "knots")
        _require(min(self.slopes) > 0 and bool(np.isfinite(self.start)), "slopes")

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the curve; see `CalibrationCurve.curve`."""
        return self.start + integrated(np.array(self.knots), np.array(self.slopes), log_odds)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"the learner's log-odds bent by a smooth rising curve with slopes from "
            f"{min(self.slopes):.2f} to {max(self.slopes):.2f}"
        )


@dataclass(frozen=True)
class Isotonic(CalibrationCurve):
    """Straight pieces through the centres of isotonic steps, straight beyond them."""

    kind: ClassVar[str] = "isotonic"
    knots: tuple[float, ...]
    """Log-odds, strictly rising; at least two."""
    values: tuple[float, ...]
    """Calibrated log-odds at the knots, strictly rising."""
    slope: float
    """Slope below the first knot and above the last; positive."""

    def __post_init__(self) -> None:
        _require(_rising(self.knots) and len(self.knots) == len(self.values) >= 2, "knots")
        _require(_rising(self.values) and self.slope > 0, "values")

    def curve(self, log_odds: Floats) -> Floats:
        """Draw the pieces; see `CalibrationCurve.curve`."""
        below = np.minimum(log_odds - self.knots[0], 0.0)
        above = np.maximum(log_odds - self.knots[-1], 0.0)
        inner = np.interp(log_odds, self.knots, self.values)
        return np.asarray(inner + self.slope * (below + above))

    def describe(self) -> str:
        """Say what it does."""
        return f"the learner's log-odds bent by {len(self.knots)} isotonic steps, joined by lines"


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


def _rising(numbers: tuple[float, ...]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} would not give a curve that rises everywhere")


CURVES: dict[str, type[CalibrationCurve]] = {
    curve.kind: curve for curve in (Identity, Logistic, Beta, Spline, Isotonic)
}
"""Every curve by its name, the simplest first."""


@dataclass(frozen=True)
class Shifted:
    """A calibrator whose level was moved: the same amount is added to all log-odds.

    This is what a change of the base rate alone does to them (Saerens, Latinne and Decaestecker
    2002).
    """

    kind: ClassVar[str] = "shifted"
    base: Calibrator
    """What was moved."""
    shift: float
    """What is added to its log-odds."""

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; see `Calibrator.log_odds`."""
        return self.base.log_odds(log_odds) + self.shift

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities; see `Calibrator.probability`."""
        return probability_of(self.log_odds(log_odds))

    def to_json(self) -> dict[str, Any]:
        """Give plain data; see `Calibrator.to_json`."""
        return {"kind": self.kind, "shift": self.shift, "base": self.base.to_json()}

    def describe(self) -> str:
        """Say what it does."""
        return f"{self.base.describe()}, then {self.shift:+.2f} on all log-odds for the level"


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
    return _made(checked(CalibratorFile, content, subject, where).model_dump())


def _made(content: dict[str, Any]) -> Calibrator:
    kind = content.pop("kind")
    if kind == Shifted.kind:
        return Shifted(_made(content["base"]), float(content["shift"]))
    return CURVES[kind].from_json(content)
