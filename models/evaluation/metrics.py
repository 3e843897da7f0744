"""Metrics as functions of a tally; `evaluation.metrics` says what each is and where it comes from.

The registry of metrics: what is reported, and under which names.

Metrics of scored rows, each with its formula and its source.

Rows may carry weights; a weight of two is the same as a row that stands there twice. The order of
the rows never matters, also where they tie. A metric that is not defined (only one outcome among
the rows, say) is NaN here and null in files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from leadcast.models.data import Floats
from leadcast.models.evaluation.isotonic import isotonic_rates
from leadcast.models.evaluation.logistic import inside, log_odds_of, logistic_fit
from leadcast.models.evaluation.tally import Tally, cumulated, tally

ECE_BINS = 15


def auc_of(counts: Tally) -> float:
    """Compute `leadcast.models.evaluation.metrics.auc`; `counts` are the rows."""
    if not counts.has_both_outcomes:
        return np.nan
    misses = counts.misses
    total = misses.sum()
    below = total - np.cumsum(misses)
    return dot(counts.hits, below + misses / 2) / float(counts.hits.sum() * total)


def average_precision_of(counts: Tally) -> float:
    """Compute `leadcast.models.evaluation.metrics.average_precision`; `counts` are the rows."""
    total = float(counts.hits.sum())
    if not total > 0:
        return np.nan
    precision = np.cumsum(counts.hits) / np.cumsum(counts.mass)
    return dot(counts.hits, precision) / total


def gains_of(counts: Tally, shares: Floats) -> Floats:
    """Compute `metrics.gain_at` for several shares in (0, 1]; `counts` are the rows."""
    if not counts.hits.sum() > 0:
        return np.full(len(shares), np.nan)
    mass, hits = cumulated(counts.mass), cumulated(counts.hits)
    return np.asarray(np.interp(shares * mass[-1], mass, hits) / hits[-1])


def base_rate_of(counts: Tally) -> float:
    """Compute the share of the weight that converted; NaN without rows."""
    return _mean(counts.hits, counts)


def mean_probability_of(counts: Tally) -> float:
    """Compute the mean of the values; NaN without rows."""
    return _mean(counts.mass * counts.value, counts)


def log_loss_of(counts: Tally) -> float:
    """Compute `leadcast.models.evaluation.metrics.log_loss`; `counts` are the rows."""
    kept = inside(counts.value)
    return _mean(-counts.hits * np.log(kept) - counts.misses * np.log1p(-kept), counts)


def brier_of(counts: Tally) -> float:
    """Compute `leadcast.models.evaluation.metrics.brier_score`; `counts` are the rows."""
    return _mean(_squared_errors(counts.value, counts), counts)


def brier_decomposition_of(counts: Tally) -> tuple[float, float, float]:
    """Compute `leadcast.models.evaluation.metrics.brier_decomposition`; `counts` are the rows."""
    if not counts.mass.sum() > 0:
        return np.nan, np.nan, np.nan
    recalibrated = isotonic_rates(counts.mass[::-1], counts.hits[::-1])[::-1]
    best = _mean(_squared_errors(recalibrated, counts), counts)
    uncertainty = brier_uncertainty_of(counts)
    return brier_of(counts) - best, uncertainty - best, uncertainty


def brier_uncertainty_of(counts: Tally) -> float:
    """Compute the Brier score of the base rate; NaN without rows."""
    base_rate = base_rate_of(counts)
    return base_rate * (1 - base_rate)


def ece_of(counts: Tally) -> float:
    """Compute `metrics.expected_calibration_error`; `counts` are the rows."""
    mass = cumulated(counts.mass)
    if not mass[-1] > 0:
        return np.nan
    cuts = np.linspace(0.0, mass[-1], ECE_BINS + 1)
    surplus = cumulated(counts.hits - counts.mass * counts.value)
    return float(np.abs(np.diff(np.interp(cuts, mass, surplus))).sum() / mass[-1])


def calibration_in_the_large_of(counts: Tally) -> float:
    """Compute `metrics.calibration_in_the_large`; `counts` are the rows."""
    return _shift(counts, log_odds_of(counts.value))


def calibration_of(counts: Tally) -> tuple[float, float, float]:
    """Compute slope and intercept of `metrics.calibration_line`, and the level's shift."""
    log_odds = log_odds_of(counts.value)
    level = _shift(counts, log_odds)
    if np.isnan(level) or _separated(counts):
        return np.nan, np.nan, level
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    start = np.array([level, 1.0])
    line = logistic_fit(design, np.zeros_like(log_odds), counts, start=start)
    return (np.nan, np.nan, level) if line is None else (float(line[1]), float(line[0]), level)


