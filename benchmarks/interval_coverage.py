"""How often intervals hold the truth, in worlds where it is known.

Run ``python -m benchmarks.interval_coverage [--leads-only]``: intervals of metrics (bootstrap), of
AUCs (DeLong) and of leads (Venn-Abers), each over several worlds.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from benchmarks.known_worlds import Drawn, World
from benchmarks.results import write_result
from leadcast.models.calibration.calibrator_choice import choose_calibrator
from leadcast.models.calibration.intervals import fit_lead_intervals
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.evaluation.delong import auc_interval, compare_aucs
from leadcast.models.evaluation.evaluation import evaluate
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.metrics import measure
from leadcast.models.evaluation.tally import tally

LARGE = 100_000
"""Leads whose true probabilities stand for the world itself."""


def curved(log_odds: Floats) -> Floats:
    """Bend log-odds: the learner is too sure of its best leads."""
    return np.where(log_odds > -2, -2 + 0.6 * (log_odds + 2), log_odds)


def flattened(log_odds: Floats) -> Floats:
    """Flatten log-odds and raise them: the learner is too sure, and the base rate has risen."""
    return -2.7 + 0.8 * (log_odds + 3)


WORLDS: dict[str, World] = {
    "calibrated": World(),
    "too sure": World(curve=flattened),
    "bent": World(curve=curved, spread=1.2),
    "half convert": World(level=-0.5, spread=1.5),
    "independent rows": World(agreement=0.0),
    "drifting": World(drift=0.2),
}


def metric_coverage(
    world: World, leads: int, repetitions: int, replicates: int = 500, by_row: bool = False
) -> pl.DataFrame:
    """Measure how often metrics' intervals hold the metrics of the world itself.

    Parameters
    ----------
    world : World
    leads : int
        Leads in each sample.
    repetitions : int
        How many samples.
    replicates : int
        Draws of each bootstrap.
    by_row : bool
        Take rows as independent, which they are not: what the clusters are good for.

    Returns
    -------
    pl.DataFrame
        A row a metric: ``metric``, ``truth``, ``mean`` (of the estimates), ``covered``.
    """
    truth = _truth(world)
    found: dict[str, list[Estimate]] = defaultdict(list)
    for drawn in _samples(world, leads, repetitions):
        group = np.arange(len(drawn.group)) if by_row else drawn.group
        content = evaluate(sigmoid(drawn.log_odds), drawn.converted, group, replicates=replicates)
        for name in truth:
            found[name].append(Estimate(**content["test"][name]))
    return pl.DataFrame([_row(name, truth[name], estimates) for name, estimates in found.items()])


def auc_coverage(world: World, leads: int, repetitions: int, by_row: bool = False) -> float:
    """Measure how often DeLong's interval holds the AUC of the world itself.

    Parameters
    ----------
    world, leads, repetitions, by_row
        As in `metric_coverage`.

    Returns
    -------
    float
    """
    truth = _truth(world)["auc"]
    estimates = [
        auc_interval(drawn.log_odds, drawn.converted, _groups(drawn, by_row))
        for drawn in _samples(world, leads, repetitions)
    ]
    return _share(estimates, truth)


def auc_difference_coverage(world: World, leads: int, repetitions: int) -> float:
    """Measure how often DeLong's interval holds the difference of two AUCs.

    The second ranking is the first with noise of half its spread.

    Parameters
    ----------
    world, leads, repetitions
        As in `metric_coverage`.

    Returns
    -------
    float
    """
    large = world.draw(LARGE, seed=10**6)
    blurred = _blurred(large, world, seed=1)
    aucs = [measure(tally(value, large.truth))["auc"] for value in (large.log_odds, blurred)]
    estimates = [
        compare_aucs(
            drawn.log_odds, _blurred(drawn, world, seed), drawn.converted, drawn.group
        ).difference
        for seed, drawn in enumerate(_samples(world, leads, repetitions))
    ]
    return _share(estimates, aucs[0] - aucs[1])


def lead_coverage(
    world: World,
    leads: int,
    repetitions: int,
    level: float = 0.9,
    replicates: int = 200,
    periods: bool = False,
) -> dict[str, float]:
    """Measure how often leads' intervals hold the true rate of leads with nearly equal log-odds.

    Parameters
    ----------
    world, leads, repetitions
        As in `metric_coverage`; the calibrator is chosen on the same leads as the intervals.
    level : float
        What the intervals promise.
    replicates : int
        Draws for each fit.
    periods : bool
        Tell the intervals in which period the rows came.

    Returns
    -------
    dict of str to float
        ``covered``: share of the next period's leads whose interval holds the true rate of their
        hundredth of those leads; ``width``: the intervals' mean width; ``pair_width``: that of the
        Venn-Abers pair.
    """
    sums: dict[str, list[float]] = defaultdict(list)
    for seed, drawn in enumerate(_samples(world, leads, repetitions)):
        log_odds, rate = _next_period(world, 10**6 + seed)
        rows = (drawn.log_odds, drawn.converted, drawn.group)
        intervals = fit_lead_intervals(
            *rows, period=drawn.period if periods else None, level=level, replicates=replicates
        )
        calibrator = choose_calibrator(*rows).calibrator
        intervals = intervals.averaged_with(calibrator.probability(np.array(intervals.knots)))
        probability = calibrator.probability(log_odds)
        low, high = intervals.interval(log_odds, probability)
        if_lost, if_won = intervals.pair(log_odds)
        sums["covered"].append(float(np.mean((low <= rate) & (rate <= high))))
        sums["width"].append(float(np.mean(high - low)))
        sums["pair_width"].append(float(np.mean(if_won - if_lost)))
    return {name: float(np.mean(numbers)) for name, numbers in sums.items()}


def main() -> None:
    """Print all coverages, and write those of leads' intervals down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--leads-only", action="store_true", help="Leave metrics' intervals out.")
    parser.add_argument("--repetitions", type=int, default=30, help="Samples of each world.")
    options = parser.parse_args()
    found = []
    for name in options.worlds:
        print(f"\n{name}", flush=True)
        # Where the world moves, a sample's metrics are those of its own periods, not of the world.
        if WORLDS[name].drift == 0 and not options.leads_only:
            _print_metrics(WORLDS[name])
        for leads, periods in product((300, 1000, 4000), (False, True)):
            covered = lead_coverage(WORLDS[name], leads, options.repetitions, periods=periods)
            told = "periods told" if periods else "periods not told"
            print(f"leads' intervals, nominal 90 %, {leads} leads, {told}:", covered, flush=True)
            found.append({"world": name, "leads": leads, "periods_told": periods} | covered)
    write_result("interval_coverage", {"repetitions": options.repetitions, "leads": found})


