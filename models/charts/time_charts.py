"""Time in pictures: which snapshots trained and tested the model, and how long customers take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    BOTTOM_PX,
    MOST_POINTS,
    Chart,
    Column,
    Size,
    ends_of,
    note,
    panel,
    percent_axes,
    rows_panel,
    thinned,
)
from leadcast.models.charts.numbers import compact, count, counted, day, duration, percent
from leadcast.models.charts.svg import ACCENT, DASHED, INK, MUTED, SECOND, THIRD
from leadcast.models.splits import ANOTHER_PARTS, PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS = {
    "train": "Training",
    "test": "Test",
    "fresh": "Fresh: outcome not yet known when the test began",
    "immature": "Left out: outcome not yet known",
    "purged": "Left out: outcome not known when the test began",
    ANOTHER_PARTS: "Left out: the person stands in the test",
}
"""Each part, or reason to leave a snapshot out, for a person."""
CALENDAR_BEGINS, CALENDAR_ENDS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
COLOURS = {"train": ACCENT, "test": INK}


@dataclass(frozen=True)
class TimelineChart(Chart):
    """The parts of the split along time.

    Parameters
    ----------
    parts : pl.DataFrame
        As `leadcast.models.splits.SplitSummary.frame` gives it: ``part``, ``reason``,
        ``snapshots``, ``groups``, ``converted``, ``base_rate``, ``first_position``,
        ``last_position``, ``first_as_of``, ``last_as_of``.
    """

    name: ClassVar[str] = "timeline"
    title: ClassVar[str] = "The parts of the data along time"
    reading: ClassVar[str] = (
        "Time runs to the right. The model learns from the older snapshots and is judged on the "
        "latest, which nothing else has seen. Where outcomes take time there is a gap between the "
        "two, so that none was used before it could be known; what was known by then of the fresh "
        "ones in between moves the level."
    )
    heights_px: ClassVar[tuple[int, int]] = (60, 60)
    row_heights_px: ClassVar[tuple[int, int]] = (42, 46)
    parts: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the parts with their words; what was left out comes last, in time's order."""
        what = pl.coalesce(pl.col("reason"), pl.col("part"))
        words = what.replace_strict(WORDS, default=what, return_dtype=pl.String)
        left_out = pl.col("part") == "left_out"
        order = (left_out, pl.when(left_out).then(pl.col("first_position")))
        return self.parts.sort(*order, maintain_order=True).select(words.alias("what"), pl.all())

    def columns(self) -> Sequence[Column]:
        """Tell how the parts read in the table."""
        dates = (Column("first_as_of", "From", day), Column("last_as_of", "to", day))
        return (
            Column("what", "Part"),
            Column("snapshots", "Snapshots", count),
            Column("groups", "Leads", count),
            Column("converted", "Customers", count),
            Column("base_rate", "Share", percent),
            *(dates if self._dated() else ()),
        )

    def finding(self) -> str:
        """Say how much each part has, and how much was left out."""
        rows = {row["what"]: row for row in self.frame().iter_rows(named=True)}
        used = [
            f"{WORDS[part].lower()}: {_amount(rows[WORDS[part]])}"
            for part in PARTS
            if WORDS[part] in rows
        ]
        left = self.parts.filter(pl.col("part") == "left_out")["snapshots"].sum()
        words = "; ".join(used)
        words = f"{words[:1].upper()}{words[1:]}."
        return f"{words} {counted(int(left), 'snapshot')} left out." if left else words

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a bar for each part, from its first to its last snapshot."""
        bottom_px = 26 if self._dated() else BOTTOM_PX
        axes = rows_panel(figure, size, self.parts.height, bottom_px)
        for place, row in enumerate(self.frame().iter_rows(named=True)):
            self._draw_row(axes, -place, row)
        if self._dated():
            date_axis(axes, size)
        else:
            axes.set(xlabel="Place in the order of the leads")
            axes.xaxis.set_major_formatter(lambda place, _: count(place))

    def _draw_row(self, axes: "Axes", place: int, row: dict[str, Any]) -> None:
        start, end = row[f"first_{self._kind}"], row[f"last_{self._kind}"]
        colour = COLOURS.get(row["part"], THIRD)
        thickness = 7.0 if row["part"] in COLOURS else 3.0
        axes.plot([start, end], [place, place], color=colour, linewidth=thickness)
        first = self.parts[f"first_{self._kind}"].min()
        note(axes, f"{row['what']} · {count(row['snapshots'])}", (first, place), (0, 9))  # type: ignore[arg-type]

    def _dated(self) -> bool:
        return self.parts["first_as_of"].count() > 0

    @property
    def _kind(self) -> str:
        return "as_of" if self._dated() else "position"


def _amount(row: dict[str, Any]) -> str:
    return f"{counted(row['snapshots'], 'snapshot')}, {counted(row['converted'], 'customer')}"


def date_axis(axes: "Axes", size: Size) -> None:
    """Write dates below a panel, as many as there is room for, whatever the span."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    # A lead of the year 1, as databases write what they do not know: the margin beside it would
    # begin before the calendar does.
    low, high = axes.get_xlim()
    first, last = date2num((CALENDAR_BEGINS, CALENDAR_ENDS))  # type: ignore[no-untyped-call]
    axes.set_xlim(max(low, first), min(high, last))
    # These bounds fit every span: with fewer at most or more at least, some span has no interval.
    least, most = (2, 5) if size.narrow else (3, 8)
    locator = AutoDateLocator(UTC, minticks=least, maxticks=most)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, UTC, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)


