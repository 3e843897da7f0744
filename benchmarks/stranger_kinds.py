"""The exports that people really have, as plain data: kinds, their variants, and what is right.

A variant puts values into columns of a small export, or changes its files, and tells what must come
out: the canonical values (`Right`), or a refusal whose message has these words (`Told`). Texts come
through every door that a table can come through; typed values and files through those that have
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Cells = Mapping[str, Sequence[Any]]
"""By ``TABLE.COLUMN`` the values of its first rows."""
Keys = Mapping[str, Any]
"""Keys of the definition, with dots between them."""

TABLES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "leads": {
        "id": ["L1", "L2", "L3", "L4"],
        "created": [f"2024-01-0{day}T08:00:00Z" for day in (1, 2, 3, 4)],
        "revenue": ["1000", "2500.5", "", "0"],
        "newsletter": ["yes", "no", "", "yes"],
        "source": ["Google", "Referral", "Google", ""],
        "status": ["won", "lost", "open", "open"],
    },
    "events": {
        "id": ["L1", "L1", "L2", "L3"],
        "at": [f"2024-01-1{day}T09:00:00Z" for day in (1, 2, 3, 4)],
        "type": ["mail", "call", "form", "mail"],
        "seconds": ["", "31.5", "", "7"],
    },
    "outcomes": {
        "id": ["L1", "L2"],
        "won": ["2024-02-01T00:00:00Z", ""],
        "lost": ["", "2024-02-02T00:00:00Z"],
        "amount": ["500", ""],
    },
}
"""The export where nothing is odd."""


@dataclass(frozen=True)
class Right:
    """These canonical values of the first leads, and as many of everything as there are."""

    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    warned: tuple[str, ...] = ()
    """Words of a warning that tells what is odd all the same."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Where other than in `TABLES`."""


@dataclass(frozen=True)
class Told:
    """A refusal whose message has all of these words: the column, the cause, the remedy."""

    words: tuple[str, ...]


Truth = Right | Told


@dataclass(frozen=True)
class Variant:
    """One way in which a kind comes."""

    truth: Truth
    cells: Cells = field(default_factory=dict)
    keys: Keys = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """Exports that are odd in one way."""

    name: str
    variants: tuple[Variant, ...]


def told(*words: str) -> Told:
    """Say what a refusal must tell."""
    return Told(words)


def ids(here: Sequence[str], there: Sequence[str], truth: Truth) -> Variant:
    """Write leads' ids in one way, and those of events and outcomes in another."""
    theirs = [there[0], there[0], there[1], there[2]]
    cells = {"leads.id": here, "events.id": theirs, "outcomes.id": there[:2]}
    return Variant(truth, cells)


def times(values: Sequence[str], truth: Truth, **keys: Any) -> Variant:  # noqa: ANN401 - YAML
    """Write creations so, in an export from Berlin."""
    changed = {f"tables.leads.{key}": value for key, value in keys.items()}
    return Variant(truth, {"leads.created": values}, {"time_zone": "Europe/Berlin"} | changed)


def numbers(values: Sequence[str], truth: Truth, **written: Any) -> Variant:  # noqa: ANN401
    """Write revenues so, and declare it."""
    keys = {"tables.leads.numbers": written} if written else {}
    return Variant(truth, {"leads.revenue": values}, keys)


def revenue(*values: float | None) -> Right:
    """Tell which revenues are right."""
    return Right({"revenue": values})


def created(*moments: str) -> Right:
    """Tell which creations are right."""
    return Right({"created_at": moments})


ORPHANS = "leads' table does not have"
_SF = ["0065g00000AbCdE", "0065g00000AbCdF", "0065g00000AbCdG", "0065g00000AbCdH"]
_UUIDS = [f"6F9619FF-8B86-D011-B42D-00CF4FC964F{n}" for n in "ABCD"]

