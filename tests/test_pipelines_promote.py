"""The gate and the promotion, on a run that is laid out from the small source's model."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import Seen, read_manifest
from leadcast.models.evaluation.evaluation import evaluate
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.lifecycle.promote import PromotionAsked, promote, roll_back, tell_promotions
from leadcast.pipelines.lifecycle.promotion_gate import score_rows_with
from leadcast.serve.champion.champion_store import (
    champion_bundle,
    champion_folder,
    champion_judged,
    has_champion,
    promoting,
    read_promotion,
)
from leadcast.serve.champion.grade_bounds import set_grades
from tests.scoring_world import END, START, VERDICT, export, origin, scoring_world
from tests.small_project import change_params, make_project

RUN = RunFolder("demo")
CUT = START + timedelta(days=120)
"""When the test begins."""
FORCED = PromotionAsked(by="ines", why="sales agreed", force=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    # No registry here: what becomes of it is tested with the registry.
    monkeypatch.setattr("leadcast.pipelines.lifecycle.promote._told_followed", lambda _: "")
    folder = make_project(tmp_path, 10)
    promotion = {"fewest_converted": 5, "segment_leads": 50}
    evaluation = {"replicates": 100, "slice_replicates": 100, "segments": ["industry"]}
    change_params(folder, promotion=promotion, evaluation=evaluation)
    monkeypatch.chdir(folder)
    lay_out_tables()
    finish("one")
    return folder


def lay_out_tables() -> None:
    tables = scoring_world().tables
    (RUN.tables / "events").mkdir(parents=True)
    tables.leads.write_parquet(RUN.tables / "leads.parquet")
    tables.outcomes.write_parquet(RUN.tables / "outcomes.parquet")
    tables.events.collect().write_parquet(RUN.tables / "events/part-0.parquet")
    tables.write_about(RUN.tables)
    account = [{"table": "leads", "fate": "kept", "reason": "", "rows": tables.leads.height}]
    write_json(RUN.tables / "quality.json", {"account": account})
    part = pl.when(pl.col("as_of") >= CUT).then(pl.lit("test")).otherwise(pl.lit("train"))
    scoring_world().snapshots.with_columns(part=part).write_parquet(RUN.snapshots)
    columns = ("auc", "code", "found", "remedy", "status", "subject", "title", "vouched", "weight")
    checks = dict.fromkeys(columns, None) | {"status": "passed", "code": "L001"}
    write_json(RUN.leakage, [checks])


def finish(fingerprint: str, known_until: datetime = END, worse_by: float = 0.0) -> None:
    """Let a run come to its end: its bundles, and what its judged model says of the test."""
    about = origin(scoring_world())
    seen = Seen(snapshots=100, known_until=CUT)
    judged = about.model_copy(
        update={"fingerprint": fingerprint, "role": "judged", "seen": seen, "verdict": VERDICT}
    )
    export(RUN.judged, about=judged)
    deployed = judged.model_copy(
        update={
            "role": "deployed",
            "seen": Seen(snapshots=200, known_until=known_until),
            "judged_by": read_manifest(RUN.judged).bundle_id,
        }
    )
    export(RUN.bundle, about=deployed)
    test = pl.read_parquet(RUN.snapshots).filter(part="test")
    scores = score_rows_with(RUN.judged, scoring_world().tables, test)["probability"].to_numpy()
    noise = np.random.default_rng(1).normal(0, worse_by, len(scores)) if worse_by else 0.0
    said = 1 / (1 + np.exp(-np.log(scores / (1 - scores)) - noise))
    RUN.test_scores.unlink(missing_ok=True)
    test.select("lead_id").with_columns(probability=pl.Series(said)).write_parquet(RUN.test_scores)
    converted = test["converted"].cast(pl.Float64).to_numpy()
    metrics = evaluate(
        said, converted, test["lead_id"].to_list(), replicates=100, slice_replicates=100
    )
    write_json(RUN.metrics, metrics | {"verdict": VERDICT.model_dump()})


def test_the_first_is_held_against_no_model_and_every_step_is_told(project: Path) -> None:
    assert not has_champion("demo")
    answer = promote("demo", PromotionAsked(by="ines"))
    assert answer.outcome == "promoted", answer.words
    assert answer.gate is not None
    assert answer.gate.against == "no model at all"
    now = read_promotion("demo")
    assert (now.version, now.step.by, now.step.kind) == (1, "ines", "promoted")
    assert now.lineage.bundle_id == read_manifest(RUN.bundle).bundle_id
    assert read_manifest(champion_judged("demo")).origin.role == "judged"
    assert now.export["leads"] == 600
    assert promote("demo", PromotionAsked()).outcome == "nothing new"
    assert "ines" in tell_promotions("demo")


def test_an_equal_one_passes_on_what_the_champions_tested_model_has_not_seen(
    project: Path,
) -> None:
    promote("demo", PromotionAsked())
    finish("two")
    answer = promote("demo", PromotionAsked())
    assert answer.outcome == "promoted", answer.words
    assert answer.gate is not None
    assert answer.gate.against == "champion 1"
    assert "(the champion's tested model, the challenger's tested one)" in answer.gate.decided_on
    assert "log loss: how near the probabilities are to what came: neither gains" in answer.words
    assert "0 change grade (0%)" in answer.words
    assert (answer.version, read_promotion("demo").version) == (2, 2)


def test_bounds_that_people_have_set_outlive_a_promotion(project: Path) -> None:
    promote("demo", PromotionAsked())
    bounds = (0.4, 0.2, 0.1)
    set_grades("demo", bounds, "ines")
    finish("two")
    answer = promote("demo", PromotionAsked())
    assert answer.version == 3
    champion = load_bundle(champion_bundle("demo"))
    assert champion.reference.bounds == bounds
    now = read_promotion("demo")
    assert now.lineage.bundle_id == now.step.bundle_id == champion.manifest.bundle_id
    assert now.lineage.as_trained == read_manifest(RUN.bundle).bundle_id
    assert promote("demo", PromotionAsked()).outcome == "nothing new"


def test_what_the_deployed_champion_has_not_seen_comes_first(project: Path) -> None:
    finish("early", known_until=CUT + timedelta(days=30))
    promote("demo", PromotionAsked())
    finish("two")
    gate = promote("demo", PromotionAsked(dry_run=True)).gate
    assert gate is not None
    assert "(the champion's deployed model" in gate.decided_on
    first = CUT + timedelta(days=30)
    test = pl.read_parquet(RUN.snapshots).filter(pl.col("as_of") >= first)
    assert f"on {test.height:,} snapshots that neither has seen" in gate.decided_on
    assert read_promotion("demo").version == 1


def test_where_nothing_is_left_that_neither_has_seen_it_is_said(project: Path) -> None:
    promote("demo", PromotionAsked())
    finish("two")
    change_params(project, promotion={"fewest_converted": 10_000, "segment_leads": 50})
    gate = promote("demo", PromotionAsked(dry_run=True)).gate
    assert gate is not None
    assert gate.against == "no model at all"
    assert "too few are left that champion 1 has not seen (it takes 10,000" in gate.decided_on


def test_a_worse_one_is_refused_by_name_and_by_how_much_and_can_be_forced(project: Path) -> None:
    promote("demo", PromotionAsked())
    before = read_manifest(champion_bundle("demo"))
    finish("worse", worse_by=2.0)
    refused = CliRunner().invoke(app, ["promote", "demo"])
    assert refused.exit_code == 3
    assert "demo: refused (log loss, " in refused.output
    failed = [line for line in refused.output.splitlines() if line.startswith("  FAIL")]
    assert failed[0].startswith("  FAIL log loss: how near")
    assert "came: loses 0." in failed[0]
    assert "missed by 0." in failed[0]
    assert read_manifest(champion_bundle("demo")) == before
    with pytest.raises(LeadcastError, match="--force: needs --why TEXT"):
        promote("demo", PromotionAsked(force=True, why=" "))
    assert promote("demo", FORCED).outcome == "promoted"
    now = read_promotion("demo")
    assert (now.step.kind, now.step.by, now.step.why) == ("forced", "ines", "sales agreed")
    assert now.gate["passed"] is False
    told = roll_back("demo", None, "grades jumped", "bob")
    assert "version 1 is the champion again, in place of 2" in told
    assert read_manifest(champion_bundle("demo")) == before
    assert [(one.version, one.kind) for one in read_promotion("demo").steps] == [
        *((1, "promoted"), (2, "forced"), (1, "rolled back"))
    ]
    # What comes next has a number of its own.
    finish("three")
    assert promote("demo", PromotionAsked()).version == 3
    with pytest.raises(LeadcastError, match=r"--to 9: is no earlier version .* there are: 1, 2"):
        roll_back("demo", 9, "", "")


def test_a_leak_a_large_bundle_and_a_slow_one_are_refused(project: Path) -> None:
    content = json.loads(RUN.leakage.read_text())
    leak = content[0] | {"status": "error", "subject": "column 'closed_at'"}
    write_json(RUN.leakage, [*content, leak])
    limits = {"size_mib": 0.001, "latency_ms": 1e-6, "fewest_converted": 5, "segment_leads": 50}
    change_params(project, promotion=limits)
    answer = promote("demo", PromotionAsked())
    assert answer.outcome == "refused"
    assert answer.gate is not None
    assert [one.name for one in answer.gate.failed] == ["leakage", "latency", "size"]
    assert "column 'closed_at'" in answer.words
    assert not champion_folder("demo").exists()


def test_of_two_at_once_one_is_told(project: Path) -> None:
    with promoting("demo"), pytest.raises(LeadcastError, match="another process changes the"):
        promote("demo", PromotionAsked())
    assert not has_champion("demo")


def test_bundles_of_two_runs_are_not_promoted_together(project: Path) -> None:
    judged = read_manifest(RUN.judged).origin
    export(RUN.judged, about=judged.model_copy(update={"fingerprint": "of another run"}))
    with pytest.raises(LeadcastError, match="a run was stopped between them"):
        promote("demo", PromotionAsked())


def test_history_of_a_lead_is_still_told(project: Path) -> None:
    asked = CliRunner().invoke(app, ["history", "L1", "--history", "nowhere"])
    assert isinstance(asked.exception, LeadcastError)
    with pytest.raises(LeadcastError, match="nothing promoted yet"):
        tell_promotions("demo")


def test_no_run_is_told(project: Path) -> None:
    RUN.metrics.unlink()
    with pytest.raises(LeadcastError, match="`leadcast run demo` makes it"):
        promote("demo", PromotionAsked())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["promote", "nobody"], "there is no source 'nobody'"),
        (["promote", "nobody", "--dry-run"], "there is no source 'nobody'"),
        (["rollback", "nobody"], "there is no source 'nobody'"),
        (["history", "nobody"], "there is no source 'nobody'"),
        (["history", "L0019600"], "leadcast history LEAD --history FOLDER"),
        (["rollback", "demo"], "nothing promoted yet: leadcast promote demo"),
        (["promote", "demo", "--force"], "--force: needs --why TEXT"),
    ],
)
def test_what_cannot_be_done_is_told(project: Path, asked: list[str], words: str) -> None:
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, LeadcastError)
    assert words in str(done.exception)
    assert not champion_folder("demo").exists()


def test_a_look_before_the_first_promotion_changes_nothing(project: Path) -> None:
    done = CliRunner().invoke(app, ["promote", "demo", "--dry-run"])
    assert done.exit_code == 0
    head = "demo: would pass the gate; nothing was changed, there is no champion yet"
    assert done.output.startswith(head)
    assert not champion_folder("demo").exists()


def test_the_only_version_has_none_before(project: Path) -> None:
    promote("demo", PromotionAsked())
    with pytest.raises(LeadcastError, match="version 1 is the first; there is none before"):
        roll_back("demo", None, "", "")