@dataclass(frozen=True)
class DelayChart(Chart):
    """The share of leads that have become customers, by their age.

    Parameters
    ----------
    curve : pl.DataFrame
        In rising order of ``days`` (since the lead's creation): ``share`` (of the leads that are
        customers by then), ``low`` and ``high`` (its 95 % band), ``at_risk`` (leads still watched);
        as `leadcast.features.delays.DelayCurve.frame` gives it.
    horizon_days : float or None
        The horizon that the model predicts.
    words : str
        What the curve says about the horizon.
    """

    name: ClassVar[str] = "delays"
    title: ClassVar[str] = "Share of the leads that have become customers, by their age"
    reading: ClassVar[str] = (
        "To the right the days since a lead came in, upwards the share of the leads that have "
        "become customers by then, with its 95 % band. Leads that are still open count for as long "
        "as they have been watched. What the curve still climbs after the horizon are customers "
        "whom the model does not wait for."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("days", "Days", compact),
        Column("share", "Customers by then", percent),
        *ends_of(percent),
        Column("at_risk", "Leads watched", count),
    )
    curve: pl.DataFrame
    horizon_days: float | None
    words: str = ""

    def frame(self) -> pl.DataFrame:
        """Give the curve."""
        return self.curve.select("days", "share", "low", "high", "at_risk")

    def finding(self) -> str:
        """Say what the horizon catches of the customers that were seen."""
        if self.words:
            return self.words
        last = f"{percent(self.curve['share'][-1])} after {duration(self.curve['days'][-1])}"
        if self.horizon_days is None:
            return f"Of the leads, {last} are customers."
        by_then = self.curve.filter(pl.col("days") <= self.horizon_days)
        caught = float(by_then["share"][-1]) if by_then.height else 0.0
        return (
            f"{percent(caught)} of the leads are customers after {duration(self.horizon_days)}, "
            f"{last}."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the curve with its band, and the horizon."""
        axes = panel(figure, size)
        few = thinned(self.frame(), MOST_POINTS)
        days, share, low, high = (few[name].to_numpy() for name in ("days", "share", "low", "high"))
        axes.fill_between(days, low, high, step="post", color=ACCENT, alpha=0.18, linewidth=0)
        axes.step(days, share, where="post", color=ACCENT)
        axes.set(xlim=(0, float(days[-1]) or 1.0), xlabel="Days since the lead came in")
        axes.set_ylim(bottom=0)
        axes.set_title("Share of the leads")
        percent_axes(axes, y=True)
        if self.horizon_days is not None and self.horizon_days <= days[-1]:
            axes.axvline(self.horizon_days, **DASHED)
            note(axes, f"horizon: {duration(self.horizon_days)}", (self.horizon_days, 0), (6, 8))


GRADE_COLOURS = {"A": SECOND, "B": ACCENT, "C": INK, "D": MUTED}


@dataclass(frozen=True)
class WhenChart(Chart):
    """The mean curve of each grade beside the share that became customers.

    Parameters
    ----------
    curves : pl.DataFrame
        In rising order of ``days`` (after the score) within each ``grade``: ``predicted``,
        ``observed``, ``low`` and ``high`` (its 95 % band), ``leads``; as
        `leadcast.models.curve.curve_judged.by_grade` gives it.
    horizon_days : float or None
        The horizon of the probability.
    """

    name: ClassVar[str] = "when"
    title: ClassVar[str] = "Customers by the days after the score, grade by grade"
    reading: ClassVar[str] = (
        "To the right the days after the score, upwards the share of each grade's leads that are "
        "customers by then: the lines as the curve told, the bands as it came (95 %). Leads that "
        "were not followed to the end count as long as they were; a lost lead counts as one that "
        "buys no more."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("grade", "Grade"),
        Column("days", "Days", compact),
        Column("predicted", "Told", percent),
        Column("observed", "Came", percent),
        *ends_of(percent),
        Column("leads", "Snapshots", count),
    )
    curves: pl.DataFrame
    horizon_days: float | None

    def frame(self) -> pl.DataFrame:
        """Give the curves."""
        return self.curves.select("grade", "days", "predicted", "observed", "low", "high", "leads")

    def finding(self) -> str:
        """Say how long the best grade takes to half of its customers."""
        best = self.curves.filter(pl.col("grade") == self.curves["grade"].min())
        last = best.row(-1, named=True)
        half = best.filter(pl.col("predicted") >= last["predicted"] / 2)["days"][0]
        return (
            f"Of grade {last['grade']}, {percent(last['predicted'])} become customers within "
            f"{duration(last['days'])}, half of them within about {duration(half)}."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a line and a band for each grade."""
        axes = panel(figure, size)
        longest = float(self.curves["days"].max() or 1.0)  # type: ignore[arg-type]
        for (grade,), own in self.curves.group_by("grade", maintain_order=True):
            colour = GRADE_COLOURS.get(str(grade), THIRD)
            seen = own.drop_nulls("observed")
            days, low, high = (seen[name].to_numpy() for name in ("days", "low", "high"))
            axes.fill_between(days, low, high, color=colour, alpha=0.16, linewidth=0)
            axes.plot(own["days"].to_numpy(), own["predicted"].to_numpy(), color=colour)
            note(axes, str(grade), (longest, float(own["predicted"][-1])), (5, -4))
        axes.set(xlim=(0, longest * 1.04), xlabel="Days after the score")
        axes.set_ylim(bottom=0)
        axes.set_title("Share that became customers")
        percent_axes(axes, y=True)
        if self.horizon_days is not None and self.horizon_days < longest:
            axes.axvline(self.horizon_days, **DASHED)
            # Above the lines: below are those of the lower grades.
            place = (self.horizon_days, axes.get_ylim()[1])
            note(axes, f"horizon: {duration(self.horizon_days)}", place, (6, -12))
