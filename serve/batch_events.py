"""Events in batches of codes, split by lead into parts: written once, with no text an event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from features.coded import Coded, CodedTable, Codes
from features.compiled import compiled
from features.files import written_whole
from features.lookup import Lookup
from serve.batch_split import part_of

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


@dataclass(frozen=True)
class StoredEvents:
    """A part of a table of events, as `split_events` has written it.

    Parameters
    ----------
    files : sequence of Path
    kinds : tuple of str
        The kinds that have a number.
    schema : pl.Schema
        The columns of the whole table.
    """

    files: Sequence[Path]
    kinds: tuple[str, ...]
    schema: pl.Schema

    def collect_schema(self) -> pl.Schema:
        """Tell the columns of the whole table."""
        return self.schema

    def batches(self, with_values: bool) -> Iterator[Coded]:
        """Read the files, one after the other; see `features.coded.CodedTable`."""
        names = pl.Series(self.kinds, dtype=pl.String)
        for file in self.files:
            # One row, whose lists are the columns: they are of different lengths.
            row = pl.read_ipc(file)
            leads, kinds, times_us, values = (row[name][0].to_numpy() for name in _NUMBERS)
            some = values if with_values else np.empty(0)
            yield Coded(row["lead_ids"][0], leads, names, kinds, times_us, some)


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
            for number, group in enumerate(_groups(table, kinds, with_values)):
                _write_parts(temporary, number, group, n_parts)
    schema = table.collect_schema()
    files = [sorted(folder.glob(f"*.{part}.arrow")) for part in range(n_parts)]
    return [StoredEvents(its, kinds, schema) for its in files]


def _groups(table: CodedTable, kinds: tuple[str, ...], with_values: bool) -> Iterator[_Group]:
    known, group, height = Lookup(pl.Series(kinds, dtype=pl.String)), list[_Group](), 0
    for some in table.batches(with_values):
        # What is missing has the place -1, the last.
        code = np.append(known.places_or_none(some.event_types), -1).astype(np.int16)
        group.append(
            _Group(some.lead_ids, some.leads, code[some.kinds], some.times_us, some.values)
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
    kinds, times, values = (np.concatenate(parts) for parts in list(zip(*group, strict=True))[2:])
    ids = pl.concat([some.lead_ids for some in group])
    return _Group(ids, np.concatenate(leads), kinds, times, values)


def _write_parts(folder: Path, number: int, group: _Group, n_parts: int) -> None:
    ids = group.lead_ids.to_frame("lead_id")
    part = ids.select(part_of(n_parts))["part"].to_numpy()
    # Ids of a part come to stand together, and so do its events.
    ids_order, ids_start = _ordered(part, n_parts)
    place = np.empty(len(part) + 1, dtype=np.int32)
    place[ids_order] = np.arange(len(part), dtype=np.int32)
    # Events without a lead or a time have a part of their own, the last, which is not written.
    order, start = _ordered(np.append(part, n_parts)[group.leads], n_parts + 1)
    lead_ids = group.lead_ids.gather(ids_order)
    leads = place[group.leads][order]
    kinds, times = group.kinds[order], group.times_us[order]
    values = group.values[order] if len(group.values) else group.values
    for one in range(n_parts):
        rows, its = slice(start[one], start[one + 1]), slice(ids_start[one], ids_start[one + 1])
        if rows.start < rows.stop:
            columns = {
                "lead_ids": lead_ids[its],
                "leads": pl.Series(leads[rows] - np.int32(its.start)),
                "kinds": pl.Series(kinds[rows]),
                "times_us": pl.Series(times[rows]),
                "values": pl.Series(values[rows]),
            }
            pl.DataFrame({name: column.implode() for name, column in columns.items()}).write_ipc(
                folder / f"{number:06}.{one}.arrow"
            )


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
