"""The nearest of the names there are, for a name that is not among them."""

import difflib
import re
from collections.abc import Iterable


def nearest_first(name: str, names: Iterable[str]) -> list[str]:
    """Sort names by their likeness to a name, the most alike first.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    list of str
        All of `names`; equal likeness in alphabetical order.
    """
    return sorted(names, key=lambda other: (-_likeness(name, other), other))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Find the name that was probably meant.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    str or None
        The most alike name; None where none is alike enough to suggest.

    Examples
    --------
    >>> nearest("lead number", ["Prospect ID", "Lead Number"])
    'Lead Number'
    """
    ranked = nearest_first(name, names)
    return ranked[0] if ranked and _likeness(name, ranked[0]) >= 0.6 else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Word the suggestion for a name that is not there.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    str
        A sentence: the nearest name, or the names there are (the first 20).
    """
    known = list(dict.fromkeys(names))
    candidate = nearest(name, known)
    if candidate is not None:
        return f"Did you mean {candidate!r}?"
    shown = ", ".join(repr(other) for other in known[:20])
    return f"There are: {shown}{', …' if len(known) > 20 else ''}."


def canonical_name(column: str) -> str:
    """Make an attribute's name from a column's.

    Parameters
    ----------
    column : str
        The export's name.

    Returns
    -------
    str
        In lower case with underscores.

    Examples
    --------
    >>> canonical_name("Total Time Spent (Website)")
    'total_time_spent_website'
    """
    words = re.sub(r"[^a-z0-9]+", "_", column.casefold()).strip("_")
    return words if words[:1].isalpha() else f"column_{words}".rstrip("_")


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _plain(name), _plain(other)).ratio()


def _plain(name: str) -> str:
    # "Lead Number", "lead_number" and "lead-number" are the same word to a person.
    return "".join(letter for letter in name.casefold() if letter.isalnum())
