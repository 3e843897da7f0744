"""What features and scores cost on one machine, Dask and Spark: ``python -m benchmarks.cluster``.

Takes the project folder that ``python -m benchmarks.scale --keep`` leaves and does each job as a
process of its own, the engines with two worker processes: features (where there are snapshots),
training, and scores of all leads. Of each it tells the wall clock, the CPU seconds of all
processes, their peak memory, and whether the result is that of one machine; of training, how good
the learner is on the test part, which it has not seen. Jobs that are not asked for keep their rows.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.processes import ProcessTree
from benchmarks.results import RESULTS, write_result
from leadcast.features.base.files import read_json
from leadcast.models.evaluation.delong import auc_interval
from leadcast.models.learners.learner_store import load_learner
from leadcast.pipelines.base.dataset import read_parts
from leadcast.pipelines.base.paths import RunFolder

JOBS = ("features", "training", "scores")
WORKERS = "2"
AS_OF = "2026-01-01T00:00:00+00:00"
TOLERANCE = 1e-12


def stage_command(stage: str, engine: str) -> list[str]:
    """Give the command that runs a stage of a project.

    Parameters
    ----------
    stage : {"features", "train"}
    engine : {"local", "dask"}

    Returns
    -------
    list of str
    """
    return [sys.executable, "-m", f"leadcast.pipelines.{stage}", "demo", "--engine", engine]


def score_command(engine: str, bundle: Path, tables: Path, out: Path) -> list[str]:
    """Give the command that scores with an engine.

    Parameters
    ----------
    engine : {"local", "dask", "spark"}
    bundle, tables, out : Path
        The bundle, the folder of ``leads.parquet`` and ``events``, and the scores to write.

    Returns
    -------
    list of str
    """
    files = ["--leads", str(tables / "leads.parquet"), "--events", str(tables / "events")]
    said = ["--bundle", str(bundle), *files, "--as-of", AS_OF, "--out", str(out)]
    if engine == "spark":
        return [sys.executable, "-m", "leadcast.serve.cluster.spark", *said]
    asked = ["--engine", engine, "--reasons", "none"]
    return [sys.executable, "-m", "leadcast", "score", *asked, *said]


def measure(command: Sequence[str], project: Path) -> dict[str, Any]:
    """Run a command, and take its time and memory.

    Parameters
    ----------
    command : sequence of str
    project : Path
        The folder to run it in.

    Returns
    -------
    dict
        ``seconds``; ``cpu_seconds`` (of all its processes) and ``driver_cpu_seconds``;
        ``driver_mib``, ``worker_mib`` (the largest) and ``java_mib``, peaks; ``load``.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    started = time.perf_counter()
    arguments = f"--master local[{WORKERS}] --driver-memory 4g pyspark-shell"
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": arguments, "POLARS_MAX_THREADS": WORKERS}
    process = subprocess.Popen(command, env=environment, cwd=project)
    with ProcessTree(process.pid) as tree:
        if process.wait():
            raise RuntimeError(f"failed: {' '.join(command)}")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(tree.cpu_seconds(), 1),
        "driver_cpu_seconds": round(tree.cpu_seconds_of_root(), 1),
        "driver_mib": tree.of_root(),
        "worker_mib": tree.below("python"),
        "java_mib": tree.below("java"),
        "load": round(os.getloadavg()[0], 1),
    }


def difference(one: pl.DataFrame, other: pl.DataFrame) -> float:
    """Tell how far two tables of numbers lie apart.

    Parameters
    ----------
    one, other : pl.DataFrame
        Of the same columns and height.

    Returns
    -------
    float
        The largest absolute difference; infinite where a value is missing in one of them.
    """
    largest = 0.0
    for name in one.columns:
        mine, its = (table[name].cast(pl.Float64).fill_nan(None) for table in (one, other))
        if not mine.is_null().equals(its.is_null()):
            return float("inf")
        apart = (mine - its).abs().max()
        largest = max(largest, apart if isinstance(apart, float) else 0.0)
    return largest


