"""What every step of reading a source needs to know."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from leadcast.features.definitions.definition import (
    SourceDefinition,
    TableOutcomes,
    account_column,
)
from leadcast.features.definitions.table_schema import (
    AccountsTable,
    Join,
    TableSchema,
    TimePrecision,
)
from leadcast.features.forgetting.tombstone import Tombstones
from leadcast.features.ingest.precision import at_end_of_day
from leadcast.features.profile.collector import Collector
from leadcast.features.readers.issues import (
    BAD_CELL,
    BAD_ID,
    BAD_ROW,
    BLANK,
    NO_ZONE,
    UNCLEAR_NUMBER,
    IssueKind,
)
from leadcast.features.readers.joining import Joined, joined_table
from leadcast.features.readers.ledger import NO_WHY, Ledger, Why
from leadcast.features.readers.opening import RawTable, open_table, require_columns
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.columns import Parsed
from leadcast.features.values.flags import NOT_A_FLAG
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.guesses import (
    early_words,
    flag_words,
    number_words,
    time_words,
    two_way_words,
)
from leadcast.features.values.identifiers import parse_ids
from leadcast.features.values.numbers import NOT_A_NUMBER, parse_numbers, unclear
from leadcast.features.values.times import NO_ZONE as NO_ZONE_WORDS
from leadcast.features.values.times import (
    NOT_A_TIME,
    TOO_EARLY,
    TWO_WAYS,
    TimeRules,
    parse_dates_of_crm,
    parse_moment,
)

_WHY: Mapping[str, Why] = {
    NOT_A_TIME: time_words,
    TWO_WAYS: two_way_words,
    NOT_A_NUMBER: number_words,
    NOT_A_FLAG: flag_words,
    TOO_EARLY: early_words,
}
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
Progress = Callable[[str, int], None]
"""Told the table and how many of its rows have been read."""


def no_progress(table: str, rows: int) -> None:
    """Tell nobody."""


def latest_possible(definition: SourceDefinition, now: datetime) -> datetime:
    """Tell after which moment no time in a source can be true."""
    until = definition.observed_until
    if until is None or until == "latest":
        return now
    return parse_moment(until, definition.time_zone)


@dataclass(frozen=True)
class Context:
    """One reading of one source.

    Parameters
    ----------
    definition : SourceDefinition
        What is read.
    ledger : Ledger
        Takes what is wrong with it.
    until : datetime
        No time in the data can be later.
    progress : callable
        Told how far the reading is.
    has_outcomes : bool
        Whether the tables tell how leads ended; not those of leads that are to be scored.
    attribute_types : mapping of str to str
        The types that earlier leads of this source had, where the definition declares none. If
        there are any, no further columns are taken.
    collector : Collector or None
        Watches what is read, for the profile; None where nobody asks for one.
    tombstones : Tombstones or None
        Who was forgotten and is left out; None where nobody was.
    """

    definition: SourceDefinition
    ledger: Ledger
    until: datetime
    progress: Progress = no_progress
    has_outcomes: bool = True
    attribute_types: Mapping[str, str] = field(default_factory=dict)
    collector: Collector | None = None
    tombstones: Tombstones | None = None

    def late(self, kind: IssueKind) -> IssueKind:
        """Say of rows after `observed_until` what a date alone means there."""
        until = self.definition.observed_until or ""
        if re.fullmatch(_DATE, until) is None:
            return kind
        tomorrow = date.fromisoformat(until) + timedelta(days=1)
        words = (
            f"`observed_until: {until}` is the beginning of that day; where the export holds the "
            f"day itself, write `observed_until: {tomorrow}`"
        )
        return replace(
            kind, advice=f"{words}. {kind.advice}", consequence=f"{kind.consequence}. {words}"
        )

    def time_rules(self, table: TableSchema | TableOutcomes) -> TimeRules:
        """Tell how a table's times are to be understood."""
        zone = table.time_zone or self.definition.time_zone
        return TimeRules(zone, table.time_format, self.definition.ambiguous_times)

    def ids(self, series: pl.Series, missing: Sequence[str], header: str = "") -> Parsed:
        """Read a column of identifiers, as the source writes them."""
        return parse_ids(series, missing, header, self.definition.ids)

    def read(self, table: str, rows: RawRows) -> None:
        """Tell those who watch that raw rows of a table have been read."""
        self.progress(table, self.ledger.total(table))
        if self.collector is not None:
            self.collector.see(table, rows)

    def open(self, name: str, about: TableSchema | TableOutcomes) -> RawTable | None:
        """Open a table with what is joined to it.

        Parameters
        ----------
        name : str
            The table.
        about : TableSchema or TableOutcomes
            How it is read.

        Returns
        -------
        RawTable or None
            None where it is missing or not readable; the ledger says what.
        """
        times = self.time_rules(about)
        joins = self._joins(name, about.join, times)
        accounts = self.definition.tables.accounts
        if about is self.definition.tables.leads and accounts is not None:
            joins.append(self._accounts(accounts, times))
        return self._with_steps(name, about, joins, times)

    def _accounts(self, about: AccountsTable, times: TimeRules) -> Joined:
        own = self.definition.tables.leads.attributes["account_id"]
        joins = self._joins("accounts", about.join, times)
        table = self._with_steps("accounts", about, joins, times)
        on = {own.column: about.columns.account_id}
        wanted = {account_column(one.column): one.column for one in about.attributes.values()}
        if table is not None:
            named = [("columns.account_id", about.columns.account_id)]
            named += [(f"attributes.{name}", one.column) for name, one in about.attributes.items()]
            named = [(f"tables.accounts.{key}", column) for key, column in named]
            table = require_columns(table, named, self.ledger)
        return Joined("accounts", table, on, wanted, missing=own.missing, ids=self.definition.ids)

    def accounts(self, about: AccountsTable) -> RawTable | None:
        """Open the table of accounts by itself; None where it is missing or not readable."""
        times = TimeRules()
        return self._with_steps(
            "accounts", about, self._joins("accounts", about.join, times), times
        )

    def _joins(self, name: str, joins: Sequence[Join], times: TimeRules) -> list[Joined]:
        found = []
        for index, join in enumerate(joins):
            own = f"{name}.join[{index}]"
            table = self._with_steps(own, join, [], times)
            if table is not None:
                named = [(f"tables.{own}.on", column) for column in join.on.values()]
                named += [(f"tables.{own}.columns", column) for column in join.columns.values()]
                table = require_columns(table, named, self.ledger)
            about = (own, table, join.on, join.columns, join.expect)
            found.append(Joined(*about, ids=self.definition.ids))
        return found

    def _with_steps(
        self,
        name: str,
        about: TableSchema | TableOutcomes | AccountsTable | Join,
        joins: Sequence[Joined],
        times: TimeRules,
    ) -> RawTable | None:
        assert about.read is not None, "outcomes of the leads' table are read with it"
        own, ledger = self.definition, self.ledger
        is_new, where = not self.has_outcomes, (own.root, own.where_to_get)
        table = open_table(name, about.read, *where, ledger, is_new=is_new)
        if table is None:
            return None
        split = about.split_cells
        return joined_table(
            table, joins, about.where, times, ledger, split_cells=split, is_new=is_new
        )


