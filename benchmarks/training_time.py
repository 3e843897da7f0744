"""How long default training takes: ``python -m benchmarks.training_time [--leads N ...]``.

Simulates a world of each asked size in a scratch folder, runs the stages before training on it,
and times the stages train and calibrate, each as its own process, as DVC runs them. To reach, on
two cores: 10,000 leads under 20 seconds; a million snapshots to learn from, which is what 480,000
leads give, under 6 minutes.
"""

import argparse
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.results import write_result
from benchmarks.scale import clear, measure, prepare
from leadcast.features.tables import Tables
from leadcast.pipelines.base.dataset import LEARNING
from leadcast.pipelines.base.paths import RunFolder

BEFORE = ("fetch", "ingest", "snapshots", "features")
TIMED = ("train", "calibrate")
TO_REACH_SECONDS = {10_000: 20.0, 480_000: 360.0}


def training_time(leads: int, scratch: Path) -> dict[str, Any]:
    """Measure the training of a simulated world.

    Parameters
    ----------
    leads : int
        How many leads the world has.
    scratch : Path
        A folder that is made, and removed again.

    Returns
    -------
    dict
        ``leads``, ``snapshots`` (those learned from), ``features``, ``seconds`` (of train and
        calibrate, starting Python and importing included), ``peak_mib``, ``to_reach_seconds``.

    Raises
    ------
    LeadcastError
        If there is such a folder of another's.
    """
    prepare(scratch, leads)
    try:
        for stage in BEFORE:
            print(f"{leads:,} leads: {stage}", flush=True)
            measure(stage, scratch)
        timed = [measure(stage, scratch) for stage in TIMED]
        run = scratch / RunFolder("demo").path
        learned = pl.scan_parquet(run / "snapshots.parquet").filter(pl.col("part").is_in(LEARNING))
        return {
            "leads": Tables.read(run / "tables").leads.height,
            "snapshots": learned.select(pl.len()).collect().item(),
            "features": len(pl.read_parquet_schema(run / "matrix.parquet")),
            "seconds": sum(stage["seconds"] for stage in timed),
            "peak_mib": max(stage["peak_mib"] for stage in timed),
            "to_reach_seconds": TO_REACH_SECONDS.get(leads),
        }
    finally:
        clear(scratch)


def main() -> None:
    """Measure every world and write ``benchmarks/results/training_time.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--leads", type=int, nargs="+", default=list(TO_REACH_SECONDS))
    parser.add_argument("--scratch", type=Path, default=Path("data/training_time"))
    arguments = parser.parse_args()
    worlds = []
    for leads in arguments.leads:
        world = training_time(leads, arguments.scratch)
        goal = world["to_reach_seconds"]
        told = f" (to reach: {goal:g} s)" if goal else ""
        print(
            f"{world['leads']:,} leads, {world['snapshots']:,} snapshots by {world['features']} "
            f"features: {world['seconds']:.1f} s{told}, peak {world['peak_mib'] / 1024:.2f} GiB"
        )
        worlds.append(world)
    write_result("training_time", {"worlds": worlds})


if __name__ == "__main__":
    main()
