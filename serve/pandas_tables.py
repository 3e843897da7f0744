"""Tables of pandas and Arrow to polars and back, for the scorer.

MLflow hands everything over in one pandas table: times may be texts, and a column ``events`` may
hold each lead's events as JSON, ``[{"occurred_at": "2026-01-05T09:31:00Z", "event_type": "call",
"value": 1.0}]``, where the model tells machines from people with ``user_agent``, ``ip_address`` and
``filtered``. A column ``attribute_changes`` may hold each lead's history, and ``account_history``
what other leads of its account did, as lists or as JSON.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from leadcast.features.accounts.given_account import account_history_of_cells
from leadcast.features.base.errors import Checks, FaultsError, LeadcastError
from leadcast.features.changes.given_changes import changes_of_cells
from leadcast.features.nonhuman.signs import SIGNS
from leadcast.features.readers.frames import Frame, Library, as_polars, given_back, library_of
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, TIME
from leadcast.features.values.columns import Parsed, column_of, parse_texts
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.identifiers import parse_ids
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import NO_ZONE, TimeRules, parse_times

if TYPE_CHECKING:
    import pandas

EVENTS = "events"
_TIMES = {"created_at": "time", "as_of": "time"}
Place = Callable[[int], str]
"""Tells where a row's value stands."""
_NUMBERS = (int, float, Decimal, np.number)


def asked_frames(
    leads: Frame, events: Frame | None, attribute_types: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame | pl.LazyFrame | None]:
    """Take the leads that are to be scored, and their events, out of tables of any library.

    Parameters
    ----------
    leads : DataFrame
        Times may be texts in ISO format with a zone; one of pandas may have the column ``events``.
    events : DataFrame, optional
        Likewise.
    attribute_types : mapping of str to str
        As `leadcast.features.tables.Tables` has them.

    Returns
    -------
    leads : pl.DataFrame
    events : pl.DataFrame, pl.LazyFrame or None

    Raises
    ------
    LeadcastError
        If they are no tables, or hold what cannot be read.
    """
    checks = Checks()
    empty: tuple[pl.DataFrame, pl.DataFrame | None] = (pl.DataFrame(), None)
    taken, own = checks.of(lambda: _leads_of(leads, attribute_types), empty)
    given = checks.of(lambda: _events_given(events), None)
    checks.raise_errors()
    if own is not None and given is not None:
        raise LeadcastError(
            f"leads: column {EVENTS!r}: holds events, and there is a table of events too; "
            "give them once"
        )
    return taken, own if given is None else given


def as_asked(scores: pl.DataFrame, leads: Frame, library: Library) -> Frame:
    """Give scores in the library that the leads came from.

    Parameters
    ----------
    scores : pl.DataFrame
        A row for each of `leads`.
    leads : DataFrame
    library : {"pandas", "polars", "pyarrow"}

    Returns
    -------
    DataFrame
        Of pandas: with the index of the leads.
    """
    given = given_back(scores, library)
    if library == "pandas":
        index = leads.index
        # What is a column by now would be ambiguous as a name of the index as well.
        given.index = index.set_names([None if n in given.columns else n for n in index.names])
    return given