def compared(
    job: str, engines: Sequence[str], run: Callable[[str], tuple[dict[str, Any], pl.DataFrame]]
) -> list[dict[str, Any]]:
    """Do a job with each engine and hold its result to the first one's.

    Parameters
    ----------
    job : str
    engines : sequence of str
    run : callable
        Given an engine, gives what `measure` gives and the result.

    Returns
    -------
    list of dict
    """
    rows, first = [], None
    for engine in engines:
        row, result = run(engine)
        first = result if first is None else first
        row = {"job": job, "engine": engine} | row | {"difference": difference(first, result)}
        print(row, flush=True)
        assert row["difference"] <= TOLERANCE, "not the numbers of one machine"
        rows.append(row)
    return rows


def quality(project: Path) -> dict[str, Any]:
    """Tell how good a project's learner is on the test part, before calibration.

    Parameters
    ----------
    project : Path

    Returns
    -------
    dict
        ``chosen``, ``test_auc`` with ``low`` and ``high``, ``test_log_loss``.
    """
    with contextlib.chdir(project):
        run = RunFolder("demo")
        test, learner = read_parts(run, ("test",), None), load_learner(run.learner)
    log_odds = learner.log_odds(test.values)
    auc = auc_interval(log_odds, test.converted, test.group)
    loss = np.logaddexp(0.0, log_odds) - test.converted * log_odds
    told = {"test_auc": auc.value, "low": auc.low, "high": auc.high, "test_log_loss": loss.mean()}
    return {"chosen": learner.kind} | {name: round(float(x), 5) for name, x in told.items()}


def trained(engines: Sequence[str], project: Path) -> list[dict[str, Any]]:
    """Train with each engine.

    Parameters
    ----------
    engines : sequence of str
    project : Path

    Returns
    -------
    list of dict
        What `measure` and `quality` give.
    """
    rows = []
    for engine in engines:
        row = measure(stage_command("train", engine), project)
        rows.append({"job": "training", "engine": engine} | row | quality(project))
        print(rows[-1], flush=True)
    return rows


def kept(jobs: Sequence[str]) -> list[dict[str, Any]]:
    """Read the rows of other jobs from the last result.

    Parameters
    ----------
    jobs : sequence of str
        The jobs that are measured anew.

    Returns
    -------
    list of dict
    """
    file = RESULTS / "cluster.json"
    rows: list[dict[str, Any]] = read_json(file)["jobs"] if file.exists() else []
    return [row for row in rows if row["job"] not in jobs]


def main() -> None:
    """Measure every engine and write ``benchmarks/results/cluster.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--project", type=Path, default=Path("data/scale"))
    parser.add_argument("--bundle", type=Path, help="another bundle than the project's own")
    parser.add_argument("--engines", nargs="+", default=["local", "dask", "spark"])
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=JOBS)
    asked = parser.parse_args()
    run = asked.project.resolve() / "data/runs/demo"
    bundle = (asked.bundle or run / "bundle").resolve()
    rows: list[dict[str, Any]] = []

    def features(engine: str) -> tuple[dict[str, Any], pl.DataFrame]:
        row = measure(stage_command("features", engine), asked.project)
        return row, pl.read_parquet(run / "matrix.parquet")

    engines = [engine for engine in asked.engines if engine != "spark"]
    if "features" in asked.jobs:
        rows += compared("features", engines, features)
    if "training" in asked.jobs:
        rows += trained(engines, asked.project)
    with tempfile.TemporaryDirectory() as name:

        def scores(engine: str) -> tuple[dict[str, Any], pl.DataFrame]:
            out = Path(name) / f"{engine}.parquet"
            row = measure(score_command(engine, bundle, run / "tables", out), asked.project)
            # Spark writes a folder, with checksums beside the scores.
            written = pl.read_parquet(out / "*.parquet" if out.is_dir() else out)
            return row, written.sort("lead_id").select("probability", "score")

        if "scores" in asked.jobs:
            rows += compared("scores", asked.engines, scores)
    counts = {
        table: int(pl.scan_parquet(run / "tables" / files).select(pl.len()).collect().item())
        for table, files in (("leads", "leads.parquet"), ("events", "events/*.parquet"))
    }
    rows = sorted(kept(asked.jobs) + rows, key=lambda row: JOBS.index(row["job"]))
    write_result("cluster", counts | {"workers": int(WORKERS), "jobs": rows})


if __name__ == "__main__":
    main()
