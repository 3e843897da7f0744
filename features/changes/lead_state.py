"""One lead as it stood at a moment, given as plain Python values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leadcast.features.boundary import is_known
from leadcast.features.changes.attribute_changes import (
    CHANGED_AT,
    FILLED_IN,
    N_CHANGES,
    bases_of,
)
from leadcast.features.changes.given_changes import written
from leadcast.features.tables import CHANGES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Change = Mapping[str, Any]
"""``changed_at`` (a time with a zone), ``attribute``, ``old_value``, ``new_value``."""


def lead_at(
    lead: Mapping[str, object],
    as_of_us: int | None,
    wanted: Mapping[str, str],
) -> dict[str, object]:
    """Give a lead as it stood at a moment.

    Parameters
    ----------
    lead : mapping of str to object
        Its values, and under `CHANGES` a sequence of changes in any order; None where there was
        none, absent where nobody knows.
    as_of_us : int or None
        The moment, in microseconds since 1970; None where nothing is dated.
    wanted : mapping of str to str
        The attributes that are read, each with what it holds: ``"number"``, ``"flag"``,
        ``"time"`` or anything else for text.

    Returns
    -------
    dict of str to object
        What `leadcast.features.changes.versions.leads_at` has for this lead.
    """
    state = {name: value for name, value in lead.items() if name != CHANGES}
    if CHANGES not in lead or as_of_us is None:
        return state
    # Of a lead whose history is empty it is known that nothing was changed.
    given: Any = lead[CHANGES] or ()
    created: Any = lead.get("created_at")
    start = _microseconds(created) if isinstance(created, datetime) else None
    ordered = sorted((_at(one, start), index) for index, one in enumerate(given))
    changes = [(at, given[index]) for at, index in ordered]
    bases = bases_of(wanted, state)
    for name in dict.fromkeys([*(one["attribute"] for _, one in changes), *bases]):
        if name not in state:
            continue
        own = [(at, one) for at, one in changes if one["attribute"] == name]
        kind = wanted.get(name, "text")
        now = _value(own, as_of_us, start, state[name], kind)
        if name in bases:
            first = _value(own, start if start is not None else 0, start, state[name], kind)
            state |= _derived(
                name, own, as_of_us, start, is_filled=first is None and now is not None
            )
        state[name] = now
    return state


def _value(
    own: Sequence[tuple[int, Change]], as_of_us: int, start: int | None, current: object, kind: str
) -> object:
    past = [one for at, one in own if _counts(at, as_of_us, start)]
    if past:
        return typed_value(past[-1].get("new_value"), kind)
    return typed_value(own[0][1].get("old_value"), kind) if own else current


def _derived(
    name: str,
    own: Sequence[tuple[int, Change]],
    as_of_us: int,
    start: int | None,
    *,
    is_filled: bool,
) -> dict[str, object]:
    since = [at for at, _ in own if at != start and is_known(at, as_of_us)]
    last = _EPOCH + timedelta(microseconds=since[-1]) if since else None
    return {
        f"{name}{N_CHANGES}": float(len(since)),
        f"{name}{CHANGED_AT}": last,
        f"{name}{FILLED_IN}": is_filled,
    }


def _counts(at: int, as_of_us: int, start: int | None) -> bool:
    """Tell whether a change counts: it belongs to the creation, or was known."""
    return at == start or is_known(at, as_of_us)


def _at(change: Change, start: int | None) -> int:
    at = _microseconds(change["changed_at"])
    return at if start is None else max(at, start)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def with_typed_changes(
    lead: Mapping[str, object], attribute_types: Mapping[str, str]
) -> Mapping[str, object]:
    """Read the values of a lead's changes as its attributes are.

    Parameters
    ----------
    lead : mapping of str to object
        As `lead_at` takes it; values of changes may be texts.
    attribute_types : mapping of str to str
        Each attribute's type, as `leadcast.features.tables.Tables` has it.

    Returns
    -------
    mapping of str to object
        The same where there are no changes.
    """
    given: Any = lead.get(CHANGES)
    if not given:
        return lead
    changes = []
    for one in given:
        kind = attribute_types.get(one["attribute"], "text")
        changes.append({**one, **{end: _read(one.get(end), kind) for end in _VALUES}})
    return {**lead, CHANGES: changes}


_VALUES = ("old_value", "new_value")


def _read(value: object, kind: str) -> object:
    """Read what may have any plain type: a number of a text, a time as a request writes it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and kind not in ("number", "flag", "time"):
        return written(value)
    if kind == "time" and isinstance(value, str) and not value.lstrip("-").isdigit():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo else None
    return typed_value(value, kind)


def typed_value(text: object, kind: str) -> object:
    """Read a change's value as `leadcast.features.changes.versions.typed` does.

    Parameters
    ----------
    text : object
        As `leadcast.features.changes.attribute_changes.CHANGE` has it; what is no text stays.
    kind : str
        What the attribute holds, as in `lead_at`.

    Returns
    -------
    object
        None where it cannot be read.
    """
    if not isinstance(text, str):
        return text
    try:
        if kind == "time":
            return _EPOCH + timedelta(microseconds=int(text))
        return float(text) if kind == "number" else text == "true" if kind == "flag" else text
    except ValueError:
        return None
