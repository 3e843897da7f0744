"""Reading a calibrator back from ``calibrator.json``, and moving one's level."""

from dataclasses import dataclass
from typing import Any, ClassVar

from features.plain import checked
from models.calibration.calibrators import Calibrator, Curve, probability_of
from models.calibration.curves import Beta, Identity, Isotonic, Logistic, Spline
from models.calibration.schema import CalibratorFile
from models.data import Floats

CURVES: dict[str, type[Curve]] = {
    curve.kind: curve for curve in (Identity, Logistic, Beta, Spline, Isotonic)
}
"""Every curve by its name, the simplest first."""


@dataclass(frozen=True)
class Shifted:
    """A calibrator whose level was moved: the same amount is added to all log-odds.

    This is what a change of the base rate alone does to them (Saerens, Latinne and Decaestecker
    2002).

    Parameters
    ----------
    base : Calibrator
        What was moved.
    shift : float
        What is added to its log-odds.
    """

    kind: ClassVar[str] = "shifted"
    base: Calibrator
    shift: float

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
