"""When leads ended, where no column is called like it: told by for whom a time is filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from leadcast.features.discovery.meanings import MODIFIED, Meaning
from leadcast.features.discovery.statuses import Status
from leadcast.features.discovery.vocabulary import AFTERWARDS, FIELDS
from leadcast.features.inspection.column_looks import SeenTable
from leadcast.features.inspection.table_times import later_share
from leadcast.features.inspection.wording import compact
from leadcast.features.values.columns import clean_text
from leadcast.features.values.identifiers import first_fifteen

Which = Literal["won", "lost", "open"]
"""Of which leads."""
MOST_UNDATED = 0.01
"""So many of the winners at most may lack a time of their end."""
_FEWEST = 20
"""So many leads of an end are needed to say for whom a time is filled in."""
_CREATED = {compact(name) for name in FIELDS["created_at"]}
_ROW = [compact(name) for name in FIELDS["occurred_at"] if compact(name) not in _CREATED]
_ELSEWHEN = {
    compact(name)
    for names in (
        MODIFIED,
        AFTERWARDS["changes with every edit of the record"],
        AFTERWARDS["goes on until the day of the export"],
    )
    for name in names
}


@dataclass(frozen=True)
class EndTimes:
    """Which columns have the times of the ends.

    Parameters
    ----------
    dates : dict of str to str
        ``closed_at`` or ``won_at``, to the column; empty where nothing tells.
    note : str
        What speaks for it, or why nothing was chosen; empty: nothing is to be said.
    """

    dates: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def likely_end_times(meaning: Meaning, status: Status, *, is_own: bool, repeats: bool) -> EndTimes:
    """Find when leads ended by the values of columns that have no known name.

    Parameters
    ----------
    meaning : Meaning
        The table with the status.
    status : Status
        Its words.
    is_own : bool
        Whether it is the leads' own table, whose rows are there before they end.
    repeats : bool
        Whether it names leads again and again, so that each row is a change.

    Returns
    -------
    EndTimes
    """
    if repeats:
        return _of_changes(meaning, status)
    used = set(meaning.fields.values())
    free = [
        one.name
        for one in meaning.seen.looks.values()
        if one.kind == "time" and one.name not in used and compact(one.name) not in _ELSEWHEN
    ]
    if int(_rows_of(meaning.seen, status, "open").sum()) >= _FEWEST:
        return _by_filling(meaning, status, free)
    return EndTimes() if is_own else _of_ended(meaning, status, free)


def _of_changes(meaning: Meaning, status: Status) -> EndTimes:
    """Take the time of a row that is a change: when the status became what it is."""
    # Of a lead's second deal, when it was created tells nothing of its end.
    created = meaning.fields.get("created_at")
    looks = meaning.seen.looks.values()
    times = [one.name for one in looks if one.kind == "time" and one.name != created]
    return _only(meaning, status, times, "several rows a lead", "when each was made")


def _of_ended(meaning: Meaning, status: Status, free: list[str]) -> EndTimes:
    """Take the only time of a table of leads that ended, or the one that is called a date."""
    return _only(meaning, status, free, "leads that ended alone", "the time that it has")


def _only(meaning: Meaning, status: Status, times: list[str], rows: str, what: str) -> EndTimes:
    """Take the only time that all the won leads have, or the one that is called a date."""
    whole = [name for name in times if _is_filled(meaning, status, "won", name)]
    named = [name for word in _ROW for name in whole if compact(name) == word]
    chosen = whole[0] if len(whole) == 1 else next(iter(named), None)
    if chosen is None:
        return _unclear(whole)
    words = f"{meaning.name} has {rows}, and {chosen!r} is {what}"
    return EndTimes({"closed_at": chosen}, words)


def _by_filling(meaning: Meaning, status: Status, free: list[str]) -> EndTimes:
    """Take the time that leads have once they ended, and not before."""
    created = meaning.fields.get("created_at")
    late = [
        name
        for name in free
        if _is_filled(meaning, status, "won", name)
        and dated_share(meaning, status, "open", name) <= MOST_UNDATED
        and (created is None or later_share(meaning.seen, created, name) <= MOST_UNDATED)
    ]
    both = [name for name in late if status.lost and _is_filled(meaning, status, "lost", name)]
    of_won = [
        name
        for name in late
        if not status.lost or dated_share(meaning, status, "lost", name) <= MOST_UNDATED
    ]
    if len(both) == 1:
        words = (
            f"{both[0]!r} is filled in for the leads that were won or lost, and for no others: "
            "taken for the time of the end"
        )
        return EndTimes({"closed_at": both[0]}, words)
    if not both and len(of_won) == 1:
        return EndTimes({"won_at": of_won[0]})
    return _unclear(both or of_won)


def _unclear(columns: list[str]) -> EndTimes:
    if not columns:
        return EndTimes()
    told = ", ".join(map(repr, columns))
    return EndTimes({}, f"which of {told} is the time of the end? Write it as `closed_at`")


def _is_filled(meaning: Meaning, status: Status, which: Which, column: str) -> bool:
    return dated_share(meaning, status, which, column) >= 1 - MOST_UNDATED


def dated_share(meaning: Meaning, status: Status, which: Which, column: str) -> float:
    """Tell of how many of the won, the lost or the open leads a time is known.

    Parameters
    ----------
    meaning : Meaning
        The table.
    status : Status
        Its words.
    which : {"won", "lost", "open"}
        Of which leads.
    column : str
        The column of times.

    Returns
    -------
    float
        0 where there are no such leads.
    """
    rows = _rows_of(meaning.seen, status, which)
    given = written(meaning.seen, column).is_not_null()
    return float((given & rows).sum()) / max(float(rows.sum()), 1.0)


def _rows_of(seen: SeenTable, status: Status, which: Which) -> pl.Series:
    """Tell which rows are of the won, of the lost, or of leads that have not ended."""
    words = {"won": status.won, "lost": status.lost, "open": (*status.won, *status.lost)}[which]
    told = written(seen, status.column).is_in(list(words)).fill_null(value=False)
    return told.not_() if which == "open" else told


def written(seen: SeenTable, column: str) -> pl.Series:
    """Read a column's texts, identifiers as they meet.

    Parameters
    ----------
    seen : SeenTable
        The table.
    column : str
        The column.

    Returns
    -------
    pl.Series of String
    """
    return first_fifteen(clean_text(seen.found.frame[column], seen.missing))
