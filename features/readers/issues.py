"""The kinds of faults that concern single rows, and rows at fault, in words."""

from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.base.letters import told_letters
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.columns import shown, worded


@dataclass(frozen=True)
class IssueKind:
    """A kind of fault that rows may have.

    Parameters
    ----------
    name : str
        A short name, also in ``quality.json``.
    limit : str
        The field of `Limits` that says how many such rows are too many; empty: one is.
    found : str
        What such rows have, after "3 of 10 rows"; empty: what is wrong with the value.
    reason : str
        What is wrong with the value of one row, for the quarantine file.
    expected : str
        What they should have.
    consequence : str
        What becomes of them while they are few.
    advice : str
        What to do where they are many.
    is_recorded : bool
        Whether the quarantine file lists them; not where nothing becomes of them, or where the
        column as a whole is at fault.
    has_key : bool
        Whether the limit is one that a definition can set; not where there is no definition.
    is_usual : bool
        As in `leadcast.features.base.errors.Fault`, where it is a warning.
    is_allowed : bool
        Whether however many such rows are none too many: the definition asks for it.
    of : str
        What they are a share of, where not of all rows of the table; see `Ledger.add_values`.
    """

    name: str
    limit: str
    found: str
    reason: str
    expected: str
    consequence: str
    advice: str
    is_recorded: bool = True
    has_key: bool = True
    is_usual: bool = False
    is_allowed: bool = False
    of: str = "rows"


_SET_ASIDE = "They are set aside in quarantine.parquet"
_SAME_IDS = "Check that both tables write the lead's id alike and cover the same leads"

