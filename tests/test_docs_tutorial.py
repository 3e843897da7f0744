"""The commands of `docs/tutorial.md`, run one after the other as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_project import HURRIED, LEARNER, ROOT, change_params, make_project
from tests.test_pipelines_dvc import CODE, FEW, QUICK, start_dvc

TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(bash|python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HORIZON = re.compile(r"^ *horizon_days: .*$", re.MULTILINE)


def run(command: list[str], folder: Path) -> str:
    path = os.pathsep.join(
        [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    environment = os.environ | {"PYTHONPATH": str(folder), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    make_project(tmp_path, 20)
    change_params(tmp_path, evaluation=FEW, model=LEARNER | QUICK)
    for name in ("dvc.yaml", *CODE, "data/rules"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    start_dvc(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(HURRIED, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "leadcast"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leadcast "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    told = {}
    # As it stands, but for so many leads: the words are of any number.
    assert "--leads 3000" in TEXT
    for kind, text in BLOCK.findall(TEXT.replace("--leads 3000", "--leads 1000")):
        if kind == "yaml":
            definition = tmp_path / "data/sources/ours.yaml"
            drafted = definition.read_text(encoding="utf-8")
            definition.write_text(HORIZON.sub(text.rstrip(), drafted), encoding="utf-8")
            assert "horizon_days: 60" in definition.read_text(encoding="utf-8")
            continue
        shell = [sys.executable, "-c", text] if kind == "python" else ["sh", "-ec", text]
        told[text.split()[1]] = run(shell, tmp_path)
    assert "It guesses" in told["init"]
    assert "0 errors" in told["check"]
    assert "AUC" in told["run"]
    assert (tmp_path / "scores.csv").stat().st_size > 0
    assert (tmp_path / "data/champion/ours/bundle/manifest.json").is_file()
    shutil.rmtree(tmp_path / "data/runs")
