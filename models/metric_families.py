"""The registry of metrics: what is reported, and under which names."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from models import tally_metrics as on
from models.tally import Tally

CUTS_PERCENT = (1, 5, 10, 20)
"""Where gain and lift are taken: the highest 1, 5, 10 and 20 % of the rows."""


@dataclass(frozen=True)
class Metric:
    """One number that is reported.

    Parameters
    ----------
    name : str
        Its key in ``metrics.json``.
    lowest, highest : float
        Bounds that no value passes.
    """

    name: str
    lowest: float = 0.0
    highest: float = 1.0


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together.

    Parameters
    ----------
    metrics : tuple of Metric
        One for each number that `compute` gives.
    compute : callable
        From a `Tally` to as many floats; NaN where a metric is not defined.
    needs : {"ranking", "probability"}
        Whether the values may be any numbers that rank, or must be probabilities.
    biased : bool
        Whether a sample shows more of it than there is (a distance that noise can only lengthen);
        the bootstrap then takes its interval the other way, see `models.bootstrap`.
    """

    metrics: tuple[Metric, ...]
    compute: Callable[[Tally], tuple[float, ...]]
    needs: Literal["ranking", "probability"]
    biased: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names."""
        return tuple(metric.name for metric in self.metrics)


def _single(
    metric: Metric,
    compute: Callable[[Tally], float],
    needs: Literal["ranking", "probability"],
    biased: bool = False,
) -> Family:
    return Family((metric,), partial(_one, compute), needs, biased)


def _one(compute: Callable[[Tally], float], counts: Tally) -> tuple[float, ...]:
    return (compute(counts),)


def _gains(counts: Tally) -> tuple[float, ...]:
    shares = np.array(CUTS_PERCENT) / 100
    gains = on.gains_of(counts, shares)
    return (*gains.tolist(), *(gains / shares).tolist())


_GAINS = tuple(Metric(f"gain_{percent}") for percent in CUTS_PERCENT)
_LIFTS = tuple(Metric(f"lift_{percent}", highest=100 / percent) for percent in CUTS_PERCENT)

RANKING: tuple[Family, ...] = (
    _single(Metric("auc"), on.auc_of, "ranking"),
    _single(Metric("average_precision"), on.average_precision_of, "ranking"),
    Family(_GAINS + _LIFTS, _gains, "ranking"),
    _single(Metric("base_rate"), on.base_rate_of, "ranking"),
)
"""Metrics of any values that rank: probabilities, or the points of a rules-based score."""

PROBABILITY: tuple[Family, ...] = (
    _single(Metric("log_loss", highest=np.inf), on.log_loss_of, "probability"),
    _single(Metric("brier"), on.brier_of, "probability"),
    Family(
        (Metric("brier_reliability"), Metric("brier_resolution")),
        lambda counts: on.brier_decomposition_of(counts)[:2],
        "probability",
        biased=True,
    ),
    _single(Metric("brier_uncertainty", highest=0.25), on.brier_uncertainty_of, "probability"),
    _single(Metric("ece"), on.ece_of, "probability", biased=True),
    Family(
        (
            Metric("calibration_slope", -np.inf, np.inf),
            Metric("calibration_intercept", -np.inf, np.inf),
            Metric("calibration_in_the_large", -np.inf, np.inf),
        ),
        on.calibration_of,
        "probability",
    ),
    _single(Metric("mean_probability"), on.mean_probability_of, "probability"),
)
"""Metrics that need probabilities."""

FAMILIES: tuple[Family, ...] = RANKING + PROBABILITY
"""Every metric that is reported."""


def metrics_by_name(families: tuple[Family, ...] = FAMILIES) -> dict[str, Metric]:
    """Give each metric under its name.

    Parameters
    ----------
    families : tuple of Family

    Returns
    -------
    dict of str to Metric
    """
    return {metric.name: metric for family in families for metric in family.metrics}


def measure(counts: Tally, families: tuple[Family, ...] = FAMILIES) -> dict[str, float]:
    """Compute every metric of some families.

    Parameters
    ----------
    counts : Tally
        The rows.
    families : tuple of Family

    Returns
    -------
    dict of str to float
        NaN where a metric is not defined.
    """
    return {
        name: number
        for family in families
        for name, number in zip(family.names, family.compute(counts), strict=True)
    }
