"""The loops over a ranked list: who is called, and how many customers that reaches."""

import numpy as np

from features.compiled import compiled
from models.data import Floats, Integers


@compiled
def call(
    row: Integers, tie_end: Integers, tie_week: Integers, capacity: Floats, share: Floats
) -> None:
    """Call each week's rows from the top until its calls are used up.

    Parameters
    ----------
    row, tie_end, tie_week : ndarray of int64
        As in `models.comparison.lists.WeeklyList`.
    capacity : ndarray of float64, shape (n_weeks,)
    share : ndarray of float64, shape (n_rows,)
        Written: the share of each row that is called.
    """
    week, start, before = -1, 0, 0.0
    for tie in range(len(tie_end)):
        if tie_week[tie] != week:
            week, before = tie_week[tie], 0.0
        tied = float(tie_end[tie] - start)
        part = min(max((capacity[week] - before) / tied, 0.0), 1.0)
        for place in range(start, tie_end[tie]):
            share[row[place]] = part
        before += tied
        start = tie_end[tie]


@compiled
def _count(
    tied: Integers,
    part: float,
    weight: Floats,
    converted: Floats,
    code: Integers,
    by_segment: Floats,
) -> None:
    for row in tied:
        for dimension in range(len(code)):
            by_segment[code[dimension, row]] += part * weight[row] * converted[row]


@compiled
def reach(
    row: Integers,
    tie_end: Integers,
    tie_week: Integers,
    weight: Floats,
    converted: Floats,
    capacity: Floats,
    code: Integers,
    chosen: int,
    rate: Floats,
    segment_rate: Floats,
    customers: Floats,
    by_segment: Floats,
) -> float:
    """Count the customers that are called at several capacities, each row with a weight.

    Parameters
    ----------
    row, tie_end, tie_week : ndarray of int64
        As in `models.comparison.lists.WeeklyList`.
    weight, converted : ndarray of float64, shape (n_rows,)
    capacity : ndarray of float64, shape (n_weeks, n_capacities)
        In rows without weights, rising from column to column: no weight moves the cut.
    code : ndarray of int64, shape (n_dimensions, n_rows)
        Each row's segments.
    chosen : int
        The capacity that is counted by segment.
    rate, segment_rate : ndarray of float64, shapes (n_capacities,) and (n_segments,)
        Customers taken off for each unit of weight above a cut that is more than the calls.
    customers, by_segment : ndarray of float64, shapes as the rates'
        Added to.

    Returns
    -------
    float
        The average precision within each week, weighted by its customers; NaN without any.
    """
    capacities = len(customers)
    week, start, filled = -1, 0, capacities
    rows, drawn, found, precision, total = 0.0, 0.0, 0.0, 0.0, 0.0
    for tie in range(len(tie_end)):
        if tie_week[tie] != week:
            # What the week that ends could not fill reached all of it.
            for k in range(filled, capacities):
                customers[k] += found
            week, rows, drawn, found, filled = tie_week[tie], 0.0, 0.0, 0.0, 0
        tied = tie_end[tie] - start
        mass, hits = 0.0, 0.0
        for place in range(start, tie_end[tie]):
            mass += weight[row[place]]
            hits += weight[row[place]] * converted[row[place]]
        free = capacity[week, chosen] - rows
        if hits > 0 and free > 0:
            places = row[start : tie_end[tie]]
            _count(places, min(free / tied, 1.0), weight, converted, code, by_segment)
        while filled < capacities and capacity[week, filled] < rows + tied:
            part = (capacity[week, filled] - rows) / tied
            too_many = drawn + part * mass - capacity[week, filled]
            customers[filled] += found + part * hits - too_many * rate[filled]
            if filled == chosen:
                by_segment -= too_many * segment_rate
            filled += 1
        rows += tied
        drawn += mass
        found += hits
        total += hits
        if hits > 0:
            precision += hits * found / drawn
        start = tie_end[tie]
    for k in range(filled, capacities):
        customers[k] += found
    return precision / total if total > 0 else np.nan
