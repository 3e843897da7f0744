"""The history of accounts that somebody gives along with leads, read or refused by name."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from leadcast.features.accounts.account_history import HISTORY_LIST, WHAT
from leadcast.features.base.carried_lists import lists_of_cells
from leadcast.features.base.errors import Fault
from leadcast.features.tables import ACCOUNT_HISTORY, TIME

_FIELDS = ("at", "what", "who")
_A_LIST = "a list of entries, each with at, what and who"
_LEAVE_OUT = "Give one for each, or leave the column out."


def wrong_history(given: object, where: str = "lead") -> list[Fault]:
    """Tell what is wrong with what one lead carries of its account.

    Parameters
    ----------
    given : object
        What stands under ``account_history``.
    where : str
        Whose it is, for messages.

    Returns
    -------
    list of Fault
        Each kind of fault once, with the first entry that has it.
    """
    if given is None:
        return []
    place = f"{where}: {ACCOUNT_HISTORY!r}"
    if not isinstance(given, list | tuple):
        return [Fault(place, type(given).__name__, _A_LIST, _LEAVE_OUT)]
    whole = [one for one in given if isinstance(one, Mapping)]
    odd = [type(one).__name__ for one in given if not isinstance(one, Mapping)]
    times = [repr(one.get("at")) for one in whole if not _has_zone(one.get("at"))]
    kinds = [repr(one.get("what")) for one in whole if one.get("what") not in WHAT]
    names = [repr(one.get("who")) for one in whole if not _is_whole(one.get("who"))]
    return [
        Fault(f"{place}{key}", found[0], expected, remedy)
        for key, found, expected, remedy in (
            ("", odd, _A_LIST, _LEAVE_OUT),
            (": 'at'", times, "a time with a time zone", "Say which zone it is in, UTC at best."),
            (": 'what'", kinds, f"one of {', '.join(WHAT)}", "Say what happened."),
            (": 'who'", names, "a whole number for each colleague", "Number the colleagues."),
        )
        if found
    ]


def _has_zone(time: object) -> bool:
    return isinstance(time, datetime) and time.tzinfo is not None


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def canonical_account_history(column: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Read the column ``account_history`` of leads that somebody holds.

    Parameters
    ----------
    column : pl.Series
        A list of structs each, with times of any unit and numbers of any width.

    Returns
    -------
    column : pl.Series of `leadcast.features.accounts.account_history.HISTORY_LIST`
        Empty where it could not be read.
    faults : list of Fault
    """
    dtype = column.dtype
    if dtype == HISTORY_LIST:
        return column, []
    none = pl.Series(column.name, [None], HISTORY_LIST).new_from_index(0, len(column))
    if dtype == pl.Null:
        return none, []
    if dtype == pl.List(pl.Null):
        return column.cast(HISTORY_LIST), []
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    own = {one.name: one.dtype for one in inner.fields} if isinstance(inner, pl.Struct) else {}
    at = own.get("at")
    is_timed = isinstance(at, pl.Datetime) and at.time_zone is not None
    whole = own.get("who", pl.String()).is_integer()
    if not {*_FIELDS} <= {*own} or not is_timed or own["what"] != pl.String or not whole:
        where = f"leads: column {column.name!r}"
        expected = "a list of structs: at in UTC, what as text, who as whole number"
        return none, [Fault(where, f"type {dtype}", expected, "Cast it, or leave it out.")]
    fields = [
        pl.element().struct.field("at").cast(TIME),
        pl.element().struct.field("what"),
        pl.element().struct.field("who").cast(pl.Int64),
    ]
    return column.list.eval(pl.struct(fields)).cast(HISTORY_LIST), []


def account_history_of_cells(cells: Sequence[object]) -> tuple[pl.Series, list[Fault]]:
    """Read the histories that stand in cells, as lists or as JSON.

    Parameters
    ----------
    cells : sequence of object
        One a lead: None, a list of mappings, or such a list as JSON with times in ISO format.

    Returns
    -------
    column : pl.Series of `leadcast.features.accounts.account_history.HISTORY_LIST`
        Empty where it could not be read.
    faults : list of Fault
        Of the first lead that has any.
    """
    return lists_of_cells(
        cells,
        pl.Series(ACCOUNT_HISTORY, [], HISTORY_LIST),
        "at",
        wrong_history,
        lambda entry: {name: entry[name] for name in _FIELDS},
    )
