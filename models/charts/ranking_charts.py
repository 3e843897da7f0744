"""How well customers are found and told apart: gain, lift and ROC curves, and histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    MOST_POINTS,
    Chart,
    Column,
    Size,
    ends_of,
    note,
    panel,
    percent_axes,
    thinned,
    two_panels,
)
from leadcast.models.charts.numbers import (
    LEVEL,
    Format,
    ShownEstimate,
    count,
    decimal,
    edge,
    percent,
    times,
)
from leadcast.models.charts.svg import ACCENT, DASHED, SECOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARK = 0.1
"""The share of leads called that the pictures point out."""
ROUND_SHARES = (0.01, 0.02, 0.05, *(step / 20 for step in range(2, 21)))
"""The shares of the list that the tables show."""
MANY = 0.8
"""The share of customers whose price in calls the words tell."""


@dataclass(frozen=True)
class TopChart(Chart):
    """A figure of the leads with the highest probabilities, by how much of the list is called.

    Parameters
    ----------
    curve : pl.DataFrame
        In rising order of ``share`` (the leads called, as a share of all): the figure, and where
        there is a band ``low`` and ``high``; as `leadcast.models.evaluation.curves.GainCurve.frame`
        gives it.
    top : ShownEstimate or None
        The figure at `MARK` among the metrics of the test, so that one number has one interval in
        the whole page.
    """

    curve: pl.DataFrame
    top: ShownEstimate | None = None

    def frame(self) -> pl.DataFrame:
        """Give the curve."""
        return _known(self.curve, "share", self.name)

    def shown(self) -> pl.DataFrame:
        """Give the rows nearest to round shares of the list."""
        frame = self.frame()
        share = frame["share"]
        nearest = {int((share - wanted).abs().arg_min() or 0) for wanted in ROUND_SHARES}
        return frame[sorted(nearest)]

    def at_mark(self) -> tuple[float, ShownEstimate]:
        """Give the share of the list that is nearest to `MARK`, and the figure there."""
        row = _nearest(self.frame(), MARK)
        if self.top is not None and self.top.value is not None and abs(row["share"] - MARK) < 0.005:
            return row["share"], self.top
        return row["share"], ShownEstimate(row[self.name], row.get("low"), row.get("high"))


class GainChart(TopChart):
    """The share of all customers among the leads with the highest probabilities (``gain``)."""

    name: ClassVar[str] = "gain"
    title: ClassVar[str] = "Customers reached by calling the top of the list"
    reading: ClassVar[str] = (
        "Leads are sorted by probability, the highest first. To the right is how much of the list "
        "is called, upwards how many of all customers are among them. Calling at random follows "
        "the dashed line; the higher the curve stands above it, the better the order."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("share", "Called", percent),
        Column("gain", "Customers reached", percent),
        *ends_of(percent),
    )

    def finding(self) -> str:
        """Say what the top of the list reaches, and how far one must call for most customers."""
        share, gain = self.at_mark()
        words = f"The top {percent(share)} of the list hold {gain.text(percent)} of the customers."
        enough = self.frame().filter(pl.col("gain") >= MANY)
        if not enough.is_empty():
            called = float(enough["share"][0])
            words += f" To reach {percent(MANY)} of them, {percent(called)} must be called."
        return words

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the curve with its band, and the line of calling at random."""
        axes = _unit_panel(figure, size)
        _draw_curve(axes, self.frame(), "share", "gain")
        _point_out(axes, _nearest(self.frame(), MARK), "gain", percent, above=-11)
        axes.set(xlabel="Share of the list called", title="Share of all customers reached")


