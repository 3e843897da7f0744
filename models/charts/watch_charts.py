"""What monitoring sees, in pictures: conversions, cohorts, grades and the line, along time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from leadcast.models.charts.chart import (
    Chart,
    Column,
    Size,
    add_key,
    note,
    panel,
    percent_axes,
    two_panels,
)
from leadcast.models.charts.numbers import count, counted, decimal, percent
from leadcast.models.charts.svg import ACCENT, DASHED, INK, MUTED, SECOND, THIRD
from leadcast.models.charts.time_charts import date_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WEEK_DAYS = 7
BAR_DAYS = 5.0
FEWEST_WEEKS = 2
"""With fewer there is nothing along time to be seen."""
_EPOCH = date(1970, 1, 1)
GRADE_COLOURS = {"A": ACCENT, "B": SECOND, "C": INK, "D": THIRD}


@dataclass(frozen=True)
class ConversionsChart(Chart):
    """Conversions by week beside what the scores led to expect, and the evidence of a change.

    Parameters
    ----------
    weeks : pl.DataFrame
        ``week`` (its first day, as 2025-01-31), ``days`` (how many of it are known),
        ``observed``, ``expected``, ``evidence``.
    since : str or None
        When the change began that an alarm of all leads tells; None where there is no such alarm.
    """

    name: ClassVar[str] = "watched-conversions"
    title: ClassVar[str] = "Conversions by week"
    reading: ClassVar[str] = (
        "Bars are the conversions of a week, the line what the scores had led to expect of it. "
        "Below is the evidence that the level has moved: it bets, each week anew, that fewer or "
        "more convert than the scores said, may be looked at every night, and raises an alarm "
        "where it reaches 1; counting then begins anew. Quiet years have less than one alarm."
    )
    heights_px: ClassVar[tuple[int, int]] = (400, 420)
    told: ClassVar[Sequence[Column]] = (
        Column("week", "Week from"),
        Column("days", "Days", count),
        Column("observed", "Came", count),
        Column("expected", "Expected", decimal(1)),
        Column("evidence", "Evidence", decimal(3)),
    )
    weeks: pl.DataFrame
    since: str | None = None

    def frame(self) -> pl.DataFrame:
        """Give the weeks."""
        return self.weeks.select("week", "days", "observed", "expected", "evidence")

    def shown(self) -> pl.DataFrame:
        """Give all weeks: their sums would not be those of some."""
        return self.frame()

    def finding(self) -> str:
        """Say how many came of how many expected, and when the change began."""
        came, due = (float(self.weeks[name].sum()) for name in ("observed", "expected"))
        words = f"{counted(round(came), 'conversion')} came where {due:.1f} were expected."
        if self.since is None:
            return words
        return f"{words} Shaded: since about {self.since} an alarm tells a change."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw bars and line above, the evidence below, and where the alarm's change began."""
        upper, lower = two_panels(figure, bottom_px=26)
        whole = self.frame().filter(pl.col("days") == WEEK_DAYS)
        at = [_day(one) for one in whole["week"]]
        upper.bar(at, whole["observed"].to_list(), width=BAR_DAYS, color=ACCENT, align="edge")
        upper.step(at, whole["expected"].to_list(), where="post", color=INK, linewidth=1.6)
        upper.set_title("Came (bars) and expected (line), whole weeks")
        upper.set_ylim(bottom=0)
        every = self.frame()
        moments = [_day(one) for one in every["week"]]
        lower.step(moments, every["evidence"].to_list(), where="post", color=SECOND)
        lower.axhline(1.0, **DASHED)
        lower.set_title("Evidence of a change: 1 raises an alarm")
        lower.set_ylim(0, 1.15)
        for axes in (upper, lower):
            axes.locator_params(axis="y", nbins=4)
            if self.since is not None:
                axes.axvspan(_day(self.since), moments[-1], color=SECOND, alpha=0.12, lw=0)
        if self.since is not None:
            _, top = upper.get_ylim()
            note(upper, "since about here", (_day(self.since), top), (4, -12))
        date_axis(lower, size)


