"""The stages, one after another, on a small world whose truth is known."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.demo_truth import by_decile, with_truth
from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.calibration.calibrators import moved_by, unmoved
from leadcast.models.charts.numbers import NBSP
from leadcast.models.rules import check_rules, load_rules
from leadcast.pipelines.base.dataset import read_out_of_time
from leadcast.pipelines.base.params import EvaluationParams
from leadcast.pipelines.base.paths import DeployedFolder, RunFolder
from leadcast.pipelines.base.summary import summarise
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.pipelines.evaluate import ACCOUNTS, known_accounts, read_segments
from leadcast.pipelines.features import compute_features
from leadcast.pipelines.insight.rules import distill_named
from leadcast.pipelines.snapshots import take_snapshots
from leadcast.pipelines.train import train
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from tests.small_project import change_params, make_project, run_stages, undrawn

LEADS = 2_000
RUN = RunFolder("demo")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"), LEADS)
    with undrawn():
        run_stages(folder)
    return folder


@contextmanager
def hidden_columns(path: Path, *names: str) -> Iterator[None]:
    """Take columns out of a file for a while."""
    whole = path.read_bytes()
    pl.read_parquet(path).drop(names).write_parquet(path)
    yield
    path.write_bytes(whole)


def scores_of(project: Path) -> pl.DataFrame:
    return pl.read_parquet(project / RUN.test_scores)


def test_scores_and_metrics_have_the_form_that_others_rely_on(project: Path) -> None:
    scores = scores_of(project)
    assert scores.columns[:4] == ["lead_id", "as_of", "converted", "probability"]
    assert scores["probability"].is_between(0, 1, closed="none").all()
    assert (scores["lower"] <= scores["probability"]).all()
    assert (scores["probability"] <= scores["upper"]).all()
    test = json.loads((project / RUN.metrics).read_text())["test"]
    for name in ("auc", "log_loss", "brier", "ece", "average_precision", "base_rate", "lift_10"):
        assert test[name]["low"] <= test[name]["value"] <= test[name]["high"], name
    headline = json.loads((project / RUN.headline).read_text())
    assert headline == {name: test[name]["value"] for name in headline}
    assert "log_loss" in headline
    assert test["n"] == scores.height
    assert test["n_converted"] == scores["converted"].sum()
    assert test["n_leads"] == scores["lead_id"].n_unique()
    assert test["n_customers"] == scores.filter("converted")["lead_id"].n_unique()


def test_how_the_newest_snapshots_moved_the_level_is_told(project: Path) -> None:
    level = json.loads((project / RUN.calibration).read_text())["level"]
    assert level["rows"] > level["leads"] > 100
    assert level["first"] < level["last"] < "2026"
    log_odds = [np.log(level[name] / (1 - level[name])) for name in ("before", "after")]
    assert level["moved"] == pytest.approx(log_odds[1] - log_odds[0])
    assert level["words"] in (project / RUN.report).read_text().replace(NBSP, " ")


def test_early_conversions_move_the_level_of_both_bundles_and_it_is_told(project: Path) -> None:
    deployed = project / DeployedFolder(RUN.deployed).calibration
    for path, bundle in ((project / RUN.calibration, RUN.judged), (deployed, RUN.bundle)):
        told = json.loads(path.read_text())
        early = told["early"]
        assert early["rows"] > early["leads"] > 50
        assert early["words"] in told["level"]["words"]
        assert early["words"] in (project / RUN.report).read_text().replace(NBSP, " ")
        calibrator = load_bundle(project / bundle).calibrator
        assert calibrator.to_json() == told["calibrator"]
        assert calibrator == moved_by(unmoved(calibrator), early["shift"])
    # What an older version wrote has moved nothing.
    past = pl.read_parquet(project / RUN.out_of_time)
    with chdir(project):
        assert read_out_of_time(RUN).equals(past)
        with hidden_columns(project / RUN.out_of_time, "early"):
            assert (read_out_of_time(RUN)["early"] == 0).all()


def test_the_verdict_begins_the_report_and_goes_with_the_bundle(project: Path) -> None:
    metrics = json.loads((project / RUN.metrics).read_text())
    verdict, earlier = metrics["verdict"], json.loads((project / RUN.calibration).read_text())
    assert verdict["use"] == "probability"
    manifest = json.loads((project / RUN.bundle / "manifest.json").read_text())
    assert manifest["origin"]["verdict"] == verdict
    summary = (project / RUN.report).read_text().split('<h2 id="summary-title">In short</h2>')[1]
    assert summary.strip().startswith('<div class="verdict')
    # The test is one more stretch that a model had not seen.
    misses = [told["level_doubt"]["misses"] for told in (earlier, metrics)]
    assert misses[1][:-1] == misses[0]
    assert misses[1][-1]["rows"] == metrics["test"]["n"]
    assert metrics["without_model"]["low"] < metrics["without_model"]["difference"]


def test_no_interval_is_narrower_than_the_doubt_about_the_level(project: Path) -> None:
    doubt = json.loads((project / RUN.calibration).read_text())["level_doubt"]
    scores = scores_of(project)
    said, low, high = (scores[name].to_numpy() for name in ("probability", "lower", "upper"))
    least, most = (
        said * factor / (1 - said + said * factor)
        for factor in (np.exp(doubt["low"]), np.exp(doubt["high"]))
    )
    assert (low <= least + 1e-12).all()
    assert (high >= most - 1e-12).all()


def test_segments_that_the_source_names_are_measured_and_hold_every_row(project: Path) -> None:
    metrics = json.loads((project / RUN.metrics).read_text())
    for name in ("source", "industry", ACCOUNTS):
        assert (
            sum(part["n"] for part in metrics["by_segment"][name].values()) == metrics["test"]["n"]
        )
    assert 0 < metrics["multicalibration"]["gap"] < 0.1
    named = EvaluationParams(segments=("industri",))
    with chdir(project), pytest.raises(LeadcastError, match=r"'industri'.*industry") as caught:
        read_segments("demo", scores_of(project), named)
    assert "evaluation.segments" in str(caught.value)


def test_known_accounts_are_those_that_were_learned_from(project: Path) -> None:
    scores, run = scores_of(project), RunFolder("demo")
    with chdir(project):
        named = known_accounts(run, scores["lead_id"])[ACCOUNTS]
    leads = pl.read_parquet(project / RUN.tables / "leads.parquet")
    account = dict(leads.select("lead_id", "account_id").iter_rows())
    train = pl.read_parquet(project / RUN.snapshots).filter(part="train")
    learned = {account[lead] for lead in train["lead_id"]} - {None}
    expected = [
        "none" if account[lead] is None else "known" if account[lead] in learned else "new"
        for lead in scores["lead_id"]
    ]
    assert named.tolist() == expected
    assert {"known", "new"} <= set(expected)


def test_the_judged_bundle_reproduces_the_test_scores_from_raw_tables(project: Path) -> None:
    scores, tables = scores_of(project), project / RUN.tables
    leads = pl.read_parquet(tables / "leads.parquet")
    asked = scores.select("lead_id", "as_of").join(leads, on="lead_id", how="left")
    asked.write_parquet(project / "asked.parquet")
    pl.scan_parquet(tables / "events" / "*.parquet").sink_parquet(project / "events.parquet")
    with chdir(project):
        files = ("asked.parquet", "events.parquet")
        outputs = Outputs(Path("out.parquet"))
        score_new_leads(ScoreRequest(RUN.judged, *files, outputs, BatchSettings()))
    again = pl.read_parquet(project / "out.parquet")
    assert again["lead_id"].to_list() == scores["lead_id"].to_list()
    np.testing.assert_allclose(again["probability"], scores["probability"], rtol=0, atol=1e-12)


def test_a_raw_export_is_scored_through_its_source(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chdir(project):
        request = ScoreRequest(
            RUN.bundle,
            "data/demo/leads.parquet",
            "data/demo/events/part-0000.parquet",
            Outputs(Path("raw.csv")),
            BatchSettings(datetime(2026, 1, 1, tzinfo=UTC)),
            "demo",
        )
        told = score_new_leads(request).words()
        monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
        settings = replace(request.settings, chunk_leads=LEADS // 3)
        in_pieces = replace(request, outputs=Outputs(Path("pieces.csv")), settings=settings)
        assert score_new_leads(in_pieces).words().startswith(f"{LEADS:,} leads scored")
    scores = pl.read_csv(project / "raw.csv")
    assert (project / "pieces.csv").read_bytes() == (project / "raw.csv").read_bytes()
    assert told.startswith(f"{LEADS:,} leads scored")
    assert scores.height == LEADS
    assert scores["probability"].is_between(0, 1, closed="none").all()


def test_probabilities_follow_the_truth(project: Path) -> None:
    truth = pl.read_parquet(project / "data/demo/truth.parquet")
    joined = with_truth(scores_of(project), truth, 60.0)
    assert joined["true_probability"].null_count() == 0
    # So few leads cannot be right in each decile, but high must be high: the order is learned.
    correlation = by_decile(joined).select(pl.corr("predicted", "true")).item()
    assert correlation > 0.8


def test_a_changed_bundle_is_refused(project: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(project / RUN.bundle, bundle)
    features = bundle / "features.json"
    features.write_text(features.read_text().replace("30", "31", 1))
    request = ScoreRequest(bundle, "x.csv", None, Outputs(tmp_path / "out.csv"), BatchSettings())
    with pytest.raises(LeadcastError, match=r"features\.json"):
        score_new_leads(request)


def test_the_summary_tells_the_figures_and_where_things_lie(project: Path) -> None:
    with chdir(project):
        told = summarise(RUN)
    verdict = json.loads((project / RUN.metrics).read_text())["verdict"]
    assert told.splitlines()[0] == f"demo: {verdict['words']}"
    assert f"{LEADS:,} leads" in told
    for words in ("AUC", "log loss", "calibration error", "lift, top decile", "(95 %: "):
        assert words in told
    assert str(RUN.report) in told
    for folder in (RUN.bundle, RUN.judged):
        assert str(folder) in told
        assert read_manifest(project / folder).origin.describe() in told
    assert (project / RUN.report).exists()


def test_distilled_points_are_written_and_cost_is_told_on_the_test(project: Path) -> None:
    with chdir(project):
        change_params(project, comparison={"replicates": 100})
        told = distill_named("demo", max_rules=4)
        table, tables = load_rules(RUN.distilled), Tables.read(RUN.tables)
        faults = check_rules(table, tables.leads, tables.events, scores_of(project))
    assert 0 < len(table.rules) <= 4
    assert not [fault for fault in faults if fault.severity == "error"]
    assert "| AUC, every test snapshot |" in told
    assert told.startswith((project / RUN.distilled.with_suffix(".md")).read_text())


def test_fresh_snapshots_are_tried_where_asked_for_and_teach_the_features_nothing(
    project: Path, tmp_path: Path
) -> None:
    assert json.loads((project / RUN.backtest).read_text())["fresh"] is None
    asked = tmp_path / "asked"
    shutil.copytree(project, asked)
    least = {"half_lives": [None], "penalties": [40.0], "knots": 2, "logistic_rows": 700}
    quick = {"origins": 1, "candidates": ["logistic"], "fresh_snapshots": "auto"}
    change_params(asked, model=quick | least)
    with chdir(asked):
        told = [stage("demo") for stage in (take_snapshots, compute_features, train)]
        summary = summarise(RUN)
    fresh = json.loads((asked / RUN.backtest).read_text())["fresh"]
    assert fresh["origins"]
    assert all(one["n_fresh"] >= one["n_open"] + one["n_won"] > 0 for one in fresh["origins"])
    assert fresh["words"] in told[2]
    assert fresh["words"] in summary
    assert (asked / RUN.plan).read_bytes() == (project / RUN.plan).read_bytes()


def test_a_stage_that_fails_leaves_what_was_there(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(project, broken)
    before = (broken / RUN.learner / "learner.json").read_bytes()
    change_params(broken, model={"monotone": {"no_such_feature": 1}})
    with chdir(broken), pytest.raises(LeadcastError, match="no_such_feature"):
        train("demo")
    assert (broken / RUN.learner / "learner.json").read_bytes() == before


TINY = """
name: tiny
title: Thirty leads
where_to_get: made by a test
root: data/raw
observed_until: 2025-12-31
time_zone: UTC
tables:
  leads:
    read: {files: leads.csv}
    columns: {lead_id: id, created_at: created}
    attributes: {industry: {column: industry, type: category}}
  outcomes:
    form: dates
    columns: {won_at: won, lost_at: lost}
