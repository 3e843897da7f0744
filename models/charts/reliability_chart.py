"""Whether the probabilities mean what they say: the reliability diagram."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    MOST_POINTS,
    Chart,
    Column,
    Size,
    add_key,
    ends_of,
    panel,
    percent_axes,
    thinned,
)
from leadcast.models.charts.numbers import chance_words, count, counted, percent
from leadcast.models.charts.svg import ACCENT, DASHED, INK, THIRD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReliabilityChart(Chart):
    """What was predicted against what happened, in groups of leads with like probabilities.

    Parameters
    ----------
    groups : pl.DataFrame
        A row a group, in order of probability: ``n`` (snapshots), ``predicted`` (their mean
        probability), ``observed`` (the share that converted), ``low`` and ``high`` (the 95 %
        interval of that share).
    curve : pl.DataFrame or None
        The same without groups (CORP: Dimitriadis, Gneiting and Jordan 2021, PNAS 118):
        ``predicted``, ``observed`` (isotonic), ``low`` and ``high`` (the consistency band: where
        a calibrated model's curve would lie in 95 % of the cases).
    """

    name: ClassVar[str] = "reliability"
    title: ClassVar[str] = "What was predicted, and what happened"
    reading: ClassVar[str] = (
        "Each dot is a group of leads with similar probabilities. To the right is what was "
        "predicted, upwards the share of the group that became customers, with its 95 % interval. "
        "On the dashed line the two are equal: of leads told 20 %, 20 in 100 become customers. "
        "Below the line the predictions were too high, above it too low."
    )
    heights_px: ClassVar[tuple[int, int]] = (360, 500)
    """The diagram is square."""
    told: ClassVar[Sequence[Column]] = (
        Column("n", "Leads in the group", count),
        Column("predicted", "Predicted", percent),
        Column("observed", "Became customers", percent),
        *ends_of(percent),
    )
    groups: pl.DataFrame
    curve: pl.DataFrame | None = None

    def frame(self) -> pl.DataFrame:
        """Give the groups."""
        return self.groups.select("n", "predicted", "observed", "low", "high")

    def missed(self) -> pl.DataFrame:
        """Give the groups whose interval does not contain what was predicted."""
        frame = self.frame()
        return frame.filter(~pl.col("predicted").is_between("low", "high"))

    def finding(self) -> str:
        """Say whether the intervals contain the predictions, and where they do not."""
        total, missed = self.groups["low"].count(), self.missed()
        if total == 0:
            return "There are too few leads to say whether the probabilities are right."
        if missed.is_empty():
            where = "the only group" if total == 1 else f"all {total} groups"
            return (
                f"In {where} the interval of what happened contains what was predicted: "
                "no sign that the probabilities are off."
            )
        heading = (
            f"In {missed.height} of {total} groups the interval of what happened misses what was "
            "predicted"
        )
        return f"{heading}, {chance_words(missed.height, total)}. {_worst(missed)}"

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the groups with their intervals over the curve, the band and the diagonal."""
        axes = panel(figure, size, key_lines=3 if size.narrow else 1)
        limit = self._limit()
        axes.plot([0, 1], [0, 1], **DASHED)
        if self.curve is not None:
            _draw_curve(axes, thinned(self.curve, MOST_POINTS))
        self._draw_groups(axes)
        axes.set(xlim=(0, limit), ylim=(0, limit), xlabel="Predicted probability")
        axes.set_title("Share that became customers")
        axes.grid(True, axis="both")
        percent_axes(axes, x=True, y=True)
        add_key(figure, axes, columns=1 if size.narrow else 3)

    def _draw_groups(self, axes: "Axes") -> None:
        predicted, observed, low, high = (
            self.groups[name].to_numpy() for name in ("predicted", "observed", "low", "high")
        )
        axes.vlines(predicted, low, high, color=ACCENT, linewidth=1.6)
        axes.plot(
            predicted,
            observed,
            "o",
            color=ACCENT,
            markersize=7,
            clip_on=False,
            zorder=3,
            label="groups, with 95 % interval",
        )

    def _limit(self) -> float:
        columns = [self.groups["predicted"], self.groups["high"]]
        largest = max(float(column.max() or 0.0) for column in columns)  # type: ignore[arg-type]
        return max(min(1.0, math.ceil(largest * 1.05 * 20) / 20), 0.05)


def _draw_curve(axes: "Axes", curve: pl.DataFrame) -> None:
    predicted = curve["predicted"].to_numpy()
    axes.fill_between(
        predicted,
        curve["low"].to_numpy(),
        curve["high"].to_numpy(),
        color=THIRD,
        alpha=0.25,
        linewidth=0,
        label="where chance alone leaves the line",
    )
    observed = curve["observed"].to_numpy()
    axes.plot(predicted, observed, color=INK, linewidth=1.4, label="line without groups")


def _worst(missed: pl.DataFrame) -> str:
    gap = (pl.col("predicted") - pl.col("observed")).abs()
    row = missed.sort(gap, descending=True).row(0, named=True)
    side = "high" if row["predicted"] > row["observed"] else "low"
    return (
        f"The widest gap: {counted(row['n'], 'lead')} were told {percent(row['predicted'])} on "
        f"average and {percent(row['observed'])} became customers, so that was too {side}."
    )
