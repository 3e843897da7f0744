"""Metrics of scored rows, each with its formula and its source, and which of them are reported.

A metric is a function of a `Tally`. Rows may carry weights; a weight of two is the same as a row
that stands there twice. The order of the rows never matters, also where they tie. A metric that is
not defined (only one outcome among the rows, say) is NaN here and null in files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.evaluation.isotonic import isotonic_rates
from leadcast.models.evaluation.logistic import inside, log_odds_of, logistic_fit
from leadcast.models.evaluation.tally import Tally, cumulated

ECE_BINS = 15


def auc(counts: Tally) -> float:
    """Area under the ROC curve.

    The probability that a converted row stands above one that did not convert, a tie counting
    half: ``sum_ij w_i w_j ([v_i > v_j] + [v_i = v_j] / 2) / (W_converted W_rest)`` over converted
    i and other j (Mann and Whitney 1947; Hanley and McNeil 1982). NaN where one of the two outcomes
    is absent.
    """
    if not counts.has_both_outcomes:
        return np.nan
    misses = counts.misses
    total = misses.sum()
    below = total - np.cumsum(misses)
    return dot(counts.hits, below + misses / 2) / float(counts.hits.sum() * total)


def average_precision(counts: Tally) -> float:
    """Average precision: the mean, over converted rows, of the precision down to their value.

    ``sum_k (R_k - R_(k-1)) P_k`` over the distinct values v_k from the highest down, with recall
    R_k and precision P_k of the rows at or above v_k (Buckley and Voorhees 2000). Rows that tie
    are taken in together, so their order does not matter.
    """
    total = float(counts.hits.sum())
    if not total > 0:
        return np.nan
    precision = np.cumsum(counts.hits) / np.cumsum(counts.mass)
    return dot(counts.hits, precision) / total


def gains(counts: Tally, shares: Floats) -> Floats:
    """Gain: the share of all conversions that the highest shares of the rows hold.

    Rows that tie at the cut, and the row that the cut goes through, count in proportion: the
    expectation over the tied rows' orders.
    """
    if not counts.hits.sum() > 0:
        return np.full(len(shares), np.nan)
    mass, hits = cumulated(counts.mass), cumulated(counts.hits)
    return np.asarray(np.interp(shares * mass[-1], mass, hits) / hits[-1])


def base_rate(counts: Tally) -> float:
    """Compute the share of the weight that converted; NaN without rows."""
    return _mean(counts.hits, counts)


def mean_probability(counts: Tally) -> float:
    """Compute the mean of the values; NaN without rows."""
    return _mean(counts.mass * counts.value, counts)


def log_loss(counts: Tally) -> float:
    """Logarithmic loss, in nats: ``-sum w (y log p + (1 - y) log(1 - p)) / sum w`` (Good 1952)."""
    kept = inside(counts.value)
    return _mean(-counts.hits * np.log(kept) - counts.misses * np.log1p(-kept), counts)


def brier(counts: Tally) -> float:
    """Brier score: ``sum w (p - y)^2 / sum w`` (Brier 1950)."""
    return _mean(_squared_errors(counts.value, counts), counts)


def brier_decomposition(counts: Tally) -> tuple[float, float, float]:
    """Split the Brier score into reliability, resolution and uncertainty, exactly.

    The CORP decomposition (Dimitriadis, Gneiting and Jordan 2021, PNAS 118 e2016191118): with S
    the Brier score of the probabilities, S_c that of their isotonic recalibration on the same
    rows and S_r that of the base rate, reliability is ``S - S_c``, resolution ``S_r - S_c`` and
    uncertainty ``S_r``; ``S = reliability - resolution + uncertainty``. No bins are chosen. On
    few rows reliability and resolution are both too high, since the recalibration fits noise.
    """
    if not counts.mass.sum() > 0:
        return np.nan, np.nan, np.nan
    recalibrated = isotonic_rates(counts.mass[::-1], counts.hits[::-1])[::-1]
    best = _mean(_squared_errors(recalibrated, counts), counts)
    uncertainty = brier_uncertainty(counts)
    return brier(counts) - best, uncertainty - best, uncertainty


def brier_uncertainty(counts: Tally) -> float:
    """Compute the Brier score of the base rate; NaN without rows."""
    rate = base_rate(counts)
    return rate * (1 - rate)


def expected_calibration_error(counts: Tally) -> float:
    """Compute the expected calibration error (ECE) over 15 bins of equal weight.

    ``sum_b |mean probability - share converted| W_b / W`` (Naeini, Cooper and Hauskrecht 2015;
    bins of equal mass as in Nixon et al. 2019). Rows are sorted by probability and cut into bins
    of exactly equal weight; rows that tie at a cut are shared by the bins in proportion, so their
    order does not matter. Biased upward: even perfect probabilities show about
    ``sum_b sqrt(2 p_b (1 - p_b) / (pi n_b)) / 15``; `chance.if_calibrated` gives the
    amount.
    """
    mass = cumulated(counts.mass)
    if not mass[-1] > 0:
        return np.nan
    cuts = np.linspace(0.0, mass[-1], ECE_BINS + 1)
    surplus = cumulated(counts.hits - counts.mass * counts.value)
    return float(np.abs(np.diff(np.interp(cuts, mass, surplus))).sum() / mass[-1])


def calibration(counts: Tally) -> tuple[float, float, float]:
    """Calibration slope and intercept, and calibration in the large.

    Slope and intercept are those of Cox's logistic recalibration (1958), the maximum-likelihood
    ``logit P(converted) = intercept + slope * logit(probability)``: a slope below 1 says that
    probabilities are too extreme. Calibration in the large is the intercept with the slope held at
    1 (Van Calster et al. 2019, BMC Medicine 17:230), the shift of all log-odds that makes the
    level right. Above 0: more converted than was predicted.
    """
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
    rates = np.array([base_rate(counts), mean_probability(counts)])
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
    return Family((metric,), lambda counts: (compute(counts),), needs, biased)


def _gains(counts: Tally) -> tuple[float, ...]:
    shares = np.array(CUTS_PERCENT) / 100
    found = gains(counts, shares)
    return (*found.tolist(), *(found / shares).tolist())


_GAINS = tuple(Metric(f"gain_{percent}") for percent in CUTS_PERCENT)
_LIFTS = tuple(Metric(f"lift_{percent}", highest=100 / percent) for percent in CUTS_PERCENT)

RANKING: tuple[Family, ...] = (
    _single(Metric("auc"), auc, "ranking"),
    _single(Metric("average_precision"), average_precision, "ranking"),
    Family(_GAINS + _LIFTS, _gains, "ranking"),
    _single(Metric("base_rate"), base_rate, "ranking"),
)
"""Metrics of any values that rank: probabilities, or the points of a rules-based score."""

PROBABILITY: tuple[Family, ...] = (
    _single(Metric("log_loss", highest=np.inf), log_loss, "probability"),
    _single(Metric("brier"), brier, "probability"),
    Family(
        (Metric("brier_reliability"), Metric("brier_resolution")),
        lambda counts: brier_decomposition(counts)[:2],
        "probability",
        biased=True,
    ),
    _single(Metric("brier_uncertainty", highest=0.25), brier_uncertainty, "probability"),
    _single(Metric("ece"), expected_calibration_error, "probability", biased=True),
    Family(
        (
            Metric("calibration_slope", -np.inf, np.inf),
            Metric("calibration_intercept", -np.inf, np.inf),
            Metric("calibration_in_the_large", -np.inf, np.inf),
        ),
        calibration,
        "probability",
    ),
    _single(Metric("mean_probability"), mean_probability, "probability"),
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