def _print_metrics(world: World) -> None:
    print("metrics, 1,000 leads, nominal 95 %")
    with pl.Config(tbl_rows=40):
        print(metric_coverage(world, leads=1000, repetitions=100, replicates=200))
    delong = auc_coverage(world, leads=1000, repetitions=300)
    difference = auc_difference_coverage(world, leads=1000, repetitions=300)
    print(f"DeLong, nominal 95 %: AUC {delong:.3f}, difference {difference:.3f}", flush=True)


def _next_period(world: World, seed: int) -> tuple[Floats, Floats]:
    # Log-odds of leads of one more period, and the true rate of the hundredth they belong to.
    new = replace(world, periods=1).draw(700, seed)
    order = np.argsort(new.log_odds)
    hundredth = np.arange(len(order)) * 100 // len(order)
    rates = np.bincount(hundredth, new.truth[order]) / np.bincount(hundredth)
    return new.log_odds[order], rates[hundredth]


def _samples(world: World, leads: int, repetitions: int) -> Iterator[Drawn]:
    return (world.draw(leads, seed) for seed in range(repetitions))


def _truth(world: World) -> dict[str, float]:
    large = world.draw(LARGE, seed=10**6)
    return measure(tally(sigmoid(large.log_odds), large.truth))


def _groups(drawn: Drawn, by_row: bool) -> Integers:
    return np.arange(len(drawn.group)) if by_row else drawn.group


def _blurred(drawn: Drawn, world: World, seed: int) -> Floats:
    noise = np.random.default_rng(seed).normal(size=len(drawn.group))
    return drawn.log_odds + world.spread / 2 * noise


def _row(name: str, truth: float, estimates: list[Estimate]) -> dict[str, Any]:
    values = [one.value for one in estimates if one.value is not None]
    mean = float(np.mean(values))
    return {"metric": name, "truth": truth, "mean": mean, "covered": _share(estimates, truth)}


def _share(estimates: list[Estimate], truth: float) -> float:
    ends = [(one.low, one.high) for one in estimates]
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    # A world of true probabilities has no miscalibration but what rounding leaves.
    return float(np.mean([low <= truth + 1e-9 and truth - 1e-9 <= high for low, high in known]))


if __name__ == "__main__":
    main()
