"""The command line presents itself: whole lines of help, a version, and where it works."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.commands.command_help import is_of_a_project, require_project


def test_no_line_of_help_is_cut() -> None:
    told = CliRunner().invoke(app, ["-h"]).output
    assert "recalibrate" in told
    assert "..." not in told.split("Commands:")[1]


def test_the_version_is_told() -> None:
    assert (
        CliRunner().invoke(app, ["--version"]).output.strip() == f"leadcast {leadcast.__version__}"
    )


@pytest.mark.parametrize("words", [["run", "-h"], ["rules", "-h"], ["rules", "check", "-h"]])
def test_the_short_form_of_help_is_known_everywhere(words: list[str]) -> None:
    assert "Usage:" in CliRunner().invoke(app, words).output


COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OF_A_PROJECT = [name for name, command in COMMANDS.items() if is_of_a_project(command)]


def test_the_commands_that_need_a_project_are_those_that_take_a_source() -> None:
    takes = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None and "source" in command.callback.__annotations__
    }
    # A batch may take a source for its definition alone, and runs wherever cron calls it.
    assert takes - {"score"} == {*OF_A_PROJECT}


@pytest.mark.parametrize("command", OF_A_PROJECT)
def test_elsewhere_a_command_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    inner = tmp_path / "docs/notes"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    told = CliRunner().invoke(app, [command])
    assert isinstance(told.exception, LeadcastError)
    assert re.search("not a Leadcast project: .*leadcast init", str(told.exception))
    (tmp_path / "params.yaml").touch()
    told = CliRunner().invoke(app, [command])
    assert f"go to {tmp_path}, which" in str(told.exception)
    require_project(tmp_path)
    assert "project" not in str(CliRunner().invoke(app, ["score"]).exception)
