"""Canaries: what is personal in an export stands in the files that docs/privacy.md lists alone."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from leadcast.features.forgetting.searching import files_below, search
from leadcast.models.report.model_card import SECTIONS
from tests.canaries import listed, plant
from tests.small_project import ROOT, make_project, run_stages

TRACK = [sys.executable, "-m", "leadcast.pipelines.track", "demo"]


@pytest.mark.slow
def test_canaries_stand_in_what_the_docs_list_and_nowhere_else(tmp_path: Path) -> None:
    folder = make_project(tmp_path, 600)
    person = plant(folder)
    told = run_stages(folder)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": ""}
    done = subprocess.run(TRACK, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not person.in_text("\n".join([*told, done.stdout, done.stderr]).encode())
    searched = list(files_below([folder]))
    hits = (path for path in searched if search(path, person) is not None)
    found = {path.relative_to(folder).as_posix() for path in hits}
    assert {one for one in found if not any(fnmatchcase(one, name) for name in listed())} == set()
    # The oracle sees them where they are, and all kinds of files were searched.
    for name in ("tables/leads.parquet", "snapshots.parquet", "comparison.html"):
        assert f"data/runs/demo/{name}" in found
    names = {path.name for path in searched}
    assert {"mlflow.db", "MLmodel", "manifest.json", "report.html", "model_card.md"} <= names

    card = (folder / "data/runs/demo/model_card.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", card, flags=re.MULTILINE)[1:]
    assert tuple(part.splitlines()[0] for part in parts) == SECTIONS
    assert all(len(part.splitlines()) > 2 for part in parts)
