"""``leadcast monitor`` and ``leadcast recalibrate`` on a small run, as a user meets them."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_level import offset_of, write_moved
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.commands.app import EXIT_WITH_ALARMS
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.lifecycle.monitor import _text, monitor
from leadcast.pipelines.lifecycle.monitor_page import monitoring_page
from leadcast.pipelines.lifecycle.monitored import read_monitored
from leadcast.pipelines.lifecycle.promote import PromotionAsked, promote, roll_back
from leadcast.pipelines.lifecycle.recalibrate import recalibrate
from leadcast.pipelines.lifecycle.warm import COMPUTING
from leadcast.serve.champion.champion_store import (
    BUNDLE,
    champion_bundle,
    promoting,
    put_champion,
    read_promotion,
    version_folder,
)
from tests.small_project import LEARNER, change_params, hurried, make_project
from tests.test_serve_champion_store import promotion_of

RUN = RunFolder("demo")
QUICK = {"candidates": ["logistic"], "origins": 1, "half_lives": [None], "penalties": [40.0]}


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("monitor"), 3000)
    change_params(folder, model=LEARNER | QUICK)
    with chdir(folder), hurried():
        for name, stage in COMPUTING.items():
            stage("demo")
            if name == "export":
                break
    return folder


@pytest.fixture
def project(whole_run: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(whole_run, tmp_path / "project", ignore=shutil.ignore_patterns("ml*"))
    with chdir(tmp_path / "project"):
        yield tmp_path / "project"


def lose_conversions(share: float) -> None:
    """Take most conversions of the watched time out of the tables."""
    path = RUN.tables / "outcomes.parquet"
    frame = pl.read_parquet(path)
    since = read_monitored("demo", None, None).model.watch_from
    lost = (pl.col("won_at") > since) & (pl.int_range(pl.len()) % 100 < 100 * share)
    frame.with_columns(won_at=pl.when(~lost).then("won_at")).write_parquet(path)


def test_what_is_seen_is_told_alike_by_exit_code_and_three_files(project: Path) -> None:
    # The demo's price rise lies in the time that is watched: this world is not a quiet one
    # (`test_models_monitoring_conversions` has quiet ones).
    told = CliRunner().invoke(app, ["monitor", "demo", "--json"])
    facts = json.loads(told.output)
    raised = len(facts["alarms"])
    assert told.exit_code == (EXIT_WITH_ALARMS if raised else 0), told.output
    assert facts == json.loads(RUN.monitoring.read_text())
    assert 0.6 < facts["observed"] / facts["expected"] < 1.6
    assert ("No alarm." in RUN.monitoring_page.read_text()) == (raised == 0)
    lines = RUN.monitoring_lines.read_text()
    assert f'leadcast_monitor_alarms{{source="demo"}} {raised}\n' in lines
    # Of scores that are younger than any outcome there is no ratio, and it is said why.
    young = {"days": 0, "observed": 0.0, "expected": 0.0, "scores_begin": "2026-01-01"}
    facts |= young | {"known_until": "2026-01-01T00:00:00+00:00", "alarms": []}
    for words in (_text(facts), monitoring_page(facts)):
        assert "none was expected by now" in words
        assert "the scores begin on 2026-01-01, and outcomes are known until 2026-01-01" in words
        assert "nan" not in words
        assert "(0 days)" not in words


def test_a_planted_drop_ends_with_an_exit_code_and_says_what_to_do(project: Path) -> None:
    lose_conversions(0.85)
    told = CliRunner().invoke(app, ["monitor", "demo"])
    assert told.exit_code == EXIT_WITH_ALARMS, told.output
    assert "ALARM 1: Leads have converted less than their scores said" in told.output
    assert "leadcast recalibrate" in told.output


def test_what_was_said_is_read_from_a_history(project: Path) -> None:
    folder = Path("history")
    folder.mkdir()
    said = read_monitored("demo", None, None).said
    said.select("lead_id", "as_of", "probability", "grade").write_parquet(folder / "a.parquet")
    answer = monitor("demo", history=folder)
    assert "given then" in answer.text
    again = monitor("demo")
    assert answer.facts["expected"] == pytest.approx(again.facts["expected"])
    with pytest.raises(LeadcastError, match="no score history"):
        monitor("demo", history=Path("nowhere"))


def test_a_model_that_has_seen_all_is_not_watched(project: Path) -> None:
    with pytest.raises(LeadcastError, match="bring a newer export"):
        monitor("demo", RUN.bundle)


def test_the_level_follows_and_no_lead_changes_its_grade(project: Path) -> None:
    lose_conversions(0.5)
    words = recalibrate("demo", RUN.judged, Path("moved"))
    assert "moved: written" in words
    before, after = load_bundle(RUN.judged), load_bundle(Path("moved"))
    offset = offset_of(after)
    assert -2 < offset < -0.05
    log_odds = np.linspace(-6, 1, 501)
    one, other = (part.calibrator.probability(log_odds) for part in (before, after))
    np.testing.assert_array_equal(before.reference.grade(one), after.reference.grade(other))
    assert (other < one).all()
    assert any("level was moved" in note.lower() for note in after.manifest.notes)
    # Moved twice is moved once, and taken back it is the model as it was trained.
    write_moved(Path("back"), after, 0.0, {})
    back = load_bundle(Path("back"))
    assert back.calibrator == before.calibrator
    assert offset_of(back) == 0
    np.testing.assert_allclose(back.reference.points, before.reference.points, rtol=1e-9)


def test_the_level_is_not_moved_unless_that_is_switched_on(project: Path) -> None:
    told = CliRunner().invoke(app, ["recalibrate", "demo", "--bundle", f"{RUN.judged}"])
    assert told.exit_code == 1
    assert "needs --out" in str(told.exception)


def promote_the_tested() -> None:
    """Make the tested model the champion: there are conversions that it has not seen."""
    first = promotion_of(RUN.judged, 1).model_copy(update={"source": "demo"})
    with promoting("demo"):
        put_champion(first, RUN.judged, RUN.judged)


def test_a_champion_is_moved_where_its_owner_allows_it_and_comes_back(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No registry here: what becomes of it is tested with the registry.
    monkeypatch.setattr("leadcast.pipelines.lifecycle.promote._told_followed", lambda _: "")
    promote_the_tested()
    lose_conversions(0.5)
    assert "level_tracking in params.yaml is false" in recalibrate("demo")
    assert read_promotion("demo").version == 1
    change_params(project, level_tracking=True)
    assert "version 2 is the champion" in recalibrate("demo")
    moved = read_promotion("demo")
    assert [step.kind for step in moved.steps] == ["promoted", "recalibrated"]
    offset = offset_of(load_bundle(champion_bundle("demo")))
    assert offset < 0
    # The next night finds the same level, and leaves it.
    assert "too little to move by" in recalibrate("demo")
    assert offset_of(load_bundle(version_folder("demo", 1) / BUNDLE)) == 0
    # The run's own model is this champion, though its level was moved since.
    shutil.rmtree(RUN.bundle)
    shutil.copytree(RUN.judged, RUN.bundle)
    answer = promote("demo", PromotionAsked(dry_run=True))
    assert (answer.outcome, answer.version) == ("nothing new", 2)
    assert "changed since" in answer.words
    assert "version 1 is the champion again" in roll_back("demo", None, "too low", "a test")
    back = read_promotion("demo")
    assert back.lineage.trained_bundle_id is None
    assert load_bundle(champion_bundle("demo")).manifest.bundle_id == back.lineage.bundle_id
    assert offset_of(load_bundle(champion_bundle("demo"))) == 0
    assert offset_of(load_bundle(version_folder("demo", 2) / BUNDLE)) == offset
