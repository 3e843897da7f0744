"""What an attacker may write into a bundle's files, as strategies of Hypothesis."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
_RAW = "\x01raw:"
_RAW_IN_JSON = re.compile(r'"\\u0001raw:([^"]*)"')
_LONG_NUMBERS = {"digits": "7" * 5_000, "infinity": "1e999", "deep": "[" * 3_000 + "]" * 3_000}
_DEEP_OBJECT = '{"base":' * 200 + "1" + "}" * 200

NUMBERS = (
    *(0, 1, -1, 2, 3, 7, -2, 255, 256, 32_767, 32_768, 65_536, 2**31 - 1, 2**31, -(2**31)),
    *(2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**12, 10**30),
    *(0.5, -0.5, 1.5, 1e-320, 1e-40, 1e20, 1e39, 1e41, 1e99, 1e308, -1e308, -0.0),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", " ", "0", "1", "nan", "other events", "../../etc/passwd", "/etc/hostname", "C:\\x"),
    *("a/b", ".", "..", "./x", "learner.json", "manifest.json", "\x00", "\ud800", "\n", "é" * 300),
    *("🙂", "\u202e", "%s%n", "{0.__class__}", "category", "email_matches", "days_before", "blend"),
    *("dated", "ordered", "shape_0_seed_0.txt", "x" * 120_000),
)
VALUES: Sequence[Any] = (
    *NUMBERS, *TEXTS, None, True, False, [], {}, [[]], [0] * 3_000, [None], {"kind": "prior"},
    *(_RAW + name for name in (*_LONG_NUMBERS, "deep object")),
)  # fmt: skip


def nodes(content: Any, at: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - any JSON value
    """List the places of every value of a JSON file, the whole first."""
    yield at
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    for key, value in items:
        yield from nodes(value, (*at, key))


def by_kind(content: Any) -> dict[str, list[Path]]:  # noqa: ANN401
    """Group the places: those in lists of one key together, so that long lists hide nothing."""
    groups: dict[str, list[Path]] = {}
    for at in nodes(content):
        kind = ".".join("*" if isinstance(key, int) else key for key in at)
        groups.setdefault(kind, []).append(at)
    return groups


@st.composite
def changed_json(draw: st.DrawFn, content: Any, groups: Mapping[str, list[Path]]) -> str:  # noqa: ANN401
    """Change one to three places of a JSON file; give its text."""
    changed = copy.deepcopy(content)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        at = draw(st.sampled_from(groups[draw(st.sampled_from(sorted(groups)))]))
        other = draw(st.sampled_from(groups[draw(st.sampled_from(sorted(groups)))]))
        changed = _changed(draw, changed, at, other)
    text = json.dumps(changed, indent=2)
    return _RAW_IN_JSON.sub(lambda found: _LONG_NUMBERS.get(found[1], _DEEP_OBJECT), text)


@st.composite
def changed_text(draw: st.DrawFn, text: str) -> str:
    """Change a line of a model's text: a value, or its place among the others."""
    lines = text.split("\n")
    place = draw(st.integers(0, len(lines) - 1))
    key, equals, value = lines[place].partition("=")
    words = value.split(" ")
    if equals and draw(st.booleans()):
        word = draw(st.integers(0, len(words) - 1))
        words[word] = str(draw(st.sampled_from(NUMBERS)))
        lines[place] = f"{key}={' '.join(words)}"
    else:
        change = draw(st.sampled_from(("remove", "repeat", "longer", "empty")))
        lines[place : place + 1] = {
            "remove": [],
            "repeat": [lines[place]] * 2,
            "longer": [lines[place] + f" {words[-1]}"],
            "empty": [f"{key}{equals}"],
        }[change]
    return "\n".join(lines)


def _changed(draw: st.DrawFn, content: Any, at: Path, other: Path) -> Any:  # noqa: ANN401
    try:
        value = _get(content, at)
        kinds: list[Callable[[], Any]] = [lambda: copy.deepcopy(draw(st.sampled_from(VALUES)))]
        if isinstance(value, bool) or value is None:
            kinds.append(lambda: not value)
        elif isinstance(value, int | float):
            kinds += 2 * [lambda: _number(draw, value)]
        elif isinstance(value, str):
            kinds += 2 * [lambda: _text(draw, value)]
        elif isinstance(value, list):
            kinds += 3 * [lambda: _list(draw, value)]
        else:
            kinds += 2 * [lambda: _object(draw, value)]
        if at and other:
            kinds.append(lambda: copy.deepcopy(_get(content, other)))
        return _put(content, at, draw(st.sampled_from(kinds))())
    except (KeyError, IndexError, TypeError):
        return content  # An earlier change took the place away.


def _number(draw: st.DrawFn, value: float) -> Any:  # noqa: ANN401
    change = draw(st.sampled_from(("sign", "up", "down", "large", "tiny", "text", "list", "any")))
    return {
        "sign": -value,
        "up": value + 1,
        "down": value - 1,
        "large": value * 10**6,
        "tiny": value * 1e-9,
        "text": str(value),
        "list": [value],
        "any": draw(st.floats() | st.integers()),
    }[change]


def _text(draw: st.DrawFn, value: str) -> Any:  # noqa: ANN401
    words = value.split(" ")
    if len(words) > 1:
        return " ".join(map(str, _list(draw, words)))
    return draw(st.sampled_from((value + value, value.upper(), f" {value} ", [value], value[:-1])))


def _list(draw: st.DrawFn, value: list[Any]) -> list[Any]:
    place = draw(st.integers(0, max(len(value) - 1, 0)))
    another = draw(st.sampled_from(NUMBERS))
    change = draw(st.sampled_from(("remove", "repeat", "last", "put", "turn", "long", "sort")))
    return {
        "remove": value[:place] + value[place + 1 :],
        "repeat": value[: place + 1] + value[place:],
        "last": value[:place],
        "put": [*value[:place], another, *value[place + 1 :]],
        "turn": value[::-1],
        "long": value * (2_000 // max(len(value), 1) + 1),
        "sort": sorted(value, key=str),
    }[change]


def _object(draw: st.DrawFn, value: dict[str, Any]) -> dict[str, Any]:
    keys = sorted(value) or [""]
    key, other = draw(st.sampled_from(keys)), draw(st.sampled_from(keys))
    change = draw(st.sampled_from(("remove", "rename", "swap", "more")))
    without = {name: own for name, own in value.items() if name != key}
    if change == "remove" or not value:
        return without
    if change == "rename":
        return without | {draw(st.sampled_from(TEXTS)): value[key]}
    if change == "swap":
        return value | {key: value[other], other: value[key]}
    return value | {draw(st.sampled_from(TEXTS)): draw(st.sampled_from(NUMBERS))}


def _get(content: Any, at: Path) -> Any:  # noqa: ANN401
    for key in at:
        content = content[key]
    return content


def _put(content: Any, at: Path, value: Any) -> Any:  # noqa: ANN401
    if not at:
        return value
    _get(content, at[:-1])[at[-1]] = value
    return content
