"""Compile the loops once, at installation, by a run of the whole pipeline on a small world.

numba compiles a loop when it is first called and keeps the code beside the source. Done here, it is
not done in the middle of somebody's first run.
"""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from pipelines.params import PARAMS
from pipelines.paths import SOURCES
from pipelines.trial import STAGES as ALL_STAGES

ROOT = Path(__file__).parents[1]
LEADS = 2_000
STAGES = tuple(stage for name, stage in ALL_STAGES.items() if name not in ("report", "track"))
"""Every stage that computes, in order."""


def lay_out_project(folder: Path, leads: int, seed: int, **changes: object) -> None:
    """Lay out the parameters and a demo source of so many leads; computes nothing.

    Parameters
    ----------
    folder : Path
        An existing folder.
    leads, seed : int
        Of the demo's world.
    **changes
        Sections of the parameters, in place of the project's.
    """
    definition = yaml.safe_load((ROOT / SOURCES / "demo.yaml").read_text(encoding="utf-8"))
    definition |= {"simulation": {"leads": leads, "seed": seed}, "root": "data/demo"}
    params = yaml.safe_load((ROOT / PARAMS).read_text(encoding="utf-8")) | changes
    for path, content in ((SOURCES / "demo.yaml", definition), (PARAMS, params)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content), encoding="utf-8")


def compile_loops() -> None:
    """Run every stage that computes on a small world, in a folder that is removed again."""
    few = {"replicates": 100, "slice_replicates": 100}
    learner = {"seeds": 1, "origins": 1, "rounds": [5], "fewest_won_lightgbm": 1}
    with TemporaryDirectory() as folder, chdir(folder):
        lay_out_project(Path(folder), LEADS, 1, evaluation=few, learner=learner)
        for stage in STAGES:
            stage("demo")


if __name__ == "__main__":
    compile_loops()
