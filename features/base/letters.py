"""Letters that nobody sees, or that look like others: trimmed, compared and told by code point."""

import unicodedata
from functools import cache

WHITE = "".join(
    one for one in map(chr, range(0x3001)) if one.isspace() and not 28 <= ord(one) <= 31
)
"""What Unicode counts as white space; Python counts separators of files besides."""
INVISIBLE = (
    "".join(map(chr, [*range(9), *range(14, 32), 0x7F]))
    + "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    + "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff\ufff9\ufffa\ufffb"
)
"""Controls, marks of order and of direction, and letters without a width."""
TRIMMED = WHITE + INVISIBLE
"""What is taken off both ends of a text."""
INVISIBLE_WITHIN = "[" + "".join(f"\\x{{{ord(one):x}}}" for one in INVISIBLE) + "]"
"""A pattern of polars that finds one of them."""
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u2033", '"'
)
# Cyrillic and Greek letters, each beside the Latin one that it looks like.
_TWINS = dict(
    zip(
        "АВЕЅІЈКМНОРСТХҮаеѕіјорсухԁһ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονι",
        "ABESIJKMHOPCTXYaesijopcyxdh" + "ABEZHIKMNOPTYXovi",
        strict=True,
    )
)
_ALIKE = str.maketrans(_DASHES | _QUOTES | _TWINS | dict.fromkeys(INVISIBLE, ""))
_MOST_TOLD = 3


def plainest(text: str) -> str:
    r"""Reduce a text to what people see of it: look-alikes, widths and forms of accents aside.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        In its own case.

    Examples
    --------
    >>> plainest("\uff11\uff10\u2011a\u200b")
    '10-a'
    """
    normal = unicodedata.normalize("NFKC", text.translate(_ALIKE))
    if not normal.isascii():
        normal = "".join(
            str(unicodedata.decimal(one)) if one.isdecimal() else one for one in normal
        )
    return " ".join(normal.split())


def told_letters(text: str) -> str:
    """Name the letters of a text that are not what they look like.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        ``"U+0430 CYRILLIC SMALL LETTER A"``, several with commas; empty where there are none.
    """
    found = dict.fromkeys(one for one in text[:200] if not one.isascii() or one in INVISIBLE)
    odd = [one for one in found if _is_odd(one) and not _is_at_home(one, text)]
    return ", ".join(map(code_point, odd[:_MOST_TOLD])) + (", …" if len(odd) > _MOST_TOLD else "")


def code_point(letter: str) -> str:
    """Name one letter: ``"U+00A0 NO-BREAK SPACE"``."""
    name = unicodedata.name(letter, "a control")
    return f"U+{ord(letter):04X} {name}"


@cache
def _is_odd(letter: str) -> bool:
    if letter in INVISIBLE or unicodedata.combining(letter):
        return True
    return plainest(letter).isascii() or letter in WHITE


def _is_at_home(letter: str, text: str) -> bool:
    """Tell whether a letter stands in a word of its own alphabet."""
    if letter not in _TWINS:
        return False
    script = unicodedata.name(letter).split()[0]
    words = [word for word in text.split() if letter in word]
    return all(
        any(one not in _TWINS and unicodedata.name(one, "").startswith(script) for one in word)
        for word in words
    )
