"""What an engine is given, tables or one lead, checked: what is wrong is told at once by name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.changes.attribute_changes import bases_of, derived_types
from leadcast.features.changes.history_told import some_of
from leadcast.features.engine.coded import NEEDED, EventTable
from leadcast.features.engine.engagement import NO_TIME
from leadcast.features.nonhuman.people_events import NONHUMAN
from leadcast.features.nonhuman.signs import SIGNS
from leadcast.features.tables import CHANGES, TIME
from leadcast.features.values.readings import Accepts

CONTEXT = (
    *("lead_id", "as_of", "created_at", "updated_at", "position"),
    *("rules_score", "account_id", "cost", "worked", "random_slice"),
    *("form_seconds", "form_pasted", "form_device", "form_address"),
)
"""Columns of leads that are no attributes, or that no feature may use, and are no surprise."""

OF_EVENTS = (*NEEDED, "value")
"""What scores read of an event."""

_EXPECTED: Mapping[Accepts, str] = {
    "number": "numbers",
    "flag": "true or false",
    "time": "times with a time zone",
    "text": "texts",
    "text or number": "texts or numbers",
    "anything": "anything",
}


def check_leads(leads: pl.DataFrame, needs: Mapping[str, Accepts], dated: bool) -> None:
    """Check a table of leads against what a plan reads.

    Parameters
    ----------
    leads : pl.DataFrame
        The leads to compute features for; columns that nothing reads are ignored.
    needs : mapping of str to Accepts
        The attributes that are read, each with what it may hold.
    dated : bool
        Whether ``created_at`` is needed.

    Raises
    ------
    FaultsError
        If ``lead_id`` or ``created_at`` is missing, an id repeats or is null, or a column holds
        something else than its readings read.
    """
    required = ("lead_id", "created_at") if dated else ("lead_id",)
    faults = [_missing(name) for name in required if name not in leads.columns]
    faults += [
        _wrong("leads", name, leads.schema[name], accepts)
        for name, accepts in needs.items()
        if name in leads.columns and not _fits(leads.schema[name], accepts)
    ]
    if dated and "created_at" in leads.columns:
        faults += _not_a_time("leads", "created_at", leads.schema["created_at"])
    if "lead_id" in leads.columns:
        faults += _bad_ids(leads["lead_id"])
    _raise_errors("leads", faults)


def check_events(events: EventTable) -> None:
    """Check an event table's columns, without reading it.

    Parameters
    ----------
    events : EventTable
        As `leadcast.features.tables.Tables.events`; ``value`` may be absent.

    Raises
    ------
    FaultsError
        If a column is missing or has another type.
    """
    schema = events.collect_schema()
    faults = [_missing(name, "events") for name in NEEDED if name not in schema]
    faults += _not_a_time("events", "occurred_at", schema.get("occurred_at", TIME))
    texts = {name: schema[name] for name in ("lead_id", "event_type") if name in schema}
    faults += [
        _wrong("events", name, dtype, "text")
        for name, dtype in texts.items()
        if not _fits(dtype, "text")
    ]
    if not _fits(schema.get("value", pl.Float64()), "number"):
        faults.append(_wrong("events", "value", schema["value"], "number"))
    _raise_errors("events", faults)


def absent(
    leads: pl.DataFrame, needs: Iterable[str], events: EventTable | None, with_values: bool
) -> list[Fault]:
    """Describe columns that are read and are not there; a history once, whatever it gives."""
    missing = [name for name in needs if name not in leads.columns]
    tracked = [] if CHANGES in leads.columns else bases_of(missing, leads.columns)
    derived = derived_types(tracked)
    faults = [_optional(name, count=leads.height) for name in missing if name not in derived]
    if tracked:
        faults.append(_no_history(tracked, leads.height))
    if with_values and events is not None and "value" not in events.collect_schema():
        faults.append(_optional("value", "events"))
    return faults


def check_snapshots(snapshots: pl.DataFrame, lead_ids: pl.Series, dated: bool) -> None:
    """Check that each row has a lead that is there and, where the source is dated, a moment.

    Parameters
    ----------
    snapshots : pl.DataFrame
        ``lead_id`` and ``as_of``.
    lead_ids : pl.Series
        The leads that are there.
    dated : bool
        Whether ``as_of`` is needed.

    Raises
    ------
    FaultsError
        If a column is missing or has another type, or a row lacks its lead or its moment.
    """
    required = ("lead_id", "as_of") if dated else ("lead_id",)
    faults = [_missing(name, "snapshots") for name in required if name not in snapshots.columns]
    if dated and not faults:
        faults += _not_a_time("snapshots", "as_of", snapshots.schema["as_of"])
        faults += _counted("snapshots", "as_of", "no time", snapshots["as_of"].null_count())
    if "lead_id" in snapshots.columns:
        ids = snapshots["lead_id"].cast(pl.String)
        # Most often each lead has one row, in the order of the leads.
        if ids.null_count() or not ids.equals(lead_ids):
            ids = ids.filter(~ids.is_in(lead_ids.implode()).fill_null(value=False))
            found = f"leads that are not in the table of leads, such as {ids.head(1).to_list()}"
            faults += _counted("snapshots", "lead_id", found, len(ids))
    _raise_errors("snapshots", faults)


def unknown_column(name: str, n_rows: int, table: str = "leads") -> Fault:
    """Describe a column that nobody has use for.

    Parameters
    ----------
    name : str
        The column.
    n_rows : int
        How many rows there are; 0 where nobody has counted them.
    table : str
        Whose column it is.

    Returns
    -------
    Fault
        A warning.
    """
    expected = "only columns that the model was trained with"
    if table == "events":
        expected = f"only {', '.join(OF_EVENTS)}"
    where = f"{table}: column {name!r}"
    return Fault(where, "an unknown column", expected, "It is left aside.", "warning", n_rows)


def unknown_of_events(columns: Iterable[str]) -> tuple[str, ...]:
    """List the columns of events that nobody has use for.

    Parameters
    ----------
    columns : iterable of str
        All columns.

    Returns
    -------
    tuple of str
        Each once. What may tell machines from people is no surprise, whether it is read or not.
    """
    known = {*OF_EVENTS, *SIGNS, NONHUMAN}
    return tuple(dict.fromkeys(name for name in columns if name not in known))


def without_events(count: int) -> list[Fault]:
    """Describe leads of which no event is known.

    Parameters
    ----------
    count : int
        How many rows of leads there are.

    Returns
    -------
    list of Fault
        A warning, where there are any.
    """
    fault = Fault(
        where="events",
        found="no event of some leads",
        expected="the events of each lead, which the model reads",
        remedy="They are scored as leads that have done nothing; if they have, check that leads "
        "and events write the lead's id alike.",
        severity="warning",
        count=count,
        is_usual=True,
    )
    return [fault] if count else []


def incomplete_events(counts: Iterable[int]) -> list[Fault]:
    """Describe events that are left out because they lack something.

    Parameters
    ----------
    counts : iterable of int
        How many lack each of `leadcast.features.engine.coded.NEEDED`.

    Returns
    -------
    list of Fault
        A warning for each column that has blanks, in the words in which CSV is told of them.
    """
    return [
        Fault(
            where=f"events: column {name!r}",
            found="rows without a value",
            expected="a value in each row",
            remedy="They are left out.",
            severity="warning",
            count=count,
        )
        for name, count in zip(NEEDED, counts, strict=True)
        if count
    ]


def wrong_value(attribute: str, value: object, accepts: Accepts) -> Fault:
    """Describe an attribute's value of a wrong type."""
    return Fault(
        where=f"lead: {attribute!r}",
        found=type(value).__name__,
        expected=_EXPECTED[accepts],
        remedy="Give it as the training data had it, or leave it out",
    )


