"""The test part, touched once: its scores, the metrics with their intervals, and the curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, nearest_first
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.base.ownership import PARAMS
from leadcast.features.changes.versions import leads_at
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.calibration.intervals import LeadIntervals
from leadcast.models.calibration.judging import judge, without_model
from leadcast.models.calibration.level_doubt import LevelDoubt, Miss, doubt_to_json, miss_of
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.curves import draw_curves
from leadcast.models.evaluation.evaluation import evaluate, months_of, segments_of
from leadcast.models.evaluation.logistic import log_odds_of
from leadcast.models.evaluation.reliability import reliability_bins, reliability_curve
from leadcast.models.evaluation.tally import ScoreHistogram
from leadcast.models.learners.learner_store import load_learner
from leadcast.pipelines.base.dataset import (
    learning_snapshots,
    read_calibrator,
    read_parts,
    used_snapshots,
)
from leadcast.pipelines.base.params import (
    EvaluationParams,
    Params,
    horizon_days,
    load_params,
    snapshot_settings,
)
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.rights import judge_rights
from leadcast.pipelines.base.selection import weighed_grades
from leadcast.pipelines.base.stage import run_stage
from leadcast.pipelines.base.summary import tell

HEADLINE = ("auc", "log_loss", "ece", "lift_10")
"""What DVC compares; all of ``metrics.json`` would be some thousand columns."""


def evaluate_test(source: str) -> str:
    """Score the test part and measure how good the scores are."""
    run, params = RunFolder(source), load_params()
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data = read_parts(run, ["test"], horizon)
    scores = _scores(run, data)
    with written_whole(run.test_scores) as temporary:
        scores.write_parquet(temporary)
    probability = scores["probability"].to_numpy()
    segments = read_segments(source, scores, params.evaluation)
    segments |= known_accounts(run, scores["lead_id"])
    # What there was too little data for belongs beside every figure.
    notes = read_json(run.backtest)["warnings"]
    metrics = {"notes": notes} | _metrics(scores, data, horizon, segments, params)
    metrics |= _judged(run, metrics["test"], probability, data)
    if data.weight is not None:
        grade = pl.Series(Reference.of(probability).grade(probability))
        about = (probability, data.converted, data.group, data.weight)
        metrics["selection"] = weighed_grades(*about, grade)
    write_json(run.metrics, metrics)
    told = judge_rights(run, find_definition(source), scores, data.group, params)
    write_json(run.headline, {name: metrics["test"][name]["value"] for name in HEADLINE})
    # DVC knows each of them by itself, so that they carry no common mark.
    for name, frame in _curves(probability, data, params.seed).items():
        # Where a curve is not defined DVC would draw 0.
        known = frame.drop_nulls(frame.columns[1])
        with written_whole(run.curves / f"{name}.csv") as temporary:
            known.write_csv(temporary)
    test = metrics["test"]
    figures = f"AUC {tell(test['auc'], '{:.3f}')}, log loss {tell(test['log_loss'], '{:.4f}')}"
    words = f"{metrics['verdict']['words']} {figures}" if metrics["verdict"]["beware"] else figures
    return f"{words}\n{told}" if told else words


def segment_faults(source: str, tables: Tables, params: EvaluationParams) -> list[Fault]:
    """Find segments of the test that are no attributes.

    Parameters
    ----------
    source : str
        Its name.
    tables : Tables
    params : EvaluationParams

    Returns
    -------
    list of Fault
        One for each name.
    """
    named, where = _named_segments(source, params)
    known = list(tables.attribute_types)
    return [_unknown_segment(where, name, known, source) for name in named if name not in known]


def _named_segments(source: str, params: EvaluationParams) -> tuple[tuple[str, ...], str]:
    """Tell by which attributes the test is cut, and where that is said."""
    if params.segments is not None:
        return params.segments, f"{PARAMS}: evaluation.segments"
    definition = find_definition(source)
    return definition.segments, f"{definition.file}: segments"


def read_segments(
    source: str, scores: pl.DataFrame, params: EvaluationParams
) -> dict[str, npt.NDArray[np.str_]]:
    """Cut the test by the attributes that the parameters name, or else the source's definition."""
    tables = Tables.read(RunFolder(source).tables)
    faults = segment_faults(source, tables, params)
    if faults:
        raise FaultsError(f"segments of source {source!r}", faults)
    named, _ = _named_segments(source, params)
    rows = leads_at(tables.leads, scores, named)
    return {name: segments_of(rows[name]) for name in named}


