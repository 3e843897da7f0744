"""The picture of what both lists reach, at every capacity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from models.comparison.result_ranking import Capacity
from models.report.chart import Chart, Size
from models.report.numbers import LEVEL, compact, decimal
from models.report.panels import two_panels
from models.report.svg import ACCENT, MUTED, SECOND
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BOTH = (("learned", "Learned score", ACCENT), ("points", "Points", SECOND))


@dataclass(frozen=True)
class CapacityChart(Chart):
    """Customers reached by both lists, and the difference, against calls a week.

    Parameters
    ----------
    capacities : sequence of Capacity
    team : float
        The team's calls a week.
    per : str
        What calls are counted by.
    """

    name: ClassVar[str] = "capacity"
    title: ClassVar[str] = "Customers reached, by how many are called"
    reading: ClassVar[str] = (
        "To the right is how many leads can be called; above, how many customers are among them "
        "if the list is made by the learned score or by the points; below, the difference. The "
        "bands hold the truth in 95 of 100 cases; where the lower one holds 0, these leads cannot "
        "tell the two lists apart. The line stands at the team's capacity."
    )
    capacities: Sequence[Capacity]
    team: float
    per: str

    def frame(self) -> pl.DataFrame:
        """Give a row a capacity."""
        rows = [
            {
                "calls": one.calls_per_week,
                "learned": one.learned.value,
                "points": one.points.value,
                "difference": one.difference.value,
                "low": one.difference.low,
                "high": one.difference.high,
                **{f"{name}_low": getattr(one, name).low for name, _, _ in BOTH},
                **{f"{name}_high": getattr(one, name).high for name, _, _ in BOTH},
            }
            for one in self.capacities
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def columns(self) -> Sequence[Column]:
        """Tell how the numbers read."""
        return (
            Column("calls", f"Calls a {self.per}", compact),
            Column("learned", "Learned score reaches", decimal(1)),
            Column("points", "Points reach", decimal(1)),
            Column("difference", "Difference", decimal(1)),
            Column("low", f"{LEVEL} from", decimal(1)),
            Column("high", "to", decimal(1)),
        )

    def finding(self) -> str:
        """Say where the lists differ."""
        frame = self.frame().drop_nulls(["low", "high"])
        ahead = frame.filter(pl.col("low") > 0)["calls"].to_list()
        behind = frame.filter(pl.col("high") < 0)["calls"].to_list()
        words = [
            f"The {name} are known to reach more at {compact(calls[0])} to {compact(calls[-1])} "
            f"calls a {self.per}."
            for name, calls in (("learned score's leads", ahead), ("points' leads", behind))
            if calls
        ]
        return " ".join(words) or "At no capacity do these leads tell the two lists apart."

    def height_px(self, size: Size) -> int:
        """Tell the height: two panels."""
        return 470 if size.narrow else 560

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw both curves above, their difference below."""
        frame = self.frame()
        upper, lower = two_panels(figure)
        for name, words, colour in BOTH:
            _band(upper, frame, f"{name}_low", f"{name}_high", colour)
            upper.plot(frame["calls"].to_numpy(), frame[name].to_numpy(), color=colour)
            _name_line(upper, frame, name, words, colour)
        upper.set_title("Customers reached")
        _band(lower, frame, "low", "high", ACCENT)
        lower.plot(frame["calls"].to_numpy(), frame["difference"].to_numpy(), color=ACCENT)
        lower.axhline(0, color=MUTED, linewidth=1)
        lower.set_title("Difference: learned score minus points")
        for axes in (upper, lower):
            axes.axvline(self.team, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
            axes.locator_params(axis="x", nbins=5 if size.narrow else 8)
            axes.locator_params(axis="y", nbins=6)
        upper.set_ylim(bottom=0)
        lower.set(xlabel=f"Calls a {self.per}", xlim=(0, frame["calls"].max()))


def _band(axes: "Axes", frame: pl.DataFrame, low: str, high: str, colour: str) -> None:
    known = frame.drop_nulls([low, high])
    below, above = (known[name].cast(pl.Float64).to_numpy() for name in (low, high))
    calls = known["calls"].to_numpy()
    axes.fill_between(calls, below, above, color=colour, alpha=0.16, linewidth=0)


def _name_line(axes: "Axes", frame: pl.DataFrame, name: str, words: str, colour: str) -> None:
    # Where the curves are furthest apart: one name above the upper line, one below the lower.
    calls = frame["calls"].to_numpy()
    apart = np.abs(frame["learned"].to_numpy() - frame["points"].to_numpy())
    middle = (calls > calls[-1] * 0.25) & (calls < calls[-1] * 0.75)
    place = int(np.argmax(np.where(middle, apart, -1.0)))
    above = frame[name][place] == max(frame["learned"][place], frame["points"][place])
    axes.annotate(
        words,
        (frame["calls"][place], frame[name][place]),
        xytext=(-8, 6) if above else (8, -6),
        textcoords="offset points",
        ha="right" if above else "left",
        va="bottom" if above else "top",
        color=colour,
        weight="bold",
    )
