"""Who is best on a split, and by how much more than chance: paired differences and verdicts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.fits import LEADCAST
from leadcast.models.choice.backtest import NORMAL_95, paired_error
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.evaluation.delong import compare_aucs
from leadcast.models.evaluation.metrics import (
    auc,
    average_precision,
    brier,
    expected_calibration_error,
    log_loss,
)
from leadcast.models.evaluation.tally import tally

Measure = Literal["log_loss", "auc"]
MEASURES: tuple[Measure, ...] = ("log_loss", "auc")
METRICS = {
    "auc": auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
    "ece": expected_calibration_error,
}
LEAST = float(np.finfo(np.float64).eps)
"""How far off 0 and 1 a probability is taken to be, as in `metrics.log_loss`."""


@dataclass(frozen=True)
class Verdict:
    """Leadcast against the best of its peers on one split.

    Parameters
    ----------
    measure : {"log_loss", "auc"}
    best_peer : str
    difference, low, high : float
        Leadcast's less the peer's, with its 95 % interval: paired by row, clustered on leads.
    words : {"best", "within the interval of the best", "beaten"}
        "best" where Leadcast's figure is; "beaten" where the whole interval is on the wrong side.
    """

    measure: Measure
    best_peer: str
    difference: float
    low: float
    high: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """Give the verdict as plain data."""
        return asdict(self)


def metrics_of(probability: Floats, converted: Floats) -> dict[str, float]:
    """Measure one method on the test's rows.

    Parameters
    ----------
    probability, converted : ndarray of float64, shape (n_rows,)

    Returns
    -------
    dict of str to float
        By the names in `METRICS`.
    """
    counts = tally(probability, converted)
    return {name: float(metric(counts)) for name, metric in METRICS.items()}


def log_loss_difference(
    first: Floats, second: Floats, converted: Floats, group: Integers
) -> Estimate:
    """Estimate by how much the log loss of two methods differs on the same rows.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n_rows,)
        Probabilities.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
        Rows of one lead (or account) hang together.

    Returns
    -------
    Estimate
        First less second, with a 95 % interval from the sandwich over groups.
    """
    difference = _losses(first, converted) - _losses(second, converted)
    mean, reach = float(difference.mean()), NORMAL_95 * paired_error(difference, group)
    return Estimate(mean, mean - reach, mean + reach)


def judge(
    probabilities: Mapping[str, Floats], converted: Floats, group: Integers, measure: Measure
) -> Verdict:
    """Compare Leadcast with the best of its peers.

    The best peer is found on the test itself, which is the hardest comparison there is.

    Parameters
    ----------
    probabilities : mapping of str to ndarray
        By method; Leadcast and at least one peer.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
    measure : {"log_loss", "auc"}

    Returns
    -------
    Verdict
    """
    own = probabilities[LEADCAST]
    # A loss is better when it is lower.
    sign = 1.0 if measure == "log_loss" else -1.0
    peers = {
        name: sign * METRICS[measure](tally(probability, converted))
        for name, probability in probabilities.items()
        if name != LEADCAST
    }
    best = min(peers, key=lambda name: peers[name])
    other = probabilities[best]
    if measure == "log_loss":
        estimate = log_loss_difference(own, other, converted, group)
    else:
        estimate = compare_aucs(own, other, converted, group).difference
    value, low, high = (
        np.nan if number is None else number
        for number in (estimate.value, estimate.low, estimate.high)
    )
    worst_end = low if measure == "log_loss" else -high
    if sign * value <= 0:
        words = "best"
    else:
        words = "beaten" if worst_end > 0 else "within the interval of the best"
    return Verdict(measure, best, float(value), float(low), float(high), words)


def averages(rows: list[dict[str, Any]], measure: Measure) -> dict[str, float]:
    """Average a measure over a source's rolling origins.

    Parameters
    ----------
    rows : list of dict
        Rows of the benchmark's table (``method`` and the metrics) of one source.
    measure : {"log_loss", "auc"}

    Returns
    -------
    dict of str to float
        By method, best first; methods that failed somewhere are left out.
    """
    by_method: dict[str, list[float]] = {}
    for row in rows:
        by_method.setdefault(row["method"], []).append(row[measure])
    most = max(len(values) for values in by_method.values())
    means = {
        method: float(np.mean(values))
        for method, values in by_method.items()
        if len(values) == most
    }
    return dict(sorted(means.items(), key=lambda item: item[1], reverse=measure == "auc"))


def _losses(probability: Floats, converted: Floats) -> Floats:
    of_outcome = np.where(converted == 1.0, probability, 1.0 - probability)
    return np.asarray(-np.log(np.clip(of_outcome, LEAST, 1.0)))