@dataclass(frozen=True)
class CohortsChart(Chart):
    """What was said of each month's leads, and what has happened to them since.

    Parameters
    ----------
    cohorts : pl.DataFrame
        As `leadcast.models.monitoring.cohorts.cohorts` gives them, ``cohort`` as text.
    """

    name: ClassVar[str] = "watched-cohorts"
    title: ClassVar[str] = "What was said, and what has happened since"
    reading: ClassVar[str] = (
        "Each month's scores, whose horizon has passed meanwhile. The bar is where the share of "
        "customers lies by luck alone (95 %) if scores mean what they say; the dot is the share "
        "that came. Dots outside the bars are more than luck."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("cohort", "Scored from"),
        Column("leads", "Mature", count),
        Column("waiting", "Waiting", count),
        Column("said", "Said", percent),
        Column("happened", "Happened", percent),
        Column("low", "by luck from", percent),
        Column("high", "to", percent),
        Column("auc", "AUC", decimal(3)),
        Column("expected_auc", "expected", decimal(3)),
        Column("log_loss", "Log loss", decimal(4)),
        Column("expected_log_loss", "expected", decimal(4)),
        Column("gain", "Customers in the best 20 %", percent),
    )
    cohorts: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the cohorts."""
        return self.cohorts.select([one.name for one in self.told])

    def finding(self) -> str:
        """Say of the newest cohort, most of which is mature, what was said and what happened."""
        mature = self.cohorts.filter(pl.col("leads") > pl.col("waiting"))
        if not mature.height:
            return "Of no month have most scores' horizons passed yet."
        last = mature.row(-1, named=True)
        outside = not last["low"] <= last["happened"] <= last["high"]
        return (
            f"Of the scores from {last['cohort']} on ({count(last['leads'])} mature) "
            f"{percent(last['said'])} were said to become customers, and "
            f"{percent(last['happened'])} did: {'more than luck' if outside else 'within luck'}. "
            f"{percent(last['gain'])} of the customers were among the best fifth."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a bar and a dot a month."""
        axes = panel(figure, size)
        rows = self.cohorts.filter(pl.col("leads") > 0)
        at = [_day(one) for one in rows["cohort"]]
        low, said, high, came = (
            rows[name].to_numpy() for name in ("low", "said", "high", "happened")
        )
        axes.vlines(at, low, high, color=THIRD, linewidth=7, alpha=0.6)
        axes.plot(at, said, "_", color=INK, markersize=12, markeredgewidth=2)
        axes.plot(at, came, "o", color=ACCENT, markersize=8)
        axes.set_title("Became customers (dot), said (bar)")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.06)
        percent_axes(axes, y=True)
        date_axis(axes, size)


