"""How alike two names are: Jaro and Winkler's measure, sounds and short forms, for many pairs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.identity.names import are_forms_of_one

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
DIFFERENT, ALIKE, SAME, UNKNOWN = 0, 1, 2, -1
"""How two names compare."""
_LONGEST = 24
_LIKE_FIRST, _LIKE_LAST = 0.92, 0.90
_FEWEST_LETTERS = 5
"""Of shorter names a letter more or less is another name: Lea and Lena, Jan and Jana."""


class Names:
    """A column of names, each with its sound, made ready to compare rows of it."""

    def __init__(self, names: pl.Series, sounds: pl.Series) -> None:
        codes = names.rank("dense").cast(pl.Int64).fill_null(0)
        self.codes: Integers = codes.to_numpy()
        distinct = names.drop_nulls().unique().sort()
        self.texts = ["", *distinct.to_list()]
        self.counts = np.bincount(self.codes, minlength=len(self.texts))
        self.sounds: Integers = sounds.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        self._letters = np.zeros((len(self.texts), _LONGEST), dtype=np.uint8)
        for row, text in enumerate(self.texts):
            written = text.encode("ascii", "ignore")[:_LONGEST]
            self._letters[row, : len(written)] = np.frombuffer(written, np.uint8)
        self.lengths = np.count_nonzero(self._letters, axis=1)

    def likeness(self, a: Integers, b: Integers) -> npt.NDArray[np.float32]:
        """Measure how alike the names of two rows are, 0 to 1, after Jaro and Winkler."""
        out = np.empty(len(a), dtype=np.float32)
        _jaro_winkler(self._letters, self.lengths, self.codes[a], self.codes[b], out)
        return out

    def compare(self, a: Integers, b: Integers, least: float) -> npt.NDArray[np.int8]:
        """Compare the names of pairs of rows."""
        one, other = self.codes[a], self.codes[b]
        short = np.minimum(self.lengths[one], self.lengths[other]) < _FEWEST_LETTERS
        alike = (self.likeness(a, b) >= least) & ~short
        alike |= self.sounds[a] == self.sounds[b]
        found = np.where(one == other, SAME, np.where(alike, ALIKE, DIFFERENT)).astype(np.int8)
        found[(one == 0) | (other == 0)] = UNKNOWN
        return found


class FirstNames(Names):
    """A column of first names, which have short forms and initials."""

    def compare_first(self, a: Integers, b: Integers) -> npt.NDArray[np.int8]:
        """Compare the first names of pairs of rows."""
        found = self.compare(a, b, _LIKE_FIRST)
        doubtful = np.flatnonzero(found == DIFFERENT)
        pairs = np.stack([self.codes[a[doubtful]], self.codes[b[doubtful]]], axis=1)
        if len(pairs):
            distinct, places = np.unique(pairs, axis=0, return_inverse=True)
            forms = [are_forms_of_one(self.texts[x], self.texts[y]) for x, y in distinct]
            found[doubtful[np.array(forms)[places.reshape(-1)]]] = ALIKE
        return found


class LastNames(Names):
    """A column of last names."""

    def compare_last(self, a: Integers, b: Integers) -> npt.NDArray[np.int8]:
        """Compare the last names of pairs of rows; one of a double name is alike."""
        found = self.compare(a, b, _LIKE_LAST)
        is_double = np.array([" " in text for text in self.texts])
        either = is_double[self.codes[a]] | is_double[self.codes[b]]
        for place in np.flatnonzero((found == DIFFERENT) & either):
            one, other = (set(self.texts[self.codes[rows[place]]].split()) for rows in (a, b))
            if one <= other or other <= one:
                found[place] = ALIKE
        return found


class NameColumns(NamedTuple):
    """The names of leads."""

    first: FirstNames
    last: LastNames

    @classmethod
    def of(cls, keys: pl.DataFrame) -> "NameColumns":
        """Make the names of `leadcast.features.identity.keys.identity_keys` ready."""
        return cls(
            FirstNames(keys["first"], keys["first_sound"]),
            LastNames(keys["last"], keys["last_sound"]),
        )


@compiled
def _jaro_winkler(
    letters: Bytes,
    lengths: Integers,
    one: Integers,
    other: Integers,
    out: npt.NDArray[np.float32],
) -> None:
    in_first = np.zeros(letters.shape[1], np.bool_)
    in_second = np.zeros(letters.shape[1], np.bool_)
    for pair in range(len(one)):
        first = letters[one[pair], : lengths[one[pair]]]
        second = letters[other[pair], : lengths[other[pair]]]
        common = _mark_common(first, second, in_first, in_second)
        if common == 0:
            out[pair] = 0.0
            continue
        moved, j = 0, 0
        for i in range(len(first)):
            if in_first[i]:
                while not in_second[j]:
                    j += 1
                moved += first[i] != second[j]
                j += 1
        jaro = (common / len(first) + common / len(second) + (common - moved / 2) / common) / 3
        prefix = 0
        while prefix < min(4, len(first), len(second)) and first[prefix] == second[prefix]:
            prefix += 1
        out[pair] = jaro + prefix * 0.1 * (1 - jaro)


@compiled
def _mark_common(first: Bytes, second: Bytes, in_first: Flags, in_second: Flags) -> int:
    """Mark the letters that both names have, near enough to each other; tell how many."""
    in_first[:] = False
    in_second[:] = False
    reach = max(max(len(first), len(second)) // 2 - 1, 0)
    common = 0
    for i in range(len(first)):
        for j in range(max(0, i - reach), min(len(second), i + reach + 1)):
            if not in_second[j] and first[i] == second[j]:
                in_first[i] = True
                in_second[j] = True
                common += 1
                break
    return common
