"""Both lists under many draws of leads: the paired bootstrap behind the comparison's intervals."""

from dataclasses import dataclass

import numpy as np

from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.lists import Reached, Segments, WeeklyList
from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import drawn_weights
from leadcast.models.evaluation.delong import degrees_of_freedom


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
    lists = lists_of(listed)
    converted = listed.floats("converted")
    counted = (converted, capacities.calls, segments, capacities.chosen)
    one, other = (each.reached(*counted) for each in lists)
    at_cuts = [each.at_cut(*counted) for each in lists]
    customers = np.zeros((replicates, 2, len(capacities.per_week)))
    precision, by_segment = np.zeros((replicates, 2)), np.zeros((replicates, 2, segments.count))
    total = np.zeros(replicates)
    draws = 0
    for draws, weight in enumerate(drawn_weights(listed.group, replicates, seed), start=1):
        total[draws - 1] = (weight * converted).sum()
        for which, (each, at_cut) in enumerate(zip(lists, at_cuts, strict=True)):
            reached = each.redrawn(weight, at_cut, *counted)
            customers[draws - 1, which] = np.clip(reached.customers, 0.0, total[draws - 1])
            precision[draws - 1, which] = reached.average_precision
            by_segment[draws - 1, which] = reached.by_segment
    kept = slice(draws)
    drawn = (customers[kept], precision[kept], by_segment[kept], total[kept])
    return Replicated((one, other), *drawn, degrees_of_freedom(converted, listed.group))


def lists_of(listed: Compared) -> tuple[WeeklyList, WeeklyList]:
    """Rank the call list by both scores."""
    week = listed.week
    return (
        WeeklyList.of(listed.floats("probability"), week),
        WeeklyList.of(listed.floats("points"), week),
    )
