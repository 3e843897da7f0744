"""How fast Leadcast is, as ratios in one run: ``python -m benchmarks.speed [PART ...]``.

Needs a finished run (``make run``) for the parts that score leads. To reach: features no slower
than the faster of DuckDB and Polars at one moment a lead and twice as fast at four, and of one lead
with 200 events in 50 microseconds; ten leads by the command line in two seconds; prediction 2.5
times LightGBM's rows per second; the whole batch, and a prepared matrix from Parquet to Parquet,
within 2 times prediction alone; one lead under 500 microseconds, with reasons under 5,000;
contributions no slower than LightGBM's; an exponent of growth of at most 1.05. Each part leaves
``benchmarks/results/speed_PART.json``.
"""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import RESULTS, write_result
from benchmarks.speed_batch import measure_batch
from benchmarks.speed_export import measure_export
from benchmarks.speed_features import measure_features, measure_one_lead
from benchmarks.speed_serving import (
    EVENTS_A_LEAD,
    draw_sizes,
    measure_one,
    measure_sizes,
    measure_start,
)
from benchmarks.speed_trees import (
    make_booster,
    measure_contributions,
    measure_from_parquet,
    measure_predictions,
)

SCRATCH = Path("data/bench/speed")
PARTS = ("features", "trees", "reasons", "one", "start", "batch", "sizes", "export")


def measure(part: str, run: Path, scale: float, rounds: int) -> dict[str, Any]:
    """Measure one part.

    Parameters
    ----------
    part : str
        One of `PARTS`.
    run : Path
        A run's folder.
    scale : float
        1 for the sizes that are asked; less for a quick look.
    rounds : int
        How often each is run, in turns.

    Returns
    -------
    dict
        JSON values.
    """

    def size(full: int) -> int:
        return max(1, round(full * scale))

    if part == "features":
        rows = (size(200_000), size(5_000_000))
        moments = (1, 4)
        many = {
            f"moments_{n}": measure_features(SCRATCH / f"features_{n}", *rows, n, rounds)
            for n in moments
        }
        return many | {"one_lead": measure_one_lead(EVENTS_A_LEAD, size(5_000))}
    if part == "trees":
        how = (make_booster(), size(2_000_000), 2, rounds)
        return measure_predictions(*how, print) | measure_from_parquet(*how, SCRATCH / "matrix")
    if part == "reasons":
        return measure_contributions(make_booster(), size(5_000), 1, rounds, print)
    if part == "one":
        return measure_one(run, size(5_000))
    if part == "start":
        return measure_start(run, SCRATCH / "start", 10, rounds)
    if part == "batch":
        return measure_batch(run, SCRATCH / "batch", size(200_000), rounds)
    sizes = [size(n) for n in (10_000, 100_000, 1_000_000)]
    if part == "export":
        return measure_export(run, SCRATCH / "export", sizes)
    return measure_sizes(run, SCRATCH / "sizes", sizes)


def main(tell: Callable[[str], None] = print) -> None:
    """Measure the parts that are asked, all if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="of these; all if none")
    parser.add_argument("--run", type=Path, default=Path("data/runs/demo"))
    parser.add_argument("--scale", type=float, default=1.0, help="1: the sizes that are asked")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for part in options.parts or PARTS:
        tell(f"measuring {part}")
        result = measure(part, options.run, options.scale, options.rounds)
        write_result(f"speed_{part}", {"scale": options.scale} | result)
        if part == "sizes":
            draw_sizes(result, RESULTS / "speed_sizes.png")
        tell(str(result))
    shutil.rmtree(SCRATCH, ignore_errors=True)


if __name__ == "__main__":
    main()
