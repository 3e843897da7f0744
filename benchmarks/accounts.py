"""What features of accounts gain, and whether their probability is right, against the truth.

The same simulated leads, who buy as groups, are learned from twice: without and with what is known
of their accounts. Both models are held against each test snapshot's true probability. Then the
probability of accounts, the noisy-or and the best lead are held against the true probability that
one of the leads in play is won, at the account-moments of the test.

Examples
--------
python -m benchmarks.accounts [--leads 8000] [--seed 8]
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
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.tables import TIME, Tables
from leadcast.models.accounts.account_model import log_losses
from leadcast.models.accounts.account_moments import AccountTables, accounts_at
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import tally
from leadcast.pipelines.accounts import scores_out_of_time
from leadcast.pipelines.base.paths import AccountsFolder, RunFolder
from leadcast.pipelines.lifecycle.warm import COMPUTING, lay_out_project

ROOT = Path(__file__).parents[1]
SOURCE = "demo_accounts"
HORIZON_DAYS = 60.0
_LEFT_OUT = ("gate", "deploy", "curve", "amounts", "export", "compare", "audit")


def measured(leads: int, seed: int) -> dict[str, Any]:
    """Learn without and with accounts, and hold all of it against the truth."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        few = {"replicates": 100, "slice_replicates": 100}
        lay_out_project(project, leads, seed, evaluation=few)
        place = project / f"data/sources/{SOURCE}.yaml"
        definition = plain_yaml((ROOT / f"data/sources/{SOURCE}.yaml").read_text("utf-8"))
        definition["simulation"] |= {"leads": leads, "seed": seed}
        told: dict[str, Any] = {"leads": leads, "seed": seed}
        with chdir(project):
            without = {name: one for name, one in definition.items() if name != "accounts"}
            place.write_text(yaml_text(without), "utf-8")
            told["without"] = _run(project)
            place.write_text(yaml_text(definition), "utf-8")
            told["with"] = _run(project)
            told["accounts"] = _accounts(project)
    return told


def _run(project: Path) -> dict[str, float]:
    """Run the stages that are needed; measure the test against the outcomes and the truth."""
    asks = find_definition(SOURCE).accounts is not None
    for name, stage in COMPUTING.items():
        if name not in _LEFT_OUT and (asks or name != "accounts"):
            stage(SOURCE)
    run = RunFolder(SOURCE)
    test = read_json(run.metrics)["test"]
    told = {f"test_{name}": test[name]["value"] for name in ("auc", "log_loss")}
    truth = pl.read_parquet(project / f"data/{SOURCE}/truth.parquet")
    truth = truth.filter(horizon_days=HORIZON_DAYS).drop("landmark_days", "horizon_days")
    scores = pl.read_parquet(run.test_scores)
    known = scores.join(truth, on=["lead_id", "as_of"])
    return told | _against(known["probability"].to_numpy(), known["true_probability"].to_numpy())


def _against(told: Floats, truth: Floats) -> dict[str, float]:
    """Compare probabilities with true ones."""
    counts = tally(told, truth)
    return {
        "expected_log_loss": float(log_losses(told, truth).mean()),
        "best_log_loss": float(log_losses(truth, truth).mean()),
        "expected_auc": float(auc(counts)),
        "best_auc": float(auc(tally(truth, truth))),
        "says": float(told.mean()),
        "truth": float(truth.mean()),
        "rows": len(told),
    }


def _accounts(project: Path) -> dict[str, Any]:
    """Hold what is told of accounts against the true probability of their leads in play."""
    run = RunFolder(SOURCE)
    folder = AccountsFolder(run.accounts)
    result, test = read_json(folder.result), pl.read_parquet(folder.test)
    moments = test["as_of"].unique().sort().to_list()
    tables = AccountTables.of(Tables.read(run.tables))
    rows = accounts_at(tables, scores_out_of_time(run), moments, HORIZON_DAYS)
    truth = pl.read_parquet(project / f"data/{SOURCE}/accounts_truth.parquet")
    truth = truth.filter(horizon_days=HORIZON_DAYS).select(
        pl.col("as_of").cast(TIME), lead_ids="lead_id", each="true_probability"
    )
    leads = rows.select("account_id", "as_of", "lead_ids").explode("lead_ids")
    true = (
        leads.join(truth, on=["as_of", "lead_ids"], how="left")
        .group_by("account_id", "as_of")
        .agg(truth=-(-pl.col("each").fill_null(0.0)).log1p().sum().exp().sub(1))
    )
    both = test.join(true, on=["account_id", "as_of"])
    held = both["truth"].to_numpy()
    several = (both["open_leads"] > np.log(2.5)).to_numpy()
    told = {
        "account": both["probability"].to_numpy(),
        "noisy_or": sigmoid(both["noisy_or"].to_numpy()),
        "best": sigmoid(both["best"].to_numpy()),
    }
    return {
        "chosen": result["trial"],
        "matched": result["matched"],
        **{name: _against(one, held) for name, one in told.items()},
        "of_several_leads": {
            name: _against(one[several], held[several]) for name, one in told.items()
        },
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--leads", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=8)
    asked = parser.parse_args()
    found = measured(asked.leads, asked.seed)
    for name in ("without", "with"):
        print(_words(f"leads, {name} accounts", found[name]))
    for name in ("account", "noisy_or", "best"):
        print(_words(f"accounts by {name}", found["accounts"][name]))
        print(_words("  of several leads", found["accounts"]["of_several_leads"][name]))
    write_result("accounts", found)


def _words(name: str, one: dict[str, float]) -> str:
    return (
        f"{name:24} expected log loss {one['expected_log_loss']:.4f} (truth "
        f"{one['best_log_loss']:.4f}), AUC {one['expected_auc']:.3f} "
        f"(truth {one['best_auc']:.3f}), says {one['says']:.4f}, is {one['truth']:.4f}"
    )


if __name__ == "__main__":
    main()
