"""What is compared: test snapshots with both scores, and the list that sales would call from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison.lists import Segments
from leadcast.models.data import Floats, Integers

BLOCK_LEADS = 100
"""Where nothing is dated, so many leads in time's order stand for a week."""

DEFAULT_SHARE = 0.2
"""The capacity where none is told: this share of a mean week's leads."""

GRID = 40
"""How many capacities the curves have."""

COLUMNS = (
    *("lead_id", "as_of", "landmark_days", "position", "group", "converted", "amount"),
    *("probability", "lower", "upper", "grade", "points", "worked", "random_slice"),
)
"""The columns that `Compared` needs; more are segments."""


@dataclass(frozen=True)
class Capacities:
    """How many calls each week has, at several capacities."""

    per_week: Floats
    """Calls in a full week, rising."""
    share: Floats
    """How much of each week the list covers: the first and the last may be cut short."""
    chosen: int
    """Which of them is the team's."""

    @cached_property
    def calls(self) -> Floats:
        """Calls, shape (n_weeks, n_capacities)."""
        return np.outer(self.share, self.per_week)

    @property
    def team(self) -> Floats:
        """The team's calls, shape (n_weeks,)."""
        return np.asarray(self.calls[:, self.chosen])

    @property
    def calls_per_week(self) -> float:
        """The team's capacity."""
        return float(self.per_week[self.chosen])

    @property
    def only_team(self) -> Self:
        """The same with the team's capacity alone, for what looks at no other."""
        return type(self)(np.array([self.calls_per_week]), self.share, 0)

    def for_part(self, part: "Compared", whole: "Compared") -> Self:
        """Take as large a part of each week's calls as the part has of its leads."""
        n_weeks = len(self.share)
        some, every = (np.bincount(rows.week, minlength=n_weeks) for rows in (part, whole))
        return type(self)(self.per_week, self.share * some / np.maximum(every, 1), self.chosen)


