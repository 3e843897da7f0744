"""Calibration, on snapshots later than those that the learner was trained on."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json, write_json
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.calibration.calibrators import Calibrator, calibrator_from_json, moved_by
from leadcast.models.calibration.in_time import calibrate_with_intervals
from leadcast.models.calibration.intervals import LeadIntervals
from leadcast.models.calibration.level_doubt import LevelDoubt, doubt_to_json, misses_of
from leadcast.models.calibration.newest_level import follow_newest, told_without
from leadcast.models.choice.early_level import EarlyLevel
from leadcast.pipelines.base.dataset import read_out_of_time
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage
from leadcast.serve.today.selection import repeated


def calibrate(source: str) -> str:
    """Choose and fit the calibrator and the leads' intervals on the out-of-time predictions."""
    run, params = RunFolder(source), load_params()
    rows, told = read_out_of_time(run), read_json(run.backtest).get("early")
    early = None if told is None else EarlyLevel.from_json(told)
    dated = Tables.read(run.tables).time_order is TimeOrder.DATED
    content = calibration_of(rows, dated, params.seed, early)
    write_json(run.calibration, content)
    calibrator = calibrator_from_json(content["calibrator"])
    return f"{calibrator.describe()}. {content['level']['words']}"


def calibration_of(
    rows: pl.DataFrame, dated: bool, seed: int, early: EarlyLevel | None
) -> dict[str, Any]:
    """Choose and fit the calibrator and the leads' intervals.

    Parameters
    ----------
    rows : pl.DataFrame
        Out-of-time predictions as the stage ``train`` writes them: ``log_odds``, ``early``,
        ``converted``, ``group``, ``origin``, ``position`` and, for the newest origin at least,
        ``log_odds_now``; perhaps ``weight``, as `leadcast.serve.today.selection.weigh_calls` gives
        it.
    dated : bool
        Whether ``position`` is a moment.
    seed : int
    early : EarlyLevel or None
        By how much early conversions move the level of ``log_odds_now``.

    Returns
    -------
    dict
        Plain data: the content of ``calibration.json``.
    """
    rows = repeated(rows)
    converted, group, origin, position = (
        rows[name].to_numpy() for name in ("converted", "group", "origin", "position")
    )
    # What was told at each origin: the learner's, at the level that early conversions asked for.
    log_odds = (rows["log_odds"] + rows["early"]).to_numpy()
    found, intervals = calibrate_with_intervals(
        log_odds, converted, group, origin, position, seed=seed
    )
    misses = misses_of(found.calibrator.log_odds(log_odds), converted, group, origin)
    level, calibrator = _level(rows, found.calibrator, dated), found.calibrator
    if early is not None:
        calibrator, intervals = moved_by(calibrator, early.shift), intervals.moved(early.shift)
        level["words"] += f" {early.describe()}"
    newest = rows.filter(pl.col("origin") == pl.col("origin").max())["log_odds_now"].to_numpy()
    doubt = LevelDoubt.of(misses, calibrator.log_odds(newest))
    intervals = in_doubt(intervals, calibrator, doubt)
    return replace(found, calibrator=calibrator).to_json() | {
        "level": level,
        "level_doubt": doubt_to_json(misses, doubt),
        "early": None if early is None else early.to_json(),
        "intervals": intervals.to_json(),
    }


def in_doubt(
    intervals: LeadIntervals, calibrator: Calibrator, doubt: LevelDoubt | None
) -> LeadIntervals:
    """See that no lead's interval is narrower than the doubt about the level of all leads."""
    if doubt is None:
        return intervals
    return intervals.holding(*doubt.shifted(calibrator.log_odds(np.array(intervals.knots))))


def _level(rows: pl.DataFrame, calibrator: Calibrator, dated: bool) -> dict[str, Any]:
    newest = rows.filter(pl.col("origin") == pl.col("origin").max())
    if newest["origin"][0] < 0:
        return told_without("there is too little data to set any apart from older ones")
    days = newest["position"].cast(TIME).dt.strftime("%Y-%m-%d")
    return follow_newest(
        calibrator,
        newest["log_odds"].to_numpy(),
        newest["log_odds_now"].to_numpy(),
        newest["converted"].to_numpy(),
        newest["group"].to_numpy(),
        (str(days.min()), str(days.max())) if dated else None,
    ).to_json()


if __name__ == "__main__":
    run_stage("calibrate", calibrate)
