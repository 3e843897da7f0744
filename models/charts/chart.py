"""What every chart of the report is: numbers, a picture of them, and words for both.

Pictures are drawn in panels whose margins are fixed in pixels rather than fitted to the labels: the
plots of all charts line up down the page, and no font's metrics move anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from leadcast.models.charts.numbers import LEVEL, MISSING, Format
from leadcast.models.charts.svg import draw_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Column:
    """A column of a table as the reader sees it.

    Parameters
    ----------
    name : str
        The data frame's column.
    heading : str
        What stands above it.
    show : callable, optional
        From a value to text; without it the value is text already.
    """

    name: str
    heading: str
    show: Format | None = None

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers, which stand to the right."""
        return self.show is not None

    def cell(self, value: object) -> str:
        """Write one value."""
        if self.show is not None:
            return self.show(value)
        return MISSING if value is None else str(value)


@dataclass(frozen=True)
class Table:
    """A table ready to be put on the page.

    Parameters
    ----------
    columns : sequence of Column
        Its columns.
    rows : sequence of sequence of str
        Its cells.
    caption : str
        What it shows, for those who come upon it alone.
    note : str
        What is not in it; empty as a rule.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    caption: str
    note: str = ""


def table_of(
    frame: pl.DataFrame, columns: Sequence[Column], caption: str, total: int | None = None
) -> Table:
    """Write a data frame as a table.

    Parameters
    ----------
    frame : pl.DataFrame
        With the columns named; a column that the frame lacks is left out of the table.
    columns : sequence of Column
        What to show, in order.
    caption : str
        What the table shows.
    total : int, optional
        How many rows there are of which the frame holds some; the table says so.

    Returns
    -------
    Table
    """
    shown = [column for column in columns if column.name in frame.columns]
    rows = [
        [column.cell(row[column.name]) for column in shown] for row in frame.iter_rows(named=True)
    ]
    note = f"{frame.height} of {total} rows." if total not in (None, frame.height) else ""
    return Table(columns=shown, rows=rows, caption=caption, note=note)


def thinned(frame: pl.DataFrame, longest: int) -> pl.DataFrame:
    """Take evenly spaced rows of a long frame, the first and the last always among them."""
    if frame.height <= longest:
        return frame
    last = frame.height - 1
    return frame[sorted({round(step * last / (longest - 1)) for step in range(longest)})]


def ends_of(show: Format, of: str = "") -> tuple[Column, Column]:
    """Tell how a number's 95 % interval reads: the columns ``low`` and ``high``."""
    return Column(f"{of}low", f"{LEVEL} from", show), Column(f"{of}high", "to", show)


@dataclass(frozen=True)
class Size:
    """A width that a chart is drawn for: text does not shrink with the screen."""

    name: str
    """Which: ``"wide"`` or ``"narrow"``; a class of the page's CSS."""
    width_px: int
    """The picture's width in CSS pixels."""

    @property
    def narrow(self) -> bool:
        """Whether this is the size for a phone."""
        return self.name == "narrow"


WIDE = Size("wide", 600)
NARROW = Size("narrow", 340)
MOST_ROWS = 25
"""How many rows the table of numbers beside a picture has at most."""
MOST_POINTS = 300
"""How many points a curve is drawn with at most; more are not seen."""


