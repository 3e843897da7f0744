"""AUC and log loss of weighted replicates: ours beside scikit-learn's, in the same run.

A bootstrap with an interval for each figure of each segment asks for hundreds of thousands of them.
Run ``python -m benchmarks.metric_speed [--rows 14000]``.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from benchmarks.results import write_result
from leadcast.models.data import Floats
from leadcast.models.evaluation.metrics import auc, log_loss
from leadcast.models.evaluation.tally import RankedTally

REPLICATES = 50
Figures = tuple[float, float]


def compared(rows: int) -> dict[str, float]:
    """Compute both figures of the same replicates in both ways.

    Parameters
    ----------
    rows : int
        Scored rows.

    Returns
    -------
    dict
        Milliseconds of processor time a replicate, the ratio, and the largest difference.
    """
    rng = np.random.default_rng(0)
    probability = rng.beta(1, 20, rows)
    converted = (rng.random(rows) < probability).astype(float)
    weights = [
        rng.multinomial(rows, np.full(rows, 1 / rows)).astype(float) for _ in range(REPLICATES)
    ]
    ranked = RankedTally.of(probability, converted)

    def ours(weight: Floats) -> Figures:
        counts = ranked.weighted(weight)
        return auc(counts), log_loss(counts)

    def theirs(weight: Floats) -> Figures:
        given = {"sample_weight": weight}
        return (
            float(roc_auc_score(converted, probability, **given)),
            float(sklearn_log_loss(converted, probability, **given)),
        )

    own, own_ms = _timed(ours, weights)
    other, other_ms = _timed(theirs, weights)
    return {
        "rows": rows,
        "leadcast_ms": own_ms,
        "sklearn_ms": other_ms,
        "times_as_fast": other_ms / own_ms,
        "largest_difference": float(np.abs(own - other).max()),
    }


def _timed(figures: Callable[[Floats], Figures], weights: list[Floats]) -> tuple[Floats, float]:
    figures(weights[0])
    start = time.process_time()
    found = np.array([figures(weight) for weight in weights])
    return found, (time.process_time() - start) / len(weights) * 1e3


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=14_000)
    told = compared(parser.parse_args().rows)
    print(
        f"{told['rows']:,} rows: {told['leadcast_ms']:.2f} ms a replicate, scikit-learn "
        f"{told['sklearn_ms']:.2f} ms ({told['times_as_fast']:.0f} times); the largest difference "
        f"is {told['largest_difference']:.0e}"
    )
    write_result("metric_speed", told)


if __name__ == "__main__":
    main()
