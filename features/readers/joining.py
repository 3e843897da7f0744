"""Tables with what is joined to them, and with the rows alone that their filters leave.

A joined table is held in memory: its identifiers, and the columns that are wanted of it. What it is
joined to is read in parts as ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.table_schema import Expected, RowFilter
from leadcast.features.readers.filtering import Filtering, OnLeftOut, let_go
from leadcast.features.readers.issues import (
    KEYLESS,
    MULTIPLIED,
    REPEATED_ACCOUNT,
    REPEATED_KEY,
    UNMATCHED,
)
from leadcast.features.readers.key_index import KeyIndex, identifiers
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.readers.origins import RawRows, UnreadableError, stacked
from leadcast.features.readers.splitting import Splitting
from leadcast.features.values.columns import clean_text
from leadcast.features.values.guesses import kin_words
from leadcast.features.values.identifiers import IdForm
from leadcast.features.values.times import TimeRules

_LOOKED_AT = 100
"""So many identifiers without a counterpart are looked at, to tell why they have none."""


class RowStep(Protocol):
    """What is done to raw rows, part by part."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        ...

    @property
    def gives(self) -> tuple[str, ...]:
        """The columns that it adds."""
        ...

    def prepare(self, ledger: Ledger) -> None:
        """Get ready."""
        ...

    def apply(self, rows: RawRows, ledger: Ledger) -> RawRows:
        """Do it to a part."""
        ...

    def finish(self, ledger: Ledger, *, is_new: bool) -> None:
        """Tell what was odd about it."""
        ...


@dataclass(frozen=True)
class Joined:
    """A table that is joined to another.

    Parameters
    ----------
    name : str
        How it is called in messages: ``leads.join[0]``, ``accounts``.
    table : RawTable or None
        Its rows; None where it cannot be read, as the ledger tells.
    on : mapping of str to str
        Columns of the table that it is joined to, each with its own.
    columns : mapping of str to str
        The names to use, each with its own column.
    expect : {"one", "first", "many"}
        How many rows there are for the same identifiers.
    missing : tuple of str
        Values of the identifiers in the other table that mean missing, beside those of the table.
    ids : {"salesforce"} or None
        Whose identifiers they are; see `leadcast.features.values.identifiers.first_fifteen`.
    """

    name: str
    table: RawTable | None
    on: Mapping[str, str]
    columns: Mapping[str, str]
    expect: Expected = "one"
    missing: tuple[str, ...] = ()
    ids: IdForm | None = None

    @property
    def lacking(self) -> list[str]:
        """The names of the columns that it cannot give; all where it cannot be joined."""
        table = self.table
        if table is None or {*self.on.values()} & {*table.lacking}:
            return list(self.columns)
        return [name for name, column in self.columns.items() if column in table.lacking]

    def read(self, ledger: Ledger) -> RawRows | None:
        """Read its identifiers and the columns that are wanted.

        Parameters
        ----------
        ledger : Ledger
            Takes what is wrong with it.

        Returns
        -------
        RawRows or None
            None where it cannot be read to its end, or has no rows.
        """
        if self.table is None:
            return None
        wanted = list(dict.fromkeys([*self.on.values(), *self.columns.values()]))
        try:
            parts = list(self.table.parts(wanted, ledger))
        except UnreadableError as error:
            ledger.fault(error.fault)
            return None
        if parts:
            return stacked(parts)
        ledger.fault(
            Fault(
                where=self.name,
                found="no rows to join",
                expected="at least one row",
                remedy="Export it again; a filter may have left nothing.",
            )
        )
        return None


