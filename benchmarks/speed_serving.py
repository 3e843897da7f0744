"""The scorer at work: one lead, a whole batch against prediction alone, and cost by size."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.timing import peak_mib, quantiles_us
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.reasons import NO_REASONS
from leadcast.serve.scorer import Event, Scorer

EVENTS_A_LEAD = 200


def measure_one(run: Path, calls: int) -> dict[str, Any]:
    """Score one lead with 200 events from plain Python values, again and again.

    Parameters
    ----------
    run : Path
        A run's folder, with its bundle and tables.
    calls : int
        How often, after some that are not counted; with reasons a tenth as often.

    Returns
    -------
    dict
        Quantiles without and with reasons, in microseconds: by the clock, and of the processor's
        time, which others on the machine lengthen less.
    """
    scorer = Scorer.load(run / "bundle")
    lead = pl.read_parquet(run / "tables/leads.parquet").row(0, named=True)
    kinds = scorer.bundle.plan.kinds
    moment = lead["created_at"] + timedelta(days=60)
    events: list[Event] = [
        (lead["created_at"] + timedelta(hours=7 * n), kinds[n % len(kinds)], None)
        for n in range(EVENTS_A_LEAD)
    ]
    told = {}
    for name, with_reasons, n in (("score", False, calls), ("reasons", True, calls // 10)):
        clocks: dict[str, list[float]] = {"clock": [], "processor": []}
        for number in range(n + 20):
            began, began_working = time.perf_counter(), time.process_time()
            scorer.score_one(lead, events, moment, with_reasons=with_reasons)
            if number >= 20:
                clocks["clock"].append(time.perf_counter() - began)
                clocks["processor"].append(time.process_time() - began_working)
        told[name] = {clock: quantiles_us(seconds) for clock, seconds in clocks.items()}
    return told


def repeated(run: Path, folder: Path, n_leads: int) -> tuple[Path, Path]:
    """Write the run's leads and events over and over under other ids, until there are enough.

    Their e-mail addresses differ as well, so that no batch gains by reading the same one twice.

    Parameters
    ----------
    run : Path
        A run's folder.
    folder : Path
        Where to write.
    n_leads : int

    Returns
    -------
    leads, events : Path
        Parquet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    leads = pl.read_parquet(run / "tables/leads.parquet")
    copies = -(-n_leads // leads.height)
    kept = leads.head(min(n_leads, leads.height)).lazy()
    events = pl.scan_parquet(run / "tables/events/*.parquet")
    events = events.join(kept.select("lead_id"), on="lead_id", how="semi")
    for name, table in (("leads", kept), ("events", events)):
        named = [("lead_id", "/"), ("email", "")] if name == "leads" else [("lead_id", "/")]
        copied = [
            table.with_columns(
                (pl.lit(f"{number}{between}") + pl.col(column)).alias(column)
                for column, between in named
            )
            for number in range(copies)
        ]
        pl.concat(copied).sink_parquet(folder / f"{name}.parquet")
    return folder / "leads.parquet", folder / "events.parquet"


def measure_start(run: Path, folder: Path, n_leads: int, rounds: int) -> dict[str, Any]:
    """Score a few leads by the command line, each time as a process of its own.

    Parameters
    ----------
    run, folder, n_leads
        As in `repeated`.
    rounds : int
        How often, after once that is not counted.

    Returns
    -------
    dict
        The median of the seconds by the clock, and of the processor's time.
    """
    leads, events = map(str, repeated(run, folder, n_leads))
    places = ["--leads", leads, "--events", events, "--out", str(folder / "out.csv")]
    command = [
        sys.executable,
        "-m",
        "leadcast",
        "score",
        "--bundle",
        str(run / "bundle"),
    ]
    clock, processor = [], []
    for number in range(rounds + 1):
        began, worked = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, *places], check=True, capture_output=True)
        if number:
            done = resource.getrusage(resource.RUSAGE_CHILDREN)
            clock.append(time.perf_counter() - began)
            processor.append(done.ru_utime + done.ru_stime - worked.ru_utime - worked.ru_stime)
    return {
        "n_leads": n_leads,
        "seconds": round(float(np.median(clock)), 2),
        "processor_seconds": round(float(np.median(processor)), 2),
    }


