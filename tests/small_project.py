"""A project folder with a small demo world, in which the stages can run."""

from contextlib import chdir
from pathlib import Path

from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.pipelines.lifecycle.warm import COMPUTING, lay_out_project
from leadcast.pipelines.report import report

ROOT = Path(__file__).resolve().parents[1]
EVALUATION = {"replicates": 100, "slice_replicates": 100}
LEARNER = {"seeds": 1, "origins": 2, "fresh_snapshots": False}


def make_project(folder: Path, leads: int, seed: int = 5) -> Path:
    """Lay out `params.yaml` and a demo source of so many leads; computes nothing."""
    lay_out_project(folder, leads, seed, evaluation=EVALUATION, model=LEARNER)
    return folder


def change_params(folder: Path, **changes: object) -> None:
    """Overwrite parts of a project's parameters."""
    path = folder / "params.yaml"
    content = plain_yaml(path.read_text(encoding="utf-8")) | changes
    path.write_text(yaml_text(content), encoding="utf-8")


def run_stages(folder: Path, source: str = "demo") -> list[str]:
    """Run every stage up to the report, in this process; gives what each told."""
    with chdir(folder):
        return [stage(source) for stage in (*COMPUTING.values(), report)]