IDENTIFIERS = (
    Kind(
        "long ids that a spreadsheet has shortened",
        (
            ids(["1.23E+15", "1.24E+15", "1.25E+15"], ["1.23E+15", "1.24E+15", "1.25E+15"],
                told("'id'", "spreadsheet has shortened", "Export ids as text")),
            ids(["1,23E+15", "b", "c"], ["1,23E+15", "b", "c"], told("'id'", "shortened")),
            ids(["1230000000000000", "b", "c"], ["1230000000000001", "b", "c"],
                told("'id'", ORPHANS, "a spreadsheet has rounded long numbers")),
        ),
    ),
    Kind(
        "leading zeros lost in one table",
        (
            ids(["00123", "00124", "00125", "00126"], ["123", "124", "125"],
                told("events: column 'id'", "after removing leading zeros", "'00123'")),
            ids(["7", "8", "9"], ["007", "008", "009"], told("leading zeros", "'007' here")),
            ids(["00123", "00124", "00125"], ["00123", "00124", "00125"],
                Right({"lead_id": ["00123", "00124", "00125"]})),
        ),
    ),
    Kind(
        "whole numbers that became fractions",
        (
            ids(["1001.0", "1002.0", "1003.0"], ["1001", "1002", "1003"],
                told("'id'", "after removing .0", "'1001.0'")),
            ids(["1001", "1002", "1003"], ["1001.00", "1002.00", "1003.00"], told("removing .0")),
            ids(["1001", "1002", "1003"], ["1001,0", "1002,0", "1003,0"], told("removing .0")),
        ),
    ),
    Kind(
        "Salesforce's ids of 15 and of 18 letters",
        (
            ids(_SF, [f"{one}AAV" for one in _SF], told("'id'", "`ids: salesforce`")),
            ids([f"{one}AAV" for one in _SF], _SF, told("'id'", "`ids: salesforce`")),
            # They differ in case alone, and are different leads.
            ids(["0065g00000AbCdE", "0065g00000abcde", "L3"],
                ["0065g00000AbCdE", "0065g00000abcde", "L3"],
                Right({"lead_id": ["0065g00000AbCdE", "0065g00000abcde"]})),
        ),
    ),
    Kind(
        "ids in other case or with marks",
        (
            ids(["a1", "b1", "c1"], ["A1", "B1", "C1"], told("'id'", "upper and lower case")),
            ids(["'1001", "'1002", "'1003"], ["1001", "1002", "1003"], told("quotation marks")),
            ids(['="001"', '="002"', '="003"'], ["001", "002", "003"], told("quotation marks")),
            ids(["1,001", "1,002", "1,003"], ["1001", "1002", "1003"], told("between thousands")),
        ),
    ),
    Kind(
        "ids with letters that look like others",
        (
            ids(["\u04301", "\u04302", "\u04303"], ["a1", "a2", "a3"],
                told("'id'", "look-alike letters")),
            ids(["a1", "b", "c"], ["\u04301", "b", "c"],
                told("U+0430 CYRILLIC SMALL LETTER A", "look-alike")),
            ids(["a\u20111", "b", "c"], ["a-1", "b", "c"], told("look-alike letters")),
            ids(["\uff11\uff10", "b", "c"], ["10", "b", "c"], told("look-alike letters")),
            ids(["\u00e91", "b", "c"], ["e\u03011", "b", "c"],
                told("U+0301 COMBINING ACUTE ACCENT", "look-alike")),
        ),
    ),
    Kind(
        "ids with blanks and invisible letters",
        (
            ids([" L1", "L2\u00a0", "L3\u200b"], ["L1\ufeff", "L2 ", "L3"],
                Right({"lead_id": ["L1", "L2", "L3"]})),
            ids(["L\u200b1", "L2", "L3"], ["L\u200b1", "L2", "L3"],
                told("'id'", "invisible letter", "U+200B ZERO WIDTH SPACE")),
            ids(["L\u00ad1", "L2", "L3"], ["L\u00ad1", "L2", "L3"], told("U+00AD SOFT HYPHEN")),
        ),
    ),
    Kind(
        "UUIDs in several forms",
        (
            ids([f"{{{one}}}" for one in _UUIDS], [one.lower() for one in _UUIDS],
                told("'id'", "as UUIDs")),
            ids(_UUIDS, [one.replace("-", "") for one in _UUIDS], told("as UUIDs")),
            ids(_UUIDS, _UUIDS, Right({"lead_id": _UUIDS})),
        ),
    ),
    Kind(
        "ids with a prefix in one table",
        (
            ids(["lead-17", "lead-18", "lead-19"], ["17", "18", "19"],
                told("what stands before their digits", "'lead-17'")),
            ids(["17", "18", "19"], ["L17", "L18", "L19"], told("before their digits")),
            ids(["17", "18", "19"], ["Lead #17", "Lead #18", "Lead #19"], told("their digits")),
        ),
    ),
    Kind(
        "ids that are none",
        (
            ids(["#N/A", "L2", "L3"], ["#N/A", "L2", "L3"],
                told("'id'", "spreadsheet's error", "'#N/A'")),
            ids(["Total", "L2", "L3"], ["L1", "L2", "L3"], told("'id'", "total's", "'Total'")),
            ids(["(4 rows affected)", "L2", "L3"], ["L1", "L2", "L3"], told("footer's")),
            ids(["Generated on 2024-05-01", "L2", "L3"], ["L1", "L2", "L3"], told("footer's")),
            ids(["id", "L2", "L3"], ["L1", "L2", "L3"], told("the column's name once more")),
            ids(["", "L2", "L3"], ["L1", "L2", "L3"], told("'id'", "without a value")),
        ),
    ),
    Kind(
        "odd ids that are ids",
        (
            ids(["-1", "-2", "-3"], ["-1", "-2", "-3"], Right({"lead_id": ["-1", "-2", "-3"]})),
            ids(["TRUE", "FALSE", "x"], ["TRUE", "FALSE", "x"],
                Right({"lead_id": ["TRUE", "FALSE", "x"]})),
            ids(["2024-01-01", "1.5", "x"], ["2024-01-01", "1.5", "x"],
                Right({"lead_id": ["2024-01-01", "1.5", "x"]})),
            ids(["Åse", "Müller & Co", "Москва"], ["Åse", "Müller & Co", "Москва"],
                Right({"lead_id": ["Åse", "Müller & Co", "Москва"]})),
        ),
    ),
)  # fmt: skip

