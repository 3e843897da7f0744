"""The account of rows: where each row of a table went, so that the sums can be checked.

A row of an export is kept, or it leaves the way to the canonical tables once, for one reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KEPT, SET_ASIDE, LEFT_OUT = "kept", "set aside", "left out"
"""What may become of a row: it is in a canonical table, in quarantine.parquet, or only counted."""
ADDED = "added by joins and split cells"
"""Rows that are in no file: a join to several rows, or a cell of several identifiers, has made
several of one."""

OF_LEAD_ASIDE = "of a lead that was set aside"
OUTCOME_EVENT = "outcome event, told by the outcomes"
UNREADABLE_END = "lead with an unreadable outcome"
"""Reasons that are no faults of the row itself."""


@dataclass(frozen=True)
class AccountLine:
    """How many rows of a table went the same way."""

    table: str
    """``leads``, ``events`` (``events[0]`` and so on where there are several), ``outcomes``."""
    fate: str
    """`KEPT`, `SET_ASIDE`, `LEFT_OUT`; or `ADDED`, which counts beside those that were read."""
    reason: str
    """Why, in a few words; empty where they are kept."""
    rows: int
    """How many."""


@dataclass
class RowAccount:
    """Counts where rows go, table by table."""

    _rows: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def keep(self, table: str, rows: int) -> None:
        """Count rows that stand in a canonical table.

        Parameters
        ----------
        table : str
            The table that they were read from.
        rows : int
            How many.
        """
        self._add(table, KEPT, "", rows)

    def leave(self, table: str, reason: str, rows: int, *, in_quarantine: bool = False) -> None:
        """Count rows that go no further.

        Parameters
        ----------
        table : str
            The table that they were read from.
        reason : str
            Why, in a few words; the name of an `IssueKind` will do.
        rows : int
            How many.
        in_quarantine : bool
            Whether the quarantine lists each of them.
        """
        words = reason.replace("_", " ")
        self._add(table, SET_ASIDE if in_quarantine else LEFT_OUT, words, rows)

    def add(self, table: str, rows: int) -> None:
        """Count rows that a join or a split cell has added to those that were read.

        Parameters
        ----------
        table : str
            The table that has them.
        rows : int
            How many.
        """
        self._add(table, ADDED, "", rows)

    def lines(self, tables: Iterable[str]) -> list[AccountLine]:
        """Tell of each table what was kept, then why others were not, in the order of reading.

        Parameters
        ----------
        tables : iterable of str
            Which tables, in which order.

        Returns
        -------
        list of AccountLine
            Of each table what was kept, set aside and left out adds up to the rows that were read
            and those that were added.
        """
        told = []
        for table in tables:
            told.append(AccountLine(table, KEPT, "", self._rows.get((table, KEPT, ""), 0)))
            told += [
                AccountLine(*way, rows)
                for way, rows in self._rows.items()
                if way[0] == table and way[1] != KEPT
            ]
        return told

    def _add(self, table: str, fate: str, reason: str, rows: int) -> None:
        if rows:
            way = (table, fate, reason)
            self._rows[way] = self._rows.get(way, 0) + rows


def account_words(lines: Iterable[AccountLine]) -> list[str]:
    """Say an account in a line a table.

    Parameters
    ----------
    lines : iterable of AccountLine
        As `RowAccount.lines` gives them.

    Returns
    -------
    list of str
        ``leads: 10 rows read = 8 kept + 2 set aside (2 duplicate lead)``.
    """
    tables: dict[str, list[AccountLine]] = {}
    for line in lines:
        tables.setdefault(line.table, []).append(line)
    return [f"{name}: {_sum_words(own)}" for name, own in tables.items()]


def account_plain(lines: Iterable[AccountLine]) -> list[dict[str, Any]]:
    """Give an account as plain data, for ``quality.json``."""
    return [dict(vars(line)) for line in lines]


def _sum_words(lines: list[AccountLine]) -> str:
    added = sum(line.rows for line in lines if line.fate == ADDED)
    read, parts = sum(line.rows for line in lines) - 2 * added, list[str]()
    for fate in (KEPT, SET_ASIDE, LEFT_OUT):
        own = [line for line in lines if line.fate == fate]
        if own or fate == KEPT:
            reasons = ", ".join(f"{line.rows:,} {line.reason}" for line in own if line.reason)
            told = f" ({reasons})" if reasons else ""
            parts.append(f"{sum(line.rows for line in own):,} {fate}{told}")
    more = f" + {added:,} {ADDED}" if added else ""
    return f"{read:,} rows read{more} = {' + '.join(parts)}"
