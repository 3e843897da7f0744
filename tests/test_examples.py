"""The examples of the documents can be read by what they are for, and name commands that exist."""

import configparser
import re
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Self

import pytest

from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.lifecycle.retrain import EXIT_CODES

FOLDER = Path(__file__).parents[1] / "docs/examples"
FILES = sorted(path for path in FOLDER.iterdir() if path.is_file())
COMMANDS = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
UNITS = [path for path in FILES if path.suffix in (".service", ".timer")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_each_command_that_is_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"(?:^|[/\s\"'(&{])leadcast ([a-z]+) ", text, re.MULTILINE)
    assert set(named) <= COMMANDS
    assert named or "alarm" in path.name or path.suffix == ".timer"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: str(path.name))
def test_units_of_systemd_are_units(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text(encoding="utf-8"))
    wanted = "Timer" if path.suffix == ".timer" else "Service"
    assert {"Unit", wanted} <= set(unit.sections())
    if path.name.startswith("leadcast-retrain") and wanted == "Service":
        assert unit["Unit"]["OnFailure"] == "leadcast-alarm@%n.service"
        assert (FOLDER / "leadcast-alarm@.service").is_file()
        assert int(unit["Service"]["SuccessExitStatus"]) == EXIT_CODES["refused"]


def test_each_line_of_the_crontab_has_a_time_and_a_command_that_a_shell_can_read() -> None:
    lines = (FOLDER / "crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and not re.match(r"#|[A-Z]+=", line)]
    assert len(jobs) == 2
    for job in jobs:
        *when, command = job.split(None, 5)
        assert all(re.fullmatch(r"[\d*,/-]+", field) for field in when)
        # cron takes a % that is not escaped for the end of the line.
        assert not re.search(r"(?<!\\)%", command)
        shell = ["sh", "-n", "-c", command.replace("\\%", "%")]
        assert subprocess.run(shell, capture_output=True).returncode == 0


def test_the_workflow_is_one() -> None:
    found = plain_yaml((FOLDER / "github_actions.yml").read_text(encoding="utf-8"))
    job = found["jobs"]["retrain"]
    assert found["concurrency"]["cancel-in-progress"] is False
    script = job["steps"][0]["run"]
    assert f"-eq {EXIT_CODES['refused']}" in script
    assert subprocess.run(["sh", "-n", "-c", script]).returncode == 0
    assert job["steps"][1]["path" if "path" in job["steps"][1] else "with"]


def test_the_dags_are_made_as_airflow_would_make_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Recorded:
        def __init__(self, **settings: object) -> None:
            made.append(settings)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return

    for name in ("airflow", "airflow.providers", "airflow.providers.standard"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    operators = "airflow.providers.standard.operators"
    for name in (operators, f"{operators}.bash"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["airflow"], "DAG", Recorded, raising=False)
    bash = sys.modules[f"{operators}.bash"]
    monkeypatch.setattr(bash, "BashOperator", Recorded, raising=False)
    runpy.run_path(str(FOLDER / "airflow_dag.py"))
    assert [one.get("dag_id", one.get("task_id")) for one in made] == [
        *("leadcast_score", "score", "leadcast_retrain", "retrain")
    ]
    assert made[-1]["skip_on_exit_code"] == EXIT_CODES["refused"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_no_timer_goes_on_with_what_an_earlier_night_began(path: Path) -> None:
    # The next night's export is another one, and a batch that resumes refuses it from then on.
    commands = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
    assert "--resume" not in commands
