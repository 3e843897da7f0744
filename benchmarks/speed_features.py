"""The feature engine against DuckDB SQL and Polars streaming, from Parquet to an equal matrix.

    python -m benchmarks.speed_features leadcast|duckdb|polars FOLDER

runs one of them as a process of its own, so that its peak memory can be read.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.timing import peak_mib, quantiles_us
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME, TimeOrder
from leadcast.models.data import Matrix

KINDS = tuple(f"kind_{number}" for number in range(8))
WINDOWS, HALF_LIFE = (7, 30, 90), 14.0
ENDS = ("ever", *(f"{days}d" for days in WINDOWS))
ENGINES = ("leadcast", "duckdb", "polars")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
COLUMNS = (
    *("days_since_last_event", "first_event", "last_event", "events_decayed_14d"),
    *(f"active_days_{end}" for end in ENDS),
    *(f"{kind}_count_{end}" for kind in KINDS for end in ENDS),
    *(f"{kind}_days_since" for kind in KINDS),
)


def prepare(folder: Path, n_leads: int, n_events: int, moments: int) -> None:
    """Write leads, events and the moments at which to look at them.

    Parameters
    ----------
    folder : Path
        Where; made if it does not exist.
    n_leads, n_events : int
    moments : int
        How many moments a lead has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    leads = pl.DataFrame({"lead_id": pl.Series([f"lead {i}" for i in range(n_leads)])})
    created = pl.Series(generator.integers(0, 30 * DAY_US, n_leads)).cast(pl.Duration("us"))
    leads = leads.with_columns(created_at=created + START)
    leads.write_parquet(folder / "leads.parquet")
    owner = generator.integers(0, n_leads, n_events)
    after = pl.Series(generator.integers(0, 200 * DAY_US, n_events)).cast(pl.Duration("us"))
    pl.DataFrame(
        {
            "lead_id": leads["lead_id"].gather(owner),
            "occurred_at": leads["created_at"].gather(owner) + after,
            "event_type": pl.Series(KINDS).gather(generator.integers(0, len(KINDS), n_events)),
        }
    ).write_parquet(folder / "events.parquet")
    ages = [timedelta(days=150 - 40 * number) for number in range(moments)]
    rows = [leads.select("lead_id", as_of=pl.col("created_at") + age) for age in ages]
    pl.concat(rows).with_row_index("row").write_parquet(folder / "snapshots.parquet")


def plan_of_columns() -> FeaturePlan:
    """Make the plan whose columns are `COLUMNS`, in the plan's own order."""
    settings = FeatureSettings(windows_days=WINDOWS, half_lives_days=(HALF_LIFE,))
    bare = FeaturePlan(time_order=TimeOrder.DATED, settings=settings, kinds=KINDS)
    return bare.with_columns(tuple(name for name in bare.catalogue if name in COLUMNS))


def measure_one_lead(n_events: int, calls: int) -> dict[str, Any]:
    """Compute the columns of one lead again and again, from plain Python values.

    Parameters
    ----------
    n_events : int
        How many events the lead has, in no order.
    calls : int
        How often, after some that are not counted.

    Returns
    -------
    dict
        Quantiles in microseconds, by the clock and of the processor's time.
    """
    plan, began_us = plan_of_columns(), int(START.timestamp()) * 1_000_000
    places = np.random.default_rng(0).permutation(n_events)
    events = [
        (began_us + int(place) * 3_600_000_000, KINDS[place % len(KINDS)], None) for place in places
    ]
    lead, as_of_us = {"created_at": START}, began_us + 60 * DAY_US
    clock, processor = [], []
    for number in range(calls + 20):
        began, began_working = time.perf_counter(), time.process_time()
        compute_one(plan, lead, events, as_of_us)
        if number >= 20:
            clock.append(time.perf_counter() - began)
            processor.append(time.process_time() - began_working)
    told = {"clock": quantiles_us(clock), "processor": quantiles_us(processor)}
    return {"n_events": n_events} | told


def by_leadcast(folder: Path) -> Matrix:
    """Compute the columns with the product's engine."""
    plan = plan_of_columns()
    leads = pl.read_parquet(folder / "leads.parquet")
    snapshots = pl.read_parquet(folder / "snapshots.parquet")
    events = pl.scan_parquet(folder / "events.parquet").with_columns(
        pl.col("occurred_at").cast(TIME)
    )
    values = compute(plan, leads, events, snapshots)
    place = {name: number for number, name in enumerate(plan.columns)}
    return values[:, [place[name] for name in COLUMNS]]