@dataclass
class Joining:
    """A joined table at work, in one reading of the table that it is joined to.

    Parameters
    ----------
    table : str
        The name of the table that it is joined to.
    about : Joined
        What is joined.
    missing : tuple of str
        Values that mean missing in the table that it is joined to.
    """

    table: str
    about: Joined
    missing: tuple[str, ...]
    _index: KeyIndex | None = None
    _keys: pl.Series = field(default_factory=pl.Series)
    _columns: pl.DataFrame = field(default_factory=pl.DataFrame)
    _matched: int = 0
    _unmatched: int = 0
    _lost: list[str] = field(default_factory=list)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return tuple(self.about.on)

    @property
    def gives(self) -> tuple[str, ...]:
        """The columns that it adds."""
        return tuple(self.about.columns)

    def prepare(self, ledger: Ledger) -> None:
        """Read the joined table.

        Parameters
        ----------
        ledger : Ledger
            Takes what is wrong with it.
        """
        about, rows = self.about, self.about.read(ledger)
        ledger.lacks(self.table, about.lacking)
        if rows is None or about.table is None or len(about.lacking) == len(about.columns):
            return
        names, missing = list(about.on.values()), about.table.missing
        keys, shown = identifiers(rows.frame, names, missing, about.ids)
        own, whole = ", ".join(names), keys.is_not_null()
        ledger.note(KEYLESS, about.name, own, rows, ~whole)
        ledger.account.leave(about.name, KEYLESS.name, len(rows) - int(whole.sum()))
        if about.expect != "many":
            again, is_told = whole & ~keys.is_first_distinct(), about.expect == "one"
            if is_told:
                kind = REPEATED_ACCOUNT if about.name == "accounts" else REPEATED_KEY
                ledger.note(kind, about.name, own, rows, again, values=shown)
            repeated = int(again.sum())
            ledger.account.leave(about.name, REPEATED_KEY.name, repeated, in_quarantine=is_told)
            whole &= ~again
        ledger.account.keep(about.name, int(whole.sum()))
        self._index, self._keys = KeyIndex(keys.filter(whole)), shown.filter(whole)
        given = ((rows.frame[column], name) for name, column in about.columns.items())
        columns = [_given(column, missing).alias(name) for column, name in given]
        self._columns = pl.DataFrame(columns).filter(whole)

    def apply(self, rows: RawRows, ledger: Ledger) -> RawRows:
        """Join it to a part.

        Parameters
        ----------
        rows : RawRows
            With the columns that it needs.
        ledger : Ledger
            Counts the rows for which there is nothing to join.

        Returns
        -------
        RawRows
            With the columns that it gives; more rows where `expect` is ``"many"``.
        """
        if self._index is None:
            nothing = (pl.lit(None, pl.String).alias(name) for name in self.about.columns)
            return replace(rows, frame=rows.frame.with_columns(nothing))
        about, own = self.about, ", ".join(self.about.on)
        keys, shown = identifiers(
            rows.frame, self.needs, (*self.missing, *about.missing), about.ids
        )
        theirs, places = self._index.find(keys, about.name)
        if len(theirs) > len(rows):
            taken = pl.Series(theirs)
            rows, keys, shown = rows.taken(taken), keys.gather(taken), shown.gather(taken)
            added = ~taken.is_first_distinct()
            ledger.note(MULTIPLIED, self.table, own, rows, added)
            ledger.account.add(self.table, int(added.sum()))
        found, whole = pl.Series(places >= 0), keys.is_not_null()
        kind, lost = replace(UNMATCHED, found=f"{UNMATCHED.found} in {about.name}"), ~found & whole
        why = {kind.found: self._kin}
        ledger.note(kind, self.table, own, rows, lost, values=shown, why=why)
        kind = replace(UNMATCHED, found=f"without an identifier to join {about.name} by")
        ledger.note(kind, self.table, own, rows, ~whole, values=rows.frame[self.needs[0]])
        self._matched += int(found.sum())
        self._unmatched += int(lost.sum())
        self._lost.extend(shown.filter(lost).head(_LOOKED_AT - len(self._lost)))
        at = pl.Series(places).set(~found, None).cast(pl.UInt32)
        joined = self._columns.select(pl.all().gather(at))
        return replace(rows, frame=rows.frame.with_columns(joined))

    def finish(self, ledger: Ledger, *, is_new: bool) -> None:
        """Tell a join that has joined nothing at all, or little to new leads.

        Parameters
        ----------
        ledger : Ledger
            Takes it.
        is_new : bool
            Whether the rows are of new leads, whose accounts may be newer than the joined table.
        """
        if not self._lost or self._keys.is_empty():
            return
        if self._matched:
            if is_new and self._unmatched > self._matched:
                ledger.fault(self._outdated())
            return
        about, kin = self.about, self._kin(self._lost)
        own, theirs = (", ".join(names) for names in (about.on, about.on.values()))
        ledger.fault(
            Fault(
                where=f"{about.name}: {own} = {theirs}",
                found=f"no identifier that both have: {self._lost[0]!r} in {self.table}, "
                f"{self._keys[0]!r} in {about.name}",
                expected="columns with the same identifiers",
                remedy=kin
                or "Look which columns name the same thing, and set `on: {COLUMN: "
                "COLUMN}`; identifiers must be written alike in both.",
                severity="warning",
            )
        )

    def _outdated(self) -> Fault:
        about, rows = self.about, self._unmatched + self._matched
        return Fault(
            where=f"{self.table}: {about.name}",
            found=f"{self._unmatched} of {rows} rows for which there is nothing to join, such as "
            f"{self._lost[0]!r}",
            expected="a joined table that is as new as the leads",
            remedy=f"Export {about.name} anew together with them.",
            severity="warning",
            count=self._unmatched,
        )

    def _kin(self, values: Sequence[str]) -> str:
        """Tell by which change of writing identifiers would have a counterpart."""
        if len(self.needs) > 1:
            return ""
        return kin_words(values, self._keys, self.needs[0], self.about.name)


