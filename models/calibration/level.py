"""Recalibration of the level on the newest mature snapshots: an explicit step of its own."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from models.calibration.calibrators import Calibrator
from models.calibration.shapes import Level
from models.calibration.shrinkage import Rows, shrunken
from models.calibration.stored import Shifted

FEWEST_LEADS = 5


@dataclass(frozen=True)
class LevelShift:
    """How far the level of the probabilities was moved, and how sure that is.

    Parameters
    ----------
    shift : float
        Added to all log-odds.
    standard_error : float or None
        Of `shift`; None where it could not be estimated.
    unshrunken : float
        The shift that the newest snapshots alone would ask for.
    rows : int
        How many snapshots it was estimated on.
    """

    shift: float
    standard_error: float | None
    unshrunken: float
    rows: int

    def applied_to(self, calibrator: Calibrator) -> Calibrator:
        """Move a calibrator's level.

        Parameters
        ----------
        calibrator : Calibrator

        Returns
        -------
        Calibrator
        """
        return Shifted(calibrator, self.shift)

    def to_json(self) -> dict[str, float | int | None]:
        """Give the numbers as plain data."""
        return asdict(self)

    def describe(self) -> str:
        """Say what was moved, for a person."""
        if self.standard_error is None:
            return f"The level was left as it is: {self.rows} snapshots do not tell where it is."
        return (
            f"On the newest {self.rows} mature snapshots the level was moved by {self.shift:+.2f} "
            f"in log-odds (standard error {self.standard_error:.2f}; without shrinkage "
            f"{self.unshrunken:+.2f})."
        )


def fit_level_shift(
    calibrator: Calibrator,
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
) -> LevelShift:
    """Estimate how far the base rate has moved since the calibrator was fitted.

    A prior shift moves all log-odds by the same amount (Saerens, Latinne and Decaestecker 2002);
    with outcomes at hand it is estimated from them, shrunken towards none as in
    `models.calibration.shrinkage`.

    Parameters
    ----------
    calibrator : Calibrator
    log_odds : array_like of float, shape (n_rows,)
        The learner's, for the newest mature snapshots; finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.

    Returns
    -------
    LevelShift
        A shift of 0 where fewer than `FEWEST_LEADS` leads have the rarer outcome.

    Raises
    ------
    ValueError
        If the lengths differ, a log-odds is not finite or an outcome is neither 0 nor 1.
    """
    rows = Rows.of(log_odds, converted, group)
    moved = Rows(calibrator.log_odds(rows.log_odds), rows.converted, rows.group)
    frame = Level.on(moved.log_odds)
    enough = rows.leads_of_rarer_outcome >= FEWEST_LEADS
    found = shrunken(moved, frame.columns(moved.log_odds), frame.priors()) if enough else None
    if found is None:
        return LevelShift(0.0, None, 0.0, len(rows))
    error = float(np.sqrt(found.covariance[0, 0]))
    return LevelShift(float(found.mean[0]), error, float(found.unshrunken[0]), len(rows))
