"""What every step of reading a source needs to know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from leadcast.features.definitions.definition import SourceDefinition, TableOutcomes
from leadcast.features.definitions.table_schema import Reader, TableSchema
from leadcast.features.readers.issues import BAD_CELL, BAD_ROW, BLANK, NO_ZONE, IssueKind
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import RawTable, open_table
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.columns import Parsed
from leadcast.features.values.times import NO_ZONE as NO_ZONE_WORDS
from leadcast.features.values.times import TimeRules, parse_moment

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
    """

    definition: SourceDefinition
    ledger: Ledger
    until: datetime
    progress: Progress = no_progress
    has_outcomes: bool = True
    attribute_types: Mapping[str, str] = field(default_factory=dict)

    def time_rules(self, table: TableSchema | TableOutcomes) -> TimeRules:
        """Tell how a table's times are to be understood."""
        zone = table.time_zone or self.definition.time_zone
        return TimeRules(zone, table.time_format, self.definition.ambiguous_times)

    def open(self, name: str, reader: Reader) -> RawTable | None:
        """Open a table; see `leadcast.features.readers.opening.open_table`.

        Parameters
        ----------
        name : str
            The table.
        reader : FileReader or SqlReader
            Where its rows come from.

        Returns
        -------
        RawTable or None
        """
        about = self.definition
        return open_table(name, reader, about.root, about.where_to_get, self.ledger)


def note_unread(
    ledger: Ledger,
    kind: IssueKind,
    place: tuple[str, str],
    rows: RawRows,
    parsed: Parsed,
    lead_ids: pl.Series,
    fine: pl.Series | None = None,
) -> None:
    """Take the values of a column that could not be read."""
    unzoned = (parsed.problem == NO_ZONE_WORDS).fill_null(False)
    others = parsed.problem.is_not_null() & ~unzoned
    for mask, its_kind in ((unzoned, NO_ZONE), (others, kind)):
        ledger.note(
            its_kind,
            *place,
            rows,
            mask,
            values=rows.frame[place[1]],
            words=parsed.problem,
            lead_ids=lead_ids,
            kept=kind is BAD_CELL,
            fine=fine,
        )


def note_required(
    ledger: Ledger,
    place: tuple[str, str],
    rows: RawRows,
    parsed: Parsed,
    lead_ids: pl.Series,
    fine: pl.Series | None = None,
) -> pl.Series:
    """Take the rows whose value is needed, and missing or not readable."""
    note_unread(ledger, BAD_ROW, place, rows, parsed, lead_ids, fine)
    blank = parsed.values.is_null() & parsed.problem.is_null()
    ledger.note(BLANK, *place, rows, blank, lead_ids=lead_ids, fine=fine)
    return parsed.values.is_not_null()
