"""A project folder with a small demo world, in which the stages can run."""

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.models.evaluation.chance import if_calibrated
from leadcast.models.leakage.gate import CHECKS, examine
from leadcast.pipelines.lifecycle.warm import COMPUTING, lay_out_project
from leadcast.pipelines.report import report
from tests.empty_pictures import EMPTY

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


def run_stages(folder: Path, source: str = "demo", last: str = "report") -> list[str]:
    """Run every stage up to the last one, in this process; gives what each told."""
    stages = COMPUTING | {"report": report}
    names = list(stages)
    with chdir(folder):
        return [stages[name](source) for name in names[: names.index(last) + 1]]


CHANCES = 10
"""So often what chance gives is drawn where nobody looks at it; as a rule 200 times."""
HURRIED = f"""
import sys
if "leadcast.pipelines.commands.stage_process" in sys.orig_argv:
    import leadcast.models.charts.chart as chart
    import leadcast.models.evaluation.chance as chance
    import leadcast.models.leakage.gate as gate
    chart.draw_svg = lambda *_, **__: '{EMPTY}'
    chance.if_calibrated.__kwdefaults__ = {{"replicates": {CHANCES}, "seed": 0}}
    gate.examine.__defaults__ = (gate.CHECKS[:1],)
"""
"""In a sitecustomize.py: what `hurried` does, for stages that DVC runs."""


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave the pictures empty where nobody looks at them: they cost more than any other stage."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("leadcast.models.charts.chart.draw_svg", lambda *_, **__: EMPTY)
        yield


@contextmanager
def hurried() -> Iterator[None]:
    """Spare a run what is tested elsewhere: pictures, most of the gate, and what chance gives."""
    with undrawn(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(if_calibrated, "__kwdefaults__", {"replicates": CHANCES, "seed": 0})
        patched.setattr(examine, "__defaults__", (CHECKS[:1],))
        yield
