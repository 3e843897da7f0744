"""Row filters: which rows of a table are used, and a word on filters that do not fit the table."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import polars as pl

from leadcast.features.base.errors import Fault, did_you_mean, nearest
from leadcast.features.definitions.table_schema import RowFilter
from leadcast.features.readers.issues import BAD_ROW, LEFT_OUT
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.categories import key
from leadcast.features.values.columns import clean_text
from leadcast.features.values.times import TimeRules, parse_moment, parse_times

_SHOWN = 20
_MOST_SEEN = 10_000
"""So many values of a column are remembered, to tell which was meant by one that never occurs."""


OnLeftOut = Callable[[RawRows], None]


def let_go(rows: RawRows) -> None:
    """Have no use for rows."""
    del rows


@dataclass
class Filtering:
    """One row filter at work, in one reading of a table.

    Parameters
    ----------
    table : str
        The table's name.
    index : int
        The filter's place in the table's ``where``.
    about : RowFilter
        What it says.
    times : TimeRules
        How the table's times are to be understood.
    missing : tuple of str
        Values that mean missing.
    on_left_out : callable
        Given the rows that are left out.
    """

    table: str
    index: int
    about: RowFilter
    times: TimeRules
    missing: tuple[str, ...]
    on_left_out: OnLeftOut = let_go
    _rows: int = 0
    _kept: int = 0
    _seen: Counter[str] = field(default_factory=Counter)
    _found: set[str] = field(default_factory=set)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.about.column,)

    @property
    def gives(self) -> tuple[str, ...]:
        """The columns that it adds: none."""
        return ()

    def prepare(self, ledger: Ledger) -> None:
        """Get ready: there is nothing to do."""

    def apply(self, rows: RawRows, ledger: Ledger) -> RawRows:
        """Take the rows that are used.

        Parameters
        ----------
        rows : RawRows
            With the columns that it needs.
        ledger : Ledger
            Counts the rows that are left out.

        Returns
        -------
        RawRows
        """
        self._rows += len(rows)
        text = clean_text(rows.frame[self.about.column], self.missing)
        rows = self._only(rows, self._by_value(text), ledger)
        if self.about.since or self.about.before:
            rows = self._only_times(rows, ledger)
        self._kept += len(rows)
        return rows

    def finish(self, ledger: Ledger, *, is_new: bool) -> None:
        """Tell what about it does not fit the table.

        Parameters
        ----------
        ledger : Ledger
            Takes it.
        is_new : bool
            Whether the rows are of new leads, which may be few: then only a filter that leaves
            nothing is told, as a warning.
        """
        if not self._rows or (is_new and self._kept):
            return
        for fault in self._faults():
            ledger.fault(replace(fault, severity="warning") if is_new else fault)

    def _only(self, rows: RawRows, used: pl.Series, ledger: Ledger) -> RawRows:
        asked = f"{LEFT_OUT.found} {self.about.key_at(self.index)}"
        kind = replace(LEFT_OUT, found=asked, expected=_expected(self.about))
        column = self.about.column
        ledger.note(kind, self.table, column, rows, ~used, values=rows.frame[column])
        ledger.account.leave(self.table, kind.found, len(rows) - int(used.sum()))
        if used.all():
            return rows
        self.on_left_out(rows.filter(~used))
        return rows.filter(used)

    def _by_value(self, text: pl.Series) -> pl.Series:
        about, given = self.about, text.is_not_null()
        if not about.one_of and not about.not_one_of:
            # Of a column of identifiers or times no list of values is needed.
            self._seen.update(text.drop_nulls().head(_SHOWN))
            return (
                pl.repeat(True, len(text), eager=True)
                if about.missing is None
                else (given ^ about.missing)
            )
        wanted, unwanted = ({key(one) for one in its} for its in (about.one_of, about.not_one_of))
        counts = text.drop_nulls().alias("value").value_counts(sort=True)
        values = counts["value"]
        keys = [key(value) for value in values]
        for value, count in counts.iter_rows():
            if value in self._seen or len(self._seen) < _MOST_SEEN:
                self._seen[value] += count
        self._found |= (wanted | unwanted).intersection(keys)
        fits = [one not in unwanted and (not wanted or one in wanted) for one in keys]
        used = text.is_in(values.filter(pl.Series(fits, dtype=pl.Boolean)).implode())
        blank_fits = "" not in unwanted and (not wanted or "" in wanted)
        if about.missing is not None:
            used, blank_fits = used & (not about.missing), blank_fits and about.missing
        return used.fill_null(value=False) | (~given & blank_fits)

    def _only_times(self, rows: RawRows, ledger: Ledger) -> RawRows:
        column, about, zone = self.about.column, self.about, self.times.zone
        parsed = parse_times(rows.frame[column], self.times, self.missing)
        unread = parsed.problem.is_not_null()
        shown, words = rows.frame[column], parsed.problem
        ledger.note(BAD_ROW, self.table, column, rows, unread, values=shown, words=words)
        ledger.account.leave(self.table, BAD_ROW.name, int(unread.sum()), in_quarantine=True)
        if unread.any():
            self.on_left_out(rows.filter(unread))
        used = parsed.values.is_not_null()
        if about.since is not None:
            used &= (parsed.values >= parse_moment(about.since, zone)).fill_null(value=False)
        if about.before is not None:
            used &= (parsed.values < parse_moment(about.before, zone)).fill_null(value=False)
        return self._only(rows.filter(~unread), used.filter(~unread), ledger)

    def _faults(self) -> Iterator[Fault]:
        about = self.about
        where = f"{self.table}.{about.key_at(self.index)}: column {about.column!r}"
        seen = [value for value, _ in self._seen.most_common()]
        if not self._kept:
            lost = [one for one in about.one_of if key(one) not in self._found]
            remedy = did_you_mean(lost[0], seen) if lost else f"There are: {_some(seen)}."
            yield Fault(
                where=where,
                found=f"a filter that leaves none of {self._rows:,} rows",
                expected=_expected(about),
                remedy=remedy,
            )
            return
        for value in (*about.one_of, *about.not_one_of):
            if key(value) in self._found or not value.strip():
                continue
            # What is left out may well not be there: it is told with an alarm where it is misspelt.
            is_usual = value in about.not_one_of and nearest(value, seen) is None
            yield Fault(
                where=where,
                found=f"no row with {value!r} among {self._rows:,}",
                expected="values of the column",
                remedy=did_you_mean(value, seen),
                severity="warning",
                is_usual=is_usual,
            )


def _some(values: list[str]) -> str:
    shown = ", ".join(map(repr, values[:_SHOWN])) or "blank values only"
    return f"{shown}, …" if len(values) > _SHOWN else shown


def _expected(about: RowFilter) -> str:
    told = []
    if about.one_of:
        told.append(f"one of {', '.join(map(repr, about.one_of))}")
    if about.not_one_of:
        told.append(f"none of {', '.join(map(repr, about.not_one_of))}")
    if about.missing is not None:
        told.append("a blank value" if about.missing else "a value")
    if about.since is not None:
        told.append(f"times from {about.since} on")
    if about.before is not None:
        told.append(f"times before {about.before}")
    return " and ".join(told)
