"""Names and values as plain words, so that spellings, accents and cases make no difference."""

import re
import unicodedata
from functools import lru_cache

from leadcast.features.base.errors import canonical_name

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MARKS = re.compile(r"[\W_]+")


@lru_cache(maxsize=65536)
def plain_words(name: str) -> str:
    """Reduce a name to its words: ``createdAt``, ``Created At`` and ``created_at`` are the same.

    Parameters
    ----------
    name : str
        In any script.

    Returns
    -------
    str
        In lower case, without accents, parted by spaces.

    Examples
    --------
    >>> plain_words("Fecha de creación")
    'fecha de creacion'
    """
    spaced = _HUMP.sub(" ", name.replace("ß", "ss"))
    parts = unicodedata.normalize("NFKD", spaced).casefold()
    letters = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return _MARKS.sub(" ", letters).strip()


def compact(name: str) -> str:
    """Reduce a name to its letters and digits.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        As `plain_words`, without the spaces.
    """
    return plain_words(name).replace(" ", "")


def has_phrase(name: str, phrase: str) -> bool:
    """Tell whether a name holds some words, whole and one after the other.

    Parameters
    ----------
    name : str
        In any spelling.
    phrase : str
        In plain words.

    Returns
    -------
    bool
    """
    return f" {phrase} " in f" {plain_words(name)} "


def attribute_name(column: str, taken: set[str]) -> str:
    """Make an attribute's name from a column's, one that is not taken yet.

    Parameters
    ----------
    column : str
        The export's name.
    taken : set of str
        Names that mean something else.

    Returns
    -------
    str
        As `leadcast.features.base.errors.canonical_name` makes it, perhaps with a number.
    """
    ascii_only = plain_words(column).encode("ascii", "ignore").decode()
    first = canonical_name(ascii_only) if ascii_only.strip() else "column"
    name, number = first, 2
    while name in taken:
        name, number = f"{first}_{number}", number + 1
    return name


def phrases(text: str) -> tuple[str, ...]:
    """Part phrases at the bars.

    Parameters
    ----------
    text : str
        Over as many lines as it takes.

    Returns
    -------
    tuple of str
    """
    return tuple(phrase.strip() for phrase in text.replace("\n", " ").split("|") if phrase.strip())


def shortened(values: list[str], most: int = 5) -> str:
    """Name some values, and how many there are besides.

    Parameters
    ----------
    values : list of str
        The first ones are named.
    most : int
        So many.

    Returns
    -------
    str
        ``"'a', 'b' and 3 more"``.
    """
    shown = ", ".join(
        repr(value if len(value) <= 40 else f"{value[:39]}…") for value in values[:most]
    )
    more = len(values) - most
    return f"{shown} and {more} more" if more > 0 else shown
