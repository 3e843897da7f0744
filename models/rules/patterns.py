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

from features.errors import Fault
from features.sources.model_faults import where
from features.sources.yaml_lines import Key, ReadYaml
from models.rules.pattern_weight import weight

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
    """Give a pattern as it is run, wherever it is: capitals do not matter.

    Parameters
    ----------
    pattern : str
        As the table has it.

    Returns
    -------
    str
        A regular expression in Rust's syntax.
    """
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
    """Find the patterns that cannot be run, or would take too long to build.

    Parameters
    ----------
    read : ReadYaml
        A points table. In place of a pattern with a fault it has a harmless one afterwards, so that
        the rest can be examined.
    name : str
        What messages call the table.

    Yields
    ------
    Fault
        With the line of the pattern.
    """
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
    """Tell what is wrong with one pattern.

    Parameters
    ----------
    pattern : str
        As the table has it.

    Returns
    -------
    tuple of (str, str) or None
        What was expected and what to do; None where it can be run.
    """
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
