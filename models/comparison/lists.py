"""Weekly call lists: how many customers a ranking reaches when so many leads are called a week.

Sales ranks the leads of a week and calls from the top. Leads that are tied at the cut are called
in proportion (what calling a random part of them gives on average), so that no result depends on
the order of rows. A replicate of a bootstrap is one pass over the sorted rows.

A replicate does not move the cut. Drawing leads with replacement leaves fewer distinct leads, and a
cut that moves with each draw wanders more than it does from sample to sample: differences of two
lists would look a tenth less sure than they are. So a replicate counts those who were called, and
takes off what they are more than the calls, at the rate at which a call at the cut reaches a
customer. This is the linearised count whose variance Jiang and Zhao (2015) give, On asymptotic
distributions and confidence intervals for LIFT measures in data mining.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Floats, Integers


@compiled
def call(
    row: Integers, tie_end: Integers, tie_week: Integers, capacity: Floats, share: Floats
) -> None:
    """Call each week's rows from the top until its calls are used up."""
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
    """Count the customers that are called at several capacities, each row with a weight."""
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


AROUND = 0.5
"""What a call at the cut reaches is read off this share of the calls to either side of it."""


class Reached(NamedTuple):
    """What a ranking reaches."""

    customers: Floats
    """How many converted leads are called."""
    average_precision: float
    """Within each week, weighted by its customers; NaN without any."""
    by_segment: Floats
    """How many converted leads of each segment are called at the chosen capacity."""


class AtCut(NamedTuple):
    """How many customers one call more reaches."""

    customers: Floats
    by_segment: Floats
    """Of each segment, at the chosen capacity."""


@dataclass(frozen=True)
class Segments:
    """Which segments each row belongs to, one of each dimension (industry, month)."""

    code: Integers
    """The segment's number; numbers run on from dimension to dimension."""
    count: int
    """How many segments there are in all."""

    @classmethod
    def none(cls, n_rows: int) -> Self:
        """Make no dimension at all."""
        return cls(np.zeros((0, n_rows), np.int64), 0)


@dataclass(frozen=True)
class WeeklyList:
    """Rows ranked within their weeks, once, to be called under many weights."""

    row: Integers
    """The rows by week, the highest value first."""
    tie_end: Integers
    """Where each group of tied rows ends in `row`."""
    tie_week: Integers
    """The group's week."""

    @classmethod
    def of(cls, value: Floats, week: Integers) -> Self:
        """Rank rows within weeks."""
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
        """Tell which rows are called."""
        share = np.zeros(len(self.row))
        call(self.row, self.tie_end, self.tie_week, capacity, share)
        return share

    def ranks(self) -> Floats:
        """Give each row its rank within its week, 1 for the first; tied rows share the mean."""
        start = np.concatenate([[0], self.tie_end[:-1]]).astype(np.int64)
        middle = (start + self.tie_end + 1) / 2
        first = np.searchsorted(self.tie_week, self.tie_week, side="left")
        rank = np.zeros(len(self.row))
        rank[self.row] = np.repeat(middle - start[first], self.tie_end - start)
        return rank

    def reached(
        self, converted: Floats, capacity: Floats, segments: Segments, chosen: int
    ) -> Reached:
        """Count the customers reached."""
        nothing = AtCut(np.zeros(capacity.shape[1]), np.zeros(segments.count))
        ones = np.ones(len(converted))
        return self.redrawn(ones, nothing, converted, capacity, segments, chosen)

    def redrawn(
        self,
        weight: Floats,
        at_cut: AtCut,
        converted: Floats,
        capacity: Floats,
        segments: Segments,
        chosen: int,
    ) -> Reached:
        """Count the customers reached when each row counts so often; the cuts stay."""
        customers, by_segment = np.zeros(capacity.shape[1]), np.zeros(segments.count)
        precision = reach(
            *(self.row, self.tie_end, self.tie_week, weight, converted, capacity),
            *(segments.code, chosen, *at_cut, customers, by_segment),
        )
        return Reached(customers, precision, by_segment)

    def at_cut(self, converted: Floats, capacity: Floats, segments: Segments, chosen: int) -> AtCut:
        """Estimate what one call more reaches: the slope of the customers reached by calls.

        Taken from half of the calls to one and a half, over all weeks that have more leads than
        calls; as far to the left as to the right.
        """
        leads = np.bincount(self.tie_week, np.diff(self.tie_end, prepend=0), len(capacity))[:, None]
        more = np.minimum((1 + AROUND) * capacity, leads)
        less = np.where(capacity < leads, 2 * capacity - more, leads)
        above, below = (self.reached(converted, calls, segments, chosen) for calls in (more, less))
        calls = (more - less).sum(axis=0)
        calls[calls == 0] = np.inf
        return AtCut(
            (above.customers - below.customers) / calls,
            (above.by_segment - below.by_segment) / calls[chosen],
        )