ACCOUNTS = "account of the lead"
"""The name of the segments that `known_accounts` makes; no attribute has spaces in its name."""


def known_accounts(run: RunFolder, lead_id: pl.Series) -> dict[str, npt.NDArray[np.str_]]:
    """Cut the test into leads of accounts that were learned from, and of new ones.

    Parameters
    ----------
    run : RunFolder
        With its tables and snapshots.
    lead_id : pl.Series, length n_rows
        Of the test's snapshots.

    Returns
    -------
    dict of str to ndarray of str, shape (n_rows,)
        Under `ACCOUNTS` each row's ``"known"`` (a lead of its account is in the training part),
        ``"new"``, or ``"none"`` where the lead has no account; empty where no lead has one.
    """
    leads = Tables.read(run.tables).leads
    if "account_id" not in leads.columns or leads["account_id"].null_count() == leads.height:
        return {}
    accounts = leads.select("lead_id", pl.col("account_id").cast(pl.String))
    learned = learning_snapshots(run).select("lead_id").join(accounts, on="lead_id")["account_id"]
    rows = lead_id.to_frame().join(accounts, on="lead_id", how="left", maintain_order="left")
    known = pl.col("account_id").is_in(learned.drop_nulls().unique().implode())
    name = pl.when(known).then(pl.lit("known")).when(known.not_()).then(pl.lit("new"))
    return {ACCOUNTS: np.array(rows.select(name.otherwise(pl.lit("none"))).to_series().to_list())}


def _unknown_segment(where: str, name: str, known: list[str], source: str) -> Fault:
    return Fault(
        where=where,
        found=f"{name!r}",
        expected=f"attributes of source {source!r}: {', '.join(nearest_first(name, known))}",
        remedy="Take one of these. Segments that suit one source belong into its definition.",
    )


def _scores(run: RunFolder, data: LabelledMatrix) -> pl.DataFrame:
    log_odds = load_learner(run.learner).log_odds(data.values)
    probability = read_calibrator(run).probability(log_odds)
    intervals = LeadIntervals.from_json(read_json(run.calibration)["intervals"])
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
    segments: Mapping[str, npt.NDArray[np.str_]],
    params: Params,
) -> dict[str, Any]:
    dated = horizon is not None
    found = evaluate(
        scores["probability"].to_numpy(),
        data.converted,
        data.group,
        landmark=scores["landmark_days"].to_numpy() if dated else None,
        month=months_of(scores["as_of"]) if dated else None,
        position=None if dated else data.position,
        segments=segments,
        seed=params.seed,
        replicates=params.evaluation.replicates,
        slice_replicates=params.evaluation.slice_replicates,
    )
    # People count leads; what is drawn by the bootstrap may be accounts, each with several.
    customers = scores.filter(pl.col("converted").cast(pl.Boolean))["lead_id"].n_unique()
    found["test"] |= {"n_leads": scores["lead_id"].n_unique(), "n_customers": customers}
    return found


def _judged(
    run: RunFolder, test: Mapping[str, Any], probability: Floats, data: LabelledMatrix
) -> dict[str, Any]:
    """Reach the verdict; the test is one more stretch whose level a model did not know."""
    log_odds, known = log_odds_of(probability), learning_snapshots(run)
    rows = (log_odds, data.converted, data.group)
    earlier = read_json(run.calibration)["level_doubt"]["misses"]
    missed = miss_of(*rows)
    misses = [*(Miss(**one) for one in earlier), *([] if missed is None else [missed])]
    doubt = LevelDoubt.of(misses, log_odds)
    without = without_model(*rows, known.height, int(known["converted"].sum()))
    return {
        "without_model": None if without is None else without.to_json(),
        "level_doubt": doubt_to_json(misses, doubt),
        "verdict": judge(test, without, doubt).model_dump(mode="json"),
    }


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
