"""Calibration, on snapshots later than those that the learner was trained on."""

import numpy as np
import polars as pl

from features.files import write_json
from models.calibration import calibrate_in_time
from models.intervals import fit_lead_intervals
from pipelines.params import load_params
from pipelines.paths import RunFolder
from pipelines.stage import run_stage


def calibrate(source: str) -> str:
    """Choose and fit the calibrator and the leads' intervals on the out-of-time predictions.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        Which calibrator, in words.
    """
    run, params = RunFolder(source), load_params()
    rows = pl.read_parquet(run.out_of_time)
    log_odds, converted, group, origin = (
        rows[name].to_numpy() for name in ("log_odds", "converted", "group", "origin")
    )
    found = calibrate_in_time(log_odds, converted, group, origin, seed=params.seed)
    intervals = fit_lead_intervals(log_odds, converted, group, period=origin, seed=params.seed)
    intervals = intervals.averaged_with(found.calibrator.probability(np.array(intervals.knots)))
    write_json(run.calibration, found.to_json() | {"intervals": intervals.to_json()})
    return found.calibrator.describe()


if __name__ == "__main__":
    run_stage("calibrate", calibrate)
