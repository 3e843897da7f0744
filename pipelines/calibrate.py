"""Calibration, on snapshots later than those that the learner was trained on."""

from features.files import write_json
from features.tables import Tables
from models.calibration import choose_calibrator
from models.intervals import fit_lead_intervals
from models.learners.store import load_learner
from pipelines.dataset import read_part
from pipelines.params import load_params
from pipelines.paths import RunFolder
from pipelines.settings import horizon_days, snapshot_settings
from pipelines.stage import run_stage


def calibrate(source: str) -> str:
    """Choose and fit the calibrator on the calibration part.

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
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data = read_part(run, "calibration", horizon)
    log_odds = load_learner(run.learner).log_odds(data.values)
    choice = choose_calibrator(log_odds, data.converted, data.group, seed=params.seed)
    intervals = fit_lead_intervals(log_odds, data.converted, data.group, seed=params.seed)
    write_json(run.calibration, choice.to_json() | {"intervals": intervals.to_json()})
    return f"{choice.method}: {choice.calibrator.describe()}"


if __name__ == "__main__":
    run_stage("calibrate", calibrate)
