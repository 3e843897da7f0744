"""What a pattern takes to be built, told from its text."""

import re

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
    r"""Estimate what building a pattern takes, without building it.

    Parameters
    ----------
    pattern : str
        A regular expression; it may be faulty.

    Returns
    -------
    int
        About the microseconds: a letter is 1, ``\w`` is 250, and a count multiplies.
    """
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
