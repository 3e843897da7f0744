r"""Patterns of a points table: one engine of linear time wherever they run, and a budget for them.

Every pattern is run by polars' `str.contains`, Rust's regex, whose time is linear in the text. What
is left to be dear is building a pattern: ``\w{300}`` is short, and stands for 300 large automata.
So the weight of a pattern is estimated from its text before anything is built.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.yaml_lines import Key, ReadYaml, where

_LETTER, _ASCII_CLASS, _WORDS, _HUGE = 1, 10, 250, 5_000
_LETTERS_AT_ONCE = 150
_DIGITS = 10
_TOKEN = re.compile(
    r"\\[pP](?:\{[^}]*\}|.)"  # a class of Unicode
    r"|\\[xuU]\{[^}]*\}"  # one letter by its number
    r"|\\."
    r"|\[:\^?\w+:\]"
    r"|\{\s*[0-9]*\s*(?:,\s*[0-9]*\s*)?\}"
    r"|\(\?[a-zA-Z-]*"
    r"|.",
    re.DOTALL,
)
_COUNT = re.compile(r"\{[0-9,\s]*[0-9][0-9,\s]*\}")
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
_CLASSES = dict.fromkeys(("\\w", "\\W"), _WORDS) | dict.fromkeys(
    ("\\d", "\\D", "\\s", "\\S"), 5 * _ASCII_CLASS
)


def weight(pattern: str) -> int:
    r"""Estimate what building a pattern takes, without building it."""
    if _VERBOSE.search(pattern):
        # Blanks and comments may stand anywhere: as if every count repeated all of it.
        product, total = 1, 0
        for token in _TOKEN.findall(pattern):
            product *= _times(token)
            total += _weight_of(token) + _once("-", token)
        return product * total
    return _Weighing().of(pattern)


class _Weighing:
    """Goes through a pattern once; a count multiplies the letter, class or group before it."""

    def __init__(self) -> None:
        # Of each open group: the weight that is closed, and that of its last part.
        self._groups: list[list[int]] = [[0, 0]]
        self._depth = 0
        self._begins = False
        self._before = ""
        self._once = 0

    def of(self, pattern: str) -> int:
        for token in _TOKEN.findall(pattern):
            self._once += _once(self._before, token) if self._depth else _once("", token)
            if self._depth:
                self._in_class(token)
            else:
                self._outside(token)
            self._before = token
        while len(self._groups) > 1:
            self._close()
        return sum(self._groups[0]) + self._once

    def _in_class(self, token: str) -> None:
        self._groups[-1][1] += _weight_of(token)
        if token == "[":
            self._depth, self._begins = self._depth + 1, True
            return
        # A bracket that comes first in its class is a letter.
        if token == "]" and not self._begins:
            self._depth -= 1
        self._begins = self._begins and token == "^" and self._before == "["

    def _outside(self, token: str) -> None:
        own = self._groups[-1]
        if token.startswith("("):
            self._groups.append([_LETTER, 0])
        elif token == ")" and len(self._groups) > 1:
            self._close()
        elif _COUNT.fullmatch(token):
            own[1] *= _times(token)
        elif token not in ("*", "+", "?"):
            own[:] = [sum(own), _weight_of(token)]
            if token == "[":
                self._depth, self._begins = 1, True

    def _close(self) -> None:
        within = sum(self._groups.pop())
        own = self._groups[-1]
        own[:] = [sum(own), within]


def _weight_of(token: str) -> int:
    if token.startswith(("\\p", "\\P")):
        return 2 * _WORDS
    if token in (".", "[") or token.startswith("[:"):
        return _ASCII_CLASS
    return _CLASSES.get(token, _LETTER)


def _once(before: str, token: str) -> int:
    """Weigh what a class takes while it is read: the letters of a range have their capitals."""
    if token.startswith("\\P") or token.casefold() in ("\\p{any}", "\\p{assigned}"):
        return _HUGE
    if not before.endswith("-"):
        return 0
    return _HUGE if token.startswith("\\") else ord(token[-1]) // _LETTERS_AT_ONCE


def _times(token: str) -> int:
    if not _COUNT.fullmatch(token):
        return 1
    # After "{3,}" comes one more, as often as it likes.
    further = token.rstrip("} ").endswith(",")
    return max(int(number[:_DIGITS]) for number in re.findall("[0-9]+", token)) + further


MOST_LETTERS = 10_000
"""A pattern's text is no longer."""
MOST_WEIGHT = 50_000
"""A pattern is no heavier: two hundred times ``\\w``, which takes some 50 ms to build."""
MOST_PATTERNS = 2_000
"""A table has no more."""
MOST_TOGETHER = 200_000
"""All patterns of a table together: they take some quarter of a second to build."""