def by_duckdb(folder: Path) -> Matrix:
    """Compute the columns with one SQL statement."""
    import duckdb

    inside = {"ever": "TRUE"} | {f"{d}d": f"age <= {d * DAY_US}" for d in WINDOWS}
    parts = [
        f"coalesce(min(age), NULL) / {DAY_US}.0 AS days_since_last_event",
        "arg_max(kind, age) AS first_event",
        "arg_min(kind, age) AS last_event",
        f"coalesce(sum(pow(2, -age / {HALF_LIFE * DAY_US})), 0) AS events_decayed_14d",
        *(f"count(DISTINCT day) FILTER (WHERE {inside[end]}) AS active_days_{end}" for end in ENDS),
        *(
            f"count(*) FILTER (WHERE kind = {code} AND {inside[end]}) AS {kind}_count_{end}"
            for code, kind in enumerate(KINDS, 1)
            for end in ENDS
        ),
        *(
            f"min(age) FILTER (WHERE kind = {code}) / {DAY_US}.0 AS {kind}_days_since"
            for code, kind in enumerate(KINDS, 1)
        ),
    ]
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    query = f"""
        WITH known AS (
            SELECT s.row, epoch_us(s.as_of) - epoch_us(e.occurred_at) AS age,
                epoch_us(e.occurred_at) // {DAY_US} AS day,
                list_position([{listed}], e.event_type) AS kind
            FROM '{folder}/snapshots.parquet' s
            JOIN '{folder}/events.parquet' e
                ON s.lead_id = e.lead_id AND e.occurred_at < s.as_of),
        told AS (SELECT row, {", ".join(parts)} FROM known GROUP BY row)
        SELECT told.* EXCLUDE row FROM '{folder}/snapshots.parquet' s LEFT JOIN told USING (row)
        ORDER BY s.row"""
    with duckdb.connect(config={"threads": 2}) as connection:
        table = pl.DataFrame(connection.execute(query).to_arrow_table())
    return _as_matrix(table)


def by_polars(folder: Path) -> Matrix:
    """Compute the columns with one lazy query, streaming."""
    age, kind = pl.col("age"), pl.col("kind")
    inside = {"ever": pl.lit(True)} | {f"{d}d": age <= d * DAY_US for d in WINDOWS}
    codes = {name: code for code, name in enumerate(KINDS, 1)}
    known = (
        pl.scan_parquet(folder / "events.parquet")
        .join(pl.scan_parquet(folder / "snapshots.parquet"), on="lead_id")
        .filter(pl.col("occurred_at") < pl.col("as_of"))
        .select(
            "row",
            age=(pl.col("as_of") - pl.col("occurred_at")).dt.total_microseconds(),
            day=pl.col("occurred_at").dt.epoch("us") // DAY_US,
            kind=pl.col("event_type").replace_strict(codes, return_dtype=pl.Int8),
        )
    )
    told = known.group_by("row").agg(
        (age.min() / DAY_US).alias("days_since_last_event"),
        kind.sort_by("age").last().alias("first_event"),
        kind.sort_by("age").first().alias("last_event"),
        (2.0 ** (-age / (HALF_LIFE * DAY_US))).sum().alias("events_decayed_14d"),
        *(pl.col("day").filter(inside[end]).n_unique().alias(f"active_days_{end}") for end in ENDS),
        *(
            ((kind == codes[name]) & inside[end]).sum().alias(f"{name}_count_{end}")
            for name in KINDS
            for end in ENDS
        ),
        *(
            (age.filter(kind == codes[name]).min() / DAY_US).alias(f"{name}_days_since")
            for name in KINDS
        ),
    )
    rows = pl.scan_parquet(folder / "snapshots.parquet").select("row")
    table = rows.join(told, on="row", how="left").sort("row").collect(engine="streaming")
    return _as_matrix(table)


def _as_matrix(table: pl.DataFrame) -> Matrix:
    counted = [name for name in COLUMNS if "_count_" in name or "active" in name or "decay" in name]
    filled = table.with_columns(pl.col(counted).fill_null(0))
    return filled.select(pl.col(COLUMNS).cast(pl.Float32)).to_numpy()


RUN: dict[str, Callable[[Path], Matrix]] = {
    "leadcast": by_leadcast,
    "duckdb": by_duckdb,
    "polars": by_polars,
}


def measure_features(
    folder: Path, n_leads: int, n_events: int, moments: int, rounds: int
) -> dict[str, Any]:
    """Let all three compute the same matrix, in turns, and compare.

    Parameters
    ----------
    folder : Path
        For the tables and results.
    n_leads, n_events, moments, rounds : int

    Returns
    -------
    dict
        Of each engine the median seconds and peak memory, the largest relative difference from
        ours, and how many times as fast we are as the faster of the others.
    """
    prepare(folder, n_leads, n_events, moments)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
    for _ in range(rounds):
        for name in ENGINES:
            command = [sys.executable, "-m", "benchmarks.speed_features", name, str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    ours = np.load(folder / "leadcast.npy")
    told: dict[str, Any] = {"n_leads": n_leads, "n_events": n_events, "moments": moments}
    for name in ENGINES:
        theirs = np.load(folder / f"{name}.npy")
        gap = np.abs(theirs - ours) / (1 + np.abs(ours))
        told[name] = {
            "seconds": float(np.median([run["seconds"] for run in runs[name]])),
            "peak_mib": max(run["peak_mib"] for run in runs[name]),
            "largest_relative_difference": float(np.nanmax(gap)),
            "missing_alike": bool((np.isnan(theirs) == np.isnan(ours)).all()),
        }
    ratios = [
        min(runs["duckdb"][turn]["seconds"], runs["polars"][turn]["seconds"])
        / runs["leadcast"][turn]["seconds"]
        for turn in range(rounds)
    ]
    return told | {"times_as_fast_as_the_faster": round(float(np.median(ratios)), 2)}


def main() -> None:
    """Run one engine once to warm up and once to be timed; print seconds and peak memory."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    RUN[name](folder)
    began = time.perf_counter()
    values = RUN[name](folder)
    seconds = time.perf_counter() - began
    np.save(folder / f"{name}.npy", values)
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
