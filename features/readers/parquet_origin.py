"""A Parquet file, read in parts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import MOST_TIMES, parquet_fault
from leadcast.features.readers.origins import NumberedPart, OnBroken, UnreadableError, WithoutLines
from leadcast.features.values.columns import MIXED

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
        nested = [name for name, dtype in schema.items() if dtype.is_nested() and dtype != MIXED]
        if nested:
            raise UnreadableError(
                Fault(
                    f"{self.name}: column {nested[0]!r}",
                    f"values of type {schema[nested[0]]}",
                    "one number, text, flag or time in each row",
                    "Unnest it in the export, or leave the column out.",
                )
            )

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