def dot(one: Floats, other: Floats) -> float:
    """Sum the products of two arrays in one thread.

    BLAS (``one @ other``) would wake threads for more than 10,000 numbers; on a busy machine they
    wait for each other a thousand times longer than the sum takes.
    """
    return float((one * other).sum())


def _mean(total: Floats, counts: Tally) -> float:
    weight = counts.mass.sum()
    return float(total.sum() / weight) if weight > 0 else np.nan


def _squared_errors(probability: Floats, counts: Tally) -> Floats:
    return counts.hits * (1 - probability) ** 2 + counts.misses * probability**2


def _shift(counts: Tally, log_odds: Floats) -> float:
    if not counts.has_both_outcomes:
        return np.nan
    rates = np.array([base_rate_of(counts), mean_probability_of(counts)])
    start = -np.diff(log_odds_of(rates))
    shift = logistic_fit(np.ones((len(log_odds), 1)), log_odds, counts, start=start)
    return np.nan if shift is None else float(shift[0])


def _separated(counts: Tally) -> bool:
    # One outcome lies wholly above the other (or all values are equal): the likelihood has no
    # maximum, and Newton's method would stop at an arbitrary large slope.
    won, rest = counts.value[counts.hits > 0], counts.value[counts.misses > 0]
    return bool(won[-1] >= rest[0] or rest[-1] >= won[0])


CUTS_PERCENT = (1, 5, 10, 20)
"""Where gain and lift are taken: the highest 1, 5, 10 and 20 % of the rows."""


@dataclass(frozen=True)
class Metric:
    """One number that is reported."""

    name: str
    """Its key in ``metrics.json``."""
    lowest: float = 0.0
    highest: float = 1.0
    """Bounds that no value passes."""


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together."""

    metrics: tuple[Metric, ...]
    """One for each number that `compute` gives."""
    compute: Callable[[Tally], tuple[float, ...]]
    """From a `Tally` to as many floats; NaN where a metric is not defined."""
    needs: Literal["ranking", "probability"]
    """Whether the values may be any numbers that rank, or must be probabilities."""
    biased: bool = False
    """Whether a sample shows more of it than there is (a distance that noise can only lengthen);
    the bootstrap then takes its interval the other way, see `evaluation.bootstrap`."""

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
    gains = gains_of(counts, shares)
    return (*gains.tolist(), *(gains / shares).tolist())


_GAINS = tuple(Metric(f"gain_{percent}") for percent in CUTS_PERCENT)
_LIFTS = tuple(Metric(f"lift_{percent}", highest=100 / percent) for percent in CUTS_PERCENT)

RANKING: tuple[Family, ...] = (
    _single(Metric("auc"), auc_of, "ranking"),
    _single(Metric("average_precision"), average_precision_of, "ranking"),
    Family(_GAINS + _LIFTS, _gains, "ranking"),
    _single(Metric("base_rate"), base_rate_of, "ranking"),
)
"""Metrics of any values that rank: probabilities, or the points of a rules-based score."""

PROBABILITY: tuple[Family, ...] = (
    _single(Metric("log_loss", highest=np.inf), log_loss_of, "probability"),
    _single(Metric("brier"), brier_of, "probability"),
    Family(
        (Metric("brier_reliability"), Metric("brier_resolution")),
        lambda counts: brier_decomposition_of(counts)[:2],
        "probability",
        biased=True,
    ),
    _single(Metric("brier_uncertainty", highest=0.25), brier_uncertainty_of, "probability"),
    _single(Metric("ece"), ece_of, "probability", biased=True),
    Family(
        (
            Metric("calibration_slope", -np.inf, np.inf),
            Metric("calibration_intercept", -np.inf, np.inf),
            Metric("calibration_in_the_large", -np.inf, np.inf),
        ),
        calibration_of,
        "probability",
    ),
    _single(Metric("mean_probability"), mean_probability_of, "probability"),
)
"""Metrics that need probabilities."""

FAMILIES: tuple[Family, ...] = RANKING + PROBABILITY
"""Every metric that is reported."""


def metrics_by_name(families: tuple[Family, ...] = FAMILIES) -> dict[str, Metric]:
    """Give each metric under its name."""
    return {metric.name: metric for family in families for metric in family.metrics}


def measure(counts: Tally, families: tuple[Family, ...] = FAMILIES) -> dict[str, float]:
    """Compute every metric of some families."""
    return {
        name: number
        for family in families
        for name, number in zip(family.names, family.compute(counts), strict=True)
    }


def auc(
    value: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Area under the ROC curve.

    The probability that a converted row stands above one that did not convert, a tie counting
    half: ``sum_ij w_i w_j ([v_i > v_j] + [v_i = v_j] / 2) / (W_converted W_rest)`` over converted
    i and other j (Mann and Whitney 1947; Hanley and McNeil 1982).

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN where one of the two outcomes is absent.
    """
    return auc_of(tally(value, converted, weight))


