"""Why this model was chosen: how the candidates did in the backtest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.report.chart import Chart, Size
from models.report.numbers import LEVEL, decimal
from models.report.panels import rows_panel
from models.report.svg import ACCENT, INK, MUTED, THIRD, plain
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class BacktestChart(Chart):
    """Each candidate's log loss, on average and origin by origin.

    Parameters
    ----------
    scores : pl.DataFrame
        A row for each candidate and origin: ``candidate``, ``origin`` (its number or date, as
        text), ``log_loss``.
    averages : pl.DataFrame
        A row for each candidate, the best first: ``candidate``, ``log_loss`` (its average),
        ``difference`` (to the best), ``low`` and ``high`` (the difference's 95 % interval, null
        for the best itself), ``chosen`` (Boolean).
    """

    name: ClassVar[str] = "backtest"
    title: ClassVar[str] = "How the candidates did on later leads"
    reading: ClassVar[str] = (
        "Each candidate was trained several times, each time on the leads up to some day (an "
        "origin), and judged on the leads after it by log loss: how surprised it was by what "
        "happened. Further to the left is better. Small dots are the single origins, the large "
        "one is their average."
    )
    scores: pl.DataFrame
    averages: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give a row a candidate: the average, the difference to the best, each origin."""
        wide = self.scores.pivot(on="origin", index="candidate", values="log_loss")
        return self.averages.join(wide, on="candidate", how="left", maintain_order="left")

    def columns(self) -> Sequence[Column]:
        """Tell how the candidates read in the table."""
        show = decimal(4)
        origins = self.scores["origin"].unique(maintain_order=True).to_list()
        return (
            Column("candidate", "Candidate"),
            Column("log_loss", "Log loss, average", show),
            Column("difference", "Worse than the best by", show),
            Column("low", f"{LEVEL} from", show),
            Column("high", "to", show),
            *(Column(origin, f"from {origin}", show) for origin in origins),
        )

    def finding(self) -> str:
        """Say which candidate was chosen, and whether others are as good."""
        best = self.averages.row(0, named=True)
        chosen = self.averages.filter("chosen")
        words = (
            f"The lowest log loss is that of {plain(best['candidate'])} "
            f"({decimal(4)(best['log_loss'])} on average)."
        )
        if chosen.height and chosen["candidate"][0] != best["candidate"]:
            words += f" Chosen was {plain(chosen['candidate'][0])}."
        level = self.averages.slice(1).filter(pl.col("low") <= 0.0)["candidate"].to_list()
        if level:
            words += f" Not to be told apart from it: {', '.join(map(plain, level))}."
        return words

    def height_px(self, size: Size) -> int:
        """Tell the height: as many rows as there are candidates."""
        return 70 + (44 if size.narrow else 48) * self.averages.height

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a candidate: its origins as small dots, its average as a large one."""
        axes = rows_panel(figure, self.averages.height)
        for place, row in enumerate(self.averages.iter_rows(named=True)):
            losses = self.scores.filter(candidate=row["candidate"])["log_loss"].to_numpy()
            colour = ACCENT if row["chosen"] else THIRD
            axes.plot(losses, [-place] * len(losses), "o", color=colour, alpha=0.5, markersize=4.5)
            axes.plot([row["log_loss"]], [-place], "o", color=colour, markersize=9)
            label = plain(row["candidate"], 40) + (" · chosen" if row["chosen"] else "")
            # The label stands at the axes' left edge, above its row, whatever the numbers are.
            axes.annotate(
                label,
                (0, -place),
                xycoords=("axes fraction", "data"),
                xytext=(0, 10),
                textcoords="offset points",
                color=INK if row["chosen"] else MUTED,
            )
        axes.locator_params(axis="x", nbins=4 if size.narrow else 7)
        axes.set(xlabel="Log loss")