class LiftChart(TopChart):
    """How many times as many customers the top of the list holds as at random (``lift``)."""

    name: ClassVar[str] = "lift"
    title: ClassVar[str] = "How much better than calling at random"
    reading: ClassVar[str] = (
        "The same order, as a ratio: how many times as many customers are among the leads called "
        "as among as many leads called at random. 1 means no better than chance. The curve ends "
        "at 1, because whoever calls everybody gains nothing from the order."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("share", "Called", percent),
        Column("lift", "Lift", decimal(2)),
        *ends_of(decimal(2)),
    )

    def finding(self) -> str:
        """Say how much better than chance the top of the list is."""
        share, lift = self.at_mark()
        words = (
            f"The top {percent(share)} hold {times(lift.value)} as many customers as the same "
            "number of leads at random"
        )
        interval = lift.interval(decimal(1))
        return f"{words} ({LEVEL}: {interval})." if interval else f"{words}."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the curve with its band, and the line of calling at random."""
        axes = panel(figure, size)
        # Above the first per cent a lift is of a handful of leads: a spike that hides the rest.
        frame = self.frame()
        frame = frame.filter(pl.col("share") >= min(0.01, frame["share"][-1]))
        axes.axhline(1, **DASHED)
        _draw_curve(axes, frame, "share", "lift")
        _point_out(axes, _nearest(frame, MARK), "lift", times, above=6)
        axes.set(xlim=(0, 1), ylim=(0, None), xlabel="Share of the list called")
        axes.set_title("Times as many customers as at random")
        percent_axes(axes, x=True)


@dataclass(frozen=True)
class RocChart(Chart):
    """The ROC curve.

    Parameters
    ----------
    curve : pl.DataFrame
        In rising order: ``false_positive_rate`` and ``true_positive_rate``, and where there is
        a band ``low`` and ``high``.
    auc : ShownEstimate
        The area under it.
    """

    name: ClassVar[str] = "roc"
    title: ClassVar[str] = "Customers found against calls in vain (ROC)"
    reading: ClassVar[str] = (
        "Moving the threshold down the list from top to bottom: upwards the share of the customers "
        "found so far, to the right the share of the others called so far. The area under the "
        "curve (AUC) is the probability that a customer stands above a non-customer."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("false_positive_rate", "Others called", percent),
        Column("true_positive_rate", "Customers found", percent),
        *ends_of(percent),
    )
    curve: pl.DataFrame
    auc: ShownEstimate

    def frame(self) -> pl.DataFrame:
        """Give the curve."""
        return _known(self.curve, "false_positive_rate", "true_positive_rate")

    def finding(self) -> str:
        """Say how large the area under the curve is."""
        if self.auc.value is None:
            return ""
        return f"The area under the curve is {self.auc.text(decimal(3))}; 0.5 is chance, 1 perfect."

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the curve and the line of chance."""
        axes = _unit_panel(figure, size)
        _draw_curve(axes, self.frame(), "false_positive_rate", "true_positive_rate")
        axes.set(xlabel="Share of the others called", title="Share of the customers found")


def _known(curve: pl.DataFrame, *needed: str) -> pl.DataFrame:
    interval = [name for name in ("low", "high") if name in curve.columns]
    return curve.select(*needed, *interval).drop_nulls(needed)


def _nearest(curve: pl.DataFrame, share: float) -> dict[str, Any]:
    return curve.sort((pl.col("share") - share).abs()).row(0, named=True)


def _unit_panel(figure: "Figure", size: Size) -> "Axes":
    """Make a panel of two shares, with the line of chance."""
    axes = panel(figure, size)
    axes.plot([0, 1], [0, 1], **DASHED)
    axes.set(xlim=(0, 1), ylim=(0, 1.005))
    percent_axes(axes, x=True, y=True)
    return axes


def _draw_curve(axes: "Axes", curve: pl.DataFrame, x: str, y: str) -> None:
    few = thinned(curve, MOST_POINTS)
    if "low" in few.columns:
        low, high = (few[name].cast(pl.Float64).to_numpy() for name in ("low", "high"))
        axes.fill_between(few[x].to_numpy(), low, high, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(few[x].to_numpy(), few[y].to_numpy(), color=ACCENT)


def _point_out(axes: "Axes", row: dict[str, Any], name: str, show: Format, above: int) -> None:
    # The number stands on the side that the curve turns away from.
    share, value = row["share"], row[name]
    axes.plot([share, share], [0, value], color=ACCENT, linewidth=1)
    axes.plot([share], [value], "o", color=ACCENT, markersize=7)
    note(axes, show(value), (share, value), (10, above), weight="bold")


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
    heights_px: ClassVar[tuple[int, int]] = (320, 380)
    told: ClassVar[Sequence[Column]] = (
        Column("from", "Probability from", edge),
        Column("to", "to", edge),
        Column("won", "Customers", count),
        Column("lost", "Others", count),
        Column("won_share", "Share of customers", percent),
        Column("lost_share", "Share of others", percent),
    )
    bins: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the bins with each kind's counts and shares."""
        shares = [
            (pl.col(kind) / pl.col(kind).sum()).fill_nan(0.0).alias(f"{kind}_share")
            for kind in ("won", "lost")
        ]
        return self.bins.select("from", "to", "won", "lost", *shares)

    def finding(self) -> str:
        """Say around which probability each kind's half lies."""
        won, lost = self._median("won"), self._median("lost")
        if won is None or lost is None:
            return "Only one of the two kinds is in the test, so there is nothing to compare."
        return (
            f"Half of those who became customers had a probability above about {percent(won)}; "
            f"half of the others had one below about {percent(lost)}."
        )

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
