"""Pictures that MLflow's users look for beside the report's: precision and recall, importance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    MOST_POINTS,
    Chart,
    Column,
    Size,
    ends_of,
    label_row,
    panel,
    percent_axes,
    rows_panel,
    thinned,
)
from leadcast.models.charts.numbers import ShownEstimate, decimal, percent
from leadcast.models.charts.svg import ACCENT, DASHED, INK, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FEATURES = 20
"""So many features are drawn, the most important first."""


@dataclass(frozen=True)
class PrecisionRecallChart(Chart):
    """The precision among the leads called, by the share of the customers found.

    Parameters
    ----------
    curve : pl.DataFrame
        In rising order: ``recall`` and ``precision``, and where there is a band ``low`` and
        ``high``, as `leadcast.models.evaluation.curves.PrecisionRecallCurve.frame` gives it.
    base_rate : float
        The precision of calling at random.
    area : ShownEstimate
        The average precision.
    """

    name: ClassVar[str] = "precision-recall"
    title: ClassVar[str] = "Customers among those called against customers found"
    reading: ClassVar[str] = (
        "Moving down the list: to the right the share of the customers found so far (recall), "
        "upwards the share of customers among the leads called so far (precision). The dashed "
        "line is calling at random."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("recall", "Customers found", percent),
        Column("precision", "Customers among those called", percent),
        *ends_of(percent),
    )
    curve: pl.DataFrame
    base_rate: float
    area: ShownEstimate

    def frame(self) -> pl.DataFrame:
        """Give the curve."""
        ends = [name for name in ("low", "high") if name in self.curve.columns]
        return self.curve.select("recall", "precision", *ends).drop_nulls(["recall", "precision"])

    def finding(self) -> str:
        """Say how large the average precision is."""
        if self.area.value is None:
            return ""
        told = self.area.text(decimal(3))
        return f"The average precision is {told}; random gives {self.base_rate:.3f}."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the curve with its band, and the line of calling at random."""
        axes, few = panel(figure, size), thinned(self.frame(), MOST_POINTS)
        axes.axhline(self.base_rate, **DASHED)
        if "low" in few.columns:
            low, high = (few[name].cast(pl.Float64).to_numpy() for name in ("low", "high"))
            axes.fill_between(few["recall"].to_numpy(), low, high, color=ACCENT, alpha=0.18)
        axes.plot(few["recall"].to_numpy(), few["precision"].to_numpy(), color=ACCENT)
        axes.set(xlim=(0, 1), ylim=(0, None), xlabel="Share of the customers found")
        axes.set_title("Share of customers among those called")
        percent_axes(axes, x=True, y=True)


@dataclass(frozen=True)
class ImportanceChart(Chart):
    """The features that count most.

    Parameters
    ----------
    features : pl.DataFrame
        ``words`` (what a feature is) and ``importance`` (shares that sum to 1), a row a feature.
    """

    name: ClassVar[str] = "importance"
    title: ClassVar[str] = "The features that count most"
    reading: ClassVar[str] = (
        "Each feature's share of what moves the model's number, by the mean size of its "
        "contributions. It says what the model uses, not what causes a purchase."
    )
    heights_px: ClassVar[tuple[int, int]] = (60, 60)
    row_heights_px: ClassVar[tuple[int, int]] = (34, 34)
    told: ClassVar[Sequence[Column]] = (
        Column("words", "Feature"),
        Column("importance", "Share", percent),
    )
    features: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the features drawn, the most important first."""
        used = self.features.filter(pl.col("importance") > 0).select("words", "importance")
        return used.sort("importance", "words", descending=[True, False]).head(MOST_FEATURES)

    def finding(self) -> str:
        """Name the first."""
        for row in self.frame().head(1).iter_rows(named=True):
            words, share = plain(row["words"]), percent(row["importance"])
            return f"{words[:1].upper()}{words[1:]} counts most: {share} of the whole."
        return "No feature counts."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a bar for each feature, below its words."""
        frame = self.frame()
        axes = rows_panel(figure, size, frame.height)
        places = [-place - 0.12 for place in range(frame.height)]
        axes.barh(places, frame["importance"].to_numpy(), height=0.3, color=ACCENT)
        for place, words in enumerate(frame["words"]):
            label_row(axes, place, plain(words, 60), INK, above=5)
        axes.set(xlim=(0, None), xlabel="Share of the whole")
        percent_axes(axes, x=True)
