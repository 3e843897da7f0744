"""Calibration: from a learner's log-odds to probabilities that mean what they say.

`choose_calibrator` fits on snapshots later than those the learner was trained on. What it gives is
plain data, which `calibrator_from_json` brings back without anything but NumPy.
"""

from models.calibration.calibrators import Calibrator
from models.calibration.choice import CalibrationChoice, choose_calibrator, fit_calibrator
from models.calibration.in_time import CalibrationInTime, calibrate_in_time
from models.calibration.level import LevelShift, fit_level_shift
from models.calibration.stored import calibrator_from_json

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