@dataclass(frozen=True)
class JoinedTable(RawTable):
    """A table with what is joined to it, and with the rows alone that its filters leave.

    Before that, its cells with several identifiers are split.

    Parameters
    ----------
    base : RawTable
        The table itself.
    joins : tuple of Joined
        What is joined to it, in this order.
    filters : tuple of RowFilter
        Which rows are used; each is asked as soon as its column is there.
    times : TimeRules
        How its times are to be understood.
    split_cells : mapping of str to str
        Columns whose cells hold several identifiers, each with what stands between these.
    is_new : bool
        Whether its rows are of new leads.
    on_left_out : callable
        Given the rows that a filter leaves out, with the columns that have been read by then.
    """

    base: RawTable = field(kw_only=True)
    joins: tuple[Joined, ...] = field(kw_only=True)
    filters: tuple[RowFilter, ...] = field(kw_only=True)
    times: TimeRules = field(kw_only=True)
    split_cells: Mapping[str, str] = field(kw_only=True)
    is_new: bool = field(kw_only=True)
    on_left_out: OnLeftOut = field(default=let_go, kw_only=True)

    def every(self) -> list[RawTable]:
        """List the tables that it is made of."""
        joined = [one.table for one in self.joins if one.table is not None]
        return [*self.base.every(), *(table for one in joined for table in one.every())]

    def parts(self, columns: Sequence[str], ledger: Ledger) -> Iterator[RawRows]:
        """Read some columns part by part; see `RawTable.parts`.

        Parameters
        ----------
        columns : sequence of str
            Names among its columns and those that it lacks.
        ledger : Ledger
            Counts the rows, and takes what is wrong with them.

        Yields
        ------
        RawRows
            Empty parts are left out, but for one where the filters leave nothing.
        """
        steps = self._steps()
        for step in steps:
            step.prepare(ledger)
        needed = [*columns, *(name for step in steps for name in step.needs)]
        present = {*self.base.columns, *self.base.lacking}
        own = [name for name in dict.fromkeys(needed) if name in present]
        lacking = {*self.lacking, *self.base.lacking}
        blank = [pl.lit(None, pl.String).alias(name) for name in columns if name in lacking]
        last, is_any = None, False
        for read in self.base.parts(own or self.base.columns[:1], ledger):
            rows = read
            for step in steps:
                rows = step.apply(rows, ledger)
            last = replace(rows, frame=rows.frame.with_columns(blank).select(columns))
            if len(last):
                is_any = True
                yield last
        if last is not None and not is_any:
            yield last
        for step in steps:
            step.finish(ledger, is_new=self.is_new)

    def _steps(self) -> list[RowStep]:
        """Begin a reading: joins in their order, each filter as soon as it can be asked."""
        # What a filter would do without its column says nothing: that it is lacking is told.
        lacking = {*self.base.lacking, *(name for one in self.joins for name in one.lacking)}
        waiting = [
            Filtering(self.name, index, one, self.times, self.missing, self.on_left_out)
            for index, one in enumerate(self.filters)
            if one.column not in lacking
        ]
        steps: list[RowStep] = [
            Splitting(self.name, column, separator, self.missing)
            for column, separator in self.split_cells.items()
            if column not in lacking
        ]
        to_come = [name for one in self.joins for name in one.columns]
        for join in (None, *self.joins):
            if join is not None:
                steps.append(Joining(self.name, join, self.missing))
                to_come = to_come[len(join.columns) :]
            ready = [one for one in waiting if one.about.column not in to_come]
            steps += ready
            waiting = [one for one in waiting if one not in ready]
        return steps


