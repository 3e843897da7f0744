"""What it costs to read fields as they stand at the export, where sales fills them in before a win.

The same simulated leads are learned from twice: as the export shows them, and as each field stood
at the moment of the score. Both models are then asked about the leads of the test as they stood
then, which is all that anybody has who scores new leads.

Examples
--------
python -m benchmarks.histories [--leads 8000] [--seed 7]
"""

import argparse
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.features.base.files import read_json
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.tables import Tables
from leadcast.models.evaluation.metrics import auc, log_loss
from leadcast.models.evaluation.tally import tally
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.warm import COMPUTING, lay_out_project
from leadcast.serve.scorer import Scorer

ROOT = Path(__file__).parents[1]
SOURCE = "demo_histories"


def measured(leads: int, seed: int) -> dict[str, Any]:
    """Learn with and without the history, and ask both what they would be asked."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        _lay_out(project, leads, seed)
        told: dict[str, Any] = {"leads": leads, "seed": seed}
        with chdir(project):
            told["with_history"] = _run(project, asked=None)
            then = Tables.read(RunFolder(SOURCE).tables)
            definition = plain_yaml((project / f"data/sources/{SOURCE}.yaml").read_text("utf-8"))
            del definition["tables"]["attribute_changes"]
            (project / f"data/sources/{SOURCE}.yaml").write_text(yaml_text(definition), "utf-8")
            told["without_history"] = _run(project, asked=then)
    return told


def _lay_out(project: Path, leads: int, seed: int) -> None:
    few = {"replicates": 100, "slice_replicates": 100}
    lay_out_project(project, leads, seed, evaluation=few, leakage={"stop": False, "vouched": []})
    definition = plain_yaml((ROOT / f"data/sources/{SOURCE}.yaml").read_text("utf-8"))
    definition["simulation"] |= {"leads": leads, "seed": seed}
    (project / f"data/sources/{SOURCE}.yaml").write_text(yaml_text(definition), "utf-8")


def _run(project: Path, asked: Tables | None) -> dict[str, float]:
    """Run the stages; of the test what was claimed, and what comes of leads as they stood then."""
    for name, stage in COMPUTING.items():
        if name not in ("compare", "audit"):
            stage(SOURCE)
    run = RunFolder(SOURCE)
    test = read_json(run.metrics)["test"]
    told = {"test_auc": test["auc"]["value"], "test_log_loss": test["log_loss"]["value"]}
    scores = pl.read_parquet(run.test_scores)
    tables = asked or Tables.read(run.tables)
    # Leads that carry their history are scored as they stood at each moment.
    rows = scores.select("lead_id", "as_of").join(tables.leads, on="lead_id", how="left")
    found = Scorer.load(run.judged).score(rows, tables.events, warnings=[])
    counts = tally(found["probability"].to_numpy(), scores["converted"].to_numpy().astype(float))
    told |= {"new_auc": float(auc(counts)), "new_log_loss": float(log_loss(counts))}
    truth = pl.read_parquet(project / f"data/{SOURCE}/truth.parquet")
    known = found.select("lead_id", "as_of", "probability").join(
        truth.filter(horizon_days=60).select("lead_id", "as_of", "true_probability"),
        on=["lead_id", "as_of"],
    )
    p, q = known["true_probability"].to_numpy(), known["probability"].to_numpy()
    regret = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return told | {"new_regret": float(regret.mean()), "rows": known.height}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--leads", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    told = measured(asked.leads, asked.seed)
    for name in ("without_history", "with_history"):
        one = told[name]
        print(
            f"{name.replace('_', ' '):16} AUC in the test {one['test_auc']:.3f}, of new leads "
            f"{one['new_auc']:.3f}; log loss {one['test_log_loss']:.4f} and "
            f"{one['new_log_loss']:.4f}; regret against the truth {one['new_regret']:.4f}"
        )
    write_result("histories", told)


if __name__ == "__main__":
    main()
