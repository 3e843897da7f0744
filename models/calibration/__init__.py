"""Calibration: from a learner's log-odds to probabilities that mean what they say.

`choose_calibrator` fits on snapshots later than those the learner was trained on. What it gives is
plain data, which `calibrator_from_json` brings back without anything but NumPy.
"""

from leadcast.models.calibration.calibration_curves import calibrator_from_json
from leadcast.models.calibration.calibrator_choice import (
    CalibrationChoice,
    choose_calibrator,
    fit_calibrator,
)
from leadcast.models.calibration.calibrators import Calibrator
from leadcast.models.calibration.in_time import CalibrationInTime, calibrate_in_time
from leadcast.models.calibration.newest_level import LevelShift, fit_level_shift

__all__ = [
    "CalibrationChoice",
    "CalibrationInTime",
    "Calibrator",
    "LevelShift",
    "calibrate_in_time",
    "calibrator_from_json",
    "choose_calibrator",
    "fit_calibrator",
    "fit_level_shift",
]
