"""What sellers' leads are worth: a row a seller, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from leadcast.models.charts.chart import Chart, Column, Size, ends_of, label_row, rows_panel
from leadcast.models.charts.numbers import count, counted, decimal, percent
from leadcast.models.charts.svg import ACCENT, DASHED, MUTED, SECOND, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SELLERS = 25


@dataclass(frozen=True)
class SellersChart(Chart):
    """Conversions of each seller's leads against what such leads bring.

    Parameters
    ----------
    cards : pl.DataFrame
        A row a seller, the best first: ``seller``, ``leads``, ``observed``, ``expected``,
        ``ratio``, ``low``, ``high``, ``rank_low``, ``rank_high``, ``verdict``.
    """

    title: ClassVar[str] = "Customers that came, for each that such leads bring"
    reading: ClassVar[str] = (
        "To the right is how many of a seller's leads became customers, as a multiple of what "
        "leads of the same kind bring whoever sells them: the dot is drawn towards the mean where "
        "there are few leads, the line is the 95 % interval. The stroke is what was counted. A "
        "seller whose line crosses the dashed one brings what is expected, as far as can be told."
    )
    heights_px: ClassVar[tuple[int, int]] = (70, 70)
    row_heights_px: ClassVar[tuple[int, int]] = (40, 40)
    told: ClassVar[Sequence[Column]] = (
        Column("seller", "Seller"),
        Column("leads", "Leads", count),
        Column("observed", "Customers", count),
        Column("expected", "Expected", decimal(1)),
        Column("ratio", "Ratio", decimal(2)),
        *ends_of(decimal(2)),
        Column("rank_low", "Rank from", count),
        Column("rank_high", "to", count),
        Column("verdict", "Verdict"),
    )
    name: ClassVar[str] = "sellers_vendor"
    kind: ClassVar[str] = "vendor"
    cards: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the sellers with the most leads, the best first."""
        if self.cards.height <= MOST_SELLERS:
            return self.cards
        kept = self.cards.sort("leads", descending=True)["seller"].head(MOST_SELLERS)
        return self.cards.filter(pl.col("seller").is_in(kept.implode()))

    def shown(self) -> pl.DataFrame:
        """Give every seller that is drawn."""
        return self.frame()

    def finding(self) -> str:
        """Say who differs from the mean, and who is the best or the worst."""
        total = self.cards.height
        kinds = counted(total, self.kind)
        better, worse = (
            self.cards.filter(pl.col("verdict").is_in(words))["seller"].to_list()
            for words in (
                ["the best", "above expected"],
                ["the worst", "below expected"],
            )
        )
        if not better and not worse:
            return f"Of {kinds} none brings more or fewer customers than expected, beyond doubt."
        parts = [
            f"{words}: {', '.join(plain(name, 40) for name in names)}"
            for words, names in (("above what is expected", better), ("below", worse))
            if names
        ]
        rest = total - len(better) - len(worse)
        others = (
            f"{rest} {'brings' if rest == 1 else 'bring'} what is expected, as far as can be told"
        )
        return f"Of {kinds} {others}; {'; '.join(parts)}."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a seller."""
        frame = self.frame()
        axes = rows_panel(figure, size, frame.height)
        axes.axvline(1.0, **DASHED)
        for place, row in enumerate(frame.iter_rows(named=True)):
            axes.plot([row["low"], row["high"]], [-place, -place], color=ACCENT, linewidth=1.6)
            axes.plot([row["ratio"]], [-place], "o", color=ACCENT, markersize=6)
            if row["expected"]:
                ends = [-place - 0.16, -place + 0.16]
                counted_ratio = row["observed"] / row["expected"]
                if counted_ratio <= frame["high"].max():
                    axes.plot([counted_ratio] * 2, ends, color=SECOND, linewidth=2.4)
            label_row(axes, place, plain(row["seller"], 40), MUTED, above=9)
        axes.set(xlim=(0, None), xlabel="Customers that came, for each that was expected")


class SourcesChart(SellersChart):
    """The same by source."""

    name: ClassVar[str] = "sellers_source"
    kind: ClassVar[str] = "source"


class CampaignsChart(SellersChart):
    """The same by campaign."""

    name: ClassVar[str] = "sellers_campaign"
    kind: ClassVar[str] = "campaign"


JUNK_COLUMNS: Sequence[Column] = (
    Column("seller", "Seller"),
    Column("leads", "Leads", count),
    Column("share", "Junk", percent),
    *ends_of(percent),
    Column("paid", "paid for", percent),
    Column("faked", "faked", percent),
    Column("said", "Said to deliver junk"),
    Column("shows", "What its leads show, and others' do"),
)
RESALE_COLUMNS: Sequence[Column] = (
    Column("seller", "Seller"),
    Column("leads", "Leads", count),
    Column("share", "Had come before", percent),
    *ends_of(percent),
    Column("by_itself", "sold by itself before", count),
    Column("by_others", "had by others before", count),
    Column("delay_days", "Days since, median", decimal(0)),
    Column("said", "Said to resell"),
)
"""How tables of junk and of resales are told."""
