"""Lists that a lead carries in a cell: what became of its fields, or of its account."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault


def lists_of_cells(
    cells: Sequence[object],
    column: pl.Series,
    time: str,
    wrong: Callable[[object, str], list[Fault]],
    plain: Callable[[Mapping[str, Any]], dict[str, object]],
) -> tuple[pl.Series, list[Fault]]:
    """Read the lists that stand in cells, as lists or as JSON.

    Parameters
    ----------
    cells : sequence of object
        One a lead: None, a list of mappings, or such a list as JSON with times in ISO format.
    column : pl.Series
        An empty one, of the name and type of what is read.
    time : str
        The key under which a mapping has its time.
    wrong : callable
        Tells what is wrong with one lead's list, given where it stands.
    plain : callable
        Takes of a mapping what the column holds.

    Returns
    -------
    column : pl.Series
        Empty where it could not be read.
    faults : list of Fault
        Of the first lead that has any.
    """
    read: list[Any] = []
    for row, cell in enumerate(cells):
        given: Any = _parsed(cell, time)
        if faults := wrong(given, f"leads, row {row}"):
            return pl.Series(column.name, [None] * len(cells), column.dtype), faults
        read.append(None if given is None else [plain(one) for one in given])
    return pl.Series(column.name, read, column.dtype), []


def _parsed(cell: object, time: str) -> object:
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            return cell
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if not isinstance(cell, list | tuple):
        return None if isinstance(cell, float) and np.isnan(cell) else cell
    return [{**one, time: _moment(one.get(time))} if isinstance(one, dict) else one for one in cell]


def _moment(text: object) -> object:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        return text
