r"""Do forecasts hold? ``python -m benchmarks.forecast [--worlds N] [--leads N] [--known N]``.

Needs finished runs of demo and bpi2012, or of what `--runs` names. At every week of their tests the
open pipeline is forecast by the tested model, with what was known by then, and held against what
came: how often 90 % intervals held the customers and the revenue of single weeks, and of all known
weeks together. The same in further simulated worlds with few leads, each run through the pipeline's
own stages, and in pipelines whose law is known (`benchmarks.forecast_worlds`), where each forecast
is a trial of its own and the width of an interval is held against that of who knows the law.

Examples
--------
python -m benchmarks.forecast
python -m benchmarks.forecast --runs --known 0 --worlds 8 --leads 2500 --source demo_accounts \
    --seed 8 --all-candidates
"""

import argparse
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecast_worlds import KINDS, judge_world
from benchmarks.projects import lay_out_source
from benchmarks.results import folder_of, write_result
from leadcast.features.base.ownership import PARAMS, SOURCES
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.features.tables import Tables
from leadcast.models.forecast.forecast_coverage import coverage_of
from leadcast.models.forecast.forecast_words import coverage_words
from leadcast.pipelines.base.params import change_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.forecast import past_forecasts
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.scorer import Scorer

LAST = "export"
FIRST_SEED = 201
RUNS = ("demo", "bpi2012")
PAST_WEEKS = (5, 20)
"""After so many past weeks pipelines of known law are forecast."""
QUICK = {"candidates": ["logistic"], "origins": 2, "num_threads": 1}
"""Worlds are many and small: trees would learn little, and take the most time."""


def covered(source: str) -> dict[str, Any]:
    """Forecast at each past week of a run, and count how often that held.

    Parameters
    ----------
    source : str
        With a finished run.

    Returns
    -------
    dict
        As `leadcast.models.forecast.forecast_coverage.coverage_of` gives it, with ``words``.
    """
    run = RunFolder(source)
    tables = Tables.read(run.tables)
    if tables.observed_until is None:
        raise ValueError(f"{source}: nothing is dated")
    found, past = past_forecasts(run, Scorer.load(run.judged), tables, tables.observed_until)
    told = coverage_of(found, past)
    open_leads = float(np.mean([len(one.won_in) for one in past]))
    return told | {"open_leads": open_leads, "words": coverage_words(told)}


def covered_world(
    seed: int, leads: int, folder: Path, source: str = "demo", *, quick: bool = True
) -> dict[str, Any]:
    """Simulate a world, run the stages on it, and do the same there.

    Parameters
    ----------
    seed, leads : int
    folder : Path
        An empty folder to work in.
    source : str
        A simulated one, whose definition is taken.
    quick : bool
        Whether to learn as `QUICK` says; else as the parameters do.

    Returns
    -------
    dict
        As `covered` gives it.
    """
    definition = plain_yaml((SOURCES / f"{source}.yaml").read_text(encoding="utf-8"))
    definition["simulation"] |= {"leads": leads, "seed": seed}
    definition["root"] = f"data/{source}"
    lay_out_source(folder, definition)
    with chdir(folder):
        if quick:
            change_params(PARAMS, lambda content: content["model"].update(QUICK))
        asks = find_definition(source).accounts is not None
        for name, stage in STAGES.items():
            if name != "gate" and (asks or name != "accounts"):
                stage(source)
            if name == LAST:
                break
        return covered(source)


def together(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over worlds, each counting by its weeks; worlds are the independent trials."""
    told: dict[str, Any] = {"worlds": len(found)}
    for name in ("customers", "revenue"):
        parts = [one[name] for one in found]
        weeks, totals = (np.array([one[key] for one in parts]) for key in ("weeks", "totals"))
        held, totals_held = (
            np.array([one[key] for one in parts]) for key in ("held", "totals_held")
        )
        told[name] = {
            "weeks": int(weeks.sum()),
            "held": float(weeks @ held / weeks.sum()),
            "totals": int(totals.sum()),
            "totals_held": float(totals @ totals_held / totals.sum()),
            "error": float(totals_held.std(ddof=1) / np.sqrt(len(parts))) if parts[1:] else None,
            "expected": float(sum(one["expected"] for one in parts)),
            "came": float(sum(one["came"] for one in parts)),
        }
    return told


def judge_known(worlds: int) -> dict[str, Any]:
    """Hold forecasts of pipelines of known law against what came.

    Parameters
    ----------
    worlds : int
        Of each kind and number of past weeks.

    Returns
    -------
    dict
        As `benchmarks.forecast_worlds.judge_world` gives it, by kind and past weeks.
    """
    told: dict[str, Any] = {}
    for kind, world in KINDS.items():
        told[kind] = {str(weeks): judge_world(world, weeks, worlds) for weeks in PAST_WEEKS}
        for weeks, one in told[kind].items():
            customers, revenue = one["customers"], one["revenue"]
            print(
                f"{kind}, {weeks} past weeks: totals {customers['totals_held']:.0%} and "
                f"{revenue['totals_held']:.0%}, weeks {customers['weeks_held']:.0%} and "
                f"{revenue['weeks_held']:.0%}, width {customers['width']:.2f} and "
                f"{revenue['width']:.2f}",
                flush=True,
            )
    return told


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--leads", type=int, default=3_000)
    parser.add_argument("--known", type=int, default=50)
    parser.add_argument("--runs", nargs="*", default=list(RUNS), help="finished runs to look at")
    parser.add_argument("--source", default="demo", help="the kind of worlds")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first world")
    parser.add_argument(
        "--all-candidates", action="store_true", help="let each world learn as params.yaml says"
    )
    asked = parser.parse_args()
    result: dict[str, Any] = {source: covered(source) for source in asked.runs}
    worlds = []
    for number in range(asked.worlds):
        with tempfile.TemporaryDirectory() as folder:
            kind, quick = asked.source, not asked.all_candidates
            world = covered_world(asked.seed + number, asked.leads, Path(folder), kind, quick=quick)
            worlds.append(world)
            print(f"world {number + 1}: {worlds[-1]['words']}", flush=True)
    if worlds:
        whole = together(worlds)
        result["worlds"] = {"leads": asked.leads, "together": whole, "each": worlds}
        for name in ("customers", "revenue"):
            one = whole[name]
            error = "" if one["error"] is None else f" ± {one['error']:.0%}"
            print(f"{name}: weeks {one['held']:.0%}, totals {one['totals_held']:.0%}{error}")
    if asked.known:
        result["known"] = judge_known(asked.known)
    for source in asked.runs:
        print(f"{source}: {result[source]['words']}")
    if asked.source == parser.get_default("source"):
        write_result("forecast", result, folder_of(parser, asked))
    else:
        write_result(f"forecast_{asked.source}", result)


if __name__ == "__main__":
    main()
