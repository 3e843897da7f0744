"""Two rates beside each other, row by row: those with something, and those without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    Chart,
    Column,
    Size,
    ends_of,
    label_row,
    percent_axes,
    rows_panel,
)
from leadcast.models.charts.numbers import count, percent
from leadcast.models.charts.svg import ACCENT, MUTED, PAPER, SECOND, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NUMBERS = ("value", "low", "high")
_SIDES = ("inside", "outside")
_SCHEMA = {"name": pl.String, **{f"n_{side}": pl.Int64 for side in _SIDES}} | {
    f"{side}_{end}": pl.Float64 for side in _SIDES for end in _NUMBERS
}
_INSIDE, _OUTSIDE = 0.02, -0.26
"""Where the two dots of a row lie, below its name."""


@dataclass(frozen=True)
class InOutChart(Chart):
    """How leads convert in and out of something, row by row.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, and ``inside`` and ``outside`` (each with ``value``, ``low``, ``high``),
        ``known_inside`` and ``known_outside``: a contrast as plain data.
    inside, outside : str
        What the two sides are called.
    words : str
        What is seen.
    """

    name: ClassVar[str] = "in-out"
    title: ClassVar[str] = "In and out"
    reading: ClassVar[str] = (
        "Each row compares two groups of leads: the filled dot is the share of those inside that "
        "became customers, the open one that of those outside. The bars are 95 % intervals; leads "
        "of one account or person count as what they are, not as so many strangers."
    )
    heights_px: ClassVar[tuple[int, int]] = (74, 74)
    row_heights_px: ClassVar[tuple[int, int]] = (52, 48)
    rows: Sequence[Mapping[str, Any]] = field(repr=False)
    inside: str = "in"
    outside: str = "out"
    words: str = ""

    def frame(self) -> pl.DataFrame:
        """Give a row a comparison: ``name``, the counts, and both rates with their ends."""
        rows = [
            {"name": row["name"]}
            | {f"n_{side}": row[f"known_{side}"] for side in _SIDES}
            | {f"{side}_{end}": row[side][end] for side in _SIDES for end in _NUMBERS}
            for row in self.rows
        ]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def shown(self) -> pl.DataFrame:
        """Give every row: one that is left out would be missed."""
        return self.frame()

    def columns(self) -> Sequence[Column]:
        """Tell how the rows read in the table."""
        return (
            Column("name", "Leads"),
            Column("n_inside", f"Known, {self.inside}", count),
            Column("inside_value", "Became customers", percent),
            *ends_of(percent, "inside_"),
            Column("n_outside", f"Known, {self.outside}", count),
            Column("outside_value", "Became customers", percent),
            *ends_of(percent, "outside_"),
        )

    def finding(self) -> str:
        """Say what is seen."""
        return self.words

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a comparison, one dot above the other."""
        frame = self.frame()
        axes = rows_panel(figure, size, frame.height)
        longest = 40 if size.narrow else 70
        for place, row in enumerate(frame.iter_rows(named=True)):
            self._draw_side(axes, row, "inside", _INSIDE - place, ACCENT, ACCENT)
            self._draw_side(axes, row, "outside", _OUTSIDE - place, SECOND, PAPER)
            label_row(axes, place, plain(row["name"], longest), MUTED, above=11)
        axes.set(xlim=(0, None))
        axes.set_xlabel(f"Became customers; filled: {self.inside}, open: {self.outside}")
        percent_axes(axes, x=True)

    def _draw_side(
        self, axes: "Axes", row: Mapping[str, Any], side: str, y: float, colour: str, within: str
    ) -> None:
        value, low, high = (row[f"{side}_{end}"] for end in _NUMBERS)
        if value is None:
            return
        if low is not None and high is not None:
            axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
        axes.plot(
            [value], [y], "o", color=colour, markersize=6, markerfacecolor=within,
            markeredgewidth=1.6,
        )  # fmt: skip


class FieldsChart(InOutChart):
    """Leads that have a field filled in, beside those that do not."""

    name: ClassVar[str] = "fields"
    title: ClassVar[str] = "Filled in, or not"


class CriteriaChart(InOutChart):
    """Leads that meet a criterion, beside those that do not."""

    name: ClassVar[str] = "criteria"
    title: ClassVar[str] = "Criterion by criterion"


class ProfilesChart(InOutChart):
    """Leads inside a profile, beside those outside it."""

    name: ClassVar[str] = "profiles"
    title: ClassVar[str] = "Both profiles on the later leads"
