"""Weekly call lists: how many customers a ranking reaches when so many leads are called a week.

Sales ranks the leads of a week and calls from the top. Leads that are tied at the cut are called
in proportion (what calling a random part of them gives on average), so that no result depends on
the order of rows. A replicate of a bootstrap is one pass over the sorted rows.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from features.compiled import compiled
from models.data import Floats, Integers


class Reached(NamedTuple):
    """What a ranking reaches.

    Parameters
    ----------
    customers : ndarray of float64, shape (n_capacities,)
        How many converted leads are called.
    average_precision : float
        Within each week, weighted by its customers; NaN without any.
    by_segment : ndarray of float64, shape (n_segments,)
        How many converted leads of each segment are called at the chosen capacity.
    """

    customers: Floats
    average_precision: float
    by_segment: Floats


@dataclass(frozen=True)
class Segments:
    """Which segments each row belongs to, one of each dimension (industry, month).

    Parameters
    ----------
    code : ndarray of int64, shape (n_dimensions, n_rows)
        The segment's number; numbers run on from dimension to dimension.
    count : int
        How many segments there are in all.
    """

    code: Integers
    count: int

    @classmethod
    def none(cls, n_rows: int) -> Self:
        """Make no dimension at all.

        Parameters
        ----------
        n_rows : int

        Returns
        -------
        Segments
        """
        return cls(np.zeros((0, n_rows), np.int64), 0)


@dataclass(frozen=True)
class WeeklyList:
    """Rows ranked within their weeks, once, to be called under many weights.

    Parameters
    ----------
    row : ndarray of int64, shape (n_rows,)
        The rows by week, the highest value first.
    tie_end : ndarray of int64, shape (n_ties,)
        Where each group of tied rows ends in `row`.
    tie_week : ndarray of int64, shape (n_ties,)
        The group's week.
    """

    row: Integers
    tie_end: Integers
    tie_week: Integers

    @classmethod
    def of(cls, value: Floats, week: Integers) -> Self:
        """Rank rows within weeks.

        Parameters
        ----------
        value : ndarray of float64, shape (n_rows,)
            Any finite numbers that rank.
        week : ndarray of int64, shape (n_rows,)
            From 0.

        Returns
        -------
        WeeklyList

        Raises
        ------
        ValueError
            If the lengths differ or a value is not finite.
        """
        if value.shape != week.shape or value.ndim != 1:
            raise ValueError(f"value has shape {value.shape}, week {week.shape}: give a row each")
        if not np.isfinite(value).all():
            raise ValueError("value holds NaN or an infinity")
        row = np.lexsort((-value, week)).astype(np.int64)
        sorted_value, sorted_week = value[row], week[row]
        new = (np.diff(sorted_value) != 0) | (np.diff(sorted_week) != 0)
        ends = np.append(np.flatnonzero(new) + 1, len(row)) if len(row) else np.zeros(0)
        tie_end = ends.astype(np.int64)
        return cls(row, tie_end, sorted_week[tie_end - 1])

    def called(self, capacity: Floats) -> Floats:
        """Tell which rows are called.

        Parameters
        ----------
        capacity : ndarray of float64, shape (n_weeks,)
            How many calls each week has.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            1 for a row that is called, 0 for one that is not; tied at the cut: the share of them
            that is.
        """
        share = np.zeros(len(self.row))
        _call(self.row, self.tie_end, self.tie_week, capacity, share)
        return share

    def ranks(self) -> Floats:
        """Give each row its rank within its week, 1 for the first; tied rows share the mean.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        start = np.concatenate([[0], self.tie_end[:-1]]).astype(np.int64)
        middle = (start + self.tie_end + 1) / 2
        first = np.searchsorted(self.tie_week, self.tie_week, side="left")
        rank = np.zeros(len(self.row))
        rank[self.row] = np.repeat(middle - start[first], self.tie_end - start)
        return rank

    def reached(
        self,
        weight: Floats,
        converted: Floats,
        capacity: Floats,
        segments: Segments,
        chosen: int,
    ) -> Reached:
        """Count the customers reached.

        Parameters
        ----------
        weight : ndarray of float64, shape (n_rows,)
            How often each row counts; at least 0.
        converted : ndarray of float64, shape (n_rows,)
            1.0 for a customer, else 0.0.
        capacity : ndarray of float64, shape (n_weeks, n_capacities)
            Calls of each week, rising from column to column.
        segments : Segments
            What to count by.
        chosen : int
            The capacity (its column) that is counted by segment.

        Returns
        -------
        Reached
        """
        customers, by_segment = np.zeros(capacity.shape[1]), np.zeros(segments.count)
        precision = _reach(
            *(self.row, self.tie_end, self.tie_week, weight, converted, capacity),
            *(segments.code, chosen, customers, by_segment),
        )
        return Reached(customers, precision, by_segment)


@compiled
def _call(
    row: Integers, tie_end: Integers, tie_week: Integers, capacity: Floats, share: Floats
) -> None:
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
def _reach(
    row: Integers,
    tie_end: Integers,
    tie_week: Integers,
    weight: Floats,
    converted: Floats,
    capacity: Floats,
    code: Integers,
    chosen: int,
    customers: Floats,
    by_segment: Floats,
) -> float:
    capacities = len(customers)
    week, start, filled = -1, 0, capacities
    before, found, precision, total = 0.0, 0.0, 0.0, 0.0
    for tie in range(len(tie_end)):
        if tie_week[tie] != week:
            # What the week that ends could not fill reached all of it.
            for k in range(filled, capacities):
                customers[k] += found
            week, before, found, filled = tie_week[tie], 0.0, 0.0, 0
        mass, hits = 0.0, 0.0
        for place in range(start, tie_end[tie]):
            mass += weight[row[place]]
            hits += weight[row[place]] * converted[row[place]]
        if mass > 0:
            while filled < capacities and capacity[week, filled] <= before + mass:
                customers[filled] += found + (capacity[week, filled] - before) / mass * hits
                filled += 1
            free = capacity[week, chosen] - before
            if hits > 0 and free > 0:
                tied = row[start : tie_end[tie]]
                _count(tied, min(free / mass, 1.0), weight, converted, code, by_segment)
            before += mass
            found += hits
            total += hits
            precision += hits * found / before
        start = tie_end[tie]
    for k in range(filled, capacities):
        customers[k] += found
    return precision / total if total > 0 else np.nan
