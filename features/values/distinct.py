"""A column by its distinct values, so that each is read once.

Where texts stand among known ones: millions of them, exactly, without comparing most.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled

Codes = npt.NDArray[np.int32]
_SEED = 20_250_103


class Distinct(NamedTuple):
    """The distinct values of a column.

    Parameters
    ----------
    values : sequence
        Each once, in the order in which they come first; a missing one is None or NaN.
    codes : ndarray of int, shape (n_rows,)
        Where each row's value is in `values`.
    """

    values: Sequence[str | float | None]
    codes: npt.NDArray[np.signedinteger]


def distinct(series: pl.Series) -> Distinct:
    """Find the distinct values of a column.

    Parameters
    ----------
    series : pl.Series
        Texts or numbers.

    Returns
    -------
    Distinct
        Numbers in increasing order.
    """
    if series.dtype.is_numeric():
        numbers, places = np.unique(as_numbers(series), return_inverse=True)
        return Distinct(numbers.tolist(), places)
    texts = series.cast(pl.String)
    first, codes = number_alike(texts.hash(_SEED).to_numpy())
    values = taken(texts, first)
    if not taken(values, codes).equals(texts):
        # Two texts have one hash.
        each = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        return Distinct([*each], np.array([each[text] for text in texts], dtype=np.int32))
    return Distinct(values.to_list(), codes)


def taken(texts: pl.Series, places: npt.NDArray[np.integer]) -> pl.Series:
    """Take texts at places, which is several times as quick as `pl.Series.gather`.

    Parameters
    ----------
    texts : pl.Series
    places : ndarray of int
        From 0 on.

    Returns
    -------
    pl.Series
    """
    return texts[pl.Series(places.astype(np.uint32))]


class DistinctColumns:
    """A table's columns, each looked at once, however often it is read.

    Parameters
    ----------
    table : pl.DataFrame
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table
        self._found: dict[tuple[str, Callable[[pl.Series], Distinct]], Distinct] = {}

    def distinct(self, name: str, find: Callable[[pl.Series], Distinct] = distinct) -> Distinct:
        """Find a column's distinct values.

        Parameters
        ----------
        name : str
            A column of the table.
        find : callable
            How to find them: another may take different values for one if they read alike.

        Returns
        -------
        Distinct
        """
        if (name, find) not in self._found:
            self._found[name, find] = find(self.table[name])
        return self._found[name, find]

    def known(self, name: str) -> Distinct | None:
        """Give some distinct values of a column, if any have been found."""
        return next((found for (one, _), found in self._found.items() if one == name), None)


Hashes = npt.NDArray[np.uint64]


@compiled
def _slot_of(sought: np.uint64, hashes: Hashes, slots: Codes) -> np.uint64:
    """Find the slot that holds the place of a hash, or the free one where it would go."""
    mask = np.uint64(len(slots) - 1)
    slot = sought & mask
    while slots[slot] >= 0 and hashes[slots[slot]] != sought:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _free_slots(n: int) -> Codes:
    """Make slots for so many hashes."""
    size = 4
    while size < 2 * n:
        size *= 2
    # At most half full, so that a search ends soon; its size is a power of two.
    return np.full(size, -1, dtype=np.int32)


@compiled
def number_alike(hashes: Hashes) -> tuple[Codes, Codes]:
    """Give rows a number by their hash, in the order in which the hashes come first."""
    slots = _free_slots(len(hashes))
    first, codes = np.empty(len(hashes), np.int32), np.empty(len(hashes), np.int32)
    n = 0
    for row in range(len(hashes)):
        slot = _slot_of(hashes[row], hashes, slots)
        if slots[slot] < 0:
            slots[slot], first[n], codes[row] = row, row, n
            n += 1
        codes[row] = codes[slots[slot]]
    return first[:n], codes


def as_numbers(series: pl.Series) -> npt.NDArray[np.float64]:
    """Convert a column of numbers or flags, NaN where it is null.

    Parameters
    ----------
    series : pl.Series
        Any numeric or Boolean column, or one of nulls only.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    numbers = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return np.asarray(numbers, dtype=np.float64)


_LOOKUP_SEED = 20_250_102


class Lookup:
    """The places of known texts.

    Texts are found by their hashes in a table of numbers, which stays in a processor's cache;
    each find is then compared with the text itself, so that hashes that meet do no harm. The last
    question is remembered: batches of a table often have the same few texts.

    Parameters
    ----------
    known : pl.Series of String
        Distinct texts, fewer than 2^31.
    """

    def __init__(self, known: pl.Series) -> None:
        self._known = known
        self._hashes = _hashes(known)
        self._slots = _filled(self._hashes)
        self._last = (pl.Series(dtype=pl.String), np.empty(0, dtype=np.int32))

    def places(self, texts: pl.Series) -> pl.Series:
        """Find texts.

        Parameters
        ----------
        texts : pl.Series of String
            In any number; null where there is none.

        Returns
        -------
        pl.Series of Int32
            Where each stands in `known`; null where it does not.
        """
        found = pl.Series(self.places_or_none(texts))
        return found.set(found < 0, None)

    def places_or_none(self, texts: pl.Series) -> Codes:
        """Find texts.

        Parameters
        ----------
        texts : pl.Series of String
            As for `places`.

        Returns
        -------
        ndarray of int32, shape (n_texts,)
            As `places` gives them; -1 where there is none.
        """
        asked, found = self._last
        if not asked.equals(texts):
            asked, found = self._last = texts, self._found(texts)
        return found.copy()

    def _found(self, texts: pl.Series) -> Codes:
        found = _find(_hashes(texts), self._hashes, self._slots)
        is_found = found >= 0
        if texts.null_count():
            is_found &= texts.is_not_null().to_numpy()
        if not is_found.all():
            found[~is_found] = -1
            texts = texts.filter(is_found)
        if not taken(self._known, found[is_found]).equals(texts):
            # Two texts with one hash, of which only the first can be found in the table.
            exactly = texts.cast(pl.Enum(self._known), strict=False).to_physical().cast(pl.Int32)
            found[is_found] = exactly.fill_null(-1).to_numpy()
        return found


def _hashes(texts: pl.Series) -> Hashes:
    return texts.hash(_LOOKUP_SEED).to_numpy()


@compiled
def _filled(hashes: Hashes) -> Codes:
    """Put the places of hashes into slots; of those that meet, the first."""
    slots = _free_slots(len(hashes))
    for place in range(len(hashes)):
        slot = _slot_of(hashes[place], hashes, slots)
        if slots[slot] < 0:
            slots[slot] = place
    return slots


@compiled
def _find(sought: Hashes, hashes: Hashes, slots: Codes) -> Codes:
    found = np.empty(len(sought), dtype=np.int32)
    for text in range(len(sought)):
        found[text] = slots[_slot_of(sought[text], hashes, slots)]
    return found
