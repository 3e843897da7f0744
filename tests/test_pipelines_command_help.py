"""The command line presents itself: whole lines of help, a version, and where it works."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.base.paths import require_project
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.commands.command_help import SECTIONS, is_of_a_project, sections_of
from leadcast.pipelines.commands.reference import PLACE, reference
from tests.scoring_world import bundle_folder, scoring_world


def test_no_line_of_help_is_cut() -> None:
    told = CliRunner().invoke(app, ["-h"]).output
    assert "recalibrate" in told
    assert "..." not in told.split("Your data:")[1]


def test_each_command_stands_in_one_section_of_the_help_in_its_order() -> None:
    named = [name for names in SECTIONS.values() for name in names]
    assert sorted(named) == sorted(COMMANDS)
    assert sections_of(COMMANDS) == {title: [*names] for title, names in SECTIONS.items()}
    told = CliRunner().invoke(app, ["-h"]).output
    places = [told.index(f"\n{title}:") for title in SECTIONS]
    assert places == sorted(places)


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
    assert re.search("not a Leadcast project: .*leadcast new", str(told.exception))
    (tmp_path / "params.yaml").touch()
    told = CliRunner().invoke(app, [command])
    assert f"go to {tmp_path}, which" in str(told.exception)
    require_project(tmp_path)
    assert "project" not in str(CliRunner().invoke(app, ["score"]).exception)


def test_the_reference_is_the_commands_own_help() -> None:
    assert PLACE.read_text(encoding="utf-8") == reference(), (
        "write it anew: python -m leadcast.pipelines.commands.reference"
    )


def test_out_names_the_file_or_folder_to_write_everywhere() -> None:
    told = {
        name: option
        for name, command in COMMANDS.items()
        for option in command.params
        if "--out" in option.opts
    }
    assert len(told) > 8
    for name, option in told.items():
        kind = {"FILE": "file", "FOLDER": "folder"}[option.metavar]
        assert re.match(rf"Write the .* to this {kind}", option.help), name


def steps(*words: str) -> tuple[str, str]:
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, repr(told.exception)
    return told.stdout, told.stderr


def test_more_or_less_is_told_wherever_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scoring_world().tables.leads.head(3).drop("position").write_parquet("leads.parquet")
    score = ("score", "--bundle", str(bundle_folder()), "--leads", "leads.parquet")
    asked = (*score, "--out", "o.csv", "--as-of", "2025-09-01T00:00:00Z", "--summary", "text")
    answer, warned = steps(*asked)
    assert warned.startswith("warning: no --events")
    for quiet in (("-q", *asked), (*asked, "--quiet")):
        assert steps(*quiet) == (answer, "")
    for verbose in (("--verbose", *asked), (*asked, "-v")):
        told, logged = steps(*verbose)
        assert told == answer
        assert re.search(r"\d\d:\d\d:\d\d.* leadcast.* bundle .* loaded", logged)
    assert steps(*asked) == (answer, warned), "it holds for one call"


def test_the_shell_completes_the_names_of_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/sources").mkdir(parents=True)
    for name in ("ours", "others", "template"):
        (tmp_path / f"data/sources/{name}.yaml").touch()
    words = {"_LEADCAST_COMPLETE": "complete_bash", "COMP_WORDS": "leadcast run o"}
    told = CliRunner().invoke(app, [], env=words | {"COMP_CWORD": "2"}, prog_name="leadcast")
    assert told.output.split() == ["others", "ours"]