def joined_table(
    base: RawTable,
    joins: Sequence[Joined],
    filters: Sequence[RowFilter],
    times: TimeRules,
    ledger: Ledger,
    *,
    split_cells: Mapping[str, str],
    is_new: bool,
) -> RawTable:
    """Split a table's cells, join tables to it, and filter its rows.

    Parameters
    ----------
    base : RawTable
        The table.
    joins : sequence of Joined
        What is joined to it.
    filters : sequence of RowFilter
        Which rows are used.
    times : TimeRules
        How its times are to be understood.
    ledger : Ledger
        Takes a fault for each column that is not there, and for each name that is there twice.
    split_cells : mapping of str to str
        Columns whose cells hold several identifiers, each with what stands between these.
    is_new : bool
        Whether its rows are of new leads.

    Returns
    -------
    RawTable
        With the joined columns; the table itself where there is nothing to do.
    """
    if not joins and not filters and not split_cells:
        return base
    key, given = f"tables.{base.name}", dict[str, None]()
    named = [(f"{key}.split_cells.{column}", column) for column in split_cells]
    for index, join in enumerate(joins):
        named += [(f"{key}.join[{index}].on", one) for one in join.on if one not in given]
        for name in join.columns:
            if name in base.columns:
                ledger.fault(_same_name(base, join, name))
        given |= dict.fromkeys(join.columns)
    for index, one in enumerate(filters):
        if one.column not in given:
            named.append((f"{key}.where[{index}].column", one.column))
    base = require_columns(base, named, ledger)
    columns = list(dict.fromkeys([*base.columns, *given]))
    return JoinedTable(
        base.name,
        base.origins,
        columns,
        base.missing,
        base=base,
        joins=tuple(joins),
        filters=tuple(filters),
        times=times,
        split_cells=split_cells,
        is_new=is_new,
    )


def _same_name(base: RawTable, join: Joined, name: str) -> Fault:
    column = join.columns[name]
    return Fault(
        where=f"{join.name}: column {name!r}",
        found=f"a name that {base.name} has itself",
        expected="a name of its own for each joined column",
        remedy=f"Name it otherwise: `columns: {{Joined {name}: {column}}}`.",
    )


def _given(column: pl.Series, missing: tuple[str, ...]) -> pl.Series:
    """Take away what means missing in the joined table, as it need not in the other."""
    if not missing:
        return column
    given = clean_text(column, missing).is_not_null()
    return pl.select(pl.when(given).then(column)).to_series()
