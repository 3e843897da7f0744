"""The comparison as a stage and as a command, on a small run."""

import json
import os
import re
import shutil
from contextlib import chdir
from html import escape, unescape
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.models.comparison.comparison_store import (
    read_against_earlier,
    read_comparison,
    read_rule_parts,
)
from leadcast.models.rules import load_rules
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.calibrate import calibrate
from leadcast.pipelines.compare import (
    STEPS,
    ComparisonRequest,
    compare_as_json,
    compare_named,
    compare_stage,
)
from leadcast.pipelines.evaluate import evaluate_test
from leadcast.pipelines.features import compute_features
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.ingest import run as ingest
from leadcast.pipelines.snapshots import take_snapshots
from leadcast.pipelines.train import train
from tests.small_project import ROOT, change_params, make_project
from tests.test_notebooks import execute, pictures, told

RUN = RunFolder("demo")
RULES = Path("data/rules/demo_hubspot.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as far as the comparison needs it, with the simplest learner; `kept` is its result."""
    folder = make_project(tmp_path_factory.mktemp("compare"), 1_200)
    simple = {"candidates": ["prior"], "origins": 1, "half_lives": [None]}
    few = {"replicates": 200, "calls_per_week": 4}
    change_params(folder, model=simple, comparison=few)
    (folder / "data/rules").symlink_to(ROOT / "data/rules")
    with chdir(folder):
        for stage in (fetch, ingest, take_snapshots, compute_features, train, calibrate):
            stage("demo")
        evaluate_test("demo")
        compare_stage("demo")
        shutil.copytree(RUN.comparison, "kept")
        shutil.copy(RUN.comparison_page, "kept")
    return folder


def test_the_stage_leaves_the_contract_that_others_read(project: Path) -> None:
    found = read_comparison(project / "kept")
    leads = pl.read_parquet(project / "kept/leads.parquet")
    assert found.about.points_from == "score column rules_score"
    assert found.about.calls_per_week == 4
    assert found.about.call_landmark_days == 1
    assert found.about.test_snapshots == leads.height + found.about.too_young
    assert leads["landmark_days"].min() == 1
    assert leads.columns[:6] == ["lead_id", "as_of", "week", "converted", "amount", "probability"]
    listed = leads.filter("on_list")
    assert listed["lead_id"].is_unique().all()
    assert listed.height == found.ranking.leads
    assert listed["converted"].sum() == found.ranking.customers
    assert {one.dimension for one in found.segments.segments} <= {
        *("source", "industry", "company_size", "landmark", "month")
    }


def test_the_scores_are_those_of_the_test(project: Path) -> None:
    leads = pl.read_parquet(project / "kept/leads.parquet")
    scores = pl.read_parquet(project / RUN.test_scores).select("lead_id", "as_of", "probability")
    joined = leads.join(scores, on=["lead_id", "as_of"], how="left", suffix="_test")
    assert (joined["probability"] == joined["probability_test"]).all()
    points = pl.read_parquet(project / RUN.tables / "leads.parquet", columns=None)
    told = leads.join(points.select("lead_id", "rules_score"), on="lead_id", how="left")
    assert (told["points"] == told["rules_score"]).all()


def test_the_page_stands_alone_and_tells_the_headline(project: Path) -> None:
    page = (project / "kept/comparison.html").read_text(encoding="utf-8")
    found = read_comparison(project / "kept")
    assert f"<h1>{escape(found.headline.words)}</h1>" in page
    assert "default-src 'none'; script-src 'sha256-" in unescape(page)
    assert not re.search(r"<(script|img|link)[^>]+(src|href)=\"(?!data:)", page)
    for anchor in ("capacity", "swap", "agreement", "segments", "value", "limits", "method"):
        assert f'<section id="{anchor}"' in page


def test_a_points_table_is_compared_at_every_age_and_with_its_ledger(project: Path) -> None:
    with chdir(project):
        told = compare_named("demo", ComparisonRequest(rules=RULES, html=Path("page.html")))
        found = read_comparison(RUN.comparison)
    assert " weeks, at 4 calls a week, the learned score reaches" in told.split("\n")[0]
    assert found.about.points_from == f"rules {RULES}"
    assert found.about.too_young == 0
    assert (project / "page.html").exists()
    with_points = [lead for lead in found.swap.leads if lead.points > 0]
    assert with_points
    assert all(lead.ledger for lead in with_points)
    for lead in with_points[:5]:
        given = [float(line.split()[0].replace("−", "-")) for line in lead.ledger]
        assert sum(given) == pytest.approx(lead.points, abs=0.05)


def test_numbers_go_elsewhere_where_that_is_asked_and_the_run_stays_as_it_is(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chdir(project):
        before = {path: path.stat().st_mtime_ns for path in RUN.path.rglob("*")}
        asked = ComparisonRequest(
            rules=RULES, landmark_days=7, calls_per_week=6, out=tmp_path / "out"
        )
        compare_as_json("demo", asked)
        assert before == {path: path.stat().st_mtime_ns for path in RUN.path.rglob("*")}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == list(range(len(STEPS) + 1))
    found, parts = read_comparison(tmp_path / "out"), read_rule_parts(tmp_path / "out")
    assert (found.about.call_landmark_days, found.about.calls_per_week) == (7, 6)
    assert parts is not None
    assert (parts.landmark_days, parts.calls_per_week) == (7, 6)
    assert [part.rule for part in parts.rules] == [
        rule.name for rule in load_rules(ROOT / RULES).rules
    ]
    earlier = read_against_earlier(tmp_path / "out")
    assert earlier is not None
    assert earlier.words in lines[-1]["told"]
    assert earlier.new.value == pytest.approx(found.ranking.reached.points.value, abs=2)
    assert read_against_earlier(project / "kept") is None


def test_where_no_lead_has_both_kinds_of_points_it_says_how_to_set_them_side_by_side(
    project: Path, tmp_path: Path
) -> None:
    with chdir(project):
        compare_stage("demo")
        told = compare_named(
            "demo", ComparisonRequest(rules=RULES, landmark_days=0, out=tmp_path / "out")
        )
    assert read_against_earlier(tmp_path / "out") is None
    assert "; --landmark-days 1 sets both side by side." in told


def test_the_same_run_gives_the_same_bytes(project: Path) -> None:
    with chdir(project):
        compare_stage("demo")
    for kept, again in (("comparison.json", RUN.comparison), ("comparison.html", RUN.path)):
        assert (project / "kept" / kept).read_bytes() == (project / again / kept).read_bytes()


def test_faults_are_told_with_what_to_do(project: Path) -> None:
    with chdir(project):
        with pytest.raises(LeadcastError, match="give one of them"):
            compare_named("demo", ComparisonRequest(rules=RULES, score_column="cost"))
        with pytest.raises(LeadcastError, match=r"'Points', which is not there; expected one of"):
            compare_named("demo", ComparisonRequest(score_column="Points"))
        with pytest.raises(LeadcastError, match=r"nowhere\.yaml"):
            compare_named("demo", ComparisonRequest(rules=Path("nowhere.yaml")))


def test_a_source_without_points_is_told_so_and_stops_nothing(project: Path) -> None:
    path = project / RUN.tables / "leads.parquet"
    before = path.read_bytes()
    pl.read_parquet(path).drop("rules_score").write_parquet(path)
    try:
        with chdir(project):
            assert "has no points to compare with" in compare_stage("demo")
            with pytest.raises(LeadcastError, match="has no points"):
                read_comparison(RUN.comparison)
            assert "has no points" in RUN.comparison_page.read_text(encoding="utf-8")
    finally:
        path.write_bytes(before)


def test_a_threshold_of_points_marks_leads_as_never_worked(project: Path) -> None:
    path = project / "data/sources/demo.yaml"
    before = path.read_text(encoding="utf-8")
    content = plain_yaml(before)
    content["comparison"]["worked_from_points"] = 25
    path.write_text(yaml_text(content), encoding="utf-8")
    try:
        with chdir(project):
            compare_stage("demo")
    finally:
        path.write_text(before, encoding="utf-8")
    found = read_comparison(project / RUN.comparison).selection
    leads = pl.read_parquet(project / RUN.comparison / "leads.parquet").filter("on_list")
    assert found.unworked == (leads["points"] < 25).sum() > 0
    assert found.known_from == "sales works leads from 25 points on"


def test_the_notebook_runs_draws_and_changes_no_result(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    results = [path for path in (project / RUN.path).rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in results}
    done = execute(ROOT / "notebooks/learned_against_rules.ipynb", project)
    assert {path: path.read_bytes() for path in results} == before
    assert pictures(done) == 1
    printed = [
        one["text"] for cell in done.cells for one in cell.get("outputs", ()) if "text" in one
    ]
    words = next(text for text in printed if text.startswith("In ")).splitlines()[0]
    htmls = [one["data"].get("text/html", "") for cell in done.cells for one in told(cell)]
    (page,) = [unescape(html) for html in htmls if "<iframe" in html]
    # The page itself, and of this very comparison.
    assert page.count("<!doctype html>") == 1
    assert json.dumps(words, ensure_ascii=False)[1:-1] in page
