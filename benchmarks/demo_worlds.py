"""The demo's figure in several worlds: ``python -m benchmarks.demo_worlds [--worlds N]``.

One world of 20,000 leads has about 550 winners to learn from, so that its top decile is off by
luck alone. Over several worlds luck averages out, and what is left is how the learner itself errs.
Each world is the demo with another seed, run through the pipeline's own stages.
"""

import argparse
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.demo_truth import DECILES, TRUTH, by_decile, interval_coverage, with_truth
from benchmarks.projects import lay_out_source
from benchmarks.results import write_result
from leadcast.features.base.ownership import SOURCES
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES

NAMES = ("fetch", "ingest", "snapshots", "features", "train", "calibrate", "evaluate")
FIRST_SEED = 101


def run_world(seed: int, folder: Path) -> float:
    """Run the stages on one world.

    Parameters
    ----------
    seed : int
        The world's.
    folder : Path
        An empty folder to work in.

    Returns
    -------
    float
        The horizon, in days.
    """
    definition = plain_yaml((SOURCES / "demo.yaml").read_text(encoding="utf-8"))
    definition["simulation"]["seed"] = seed
    definition["root"] = "data/demo"
    lay_out_source(folder, definition)
    with chdir(folder):
        for name in NAMES:
            STAGES[name]("demo")
    return float(definition["snapshots"]["horizon_days"])


def scored_world(seed: int, folder: Path) -> pl.DataFrame:
    """Run the stages on one world and put its truth beside its predictions.

    Parameters
    ----------
    seed, folder
        As in `run_world`.

    Returns
    -------
    pl.DataFrame
        As `benchmarks.demo_truth.with_truth` gives it.
    """
    horizon_days = run_world(seed, folder)
    with chdir(folder):
        scores = pl.read_parquet(RunFolder("demo").test_scores)
        return with_truth(scores, pl.read_parquet(TRUTH), horizon_days)


def main() -> None:
    """Print each world's largest difference and the deciles' means, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=6, help="How many (about a minute each).")
    worlds = parser.parse_args().worlds
    tables, coverages = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + worlds):
        with tempfile.TemporaryDirectory() as folder:
            joined = scored_world(seed, Path(folder))
        tables.append(by_decile(joined).with_columns(world=pl.lit(seed)))
        covered, width = interval_coverage(joined)
        coverages.append({"world": seed, "covered": covered, "width": width})
        print(
            f"world {seed}: largest difference in a decile {_largest(tables[-1]):.4f}; leads' 90 % "
            f"intervals hold their bin's true rate in {covered:.1%} (mean width {width:.3f})",
            flush=True,
        )
    every = pl.concat(tables)
    mean = (
        every.group_by("decile")
        .agg(
            pl.col("predicted", "true", "difference").mean(),
            standard_error=pl.col("difference").std() / len(tables) ** 0.5,
        )
        .sort("decile")
    )
    with pl.Config(float_precision=4, tbl_rows=DECILES, tbl_hide_dataframe_shape=True):
        print(mean)
    print(f"largest mean difference {_largest(mean):.4f}")
    held = float(np.mean([one["covered"] for one in coverages]))
    print(f"leads' 90 % intervals hold the true rate in {held:.1%}, on average over worlds")
    largest_of_each = every.group_by("world").agg(pl.col("difference").abs().max()).sort("world")
    write_result(
        "demo_worlds",
        {
            "worlds": worlds,
            "deciles": mean.to_dicts(),
            "largest": largest_of_each.to_dicts(),
            "intervals": coverages,
        },
    )


def _largest(table: pl.DataFrame) -> float:
    return float(np.abs(table["difference"].to_numpy()).max())


if __name__ == "__main__":
    main()
