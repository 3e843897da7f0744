"""Where the leads of a body stand, and how much each holds, before anything is made of it.

A JSON parser makes objects that take a hundred times the memory of their text (``[],`` is three
bytes), and holds the interpreter's lock meanwhile. This loop only counts brackets and commas, at
the speed of reading and without the lock, so that a body can be refused for what it holds, and
read in pieces. It does not check the JSON: the parser does, piece by piece, and a whole whose
pieces are valid is valid.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled

MOST_DEPTH = 200
"""More than the parser takes."""
_QUOTE, _BACKSLASH, _COMMA = ord('"'), ord("\\"), ord(",")
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = ord("{"), ord("}"), ord("["), ord("]")
_LEADS = np.frombuffer(b'"leads"', np.uint8)
START, END, VALUES, NAMES = range(4)
"""The columns of `Scan.items`."""
(
    _BROKEN, _DEPTH, _INSIDE, _KEY, _LISTS, _FIRST, _LAST, _ITEMS, _OUTSIDE, _N_VALUES, _N_NAMES,
) = range(11)  # fmt: skip
_SIZE = 11
_Bytes = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scan:
    """What a body holds."""

    is_whole: bool
    """Whether brackets and quotes match; if not, the body is no JSON."""
    n_leads: int
    """How many items the list ``leads`` has; -1 where there is none that could be found."""
    is_doubled: bool
    """Whether there are several lists of that name."""
    first: int
    last: int
    """Where that list's items begin and end."""
    items: npt.NDArray[np.int64]
    """For each item its begin, its end, how many values it holds (commas and brackets that open),
    and the most names of one object in it."""
    values: int
    """How many values stand outside of that list."""


def scan(body: bytes, most_leads: int) -> Scan:
    """Look through a body."""
    items = np.zeros((most_leads + 1, 4), np.int64)
    state: list[int] = _scan(np.frombuffer(body, np.uint8), items, _LEADS).tolist()
    n_leads, first, last = state[_ITEMS], state[_FIRST], state[_LAST]
    if n_leads == 1 and not body[first:last].strip():
        n_leads = 0
    return Scan(
        is_whole=not state[_BROKEN],
        n_leads=n_leads if state[_LISTS] else -1,
        is_doubled=state[_LISTS] > 1,
        first=first,
        last=last,
        items=items[:n_leads],
        values=state[_OUTSIDE],
    )


@compiled
def _scan(body: _Bytes, items: _Numbers, leads: _Bytes) -> _Numbers:
    """Count all; gives the state at the end."""
    state = np.zeros(_SIZE, np.int64)
    is_object = np.zeros(MOST_DEPTH + 1, np.bool_)
    commas = np.zeros(MOST_DEPTH + 1, np.int64)
    n, i = len(body), 0
    while i < n and not state[_BROKEN]:
        letter = body[i]
        if letter == _QUOTE:
            if state[_DEPTH] == 1:
                state[_KEY] = i
            i = _end_of_text(body, i)
        elif letter == _COMMA:
            commas[state[_DEPTH]] += 1
            if state[_INSIDE] and state[_DEPTH] == 2:
                _end_item(state, items, i)
            state[_N_VALUES] += 1
        elif letter in (_OPEN, _OPEN_LIST):
            if letter == _OPEN_LIST and state[_DEPTH] == 1 and is_object[1]:
                _open_list(state, items, i, _is_key(body, state[_KEY], leads))
            _open(state, commas, is_object, letter == _OPEN)
        elif letter in (_CLOSE, _CLOSE_LIST):
            _close(state, commas, is_object, letter == _CLOSE)
            if state[_INSIDE] and state[_DEPTH] == 1:
                _close_list(state, items, i)
        i += 1
    state[_BROKEN] = max(state[_BROKEN], state[_DEPTH], abs(i - n))
    state[_OUTSIDE] += state[_N_VALUES]
    return state


@compiled
def _end_of_text(body: _Bytes, begin: int) -> int:
    """Find the quote that ends a text; beyond the end of the body where there is none."""
    i, n = begin + 1, len(body)
    while i < n and body[i] != _QUOTE:
        i += 2 if body[i] == _BACKSLASH else 1
    return i if i < n else n + 1


@compiled
def _is_key(body: _Bytes, begin: int, key: _Bytes) -> bool:
    part = body[begin : begin + len(key)]
    return len(part) == len(key) and bool(np.all(part == key))


@compiled
def _open(state: _Numbers, commas: _Numbers, is_object: _Flags, opens_object: bool) -> None:
    if state[_DEPTH] == MOST_DEPTH:
        state[_BROKEN] = 1
        return
    state[_N_VALUES] += 1
    state[_DEPTH] += 1
    is_object[state[_DEPTH]], commas[state[_DEPTH]] = opens_object, 0


@compiled
def _close(state: _Numbers, commas: _Numbers, is_object: _Flags, closes_object: bool) -> None:
    depth = state[_DEPTH]
    if depth == 0 or is_object[depth] != closes_object:
        state[_BROKEN] = 1
        return
    if closes_object:
        state[_N_NAMES] = max(state[_N_NAMES], commas[depth] + 1)
    state[_DEPTH] = depth - 1


@compiled
def _open_list(state: _Numbers, items: _Numbers, place: int, is_leads: bool) -> None:
    """Begin to note items, where this is the list of leads, and the first of that name."""
    if not is_leads:
        return
    state[_LISTS] += 1
    if state[_LISTS] == 1:
        state[_INSIDE], state[_FIRST], items[0, START] = 1, place + 1, place + 1
        state[_OUTSIDE] += state[_N_VALUES] + 1
        # The bracket itself is counted in a moment.
        state[_N_VALUES], state[_N_NAMES] = -1, 0


@compiled
def _close_list(state: _Numbers, items: _Numbers, place: int) -> None:
    _end_item(state, items, place)
    state[_INSIDE], state[_LAST], state[_N_VALUES] = 0, place, 0


@compiled
def _end_item(state: _Numbers, items: _Numbers, place: int) -> None:
    """Note an item that ends here, and where the next begins."""
    number = state[_ITEMS]
    if number < len(items):
        items[number, END] = place
        items[number, VALUES], items[number, NAMES] = state[_N_VALUES], state[_N_NAMES]
    if number + 1 < len(items):
        items[number + 1, START] = place + 1
    state[_ITEMS] += 1
    # The comma that ends it is counted in a moment, and is none of the next item's.
    state[_N_VALUES], state[_N_NAMES] = -1, 0
