"""Names that nobody has: digits, runs of the keyboard, one letter over and over, placeholders.

Names of the world are short, long, doubled and without vowels; so only what no language has counts,
and even that is a doubt and no verdict.
"""

import re

from leadcast.features.base.letters import plainest

_ROWS = {
    "qwertyuiop": 5,
    "qwertzuiop": 5,
    "azertyuiop": 5,
    "asdfghjkl": 4,
    "qsdfghjklm": 4,
    "zxcvbnm": 4,
    "yxcvbnm": 4,
    "wxcvbn": 4,
}
"""Rows of keyboards, each with how many neighbours make a run: there are people called Wert, Trew
and Azer."""
_PLACEHOLDERS = frozenset(
    {
        *("test", "tester", "testing", "test test", "dummy", "unknown", "anonymous", "anonym"),
        *("firstname", "lastname", "first name", "last name", "surname", "vorname", "nachname"),
        *("your name", "no name", "noname", "n/a", "abc", "abcd", "xyz", "qwer"),
        *("foo bar", "foobar", "fake name", "blah", "blabla", "bla bla", "asd"),
        *("undefined", "not provided", "not available", "keine angabe", "mickey mouse"),
    }
)
_ORDINAL = re.compile(r"\b\d+(?:st|nd|rd|th)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"@|https?:|www\.", re.IGNORECASE)
REASONS = {
    "digits": "digits in it",
    "keyboard": "a run of the keyboard",
    "repeated": "one letter over and over",
    "placeholder": "a placeholder",
    "address": "an address instead of a name",
    "same": "the first name is the last name",
}
"""Each reason in words."""


def name_doubt(name: str) -> str | None:
    """Tell why a name is probably no person's.

    Parameters
    ----------
    name : str
        A first, last or full name, as typed.

    Returns
    -------
    str or None
        A key of `REASONS`; None where nothing speaks against it.

    Examples
    --------
    >>> name_doubt("asdf"), name_doubt("J0hn"), name_doubt("Ng"), name_doubt("Smith 3rd")
    ('keyboard', 'digits', None, None)
    """
    text = " ".join(plainest(name[:200]).casefold().split())
    if _ADDRESS.search(text):
        return "address"
    if text in _PLACEHOLDERS:
        return "placeholder"
    if any(letter.isdigit() for letter in _ORDINAL.sub("", text)):
        return "digits"
    if any(_has_run(word) for word in re.split(r"[^a-z]+", text)):
        return "keyboard"
    letters = "".join(letter for letter in text if letter.isalpha())
    # John Smith III is somebody.
    if len(letters) > 2 and len(set(letters)) == 1 and letters != "iii":
        return "repeated"
    return None


def name_is_doubtful(name: str) -> float:
    """Tell whether a name is probably no person's, as `name_doubt`."""
    return float(name_doubt(name) is not None)


def names_are_same(first: str, last: str) -> float:
    """Tell whether the first name stands again as the last one.

    Parameters
    ----------
    first, last : str

    Returns
    -------
    float
        1.0 or 0.0; capitals, blanks and accents aside.
    """
    one, other = (" ".join(plainest(text[:200]).casefold().split()) for text in (first, last))
    return float(bool(one) and one == other)


FEWEST_ALIKE = 3


def fields_are_alike(*values: object) -> float | None:
    """Tell whether all texts that a lead has left are the same.

    Parameters
    ----------
    *values : object
        What it typed, field by field; None where it left one empty.

    Returns
    -------
    float or None
        1.0 or 0.0; None where fewer than `FEWEST_ALIKE` are filled.
    """
    texts = [" ".join(one[:1_000].casefold().split()) for one in values if isinstance(one, str)]
    return float(len(set(texts)) == 1) if len(texts) >= FEWEST_ALIKE else None


def _has_run(word: str) -> bool:
    return any(
        word[at : at + least] in line
        for row, least in _ROWS.items()
        for line in (row, row[::-1])
        for at in range(len(word) - least + 1)
    )