@dataclass(frozen=True)
class Writing:
    """How a table writes its values."""

    missing: tuple[str, ...]
    """Values that mean missing."""
    numbers: NumberFormat
    """How numbers are written."""
    times: TimeRules
    """How times are to be understood."""


@dataclass
class TableReading:
    """Rows of a table on their way to canonical ones.

    Rows that are left out for a fault are read to their end: what else is wrong with them is told
    where the source is refused.
    """

    context: Context
    table: str
    """The table's name."""
    writing: Writing
    rows: RawRows
    """As they were read."""
    frame: pl.DataFrame
    """``lead_id``, and what is canonical so far."""
    is_counted: bool = True
    """Whether the table loses the rows that are left out here; not where rows that are kept are
    read once more for something else."""
    fine: pl.Series = field(init=False)
    """Which rows have no fault that leaves them out."""

    def __post_init__(self) -> None:
        self.fine = pl.repeat(True, len(self.rows), dtype=pl.Boolean, eager=True)

    def keep(self, mask: pl.Series) -> None:
        """Go on with some rows alone."""
        if not mask.all():
            self.rows, self.frame = self.rows.filter(mask), self.frame.filter(mask)
            self.fine = self.fine.filter(mask)

    def note(
        self,
        kind: IssueKind,
        column: str,
        mask: pl.Series,
        *,
        values: pl.Series | None = None,
        words: pl.Series | None = None,
        kept: bool = False,
        why: Mapping[str, Why] = NO_WHY,
    ) -> None:
        """Take rows that are at fault; see `leadcast.features.readers.ledger.Ledger.note`."""
        about = {"lead_ids": self.frame["lead_id"], "fine": self.fine}
        given = {"values": values, "words": words}
        ledger = self.context.ledger
        ledger.note(kind, self.table, column, self.rows, mask, kept=kept, why=why, **given, **about)

    def leave_out(
        self, kind: IssueKind, column: str, mask: pl.Series, values: pl.Series | None = None
    ) -> None:
        """Take rows that are at fault, and leave them out."""
        self.note(kind, column, mask, values=values)
        self.drop(mask, kind.name, in_quarantine=kind.is_recorded)

    def drop(self, mask: pl.Series, reason: str, *, in_quarantine: bool = False) -> None:
        """Leave rows out; those that were fine until now are counted with the reason."""
        if self.is_counted:
            gone = int((mask & self.fine).sum())
            account = self.context.ledger.account
            account.leave(self.table, reason, gone, in_quarantine=in_quarantine)
        self.fine &= ~mask

    def times(self, column: str) -> Parsed:
        """Read a column of times at which something happened to leads."""
        series, written = self.rows.frame[column], self.writing
        return parse_dates_of_crm(series, written.times, written.missing)

    def past_times(
        self, column: str, precision: TimePrecision | None
    ) -> tuple[Parsed, Parsed, pl.Series]:
        """Read times at which something happened to leads: a day is its end.

        Gives these; the same with a day as its beginning, when it happened at the earliest; and
        which of them are days.
        """
        series, written = self.rows.frame[column], self.writing
        parsed = self.times(column)
        values, days = at_end_of_day(parsed, series, written.times, written.missing, precision)
        return Parsed(values, parsed.problem), parsed, days

    def numbers(self, column: str) -> Parsed:
        """Read a column of numbers."""
        self.note_unclear(column, self.writing.numbers)
        return parse_numbers(self.rows.frame[column], self.writing.numbers, self.writing.missing)

    def note_unclear(self, column: str, written: NumberFormat) -> None:
        """Take numbers that can be read in two ways, unless others of the column tell which."""
        context, shown = self.context, self.rows.frame[column]
        # What is to be scored is few, and written as the leads before it.
        if not context.has_outcomes:
            return
        mask, is_clear = unclear(shown, written)
        if is_clear:
            context.ledger.acquit(UNCLEAR_NUMBER, self.table, column)
        self.note(UNCLEAR_NUMBER, column, mask, values=shown, kept=True)

    def note_unread(self, column: str, parsed: Parsed) -> None:
        """Take the values of a column that could not be read; their rows are kept without them."""
        for kind, mask in _unread(parsed, BAD_CELL):
            about = {"values": self.rows.frame[column], "words": parsed.problem}
            self.note(kind, column, mask, kept=True, why=_WHY, **about)

    def require_ids(self, column: str, parsed: Parsed, blank: IssueKind = BLANK) -> None:
        """Leave out the rows whose id is missing, or is none."""
        self.require(column, parsed, kind=BAD_ID, blank=blank)

    def require(
        self,
        column: str,
        parsed: Parsed,
        among: pl.Series | None = None,
        kind: IssueKind = BAD_ROW,
        blank: IssueKind = BLANK,
    ) -> None:
        """Leave out the rows whose value is needed, and missing or not readable."""
        lacking = parsed.values.is_null() & parsed.problem.is_null()
        for its_kind, mask in (*_unread(parsed, kind), (blank, lacking)):
            mine = mask if among is None else mask & among
            values, words = self.rows.frame[column], parsed.problem
            given = {} if its_kind is blank else {"values": values, "words": words}
            self.note(its_kind, column, mine, why=_WHY, **given)  # type: ignore[arg-type]
            self.drop(mine, its_kind.name, in_quarantine=its_kind.is_recorded)


def _unread(parsed: Parsed, kind: IssueKind) -> list[tuple[IssueKind, pl.Series]]:
    """Part what could not be read by whether only the zone is missing."""
    if parsed.problem.null_count() == len(parsed.problem):
        nothing = pl.Series([False]).new_from_index(0, len(parsed.problem))
        return [(NO_ZONE, nothing), (kind, nothing)]
    unzoned = (parsed.problem == NO_ZONE_WORDS).fill_null(False)
    return [(NO_ZONE, unzoned), (kind, parsed.problem.is_not_null() & ~unzoned)]