@dataclass(frozen=True)
class GradesChart(Chart):
    """Conversion by grade by week, for the weeks whose labels are mature.

    Parameters
    ----------
    grades : pl.DataFrame
        As `leadcast.models.monitoring.cohorts.grades_by_week` gives them, ``week`` as text.
    """

    name: ClassVar[str] = "watched-grades"
    title: ClassVar[str] = "Conversion by grade by week"
    reading: ClassVar[str] = (
        "Of each week's new leads, the share that became customers within the horizon, by the "
        "grade that they were given at first; dashed is what their scores said. Few leads a week "
        "make the lines jump; the grades should keep their order."
    )
    heights_px: ClassVar[tuple[int, int]] = (320, 340)
    told: ClassVar[Sequence[Column]] = (
        Column("week", "Week"),
        Column("grade", "Grade"),
        Column("leads", "Leads", count),
        Column("said", "Said", percent),
        Column("mature", "Mature", count),
        Column("happened", "Happened", percent),
    )
    grades: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the weeks and grades."""
        return self.grades.select([one.name for one in self.told])

    def shown(self) -> pl.DataFrame:
        """Give every week, since each grade's rows belong together."""
        return self.frame()

    def finding(self) -> str:
        """Say each grade's share over all mature weeks."""
        words = [
            f"{grade}: {percent(came / mature)} (said {percent(said / mature)})"
            for grade, came, said, mature in self._sums()
            if mature
        ]
        return f"Of all mature weeks: {', '.join(words)}." if words else "No week is mature yet."

    def _sums(self) -> list[tuple[str, float, float, float]]:
        mature = self.grades.filter(pl.col("mature") > 0).group_by("grade")
        sums = mature.agg(
            came=(pl.col("happened") * pl.col("mature")).sum(),
            said=(pl.col("said") * pl.col("mature")).sum(),
            mature=pl.col("mature").sum().cast(pl.Float64),
        )
        return list(sums.sort("grade").iter_rows())

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a line a grade, and what was said of it."""
        axes = panel(figure, size, key_lines=1)
        mature = self.frame().filter(pl.col("mature") > 0)
        for (grade,), part in mature.sort("grade", "week").group_by("grade", maintain_order=True):
            at = [_day(one) for one in part["week"]]
            colour = GRADE_COLOURS.get(str(grade), MUTED)
            axes.plot(at, part["said"].to_numpy(), color=colour, linestyle="--", linewidth=1)
            came = part["happened"].to_numpy()
            axes.plot(at, came, color=colour, marker="o", markersize=3, label=str(grade))
        axes.set_title("Became customers")
        axes.set_ylim(bottom=0)
        percent_axes(axes, y=True)
        date_axis(axes, size)
        if mature.height:
            add_key(figure, axes, 4)


@dataclass(frozen=True)
class LineChart(Chart):
    """Leads above the line by week, against the calls that sales has.

    Parameters
    ----------
    weeks : pl.DataFrame
        As `leadcast.models.monitoring.cohorts.above_the_line` gives them, ``week`` as text.
    probability : float
        The line.
    """

    name: ClassVar[str] = "watched-line"
    title: ClassVar[str] = "Leads above the line, and the calls that sales has"
    reading: ClassVar[str] = (
        "Bars are the leads of a week that were scored above the line of grade A; the dashed line "
        "is how many calls sales has in a week. Far above it, sales cannot call all that the line "
        "asks for; far below, sales has calls left for grade B."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("week", "Week"),
        Column("leads", "Leads looked at", count),
        Column("above", "Above the line", count),
        Column("capacity", "Calls that sales has", count),
        Column("used", "of these", percent),
    )
    weeks: pl.DataFrame
    probability: float

    def frame(self) -> pl.DataFrame:
        """Give the weeks."""
        return self.weeks.select([one.name for one in self.told])

    def finding(self) -> str:
        """Say how many leads a week were above the line, of how many calls."""
        above, calls = self.weeks["above"].to_numpy(), float(self.weeks["capacity"][0])
        over = int((above > calls).sum())
        return (
            f"From {percent(self.probability)} on a lead is grade A: {np.median(above):.0f} leads "
            f"in the middle week, against {calls:.0f} calls; in {over} of "
            f"{counted(len(above), 'week')} there were more leads than calls."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a bar a week, and the calls."""
        axes = panel(figure, size)
        at = [_day(one) for one in self.weeks["week"]]
        axes.bar(at, self.weeks["above"].to_list(), width=BAR_DAYS, color=ACCENT, align="edge")
        calls = float(self.weeks["capacity"][0])
        axes.axhline(calls, **DASHED)
        axes.set_ylim(0, 1.15 * max(calls, float(self.weeks["above"].to_numpy().max())))
        axes.set_title(f"Leads of grade A; dashed: {calls:.0f} calls")
        date_axis(axes, size)


def _day(text: str) -> float:
    """Tell a day as pictures count them: in days since 1970."""
    return float((date.fromisoformat(text) - _EPOCH).days)