_DAYS = ["01.02.2024", "02.02.2024", "13.02.2024", "14.02.2024"]
TIMES = (
    Kind(
        "days and months in another order",
        (
            times(_DAYS, told("'created'", "is not a time", 'time_format: "%d.%m.%Y"')),
            times(["01/02/2024", "02/02/2024", "03/02/2024", "04/02/2024"],
                  told("fit both", '"%m/%d/%Y"', "set the one that the export means")),
            times(["2/13/2024", "2/14/2024", "2/15/2024", "2/16/2024"],
                  told('time_format: "%m/%d/%Y"')),
            times(_DAYS, created("2024-01-31T23:00:00", "2024-02-01T23:00:00"),
                  time_format="%d.%m.%Y"),
        ),
    ),
    Kind(
        "two formats in one column",
        (
            times(["01.02.2024", "2024-02-02", "03.02.2024", "04.02.2024"],
                  created("2024-01-31T23:00:00", "2024-02-01T23:00:00"),
                  time_format=["%d.%m.%Y", "%Y-%m-%d"]),
            times(["01/02/2024", "13/02/2024", "03/02/2024", "04/02/2024"],
                  told("'created'", "fits two of the declared time formats"),
                  time_format=["%d/%m/%Y", "%m/%d/%Y"]),
            times(["01.02.2024", "soon", "03.02.2024", "04.02.2024"],
                  told("'created'", "is not a time", "'soon'"), time_format="%d.%m.%Y"),
        ),
    ),
    Kind(
        "years of two digits",
        (
            times(["24-02-01", "24-02-02", "24-02-03", "24-02-04"], told("is not a time")),
            times(["01.02.24", "02.02.24", "03.02.24", "14.02.24"],
                  told('time_format: "%d.%m.%y"'), time_format="%d.%m.%Y"),
            times(["01.02.24", "02.02.24", "03.02.24", "04.02.24"],
                  created("2024-01-31T23:00:00"), time_format="%d.%m.%y"),
        ),
    ),
    Kind(
        "numbers that count days",
        (
            times(["45292", "45293.5", "45294", "45295"],
                  told("'created'", "time_format: excel")),
            times(["45292", "45293.5", "45294", "45295"],
                  created("2023-12-31T23:00:00", "2024-01-02T11:00:00"), time_format="excel"),
            times(["2460310.5", "2460311.5", "2460312.5", "2460313.5"],
                  created("2024-01-01T00:00:00"), time_format="julian_day"),
        ),
    ),
    Kind(
        "epochs in another unit",
        (
            times(["1704096000", "1704182400", "1704268800", "1704355200"],
                  told("time_format: epoch_s")),
            times(["1704096000", "1704182400", "1704268800", "1704355200"],
                  told("'created'", "before 1980", "time_format: epoch_s"),
                  time_format="epoch_ms"),
            times(["1704096000000", "1704182400000", "1704268800000", "1704355200000"],
                  told("time_format: epoch_ms"), time_format="epoch_s"),
            times(["1704096000000000000", "1704182400000000000", "1704268800000000000",
                   "1704355200000000000"],
                  created("2024-01-01T08:00:00"), time_format="epoch_ns"),
        ),
    ),
    Kind(
        "empty dates",
        (
            times(["0000-00-00 00:00:00"], told("'created'", 'missing: ["0000-00-00 00:00:00"]')),
            times(["1900-01-01"], told("'created'", "before 1980", 'missing: ["1900-01-01"]')),
            times(["1970-01-01T00:00:00Z"], told("before 1980")),
            times(["9999-12-31"], told("'created'", "after observed_until", "'9999-12-31'")),
            Variant(Right({"won_at": ["2024-02-01T00:00:00"]}),
                    {"outcomes.lost": ["1900-01-01", "2024-02-02T00:00:00Z"]},
                    {"time_zone": "UTC", "tables.outcomes.read.missing": ["1900-01-01"]}),
            Variant(told("'lost'", "before 1980", 'missing: ["1900-01-01"]'),
                    {"outcomes.lost": ["1900-01-01", "2024-02-02T00:00:00Z"]},
                    {"time_zone": "UTC"}),
        ),
    ),
    Kind(
        "clocks of twelve hours",
        (
            times(["2024-01-01 09:30 PM"], told('time_format: "%Y-%m-%d %I:%M %p"')),
            times(["1/13/2024 9:30 PM", "1/14/2024 9:30 AM", "1/15/2024 9:30 AM",
                   "1/16/2024 12:05 AM"],
                  Right({"created_at": ["2024-01-13T20:30:00", "2024-01-14T08:30:00"]},
                        counts={}), time_format="%m/%d/%Y %I:%M %p"),
            times(["1/13/2024 9:30 PM"], told("time_format", "without the other"),
                  time_format="%m/%d/%Y %H:%M %p"),
        ),
    ),
    Kind(
        "times that never were",
        (
            times(["2024-01-01 24:00:00"], told("'created'", "is not a time")),
            times(["2024-02-30"], told("is not a time", "'2024-02-30'")),
            times(["2024-03-31 02:30:00"], told("'created'", "clocks were set forward")),
            times(["2023-10-29 02:30:00"], told("exists twice", "ambiguous_times")),
            times(["-infinity"], told("is not a time", "missing")),
        ),
    ),
    Kind(
        "months in another language",
        (
            times(["1. März 2024"], told("'created'", "is not a time", "'1. März 2024'")),
            times(["3 mai 2024"], told("is not a time")),
            times(["5 January 2024", "6 January 2024", "7 January 2024", "8 January 2024"],
                  created("2024-01-04T23:00:00"), time_format="%d %B %Y"),
        ),
    ),
    Kind(
        "zones in every notation",
        (
            times(["2024-01-01T18:00:00.000+0000"], created("2024-01-01T18:00:00")),
            times(["2024-01-01 18:00:00+02"], created("2024-01-01T16:00:00")),
            times(["2024-01-01T18:00:00Z "], created("2024-01-01T18:00:00")),
            times(["2024-01-01 18:00:00 UTC"], created("2024-01-01T18:00:00")),
            times(["2024-01-01T18:00:00.123456789"], created("2024-01-01T17:00:00.123456")),
            Variant(told("'created'", "names no time zone", "time_zone"),
                    {"leads.created": ["2024-01-01 18:00:00"]}),
        ),
    ),
    Kind(
        "zones by short names",
        (
            times(["2024-01-01 18:00:00 CET"], told("'created'", "is not a time")),
            times(["2024-01-01 18:00:00 EST"], told("time_format", "%Z", "means several zones"),
                  time_format="%Y-%m-%d %H:%M:%S %Z"),
            times(["2024-01-01T18:00:00[Europe/Berlin]"], told("is not a time")),
            times([f"2024-01-0{day}T18:00:00Z" for day in (1, 2, 3, 4)],
                  created("2024-01-01T18:00:00"), time_format="%Y-%m-%dT%H:%M:%SZ"),
        ),
    ),
    Kind(
        "formats that would mislead",
        (
            times(["2024-01-01"], told("time_format", "neither a strptime format"),
                  time_format="YYYY-MM-DD"),
            times(["12:30"], told("time_format", "names no year"), time_format="%H:%M"),
            times(["1704096000"], told("time_format", "epoch_s"), time_format="%s"),
            times([f"2024-01-0{day} 18:00:00.250" for day in (1, 2, 3, 4)],
                  created("2024-01-01T17:00:00.250"), time_format="%Y-%m-%d %H:%M:%S.%f"),
        ),
    ),
)  # fmt: skip

