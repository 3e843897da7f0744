"""Pictures of a tested model on matplotlib's axes, each of a curve with its 95 % interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class CurveLook:
    """How a curve is drawn."""

    x: str
    y: str
    x_words: str
    y_words: str
    chance: tuple[float, float] | None
    """Where a line of chance, or of a perfect calibration, begins and ends; None without one."""


CURVES: Mapping[str, CurveLook] = {
    "reliability": CurveLook(
        "predicted", "observed", "predicted probability", "share that converted", (0, 1)
    ),
    "gain": CurveLook(
        "share", "gain", "share of leads called", "share of customers reached", (0, 1)
    ),
    "lift": CurveLook(
        "share", "lift", "share of leads called", "times as often as on average", (1, 1)
    ),
    "roc": CurveLook(
        "false_positive_rate",
        "true_positive_rate",
        "false positive rate",
        "true positive rate",
        (0, 1),
    ),
    "precision_recall": CurveLook(
        "recall",
        "precision",
        "share of customers reached (recall)",
        "share converted (precision)",
        None,
    ),
}
"""The curves that can be drawn."""


class CurvePlots:
    """Draws the curves of whatever has them."""

    curves: ClassVar[Mapping[str, CurveLook]] = CURVES

    def curve(self, name: str) -> pl.DataFrame:
        """Give the numbers of a curve."""
        raise NotImplementedError

    def plot_reliability(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how often leads converted against what was predicted, in bins."""
        return self._drawn("reliability", ax)

    def plot_gain(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the share of customers that calling the best leads reaches."""
        return self._drawn("gain", ax)

    def plot_lift(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how many times as often as on average the best leads convert."""
        return self._drawn("lift", ax)

    def plot_roc(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the ROC curve."""
        return self._drawn("roc", ax)

    def plot_precision_recall(self, ax: "Axes | None" = None) -> "Axes":
        """Draw precision against recall."""
        return self._drawn("precision_recall", ax)

    def _drawn(self, name: str, ax: "Axes | None") -> "Axes":
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots()
        return draw_curve(ax, self.curve(name), name)


def draw_curve(ax: "Axes", curve: pl.DataFrame, name: str) -> "Axes":
    """Draw a curve with its interval.

    Parameters
    ----------
    ax : Axes
    curve : pl.DataFrame
        The columns that `CURVES` names, with ``low`` and ``high``.
    name : str
        One of `CURVES`.

    Returns
    -------
    Axes
        The same.
    """
    look = CURVES[name]
    known = curve.drop_nulls([look.x, look.y, "low", "high"])
    x, y = known[look.x].to_numpy(), known[look.y].to_numpy()
    low, high = known["low"].to_numpy(), known["high"].to_numpy()
    if name == "reliability":
        ends = (abs(y - low), abs(high - y))
        ax.errorbar(x, y, yerr=ends, fmt="o", capsize=3, label="test, 95 % interval")
        span = max(float(x.max(initial=0.0)), float(high.max(initial=0.0)))
        ax.plot([0, span], [0, span], linestyle="--", color="grey", label="as predicted")
    else:
        ax.plot(x, y, label="test")
        ax.fill_between(x, low, high, alpha=0.2, label="95 % interval")
        if look.chance is not None:
            ax.plot([0, 1], look.chance, linestyle="--", color="grey", label="by chance")
    ax.set(xlabel=look.x_words, ylabel=look.y_words)
    ax.legend()
    return ax
