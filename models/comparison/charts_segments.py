"""The picture of the segments: for whom which score ranks better."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.comparison.result_groups import Segment
from models.report.chart import Chart, Size
from models.report.numbers import LEVEL, count, decimal
from models.report.panels import rows_panel
from models.report.svg import ACCENT, MUTED, PAPER, SECOND, THIRD, plain
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SEGMENTS = 30
"""So many segments are drawn; all are in the result."""

ROW_PX = 26


@dataclass(frozen=True)
class SegmentChart(Chart):
    """The difference of the AUCs within each segment.

    Parameters
    ----------
    segments : sequence of Segment
    words : sequence of str
        What stays after looking at so many.
    """

    name: ClassVar[str] = "segments"
    title: ClassVar[str] = "For whom which score ranks better"
    reading: ClassVar[str] = (
        "A row a segment: how far the learned score's AUC lies above the points', with its 95 % "
        "interval. To the right of the line the learned score ranks better, to the left the "
        "points. Filled dots: a difference that stays after Holm's adjustment for every segment "
        "that was looked at; a hollow one may be chance, even where its own interval misses 0."
    )
    segments: Sequence[Segment]
    words: Sequence[str]

    def frame(self) -> pl.DataFrame:
        """Give a row a segment."""
        rows = [
            {
                "dimension": one.dimension.replace("_", " "),
                "segment": one.value,
                "leads": one.leads,
                "customers": one.customers,
                "auc_learned": one.auc_learned.value,
                "auc_points": one.auc_points.value,
                "difference": one.auc_difference.value,
                "low": one.auc_difference.low,
                "high": one.auc_difference.high,
                "p": one.adjusted_p_value,
                "winner": one.winner,
                "reached_learned": one.reached_learned,
                "reached_points": one.reached_points,
            }
            for one in self.segments
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def shown(self) -> pl.DataFrame:
        """Give every segment."""
        return self.frame()

    def columns(self) -> Sequence[Column]:
        """Tell how the numbers read."""
        return (
            Column("dimension", "By"),
            Column("segment", "Segment"),
            Column("leads", "Leads", count),
            Column("customers", "Customers", count),
            Column("auc_learned", "AUC, learned", decimal(3)),
            Column("auc_points", "AUC, points", decimal(3)),
            Column("difference", "Difference", decimal(3)),
            Column("low", f"{LEVEL} from", decimal(3)),
            Column("high", "to", decimal(3)),
            Column("p", "p, adjusted", decimal(3)),
            Column("winner", "Ranks better"),
            Column("reached_learned", "Learned reaches", decimal(1)),
            Column("reached_points", "Points reach", decimal(1)),
        )

    def finding(self) -> str:
        """Say in how many segments which score wins."""
        return " ".join(self.words)

    def height_px(self, size: Size) -> int:
        """Tell the height: a row a segment."""
        return 60 + ROW_PX * (2 if size.narrow else 1) * min(len(self.segments), MOST_SEGMENTS)

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a dot with its interval a segment, the label beside or above it."""
        frame = self.frame().drop_nulls(["difference", "low", "high"]).head(MOST_SEGMENTS)
        axes = rows_panel(figure, frame.height)
        low, high = float(frame["low"].min()), float(frame["high"].max())  # type: ignore[arg-type]
        width = max(high, 0.02) - min(low, -0.02)
        left = min(low, -0.02) - (0.05 if size.narrow else 0.62) * width
        axes.set_xlim(left, max(high, 0.02) + 0.04 * width)
        axes.axvline(0, color=MUTED, linewidth=1)
        lift = 0.42 if size.narrow else 0.0
        for place, row in enumerate(frame.iter_rows(named=True)):
            colour = {"learned": ACCENT, "points": SECOND, "undecided": THIRD}[row["winner"]]
            axes.plot([row["low"], row["high"]], [-place, -place], color=colour, linewidth=1.6)
            face = PAPER if row["winner"] == "undecided" else colour
            axes.plot([row["difference"]], [-place], "o", color=colour, mfc=face, markersize=7)
            label = plain(f"{row['dimension']}: {row['segment']}", 34)
            axes.text(left, -place + lift, label, va="center", ha="left", size=11)
        axes.set_xlabel("AUC, learned minus points")