snapshots: {landmarks_days: [0], horizon_days: 20}
"""


def write_tiny(folder: Path, winners: tuple[int, ...]) -> None:
    make_project(folder, 1)
    raw = folder / "data/raw"
    raw.mkdir(parents=True)
    (folder / "data/sources/tiny.yaml").write_text(TINY)
    rows = [
        f"lead {i},2025-{1 + i // 3:02d}-{1 + 9 * (i % 3):02d},"
        f"{'software' if i % 2 else 'retail'},"
        + (f"2025-{1 + i // 3:02d}-{5 + 9 * (i % 3):02d}," if i in winners else ",")
        for i in range(30)
    ]
    (raw / "leads.csv").write_text("\n".join(["id,created,industry,won,lost", *rows]) + "\n")


def test_vouching_in_vain_is_told(tmp_path: Path) -> None:
    write_tiny(tmp_path, winners=(3, 8))
    change_params(tmp_path, leakage={"vouched": ["no_such_column"]})
    told = run_stages(tmp_path, "tiny", last="gate")[-1]
    assert "leakage.vouched names what nothing was found of: no_such_column" in told


def test_thirty_leads_with_two_winners_run_to_the_end(tmp_path: Path) -> None:
    write_tiny(tmp_path, winners=(3, 8))
    with undrawn():
        run_stages(tmp_path, "tiny")
    run = RunFolder("tiny")
    manifest = json.loads((tmp_path / run.bundle / "manifest.json").read_text())
    judged = json.loads((tmp_path / run.judged / "manifest.json").read_text())
    for told in (manifest, judged, json.loads((tmp_path / run.metrics).read_text())):
        assert told["notes"] == ["2 won leads: base rate only (a model needs 20)"]
    scores = pl.read_parquet(tmp_path / run.test_scores)
    assert (scores["upper"] - scores["lower"]).min() > 0.1  # type: ignore[operator]


def test_no_winners_is_an_error_that_explains(tmp_path: Path) -> None:
    write_tiny(tmp_path, winners=())
    with pytest.raises(LeadcastError, match="found 0 leads of 30 that became customers"):
        run_stages(tmp_path, "tiny")
