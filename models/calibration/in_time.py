"""Calibration in time: a calibrator has to help on snapshots later than those it was fitted on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrator_choice import CalibrationChoice, choose_calibrator
from leadcast.models.calibration.calibrators import Calibrator, Identity
from leadcast.models.calibration.intervals import LeadIntervals, fit_lead_intervals
from leadcast.models.calibration.period_drift import stretches_of
from leadcast.models.choice.backtest import (
    NORMAL_95,
    error_over_origins,
    paired_error,
    row_log_loss,
)
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import shift_to


@dataclass(frozen=True)
class CalibrationInTime:
    """The calibrator to use, and what later snapshots said of it.

    Parameters
    ----------
    calibrator : Calibrator
        The one to use.
    chosen : CalibrationChoice
        What the out-of-time predictions would have chosen.
    gain : float or None
        By how much calibrators fitted on the origins before lowered the log loss of the later
        ones; None where there were not two origins to tell.
    reason : str
        Why this calibrator, for a person.
    """

    calibrator: Calibrator
    chosen: CalibrationChoice
    gain: float | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Give the decision as plain data, the calibrator under ``calibrator``."""
        return self.chosen.to_json() | {
            "calibrator": self.calibrator.to_json(),
            "gain": self.gain,
            "reason": self.reason,
            "words": f"The probabilities are {self.calibrator.describe()}.",
        }


def calibrate_in_time(
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    origin: npt.ArrayLike,
    *,
    seed: int = 0,
) -> CalibrationInTime:
    """Choose a calibrator, and use it only if calibrating has helped later snapshots.

    The learner that will be used was fitted again on all rows, the newest included, so that it
    knows their level; the models behind the out-of-time predictions did not know their future's.
    Each origin's level is therefore taken as it turned out, and what is calibrated is the shape.
    Each origin but the first is calibrated with what the origins before it would have chosen
    (prequential evaluation, Dawid 1984); a calibrator is used where that lowered the log loss
    beyond its 95 % interval, over rows and over origins, and is then fitted on all origins.

    Parameters
    ----------
    log_odds : array_like of float, shape (n_rows,)
        Predictions for snapshots later than those that their model was trained on; finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int, shape (n_rows,)
        The lead (or account) of each row.
    origin : array_like of int, shape (n_rows,)
        Which origin, the earliest lowest.
    seed : int
        Decides which leads form a fold.

    Returns
    -------
    CalibrationInTime
        With the identity where calibrating did not help, or nothing could tell.

    Raises
    ------
    ValueError
        If the lengths differ, a log-odds is not finite or an outcome is neither 0 nor 1.
    """
    x, y = np.asarray(log_odds, dtype=np.float64), np.asarray(converted, dtype=np.float64)
    groups, origins = np.asarray(group, dtype=np.int64), np.asarray(origin, dtype=np.int64)
    x = _at_their_level(x, y, origins)
    chosen = choose_calibrator(x, y, groups, seed=seed)
    improvement = _improvement(x, y, groups, origins, seed)
    if improvement is None:
        reason = "There are too few origins to tell whether calibrating helps later leads."
        return CalibrationInTime(Identity(rows=len(x)), chosen, None, reason)
    gain, error = improvement
    told = (
        "Calibrating by what the leads before had shown changed the log loss of later leads by "
        f"{-gain:+z.4f} (standard error {error:.4f})"
    )
    if gain > NORMAL_95 * error:
        return CalibrationInTime(chosen.calibrator, chosen, gain, f"{told}.")
    verdict = "it did not help them" if gain <= 0 else "no more than chance gives"
    reason = f"{told}: {verdict}, so what the learner says is left as it is."
    return CalibrationInTime(Identity(rows=len(x)), chosen, gain, reason)


def calibrate_with_intervals(
    log_odds: Floats,
    converted: Floats,
    group: Integers,
    origin: Integers,
    position: Integers,
    *,
    seed: int = 0,
) -> tuple[CalibrationInTime, LeadIntervals]:
    """Choose a calibrator as `calibrate_in_time` does, and fit the leads' intervals around it.

    Parameters
    ----------
    log_odds, converted, group, origin
        As `calibrate_in_time` takes them.
    position : ndarray of int64, shape (n_rows,)
        Time's order, by which the drift between stretches of an origin is seen.
    seed : int

    Returns
    -------
    CalibrationInTime
    LeadIntervals
        For leads of a time to come, moved half of their way to what the calibrator says.

    Raises
    ------
    ValueError
        As `calibrate_in_time` and `leadcast.models.calibration.intervals.fit_lead_intervals` do.
    """
    found = calibrate_in_time(log_odds, converted, group, origin, seed=seed)
    period = stretches_of(origin, position, converted, group)
    independent = len(np.unique(origin))
    intervals = fit_lead_intervals(
        log_odds, converted, group, period=period, independent=independent, seed=seed
    )
    calibrated = found.calibrator.probability(np.array(intervals.knots))
    return found, intervals.averaged_with(calibrated)


def _at_their_level(log_odds: Floats, converted: Floats, origin: Integers) -> Floats:
    """Move each origin's log-odds so that as many are expected to convert as did."""
    moved = log_odds.copy()
    for number in np.unique(origin):
        at = origin == number
        if 0 < converted[at].sum() < at.sum():
            moved[at] += shift_to(log_odds[at], float(converted[at].mean()))
    return moved


def _improvement(
    log_odds: Floats, converted: Floats, group: Integers, origin: Integers, seed: int
) -> tuple[float, float] | None:
    later = origin > origin.min()
    if not later.any():
        return None
    calibrated = log_odds.copy()
    for number in np.unique(origin[later]):
        before, at = origin < number, origin == number
        past = choose_calibrator(log_odds[before], converted[before], group[before], seed=seed)
        calibrated[at] = past.calibrator.log_odds(log_odds[at])
    gains = row_log_loss(log_odds[later], converted[later]) - row_log_loss(
        calibrated[later], converted[later]
    )
    within = paired_error(gains, group[later])
    numbers = np.unique(origin[later])
    means = np.array([gains[origin[later] == number].mean() for number in numbers])
    return float(gains.mean()), max(within, error_over_origins(means))
