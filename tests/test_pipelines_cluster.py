"""The stages that grow, run on a Dask cluster by their command lines."""

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.pipelines.base.paths import DeployedFolder, RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES
from tests.small_project import ROOT, make_project

if TYPE_CHECKING:
    from distributed import Client

LEADS = 1_600
RUN = RunFolder("demo")
NAMES = list(STAGES)


def on_cluster(stage: str, client: "Client", folder: Path) -> str:
    command = [sys.executable, "-m", f"leadcast.pipelines.{stage}", "demo", "--engine", "dask"]
    done = subprocess.run(
        [*command, "--scheduler", client.scheduler.address],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"[{stage}] ")
    return done.stdout


def run(folder: Path, first: str, last: str) -> None:
    with chdir(folder):
        for name in NAMES[NAMES.index(first) : NAMES.index(last) + 1]:
            STAGES[name]("demo")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"), LEADS)
    run(folder, NAMES[0], "features")
    return folder


def test_a_run_whose_features_and_trees_come_from_a_cluster_is_as_any_other(
    dask_client: "Client", project: Path
) -> None:
    alone = pl.read_parquet(project / RUN.matrix)
    on_cluster("features", dask_client, project)
    assert pl.read_parquet(project / RUN.matrix).equals(alone)
    run(project, "gate", "gate")
    on_cluster("train", dask_client, project)
    run(project, "calibrate", "deploy")
    deployed = DeployedFolder(project / RUN.deployed)
    here = [path.read_bytes() for path in (deployed.plan, deployed.seen)]
    assert "fitted again" in on_cluster("deploy", dask_client, project)
    assert [path.read_bytes() for path in (deployed.plan, deployed.seen)] == here
    run(project, "export", "compare")
    test = json.loads((project / RUN.metrics).read_text())["test"]
    # So few leads leave it wide; without a model it would be 0.5.
    assert test["auc"]["value"] > 0.65
    assert not list((project / RUN.path).glob(".*")), "something is left behind"
