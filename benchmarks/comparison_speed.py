"""How long a comparison of 100,000 test snapshots with 2,000 bootstrap replicates takes.

Run ``python -m benchmarks.comparison_speed``.
"""

import resource
import time
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.features.tables import TIME
from leadcast.models.comparison import Compared, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import lead_frame
from leadcast.models.comparison.value import Money
from leadcast.serve.page.file import render_comparison

SNAPSHOTS, REPLICATES, WEEKS = 100_000, 2000, 52
WEEK_US = 7 * 86_400_000_000


def snapshots(leads: int, seed: int = 1) -> Compared:
    """Draw test snapshots, every one on the call list: the most that there can be to do.

    Parameters
    ----------
    leads : int
    seed : int

    Returns
    -------
    Compared
        With three dimensions of segments.
    """
    generator = np.random.default_rng(seed)
    log_odds = -3 + 1.2 * generator.normal(size=leads)
    converted = generator.random(leads) < 1 / (1 + np.exp(-log_odds))
    points = np.round(50 + 10 * (log_odds + 1.2 * generator.normal(size=leads)))
    position = 1_736_121_600_000_000 + np.sort(generator.integers(0, WEEKS * WEEK_US, leads))
    probability = 1 / (1 + np.exp(-log_odds))
    unknown = pl.Series([None] * leads, dtype=pl.Boolean)
    segments = ("source", "industry", "company_size")
    frame = pl.DataFrame(
        {
            "lead_id": np.arange(leads).astype(str),
            "as_of": pl.Series(position).cast(TIME),
            "landmark_days": np.zeros(leads),
            "position": position,
            "group": np.arange(leads),
            "converted": converted,
            "amount": np.where(converted, 1000.0, np.nan),
            "probability": probability,
            "lower": probability * 0.8,
            "upper": np.minimum(probability * 1.2, 1.0),
            "grade": np.where(probability > 0.1, "A", "D"),
            "points": np.where(generator.random(leads) < 0.1, np.nan, points),
            **dict.fromkeys(("worked", "random_slice"), unknown),
            **{name: generator.integers(0, 8, leads).astype(str) for name in segments},
        }
    ).with_columns(pl.col("points", "amount").fill_nan(None))
    return Compared.of(frame, segments)


def measure(leads: int, replicates: int) -> dict[str, Any]:
    """Compare, and make the table of leads and the page.

    Parameters
    ----------
    leads, replicates : int

    Returns
    -------
    dict
        Seconds of each part, and of the processor.
    """
    question = ComparisonQuestion("speed", "points", None, Money(30.0), replicates=replicates)
    compare_scores(snapshots(2000), ComparisonQuestion("warm", "points", replicates=100))
    rows = snapshots(leads)
    started, used = time.perf_counter(), time.process_time()
    found = compare_scores(rows, question)
    compared = time.perf_counter() - started
    page = render_comparison(found, lead_frame(rows), "speed")
    return {
        "snapshots": leads,
        "replicates": replicates,
        "compare_seconds": round(compared, 2),
        "total_seconds": round(time.perf_counter() - started, 2),
        "processor_seconds": round(time.process_time() - used, 2),
        "page_bytes": len(page.encode()),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    """Measure, print and write the result."""
    result = measure(SNAPSHOTS, REPLICATES)
    print(result)
    write_result("comparison_speed", result)


if __name__ == "__main__":
    main()
