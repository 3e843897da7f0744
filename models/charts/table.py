"""Tables of the report: a data frame and how each of its columns reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from leadcast.models.charts.numbers import MISSING, Format


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
        """Write one value.

        Parameters
        ----------
        value : object
            A value of the data frame.

        Returns
        -------
        str
        """
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
