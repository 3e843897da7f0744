"""The one list of the stages: `dvc.yaml` runs these, in this order, each by its own module."""

from pathlib import Path

from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.lifecycle.trial import STAGES

ROOT = Path(__file__).parents[1]
DVC = plain_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def test_dvc_runs_the_stages_of_the_list_in_its_order() -> None:
    assert list(DVC) == list(STAGES)
    commands = {name: stage["do"]["cmd"] for name, stage in DVC.items()}
    assert commands == {name: f"python -m leadcast.pipelines.{name} ${{item}}" for name in STAGES}


def test_each_stage_lives_in_the_module_of_its_name() -> None:
    assert {name: stage.__module__ for name, stage in STAGES.items()} == {
        name: f"leadcast.pipelines.{name}" for name in STAGES
    }


def test_what_a_stage_depends_on_is_there() -> None:
    named = [dep for stage in DVC.values() for dep in stage["do"].get("deps", [])]
    code = [dep for dep in named if not dep.startswith("data/")]
    assert len(code) > 20
    assert [dep for dep in code if not (ROOT / dep).exists()] == []