class Chart(ABC):
    """A chart: `frame` is what it shows, `draw` the picture of exactly that frame.

    A subclass is a frozen dataclass that holds the frames it was given. Computing them is others'
    work: a chart only selects, names and draws.
    """

    name: ClassVar[str]
    """Unique in the page; letters and hyphens."""
    title: ClassVar[str]
    """What the picture shows, in a few words."""
    reading: ClassVar[str]
    """How to read the picture, for somebody who has never seen one like it."""
    heights_px: ClassVar[tuple[int, int]] = (270, 340)
    row_heights_px: ClassVar[tuple[int, int]] = (0, 0)
    """How high the picture is, narrow and wide, in CSS pixels; and so much more a row."""
    told: ClassVar[Sequence[Column]] = ()
    """How the numbers read in the table, where that is the same for every chart of the kind."""

    @abstractmethod
    def frame(self) -> pl.DataFrame:
        """Give the numbers in the picture."""

    def columns(self) -> Sequence[Column]:
        """Tell how the numbers read in the table beside the picture."""
        return self.told

    @abstractmethod
    def finding(self) -> str:
        """Say what the picture shows for this model, in words made from the numbers."""

    @abstractmethod
    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the picture in an empty figure of the given size."""

    def height_px(self, size: Size) -> int:
        """Tell how high the picture is, in CSS pixels."""
        which = 0 if size.narrow else 1
        return self.heights_px[which] + self.row_heights_px[which] * self.frame().height

    def shown(self) -> pl.DataFrame:
        """Give the rows of the frame that the table shows: all, or few enough to read."""
        return thinned(self.frame(), MOST_ROWS)

    def table(self) -> Table:
        """Write the numbers as a table."""
        total = self.frame().height
        return table_of(self.shown(), self.columns(), caption=self.title, total=total)

    def svg(self, size: Size) -> str:
        """Draw the picture as an SVG element with its text alternative."""
        if size not in self._drawn:
            self._drawn[size] = draw_svg(
                lambda figure: self.draw(figure, size),
                name=f"{self.name}-{size.name}",
                width_px=size.width_px,
                height_px=self.height_px(size),
                label=f"{self.title}. {self.finding()}".strip(),
            )
        return self._drawn[size]

    @cached_property
    def _drawn(self) -> dict[Size, str]:
        # The page and the pictures' files show the same drawings.
        return {}


LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 46, 20, 30, 44
KEY_PX = 21
"""How high a line of the key is."""
GAP_PX = 46
"""What lies between two panels: the lower one's heading."""


def panel(figure: "Figure", size: Size, key_lines: int = 0) -> "Axes":
    """Make the one panel of a picture, with fewer ticks where it is narrow."""
    axes = figure.subplots()
    axes.locator_params(axis="x", nbins=5 if size.narrow else 8)
    axes.locator_params(axis="y", nbins=6)
    _set_margins(figure, LEFT_PX, TOP_PX + KEY_PX * key_lines, BOTTOM_PX)
    return axes


def two_panels(
    figure: "Figure", share_y: bool = False, bottom_px: int = BOTTOM_PX
) -> Sequence["Axes"]:
    """Make two panels, one above the other on the same horizontal scale."""
    upper, lower = figure.subplots(2, 1, sharex=True, sharey=share_y)
    _set_margins(figure, LEFT_PX, TOP_PX, bottom_px)
    both = figure.get_figheight() * 72 - TOP_PX - bottom_px - GAP_PX
    figure.subplots_adjust(hspace=GAP_PX / (both / 2))
    return upper, lower


def rows_panel(figure: "Figure", size: Size, rows: int, bottom_px: int = BOTTOM_PX) -> "Axes":
    """Make a panel for rows that lie one below the other, at heights 0, -1, -2 and so on."""
    axes = figure.subplots()
    axes.locator_params(axis="x", nbins=4 if size.narrow else 7)
    axes.set_yticks([])
    axes.set_ylim(0.6 - rows, 0.75)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    _set_margins(figure, 2, 4, bottom_px)
    return axes


def note(
    axes: "Axes",
    words: str,
    at: tuple[float, float],
    offset: tuple[int, int],
    weight: str = "normal",
) -> None:
    """Write words beside a place of a panel, so many points to the right of it and above it."""
    axes.annotate(words, at, xytext=offset, textcoords="offset points", weight=weight)


def label_row(axes: "Axes", row: int, words: str, colour: str, above: int) -> None:
    """Write a row's name at the left edge, above the row, whatever the numbers are."""
    edge, offset = ("axes fraction", "data"), (0, above)
    axes.annotate(words, (0, -row), offset, xycoords=edge, textcoords="offset points", color=colour)


def percent_axes(axes: "Axes", x: bool = False, y: bool = False) -> None:
    """Label an axis of shares in per cent."""
    for chosen, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if chosen:
            axis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")


def add_key(figure: "Figure", axes: "Axes", columns: int) -> None:
    """Put the key in the margin above the panel."""
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
