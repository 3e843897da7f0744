"""From links to persons, guarded: no chain of likely links joins people who are not alike."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

Integers = npt.NDArray[np.int64]
MOST_RECORDS = 50
"""No person has more records than this; what would be larger stays apart."""
_CLASH = 0.5
"""Two clusters are not joined where so large a share of the pairs between them clash."""


class Clusters:
    """Sets of rows that are joined, the smallest first row standing for each."""

    def __init__(self, n_rows: int, clashes: Iterable[tuple[int, int]] = ()) -> None:
        self._root = list(range(n_rows))
        self._members: dict[int, list[int]] = {}
        self._clashes: dict[int, set[int]] = {}
        for one, other in clashes:
            self._clashes.setdefault(one, set()).add(other)
            self._clashes.setdefault(other, set()).add(one)

    def root(self, row: int) -> int:
        """Give the row that stands for a row's set."""
        root = self._root
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    def members(self, row: int) -> list[int]:
        """List a row's set."""
        root = self.root(row)
        return self._members.get(root, [root])

    def join(self, one: int, other: int, *, guarded: bool) -> bool:
        """Join two rows' sets, unless too large or, where guarded, unlike; tell whether it did."""
        first, second = sorted((self.root(one), self.root(other)))
        if first == second:
            return False
        ours, theirs = self.members(first), self.members(second)
        if len(ours) + len(theirs) > MOST_RECORDS:
            return False
        if guarded and self._clash(ours, theirs) >= _CLASH * len(ours) * len(theirs):
            return False
        self._root[second] = first
        self._members[first] = ours + theirs
        self._members.pop(second, None)
        return True

    def _clash(self, ours: list[int], theirs: list[int]) -> float:
        found = sum(len(self._clashes.get(row, set()).intersection(theirs)) for row in ours)
        return found or -1.0


def clustered(n_rows: int, links: pl.DataFrame, clashes: pl.DataFrame) -> tuple[Integers, Integers]:
    """Join rows by links, the surest first.

    Parameters
    ----------
    n_rows : int
        How many rows there are.
    links : pl.DataFrame
        ``a``, ``b`` and ``probability``. Those of probability 1 join whatever clashes; the others
        only where less than half of the pairs between the two sets clash.
    clashes : pl.DataFrame
        ``a`` and ``b``: pairs that were compared, and are not one person.

    Returns
    -------
    root : ndarray of int64, shape (n_rows,)
        The smallest row of each row's set.
    used : ndarray of int64
        The links (their rows) that stand within one set.
    """
    ordered = links.with_row_index("link").sort(
        "probability", "a", "b", descending=[True, False, False]
    )
    sets = Clusters(n_rows, clashes.select("a", "b").iter_rows())
    for a, b, probability in ordered.select("a", "b", "probability").iter_rows():
        sets.join(a, b, guarded=probability < 1.0)
    root = np.arange(n_rows)
    for row in {*links["a"].to_list(), *links["b"].to_list()}:
        root[row] = sets.root(row)
    within = root[links["a"].to_numpy()] == root[links["b"].to_numpy()]
    return root, np.flatnonzero(within)


def known_pairs(links: pl.DataFrame) -> pl.DataFrame:
    """Tell of every two records of a person since when they could be known to be one.

    Two records are known to be one from the moment at which a chain of known links joins them.

    Parameters
    ----------
    links : pl.DataFrame
        ``a``, ``b`` and ``known_us`` (microseconds), all within persons.

    Returns
    -------
    pl.DataFrame
        ``a``, ``b`` and ``known_us``, both ways round.
    """
    sets: dict[int, list[int]] = {}
    found: list[tuple[int, int, int]] = []
    for a, b, known_us in links.sort("known_us", "a", "b").select("a", "b", "known_us").iter_rows():
        ours, theirs = sets.setdefault(a, [a]), sets.setdefault(b, [b])
        if ours is theirs:
            continue
        for one in ours:
            for other in theirs:
                found += [(one, other, known_us), (other, one, known_us)]
        ours += theirs
        for other in theirs:
            sets[other] = ours
    return pl.DataFrame(
        found, schema={"a": pl.Int64, "b": pl.Int64, "known_us": pl.Int64}, orient="row"
    )
