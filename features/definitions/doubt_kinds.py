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
    """

    meaning: str
    expected: str


DOUBTS: Mapping[str, DoubtKind] = {
    "repeated_files": DoubtKind(
        "Two files of a table hold the same rows, or overlap: what leads did counts twice.",
        "each row in one file",
    ),
    "shortened_ids": DoubtKind(
        "Identifiers look as if a spreadsheet or a CRM had shortened them (1.23E+15, zeros at the "
        "end of long numbers, zeros lost at the beginning, 15 letters beside 18): rows of one lead "
        "do not find each other, or those of several do.",
        "identifiers as the CRM has them",
    ),
    "row_limit": DoubtKind(
        "A file or a query has exactly as many rows as exports are cut at (10,000, 65,535, "
        "1,048,575 …): the rest is probably missing.",
        "an export with all its rows",
    ),
    "outcomes_begin_late": DoubtKind(
        "Outcomes are recorded from a later day on than leads: winners from before look like "
        "leads that never bought.",
        "outcomes recorded since the first lead",
    ),
    "lone_end": DoubtKind(
        "The last win or loss stands alone, long after everything else: with `observed_until: "
        "latest` all leads look as if they had been watched until then.",
        "a last outcome among the last leads and events",
    ),
    "old_and_open": DoubtKind(
        "Most leads are open although they are older than nearly all leads were when they ended: "
        "an outcome is not mapped, or losses are not recorded.",
        "old leads that have ended, but for a few",
    ),
    "nearly_all_won": DoubtKind(
        "More than 90 % of the leads that ended were won: losses are missing, or a filter left "
        "mostly customers.",
        "more losses than wins, as nearly everywhere",
    ),
    "none_lost": DoubtKind(
        "No lead was lost: losses are not mapped or not recorded, and given-up leads look open.",
        "some leads that were lost",
    ),
    "none_open": DoubtKind(
        "No lead is open, not even the newest: the export holds closed leads only, and those that "
        "close slowly are missing from its last months.",
        "open leads among the newest",
    ),
    "ends_in_bulk": DoubtKind(
        "One day or hour has an implausible share of all wins or losses: an import or a clean-up, "
        "whose time is not that of the outcome.",
        "outcomes spread over the days",
    ),
    "creations_in_bulk": DoubtKind(
        "One day or hour has an implausible share of all creations: an import, before which these "
        "leads may have existed.",
        "creations spread over the days",
    ),
    "odd_time_to_win": DoubtKind(
        "An implausible share of the winners took exactly the same number of days: a rule or a "
        "default has set the time.",
        "times to win without a spike",
    ),
    "ends_before_creation": DoubtKind(
        "Leads ended before they were created: one of the two times has another zone, has no time "
        "of day, or is that of another record.",
        "outcomes after the creation",
    ),
    "early_events": DoubtKind(
        "Many events lie months before the creation of their lead: its creation is that of an "
        "import or of a conversion, or the events are another person's.",
        "events around and after the creation",
    ),
    "events_after_end": DoubtKind(
        "Most events of ended leads lie after their end: the end is dated too early, or these are "
        "events of customers.",
        "events before the end, mostly",
    ),
    "late_rows": DoubtKind(
        "Rows lie after `observed_until`, which is then older than the export.",
        "nothing after observed_until",
    ),
    "odd_hours": DoubtKind(
        "The hours at which people do things are those of another time zone.",
        "nights that are quiet",
    ),
    "odd_weekdays": DoubtKind(
        "The two quiet days of the week are not a weekend: times are shifted by about a day.",
        "weekends that are quiet",
    ),
    "two_date_formats": DoubtKind(
        "Every date fits the declared format with day and month exchanged as well.",
        "days after the 12th of a month",
    ),
    "placeholder": DoubtKind(
        "One value stands for what nobody knew (0, -1, 999, 1970-01-01, unknown, n/a, test …) and "
        "is read as if it were one.",
        "values that were known, and nothing where they were not",
    ),
    "cut_texts": DoubtKind(
        "Texts end exactly at a length at which systems cut (255 or 32,767 characters).",
        "texts of any length",
    ),
    "foreign_letters": DoubtKind(
        "Values hold letters of another alphabet that look alike, or characters that are not "
        "seen: they differ from what they look like.",
        "letters of one alphabet in a word",
    ),
    "mixed_currencies": DoubtKind(
        "Amounts of one column are in several currencies, and are read as if they were in one.",
        "one currency a column",
    ),
    "repeated_events": DoubtKind(
        "The same event (lead, time, kind, value) stands there several times.",
        "each event once",
    ),
    "test_leads": DoubtKind(
        "Leads that look like tests or like the company's own people.",
        "leads of other people alone",
    ),
}
"""Each kind by its code, the worst first: in this order they are told."""
