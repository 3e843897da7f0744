"""The history that somebody gives along with leads, read or refused by name, before it is used."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.carried_lists import lists_of_cells
from leadcast.features.base.errors import Fault
from leadcast.features.changes.attribute_changes import CHANGE
from leadcast.features.tables import CHANGES, TIME

LIST = pl.List(CHANGE)
"""The type of the column `CHANGES`."""
_VALUES = ("old_value", "new_value")
_EXACT = 2**53
"""Below it a float holds each whole number, so that 1001 and 1001.0 are written alike."""
_A_LIST = "a list of changes, each with changed_at, attribute and new_value"
_A_TIME = "a time with a time zone"
_SAY_ZONE = "Say which zone it is in, UTC at best."


def wrong_changes(given: object, where: str = "lead") -> list[Fault]:
    """Tell what is wrong with the changes of one lead.

    Parameters
    ----------
    given : object
        What stands under `CHANGES`.
    where : str
        Whose they are, for messages.

    Returns
    -------
    list of Fault
        Each kind of fault once, with the first change that has it.
    """
    if given is None:
        return []
    remedy = "Give one for each change, or leave them out."
    if not isinstance(given, list | tuple):
        return [Fault(f"{where}: {CHANGES!r}", type(given).__name__, _A_LIST, remedy)]
    whole = [one for one in given if isinstance(one, Mapping)]
    odd = [type(one).__name__ for one in given if not isinstance(one, Mapping)]
    times = [one.get("changed_at") for one in whole if not _has_zone(one.get("changed_at"))]
    names = [one.get("attribute") for one in whole if not isinstance(one.get("attribute"), str)]
    return [
        Fault(f"{where}: {CHANGES!r}{key}", found[0], expected, what_to_do)
        for key, found, expected, what_to_do in (
            ("", odd, _A_LIST, remedy),
            (": 'changed_at'", [*map(repr, times)], _A_TIME, _SAY_ZONE),
            (": 'attribute'", [*map(repr, names)], "an attribute's name", "Name what was changed."),
        )
        if found
    ]


def _has_zone(time: object) -> bool:
    return isinstance(time, datetime) and time.tzinfo is not None


def canonical_changes(column: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Read the column `CHANGES` of leads that somebody holds.

    Parameters
    ----------
    column : pl.Series
        A list of structs each, whose values may be of any plain type, and ``old_value`` may be
        absent.

    Returns
    -------
    column : pl.Series of `LIST`
        Empty where it could not be read.
    faults : list of Fault
    """
    dtype = column.dtype
    if dtype == LIST:
        return column, []
    if dtype in (pl.Null, pl.List(pl.Null)):
        return pl.Series(column.name, [None], LIST).new_from_index(0, len(column)), []
    if faults := [*_wrong_type(dtype)]:
        return pl.Series(column.name, [None], LIST).new_from_index(0, len(column)), faults
    assert isinstance(dtype, pl.List)
    assert isinstance(dtype.inner, pl.Struct)
    own = {field.name: field.dtype for field in dtype.inner.fields}
    fields = [
        pl.element().struct.field("changed_at").cast(TIME),
        pl.element().struct.field("attribute").cast(pl.String),
        *(_as_text(name, own.get(name)).alias(name) for name in _VALUES),
    ]
    return column.list.eval(pl.struct(fields)).cast(LIST), []


def _as_text(name: str, dtype: Any) -> pl.Expr:  # noqa: ANN401 - a type of polars, or None
    """Write values as `CHANGE` has them."""
    if dtype is None:
        return pl.lit(None, pl.String)
    value = pl.element().struct.field(name)
    if isinstance(dtype, pl.Datetime):
        return value.cast(TIME).to_physical().cast(pl.String)
    if not dtype.is_float():
        return value.cast(pl.String)
    is_whole = (value == value.floor()) & (value.abs() < _EXACT)
    whole = pl.when(is_whole).then(value).cast(pl.Int64).cast(pl.String)
    return pl.coalesce(whole, value.cast(pl.Float64).cast(pl.String))


def _wrong_type(dtype: pl.DataType) -> Iterator[Fault]:
    where, remedy = f"leads: column {CHANGES!r}", "Convert the column, or leave it out."
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    if not isinstance(inner, pl.Struct):
        yield Fault(where, f"type {dtype}", _A_LIST, remedy)
        return
    own = {field.name: field.dtype for field in inner.fields}
    for name in ("changed_at", "attribute"):
        if name not in own:
            yield Fault(where, f"changes without {name!r}", _A_LIST, remedy)
    at = own.get("changed_at", TIME)
    if not (isinstance(at, pl.Datetime) and at.time_zone is not None) and at != pl.Null:
        yield Fault(f"{where}: 'changed_at'", f"type {at}", _A_TIME, _SAY_ZONE)
    for name in ("attribute", *_VALUES):
        if (kind := own.get(name)) is not None and kind.is_nested():
            yield Fault(f"{where}: {name!r}", f"type {kind}", "a plain value", remedy)


def changes_of_cells(cells: Sequence[object]) -> tuple[pl.Series, list[Fault]]:
    """Read the changes that stand in cells, as lists or as JSON.

    Parameters
    ----------
    cells : sequence of object
        One a lead: None, a list of mappings, or such a list as JSON with times in ISO format.

    Returns
    -------
    column : pl.Series of `LIST`
        Empty where it could not be read.
    faults : list of Fault
        Of the first lead that has any.
    """
    return lists_of_cells(cells, pl.Series(CHANGES, [], LIST), "changed_at", wrong_changes, _plain)


def _plain(change: Mapping[str, Any]) -> dict[str, object]:
    values = {name: written(change.get(name)) for name in _VALUES}
    return {"changed_at": change["changed_at"], "attribute": change["attribute"]} | values


def written(value: object) -> str | None:
    """Write one value as `CHANGE` has it.

    Parameters
    ----------
    value : object
        None, a text, flag, number, or time with a zone.

    Returns
    -------
    str or None
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, datetime):
        return str(pl.Series([value], dtype=TIME).to_physical()[0])
    if isinstance(value, int | np.integer):
        return str(int(value))
    number = float(value)  # type: ignore[arg-type]
    return str(int(number)) if number.is_integer() and abs(number) < _EXACT else repr(number)
