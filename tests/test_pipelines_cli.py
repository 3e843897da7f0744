"""The command line, the parameters and the runner, as a user meets them."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.base.params import Params, load_params
from leadcast.pipelines.base.paths import require_source
from leadcast.pipelines.commands.cli import app, main
from leadcast.pipelines.commands.command_help import is_of_a_project
from leadcast.pipelines.lifecycle.run import add_source
from tests.scoring_world import bundle_folder, scoring_world
from tests.small_project import ROOT, make_project

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]  # type: ignore[union-attr]


def leadcast(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, where importing it again would cost the most."""
    told, errors = StringIO(), StringIO()
    code = 0
    with (
        chdir(folder),
        redirect_stdout(told),
        redirect_stderr(errors),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["leadcast", *arguments])
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, told.getvalue(), errors.getvalue())


def leadcast_process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "leadcast", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_examples_of_itself(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    examples = told.output.split("Examples:")[1]
    assert re.search(rf"leadcast {command}\b", examples)


def test_the_shipped_parameters_are_valid_and_say_the_defaults() -> None:
    content = plain_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))
    shipped = load_params(ROOT / "params.yaml")
    # All but the threads: code that is called in a test must not slow down what runs beside it.
    learner = shipped.model.model_copy(update={"num_threads": Params().model.num_threads})
    assert shipped.model_copy(update={"sources": ("demo",), "model": learner}) == Params()
    assert content["sources"][0] == "demo"


def test_misspelt_parameters_are_told_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("sead: 3\nsplit: {test_fraction: 2, purge: 1}\n")
    with pytest.raises(FaultsError) as caught:
        load_params(path)
    told = str(caught.value)
    assert all(key in told for key in ("sead", "split.test_fraction", "split.purge"))


def test_a_missing_file_of_parameters_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="project's root"):
        load_params(tmp_path / "params.yaml")


def test_a_new_source_is_added_to_the_parameters_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    add_source("bpi2012", path)
    add_source("bpi2012", path)
    assert load_params(path).sources.count("bpi2012") == 1
    lines, shipped = path.read_text().splitlines(), (ROOT / "params.yaml").read_text().splitlines()
    lines.remove("  - bpi2012")
    assert lines == shipped


def within(command: Any) -> dict[str, Any]:  # noqa: ANN401 - of the click that typer brings
    commands: dict[str, Any] = getattr(command, "commands", {})
    return commands


