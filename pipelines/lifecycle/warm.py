"""Compile the loops once, at installation, by a run of the whole pipeline on a small world.

numba compiles a loop when it is first called and keeps the code beside the source. Done here, it is
not done in the middle of somebody's first run, or while somebody waits for a lead's page.
"""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from leadcast.features.base.ownership import PARAMS, SOURCES
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.models.comparison.comparison_store import LEADS as LISTED
from leadcast.models.rules import RuleTable, load_rules
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.insight.new_project import template
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.page.lead_view import Viewer
from leadcast.serve.page.run_tables import LeadTables
from leadcast.serve.scorer import Scorer

LEADS = 2_000
SOME = 20
RULES = Path("data/rules/demo_hubspot.yaml")
COMPUTING = {name: stage for name, stage in STAGES.items() if name not in ("report", "track")}
"""The stages that compute, in order."""


def lay_out_project(folder: Path, leads: int, seed: int, **changes: object) -> None:
    """Lay out the parameters and a demo source of so many leads; computes nothing."""
    definition = plain_yaml(template(f"{SOURCES}/demo.yaml"))
    definition |= {"simulation": {"leads": leads, "seed": seed}, "root": "data/demo"}
    params = plain_yaml(template(str(PARAMS))) | changes
    for path, content in ((SOURCES / "demo.yaml", definition), (PARAMS, params)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml_text(content), encoding="utf-8")


def compile_loops() -> None:
    """Run every stage that computes on a small world, and look at leads; nothing is left of it."""
    few = {"replicates": 100, "slice_replicates": 100}
    # The blend is made of trees and a regression, so that the loops of both are run.
    learner = {"seeds": 1, "origins": 1, "rounds": [5], "fewest_won_lightgbm": 1}
    learner |= {"candidates": ["blend"]}
    with TemporaryDirectory() as folder, chdir(folder):
        lay_out_project(Path(folder), LEADS, 1, evaluation=few, model=learner)
        for stage in COMPUTING.values():
            stage("demo")
        RULES.parent.mkdir(parents=True)
        RULES.write_text(template(str(RULES)), encoding="utf-8")
        look_at_leads(RunFolder("demo"), load_rules(RULES))


def look_at_leads(run: RunFolder, table: RuleTable) -> None:
    """Do what the first person who opens leads' pages would wait for."""
    viewer = Viewer(Scorer.load(run.bundle), LeadTables(run.path))
    leads = pl.read_parquet(run.comparison / LISTED).filter("on_list")["lead_id"]
    # Leads with many events and with none are read by loops over different arrays.
    for lead_id in leads[:SOME]:
        viewer.view(lead_id, table)
        viewer.why(lead_id, table)


if __name__ == "__main__":
    compile_loops()
