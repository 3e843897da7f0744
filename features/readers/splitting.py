"""Cells that hold several identifiers: the row stands once for each of them."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.readers.issues import SPLIT_CELL
from leadcast.features.readers.key_index import MOST_ROWS
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.origins import RawRows, UnreadableError
from leadcast.features.values.columns import MIXED, halves
from leadcast.features.values.identifiers import ids_in_cells


@dataclass(frozen=True)
class Splitting:
    """A column whose cells are split, in one reading of its table.

    Parameters
    ----------
    table : str
        The table's name.
    column : str
        Its column.
    separator : str
        What stands between two identifiers.
    missing : tuple of str
        Values that mean missing.
    """

    table: str
    column: str
    separator: str
    missing: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.column,)

    @property
    def gives(self) -> tuple[str, ...]:
        """The columns that it adds."""
        return ()

    def prepare(self, ledger: Ledger) -> None:
        """Get ready."""

    def apply(self, rows: RawRows, ledger: Ledger) -> RawRows:
        """Split the cells of a part.

        Parameters
        ----------
        rows : RawRows
            With the column.
        ledger : Ledger
            Counts the rows that are added.

        Returns
        -------
        RawRows
            Each row once for each different identifier in its cell; once where there is none.

        Raises
        ------
        UnreadableError
            If these were more than `MOST_ROWS`.
        """
        cells = rows.frame[self.column]
        text, plain = halves(cells)
        if text is None or not text.str.contains(self.separator, literal=True).any():
            return rows
        parts = ids_in_cells(text, self.separator, self.missing)
        counts = parts.list.len().fill_null(1).to_numpy()
        if counts.sum() > max(MOST_ROWS, len(rows)):
            raise UnreadableError(self._too_many(len(rows), int(counts.sum())))
        places = pl.Series(np.repeat(np.arange(len(rows)), counts))
        taken, own = rows.taken(places), parts.explode().alias(self.column)
        if plain is not None:
            # What is no text stays what it is.
            held = zip(MIXED.fields, (own, plain.gather(places)), strict=True)
            own = pl.DataFrame([half.alias(one.name) for one, half in held]).to_struct(self.column)
        taken = replace(taken, frame=taken.frame.with_columns(own))
        added = ~places.is_first_distinct()
        ledger.note(SPLIT_CELL, self.table, self.column, taken, added)
        ledger.account.add(self.table, int(added.sum()))
        return taken

    def finish(self, ledger: Ledger, *, is_new: bool) -> None:
        """Tell nothing more."""

    def _too_many(self, rows: int, total: int) -> Fault:
        return Fault(
            where=f"{self.table}: column {self.column!r}",
            found=f"cells that make {total:,} rows of {rows:,}",
            expected=f"at most {MOST_ROWS:,}",
            remedy="Look at the separator under `split_cells`.",
        )
