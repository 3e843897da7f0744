"""How well two scores rank the same leads, under paired draws: AUC, precision, customers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.lists import Reached, Segments, WeeklyList
from leadcast.models.comparison.result import Difference, Measured, Pair, Ranking
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, Estimate, drawn_weights
from leadcast.models.evaluation.delong import (
    AucComparison,
    compare_aucs,
    degrees_of_freedom,
    p_value_of,
    reach_of,
)


@dataclass(frozen=True)
class Replicated:
    """What both lists reach, seen and in every replicate; learned first, points second."""

    seen: tuple[Reached, Reached]
    customers: Floats
    precision: Floats
    by_segment: Floats
    total: Floats
    """Customers on the list in each replicate."""
    freedom: int
    """The degrees of freedom of what is estimated from the draws."""


def replicate(
    listed: Compared,
    capacities: Capacities,
    segments: Segments,
    *,
    replicates: int,
    seed: int,
) -> Replicated:
    """Count what both lists reach under many draws of leads.

    Leads (or accounts) are drawn with replacement, each with its row; both lists are counted on
    the same draws, so that what makes a draw easy for both falls out of their difference. The cuts
    stay where they are: see `comparison.lists`. No draw reaches less than nobody or more
    than everybody.

    Parameters
    ----------
    listed : Compared
        The call list.
    capacities : Capacities
    segments : Segments
        What is counted by.
    replicates, seed : int

    Returns
    -------
    Replicated
    """
    lists, converted = lists_of(listed), listed.floats("converted")
    counted = (converted, capacities.calls, segments, capacities.chosen)
    one, other = (each.reached(*counted) for each in lists)
    customers, precision, by_segment, total = [], [], [], []
    for weight, reached in redrawn(lists, counted, listed.group, replicates, seed):
        total.append(float((weight * converted).sum()))
        customers.append([np.clip(each.customers, 0.0, total[-1]) for each in reached])
        precision.append([each.average_precision for each in reached])
        by_segment.append([each.by_segment for each in reached])
    draws = len(total)
    return Replicated(
        seen=(one, other),
        customers=np.array(customers).reshape(draws, 2, len(capacities.per_week)),
        precision=np.array(precision).reshape(draws, 2),
        by_segment=np.array(by_segment).reshape(draws, 2, segments.count),
        total=np.array(total),
        freedom=degrees_of_freedom(converted, listed.group),
    )


def redrawn(
    lists: Sequence[WeeklyList],
    counted: tuple[Floats, Floats, Segments, int],
    group: Integers,
    replicates: int,
    seed: int,
) -> Iterator[tuple[Floats, list[Reached]]]:
    """Draw leads (or accounts) again and again: each draw's weights, and what every list reaches.

    `counted` is what `WeeklyList.reached` takes.
    """
    at_cuts = [each.at_cut(*counted) for each in lists]
    for weight in drawn_weights(group, replicates, seed):
        each = zip(lists, at_cuts, strict=True)
        yield weight, [one.redrawn(weight, at_cut, *counted) for one, at_cut in each]


def lists_of(listed: Compared) -> tuple[WeeklyList, WeeklyList]:
    """Rank the call list by both scores."""
    week = listed.week
    return (
        WeeklyList.of(listed.floats("probability"), week),
        WeeklyList.of(listed.floats("points"), week),
    )


POWER = 0.8
"""In how many cases a difference that is called detectable would show."""

_QUANTILE = NormalDist().inv_cdf
DETECTABLE_ERRORS = _QUANTILE((1 + LEVEL) / 2) + _QUANTILE(POWER)
"""So many standard errors are detectable: 2.8."""


def rank(compared: Compared, capacities: Capacities, drawn: Replicated) -> Ranking:
    """Compare the rankings of both scores.

    Parameters
    ----------
    compared : Compared
        Every snapshot that has both scores.
    capacities : Capacities
    drawn : Replicated
        What `replicate` gave for its call list.

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
        auc_snapshots=auc_pair(compare(compared)),
        auc=auc_pair(compare(listed)),
        average_precision=paired(precision, drawn.precision, drawn.freedom),
        reached=paired(seen, drawn.customers[:, :, k], drawn.freedom),
        gain=paired(seen / max(customers, 1.0), gains, drawn.freedom),
    )


def compare(rows: Compared) -> AucComparison:
    """Compare both AUCs on some rows; see `leadcast.models.evaluation.delong.compare_aucs`."""
    scores = (rows.floats("probability"), rows.floats("points"))
    return compare_aucs(*scores, rows.floats("converted"), rows.group)


def auc_pair(found: AucComparison) -> Pair:
    """Write a comparison of AUCs as a part of the result."""
    return Pair(
        learned=measured(found.first),
        points=measured(found.second),
        difference=difference(found.difference, found.standard_error, found.p_value),
    )


def paired(seen: Floats, draws: Floats, freedom: int) -> Pair:
    """Give a figure of both lists, and their difference, from the same draws.

    A list's own interval is one of percentiles, the difference's one of standard errors; see
    `around`.
    """
    return Pair(
        learned=interval(float(seen[0]), draws[:, 0]),
        points=interval(float(seen[1]), draws[:, 1]),
        difference=apart(float(seen[0] - seen[1]), draws[:, 0] - draws[:, 1], freedom),
    )


def apart(value: float, draws: Floats, freedom: int) -> Difference:
    """Give a difference with its interval, error and p-value."""
    error = _error(draws, freedom)
    p_value = None
    if error and np.isfinite(value):
        p_value = p_value_of(value, error, freedom)
    return difference(around(value, draws, freedom), error, p_value)


def interval(value: float, draws: Floats) -> Measured:
    """Put a percentile interval around a value."""
    if not np.isfinite(value):
        return Measured()
    known = draws[np.isfinite(draws)]
    if len(known) < 2:
        return Measured(value=value)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(value=value, low=float(low), high=float(high))


def around(value: float, draws: Floats, freedom: int) -> Measured:
    """Put an interval of the draws' standard errors around a difference.

    As Davison and Hinkley (1997), section 5.2, without its correction for bias, but by Student's t.
    Percentiles would reach less far to one side where a difference is made of few leads, or the
    draws are biased as those of an average precision with ties are, and call too many equal scores
    different; see ``benchmarks.comparison_coverage``.
    """
    if not np.isfinite(value):
        return Measured()
    error = _error(draws, freedom)
    if error is None:
        return Measured(value=value)
    reach = reach_of(error, freedom, LEVEL)
    return Measured(value=value, low=value - reach, high=value + reach)


def _error(draws: Floats, freedom: int) -> float | None:
    known = draws[np.isfinite(draws)]
    return float(np.std(known, ddof=1)) if len(known) > 1 and freedom > 0 else None


def measured(estimate: Estimate) -> Measured:
    """Write an estimate as a part of the result."""
    return Measured(value=estimate.value, low=estimate.low, high=estimate.high)


def difference(
    estimate: Estimate | Measured, error: float | None, p_value: float | None
) -> Difference:
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