def measure_sizes(run: Path, folder: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """Score batches of several sizes, each as a process, and draw seconds and memory.

    Parameters
    ----------
    run, folder
        As in `repeated`.
    sizes : sequence of int
        Leads.

    Returns
    -------
    dict
        Of each size seconds and peak memory; ``exponent`` of the growth of seconds with leads, and
        ``processor_exponent`` of that of the processor's time, which others lengthen less.
    """
    told = []
    for size in sizes:
        files = repeated(run, folder / str(size), size)
        # What has been done before in a process costs no time again, but it holds memory.
        warm, cold = (_measured_apart(run, files, *how) for how in ([], ["cold"]))
        told.append({"n_leads": size} | warm | {"peak_mib": cold["peak_mib"]})
    leads, *seconds = (
        np.log([row[name] for row in told]) for name in ("n_leads", "seconds", "processor_seconds")
    )
    clock, processor = (round(float(np.polyfit(leads, each, 1)[0]), 3) for each in seconds)
    return {"sizes": told, "exponent": clock, "processor_exponent": processor}


def _measured_apart(run: Path, files: Sequence[Path], *how: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speed_serving", str(run), *map(str, files), *how]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def draw_sizes(result: dict[str, Any], picture: Path) -> None:
    """Draw the cost by size.

    Parameters
    ----------
    result : dict
        As `measure_sizes` gives it.
    picture : Path
        A PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    leads = [row["n_leads"] for row in result["sizes"]]
    per_lead = [1e6 * row["seconds"] / row["n_leads"] for row in result["sizes"]]
    time_axes.plot(leads, per_lead, "o-")
    time_axes.set(xscale="log", xlabel="leads", ylabel="microseconds a lead")
    time_axes.set_ylim(0, 1.1 * max(per_lead))
    time_axes.set_title(f"seconds grow with leads to the {result['exponent']:.2f}")
    peaks = [row["peak_mib"] for row in result["sizes"]]
    memory_axes.plot(leads, peaks, "o-")
    memory_axes.set(xscale="log", xlabel="leads", ylabel="peak memory, MiB")
    memory_axes.set_ylim(0, 1.1 * max(peaks))
    figure.savefig(picture, dpi=120)


def moment_after(run: Path) -> datetime:
    """Give a moment at which every lead of a run was there.

    Parameters
    ----------
    run : Path
        A run's folder.

    Returns
    -------
    datetime
        A day after the newest lead.
    """
    newest = pl.scan_parquet(run / "tables/leads.parquet").select(pl.col("created_at").max())
    moment: datetime = newest.collect().item() + timedelta(days=1)
    return moment


def main() -> None:
    """Score a batch; print its seconds and the process's peak memory."""
    run, leads, events = map(Path, sys.argv[1:4])
    scorer = Scorer.load(run / "bundle")
    settings = BatchSettings(moment_after(run), reasons=NO_REASONS)
    if "cold" not in sys.argv:
        # What is compiled or read once is not a cost of size. So many events are read as many are.
        few = [file.with_name(f"few_{file.name}") for file in (leads, events)]
        for file, part, rows in zip((leads, events), few, (1_000, 500_000), strict=True):
            pl.scan_parquet(file).head(rows).sink_parquet(part)
        score_files(scorer, few[0], few[1], leads.with_name("few_out.parquet"), settings)
    began, worked = time.perf_counter(), time.process_time()
    score_files(scorer, leads, events, leads.with_name("out.parquet"), settings)
    took = {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - worked,
    }
    told = {name: round(seconds, 3) for name, seconds in took.items()}
    print(json.dumps(told | {"peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
