"""Categories: which values have a code of their own, and which code a value has."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

LONGEST = 256
"""Characters of a value that are compared."""


def key(value: str) -> str:
    """Reduce a value to what tells it from others: case, spaces and forms of accents do not."""
    short = value[:LONGEST]
    if not short.isascii():
        short = unicodedata.normalize("NFC", short)
    return " ".join(short.casefold().split())


def spelt_otherwise(values: Iterable[str], words: Sequence[str]) -> dict[str, str]:
    """Tell which values are known words that are only spelt otherwise.

    Parameters
    ----------
    values : iterable of str
        What a table has.
    words : sequence of str
        What a definition names; two that differ in spelling alone are told apart by it.

    Returns
    -------
    dict of str to str
        The word for each such value; a value that is a word is none of them.
    """
    counts = Counter(map(key, words))
    by_key = {key(word): word for word in words if counts[key(word)] == 1}
    others = (value for value in values if value not in words)
    return {value: by_key[key(value)] for value in others if key(value) in by_key}


def learn_levels(
    counts: Iterable[tuple[str, int]], max_levels: int, min_count: int
) -> tuple[str, ...]:
    """Choose the values that get a code of their own, the most frequent first.

    Parameters
    ----------
    counts : iterable of (str, int)
        Values as found in the training leads, with how many leads have each.
    max_levels : int
        The most values to choose.
    min_count : int
        A value needs so many leads, its spellings together.

    Returns
    -------
    tuple of str
        The values in their most frequent spelling; ties are broken by the alphabet, so that the
        order of the leads makes no difference.
    """
    totals: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for value, count in counts:
        reduced = key(value)
        totals[reduced] += count
        spellings.setdefault(reduced, Counter())[" ".join(value[:LONGEST].split())] += count
    frequent = sorted(
        (reduced for reduced, count in totals.items() if reduced and count >= min_count),
        key=lambda reduced: (-totals[reduced], reduced),
    )
    return tuple(_most_frequent(spellings[reduced]) for reduced in frequent[:max_levels])


def codes_of(levels: Sequence[str]) -> Mapping[str, float]:
    """Give each level its code.

    Parameters
    ----------
    levels : sequence of str
        A category's levels in the order of their codes.

    Returns
    -------
    mapping of str to float
        From `key` of a level to its code, 1.0 for the first.
    """
    return {key(level): float(code) for code, level in enumerate(levels, start=1)}


def encode(value: str | None, codes: Mapping[str, float]) -> float:
    """Give a value its code.

    Parameters
    ----------
    value : str or None
        A category's value.
    codes : mapping of str to float
        As `codes_of` makes it.

    Returns
    -------
    float
        The code; 0.0 for a value without one; NaN where the value is missing or blank.
    """
    if value is None:
        return math.nan
    code = codes.get(value)
    if code is not None:  # It is written as its own key, as what is read off texts is.
        return code
    reduced = key(value)
    return codes.get(reduced, 0.0) if reduced else math.nan


def _most_frequent(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
