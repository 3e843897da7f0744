"""Where texts stand among known ones: millions of them, exactly, without comparing most."""

import numpy as np
import numpy.typing as npt
import polars as pl

from features.compiled import compiled
from features.distinct import taken

Hashes = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int32]

_SEED = 20_250_102


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
        # At most half full, so that a search ends soon; its size is a power of two.
        self._slots = np.full(2 << max(len(known), 1).bit_length(), -1, dtype=np.int32)
        _put(self._hashes, self._slots)
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

    def places_or_none(self, texts: pl.Series) -> Slots:
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

    def _found(self, texts: pl.Series) -> Slots:
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
    return texts.hash(_SEED).to_numpy()


@compiled
def _put(hashes: Hashes, slots: Slots) -> None:
    mask = np.uint64(len(slots) - 1)
    for place in range(len(hashes)):
        slot = hashes[place] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = place


@compiled
def _find(sought: Hashes, hashes: Hashes, slots: Slots) -> Slots:
    found = np.full(len(sought), -1, dtype=np.int32)
    mask = np.uint64(len(slots) - 1)
    for text in range(len(sought)):
        slot = sought[text] & mask
        while slots[slot] >= 0:
            if hashes[slots[slot]] == sought[text]:
                found[text] = slots[slot]
                break
            slot = (slot + np.uint64(1)) & mask
    return found
