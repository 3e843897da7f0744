"""The kinds of faults that concern single rows, in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
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
        As in `features.errors.Fault`, where it is a warning.
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


_SET_ASIDE = "They are set aside in quarantine.parquet"
_SAME_IDS = "Check that both tables write the lead's id alike and cover the same leads"

BROKEN_ROW = Kind(
    name="broken_row",
    limit="unreadable_values",
    found="with another number of fields than the header",
    reason="instead of as many as the header has",
    expected="as many fields as the header has",
    consequence=_SET_ASIDE,
    advice="Look at read.separator and read.quote",
)
BAD_CELL = Kind(
    name="unreadable_value",
    limit="unreadable_values",
    found="",
    reason="",
    expected="values of the declared type",
    consequence="The rows are kept with an empty value; quarantine.parquet lists them",
    advice="Correct the type, declare under `numbers` how they are written, or list what means "
    "missing under `missing`",
)
BAD_ROW = Kind(
    name="unreadable_row",
    limit="unreadable_values",
    found="",
    reason="",
    expected="values that can be read",
    consequence=_SET_ASIDE,
    advice="Set time_format (or time_zone, ambiguous_times), or correct the export",
)
NO_ZONE = Kind(
    name="time_without_zone",
    limit="",
    found="",
    reason="",
    expected="times with a zone, or a declared zone",
    consequence="",
    advice="Set time_zone to the zone of the export (Europe/Berlin, America/New_York, UTC, …)",
    is_recorded=False,
)
BLANK = Kind(
    name="blank",
    limit="unreadable_values",
    found="without a value",
    reason="has no value",
    expected="a value in each row",
    consequence=_SET_ASIDE,
    advice="Complete the export, or leave such rows out of it",
)
DUPLICATE_LEAD = Kind(
    name="duplicate_lead",
    limit="duplicate_leads",
    found="whose lead id an earlier row has already",
    reason="is the id of an earlier row already",
    expected="each lead once",
    consequence="The first row of each lead counts; the others are set aside in quarantine.parquet",
    advice="Export one row a lead",
)
DUPLICATE_MOMENT = Kind(
    name="duplicate_lead",
    limit="duplicate_leads",
    found="whose lead id an earlier row has already at the same as_of",
    reason="is the id of an earlier row at the same as_of already",
    expected="each lead once at each moment",
    consequence="The first such row counts; the others are set aside in quarantine.parquet",
    advice="Keep one row a lead and moment",
)
DUPLICATE_OUTCOME = Kind(
    name="duplicate_outcome",
    limit="duplicate_outcomes",
    found="of a lead that has an outcome already",
    reason="has an outcome already",
    expected="one outcome a lead",
    consequence="The first win of a lead counts, else its first loss; the others are set aside "
    "in quarantine.parquet",
    advice="Export one outcome a lead",
)
ORPHAN_EVENT = Kind(
    name="orphan_event",
    limit="orphan_events",
    found="that name a lead which the leads' table does not have",
    reason="is not in the leads' table",
    expected="leads of the leads' table",
    consequence=_SET_ASIDE,
    advice=_SAME_IDS,
)
EVENT_OF_OTHERS = Kind(
    name="event_of_others",
    limit="orphan_events",
    found="of leads that are not to be scored",
    reason="is not in the leads' table",
    expected="events of the leads to score",
    consequence="They are left out",
    advice=_SAME_IDS,
    is_recorded=False,
    is_usual=True,
)
ORPHAN_OUTCOME = Kind(
    name="orphan_outcome",
    limit="orphan_outcomes",
    found="that name a lead which the leads' table does not have",
    reason="is not in the leads' table",
    expected="leads of the leads' table",
    consequence=_SET_ASIDE,
    advice=_SAME_IDS,
)
UNKNOWN_OUTCOME = Kind(
    name="unknown_outcome",
    limit="unknown_outcomes",
    found="with a status that the definition does not name",
    reason="is neither won nor lost nor open in the definition",
    expected="a status under won, lost or open",
    consequence="Such leads count as open; quarantine.parquet lists them",
    advice="Add the status to outcomes.won, outcomes.lost or outcomes.open",
)
EVENT_BEFORE_CREATION = Kind(
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
EVENT_BEFORE_CREATION_ASIDE = Kind(
    name="event_before_creation",
    limit="events_before_creation",
    found="before the creation of their lead",
    reason="is before the creation of the lead",
    expected="events after the creation",
    consequence=f"{_SET_ASIDE} (events_before_creation: set_aside)",
    advice="Check the time zones of both tables",
)
OUTCOME_BEFORE_CREATION = Kind(
    name="outcome_before_creation",
    limit="outcomes_before_creation",
    found="of leads that ended before they were created",
    reason="is before the creation of the lead",
    expected="outcomes after the creation",
    consequence="These leads are set aside in quarantine.parquet",
    advice="Check which column is the creation and which the outcome, and their time zones",
)
LATE_ROW = Kind(
    name="time_in_the_future",
    limit="future_times",
    found="with a time after observed_until",
    reason="is after observed_until",
    expected="nothing after observed_until",
    consequence=_SET_ASIDE,
    advice="Correct observed_until, or the times",
)
LATE_OUTCOME = Kind(
    name="time_in_the_future",
    limit="future_times",
    found="with an outcome after observed_until",
    reason="is after observed_until",
    expected="nothing after observed_until",
    consequence="Such outcomes are not known yet: the leads count as open; quarantine.parquet "
    "lists them",
    advice="Correct observed_until; if these are expected closing dates, map the date of the "
    "actual closing",
)