BROKEN_ROW = IssueKind(
    name="broken_row",
    limit="unreadable_values",
    found="with another number of fields than the header",
    reason="instead of as many as the header has",
    expected="as many fields as the header has",
    consequence=_SET_ASIDE,
    advice="Look at read.separator and read.quote",
)
BAD_CELL = IssueKind(
    name="unreadable_value",
    limit="unreadable_values",
    found="",
    reason="",
    expected="values of the declared type",
    consequence="The rows are kept with an empty value; quarantine.parquet lists them",
    advice="Correct the type, declare under `numbers` how they are written, or list what means "
    "missing under `missing`",
)
OTHER_CURRENCY = IssueKind(
    name="amount_in_other_currency",
    limit="unreadable_values",
    found="that are in another currency than the declared one, or name none",
    reason="is not in the declared currency",
    expected="amounts in the one currency that amounts.currency declares",
    consequence="These amounts are not read and in no sum; the rows are kept without them, and "
    "quarantine.parquet lists them",
    advice="Export the amounts converted to the declared currency (at the rate of the day of the "
    "deal), or declare the currency that they are in under `amounts.currency`",
    of="amounts",
)
BAD_ROW = IssueKind(
    name="unreadable_row",
    limit="unreadable_values",
    found="",
    reason="",
    expected="values that can be read",
    consequence=_SET_ASIDE,
    advice="Set time_format (or time_zone, ambiguous_times), or correct the export",
)
BAD_ID = IssueKind(
    name="unreadable_id",
    limit="unreadable_values",
    found="",
    reason="",
    expected="texts or whole numbers that are exact",
    consequence=_SET_ASIDE,
    advice="Export ids as text or as whole numbers, and rows of leads alone",
)
UNCLEAR_NUMBER = IssueKind(
    name="unclear_number",
    limit="",
    found="whose point may stand before a fraction or between thousands",
    reason="",
    expected="numbers that can be read in one way, or a declared notation",
    consequence="",
    advice='Set `numbers: {decimal: "."}` if 1.234 is more than one, or `numbers: {decimal: ",", '
    'thousands: "."}` if it is more than a thousand',
    is_recorded=False,
)
NO_ZONE = IssueKind(
    name="time_without_zone",
    limit="",
    found="",
    reason="",
    expected="times with a zone, or a declared zone",
    consequence="",
    advice="Set time_zone to the zone of the export (Europe/Berlin, America/New_York, UTC, …)",
    is_recorded=False,
)
BLANK = IssueKind(
    name="blank",
    limit="unreadable_values",
    found="without a value",
    reason="has no value",
    expected="a value in each row",
    consequence=_SET_ASIDE,
    advice="Complete the export, or leave such rows out of it",
)
DUPLICATE_LEAD = IssueKind(
    name="duplicate_lead",
    limit="duplicate_leads",
    found="whose lead id an earlier row has already",
    reason="is the id of an earlier row already",
    expected="each lead once",
    consequence="The first row of each lead counts; the others are set aside in quarantine.parquet",
    advice="Export one row a lead",
)
DUPLICATE_MOMENT = replace(
    DUPLICATE_LEAD,
    found="whose lead id an earlier row has already at the same as_of",
    reason="is the id of an earlier row at the same as_of already",
    expected="each lead once at each moment",
    consequence="The first such row counts; the others are set aside in quarantine.parquet",
    advice="Keep one row a lead and moment",
)
DUPLICATE_OUTCOME = IssueKind(
    name="duplicate_outcome",
    limit="duplicate_outcomes",
    found="of a lead that has an outcome already",
    reason="has an outcome already",
    expected="one outcome a lead",
    consequence="The first win of a lead counts, else its first loss; the others are set aside "
    "in quarantine.parquet",
    advice="Export one outcome a lead",
)
ORPHAN_EVENT = IssueKind(
    name="orphan_event",
    limit="orphan_events",
    found="that name a lead which the leads' table does not have",
    reason="is not in the leads' table",
    expected="leads of the leads' table",
    consequence=_SET_ASIDE,
    advice=_SAME_IDS,
)
EVENT_OF_OTHERS = replace(
    ORPHAN_EVENT,
    name="event_of_others",
    found="of leads that are not to be scored",
    expected="events of the leads to score",
    consequence="They are left out",
    is_recorded=False,
    is_usual=True,
)
ORPHAN_OUTCOME = replace(ORPHAN_EVENT, name="orphan_outcome", limit="orphan_outcomes")
UNMAPPED_OUTCOME = replace(
    ORPHAN_OUTCOME,
    name="unmapped_outcome",
    found="that no joined row gives a lead",
    reason="has no joined row that names its lead",
    expected="outcomes that a joined row gives a lead",
    advice="Check that the joined table is whole and names the outcomes alike; outcomes that never "
    "belonged to a lead may be left out by `where`",
)
CONTRADICTING_OUTCOME = IssueKind(
    name="contradicting_outcome",
    limit="contradicting_outcomes",
    found="lost, of a lead that another table of outcomes has as won",
    reason="is lost here, and won in another table of outcomes",
    expected="tables of outcomes that agree",
    consequence="The win counts; the others are set aside in quarantine.parquet",
    advice="Check what `lost` means in each table of outcomes",
)
OUTCOME_TOLD_ELSEWHERE = IssueKind(
    name="outcome_told_elsewhere",
    limit="",
    found="of a lead whose outcome another table of outcomes tells first",
    reason="",
    expected="one outcome a lead; of several tables the first win counts, else the first loss",
    consequence="They are left out",
    advice="",
    is_recorded=False,
    is_usual=True,
    is_allowed=True,
)
UNKNOWN_OUTCOME = IssueKind(
    name="unknown_outcome",
    limit="unknown_outcomes",
    found="with a status that the definition does not name",
    reason="is neither won nor lost nor open in the definition",
    expected="a status under won, lost or open",
    consequence="Such leads count as open; quarantine.parquet lists them",
    advice="Add the status to outcomes.won, outcomes.lost or outcomes.open",
)
OTHER_SPELLING = IssueKind(
    name="status_spelt_otherwise",
    limit="",
    found="with a status that the definition spells otherwise",
    reason="",
    expected="statuses as the definition spells them; case and blanks make no difference",
    consequence="They count as what the definition names",
    advice="",
    is_recorded=False,
    is_usual=True,
    is_allowed=True,
)
EVENT_SPELT_OTHERWISE = replace(
    OTHER_SPELLING,
    name="outcome_event_spelt_otherwise",
    found="of a kind that is an outcome and that the definition spells otherwise",
    expected="outcome events as the definition spells them; case and blanks make no difference",
    consequence="They count as the outcomes that the definition names",
)
CLOSED_BUT_OPEN = IssueKind(
    name="closed_but_open",
    limit="",
    found="of leads that count as open and have a closing time in the past",
    reason="",
    expected="closing times of leads that ended, or times to come",
    consequence="They count as open. If the status says that the lead was given up, add it to "
    "`lost`; if the column has the expected closing or the record's last change, map that of the "
    "actual closing where there is one",
    advice="",
    is_recorded=False,
    is_allowed=True,
)
EVENT_BEFORE_CREATION = IssueKind(
    name="event_before_creation",
    limit="events_before_creation",
    found="before the creation of their lead",
    reason="is before the creation of the lead",
    expected="events after the creation, but for visits before the lead was known",
    consequence="They are kept as the lead's history (events_before_creation: keep)",
    advice="Check the time zones of both tables",
    is_recorded=False,
    is_usual=True,
)
EVENT_BEFORE_CREATION_ASIDE = replace(
    EVENT_BEFORE_CREATION,
    expected="events after the creation",
    consequence=f"{_SET_ASIDE} (events_before_creation: set_aside)",
    is_recorded=True,
    is_usual=False,
)
OUTCOME_BEFORE_CREATION = IssueKind(
    name="outcome_before_creation",
    limit="outcomes_before_creation",
    found="of leads that ended before they were created",
    reason="is before the creation of the lead",
    expected="outcomes after the creation",
    consequence="These leads are set aside in quarantine.parquet",
    advice="Check which column is the creation and which the outcome, their time zones, and "
    "whether a file exchanges day and month",
)
LATE_ROW = IssueKind(
    name="time_in_the_future",
    limit="future_times",
    found="with a time after observed_until",
    reason="is after observed_until",
    expected="nothing after observed_until",
    consequence=_SET_ASIDE,
    advice="Correct observed_until, or the times",
)
LATE_OUTCOME = replace(
    LATE_ROW,
    found="with an outcome after observed_until",
    consequence="Such outcomes are not known yet: the leads count as open; quarantine.parquet "
    "lists them",
    advice="Correct observed_until; if these are expected closing dates, map the date of the "
    "actual closing",
)
DAYS_ALONE = IssueKind(
    name="day_without_time",
    limit="",
    found="with a day and no time of day",
    reason="",
    expected="a time of day, or a day that counts as its end",
    consequence="What happened on a day counts at its end, and is known from the next day on "
    "(`time_precision: moment`, beside time_zone, says that midnight is meant)",
    advice="",
    is_recorded=False,
    is_usual=True,
    is_allowed=True,
)
LEFT_OUT = IssueKind(
    name="left_out_by_filter",
    limit="",
    found="left out by",
    reason="",
    expected="what the filter asks for",
    consequence="They are left out, as the definition says",
    advice="",
    is_recorded=False,
    is_usual=True,
    is_allowed=True,
)
UNMATCHED = IssueKind(
    name="nothing_to_join",
    limit="",
    found="for which there is nothing to join",
    reason="",
    expected="identifiers of the joined table",
    consequence="They are kept, with empty values in the joined columns",
    advice="",
    is_recorded=False,
    is_usual=True,
    is_allowed=True,
)
MULTIPLIED = replace(
    UNMATCHED,
    name="added_by_join",
    found="that a join has added",
    expected="a row for each of several joined ones (expect: many)",
    consequence="They are kept beside the rows of the export",
)
SPLIT_CELL = replace(
    MULTIPLIED,
    name="added_by_split_cell",
    found="that stand for a further identifier of their cell",
    expected="a row for each identifier in a cell (split_cells)",
)
REPEATED_KEY = IssueKind(
    name="repeated_join_key",
    limit="repeated_join_keys",
    found="whose identifier an earlier row has already",
    reason="is the identifier of an earlier row already",
    expected="each identifier once (expect: one)",
    consequence="The first row of each counts; the others are set aside in quarantine.parquet",
    advice="Export one row for each, or set `expect: first` for the join if the first row is right "
    "(or, for events and outcomes, `expect: many` for a row for each)",
)
REPEATED_ACCOUNT = replace(
    REPEATED_KEY,
    expected="each account once",
    advice="Export one row an account",
)
KEYLESS = replace(
    UNMATCHED,
    name="joined_row_without_key",
    found="without an identifier",
    expected="an identifier in each row",
    consequence="They are joined to nothing",
)


