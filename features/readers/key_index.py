"""Finding the rows of a joined table by their identifiers, part after part."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.values.columns import worded
from leadcast.features.values.distinct import Lookup
from leadcast.features.values.identifiers import IdForm, parse_ids

Places = npt.NDArray[np.int64]

MOST_ROWS = 20_000_000
"""More rows than a part of a table may become by a join."""


def identifiers(
    frame: pl.DataFrame, columns: Sequence[str], missing: Sequence[str], form: IdForm | None = None
) -> tuple[pl.Series, pl.Series]:
    """Read what rows are joined by: for comparing, and as people write it.

    Parameters
    ----------
    frame : pl.DataFrame
        Raw rows.
    columns : sequence of str
        One column, or several that identify together.
    missing : sequence of str
        Values that mean missing.
    form : {"salesforce"} or None
        Whose identifiers they are.

    Returns
    -------
    tuple of (pl.Series of String, pl.Series of String)
        Null where an identifier is missing, or is none.
    """
    read = [parse_ids(frame[column], missing, form=form).values for column in columns]
    if len(read) == 1:
        return read[0], read[0]
    keys = pl.DataFrame([one.alias(str(number)) for number, one in enumerate(read)])
    # With its length before each, so that ("a", "bc") is another than ("ab", "c").
    told = [worded("{}:{}", pl.col(name).str.len_bytes(), name) for name in keys.columns]
    both = keys.select(compared=pl.concat_str(told), shown=pl.concat_str(pl.all(), separator=", "))
    return both["compared"], both["shown"]


class KeyIndex:
    """The rows of a table by their identifiers, one or several for each.

    Parameters
    ----------
    keys : pl.Series of String
        The identifiers of its rows, none of them null.
    """

    def __init__(self, keys: pl.Series) -> None:
        known = keys.unique(maintain_order=True)
        self._lookup = Lookup(known)
        places = self._lookup.places_or_none(keys)
        # The rows of the first identifier in their order, then those of the second, and so on.
        self._rows = np.argsort(places, kind="stable")
        self._counts = np.bincount(places, minlength=len(known))
        self._starts = np.cumsum(self._counts) - self._counts

    def find(self, keys: pl.Series, name: str) -> tuple[Places, Places]:
        """Find the rows for the rows of another table.

        Parameters
        ----------
        keys : pl.Series of String
            The identifiers of that table's rows.
        name : str
            How the joined table is called in messages.

        Returns
        -------
        tuple of (ndarray of int64, ndarray of int64)
            The rows of that table, each once for each row that is found for it, and once where
            there is none; and what is found, -1 for none.

        Raises
        ------
        UnreadableError
            If these were more than `MOST_ROWS`.
        """
        places = self._lookup.places_or_none(keys).astype(np.int64)
        found = places >= 0
        counts = np.ones(len(places), dtype=np.int64)
        counts[found] = self._counts[places[found]]
        total = int(counts.sum())
        if total > max(MOST_ROWS, len(keys)):
            raise UnreadableError(_too_many(name, keys, counts, total))
        theirs = np.repeat(np.arange(len(places)), counts)
        nth = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.full(total, -1, dtype=np.int64)
        some = found[theirs]
        rows[some] = self._rows[self._starts[places[theirs[some]]] + nth[some]]
        return theirs, rows


def _too_many(name: str, keys: pl.Series, counts: Places, total: int) -> Fault:
    largest = int(counts.argmax())
    return Fault(
        where=name,
        found=f"a join that makes {total:,} rows of {len(keys):,}: {keys[largest]!r} alone has "
        f"{counts[largest]:,} rows here",
        expected=f"at most {MOST_ROWS:,}",
        remedy="Look at what `on` joins by; an identifier that stands for nobody can be named "
        "under `read.missing`.",
    )
