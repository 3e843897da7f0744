"""How well two scores rank the same leads: AUC, average precision, customers reached a week."""

from statistics import NormalDist

import numpy as np

from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.draws import Replicated
from leadcast.models.comparison.result import Difference, Measured, Pair, Ranking
from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import LEVEL, Estimate
from leadcast.models.evaluation.delong import AucComparison, compare_aucs, p_value_of, reach_of

POWER = 0.8
"""In how many cases a difference that is called detectable would show."""

_QUANTILE = NormalDist().inv_cdf
DETECTABLE_ERRORS = _QUANTILE((1 + LEVEL) / 2) + _QUANTILE(POWER)
"""So many standard errors are detectable: 2.8."""


def rank(
    compared: Compared, capacities: Capacities, drawn: Replicated, level: float = LEVEL
) -> Ranking:
    """Compare the rankings of both scores.

    Parameters
    ----------
    compared : Compared
        Every snapshot that has both scores.
    capacities : Capacities
    drawn : Replicated
        What `replicate` gave for its call list.
    level : float

    Returns
    -------
    Ranking
    """
    listed, k = compared.on_list, capacities.chosen
    customers = float(listed.floats("converted").sum())
    seen = np.array([reached.customers[k] for reached in drawn.seen])
    gains = drawn.customers[:, :, k] / np.where(drawn.total > 0, drawn.total, np.nan)[:, None]
    precision = np.array([reached.average_precision for reached in drawn.seen])
    return Ranking(
        snapshots=compared.frame.height,
        leads=listed.frame.height,
        customers=round(customers),
        auc_snapshots=auc_pair(compare(compared, level=level)),
        auc=auc_pair(compare(listed, level=level)),
        average_precision=paired(precision, drawn.precision, drawn.freedom, level),
        reached=paired(seen, drawn.customers[:, :, k], drawn.freedom, level),
        gain=paired(seen / max(customers, 1.0), gains, drawn.freedom, level),
    )


def compare(rows: Compared, level: float = LEVEL) -> AucComparison:
    """Compare both AUCs on some rows; see `leadcast.models.evaluation.delong.compare_aucs`."""
    scores = (rows.floats("probability"), rows.floats("points"))
    return compare_aucs(*scores, rows.floats("converted"), rows.group, level=level)


def auc_pair(found: AucComparison) -> Pair:
    """Write a comparison of AUCs as a part of the result."""
    return Pair(
        learned=measured(found.first),
        points=measured(found.second),
        difference=difference(found.difference, found.standard_error, found.p_value),
    )


def paired(seen: Floats, draws: Floats, freedom: int, level: float = LEVEL) -> Pair:
    """Give a figure of both lists, and their difference, from the same draws.

    A list's own interval is one of percentiles, the difference's one of standard errors; see
    `around`.
    """
    return Pair(
        learned=measured(interval(float(seen[0]), draws[:, 0], level)),
        points=measured(interval(float(seen[1]), draws[:, 1], level)),
        difference=apart(float(seen[0] - seen[1]), draws[:, 0] - draws[:, 1], freedom, level),
    )


def apart(value: float, draws: Floats, freedom: int, level: float = LEVEL) -> Difference:
    """Give a difference with its interval, error and p-value."""
    error = _error(draws, freedom)
    p_value = None
    if error and np.isfinite(value):
        p_value = p_value_of(value, error, freedom)
    return difference(around(value, draws, freedom, level), error, p_value)


def interval(value: float, draws: Floats, level: float = LEVEL) -> Estimate:
    """Put a percentile interval around a value."""
    if not np.isfinite(value):
        return Estimate(None, None, None)
    known = draws[np.isfinite(draws)]
    if len(known) < 2:
        return Estimate(value, None, None)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))


def around(value: float, draws: Floats, freedom: int, level: float = LEVEL) -> Estimate:
    """Put an interval of the draws' standard errors around a difference.

    As Davison and Hinkley (1997), section 5.2, without its correction for bias, but by Student's t.
    Percentiles would reach less far to one side where a difference is made of few leads, or the
    draws are biased as those of an average precision with ties are, and call too many equal scores
    different; see ``benchmarks.comparison_coverage``.
    """
    if not np.isfinite(value):
        return Estimate(None, None, None)
    error = _error(draws, freedom)
    if error is None:
        return Estimate(value, None, None)
    reach = reach_of(error, freedom, level)
    return Estimate(value, value - reach, value + reach)


def _error(draws: Floats, freedom: int) -> float | None:
    known = draws[np.isfinite(draws)]
    return float(np.std(known, ddof=1)) if len(known) > 1 and freedom > 0 else None


def measured(estimate: Estimate) -> Measured:
    """Write an estimate as a part of the result."""
    return Measured(value=estimate.value, low=estimate.low, high=estimate.high)


def difference(estimate: Estimate, error: float | None, p_value: float | None) -> Difference:
    """Write a difference as a part of the result, with what could have been seen."""
    low, high = estimate.low, estimate.high
    return Difference(
        value=estimate.value,
        low=low,
        high=high,
        standard_error=error,
        p_value=p_value,
        detectable=None if error is None else DETECTABLE_ERRORS * error,
        shows=low is not None and high is not None and (low > 0 or high < 0),
    )
