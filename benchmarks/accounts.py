"""What features of accounts gain, and whether their probability is right, against the truth.

The same simulated leads, who buy as groups, are learned from twice: without and with what is known
of their accounts. Both models are held against each test snapshot's true probability. Then the
probability of accounts, the noisy-or and the best lead are held against the true probability that
one of the leads in play is won, at the account-moments of the test. Of one world the level may be
luck: the accounts of further worlds are measured likewise, learned from with accounts alone.

Examples
--------
python -m benchmarks.accounts [--leads 8000] [--seeds 8 9 10 11 12 13]
python -m benchmarks.accounts --leads 2500 --seeds 8 9 10 11 12 13 14 15 --alone
"""

import argparse
from collections.abc import Iterator, Sequence
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
LEADS = 8_000
HORIZON_DAYS = 60.0
_LEFT_OUT = ("gate", "deploy", "curve", "amounts", "export", "compare", "audit")


def measured(leads: int, seed: int, *, twice: bool = True) -> dict[str, Any]:
    """Learn with accounts, perhaps without as well, and hold all of it against the truth."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        few = {"replicates": 100, "slice_replicates": 100}
        lay_out_project(project, leads, seed, evaluation=few)
        place = project / f"data/sources/{SOURCE}.yaml"
        definition = plain_yaml((ROOT / f"data/sources/{SOURCE}.yaml").read_text("utf-8"))
        definition["simulation"] |= {"leads": leads, "seed": seed}
        told: dict[str, Any] = {"leads": leads, "seed": seed}
        with chdir(project):
            if twice:
                without = {name: one for name, one in definition.items() if name != "accounts"}
                place.write_text(yaml_text(without), "utf-8")
                told["without"] = _run(project)
            place.write_text(yaml_text(definition), "utf-8")
            told["with"] = _run(project)
            told["accounts"] = _accounts(project)
    return told


def over_worlds(worlds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tell how the accounts of several worlds did, and by how much the level was missed."""
    told: dict[str, Any] = {
        "seeds": [one["seed"] for one in worlds],
        "leads": {"missed": _missed([one["with"] for one in worlds])},
    }
    for name in ("account", "noisy_or", "best"):
        each = [one["accounts"][name] for one in worlds]
        means = {
            key: float(np.mean([one[key] for one in each]))
            for key in ("expected_log_loss", "best_log_loss", "says", "truth")
        }
        losses = [one["expected_log_loss"] for one in each]
        told[name] = means | {"expected_log_losses": losses, "missed": _missed(each)}
    simple = min(("noisy_or", "best"), key=lambda name: float(told[name]["expected_log_loss"]))
    own, other = (np.array(told[name]["expected_log_losses"]) for name in ("account", simple))
    told["spared"] = {"against": simple} | _mean_with_error(other - own)
    return told


def _mean_with_error(values: Floats) -> dict[str, Any]:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"mean": float(values.mean()), "error": error}


def _missed(each: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Give the log of what is said over the truth: of each world, and the mean with its error."""
    logs = np.array([np.log(one["says"] / one["truth"]) for one in each])
    return {"worlds": logs.tolist()} | _mean_with_error(logs)


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
    parser.add_argument("--leads", type=int, default=LEADS, help="in each world")
    parser.add_argument("--seeds", type=int, nargs="+", default=[8, 9, 10, 11, 12, 13])
    parser.add_argument("--alone", action="store_true", help="learn with accounts alone")
    asked = parser.parse_args()
    worlds = []
    for place, seed in enumerate(asked.seeds):
        print(f"world {seed}", flush=True)
        worlds.append(measured(asked.leads, seed, twice=not (place or asked.alone)))
        for line in _lines(worlds[-1]):
            print(line, flush=True)
    whole = over_worlds(worlds)
    for name in ("leads", "account", "noisy_or", "best"):
        missed = whole[name]["missed"]
        error = "" if missed["error"] is None else f" ± {missed['error']:.3f}"
        loss = whole[name].get("expected_log_loss")
        told = "" if loss is None else f"expected log loss {loss:.4f}, "
        print(f"{name:10} {told}log of says over truth {missed['mean']:+.3f}{error}")
    spared = whole["spared"]
    error = "" if spared["error"] is None else f" ± {spared['error']:.4f}"
    print(f"against {spared['against']}, the better of the two: spares {spared['mean']:.4f}{error}")
    # What is measured by default is what the docs tell first.
    name = "accounts" if asked.leads == LEADS else f"accounts_{asked.leads}"
    write_result(name, worlds[0] | {"over_worlds": whole})


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for name in ("without", "with"):
        if name in found:
            yield _words(f"leads, {name} accounts", found[name])
    for name in ("account", "noisy_or", "best"):
        yield _words(f"accounts by {name}", found["accounts"][name])
        yield _words("  of several leads", found["accounts"]["of_several_leads"][name])


def _words(name: str, one: dict[str, float]) -> str:
    return (
        f"{name:24} expected log loss {one['expected_log_loss']:.4f} (truth "
        f"{one['best_log_loss']:.4f}), AUC {one['expected_auc']:.3f} "
        f"(truth {one['best_auc']:.3f}), says {one['says']:.4f}, is {one['truth']:.4f}"
    )


if __name__ == "__main__":
    main()