def of_a_source(command: Any, *before: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    """The commands that take a source's name, with those of groups."""
    if is_of_a_project(command):
        yield before
    for name, inner in within(command).items():
        yield from of_a_source(inner, *before, name)


@pytest.mark.parametrize("command", [*of_a_source(typer.main.get_command(app))], ids=" ".join)
def test_every_command_tells_of_an_unknown_source_which_there_are(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/sources").mkdir(parents=True)
    (tmp_path / "data/sources/ours.yaml").write_text("name: ours\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*command, "nosuch", "a", "b", "c"])
    assert "there is no source 'nosuch' in data/sources; there are: ours" in str(done.exception)


def test_what_was_made_of_a_source_may_be_asked_without_its_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/runs/gone").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert require_source("gone") == "gone"


def test_an_unknown_source_is_told_with_the_nearest_name() -> None:
    done = leadcast("check", "bpi2013")
    assert done.returncode == 1
    assert "bpi2012" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_example_is_a_command_line_that_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [page.epilog or "" for page in pages(typer.main.get_command(app))]
    examples = [
        line
        for text in texts
        for line in text.replace("\\\n", " ").splitlines()
        if line.strip().startswith("leadcast ")
    ]
    assert len(examples) > 20
    for example in examples:
        command, words = typer.main.get_command(app), shlex.split(example)[1:]
        while within(command):
            command = within(command)[words.pop(0)]
        if words != ["--help"]:
            # Examples name sources of their own.
            for word in filter(str.isidentifier, words):
                Path("data/runs", word).mkdir(parents=True, exist_ok=True)
            command.make_context("leadcast", words)


def pages(command: Any) -> Iterator[Any]:  # noqa: ANN401
    yield command
    for inner in within(command).values():
        yield from pages(inner)


def test_a_time_without_zone_is_refused(tmp_path: Path) -> None:
    files = ["--bundle", "b", "--leads", "l.csv", "--out", "o.csv"]
    done = leadcast("score", *files, "--as-of", "2025-01-01T00:00:00", folder=tmp_path)
    assert done.returncode == 1
    assert "--as-of: '2025-01-01T00:00:00' names no time zone; add one" in done.stderr


def test_faults_of_the_command_line_are_told_at_once(tmp_path: Path) -> None:
    wrong = {"--bundle": "no_bundle", "--leads": "no_leads.csv", "--events": "no_events/*.csv"}
    wrong |= {"--out": "scores.xls", "--as-of": "soon", "--reasons": "some"}
    wrong |= {"--only-changed-since": "2025-01-01", "--source": "no_source", "--scheduler": "tcp"}
    words = [word for name, value in wrong.items() for word in (name, value)]
    done = leadcast("score", *words, folder=tmp_path)
    assert done.returncode == 1
    assert "9 errors" in done.stderr
    assert all(value in done.stderr for name, value in wrong.items() if name != "--scheduler")
    assert "--scheduler: needs --engine dask" in done.stderr


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id\na\n")
    files = ["--bundle", ".", "--leads", "leads.csv", "--out", "o.csv"]
    done = leadcast("score", *files, folder=tmp_path)
    assert done.returncode == 1
    assert "manifest.json" in done.stderr


def test_score_tells_programs_what_it_did(tmp_path: Path) -> None:
    leads = scoring_world().tables.leads.head(9).with_columns(shoe_size=44)
    leads.drop("position").write_parquet(tmp_path / "leads.parquet")
    asked = ("--bundle", str(bundle_folder()), "--leads", "leads.parquet", "--summary", "json")
    more = ("--out", "o.csv", "--history", "h", "--as-of", "2025-06-01T00:00:00Z")
    done = leadcast_process(
        "score", *asked, *more, "--reasons", "top:2", "--strict", folder=tmp_path
    )
    assert done.returncode == 3, "with warnings, under --strict"
    told = json.loads(done.stdout)
    assert (told["status"], told["n_leads"], told["n_reasons"]) == ("scored", 9, 2)
    assert sum(told["grades"].values()) == 9
    assert "shoe_size" in told["warnings"][0]["where"]
    assert (
        "not enough info" in leadcast("history", "lead 3", "--history", "h", folder=tmp_path).stdout
    )
    leads.drop("created_at").write_parquet(tmp_path / "leads.parquet")
    refused = leadcast_process("score", *asked, "--out", "other.csv", folder=tmp_path)
    assert refused.returncode == 1
    assert "created_at" in json.loads(refused.stdout)["faults"][0]["where"]
    assert not (tmp_path / "other.csv").exists()


def test_a_nightly_job_is_not_alarmed_by_leads_without_events(tmp_path: Path) -> None:
    tables = scoring_world().tables
    tables.leads.head(60).drop("position").write_parquet(tmp_path / "leads.parquet")
    tables.events.filter(pl.col("lead_id") != "lead 5").sink_parquet(tmp_path / "events.parquet")
    files = ("--bundle", str(bundle_folder()), "--leads", "leads.parquet", "--out", "o.csv")
    asked = (*files, "--events", "events.parquet", "--as-of", "2025-09-01T00:00:00Z", "--strict")
    done = leadcast("score", *asked, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no event of some leads" in done.stdout


def test_check_tells_faults_and_ends_with_one(tmp_path: Path) -> None:
    project = make_project(tmp_path, 300)
    assert leadcast("check", "demo", folder=project).returncode == 0
    path = project / "data/sources/demo.yaml"
    path.write_text(path.read_text().replace("Job Title", "Jobb Title"))
    done = leadcast("check", "demo", folder=project)
    assert done.returncode == 1
    assert "Job Title" in done.stderr


HOSTILE = [
    "x; touch pwned",
    "x' ; touch pwned; '",
    "x'\"; touch pwned #",
    "$(touch pwned)",
    "$(shell touch pwned)",
    "$$(touch pwned)",
    "`touch pwned`",
    "x\ntouch pwned\n",
    "-x > pwned",
]


def make_run(
    folder: Path,
    program: str,
    source: str,
    *,
    by_environment: bool = False,
    target: str = "run",
    variable: str = "SOURCE",
) -> str:
    """Run `make run` with a program in the place of `leadcast` or Python; what was said."""
    for name in ("Makefile", "pyproject.toml", "params.yaml", "data/sources", "requirements"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    for name in ("leadcast", "python"):
        program_here = folder / ".venv/bin" / name
        program_here.parent.mkdir(parents=True, exist_ok=True)
        program_here.write_text(f"#!/bin/sh\n{program}\n")
        program_here.chmod(0o755)
    for name in (".venv/pip-ready", ".venv/run-ready", ".venv-peers/ready"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    command = ["make", target, *([] if by_environment else [f"{variable}={source}"])]
    # The tests themselves may be run by make, which would tell of the folders that it enters.
    outer = {name for name in os.environ if name.startswith(("MAKE", "MFLAGS"))}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    environment |= {variable: source} if by_environment else {}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("by_environment", [False, True])
@pytest.mark.parametrize("source", HOSTILE)
def test_make_runs_nothing_that_a_sources_name_holds(
    tmp_path: Path, source: str, by_environment: bool
) -> None:
    """Neither the shell nor make itself: the name reaches Leadcast as it was given."""
    told = make_run(tmp_path, 'printf "<%s>" "$@"', source, by_environment=by_environment)
    assert not (tmp_path / "pwned").exists()
    assert told == f"<run><--><{source}>".replace("\n", " ")


@pytest.mark.parametrize("by_environment", [False, True])
@pytest.mark.parametrize("source", HOSTILE)
def test_make_runs_nothing_that_the_benchmarks_sources_hold(
    tmp_path: Path, source: str, by_environment: bool
) -> None:
    asked = {"target": "bench-quality", "variable": "SOURCES"}
    told = make_run(tmp_path, 'printf "<%s>" "$@"', source, by_environment=by_environment, **asked)
    assert not (tmp_path / "pwned").exists()
    assert told == f"<-m><benchmarks.quality><--only={source}>".replace("\n", " ")


def test_a_command_in_a_sources_name_is_an_unknown_source(tmp_path: Path) -> None:
    program = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m leadcast "$@"'
    told = make_run(tmp_path, program, "x; touch pwned")
    assert told.startswith("error: there is no source 'x; touch pwned'")
    assert "Traceback" not in told
