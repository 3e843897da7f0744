"""Counts by month, or by longer spans where there would be too many months to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import polars as pl

from leadcast.features.tables import TIME

MOST_BINS = 48
_MONTHS = {
    "month": 1,
    "quarter": 3,
    "year": 12,
    "decade": 120,
    "century": 1200,
    "millennium": 12_000,
}


def months_of(times: pl.Series, zone: str) -> pl.Series:
    """Give moments their months in a zone: year times twelve, plus the month from 0.

    Parameters
    ----------
    times : pl.Series of TIME
        Without nulls.
    zone : str
        An IANA name.

    Returns
    -------
    pl.Series of Int64
    """
    if times.is_empty():
        return pl.Series([], dtype=pl.Int64)
    ends = pl.Series([times.min(), times.max()], dtype=TIME).dt.convert_time_zone(zone)
    numbers = ends.dt.year() * 12 + ends.dt.month().cast(pl.Int32) - 1
    # A zone may lead beyond the years that people know.
    first, last = max(int(numbers[0]), 12), min(int(numbers[1]), 12 * 9999 + 11)
    # To look months up is faster than to compute them.
    places: pl.Series = _starts(first, last, zone)[1:].search_sorted(times, side="right")
    return places.cast(pl.Int64) + first


# Columns of one export have few spans.
@lru_cache(maxsize=64)
def _starts(first: int, last: int, zone: str) -> pl.Series:
    begin, end = (datetime(month // 12, month % 12 + 1, 1) for month in (first, last))
    # Clocks may skip the first's midnight.
    starts = pl.datetime_range(begin, end, "1mo", time_unit="us", eager=True)
    local = starts.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = starts.dt.offset_by("2h").dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    return local.zip_with(local.is_not_null(), later).dt.convert_time_zone("UTC")


@dataclass(frozen=True)
class TimeBins:
    """Spans of time of one length, one after the other.

    Parameters
    ----------
    unit : str
        ``"month"``, ``"quarter"``, ``"year"``, ``"decade"``, ``"century"`` or ``"millennium"``.
    first, last : int
        The first and the last span, counted from the year 0.
    """

    unit: str
    first: int
    last: int

    @classmethod
    def over(cls, first_month: int, last_month: int) -> "TimeBins":
        """Take the shortest spans of which `MOST_BINS` reach from one month to another."""
        spans = [
            cls(unit, first_month // months, last_month // months)
            for unit, months in _MONTHS.items()
        ]
        return next(one for one in spans if one.last - one.first < MOST_BINS)

    def labels(self) -> list[str]:
        """Name the spans, in order."""
        return [self._label(one) for one in range(self.first, self.last + 1)]

    def sums(self, months: Mapping[int, int]) -> list[int]:
        """Add counts by month up to counts by span, in order."""
        counts = [0] * (self.last - self.first + 1)
        for month, count in months.items():
            counts[month // _MONTHS[self.unit] - self.first] += count
        return counts

    def places(self, months: pl.Series) -> pl.Series:
        """Tell for each month the place of its span, from 0."""
        return months // _MONTHS[self.unit] - self.first

    def _label(self, number: int) -> str:
        year, rest = divmod(number * _MONTHS[self.unit], 12)
        if self.unit == "month":
            return f"{year:04d}-{rest + 1:02d}"
        if self.unit == "quarter":
            return f"{year:04d} Q{rest // 3 + 1}"
        return f"{year:04d}" if self.unit == "year" else f"{year:04d}s"


def bars(months: Mapping[int, int]) -> dict[str, Any]:
    """Describe counts by month as plain data: the unit, and a label and a count for each span."""
    if not months:
        return {"unit": "month", "bars": []}
    spans = TimeBins.over(min(months), max(months))
    counted = zip(spans.labels(), spans.sums(months), strict=True)
    return {"unit": spans.unit, "bars": [list(pair) for pair in counted]}


def counts_by_month(times: pl.Series, zone: str) -> dict[int, int]:
    """Count moments by the month in a zone."""
    found = months_of(times.drop_nulls(), zone).alias("month").value_counts(name="count")
    return dict(found.sort("month").iter_rows())
