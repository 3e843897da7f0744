"""Values that exports have, each with what it is in each role: for ``benchmarks.fuzz_exports``.

What is not listed as something in a role is nothing there: it must be refused, or told and empty.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

NUMBERS: Mapping[str, float] = {
    "1e3": 1000.0, "−5": -5.0, "(123)": -123.0, "5-": -5.0, "+7": 7.0, "007": 7.0, " 12 ": 12.0,
    "5\u200b": 5.0, "1.": 1.0, ".5": 0.5, "-0": 0.0, "1E+15": 1e15, "\ufeff3": 3.0, "1.234": 1.234,
    "12345678901234567890": 12345678901234567890.0, "0": 0.0, "1": 1.0, "-1": -1.0, "999": 999.0,
    "45292": 45292.0, "1704096000": 1704096000.0, "20240102": 20240102.0, "2460310.5": 2460310.5,
    "1e-400": 0.0, "1.23E+15": 1.23e15, "00123": 123.0,
}  # fmt: skip
TIMES: Mapping[str, str] = {
    "2024-03-31T18:00:00.000+0000": "2024-03-31T18:00:00", "2024-01-20T18:00:00+02":
    "2024-01-20T16:00:00", "2024-03-01 10:00:00 UTC": "2024-03-01T10:00:00",
    "2024-02-03T04:05:06Z ": "2024-02-03T04:05:06", "2024-03-31T23:59:60Z": "2024-04-01T00:00:00",
    "2024-02-03t04:05:06z": "2024-02-03T04:05:06", "2024-02-03T04:05:06,5Z":
    "2024-02-03T04:05:06.500", "2024-02-03T04:05Z": "2024-02-03T04:05:00",
    "+2024-02-03T04:05:06Z": "2024-02-03T04:05:06",
}  # fmt: skip
FLAGS: Mapping[str, bool] = {
    "TRUE": True, "t": True, "Y": True, "1": True, "0": False, "No": False, "f": False,
    "\u200byes\u00a0": True,
}  # fmt: skip
TEXTS = (
    *NUMBERS, *TIMES, *FLAGS,
    # Nothing, in many words.
    "", " ", "\u00a0", "\u200b", "N/A", "#N/A", "#REF!", "null", "None", "NaN", "inf", "-", "?",
    # Dates of other notations, and none.
    "01.02.2024", "01/02/2024", "13/13/2024", "24-02-01", "0000-00-00", "1900-01-01",
    "1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "2024-02-30",
    "2024-01-01 24:00:00", "infinity", "-infinity", "2024-01-01 10:00 CET", "1. März 2024",
    "12024-01-01T00:00:00Z", "2024-06-30T00:00:00Z",
    # Numbers of other notations, and none.
    "1.234,56", "1,234", "1\u00a0234", "12%", "€1.2k", "1.5M", "$ 1,234.50 USD", "1e400", "0x10",
    "1_000", "½", "\u0663\u0664", "\uff13", "--5", "1-2", "(", "()", "(a)", "e5", "1e", "+",
    # Texts.
    "Ja", "Nein", "x", "VRAI", "Müller", "MÃ¼ller", "M\ufffdller", "A &amp; B", "A;B", "a,b",
    'say "hi"', "two\nlines", "cr\rlf", "tab\tbed", "Москва", "с", "e\u0301", "é", "\U0001f600",
    "'=1+1", "=1+1", "a" * 300, "\u202eabc", "L\u200b1", "L\u00ad1", "L1\u200b", " L1", "L1\u00a0",
    # Identifiers.
    "l1", "'L1", "L01", "L1.0", "lead-1", "1.23E+15", "Total", "Grand Total", "(8 rows affected)",
    "Generated on 2024-05-01", "id", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "L1", "L2", "won",
    "lost", "open", "Won", "won ", "closed won",
)  # fmt: skip
"""Every text; those in the tables above are something in their role."""
TYPED: tuple[Any, ...] = (
    None, 0, 1, -1, 2**53 + 1, 2**62, 1.5, 1001.0, 2.0**60, float("inf"), float("nan"), -0.0, 1e-7,
    b"L1", b"\xff\xfe", b"", 45292, 45292.5, 1704096000, "L1", "",
)  # fmt: skip
"""What SQLite may hold in any column."""
HELD: tuple[Any, ...] = (
    *TYPED, True, Decimal("1.50"), Decimal("1E+3"), Decimal("NaN"), date(2024, 2, 3),
    datetime(2024, 2, 3, 4, 5, 6), 2**70,
)  # fmt: skip
NAMES = (
    "", " ", "id", "id ", "ID", "\ufeffid", "i\u200bd", "і\u0064", "created", "revenue", "Revenue",
    "source\u00a0", "a\nb", 'a"b', "a,b", "lead_id", "created_at", "event_type", "1", "x" * 300,
    "leadcast: text", "row", "position", "\0",
)  # fmt: skip
"""What columns may be called."""
LIMITS = (
    *("unreadable_values", "duplicate_leads", "duplicate_outcomes", "orphan_events"),
    *("orphan_outcomes", "unknown_outcomes", "events_before_creation", "outcomes_before_creation"),
    "future_times",
)
_BY_SOURCE = {"form": "status", "columns": {"status": "source"}, "won": ["Google"]}
_BY_FLAG = {"form": "status", "columns": {"status": "newsletter", "closed_at": "created"}}
KEYS: tuple[tuple[str, Sequence[Any]], ...] = (
    ("time_zone", ["Europe/Berlin", "UTC", "Mars/Base"]),
    ("observed_until", ["latest", "2024-01-05", "2030-01-01T00:00:00Z", "soon"]),
    ("ambiguous_times", ["earlier", "later", "never"]),
    ("events_before_creation", ["keep", "set_aside"]),
    ("tables.leads.time_format", ["%d.%m.%Y", "epoch_s", "excel", "%Z", "%H:%M", "x"]),
    ("tables.leads.time_format", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%#z", "%+", "%C%D"]),
    ("tables.events.time_format", [["%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%#z"], "julian_day", "%"]),
    ("tables.outcomes.time_format", ["%Y-%m-%dT%H:%M:%S%z", "epoch_ms", "epoch_ns", "%I:%M %Y"]),
    ("tables.leads.numbers", [{"decimal": ","}, {"thousands": ","}, {"strip": ["€", ""]}]),
    ("tables.leads.numbers", [{"decimal": ",", "thousands": ","}, {"strip": "."}, {"x": "y"}]),
    ("tables.events.numbers", [{"decimal": ",", "thousands": "."}, {"thousands": "'"}]),
    ("tables.leads.read.missing", [["Google"], ["L1"], ["1001.5", "yes"], ["nan"], [""]]),
    ("tables.leads.read.skip_lines", ["1", "5", "-1"]),
    ("tables.leads.read.quote", [None, "'", "\u201e", ",", "ab", "L", "1"]),
    ("tables.leads.read.separator", ["", ";", "tab", "\\t", "ab", '"', "L", "0", "\n", "\0", "\r"]),
    ("tables.leads.read.encoding", ["ascii", "utf-16", "cp037", "idna", "nonsense", "utf-7"]),
    ("tables.leads.read.encoding", ["rot13", "base64", "punycode", "utf-32", "unicode_escape"]),
    ("tables.leads.read.format", ["csv", "parquet", "xls"]),
    ("tables.leads.read.files", ["*.csv", "lead?.csv", "../x", "", "[", "**", "/", ".", "\0"]),
    ("tables.leads.read.files", [["leads.csv", "leads.csv"], ["leads.csv", "events.csv"]]),
    ("tables.leads.remaining_columns", ["infer", "ignore"]),
    ("tables.leads.columns.lead_id", ["row", "created", "revenue", "source", "nobody"]),
    ("tables.leads.columns.created_at", ["id", "revenue", None]),
    ("tables.leads.attributes.source.type", ["number", "time", "flag", "text"]),
    ("tables.leads.attributes.revenue.type", ["category", "text", "flag", "time", None]),
    ("tables.leads.attributes.revenue.missing", [["1001.5"], ["nan"], ["inf"]]),
    ("tables.leads.attributes.newsletter.values", [{"yes": "maybe"}, {"yes": "no"}, {"no": ""}]),
    ("tables.leads.attributes.id", ["id", "source"]),
    ("tables.leads.rules_score", ["revenue", ["revenue", "source"], "seconds"]),
    ("tables.leads.order_by", ["id", "row"]),
    ("tables.leads.where", [[{"column": "source", "in": ["Google"]}], [{"column": "x"}]]),
    ("tables.events.columns.event_type", ["type", ["type", "id"], [], "seconds"]),
    ("tables.events.columns.value", ["type", "at", None]),
    ("tables.events.kind", ["call", ""]),
    ("tables.outcomes.columns.amount", ["won", "id", None]),
    ("tables.outcomes", [{"form": "events", "won_events": ["call"]}]),
    ("tables.outcomes", [{"form": "events", "won_events": ["x"], "lost_events": ["call"]}]),
    ("tables.outcomes", [_BY_SOURCE | {"lost": ["Fair"], "open": ["Referral"]}]),
    ("tables.outcomes", [_BY_FLAG | {"won": ["yes"], "lost": ["no"]}]),
    ("tables.outcomes", [{"form": "dates", "columns": {"won_at": "created"}}]),
    ("tables.events", [None]),
    ("forbidden", [{"revenue": "told"}, {"x": "y"}]),
)
"""Keys of the definition, and what they may be set to, right or not."""
