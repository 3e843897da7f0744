"""The page for people."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json
from leadcast.features.changes.history_told import history_words
from leadcast.features.definitions.load import find_definition
from leadcast.features.delays import DelayCurve, delay_curve
from leadcast.features.snapshots import SnapshotSettings, has_dated_outcome
from leadcast.features.tables import Tables, TimeOrder
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.evaluation.feature_shapes import FeatureShape, feature_shapes
from leadcast.models.evaluation.score_groups import grades_of, once_each
from leadcast.models.leakage import against_use, could_not_look, found_of, headline
from leadcast.models.report import ReportInputs, RunFacts, SourceFacts, write_report
from leadcast.models.sellers.lead_facts import SELLERS, spelt_alike
from leadcast.models.splits import split_summary
from leadcast.pipelines.base.card import write_card
from leadcast.pipelines.base.dataset import read_parts, read_plan
from leadcast.pipelines.base.nonhuman_change import nonhuman_change
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import AccountsFolder, DeployedFolder, RunFolder
from leadcast.pipelines.base.rights import read_rights
from leadcast.pipelines.base.seller_facts import vendors_for_report
from leadcast.pipelines.base.stage import run_stage
from leadcast.pipelines.base.summary import (
    count_customers,
    read_amounts,
    read_leakage,
    which_is_which,
)
from leadcast.pipelines.curve import GRADES, SUMMARY, read_summary
from leadcast.pipelines.track import git_commit

CURVES = ("reliability", "reliability_curve", "gain", "lift", "roc", "separation")
MOST_ROWS = 2_000
"""Of so many snapshots of the test, evenly chosen, the parts of the score are added up."""
MOST_FEATURES = 15


def report(source: str) -> str:
    """Write the report of a run."""
    run, params = RunFolder(source), load_params()
    tables, settings = Tables.read(run.tables), snapshot_settings(source, params)
    delays = _delays(tables)
    snapshots = pl.read_parquet(run.snapshots)
    summary = split_summary(snapshots, horizon_days(tables, settings))
    backtest = read_json(run.backtest)
    calibration = read_json(run.calibration)
    leakage = read_leakage(run)
    vendors, vendor_words = vendors_for_report(find_definition(source), tables)
    inputs = ReportInputs(
        source=_source_facts(source),
        run=_run_facts(run, tables, settings, snapshots.height, backtest["chosen"]),
        metrics=read_json(run.metrics),
        notes=(*beware_of(leakage), *backtest["warnings"], *summary.warnings),
        **_curves(run),
        delays=None if delays is None else delays.frame(),
        delay_words="" if delays is None else delays.words(settings.horizon_days),
        **_when(run),
        importance=_importance(run, backtest["importance"]),
        splits=summary.frame(),
        model_words=_model_words(run),
        backtest=_table(backtest["results"]),
        choice_words=tuple(backtest["notes"]),
        history_words=history_words(tables),
        segments=tuple((backtest.get("segments") or {"told": ()})["told"]),
        calibration_words=(
            calibration["words"],
            calibration["reason"],
            calibration["level"]["words"],
        ),
        calibration_methods=_table(calibration["candidates"]),
        leakage=leakage,
        quality=read_json(run.tables / "quality.json"),
        account=pl.DataFrame(read_json(run.account)),
        nonhuman=nonhuman_change(source),
        leaks=against_use(leakage),
        **_decisions(run, backtest["importance"], tables),
        audit=read_json(run.audit) if run.audit.exists() else None,
        accounts=_accounts(run),
        sellers=vendors,
        seller_words=vendor_words,
        steering=read_json(run.steering) if run.steering.is_file() else None,
        rights=read_rights(run),
        amounts=read_amounts(run),
    )
    write_report(inputs, run.report, pictures=run.plots)
    write_card(run, inputs)
    return str(run.report)


def _accounts(run: RunFolder) -> dict[str, Any] | None:
    """Read what is told of accounts; None where the stage has not run."""
    path = AccountsFolder(run.accounts).result
    found: dict[str, Any] | None = read_json(path) if path.is_file() else None
    return found


def _curves(run: RunFolder) -> dict[str, Any]:
    return {name: pl.read_csv(run.curves / f"{name}.csv") for name in CURVES}


def beware_of(leakage: pl.DataFrame) -> list[str]:
    """Tell what the leakage gate found, for the report's first lines."""
    if found_of(leakage).is_empty():
        return []
    return [f"The leakage gate found {headline(leakage)}", *could_not_look(leakage)]


