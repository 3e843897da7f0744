"""A project folder with a small demo world, in which the stages can run."""

import shutil
from contextlib import chdir
from pathlib import Path

import yaml

from pipelines.calibrate import calibrate
from pipelines.evaluate import evaluate_test
from pipelines.export import export
from pipelines.features import compute_features
from pipelines.fetch import fetch
from pipelines.gate import pass_gate
from pipelines.ingest import run as ingest
from pipelines.report import report
from pipelines.snapshots import take_snapshots
from pipelines.train import train

ROOT = Path(__file__).parents[1]
STAGES = (
    *(fetch, ingest, take_snapshots, compute_features, pass_gate, train),
    *(calibrate, evaluate_test, export, report),
)


def make_project(folder: Path, leads: int, seed: int = 5) -> Path:
    """Lay out `params.yaml` and a demo source of so many leads; computes nothing."""
    sources = folder / "data/sources"
    sources.mkdir(parents=True)
    definition = yaml.safe_load((ROOT / "data/sources/demo.yaml").read_text(encoding="utf-8"))
    definition["simulation"] = {"leads": leads, "seed": seed}
    definition["root"] = "data/demo"
    (sources / "demo.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    shutil.copy(ROOT / "params.yaml", folder)
    evaluation = {"replicates": 100, "slice_replicates": 100}
    change_params(folder, evaluation=evaluation, learner={"seeds": 1, "origins": 2})
    return folder


def change_params(folder: Path, **changes: object) -> None:
    """Overwrite parts of a project's parameters."""
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def run_stages(folder: Path, source: str = "demo") -> None:
    """Run every stage up to the bundle, in this process."""
    with chdir(folder):
        for stage in STAGES:
            stage(source)
