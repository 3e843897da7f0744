"""Retraining from cron: each way to end has its code and its words, and the champion stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.base.locks import locked
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.lifecycle import retrain as module
from leadcast.pipelines.lifecycle.promote import PromotionAnswer
from leadcast.pipelines.lifecycle.retrain import EXIT_CODES, report_path, retrain
from tests.small_project import ROOT, make_project

FAULT = Fault("leads", "200 of the past", "about 2,000", "See.")


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_project(tmp_path, 10))
    monkeypatch.setattr(module, "reproduce", lambda *_: [])
    monkeypatch.setattr(module, "refuse_other_export", lambda *_, **__: None)
    answered(monkeypatch, "promoted")


def answered(monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    answer = PromotionAnswer(outcome, f"it was {outcome}", None, 1)  # type: ignore[arg-type]
    monkeypatch.setattr(module, "promote", lambda *_: answer)


@pytest.mark.parametrize("outcome", ["promoted", "nothing new", "refused"])
def test_what_the_gate_says_is_told_written_and_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    answered(monkeypatch, outcome)
    done = CliRunner().invoke(app, ["retrain", "demo"])
    assert done.exit_code == EXIT_CODES[outcome]
    assert done.output == f"it was {outcome}\n"
    told = read_json(report_path("demo"))
    assert (told["outcome"], told["exit_code"]) == (outcome, done.exit_code)


def test_a_stage_that_fails_is_told_and_nothing_is_promoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> list[str]:
        raise LeadcastError("the pipeline stopped")

    monkeypatch.setattr(module, "reproduce", fails)
    report = retrain("demo")
    assert (report.outcome, report.exit_code) == ("failed", 1)
    assert report.words == "demo: failed; there is no champion yet\nthe pipeline stopped"


def test_an_export_that_changed_stops_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[tuple[str, ...]] = []

    def other(*_: object, accept: bool) -> None:
        if not accept:
            raise FaultsError("export", [FAULT])

    monkeypatch.setattr(module, "refuse_other_export", other)
    monkeypatch.setattr(module, "reproduce", lambda *stage: ran.append(stage))
    report = retrain("demo")
    assert (report.outcome, report.exit_code) == ("export changed", 5)
    assert "found 200 of the past; expected about 2,000" in report.words
    assert ran == [("demo", "ingest")]
    assert retrain("demo", accept_export=True).outcome == "promoted"
    assert ran[1:] == [("demo", "ingest"), ("demo",)]


def test_a_second_one_at_the_same_time_is_told() -> None:
    with locked(report_path("demo"), "another process retrains this source"):
        done = CliRunner().invoke(app, ["retrain", "demo"])
    assert done.exit_code == EXIT_CODES["another retrains"]
    assert "another process retrains this source now (process" in done.output


KILLED = """
import os, signal
from leadcast.pipelines.lifecycle import retrain as module
module.reproduce = lambda *stage: os.kill(os.getpid(), signal.SIGKILL)
module.retrain("demo")
"""


def test_killed_it_leaves_no_lock_and_the_next_call_tells_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert read_json(report_path("demo"))["outcome"] == "running"
    assert retrain("demo").outcome == "promoted"
    assert "did not come to its end; going on" in capsys.readouterr().out


def test_a_source_that_is_not_there_is_an_error() -> None:
    done = CliRunner().invoke(app, ["retrain", "nobody"])
    assert done.exit_code == 1
    assert not report_path("nobody").parent.exists()
