"""How long customers take to buy, and what the horizon misses: the delay curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.report.chart import MOST_POINTS, Chart, Size
from models.report.numbers import LEVEL, compact, count, duration, percent
from models.report.panels import panel, percent_axes
from models.report.svg import ACCENT, MUTED
from models.report.table import Column, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class DelayChart(Chart):
    """The share of leads that have become customers, by their age.

    Parameters
    ----------
    curve : pl.DataFrame
        In rising order of ``days`` (since the lead's creation): ``share`` (of the leads that are
        customers by then), ``low`` and ``high`` (its 95 % band), ``at_risk`` (leads still watched);
        as `features.delays.DelayCurve.frame` gives it.
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
    curve: pl.DataFrame
    horizon_days: float | None
    words: str = ""

    def frame(self) -> pl.DataFrame:
        """Give the curve."""
        return self.curve.select("days", "share", "low", "high", "at_risk")

    def columns(self) -> Sequence[Column]:
        """Tell how the curve reads in the table."""
        return (
            Column("days", "Days", compact),
            Column("share", "Customers by then", percent),
            Column("low", f"{LEVEL} from", percent),
            Column("high", "to", percent),
            Column("at_risk", "Leads watched", count),
        )

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
            axes.axvline(self.horizon_days, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
            axes.annotate(
                f"horizon: {duration(self.horizon_days)}",
                (self.horizon_days, 0),
                xytext=(6, 8),
                textcoords="offset points",
            )
