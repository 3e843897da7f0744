"""The command line presents itself: whole lines of help, a version, and where it works."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.cli import app
from leadcast.pipelines.command_help import OF_A_PROJECT, require_project


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


def test_the_commands_that_need_a_project_are_those_that_take_a_source() -> None:
    takes = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None and "source" in command.callback.__annotations__
    }
    # A batch may take a source for its definition alone, and runs wherever cron calls it.
    assert takes - {"score"} == {*OF_A_PROJECT}


@pytest.mark.parametrize("command", OF_A_PROJECT)
def test_elsewhere_a_command_says_where_to_go(tmp_path: Path, command: str) -> None:
    inner = tmp_path / "docs/notes"
    inner.mkdir(parents=True)
    with pytest.raises(LeadcastError, match=r"not a Leadcast project: .*leadcast init"):
        require_project(command, inner)
    (tmp_path / "params.yaml").touch()
    with pytest.raises(LeadcastError, match=f"go to {tmp_path}, which"):
        require_project(command, inner)
    require_project(command, tmp_path)
    require_project("score", inner)