NUMBERS = (
    Kind(
        "decimal commas",
        (
            numbers(["1.234,56", "1,5"],
                    told("'revenue'", "is not a number", 'decimal: ",", thousands: "."')),
            numbers(["1.234,56", "1,5"], revenue(1234.56, 1.5), decimal=",", thousands="."),
            numbers(["1'234.50", "2"], told("""thousands: "'\"""")),
            numbers(["1’234.50", "2"], revenue(1234.5, 2), decimal=".", thousands="'"),
        ),
    ),
    Kind(
        "marks between thousands",
        (
            numbers(["1,234", "5"], told("'revenue'", "is not a number", "numbers: {decimal:")),
            numbers(["1,234.5", "5"], revenue(1234.5, 5), decimal=".", thousands=","),
            numbers(["1\u00a0234,5", "1\u202f234"], revenue(1234.5, 1234), decimal=",",
                    thousands=" "),
            numbers(["1\u00a0234"], told('thousands: " "', "U+00A0 NO-BREAK SPACE")),
            numbers(["12,34,567", "5"], told("is not a number"), decimal=".", thousands=","),
        ),
    ),
    Kind(
        "points that fit two ways",
        (
            numbers(["1.234", "12.500", "3", "4"],
                    told("'revenue'", "2 of 4 rows", "between thousands", 'decimal: "."')),
            numbers(["1.234", "2.5", "3", "4"], revenue(1.234, 2.5)),
            numbers(["1.234", "12.500", "3", "4"], revenue(1.234, 12.5), decimal="."),
            numbers(["1.234", "12.500", "3", "4"], revenue(1234, 12500), decimal=",",
                    thousands="."),
            Variant(told("events: column 'seconds'", "between thousands"),
                    {"events.seconds": ["1.250", "2", "", ""]}),
        ),
    ),
    Kind(
        "negative numbers",
        (
            numbers(["(123)", "-5"], revenue(-123, -5)),
            numbers(["\u22125", "5-"], revenue(-5, -5)),
            numbers(["($1,234.50)", "-$5", "- 5"], revenue(-1234.5, -5, -5), decimal=".",
                    thousands=",", strip=["$"]),
        ),
    ),
    Kind(
        "marks of currencies and shares",
        (
            numbers(["€ 12", "€ 1.5"], told("'revenue'", 'strip: ["€"]')),
            numbers(["$ 1,234.50 USD", "$ 2 USD"], revenue(1234.5, 2), decimal=".",
                    thousands=",", strip=["$", "USD"]),
            numbers(["12%", "5 %"], told('strip: ["%"]')),
        ),
    ),
    Kind(
        "numbers with a scale",
        (
            numbers(["1.5M", "2"], told("'revenue'", "`type: category`")),
            numbers(["€1.2k", "2"], told("is not a number", "'€1.2k'")),
            numbers(["1e3", "1E3"], revenue(1000, 1000)),
        ),
    ),
    Kind(
        "words for nothing",
        (
            numbers(["N/A", "#N/A"], told("'revenue'", 'missing: ["N/A", "#N/A"]')),
            numbers(["-", "null"], told('missing: ["-", "null"]')),
            numbers(["#REF!", "None"], told('missing: ["#REF!", "None"]')),
            numbers(["nan", "NaN"], told("missing:")),
            Variant(revenue(None, 5), {"leads.revenue": ["N/A", "5"]},
                    {"tables.leads.read.missing": ["N/A"]}),
        ),
    ),
    Kind(
        "digits of other scripts",
        (
            numbers(["\u0663\u0664"], told("'revenue'", "U+0663 ARABIC-INDIC DIGIT THREE")),
            numbers(["\uff13\uff14"], told("U+FF13 FULLWIDTH DIGIT THREE")),
            numbers(["5\u200b", "\ufeff6"], revenue(5, 6)),
        ),
    ),
    Kind(
        "what is no finite number",
        (
            numbers(["inf"], told("'revenue'", "is not a number")),
            numbers(["1e400"], told("is not a number")),
            numbers(["12:30"], told("is not a number", "'12:30'")),
        ),
    ),
)  # fmt: skip