def _model_words(run: RunFolder) -> tuple[str, ...]:
    level = read_json(DeployedFolder(run.deployed).calibration)["level"]["words"]
    return (*which_is_which(run), f"Of the deployed model: {level}")


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame | None:
    return pl.DataFrame(rows) if rows else None


def _delays(tables: Tables) -> DelayCurve | None:
    return delay_curve(tables) if has_dated_outcome(tables) else None


def _when(run: RunFolder) -> dict[str, Any]:
    """Read what the report tells of the curve over time."""
    if not (run.curve / SUMMARY).exists():
        return {}
    grades = run.curve / GRADES
    return {
        "curve": read_summary(run),
        "curve_grades": pl.read_parquet(grades) if grades.exists() else None,
    }


def _source_facts(source: str) -> SourceFacts:
    definition = find_definition(source)
    return SourceFacts(source, definition.title, definition.licence, definition.homepage)


def _run_facts(
    run: RunFolder, tables: Tables, settings: SnapshotSettings, n_snapshots: int, chosen: str
) -> RunFacts:
    manifest: dict[str, Any] = read_json(run.bundle / "manifest.json")
    dated = tables.time_order is TimeOrder.DATED
    created = tables.leads["created_at"]
    return RunFacts(
        n_leads=tables.leads.height,
        n_events=int(tables.events.select(pl.len()).collect().item()),
        n_snapshots=n_snapshots,
        n_customers=count_customers(tables.outcomes),
        created_at=datetime.now(UTC),
        code_version=manifest["code_version"],
        fingerprint=manifest["origin"]["fingerprint"],
        horizon_days=horizon_days(tables, settings),
        landmarks_days=settings.landmarks_days if dated else (),
        time_order=str(tables.time_order),
        first_created_at=created.min() if dated else None,  # type: ignore[arg-type]
        last_created_at=created.max() if dated else None,  # type: ignore[arg-type]
        observed_until=tables.observed_until,
        git_commit=git_commit(),
        learner=chosen,
    )


def _decisions(run: RunFolder, importance: list[float], tables: Tables) -> dict[str, Any]:
    """Read what the report tells of grades, features and sources."""
    scores = pl.read_parquet(run.test_scores)
    bounds = load_bundle(run.bundle).reference.bounds
    named = tuple(name for name in SELLERS if name in tables.leads.columns)
    who = tables.leads.select("lead_id", *(spelt_alike(tables.leads[name]) for name in named))
    return {
        "grades": grades_of(scores, bounds),
        "shapes": _shapes(run, importance),
        "scores": once_each(scores).join(who, on="lead_id", how="left"),
        "score_attributes": named,
    }


def _shapes(run: RunFolder, importance: list[float]) -> tuple[FeatureShape, ...]:
    learner = load_bundle(run.judged).learner
    rows = read_parts(run, ("test",), None, MOST_ROWS)
    order = np.argsort(-np.array(importance), kind="stable")[:MOST_FEATURES]
    names = [rows.features[place].name for place in order if importance[place] > 0]
    parts = learner.contributions(rows.values)[0]
    return tuple(feature_shapes(rows.features, rows.values, parts, names))


def _importance(run: RunFolder, importance: list[float]) -> pl.DataFrame:
    features = read_plan(run).features
    return pl.DataFrame(
        {
            "name": [feature.name for feature in features],
            "group": [feature.group for feature in features],
            "words": [feature.words for feature in features],
            "importance": importance,
        }
    )


if __name__ == "__main__":
    run_stage("report", report)