@dataclass(frozen=True)
class Compared:
    """Snapshots that have both scores, and which of them stands on the call list.

    Parameters
    ----------
    frame : pl.DataFrame
        `COLUMNS` and a String column a segment dimension. `points` may be null only where
        nobody ranks by them.
    dimensions : tuple of str
        The segment columns.
    landmark_days : float or None
        The age at which a lead stands on the call list; None where nothing is dated.
    weeks : tuple of str
        The weeks' names, in time's order; ``week`` holds each row's number.
    """

    frame: pl.DataFrame
    dimensions: tuple[str, ...]
    landmark_days: float | None
    weeks: tuple[str, ...] = field(default=())
    _known: dict[str, Floats] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, frame: pl.DataFrame, dimensions: Sequence[str], landmark_days: float | None = None
    ) -> Self:
        """Put rows into weeks and choose the snapshot that stands for each lead.

        Parameters
        ----------
        frame : pl.DataFrame
            `COLUMNS` and the segments.
        dimensions : sequence of str
            The segment columns.
        landmark_days : float, optional
            At which age a lead is put on the list; the youngest that there is, if not given.

        Returns
        -------
        Compared
            With the columns ``week`` (Int64) and ``on_list`` (Boolean): each lead at most once,
            in the week in which it reaches that age.

        Raises
        ------
        LeadcastError
            If no snapshot has that age.
        """
        missing = [name for name in (*COLUMNS, *dimensions) if name not in frame.columns]
        if missing:
            raise LeadcastError(f"the compared rows lack the columns {', '.join(missing)}")
        if frame["as_of"].null_count() == frame.height:
            blocks = frame["position"].rank("ordinal").cast(pl.Int64) - 1
            week, names = _numbered((blocks // BLOCK_LEADS + 1).cast(pl.String).str.zfill(4))
            on_list = pl.lit(True)
        else:
            monday = frame["as_of"].dt.truncate("1w").dt.strftime("%Y-%m-%d")
            week, names = _numbered(monday)
            landmark_days = _landmark(frame, landmark_days)
            on_list = pl.col("landmark_days") == landmark_days
        rows = frame.with_columns(week=pl.Series(week), on_list=on_list)
        return cls(rows, tuple(dimensions), landmark_days, names)

    @property
    def is_dated(self) -> bool:
        """Whether weeks are weeks."""
        return self.landmark_days is not None

    @property
    def per(self) -> str:
        """What stands for a week, in words."""
        return "week" if self.is_dated else f"block of {BLOCK_LEADS} leads"

    @property
    def on_list(self) -> Self:
        """The call list: a row a lead."""
        return self.filter(self.frame["on_list"])

    @property
    def with_points(self) -> Self:
        """The rows that have points."""
        return self.filter(self.frame["points"].is_not_null())

    def filter(self, kept: pl.Series) -> Self:
        """Take some of the rows; weeks keep their numbers."""
        rows = self.frame.filter(kept)
        return type(self)(rows, self.dimensions, self.landmark_days, self.weeks)

    def floats(self, name: str) -> Floats:
        """Give a column as numbers, NaN where it is null."""
        if name not in self._known:
            column = self.frame[name].cast(pl.Float64).fill_null(float("nan"))
            self._known[name] = np.array(column.to_numpy(), dtype=np.float64)
            self._known[name].flags.writeable = False
        return self._known[name]

    @property
    def week(self) -> Integers:
        """Each row's week, from 0."""
        return np.array(self.frame["week"].to_numpy(), dtype=np.int64)

    @property
    def group(self) -> Integers:
        """Each row's lead or account, as a code."""
        return np.array(self.frame["group"].to_numpy(), dtype=np.int64)

    def segments(self) -> tuple[Segments, tuple[tuple[str, str], ...]]:
        """Give each segment of every dimension a number.

        Returns
        -------
        segments : Segments
        names : tuple of (str, str)
            Dimension and value of each number.
        """
        code = np.zeros((len(self.dimensions), self.frame.height), np.int64)
        names: list[tuple[str, str]] = []
        for row, dimension in enumerate(self.dimensions):
            numbers, values = _numbered(self.frame[dimension])
            code[row] = numbers + len(names)
            names += [(dimension, value) for value in values]
        return Segments(code, len(names)), tuple(names)

    def capacities(self, calls_per_week: float | None) -> Capacities:
        """Lay out the capacities that are looked at.

        Parameters
        ----------
        calls_per_week : float or None
            The team's; None: `DEFAULT_SHARE` of a mean week's leads.

        Returns
        -------
        Capacities
        """
        listed = self.on_list.frame
        share = self._week_shares(listed)
        sizes = np.bincount(listed["week"].to_numpy(), minlength=len(share))
        mean = listed.height / max(share.sum(), 1e-9)
        team = float(max(1, round(DEFAULT_SHARE * mean))) if calls_per_week is None else None
        team = float(calls_per_week or 0.0) if team is None else team
        largest = float(np.max(sizes / np.maximum(share, 1e-9), initial=1.0, where=share > 0.5))
        grid = np.ceil(np.linspace(0.0, max(largest, team), GRID + 1)[1:])
        per_week = np.unique(np.append(grid, team))
        return Capacities(per_week, share, int(np.searchsorted(per_week, team)))

    @property
    def n_weeks(self) -> int:
        """How many weeks the list covers: the first and the last may be cut short."""
        listed = self.on_list.frame
        if not self.is_dated:
            return int(listed["week"].n_unique())
        return max(1, round(float(self._week_shares(listed).sum())))

    def _week_shares(self, listed: pl.DataFrame) -> Floats:
        # Sales has as many hours in every full week; a week that the test covers in part has part.
        share = np.zeros(len(self.weeks))
        share[listed["week"].unique().to_numpy()] = 1.0
        if not self.is_dated:
            sizes = np.bincount(listed["week"].to_numpy(), minlength=len(share))
            return np.minimum(sizes / BLOCK_LEADS, 1.0)
        first, last = listed["as_of"].min(), listed["as_of"].max()
        for moment, from_its_start in ((first, False), (last, True)):
            if moment is not None and listed.height:
                passed = (moment.weekday() + moment.hour / 24) / 7  # type: ignore[union-attr]
                number = listed.filter(pl.col("as_of") == moment)["week"][0]
                cut = passed + 1 / 168 if from_its_start else 1 - passed
                share[number] += min(cut, 1.0) - 1.0
        return np.clip(share, 0.0, 1.0)


def _landmark(frame: pl.DataFrame, wanted: float | None) -> float:
    ages = frame["landmark_days"].drop_nulls().unique().sort().to_list()
    if wanted is None:
        return float(ages[0])
    if wanted not in ages:
        raise LeadcastError(
            f"no test snapshot with both scores has the age of {wanted:g} days; there are "
            f"{', '.join(f'{age:g}' for age in ages)}. Set comparison.call_landmark_days to one "
            "of these, or to null for the youngest"
        )
    return wanted


def _numbered(column: pl.Series) -> tuple[Integers, tuple[str, ...]]:
    values, numbers = np.unique(column.to_numpy().astype(str), return_inverse=True)
    return numbers.astype(np.int64), tuple(str(value) for value in values)
