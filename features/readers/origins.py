"""Where raw rows come from, and rows that remember it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.values.columns import alike


class UnreadableError(Exception):
    """An origin cannot be read on; carries the fault, which is told with all the others.

    Parameters
    ----------
    fault : Fault
        What stopped the reading.
    """

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be split into the header's fields."""

    number: int
    """The row's number, from 1."""
    text: str
    """The row as it stands in the file."""
    fields: int
    """How many fields it has."""


OnBroken = Callable[[Sequence[BrokenRow]], None]
NumberedPart = tuple[pl.DataFrame, pl.Series]


class RawOrigin(Protocol):
    """One file, or one query."""

    name: str

    def columns(self) -> list[str]:
        """List the columns' names; raises `UnreadableError`."""
        ...

    def parts(self, columns: Sequence[str], on_broken: OnBroken) -> Iterator[NumberedPart]:
        """Read some columns part by part; raises `UnreadableError`."""
        ...

    def lines(self, numbers: pl.Series) -> pl.Series:
        """Find the line of each row; null where the origin has no lines."""
        ...


class WithoutLines:
    """An origin whose rows have numbers only."""

    def lines(self, numbers: pl.Series) -> pl.Series:
        """Give no lines."""
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, len(numbers))


@dataclass(frozen=True)
class RawRows:
    """Raw rows of one table, with where they come from.

    Parameters
    ----------
    frame : pl.DataFrame
        The raw columns, in whatever dtype the origin has.
    number : pl.Series of Int64
        Each row's number in its origin, from 1.
    origin : pl.Series of Int32
        Which of `origins`.
    origins : tuple of RawOrigin
        The table's files or queries.
    """

    frame: pl.DataFrame
    number: pl.Series
    origin: pl.Series
    origins: tuple[RawOrigin, ...]

    def __len__(self) -> int:
        return len(self.number)

    def filter(self, mask: pl.Series) -> "RawRows":
        """Take the rows where a mask holds.

        Parameters
        ----------
        mask : pl.Series of bool
            One value a row.

        Returns
        -------
        Rows
        """
        return RawRows(
            self.frame.filter(mask),
            self.number.filter(mask),
            self.origin.filter(mask),
            self.origins,
        )

    def head(self, number: int) -> "RawRows":
        """Take the first rows.

        Parameters
        ----------
        number : int
            At most so many.

        Returns
        -------
        Rows
        """
        return RawRows(
            self.frame.head(number),
            self.number.head(number),
            self.origin.head(number),
            self.origins,
        )

    def places(self) -> pl.DataFrame:
        """Say where each row stands.

        Returns
        -------
        pl.DataFrame
            ``file`` (String), ``row`` (Int64), ``line`` (Int64, null where there are no lines).
        """
        lines = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(self))
        for index in self.origin.unique():
            mine = self.origin == index
            found = self.origins[index].lines(self.number.filter(mine))
            lines = lines.scatter(mine.arg_true(), found)
        names = pl.Series([origin.name for origin in self.origins], dtype=pl.String)
        return pl.DataFrame({"file": names.gather(self.origin), "row": self.number, "line": lines})


def stacked(parts: Sequence[RawRows]) -> RawRows:
    """Put parts of one table below each other.

    Parameters
    ----------
    parts : sequence of RawRows
        At least one. Where a column's dtype differs between the parts, each value stays
        what it is (`leadcast.features.values.columns.common`).

    Returns
    -------
    Rows
    """
    frames = [part.frame for part in parts]
    held = alike([frame.schema for frame in frames], frames[0].columns)
    return RawRows(
        pl.concat(
            [frame.select(own) for frame, own in zip(frames, held, strict=True)], rechunk=True
        ),
        pl.concat([part.number for part in parts]),
        pl.concat([part.origin for part in parts]),
        parts[0].origins,
    )