def _fits(dtype: pl.DataType, accepts: Accepts) -> bool:
    if dtype == pl.Null:
        return True
    text = dtype in (pl.String, pl.Categorical, pl.Enum)
    return {
        "number": dtype.is_numeric(),
        "flag": dtype == pl.Boolean,
        "time": isinstance(dtype, pl.Datetime) and dtype.time_zone is not None,
        "text": text,
        "text or number": text or dtype.is_numeric(),
        "anything": True,
    }[accepts]


def _bad_ids(ids: pl.Series) -> Iterable[Fault]:
    if not _fits(ids.dtype, "text"):
        yield _wrong("leads", "lead_id", ids.dtype, "text")
        return
    repeated = ids.filter(ids.is_duplicated() & ids.is_not_null())
    found = f"an id more than once, such as {repeated.head(1).to_list()}"
    yield from _counted("leads", "lead_id", found, len(repeated), "Keep one row of each")
    yield from _counted("leads", "lead_id", "no id", ids.null_count())


def _not_a_time(table: str, name: str, dtype: pl.DataType) -> Iterable[Fault]:
    if not _fits(dtype, "time"):
        yield _wrong(table, name, dtype, "time")


def _wrong(table: str, name: str, dtype: pl.DataType, accepts: Accepts) -> Fault:
    remedy = "Convert the column"
    return Fault(f"{table}: column {name!r}", f"type {dtype}", _EXPECTED[accepts], remedy)


