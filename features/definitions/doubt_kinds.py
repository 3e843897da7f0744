"""The kinds of doubts that a source's profile may raise, each by its code.

A doubt is no fault: every value was read, and taken together they look unlike what a sales team
does. Whoever knows better vouches for it in the definition (`vouched`), with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DoubtKind:
    """A kind of doubt.

    Parameters
    ----------
    meaning : str
        What is seen, and why it matters, for people.
    expected : str
        What a healthy export has instead.
    remedy : str
        What to do about it, where nothing more is known.
    """

    meaning: str
    expected: str
    remedy: str


DOUBTS: Mapping[str, DoubtKind] = {
    "repeated_files": DoubtKind(
        "Two files of a table hold the same rows, or overlap: what leads did counts twice.",
        "each row in one file",
        "Take one of the files out of `read.files` of the table, or export spans of time that "
        "do not overlap.",
    ),
    "shortened_ids": DoubtKind(
        "Identifiers look as if a spreadsheet or a CRM had shortened them (1.23E+15, zeros at the "
        "end of long numbers, zeros lost at the beginning, 15 letters beside 18): rows of one lead "
        "do not find each other, or those of several do.",
        "identifiers as the CRM has them",
        "Export the identifiers as text, and do not save the file from a spreadsheet; for 15 "
        "and 18 letters of Salesforce set `ids: salesforce`.",
    ),
    "row_limit": DoubtKind(
        "A file or a query has exactly as many rows as exports are cut at (10,000, 65,535, "
        "1,048,575 …): the rest is probably missing.",
        "an export with all its rows",
        "Compare with the number of records in the CRM; export in parts (by month), or raise "
        "the limit of the query.",
    ),
    "outcomes_begin_late": DoubtKind(
        "Outcomes are recorded from a later day on than leads: winners from before look like "
        "leads that never bought.",
        "outcomes recorded since the first lead",
        "Write from when on outcomes were recorded (`outcomes_from`), and what becomes of older "
        "leads (`before_outcomes`).",
    ),
    "lone_end": DoubtKind(
        "The last win or loss stands alone, long after everything else: with `observed_until: "
        "latest` all leads look as if they had been watched until then.",
        "a last outcome among the last leads and events",
        "Write until when the export really knows outcomes (`observed_until: 2024-03-31`); "
        "expected closing dates are no outcomes.",
    ),
    "old_and_open": DoubtKind(
        "Most leads are open although they are older than nearly all leads were when they ended: "
        "an outcome is not mapped, or losses are not recorded.",
        "old leads that have ended, but for a few",
        "Name all statuses, events or columns that say lost under `tables.outcomes`; look for "
        "one that says given up and counts as open.",
    ),
    "nearly_all_won": DoubtKind(
        "More than 90 % of the leads that ended were won: losses are missing, or a filter left "
        "mostly customers.",
        "more losses than wins, as nearly everywhere",
        "Name what says lost under `tables.outcomes`, and check whether a filter left mostly "
        "customers.",
    ),
    "none_lost": DoubtKind(
        "No lead was lost: losses are not mapped or not recorded, and given-up leads look open.",
        "some leads that were lost",
        "Name what says lost under `tables.outcomes`: `lost`, `lost_events` or `columns.lost_at`; "
        "export lost or archived leads too.",
    ),
    "none_open": DoubtKind(
        "No lead is open, not even the newest: the export holds closed leads only, and those that "
        "close slowly are missing from its last months.",
        "open leads among the newest",
        "Export open leads too: without them the newest leads are only those that ended fast.",
    ),
    "ends_in_bulk": DoubtKind(
        "One day or hour has an implausible share of all wins or losses: an import or a clean-up, "
        "whose time is not that of the outcome.",
        "outcomes spread over the days",
        "Map the column with the time of the outcome itself under `tables.outcomes.columns`; "
        "leave out leads whose outcome was only tidied up.",
    ),
    "creations_in_bulk": DoubtKind(
        "One day or hour has an implausible share of all creations: an import, before which these "
        "leads may have existed.",
        "creations spread over the days",
        "If they were imported, map the column with the time at which the lead came to be as "
        "`tables.leads.columns.created_at`, or leave the imported leads out "
        "(`tables.leads.where`).",
    ),
    "odd_time_to_win": DoubtKind(
        "An implausible share of the winners took exactly the same number of days: a rule or a "
        "default has set the time.",
        "times to win without a spike",
        "Ask what sets this time; map the column with the time at which the lead became a "
        "customer under `tables.outcomes.columns`.",
    ),
    "wins_on_first_day": DoubtKind(
        "Many leads are won within a day of their creation, far more than on the next days: they "
        "were probably entered only when they bought, and cannot be scored before.",
        "first days that decline smoothly, or few wins in them",
        "See whether such leads were entered at the sale; if so, leave them out by what marks "
        "them (`tables.leads.where: [{column: Source, not: [Shop]}]`), or map the column with "
        "the first contact as `tables.leads.columns.created_at`.",
    ),
    "ends_before_creation": DoubtKind(
        "Leads ended before they were created: one of the two times has another zone, has no time "
        "of day, has day and month exchanged, or is that of another record.",
        "outcomes after the creation",
        "See whether one of the columns has no time of day, or another zone: set `time_zone` of "
        "its table. If the examples are of one file, see whether it exchanges day and month.",
    ),
    "early_events": DoubtKind(
        "Many events lie months before the creation of their lead: its creation is that of an "
        "import or of a conversion, or the events are another person's.",
        "events around and after the creation",
        "Map the column with the time at which the lead came to be, or set "
        "`events_before_creation: set_aside`.",
    ),
    "events_after_end": DoubtKind(
        "Most events of ended leads lie after their end: the end is dated too early, or these are "
        "events of customers.",
        "events before the end, mostly",
        "Check that the time of the outcome is that of the decision; events of customers teach "
        "nothing about leads.",
    ),
    "late_rows": DoubtKind(
        "Rows lie after `observed_until`, which is then older than the export.",
        "nothing after observed_until",
        "Set `observed_until` to the time of the export.",
    ),
    "odd_hours": DoubtKind(
        "The hours at which people do things are those of another time zone, and the model looks "
        "at hours and weekdays.",
        "nights that are quiet",
        "Where these times name no zone, set theirs (`time_zone` of the table); where they name "
        "one, say where leads live (`local_time_zone`), or mend the export.",
    ),
    "odd_weekdays": DoubtKind(
        "The two quiet days of the week are not a weekend: times are shifted by about a day.",
        "weekends that are quiet",
        "Look at `time_zone` and `time_format` of the table, and at how the export shifts days.",
    ),
    "two_date_formats": DoubtKind(
        "Every date of a column, or of one of its files, fits the declared format with day and "
        "month exchanged as well.",
        "days after the 12th of a month",
        "See in the CRM which number is the day, and set `time_format` of the table by it; export "
        "a file again that writes it otherwise than the others.",
    ),
    "placeholder": DoubtKind(
        "One value stands for what nobody knew (0, -1, 999, 1970-01-01, unknown, n/a, test …) and "
        "is read as if it were one.",
        "values that were known, and nothing where they were not",
        "If it means that nobody knew, list it under `missing` of the attribute.",
    ),
    "cut_texts": DoubtKind(
        "Texts end exactly at a length at which systems cut (255 or 32,767 characters).",
        "texts of any length",
        "Export the column in full, or leave it out.",
    ),
    "foreign_letters": DoubtKind(
        "Values hold letters of another alphabet that look alike, or characters that are not "
        "seen: they differ from what they look like.",
        "letters of one alphabet in a word",
        "Correct them in the CRM, or write under `values` of the attribute what they mean.",
    ),
    "mixed_currencies": DoubtKind(
        "Amounts of one column are in several currencies, and are read as if they were in one.",
        "one currency a column",
        "Export the amounts converted to one currency.",
    ),
    "repeated_events": DoubtKind(
        "The same event (lead, time, kind, value) stands there several times.",
        "each event once",
        "Export each event once; a join in the query may repeat them (`SELECT DISTINCT`).",
    ),
    "renamed_kind": DoubtKind(
        "A kind of events ends as another, about as frequent, begins: it was probably renamed, and "
        "the model takes the two for different things.",
        "one name for each kind of events",
        "Write one name for both in the export (in a query: `CASE WHEN`).",
    ),
    "test_leads": DoubtKind(
        "Leads that look like tests or like the company's own people.",
        "leads of other people alone",
        "Leave them out, in the export or by a filter: `tables.leads.where: [{column: Company, "
        "not: [Test]}]`.",
    ),
}
"""Each kind by its code, the worst first: in this order they are told."""

AUDIT_CODES = (
    *("email_invalid", "email_reserved", "email_disposable", "email_relay", "email_role"),
    *("email_repeated", "phone_invalid", "phone_unclear", "phone_elsewhere", "phone_repeated"),
    *("name_doubtful", "names_are_same", "fields_alike", "dates_out_of_order", "dates_in_future"),
    *("events_in_bulk", "changes_in_bulk", "column_goes_missing", "column_drifts", "column_turns"),
    "column_changes_meaning",
)
"""What `leadcast audit` finds (`models.audit.audit_finding`), and is vouched for likewise."""