def _leads_of(
    leads: Frame, attribute_types: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    if library_of(leads, "leads") != "pandas":
        return _with_times(as_polars(leads, "leads"), ("created_at", "as_of")), None
    if any(level is not None for level in leads.index.names):
        leads = leads.reset_index()
    own = (EVENTS, CHANGES, ACCOUNT_HISTORY)
    odd = [name for name in leads.columns if name in own or leads[name].dtype == object]
    frame = _with_times(as_polars(leads.drop(columns=odd), "leads"), ("created_at", "as_of"))
    if not odd:
        return frame, None
    # Objects are read one by one, as what they hold is known of each alone.
    needed = [*dict.fromkeys(["lead_id", *odd])] if "lead_id" in leads.columns else odd
    read, events = from_pandas(leads[needed], attribute_types)
    return frame.hstack([one for one in read if one.name not in frame.columns]), events


def _events_given(events: Frame | None) -> pl.DataFrame | pl.LazyFrame | None:
    if events is None or isinstance(events, pl.LazyFrame):
        return events
    return _with_times(as_polars(events, "events"), ("occurred_at",))


def _with_times(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    texts = [name for name in names if frame.schema.get(name) == pl.String]
    return frame.with_columns(
        _moments(frame[name], frame[name].to_list(), _place_in(name)) for name in texts
    )


def from_pandas(
    frame: "pandas.DataFrame", attribute_types: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Take leads and events out of a pandas table."""
    types = {"lead_id": "text"} | dict(attribute_types) | _TIMES
    leads = pl.DataFrame(
        [
            _series(str(name), frame[name], types.get(str(name)))
            for name in frame.columns
            if name != EVENTS
        ]
    )
    has_events = {"lead_id", EVENTS} <= set(frame.columns)
    return leads, _events(frame) if has_events else None


def to_pandas(scores: pl.DataFrame) -> "pandas.DataFrame":
    """Turn scores into a pandas table."""
    as_text = pl.col("as_of").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return scores.with_columns(as_text).to_pandas()


def _series(name: str, column: "pandas.Series[Any]", kind: str | None) -> pl.Series:
    if name == CHANGES:
        changes, faults = changes_of_cells(column.tolist())
        if faults:
            raise FaultsError("leads", faults)
        return changes
    if name == ACCOUNT_HISTORY:
        history, faults = account_history_of_cells(column.tolist())
        if faults:
            raise FaultsError("leads", faults)
        return history
    pairs = zip(column.tolist(), column.isna(), strict=True)
    known = [None if is_missing else value for value, is_missing in pairs]
    place = _place_in(name)
    raw = column_of(name, known)
    if kind == "time":
        return _moments(raw, known, place)
    if name == "lead_id":
        return _read(parse_ids(raw), known, place, "a text or a whole number")
    if kind == "number" and _holds(known, _NUMBERS):
        numbers = parse_numbers(raw, NumberFormat())
        return _read(numbers, known, place, "a finite number")
    if kind == "flag" and _holds(known, (bool, np.bool_)):
        return raw.cast(pl.Boolean)
    # A text for a number or a flag is refused by name, with all that is of a wrong type.
    return _read(parse_texts(raw), known, place, "a text or a number that is exact")


def _place_in(column: str) -> Place:
    return lambda row: f"{column}, row {row}"


def _holds(values: Iterable[object], types: tuple[type, ...]) -> bool:
    is_flag = bool in types
    given = (value for value in values if value is not None)
    return all(
        isinstance(one, types) and isinstance(one, bool | np.bool_) == is_flag for one in given
    )


def _read(parsed: Parsed, given: Sequence[object], place: Place, expected: str) -> pl.Series:
    """Give what was read, or tell the first value that could not be."""
    for row in parsed.problem.is_not_null().arg_true().head(1):
        raise LeadcastError(
            f"{place(row)}: found {given[row]!r}, which {parsed.problem[row]}; expected {expected}"
        )
    return parsed.values


def _moments(raw: pl.Series, given: Sequence[object], place: Place) -> pl.Series:
    parsed = parse_times(raw, TimeRules())
    unzoned = parsed.problem == NO_ZONE
    _read(
        Parsed(parsed.values, parsed.problem.set(unzoned.fill_null(value=False), None)),
        given,
        place,
        "a time with a zone in ISO format, such as 2026-01-05T09:31:00Z",
    )
    if unzoned.any():
        # Told by the scorer, with all that is of a wrong type.
        return parse_times(raw, TimeRules("UTC")).values.dt.replace_time_zone(None)
    return parsed.values


def _events(frame: "pandas.DataFrame") -> pl.DataFrame:
    ids = _series("lead_id", frame["lead_id"], "text")
    seen: dict[object, object] = {}
    rows: list[tuple[object, ...]] = []
    for row, (lead_id, cell) in enumerate(zip(ids, frame[EVENTS], strict=True)):
        # A lead may have a row for each of several moments; its events are the same in all.
        if lead_id in seen and seen[lead_id] != cell:
            raise LeadcastError(f"events, row {row}: differ from an earlier row of {lead_id!r}")
        if lead_id not in seen:
            rows += ((f"events, row {row}", lead_id, *event) for event in _events_of(row, cell))
        seen[lead_id] = cell
    places, owners, times, kinds, values, *signs = zip(*rows, strict=True) if rows else [()] * 8
    place = places.__getitem__
    occurred_at = _moments(column_of("occurred_at", times), times, place)
    if occurred_at.dtype != TIME:
        first = parse_times(column_of("", times), TimeRules()).problem.is_not_null().arg_max() or 0
        raise LeadcastError(f"{places[first]}: {times[first]!r} has no time zone")
    event_type = parse_texts(column_of("event_type", kinds))
    value = parse_numbers(column_of("value", values), NumberFormat())
    return pl.DataFrame(
        {
            "lead_id": pl.Series(owners, dtype=pl.String),
            "occurred_at": occurred_at,
            "event_type": _read(event_type, kinds, place, "the event's kind as a text"),
            "value": _read(value, values, place, "a number, or nothing"),
        }
        | _signs(signs),
    )


def _signs(columns: Sequence[Sequence[object]]) -> dict[str, pl.Series]:
    """Give what tells machines from people, as far as any event has it."""
    found = {}
    for name, kind, own in zip(SIGNS, (str, str, bool), columns, strict=True):
        known = [value if isinstance(value, kind) else None for value in own]
        if any(value is not None for value in known):
            found[name] = pl.Series(known)
    return found


def _events_of(row: int, cell: Any) -> Iterator[tuple[object, ...]]:  # noqa: ANN401
    try:
        events = json.loads(cell) if isinstance(cell, str) else cell
        if events is None or isinstance(events, float):
            return
        for event in events:
            needed = (event["occurred_at"], event["event_type"], event.get("value"))
            yield (*needed, *map(event.get, SIGNS))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise LeadcastError(
            f"events, row {row}: cannot be read ({error!r}); expected a JSON list of objects with "
            "occurred_at, event_type and perhaps value"
        ) from None
