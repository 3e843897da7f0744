"""What every chart of the report is: numbers, a picture of them, and words for both."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from models.report.svg import draw_svg
from models.report.table import Column, Table, table_of, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Size:
    """A width that a chart is drawn for: text does not shrink with the screen.

    Parameters
    ----------
    name : str
        Which: ``"wide"`` or ``"narrow"``; a class of the page's CSS.
    width_px : int
        The picture's width in CSS pixels.
    """

    name: str
    width_px: int

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

    @abstractmethod
    def frame(self) -> pl.DataFrame:
        """Give the numbers in the picture.

        Returns
        -------
        pl.DataFrame
        """

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """Tell how the numbers read in the table beside the picture.

        Returns
        -------
        sequence of Column
        """

    @abstractmethod
    def finding(self) -> str:
        """Say what the picture shows for this model, in words made from the numbers.

        Returns
        -------
        str
        """

    @abstractmethod
    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the picture.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            An empty figure of the given size.
        size : Size
            Which of the two sizes it is.
        """

    def height_px(self, size: Size) -> int:
        """Tell how high the picture is.

        Parameters
        ----------
        size : Size
            Which of the two sizes.

        Returns
        -------
        int
            CSS pixels.
        """
        return 270 if size.narrow else 340

    def shown(self) -> pl.DataFrame:
        """Give the rows of the frame that the table shows: all, or few enough to read.

        Returns
        -------
        pl.DataFrame
        """
        return thinned(self.frame(), MOST_ROWS)

    def table(self) -> Table:
        """Write the numbers as a table.

        Returns
        -------
        Table
        """
        total = self.frame().height
        return table_of(self.shown(), self.columns(), caption=self.title, total=total)

    def svg(self, size: Size) -> str:
        """Draw the picture as an SVG element with its text alternative.

        Parameters
        ----------
        size : Size
            Which of the two sizes.

        Returns
        -------
        str
        """
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