_SHOWN = 60
_HARMLESS = "x"
_LIGHTER = (
    "A class of all languages' letters (\\w, \\p{L}) counts 250, any other letter 1, and {n} "
    "multiplies: write + instead of {1,n}, or [a-z0-9] instead of \\w, or ask with contains:."
)
_INSTEAD = (
    (
        re.compile(r"\(\?<?[=!]"),
        "look-around (`(?=`, `(?!`, `(?<=`, `(?<!`)",
        "ask in two conditions of one list, the unwanted one with not: true",
    ),
    (
        re.compile(r"\(\?P=|\\k[<'{]|\\[1-9]"),
        "references back to a group",
        "write what may be repeated out, as alternatives: (aa|bb)",
    ),
    (re.compile(r"\(\?>"), "atomic groups (`(?>`)", "write (?:…), which is as fast here"),
    (re.compile(r"\(\?\("), "conditions on a group (`(?(1)…`)", "write both forms: (a|b)"),
    (re.compile(r"\(\?#"), "comments (`(?#`)", "write it after # in the YAML"),
    (re.compile(r"\\[ZG]"), "the anchors \\Z and \\G", "write \\z or $ for the end of the text"),
)
"""What Rust's regex does not know, in words, and what says the same."""


def searched(pattern: str) -> str:
    """Give a pattern as it is run, wherever it is: capitals do not matter."""
    return f"(?i){pattern}"


@dataclass(frozen=True)
class _Found:
    """A pattern of a table that is being read."""

    key: Key
    text: str
    holder: dict[str, Any]

    @property
    def weight(self) -> int:
        return weight(self.text) if len(self.text) <= MOST_LETTERS else 0


def pattern_faults(read: ReadYaml, name: str) -> Iterator[Fault]:
    """Find the patterns that cannot be run, or would take too long to build."""
    found = list(_patterns(read.content, ()))
    if len(found) > MOST_PATTERNS:
        expected = f"at most {MOST_PATTERNS:,} in a table"
        remedy = "Ask with contains: or in: where no pattern is needed, or join some: (a|b)."
        yield _told(
            found[MOST_PATTERNS], read, name, f"pattern {MOST_PATTERNS + 1:,}", expected, remedy
        )
    elif sum(one.weight for one in found) > MOST_TOGETHER:
        yield _too_dear_together(found, read, name)
    else:
        for one in found:
            fault = fault_of(one.text)
            if fault is not None:
                yield _told(one, read, name, f"the pattern {_shown(one.text)}", *fault)
                one.holder["matches"] = _HARMLESS
        return
    for one in found:
        one.holder["matches"] = _HARMLESS


@lru_cache(MOST_PATTERNS)
def fault_of(pattern: str) -> tuple[str, str] | None:
    """Tell what is wrong with one pattern."""
    if len(pattern) > MOST_LETTERS:
        expected = f"a pattern of at most {MOST_LETTERS:,} letters, not {len(pattern):,}"
        return expected, "Ask with contains: or in:, which take lists of any length."
    own = weight(pattern)
    if own > MOST_WEIGHT:
        return f"a pattern that is built at once: at most {MOST_WEIGHT:,}, not {own:,}", _LIGHTER
    try:
        # The engine that will run it takes time linear in the text, whatever the pattern.
        pl.Series([""]).str.contains(searched(pattern))
    except pl.exceptions.ComputeError as error:
        return _refused(pattern, str(error))
    return None


def _refused(pattern: str, words: str) -> tuple[str, str]:
    for sign, what, instead in _INSTEAD:
        if sign.search(pattern):
            expected = f"a regular expression in Rust's syntax, which does not know {what}"
            return expected, f"{instead[:1].upper()}{instead[1:]}."
    reasons = re.findall(r"^error: (.+)$", words, re.MULTILINE)
    reason = reasons[0] if reasons else words.splitlines()[0].removeprefix("regex error: ")
    if "size limit" in reason:
        return "a pattern that is built at once", _LIGHTER
    expected = f"a regular expression in Rust's syntax; this is no regular expression ({reason})"
    return (
        expected,
        "Mend it; to find the marks themselves, write \\ before each, or use contains:.",
    )


def _too_dear_together(found: list[_Found], read: ReadYaml, name: str) -> Fault:
    dearest = max(found, key=lambda one: one.weight)
    total = sum(one.weight for one in found)
    words = (
        f"{len(found):,} patterns that take too long to build together ({total:,}), of which "
        f"{_shown(dearest.text)} is the dearest ({dearest.weight:,})"
    )
    return _told(dearest, read, name, words, f"at most {MOST_TOGETHER:,} together", _LIGHTER)


def _told(one: _Found, read: ReadYaml, name: str, found: str, expected: str, remedy: str) -> Fault:
    place = where(read, name, one.key)
    return Fault(place, found, expected, remedy, line=read.line_of(one.key))


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= _SHOWN else pattern[:_SHOWN] + "…")


def _patterns(content: object, key: Key) -> Iterator[_Found]:
    if isinstance(content, dict):
        for name, value in content.items():
            if name == "matches" and isinstance(value, str):
                yield _Found((*key, name), value, content)
            else:
                yield from _patterns(value, (*key, name))
    elif isinstance(content, list):
        for index, item in enumerate(content):
            yield from _patterns(item, (*key, index))
