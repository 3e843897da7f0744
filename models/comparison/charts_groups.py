"""The picture of where both scores agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.comparison.result_groups import Bands
from models.report.chart import Chart, Size
from models.report.numbers import count, decimal, percent
from models.report.panels import panel
from models.report.svg import ACCENT, INK, PAPER
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

LARGE_CELL = 10
"""A cell with fewer leads is drawn paler: its share says little."""


@dataclass(frozen=True)
class AgreementChart(Chart):
    """Points bands against probability bands, with the observed conversion of each cell.

    Parameters
    ----------
    bands : Bands
    """

    name: ClassVar[str] = "agreement"
    title: ClassVar[str] = "Where both scores agree, and who is right where they do not"
    reading: ClassVar[str] = (
        "To the right are more points, upwards higher probabilities. A cell tells the share of its "
        "leads that became customers and, below, how many leads it has; the darker, the larger the "
        "share (paler where there are fewer than ten). Cells at the upper left are leads "
        "that points overlook, at the lower right those that they overrate."
    )
    bands: Bands

    def frame(self) -> pl.DataFrame:
        """Give a row a cell."""
        rows = [
            {
                "points": self.bands.points[cell.points_band].label,
                "probability": self.bands.probability[cell.probability_band].label,
                "x": cell.points_band,
                "y": cell.probability_band,
                "leads": cell.leads,
                "customers": cell.customers,
                "observed": cell.conversion.value,
            }
            for cell in self.bands.cells
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def columns(self) -> Sequence[Column]:
        """Tell how the numbers read."""
        return (
            Column("points", "Points"),
            Column("probability", "Probability"),
            Column("leads", "Leads", count),
            Column("customers", "Customers", count),
            Column("observed", "Became customers", percent),
        )

    def shown(self) -> pl.DataFrame:
        """Give every cell: the matrix is small."""
        return self.frame()

    def finding(self) -> str:
        """Compare the leads that one score puts high and the other low."""
        frame, bands = self.frame(), self.bands
        high_x, high_y = len(bands.points) / 2, len(bands.probability) / 2
        overlooked = frame.filter((pl.col("x") < high_x - 0.5) & (pl.col("y") > high_y - 0.5))
        overrated = frame.filter((pl.col("x") > high_x - 0.5) & (pl.col("y") < high_y - 0.5))
        rates = [_rate(part) for part in (overlooked, overrated)]
        agree = ""
        if bands.rank_correlation is not None:
            agree = f" Their rank correlation is {decimal(2)(bands.rank_correlation)}."
        return (
            f"Of {count(overlooked['leads'].sum())} leads with high probability and few points "
            f"{rates[0]} became customers; of {count(overrated['leads'].sum())} with low "
            f"probability and many points, {rates[1]}.{agree}"
        )

    def height_px(self, size: Size) -> int:
        """Tell the height: a row a band."""
        return 90 + (46 if size.narrow else 52) * len(self.bands.probability)

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the cells, darker with the share of customers."""
        frame, bands = self.frame(), self.bands
        axes = panel(figure, size)
        large = frame.filter(pl.col("leads") >= LARGE_CELL)["observed"].to_list()
        highest = max([rate for rate in large if rate is not None], default=1.0) or 1.0
        for row in frame.iter_rows(named=True):
            strength = 0.06 + 0.94 * min((row["observed"] or 0.0) / highest, 1.0)
            strength *= min(row["leads"] / LARGE_CELL, 1.0)
            box = (row["x"] - 0.5, row["y"] - 0.5)
            axes.add_patch(_cell(box, strength))
            ink = PAPER if strength > 0.6 else INK
            place = (row["x"], row["y"])
            share = percent(row["observed"]).replace("\N{NO-BREAK SPACE}", "")
            axes.text(place[0], place[1] + 0.1, share, ha="center", va="center", color=ink, size=11)
            told = count(row["leads"])
            axes.text(place[0], place[1] - 0.28, told, ha="center", va="center", color=ink, size=9)
        axes.grid(False)
        few = size.narrow
        names = [band.label.removesuffix(" points").replace(" to ", "–") for band in bands.points]
        axes.set_xticks(
            range(len(names)), [name if not (few and i % 2) else "" for i, name in enumerate(names)]
        )
        lows = [percent(band.low).replace("\N{NO-BREAK SPACE}", "") for band in bands.probability]
        axes.set_yticks(range(len(lows)), lows)
        axes.set(xlim=(-0.55, len(names) - 0.45), ylim=(-0.55, len(lows) - 0.45), xlabel="Points")
        axes.set_title("Probability, from")


def _rate(part: pl.DataFrame) -> str:
    leads, customers = (int(part[name].sum()) for name in ("leads", "customers"))
    return percent(customers / leads if leads else None)


def _cell(corner: tuple[float, float], strength: float) -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 0.96, 0.94, color=ACCENT, alpha=strength, linewidth=0)
