"""What scoring costs on one machine, on Dask and on Spark: ``python -m benchmarks.cluster``.

Scores the leads of a run's canonical tables with its bundle, each engine in a process of its own
with two worker processes, and tells the wall clock, the CPU seconds of all its processes, and
whether the scores are equal. The tables are those of ``leadcast run``, or, for a million leads,
those that ``python -m benchmarks.scale --keep`` leaves.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.results import write_result

WORKERS = "2"
AS_OF = "2026-01-01T00:00:00+00:00"
TOLERANCE = 1e-12


def command(engine: str, bundle: Path, tables: Path, out: Path) -> list[str]:
    """Give the command that scores with an engine.

    Parameters
    ----------
    engine : {"local", "dask", "spark"}
    bundle, tables, out : Path

    Returns
    -------
    list of str
    """
    files = ["--leads", str(tables / "leads.parquet"), "--events", str(tables / "events.parquet")]
    said = ["--bundle", str(bundle), *files, "--as-of", AS_OF, "--out", str(out)]
    if engine == "spark":
        return [sys.executable, "-m", "serve.cluster.spark", *said]
    return [sys.executable, "-m", "pipelines.cli", "score", "--engine", engine, *said]


def measure(engine: str, bundle: Path, tables: Path, out: Path) -> dict[str, Any]:
    """Score with an engine, and take its time.

    Parameters
    ----------
    engine, bundle, tables, out
        As `command` takes them.

    Returns
    -------
    dict
        ``engine``, ``seconds``, ``cpu_seconds`` (its own processes', all of them), ``load``.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    arguments = f"--master local[{WORKERS}] --driver-memory 4g pyspark-shell"
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": arguments}
    subprocess.run(command(engine, bundle, tables, out), check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "engine": engine,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(cpu, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def scores_of(out: Path) -> pl.Series:
    """Read the probabilities in the order of the leads' names.

    Parameters
    ----------
    out : Path
        A Parquet file or a folder of them.

    Returns
    -------
    pl.Series
    """
    return pl.read_parquet(out).sort("lead_id")["probability"]


def main() -> None:
    """Measure every engine and write ``benchmarks/results/cluster.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("data/runs/demo"), help="a run's folder")
    parser.add_argument("--bundle", type=Path, help="another bundle than the run's")
    parser.add_argument("--engines", nargs="+", default=["local", "dask", "spark"])
    asked = parser.parse_args()
    bundle = asked.bundle or asked.run / "bundle"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        leads = pl.read_parquet(asked.run / "tables/leads.parquet").drop("position", strict=False)
        leads.write_parquet(folder / "leads.parquet")
        events = pl.scan_parquet(asked.run / "tables/events/*.parquet")
        events.sink_parquet(folder / "events.parquet")
        outs = {engine: folder / f"{engine}.parquet" for engine in asked.engines}
        rows = [measure(engine, bundle, folder, out) for engine, out in outs.items()]
        first = scores_of(outs[asked.engines[0]])
        for row, out in zip(rows, outs.values(), strict=True):
            row["largest_difference"] = float((scores_of(out) - first).abs().max())  # type: ignore[arg-type]
            assert row["largest_difference"] <= TOLERANCE, row
        n_events = int(events.select(pl.len()).collect().item())
    result = {"leads": leads.height, "events": n_events, "workers": int(WORKERS), "engines": rows}
    for row in rows:
        print(row)
    write_result("cluster", result)


if __name__ == "__main__":
    main()