def as_text(values: pl.Series) -> pl.Series:
    """Write values as people do, times in ISO format."""
    return shown(values)


def described(rows: RawRows, values: pl.Series | None) -> list[str]:
    """Say what stands where."""
    told = []
    for index, place in enumerate(rows.places().iter_rows(named=True)):
        number = f"line {place['line']}" if place["line"] is not None else f"row {place['row']}"
        where = f"{place['file']} {number}"
        value = None if values is None else values[index]
        odd = "" if value is None else told_letters(value)
        letters = f" with {odd}" if odd else ""
        told.append(where if value is None else f"{_short(value)!r}{letters} ({where})")
    return told


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:39]}…"


def constant(value: str | None, size: int) -> pl.Series:
    """Repeat a text."""
    return pl.Series([value], dtype=pl.String).new_from_index(0, size)


def full_reasons(column: str, values: pl.Series | None, reasons: pl.Series) -> pl.Series:
    """Say why rows are set aside, for the quarantine file."""
    place = pl.lit(f"{column}: " if column else "")
    if values is None:
        return pl.DataFrame({"reason": reasons}).select(place + pl.col("reason")).to_series()
    frame = pl.DataFrame({"reason": reasons, "value": values.fill_null("")})
    return frame.select(worded("{}'{}' {}", place, "value", "reason")).to_series()