def flags(values: Sequence[str], truth: Truth) -> Variant:
    """Write the flag so."""
    return Variant(truth, {"leads.newsletter": values})


def statuses(values: Sequence[str], truth: Truth, **meanings: Any) -> Variant:  # noqa: ANN401
    """Tell the outcomes by a status in the leads' table."""
    about = {"form": "status", "columns": {"status": "status"}}
    about |= {"won": ["Closed Won"], "lost": ["Closed Lost"], "open": ["New"]} | meanings
    return Variant(truth, {"leads.status": values}, {"tables.outcomes": about})


def sources(values: Sequence[str], truth: Truth) -> Variant:
    """Write the category so."""
    return Variant(truth, {"leads.source": values})


_ENDS = Right(counts={"won": 1, "lost": 1, "open": 2})
WORDS = (
    Kind(
        "flags in another language",
        (
            flags(["Ja", "Nein"], told("'newsletter'", 'values: {"Ja": "true", "Nein": "false"}')),
            flags(["oui", "non"], told('values: {"oui": "true", "non": "false"}')),
            flags(["VRAI", "FAUX"], told('values: {"VRAI": "true", "FAUX": "false"}')),
        ),
    ),
    Kind(
        "flags in other words",
        (
            flags(["x", ""], told("'newsletter'", 'values: {"x": "true"}')),
            flags(["0", "TRUE", "1", "No"],
                  Right({"newsletter": [False, True, True, False]})),
            flags(["2", "1"], told("neither yes nor no", "each with what it means")),
        ),
    ),
    Kind(
        "statuses that nearly are the definition's",
        (
            statuses(["Closed Won ", "\u00a0Closed Lost", "New", ""], _ENDS),
            statuses(["closed won", "Closed Lost", "New", ""],
                     Right(warned=("'status'", "spells otherwise: 'closed won'"))),
            statuses(["Closed\u00a0Won", "Closed Lost", "New", ""],
                     Right(warned=("spells otherwise", "U+00A0 NO-BREAK SPACE"))),
            statuses(["Gewonnen", "Closed Lost", "New", ""],
                     told("'status'", "'Gewonnen'", "To paste under")),
        ),
    ),
    Kind(
        "damaged texts",
        (
            sources(["MÃ¼ller"], Right({"source": ["MÃ¼ller"]}, ("'source'", "'MÃ¼ller'"))),
            sources(["M\ufffdller"],
                    Right({"source": ["M\ufffdller"]}, ("'source'", "U+FFFD"))),
            sources(["A &amp; B"], Right({"source": ["A &amp; B"]}, ("'source'", "HTML"))),
            sources(["Goo\u200bgle"],
                    Right({"source": ["Goo\u200bgle"]}, ("'source'", "U+200B"))),
        ),
    ),
    Kind(
        "texts with anything within",
        (
            sources(["a\nb", 'say "hi"'], Right({"source": ["a\nb", 'say "hi"']})),
            sources(["A;B", "a,b"], Right({"source": ["A;B", "a,b"]})),
            sources(["  Google\u00a0", "\u200b"], Right({"source": ["Google", None]})),
        ),
    ),
)  # fmt: skip

TEXT_KINDS = (*IDENTIFIERS, *TIMES, *NUMBERS, *WORDS)
