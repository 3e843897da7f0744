"""Events in batches of codes, split by lead into parts: written once, with no text an event."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from features.coded import Coded, CodedTable, Codes
from features.compiled import compiled
from features.files import written_whole
from features.lookup import Lookup
from serve.batch_split import part_of

if TYPE_CHECKING:
    import pyarrow

_NUMBERS = ("leads", "kinds", "times_us", "values")
STORED_ROWS = 500_000
"""So many events are put apart at a time."""


class _Group(NamedTuple):
    """Events of some batches; the fields are those of `Coded`, with kinds as the model has them."""

    lead_ids: pl.Series
    leads: Codes
    kinds: npt.NDArray[np.int16]
    times_us: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class StoredEvents:
    """A part of a table of events, as `split_events` has written it.

    Parameters
    ----------
    files : sequence of Path
        Each has a batch for every part.
    part : int
    kinds : tuple of str
        The kinds that have a number.
    schema : pl.Schema
        The columns of the whole table.
    """

    files: Sequence[Path]
    part: int
    kinds: tuple[str, ...]
    schema: pl.Schema

    def collect_schema(self) -> pl.Schema:
        """Tell the columns of the whole table."""
        return self.schema

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read the files, one after the other; see `features.coded.CodedTable`."""
        from pyarrow import OSFile, ipc

        names = pl.Series(self.kinds, dtype=pl.String)
        for file in self.files:
            with OSFile(str(file)) as source:
                batch = ipc.open_file(source).get_batch(self.part)
            # One row, whose lists are the columns: they are of different lengths.
            lead_ids = pl.Series(batch["lead_ids"].values).cast(pl.String)
            leads, kinds, times_us, values = (batch[name].values.to_numpy() for name in _NUMBERS)
            some = values if with_values else np.empty(0)
            left_out = tuple(batch["left_out"].values.to_pylist())
            yield Coded(lead_ids, leads, names, kinds, times_us, some, left_out)


def split_events(
    folder: Path, table: CodedTable, n_parts: int, kinds: tuple[str, ...], with_values: bool
) -> list[StoredEvents]:
    """Split a table by a hash of the lead, as `serve.batch_split.split_by_lead` does.

    Parameters
    ----------
    folder : Path
        Where the parts are kept; what is there already is taken for them.
    table : CodedTable
    n_parts : int
        How many parts.
    kinds : tuple of str
        The kinds that are told apart.
    with_values : bool
        Whether the events' values are needed.

    Returns
    -------
    list of StoredEvents
    """
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            groups = _groups(table, kinds, with_values)
            # One group is written while the next is read.
            with ThreadPoolExecutor(1) as writing:
                waiting = None
                for number, group in enumerate(groups):
                    if waiting is not None:
                        waiting.result()
                    file = temporary / f"{number:06}.arrow"
                    waiting = writing.submit(_write_parts, file, group, n_parts)
                if waiting is not None:
                    waiting.result()
    schema, files = table.collect_schema(), sorted(folder.glob("*.arrow"))
    return [StoredEvents(files, part, kinds, schema) for part in range(n_parts)]


def _groups(table: CodedTable, kinds: tuple[str, ...], with_values: bool) -> Iterator[_Group]:
    known, group, height = Lookup(pl.Series(kinds, dtype=pl.String)), list[_Group](), 0
    for some in table.batches(with_values):
        # What is missing has the place -1, the last.
        code = np.append(known.places_or_none(some.event_types), -1).astype(np.int16)
        kinds_of, left_out = code[some.kinds], some.left_out
        group.append(
            _Group(some.lead_ids, some.leads, kinds_of, some.times_us, some.values, left_out)
        )
        height += len(some.leads)
        if height >= STORED_ROWS:
            yield _joined(group)
            group, height = [], 0
    if group:
        yield _joined(group)


def _joined(group: list[_Group]) -> _Group:
    first = np.cumsum([0, *(len(some.lead_ids) for some in group)])
    leads = [
        np.where(some.leads < 0, np.int32(-1), some.leads + start)
        for some, start in zip(group, first.astype(np.int32), strict=False)
    ]
    kinds, times, values = (np.concatenate(parts) for parts in list(zip(*group, strict=True))[2:5])
    ids = pl.concat([some.lead_ids for some in group])
    left_out = np.sum([some.left_out for some in group], axis=0)
    return _Group(ids, np.concatenate(leads), kinds, times, values, tuple(left_out.tolist()))


def _write_parts(file: Path, group: _Group, n_parts: int) -> None:
    import pyarrow
    from pyarrow import ipc

    ids = group.lead_ids.to_frame("lead_id")
    part = ids.select(part_of(n_parts))["part"].to_numpy()
    # Ids of a part come to stand together, and so do its events.
    ids_order, ids_start = _ordered(part, n_parts)
    place = np.empty(len(part) + 1, dtype=np.int32)
    place[ids_order] = np.arange(len(part), dtype=np.int32)
    # Events that are left out have a part of their own, the last, which is not written.
    order, start = _ordered(np.append(part, n_parts)[group.leads], n_parts + 1)
    lead_ids = group.lead_ids.gather(ids_order).to_arrow(compat_level=pl.CompatLevel.oldest())
    leads = place[group.leads][order] - np.repeat(ids_start.astype(np.int32), np.diff(start))
    kinds, times = group.kinds[order], group.times_us[order]
    values = group.values[order] if len(group.values) else group.values
    counts = [*group.left_out, *[0] * (n_parts - 1) * len(group.left_out)]
    columns = [
        (lead_ids, ids_start),
        *((pyarrow.array(column), start) for column in (leads, kinds, times)),
        (pyarrow.array(values), start if len(values) else np.zeros_like(start)),
        # How many are left out is told once, with the first part.
        (pyarrow.array(counts), len(group.left_out) * np.arange(n_parts + 1)),
    ]
    names = ["lead_ids", *_NUMBERS, "left_out"]
    types = [pyarrow.large_list(column.type) for column, _ in columns]
    schema = pyarrow.schema(list(zip(names, types, strict=True)))
    with ipc.new_file(str(file), schema) as out:
        for one in range(n_parts):
            lists = [_one_list(column, *its[one : one + 2]) for column, its in columns]
            out.write_batch(pyarrow.record_batch(lists, schema=schema))


def _one_list(column: "pyarrow.Array", start: int, stop: int) -> "pyarrow.Array":
    from pyarrow import LargeListArray

    return LargeListArray.from_arrays([0, stop - start], column.slice(start, stop - start))


def _ordered(part: Codes, n_parts: int) -> tuple[Codes, npt.NDArray[np.int64]]:
    starts = np.zeros(n_parts + 1, dtype=np.int64)
    order = np.empty(len(part), dtype=np.int32)
    _counting_sort(part, starts, order)
    return order, starts


@compiled
def _counting_sort(part: Codes, starts: npt.NDArray[np.int64], order: Codes) -> None:
    """Order numbers by their part; those of a part keep their order."""
    for number in range(len(part)):
        starts[part[number] + 1] += 1
    for one in range(len(starts) - 1):
        starts[one + 1] += starts[one]
    free = starts[:-1].copy()
    for number in range(len(part)):
        order[free[part[number]]] = number
        free[part[number]] += 1