def _missing(name: str, table: str = "leads") -> Fault:
    return Fault(f"{table}: column {name!r}", "no such column", "a column", "Add it")


def _optional(name: str, table: str = "leads", count: int = 0) -> Fault:
    remedy = "Its values count as missing; add it if it is known"
    where = f"{table}: column {name!r}"
    return Fault(where, "no such column", "a column", remedy, "warning", count)


def _no_history(names: Sequence[str], count: int) -> Fault:
    return Fault(
        f"leads: column {CHANGES!r}",
        "no such column",
        f"the history of {some_of(names)}",
        "How often and when they were changed counts as missing; give the history in this column, "
        "or beside files by --changes",
        "warning",
        count,
    )


def _counted(
    table: str, name: str, found: str, count: int, remedy: str = "Mend the rows"
) -> list[Fault]:
    expected = "each row to have one that can be used"
    fault = Fault(f"{table}: column {name!r}", found, expected, remedy, count=count)
    return [fault] if count else []


def _raise_errors(subject: str, faults: Sequence[Fault]) -> None:
    if faults:
        raise FaultsError(subject, faults, tell_counts=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TYPES: Mapping[Accepts, tuple[type, ...]] = {
    "number": (float, int, np.integer, np.floating),
    "flag": (bool, np.bool_),
    "time": (datetime,),
    "text": (str,),
    "text or number": (str, float, int, np.integer, np.floating),
    "anything": (object,),
}


def take_values(lead: Mapping[str, object], needs: Mapping[str, Accepts]) -> dict[str, object]:
    """Take what is needed of a lead."""
    taken: dict[str, object] = {}
    faults: list[Fault] = []
    for name, accepts in needs.items():
        value = lead.get(name)
        if value is not None and not _single_fits(value, accepts):
            faults.append(wrong_value(name, value, accepts))
        elif accepts == "time":
            taken[name] = _microseconds(value)
        else:
            taken[name] = value
    if faults:
        raise FaultsError("lead", faults)
    return taken


def _single_fits(value: object, accepts: Accepts) -> bool:
    # Python counts True as a whole number; here it is none.
    if not isinstance(value, _TYPES[accepts]):
        return False
    if isinstance(value, bool):
        return accepts in ("flag", "anything")
    return not isinstance(value, datetime) or value.tzinfo is not None


def _microseconds(value: object) -> int:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else int(NO_TIME)
