"""What distilled points keep of the model: ``python -m benchmarks.distilled [--rules N ...]``.

Distils the model of a finished run (``make run``) into tables of so many rules, from the learning
part alone, and compares each on the test part with the full model and with the points
that the source has. To reach on the demo, with 15 rules: at least half of the model's advantage
over the existing points, in AUC and in the share of customers reached at the team's capacity. A
world has fewer than 200 customers on its list, so ``--worlds N`` does it for other worlds, too.
"""

import argparse
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from benchmarks.demo_worlds import FIRST_SEED, run_world
from benchmarks.results import write_result
from leadcast.features.tables import Tables
from leadcast.models.distill.cost import FIGURES, Cost
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.insight.rules import cost_of, distilled_from

JUDGED_RULES = 15
JUDGED = ("auc_snapshots", "auc", "gain")


def measure(run: RunFolder, tables: Tables, max_rules: int) -> tuple[Cost, dict[str, Any]]:
    """Distil and compare.

    Parameters
    ----------
    run : RunFolder
        A finished run.
    tables : Tables
        Its tables.
    max_rules : int
        How many rules at most.

    Returns
    -------
    cost : Cost
    figures : dict
        JSON values: each figure of the model, the distilled and the existing points.
    """
    cost = cost_of(run, tables, distilled_from(run, tables, max_rules))
    figures: dict[str, Any] = {"rules": max_rules}
    for name in FIGURES:
        pair = getattr(cost.distilled, name)
        figures[name] = {
            "model": pair.learned.value,
            "distilled": pair.points.value,
            "model_minus_distilled": [pair.difference.low, pair.difference.high],
            "existing": cost.existing and getattr(cost.existing, name).points.value,
            "kept": cost.recovered(name),
        }
    return cost, figures


def other_worlds(number: int) -> list[dict[str, Any]]:
    """Distil the models of other worlds than the demo's own.

    Parameters
    ----------
    number : int
        How many.

    Returns
    -------
    list of dict
        The figures of each, as `measure` gives them, with its ``seed``.
    """
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + number):
        with tempfile.TemporaryDirectory() as folder:
            run_world(seed, Path(folder))
            with chdir(folder):
                run = RunFolder("demo")
                figures = measure(run, Tables.read(run.tables), JUDGED_RULES)[1]
        print(f"world {seed}: {_kept(figures)}", flush=True)
        found.append({"seed": seed} | figures)
    return found


def _kept(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {figures[name]['kept'] or 0:.0%}" for name in JUDGED)


def main() -> None:
    """Measure every size and write ``benchmarks/results/distilled.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="demo")
    parser.add_argument("--rules", type=int, nargs="+", default=[JUDGED_RULES])
    parser.add_argument("--worlds", type=int, default=0, help="how many other worlds of the demo")
    arguments = parser.parse_args()
    source = arguments.source
    run = RunFolder(source)
    tables = Tables.read(run.tables)
    results = []
    for size in sorted({*arguments.rules, JUDGED_RULES}):
        cost, figures = measure(run, tables, size)
        results.append(figures)
        print(f"{size} rules keep of the model's advantage: {_kept(figures)}", flush=True)
        if size == JUDGED_RULES:
            print(cost.as_markdown())
    judged = next(figures for figures in results if figures["rules"] == JUDGED_RULES)
    least = min(judged[name]["kept"] or 0.0 for name in JUDGED)
    print(f"least kept with {JUDGED_RULES} rules: {least:.0%} (to reach: 50 %)")
    worlds = other_worlds(arguments.worlds)
    content = {"source": source, "least_kept": least, "sizes": results, "worlds": worlds}
    write_result("distilled", content)


if __name__ == "__main__":
    main()
