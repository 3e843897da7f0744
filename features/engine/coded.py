"""Events in large Parquet files, read with each text once instead of once an event.

Parquet keeps a column of texts that repeat as a dictionary and numbers. Read as they are, ten
million events need a few thousand texts to be looked at, not ten million.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import LeadcastError

if TYPE_CHECKING:
    import pyarrow

Codes = npt.NDArray[np.int32]

BATCH_ROWS = 131_072
"""At most so many events are decoded at a time."""
TEXTS = ["lead_id", "event_type"]
NEEDED = (*TEXTS, "occurred_at")
"""What an event needs; one that lacks any of it is left out, and counted for the first it lacks."""


class Coded(NamedTuple):
    """Some events.

    Parameters
    ----------
    lead_ids : pl.Series of String
        The leads' ids; one may stand here twice.
    leads : ndarray of int32, shape (n_events,)
        Where each event's lead stands in `lead_ids`; -1 for an event that is left out.
    event_types : pl.Series of String
        The kinds' names, likewise.
    kinds : ndarray of int32, shape (n_events,)
        Where each event's kind stands in `event_types`; -1 for none, or for one that counts as
        another kind.
    times_us : ndarray of int64, shape (n_events,)
        When each was, in microseconds since 1970.
    values : ndarray of float64, shape (n_events,) or (0,)
        The events' values, if they are read; NaN where there is none.
    left_out : tuple of int
        How many events are left out for the lack of each of `NEEDED`; they need not be here.
    """

    lead_ids: pl.Series
    leads: Codes
    event_types: pl.Series
    kinds: Codes
    times_us: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    left_out: tuple[int, ...] = (0, 0, 0)


class CodedTable(Protocol):
    """A table of events that comes in batches of `Coded`."""

    def collect_schema(self) -> pl.Schema:
        """Tell the table's columns, as `pl.LazyFrame.collect_schema` does."""

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read it, in its order; `with_values` for the column ``value`` as well."""


EventTable = pl.LazyFrame | CodedTable
"""A table of events, as `leadcast.features.tables.Tables.events`."""


@dataclass(frozen=True)
class ParquetEvents:
    """Events in Parquet files.

    Parameters
    ----------
    files : sequence of Path
        With the same columns.
    schema : pl.Schema
        Their columns.
    """

    files: Sequence[Path]
    schema: pl.Schema

    @classmethod
    def opened(cls, files: Sequence[Path]) -> "ParquetEvents | None":
        """Open files, if they can be read so.

        Parameters
        ----------
        files : sequence of Path
            Parquet files; at least one.

        Returns
        -------
        ParquetEvents or None
            None where a column is missing, is not what it should be, or differs between files:
            others can tell what is wrong.
        """
        first, *others = (pl.Schema(pl.read_parquet_schema(file)) for file in files)
        texts = all(first.get(name) in (pl.String, pl.Categorical, pl.Enum) for name in TEXTS)
        is_plain = texts and isinstance(first.get("occurred_at"), pl.Datetime)
        is_plain &= first.get("value", pl.Float64()).is_numeric()
        return cls(files, first) if is_plain and all(one == first for one in others) else None

    def collect_schema(self) -> pl.Schema:
        """Tell the columns."""
        return self.schema

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read the files, one after the other.

        Parameters
        ----------
        with_values : bool
            Whether to read ``value`` as well.

        Yields
        ------
        Coded

        Raises
        ------
        LeadcastError
            If a file is damaged.
        """
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        columns = [*TEXTS, "occurred_at", *(["value"] if with_values else [])]
        for file in self.files:
            try:
                # Threads and reading ahead would hold row groups that nobody has asked for yet.
                with ParquetFile(file, read_dictionary=TEXTS, pre_buffer=False) as table:
                    for batch in table.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                        yield _coded(batch)
            except (ArrowException, OSError) as error:
                raise LeadcastError(
                    f"{file}: cannot be read as Parquet ({error}); write or copy it again"
                ) from error


def _coded(batch: "pyarrow.RecordBatch") -> Coded:
    import pyarrow

    lead_ids, leads = _texts(batch["lead_id"])
    event_types, kinds = _texts(batch["event_type"])
    times = batch["occurred_at"]
    left_out = [int(batch["lead_id"].null_count), 0, 0]
    for number, name in enumerate(NEEDED[1:], start=1):
        if batch[name].null_count:
            lacking = batch[name].is_null().to_numpy(zero_copy_only=False)
            left_out[number] = int(np.count_nonzero(lacking & (leads >= 0)))
            leads = np.where(lacking, np.int32(-1), leads)
    values = np.empty(0)
    if "value" in batch.schema.names:
        values = batch["value"].cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    times_us = _microseconds(times)
    return Coded(lead_ids, leads, event_types, kinds, times_us, values, tuple(left_out))


def _texts(column: "pyarrow.Array") -> tuple[pl.Series, Codes]:
    import pyarrow

    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = column.indices.cast(pyarrow.int32())
    if codes.null_count:
        codes = codes.fill_null(-1)
    texts = pl.Series(column.dictionary)
    return texts.cast(pl.String), codes.to_numpy()


def _microseconds(times: "pyarrow.Array") -> npt.NDArray[np.int64]:
    whole = times.fill_null(0) if times.null_count else times
    numbers: npt.NDArray[np.int64] = whole.view("int64").to_numpy()
    if times.type.unit == "ns":
        return numbers // 1_000
    return numbers * {"s": 1_000_000, "ms": 1_000, "us": 1}[times.type.unit]
