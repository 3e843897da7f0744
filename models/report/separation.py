"""How far customers and others are apart: the distributions of their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.report.chart import Chart, Size
from models.report.numbers import count, edge, percent
from models.report.panels import percent_axes, two_panels
from models.report.svg import ACCENT, SECOND
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SeparationChart(Chart):
    """Histograms of the probability, apart for those who became customers and the others.

    Parameters
    ----------
    bins : pl.DataFrame
        A row a bin, in order: ``from`` and ``to`` (probabilities), ``won`` and ``lost`` (how many
        snapshots of each kind lie in it).
    """

    name: ClassVar[str] = "separation"
    title: ClassVar[str] = "The probabilities of customers and of the others"
    reading: ClassVar[str] = (
        "Above, the leads that became customers; below, those that did not. Each bar is the share "
        "of its kind with that probability. The further the two shapes are apart, the better the "
        "model tells them apart; where they overlap, nobody can tell from what is known."
    )
    bins: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the bins with each kind's counts and shares."""
        shares = [
            (pl.col(kind) / pl.col(kind).sum()).fill_nan(0.0).alias(f"{kind}_share")
            for kind in ("won", "lost")
        ]
        return self.bins.select("from", "to", "won", "lost", *shares)

    def columns(self) -> Sequence[Column]:
        """Tell how the bins read in the table."""
        return (
            Column("from", "Probability from", edge),
            Column("to", "to", edge),
            Column("won", "Customers", count),
            Column("lost", "Others", count),
            Column("won_share", "Share of customers", percent),
            Column("lost_share", "Share of others", percent),
        )

    def finding(self) -> str:
        """Say around which probability each kind's half lies."""
        won, lost = self._median("won"), self._median("lost")
        if won is None or lost is None:
            return "Only one of the two kinds is in the test, so there is nothing to compare."
        return (
            f"Half of those who became customers had a probability above about {percent(won)}; "
            f"half of the others had one below about {percent(lost)}."
        )

    def height_px(self, size: Size) -> int:
        """Tell the height: two panels."""
        return 320 if size.narrow else 380

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the two histograms, one above the other on the same scale."""
        frame = self.frame()
        start, width = frame["from"].to_numpy(), (frame["to"] - frame["from"]).to_numpy()
        panels = two_panels(figure, share_y=True)
        kinds = (("won", "Became customers", ACCENT), ("lost", "Did not", SECOND))
        for axes, (kind, words, colour) in zip(panels, kinds, strict=True):
            heights = frame[f"{kind}_share"].to_numpy()
            axes.bar(start, heights, width=width * 0.92, align="edge", color=colour)
            axes.set_title(words)
            axes.locator_params(axis="x", nbins=5 if size.narrow else 10)
            axes.locator_params(axis="y", nbins=3)
            percent_axes(axes, x=True, y=True)
        panels[-1].set(xlabel="Predicted probability", xlim=(0, self._limit()))

    def _limit(self) -> float:
        filled = self.bins.filter(pl.col("won") + pl.col("lost") > 0)
        return 1.0 if filled.is_empty() else float(filled["to"][-1])

    def _median(self, kind: str) -> float | None:
        cumulated = self.bins[kind].cum_sum()
        if self.bins.is_empty() or not cumulated[-1]:
            return None
        row = int((cumulated * 2 >= cumulated[-1]).arg_max() or 0)
        start, end, inside = (self.bins[name][row] for name in ("from", "to", kind))
        before = cumulated[row] - inside
        # Within the bin the leads are taken to lie evenly.
        return float(start + (end - start) * (cumulated[-1] / 2 - before) / inside)
