"""The test part, touched once: its scores, the metrics with their intervals, and the curves."""

from typing import Any

import polars as pl

from features.files import read_json, write_json, written_whole
from features.tables import Tables
from models.calibration import calibrator_from_json
from models.curves import draw_curves
from models.data import Floats, LabelledMatrix
from models.evaluation import evaluate, months_of
from models.histogram import ScoreHistogram
from models.intervals import LeadIntervals
from models.learners.store import load_learner
from models.reliability import reliability_bins, reliability_curve
from pipelines.dataset import read_parts, used_snapshots
from pipelines.params import EvaluationParams, load_params
from pipelines.paths import RunFolder
from pipelines.settings import horizon_days, snapshot_settings
from pipelines.stage import run_stage
from pipelines.summary import tell


def evaluate_test(source: str) -> str:
    """Score the test part and measure how good the scores are.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        AUC and log loss.
    """
    run, params = RunFolder(source), load_params()
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data = read_parts(run, ["test"], horizon)
    scores = _scores(run, data)
    with written_whole(run.test_scores) as temporary:
        scores.write_parquet(temporary)
    probability = scores["probability"].to_numpy()
    metrics = _metrics(scores, data, horizon, params.seed, params.evaluation)
    write_json(run.metrics, metrics)
    for name, frame in _curves(probability, data, params.seed).items():
        with written_whole(run.curves / f"{name}.csv") as temporary:
            frame.write_csv(temporary)
    test = metrics["test"]
    return f"AUC {tell(test['auc'], '{:.3f}')}, log loss {tell(test['log_loss'], '{:.4f}')}"


def _scores(run: RunFolder, data: LabelledMatrix) -> pl.DataFrame:
    calibration = read_json(run.calibration)
    log_odds = load_learner(run.learner).log_odds(data.values)
    probability = calibrator_from_json(calibration["calibrator"]).probability(log_odds)
    intervals = LeadIntervals.from_json(calibration["intervals"])
    lower, upper = intervals.interval(log_odds, probability)
    test = used_snapshots(run).filter(pl.col("part") == "test")
    return test.select("lead_id", "as_of", "converted").with_columns(
        probability=pl.Series(probability),
        lower=pl.Series(lower),
        upper=pl.Series(upper),
        landmark_days=test["landmark_days"],
    )


def _metrics(
    scores: pl.DataFrame,
    data: LabelledMatrix,
    horizon: float | None,
    seed: int,
    params: EvaluationParams,
) -> dict[str, Any]:
    dated = horizon is not None
    return evaluate(
        scores["probability"].to_numpy(),
        data.converted,
        data.group,
        landmark=scores["landmark_days"].to_numpy() if dated else None,
        month=months_of(scores["as_of"]) if dated else None,
        position=None if dated else data.position,
        seed=seed,
        replicates=params.replicates,
        slice_replicates=params.slice_replicates,
    )


def _curves(probability: Floats, data: LabelledMatrix, seed: int) -> dict[str, pl.DataFrame]:
    rows = (probability, data.converted, data.group)
    curves = draw_curves(*rows, seed=seed)
    return {
        **{name: curve.frame() for name, curve in curves.items()},
        "reliability": reliability_bins(*rows).frame(),
        "reliability_curve": reliability_curve(*rows, seed=seed).frame(),
        "separation": ScoreHistogram.of(probability, data.converted).frame(),
    }


if __name__ == "__main__":
    run_stage("evaluate", evaluate_test)
