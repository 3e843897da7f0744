"""Where raw rows come from, and rows that remember it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import MOST_TIMES, parquet_fault
from leadcast.features.values.columns import MIXED, alike


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


def no_cell_fault(where: str, dtype: str) -> Fault:
    """Word that a column holds lists, objects or spans of time.

    Parameters
    ----------
    where : str
        The origin and the column.
    dtype : str
        What type its values have.

    Returns
    -------
    Fault
    """
    return Fault(
        where,
        f"values of type {dtype}",
        "one number, text, flag or time in each row",
        "Unnest it in the export (a span of time as its number of seconds), or leave the column "
        "out.",
    )


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
        """Take the rows where a mask (pl.Series of bool) holds."""
        rows = (self.frame.filter(mask), self.number.filter(mask), self.origin.filter(mask))
        return RawRows(*rows, self.origins)

    def taken(self, places: pl.Series) -> "RawRows":
        """Take the rows at some places (pl.Series of int), as often as each is named."""
        rows = (self.frame[places], self.number.gather(places), self.origin.gather(places))
        return RawRows(*rows, self.origins)

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


def refuse_twins(where: str, names: Sequence[str], remedy: str) -> None:
    """Refuse a table that has two columns of one name."""
    twins = sorted(name for name, times in Counter(names).items() if times > 1)
    if twins:
        found = f"more than one column called {', '.join(map(repr, twins))}"
        raise UnreadableError(Fault(where, found, "a different name for each column", remedy))


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


_PART_ROWS = 1_000_000


class ParquetOrigin(WithoutLines):
    """One Parquet file."""

    def __init__(self, path: Path, name: str, times_unpacked: int = MOST_TIMES) -> None:
        self.path = path
        self.name = name
        self._times = times_unpacked

    def columns(self) -> list[str]:
        """Read the columns' names."""
        fault = parquet_fault(self.path, self.name, self._times)
        if fault is not None:
            raise UnreadableError(fault)
        try:
            return pl.scan_parquet(self.path, glob=False).collect_schema().names()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None

    def parts(
        self,
        columns: Sequence[str],
        on_broken: OnBroken,  # noqa: ARG002 - no broken rows here
    ) -> Iterator[NumberedPart]:
        """Read some columns, a million rows at a time."""
        scanned = pl.scan_parquet(self.path, glob=False).select(columns)
        try:
            self._refuse_nested(scanned.collect_schema())
            height = scanned.select(pl.len()).collect().item()
            for start in range(0, height, _PART_ROWS):
                frame = scanned.slice(start, _PART_ROWS).collect()
                yield frame, pl.int_range(start + 1, start + 1 + frame.height, eager=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None

    def _refuse_nested(self, schema: pl.Schema) -> None:
        # What Leadcast itself keeps of a table of several types is MIXED.
        for name, dtype in schema.items():
            is_span = isinstance(dtype, pl.Duration)
            if dtype != MIXED and (dtype.is_nested() or is_span or dtype == pl.Object):
                raise UnreadableError(no_cell_fault(f"{self.name}: column {name!r}", str(dtype)))

    def _damaged(self, error: Exception) -> UnreadableError:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        return UnreadableError(
            Fault(
                self.name,
                f"something that is not a whole Parquet file ({first_line})",
                "a Parquet file",
                "Export it again; if it is text, name it .csv, or set `read.format: csv` in a "
                "source's definition.",
            )
        )
