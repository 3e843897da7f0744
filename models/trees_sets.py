"""The sets of categories of a LightGBM text model, and the error that all of its faults raise."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NoReturn

import numpy as np

from features.errors import LeadcastError
from models.data import Integers

MOST_CHARACTERS = 8 * 2**20
WORD = 32
MOST_MEMBERS = 2**23
"""Categories in all sets together: bits in a short text become long arrays."""


def integers_of(key: str, words: Iterable[str]) -> Integers:
    """Read whole numbers.

    Parameters
    ----------
    key : str
        Whose values they are.
    words : iterable of str

    Returns
    -------
    ndarray of int64

    Raises
    ------
    LeadcastError
        If one is no whole number of 64 bits.
    """
    try:
        return np.array(list(map(int, words)), dtype=np.int64)
    except (ValueError, OverflowError):
        refuse(f"{key!r} has a value that is not a whole number")


def sets_of(blocks: Sequence[Mapping[str, str]], numbers: Sequence[int]) -> list[list[Integers]]:
    """Read the sets of categories of each tree.

    Parameters
    ----------
    blocks : sequence of mapping
        Each tree's keys.
    numbers : sequence of int
        How many sets each tree announces.

    Returns
    -------
    list of list of ndarray of int64
        For each tree its sets, in each the categories, ascending.

    Raises
    ------
    LeadcastError
        If they are damaged, or too large together.
    """
    _refuse_large_sets(blocks)
    found, n_members = [], 0
    for block, number in zip(blocks, numbers, strict=True):
        found.append(_sets(block, number))
        n_members += sum(map(len, found[-1]))
        if n_members > MOST_MEMBERS:
            refuse(f"its sets hold more than {MOST_MEMBERS} categories")
    return found


def _refuse_large_sets(blocks: Sequence[Mapping[str, str]]) -> None:
    keys = ("cat_boundaries", "cat_threshold")
    if sum(len(block.get(key, "")) for block in blocks for key in keys) > MOST_CHARACTERS:
        refuse(f"its sets of categories have more than {MOST_CHARACTERS} characters")


def _sets(block: Mapping[str, str], n_sets: int) -> list[Integers]:
    if n_sets == 0:
        return []
    edges = integers_of("cat_boundaries", block.get("cat_boundaries", "").split())
    words = integers_of("cat_threshold", block.get("cat_threshold", "").split())
    fits = len(edges) == n_sets + 1 and edges[0] == 0 and edges[-1] == len(words)
    if not fits or (edges[1:] < edges[:-1]).any():
        refuse("'cat_boundaries' does not fit 'cat_threshold'")
    if ((words < 0) | (words >= 2**WORD)).any():
        refuse("'cat_threshold' has a word that is not of 32 bits")
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    if np.count_nonzero(bits) > MOST_MEMBERS:
        refuse(f"its sets hold more than {MOST_MEMBERS} categories")
    members, first = np.flatnonzero(bits), WORD * edges
    ends = np.searchsorted(members, first).tolist()
    return [members[a:b] - bit for (a, b), bit in zip(pairwise(ends), first.tolist(), strict=False)]


def refuse(fault: str) -> NoReturn:
    """Raise the error of a model text that cannot be read.

    Parameters
    ----------
    fault : str
        What is wrong with it.

    Raises
    ------
    LeadcastError
        Always.
    """
    raise LeadcastError(
        f"LightGBM text model: {fault}. The text is damaged or foreign: export the model again"
    )
