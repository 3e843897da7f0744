"""Events in batches of codes, split by lead into parts: written once, with no text an event.

Work in a thread of its own.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.base.files import written_whole
from leadcast.features.engine.coded import BATCH_ROWS, NEEDED, Coded, CodedTable, Codes
from leadcast.features.values.distinct import Lookup, taken
from leadcast.serve.batch.split import part_of

if TYPE_CHECKING:
    import pyarrow

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
    kinds: tuple[str, ...]
    """The kinds that have a number."""
    schema: pl.Schema
    """The columns of the whole table."""

    def collect_schema(self) -> pl.Schema:
        """Tell the columns of the whole table."""
        return self.schema

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read the files, one after the other; see `leadcast.features.engine.coded.CodedTable`."""
        from pyarrow import ipc, memory_map

        names = pl.Series(self.kinds, dtype=pl.String)
        for file in self.files:
            batch = ipc.open_file(memory_map(str(file))).get_batch(self.part)
            # One row, whose lists are the columns: they are of different lengths.
            lead_ids = pl.Series(batch["lead_ids"].values).cast(pl.String)
            leads, kinds, times_us, values = (batch[name].values.to_numpy() for name in _NUMBERS)
            some = values if with_values else np.empty(0)
            left_out = tuple(batch["left_out"].values.to_pylist())
            yield Coded(lead_ids, leads, names, kinds, times_us, some, left_out)


def split_events(
    folder: Path, table: CodedTable, n_parts: int, kinds: tuple[str, ...], with_values: bool
) -> list[StoredEvents]:
    """Split a table by a hash of the lead, as `leadcast.serve.batch.split.split_by_lead` does."""
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            # While one group is written, the next is put together and more is read.
            groups = one_ahead(_groups(one_ahead(table.batches(with_values)), kinds))
            room = _Room()
            for number, group in enumerate(groups):
                _write_parts(temporary / f"{number:06}.arrow", group, n_parts, room)
    schema, files = table.collect_schema(), sorted(folder.glob("*.arrow"))
    return [StoredEvents(files, part, kinds, schema) for part in range(n_parts)]


def _groups(batches: Iterator[Coded], kinds: tuple[str, ...]) -> Iterator[list[_Batch]]:
    known, group, height = Lookup(pl.Series(kinds, dtype=pl.String)), list[_Batch](), 0
    for events in batches:
        # What is missing has the place -1, the last.
        code = np.append(known.places_or_none(events.event_types), -1).astype(np.int16)
        group.append(_Batch(events, code))
        height += len(events.leads)
        if height >= STORED_ROWS:
            yield group
            group, height = [], 0
    if group:
        yield group


def _write_parts(file: Path, group: list[_Batch], n_parts: int, room: _Room) -> None:
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
    names = ["lead_ids", *_NUMBERS, "left_out"]
    types = [pyarrow.large_list(column.type) for column, _ in columns]
    schema = pyarrow.schema(list(zip(names, types, strict=True)))
    with ipc.new_file(str(file), schema) as out:
        for one in range(n_parts):
            lists = [_one_list(column, *its[one : one + 2]) for column, its in columns]
            out.write_batch(pyarrow.record_batch(lists, schema=schema))


def _events_in_parts(
    group: list[_Batch], part: Codes, place: Codes, n_parts: int, room: _Room
) -> tuple[npt.NDArray[np.int64], _Columns]:
    """Bring the events of a part together; some are left out."""
    first = np.cumsum([0, *(len(some.events.lead_ids) for some in group)])
    ids = [slice(*its) for its in pairwise(first)]
    start = np.zeros(n_parts + 1, dtype=np.int64)
    for some, its in zip(group, ids, strict=True):
        _count(some.events.leads, part[its], start)
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
def _count(leads: Codes, part: Codes, start: npt.NDArray[np.int64]) -> None:
    """Count the events of each part, one place further."""
    for event in range(len(leads)):
        if leads[event] >= 0:
            start[part[leads[event]] + 1] += 1


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