def average_precision(
    value: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Average precision: the mean, over converted rows, of the precision down to their value.

    ``sum_k (R_k - R_(k-1)) P_k`` over the distinct values v_k from the highest down, with recall
    R_k and precision P_k of the rows at or above v_k (Buckley and Voorhees 2000). Rows that tie
    are taken in together, so their order does not matter.
    """
    return average_precision_of(tally(value, converted, weight))


def gain_at(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    share: float,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Gain: the share of all conversions that the highest `share` of the rows holds.

    Rows that tie at the cut, and the row that the cut goes through, count in proportion: the
    expectation over the tied rows' orders.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; it must lie in (0, 1]")
    return float(gains_of(tally(value, converted, weight), np.array([share]))[0])


def lift_at(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    share: float,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Lift: how many times the base rate the highest `share` of the rows converts at.

    `gain_at` divided by `share`.
    """
    return gain_at(value, converted, share, weight) / share


def log_loss(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Logarithmic loss, in nats: ``-sum w (y log p + (1 - y) log(1 - p)) / sum w`` (Good 1952)."""
    return log_loss_of(tally(probability, converted, weight))


def brier_score(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Brier score: ``sum w (p - y)^2 / sum w`` (Brier 1950)."""
    return brier_of(tally(probability, converted, weight))


def brier_decomposition(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[float, float, float]:
    """Split the Brier score into reliability, resolution and uncertainty, exactly.

    The CORP decomposition (Dimitriadis, Gneiting and Jordan 2021, PNAS 118 e2016191118): with S
    the Brier score of the probabilities, S_c that of their isotonic recalibration on the same
    rows and S_r that of the base rate, reliability is ``S - S_c``, resolution ``S_r - S_c`` and
    uncertainty ``S_r``; ``S = reliability - resolution + uncertainty``. No bins are chosen. On
    few rows reliability and resolution are both too high, since the recalibration fits noise.
    """
    return brier_decomposition_of(tally(probability, converted, weight))


def expected_calibration_error(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Compute the expected calibration error (ECE) over 15 bins of equal weight.

    ``sum_b |mean probability - share converted| W_b / W`` (Naeini, Cooper and Hauskrecht 2015;
    bins of equal mass as in Nixon et al. 2019). Rows are sorted by probability and cut into bins
    of exactly equal weight; rows that tie at a cut are shared by the bins in proportion, so their
    order does not matter. Biased upward: even perfect probabilities show about
    ``sum_b sqrt(2 p_b (1 - p_b) / (pi n_b)) / 15``; `chance.if_calibrated` gives the
    amount.
    """
    return ece_of(tally(probability, converted, weight))


def calibration_line(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """Calibration slope and intercept: the logistic recalibration of Cox (1958).

    The maximum-likelihood ``logit P(converted) = intercept + slope * logit(probability)``. A slope
    below 1 says that probabilities are too extreme.
    """
    return calibration_of(tally(probability, converted, weight))[:2]


def calibration_in_the_large(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Calibration in the large: the shift of all log-odds that makes the level right.

    The maximum-likelihood intercept with the slope held at 1 (Van Calster et al. 2019, BMC
    Medicine 17:230). Above 0: more converted than was predicted.
    """
    return calibration_in_the_large_of(tally(probability, converted, weight))
