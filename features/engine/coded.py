"""Events with each text once instead of once an event: from Parquet, and split by lead into parts.

Parquet keeps a column of texts that repeat as a dictionary and numbers. Read as they are, ten
million events need a few thousand texts to be looked at, not ten million. In a batch such events
are written once for each part, with no text an event.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.features.engine.grouping import count_each
from leadcast.features.engine.partition import part_of
from leadcast.features.values.distinct import Lookup, taken

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
        Where each event's kind stands in `event_types`; -1 for none, or for one whose name is not
        kept, which counts as another kind.
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


Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Make each item while the one before it is used."""
    with ThreadPoolExecutor(1) as maker:

        def made() -> list[Item]:
            # An empty list tells the end, which no item could.
            return list(islice(items, 1))

        waiting = maker.submit(made)
        while item := waiting.result():
            waiting = maker.submit(made)
            yield item[0]


_Columns = tuple[Codes, npt.NDArray[np.int16], npt.NDArray[np.int64], npt.NDArray[np.float64]]
_NUMBERS = ("leads", "kinds", "times_us", "values")
STORED_ROWS = 500_000
"""So many events are put apart at a time."""


class _Batch(NamedTuple):
    """Some events, and which number of the model's each of their kinds has."""

    events: Coded
    code: npt.NDArray[np.int16]


class _Room:
    """Arrays that serve one group after the other; to get new ones costs more than to fill them."""

    def __init__(self) -> None:
        self._arrays: _Columns | None = None

    def arrays(self, n: int, n_values: int) -> _Columns:
        """Give room for events; what was in it is lost."""
        if self._arrays is None or n > len(self._arrays[0]):
            size = n + BATCH_ROWS
            numbers = (np.empty(size, np.int32), np.empty(size, np.int16), np.empty(size, np.int64))
            self._arrays = (*numbers, np.empty(size))
        leads, kinds, times_us, values = self._arrays
        return leads[:n], kinds[:n], times_us[:n], values[:n_values]


@dataclass(frozen=True)
class StoredEvents:
    """A part of a table of events, as `split_events` has written it."""

    files: Sequence[Path]
    """Each has a batch for every part."""
    part: int
    schema: pl.Schema
    """The columns of the whole table."""

    def collect_schema(self) -> pl.Schema:
        """Tell the columns of the whole table."""
        return self.schema

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read the files, one after the other; see `leadcast.features.engine.coded.CodedTable`."""
        from pyarrow import ipc, memory_map

        for file in self.files:
            batch = ipc.open_file(memory_map(str(file))).get_batch(self.part)
            # One row, whose lists are the columns: they are of different lengths.
            lead_ids = pl.Series(batch["lead_ids"].values).cast(pl.String)
            names = pl.Series(batch["kinds_told"].values).cast(pl.String)
            leads, kinds, times_us, values = (batch[name].values.to_numpy() for name in _NUMBERS)
            some = values if with_values else np.empty(0)
            left_out = tuple(batch["left_out"].values.to_pylist())
            yield Coded(lead_ids, leads, names, kinds, times_us, some, left_out)


def split_events(
    folder: Path, table: CodedTable, n_parts: int, kinds: tuple[str, ...], with_values: bool
) -> list[StoredEvents]:
    """Split a table as `leadcast.features.engine.partition.split_by_lead` does."""
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            # While one group is written, the next is put together and more is read.
            groups = one_ahead(_groups(one_ahead(table.batches(with_values)), kinds))
            room = _Room()
            for number, group in enumerate(groups):
                _write_parts(temporary / f"{number:06}.arrow", *group, n_parts, room)
    schema, files = table.collect_schema(), sorted(folder.glob("*.arrow"))
    return [StoredEvents(files, part, schema) for part in range(n_parts)]


MOST_OTHERS = 1_000
"""So many kinds keep their names beside those of the model; a column of free texts has more."""


class _Names:
    """Numbers for kinds: the model's own first, then others as they come."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._known = Lookup(pl.Series(kinds, dtype=pl.String))
        self._first, self._others = kinds, dict[str, int]()

    def numbers(self, event_types: pl.Series) -> npt.NDArray[np.int16]:
        """Give the number of each; -1 for one that is missing, or one too many."""
        places = self._known.places_or_none(event_types).astype(np.int16)
        for place in np.flatnonzero(places < 0).tolist():
            kind = event_types[place]
            if kind is None or (kind not in self._others and len(self._others) >= MOST_OTHERS):
                continue
            places[place] = self._others.setdefault(kind, len(self._first) + len(self._others))
        return places

    @property
    def all(self) -> tuple[str, ...]:
        """The names so far, in the order of their numbers."""
        return (*self._first, *self._others)


