"""The panels that pictures are drawn in: fixed margins, ticks, keys.

The margins are fixed in pixels rather than fitted to the labels: the plots of all charts line up
down the page, and no font's metrics move anything.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.report.chart import Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 46, 20, 30, 44
KEY_PX = 21
"""How high a line of the key is."""
GAP_PX = 46
"""What lies between two panels: the lower one's heading."""


def panel(figure: "Figure", size: Size, key_lines: int = 0) -> "Axes":
    """Make the one panel of a picture, with fewer ticks where it is narrow.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    size : Size
        Which of the two sizes.
    key_lines : int
        How many lines the key above it has.

    Returns
    -------
    matplotlib.axes.Axes
    """
    axes = figure.subplots()
    axes.locator_params(axis="x", nbins=5 if size.narrow else 8)
    axes.locator_params(axis="y", nbins=6)
    _set_margins(figure, LEFT_PX, TOP_PX + KEY_PX * key_lines, BOTTOM_PX)
    return axes


def two_panels(
    figure: "Figure", share_y: bool = False, bottom_px: int = BOTTOM_PX
) -> Sequence["Axes"]:
    """Make two panels, one above the other on the same horizontal scale.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    share_y : bool
        Whether their vertical scales are the same as well.
    bottom_px : int
        The margin below.

    Returns
    -------
    sequence of two matplotlib.axes.Axes
    """
    upper, lower = figure.subplots(2, 1, sharex=True, sharey=share_y)
    _set_margins(figure, LEFT_PX, TOP_PX, bottom_px)
    both = figure.get_figheight() * 72 - TOP_PX - bottom_px - GAP_PX
    figure.subplots_adjust(hspace=GAP_PX / (both / 2))
    return upper, lower


def rows_panel(figure: "Figure", rows: int, bottom_px: int = BOTTOM_PX) -> "Axes":
    """Make a panel for rows that lie one below the other, at heights 0, -1, -2 and so on.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    rows : int
        How many rows.
    bottom_px : int
        The margin below.

    Returns
    -------
    matplotlib.axes.Axes
    """
    axes = figure.subplots()
    axes.set_yticks([])
    axes.set_ylim(0.6 - rows, 0.75)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    _set_margins(figure, 2, 4, bottom_px)
    return axes


def percent_axes(axes: "Axes", x: bool = False, y: bool = False) -> None:
    """Label an axis of shares in per cent.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The axes; those chosen hold shares, where 1 is all.
    x, y : bool
        Which of the two.
    """
    for chosen, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if chosen:
            axis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")


def add_key(figure: "Figure", axes: "Axes", columns: int) -> None:
    """Put the key in the margin above the panel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; its panel was made with the key's lines.
    axes : matplotlib.axes.Axes
        The panel, whose artists have labels.
    columns : int
        How many entries stand in a line.
    """
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        columnspacing=1.6,
        borderaxespad=0.2,
    )


def _set_margins(figure: "Figure", left_px: int, top_px: int, bottom_px: int) -> None:
    width_px, height_px = figure.get_size_inches() * 72
    figure.subplots_adjust(
        left=left_px / width_px,
        right=1 - RIGHT_PX / width_px,
        bottom=bottom_px / height_px,
        top=1 - top_px / height_px,
    )