def _groups(
    batches: Iterator[Coded], kinds: tuple[str, ...]
) -> Iterator[tuple[list[_Batch], tuple[str, ...]]]:
    names, group, height = _Names(kinds), list[_Batch](), 0
    for events in batches:
        # What is missing has the place -1, the last.
        code = np.append(names.numbers(events.event_types), np.int16(-1))
        group.append(_Batch(events, code))
        height += len(events.leads)
        if height >= STORED_ROWS:
            yield group, names.all
            group, height = [], 0
    if group:
        yield group, names.all


def _write_parts(
    file: Path, group: list[_Batch], kinds: tuple[str, ...], n_parts: int, room: _Room
) -> None:
    import pyarrow
    from pyarrow import ipc

    ids = pl.concat([some.events.lead_ids for some in group])
    part = ids.to_frame("lead_id").select(part_of(n_parts)).to_series().to_numpy()
    # Ids of a part come to stand together, and so do its events.
    order = np.argsort(part.astype(np.min_scalar_type(n_parts)), kind="stable")
    ids_start = np.searchsorted(part[order], np.arange(n_parts + 1))
    place = np.empty(len(part), dtype=np.int32)
    place[order] = np.arange(len(part)) - np.repeat(ids_start[:-1], np.diff(ids_start))
    lead_ids = taken(ids, order).to_arrow(compat_level=pl.CompatLevel.oldest())
    start, events = _events_in_parts(group, part, place, n_parts, room)
    # How many are left out is told once, with the first part.
    left_out = np.zeros((n_parts, len(NEEDED)), dtype=np.int64)
    left_out[0] = np.sum([some.events.left_out for some in group], axis=0)
    columns = [
        (lead_ids, ids_start),
        *((pyarrow.array(column), start if len(column) else 0 * start) for column in events),
        (pyarrow.array(left_out.ravel()), len(NEEDED) * np.arange(n_parts + 1)),
    ]
    # Every part has them all.
    told = _one_list(pyarrow.array(kinds, type=pyarrow.large_string()), 0, len(kinds))
    names = ["lead_ids", *_NUMBERS, "left_out", "kinds_told"]
    types = [*(pyarrow.large_list(column.type) for column, _ in columns), told.type]
    schema = pyarrow.schema(list(zip(names, types, strict=True)))
    with ipc.new_file(str(file), schema) as out:
        for one in range(n_parts):
            lists = [_one_list(column, *its[one : one + 2]) for column, its in columns]
            out.write_batch(pyarrow.record_batch([*lists, told], schema=schema))


def _events_in_parts(
    group: list[_Batch], part: Codes, place: Codes, n_parts: int, room: _Room
) -> tuple[npt.NDArray[np.int64], _Columns]:
    """Bring the events of a part together; some are left out."""
    first = np.cumsum([0, *(len(some.events.lead_ids) for some in group)])
    ids = [slice(*its) for its in pairwise(first)]
    start = np.zeros(n_parts + 1, dtype=np.int64)
    for some, its in zip(group, ids, strict=True):
        # An event that is left out has no part, which stands last.
        count_each(some.events.leads, np.append(part[its], np.int32(-1)), start)
    np.cumsum(start, out=start)
    n_values = start[-1] if any(len(some.events.values) for some in group) else 0
    out = room.arrays(start[-1], n_values)
    free = start[:-1].copy()
    for (events, code), its in zip(group, ids, strict=True):
        numbers = (events.leads, events.kinds, events.times_us, events.values)
        _scatter(*numbers, code, part[its], place[its], free, *out)
    return start, out


def _one_list(column: "pyarrow.Array", start: int, stop: int) -> "pyarrow.Array":
    from pyarrow import LargeListArray

    return LargeListArray.from_arrays([0, stop - start], column.slice(start, stop - start))


@compiled
def _scatter(
    leads: Codes,
    kinds: Codes,
    times: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    code: npt.NDArray[np.int16],
    part: Codes,
    place: Codes,
    free: npt.NDArray[np.int64],
    out_leads: Codes,
    out_kinds: npt.NDArray[np.int16],
    out_times: npt.NDArray[np.int64],
    out_values: npt.NDArray[np.float64],
) -> None:
    """Put each event into the next free place of its part, in their order."""
    for event in range(len(leads)):
        lead = leads[event]
        if lead >= 0:
            to = free[part[lead]]
            free[part[lead]] += 1
            out_leads[to] = place[lead]
            out_kinds[to] = code[kinds[event]]
            out_times[to] = times[event]
            if len(values) > 0:
                out_values[to] = values[event]
