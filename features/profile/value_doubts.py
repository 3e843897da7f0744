"""Doubts about single values: placeholders, cut texts, letters, currencies, dates, tests."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import polars as pl

from leadcast.features.base.addresses import email_domain
from leadcast.features.profile.doubts import Doubt, yaml_line
from leadcast.features.profile.personal import is_personal
from leadcast.features.profile.raw_signs import CUT_LENGTHS, MONTHS, ColumnSigns, Sighting
from leadcast.features.profile.reading import SourceReading
from leadcast.features.readers.issues import as_text, described
from leadcast.features.values.amounts import CODES

LEAST = 20
LEAST_SHARE = 0.01
LEAST_WORD_SHARE = 0.02
NINES = tuple(float("9" * digits) for digits in range(2, 10))
RUNS = (12345.0, 123456.0, 1234567.0, 12345678.0, 123456789.0)
_PLACEHOLDERS = """
test unknown unkown undefined unspecified null nan nil none n/a na #n/a #na - -- --- ? ?? . x xx xxx
xxxx tbd tba dummy asdf qwerty missing empty (blank) blank k.a.
"""
WORDS = frozenset(_PLACEHOLDERS.split()) | {
    *("not available", "not specified", "not provided", "not set", "no value", "keine angabe"),
}
LONGEST_WORD = 24
"""So many bytes at most has a placeholder, with spaces around it."""
DATES = (
    *(date(1, 1, 1), date(1753, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1)),
    *(date(1904, 1, 1), date(1970, 1, 1), date(2099, 12, 31), date(2999, 12, 31)),
    *(date(9999, 12, 31), date(1969, 12, 31), date(1980, 1, 1), date(2000, 1, 1)),
)
"""How databases, spreadsheets and programs write that they do not know."""
FAR_DAYS = 5 * 365


def placeholder_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find values that stand for what nobody knew."""
    for name, kind in reading.attribute_types.items():
        series = reading.leads[name]
        found: object = None
        if kind == "number" and series.dtype.is_numeric():
            found = odd_number(series.drop_nulls())
        elif kind == "time":
            found = odd_date(series.drop_nulls(), reading.zone)
        elif kind in ("category", "text"):
            found = odd_word(series.drop_nulls())
        if found is not None:
            yield _placeholder(reading, name, series, found)
    # An end that lies before the creation is set aside by the reading itself.
    day = odd_date(reading.created.drop_nulls(), reading.zone)
    if day is not None:
        yield _placeholder(reading, "created_at", reading.created, day)


def _placeholder(reading: SourceReading, name: str, series: pl.Series, found: object) -> Doubt:
    column = reading.column_of(name)
    written = _written(reading, column, series, found)
    mine = _is(series, found, reading.zone).fill_null(value=False)
    count, given = int(mine.sum()), series.count()
    about = reading.definition.lead_attributes().get(name)
    declared = {} if about is None else about.model_dump(exclude_defaults=True, mode="json")
    missing = [*declared.get("missing", []), written]
    key = yaml_line({name: {"column": column, **declared, "missing": missing}})
    remedy = f"If it means that nobody knew, say so under tables.leads.attributes: `{key}`."
    if isinstance(found, str) and re.fullmatch(_TEST, found):
        remedy = f"{_leaving_out(column, pl.Series([written]))} {remedy}"
    if name == "created_at":
        remedy = "Leave such rows out, in the export or by a filter (`tables.leads.where`)."
    return Doubt(
        "placeholder",
        f"leads: column {column!r}",
        f"{count:,} of {given:,} values ({count / max(given, 1):.1%}) that are {written!r}: "
        f"{reading.examples(mine)}",
        count,
        remedy,
        subject=column,
    )


def _written(reading: SourceReading, column: str, series: pl.Series, found: object) -> str:
    """Give the value as the export has it, which is what `missing` compares with."""
    mine = _is(series, found, reading.zone).fill_null(value=False)
    if column in reading.raw.frame.columns:
        raw = as_text(reading.raw.frame[column]).filter(mine).drop_nulls().str.strip_chars()
        if len(raw):
            return str(raw.mode().sort()[0])
    return str(found)


def _is(series: pl.Series, found: object, zone: str) -> pl.Series:
    if isinstance(found, date):
        return _days(series, zone) == found
    if isinstance(found, str):
        return series.str.strip_chars().str.to_lowercase() == found
    return series == found


def odd_number(given: pl.Series) -> float | None:
    """Find a number that is frequent, known as a placeholder, and far outside the others.

    Parameters
    ----------
    given : pl.Series of Float64
        Without nulls.

    Returns
    -------
    float or None
    """
    counts = given.alias("value").value_counts(name="count")
    least = max(LEAST, LEAST_SHARE * len(given))
    frequent = dict(counts.filter(pl.col("count") >= least).iter_rows())
    for value in (0.0, *(-one for one in (1.0, 9.0, *NINES)), *NINES, *RUNS):
        if value in frequent and _is_far(given, value, frequent[value]):
            return value
    return None


def _is_far(given: pl.Series, value: float, count: int) -> bool:
    others = given.filter(given != value)
    if len(others) < LEAST:
        return False
    low, high = others.min(), others.max()
    assert isinstance(low, float)
    assert isinstance(high, float)
    if value in RUNS:
        most = others.alias("value").value_counts(name="count")["count"].max()
        assert isinstance(most, int)
        return count >= LEAST_WORD_SHARE * len(given) and count >= 10 * most
    if value < 0:
        return low >= 0
    if value == 0:
        # Zero is far from amounts and sizes, and near to what is counted.
        quarter, median = others.quantile(0.25), others.median()
        return quarter is not None and quarter >= 100 and low >= 0.01 * float(median)  # type: ignore[arg-type]
    return high <= value / 2 and low >= 0


def odd_date(given: pl.Series, zone: str) -> date | None:
    """Find a date that stands for none, years away from the others."""
    if not len(given):
        return None
    days = _days(given, zone)
    for one in DATES:
        mine = days == one
        count, others = int(mine.sum()), days.filter(~mine)
        if not count:
            continue
        if not len(others):
            return one
        near = (others.dt.epoch("d") - (one - date(1970, 1, 1)).days).abs()
        if int((near < FAR_DAYS).sum()) <= 0.01 * len(others):
            return one
    return None


def _days(times: pl.Series, zone: str) -> pl.Series:
    # Midnight in UTC and in the zone alike: exports write either.
    utc = times.dt.convert_time_zone("UTC")
    local = times.dt.convert_time_zone(zone)
    is_utc = (utc.dt.time() == datetime(1, 1, 1, tzinfo=UTC).time()).fill_null(value=False)
    return utc.dt.date().zip_with(is_utc, local.dt.date())


def odd_word(given: pl.Series) -> str | None:
    """Find a word that stands for a missing value and is frequent; in lower case."""
    short = given.filter(given.str.len_bytes() <= LONGEST_WORD).alias("value")
    plain = pl.col("value").str.strip_chars().str.to_lowercase()
    counts = short.value_counts(name="count").group_by(plain).agg(pl.col("count").sum())
    counts = counts.filter(pl.col("value").is_in(list(WORDS)))
    if counts.is_empty():
        return None
    word, count = counts.sort("count", "value", descending=[True, False]).row(0)
    return str(word) if count >= max(LEAST, LEAST_WORD_SHARE * len(given)) else None


LEAST_CUT = 3
LEAST_DATES, LEAST_PAIRS = 30, 8
LEAST_MONTHS = 3
LEAST_ABOVE = 10
"""So many dates above 12 at least would a file have if it were as the others."""
LEAST_MARKS = 3
CODE_LETTERS = 3


def column_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Tell what raw columns gave away."""
    for (table, column), signs in reading.collector.columns.items():
        where = f"{table}: column {column!r}"
        kind = reading.attribute_types.get(signs.about.name)
        yield from _cut(where, column, signs)
        # In free text anything may stand.
        if kind != "text" or signs.about.is_personal:
            yield from _foreign(where, column, signs)
        yield from _two_formats(where, column, signs)
        marks = {mark: n for mark, n in signs.currencies.items() if n >= LEAST_MARKS}
        if len(marks) > 1 and (kind == "number" or signs.about.name == "amount"):
            yield _mixed_currencies(where, column, marks)
    yield from _currency_column(reading)


def _cut(where: str, column: str, signs: ColumnSigns) -> Iterator[Doubt]:
    cut = signs.at_longest
    if signs.longest in CUT_LENGTHS and cut.count >= LEAST_CUT:
        yield Doubt(
            "cut_texts",
            where,
            f"{cut.count:,} texts of exactly {signs.longest:,} characters, and none longer: "
            f"{places_of(cut)}",
            cut.count,
            subject=column,
        )


def _foreign(where: str, column: str, signs: ColumnSigns) -> Iterator[Doubt]:
    seen = signs.foreign
    if not seen.count:
        return
    texts = [as_text(rows.frame[column]).drop_nulls() for rows in seen.rows]
    points = sorted({letter for text in texts for one in text for letter in _strange(one)})
    told = ", ".join(f"U+{ord(letter):04X}" for letter in points[:5])
    shown = None if signs.about.is_personal else texts
    yield Doubt(
        "foreign_letters",
        where,
        f"{seen.count:,} values with letters that look like others or are not seen ({told}): "
        f"{places_of(seen, shown)}",
        seen.count,
        subject=column,
    )


def _strange(text: str) -> Iterator[str]:
    for letter in text:
        code = ord(letter)
        if 0x400 <= code <= 0x4FF or code in (0xAD, 0x2060, 0xFEFF) or 0x200B <= code <= 0x200F:
            yield letter


def _two_formats(where: str, column: str, signs: ColumnSigns) -> Iterator[Doubt]:
    dates, read_as = signs.dates, f"read as {', '.join(signs.about.formats)}"
    if _fits_both(dates):
        firsts, seconds = _both_numbers(dates)
        if min(len(firsts), len(seconds)) == 1 and len(firsts | seconds) < LEAST_PAIRS:
            return
        told = _never_above(dates)
        yield Doubt("two_date_formats", where, f"{told}, {read_as}", dates.total(), subject=column)
        return
    odd = {name: own for name, own in signs.dates_by_file.items() if _is_odd_file(own)}
    count = sum(own.total() for own in odd.values())
    above = sum(number for pair, number in dates.items() if max(pair) > MONTHS)
    share = above / max(dates.total() - count, 1)
    odd = {name: own for name, own in odd.items() if share * own.total() >= LEAST_ABOVE}
    if not odd:
        return
    count = sum(own.total() for own in odd.values())
    told = "; ".join(f"in {name} {_never_above(own)}" for name, own in [*odd.items()][:3])
    more = f", and in {len(odd) - 3} more files" if len(odd) > 3 else ""
    names = ", ".join([*odd][:3])
    yield Doubt(
        "two_date_formats",
        where,
        f"{told}{more}, {read_as}; {share:.0%} of the dates in other files have one above 12",
        count,
        f"Compare a date of {names} with the CRM. If day and month are exchanged, export the file "
        "again as the others are: `time_format` holds for all files of a table.",
        subject=column,
    )


def _fits_both(dates: Counter[tuple[int, int]]) -> bool:
    differ = sum(first != second for first, second in dates)
    fits = all(max(pair) <= MONTHS for pair in dates)
    return fits and dates.total() >= LEAST_DATES and differ >= LEAST_PAIRS


def _is_odd_file(dates: Counter[tuple[int, int]]) -> bool:
    """Tell whether a file fits both ways, and not because it holds some days of a month or two."""
    return _fits_both(dates) and min(map(len, _both_numbers(dates))) >= LEAST_MONTHS


def _both_numbers(dates: Counter[tuple[int, int]]) -> tuple[set[int], set[int]]:
    return {first for first, _ in dates}, {second for _, second in dates}


def _never_above(dates: Counter[tuple[int, int]]) -> str:
    first, second = min(pair for pair in dates if pair[0] != pair[1])
    return (
        f"{dates.total():,} dates whose first two numbers are never above 12, such as "
        f"{first:02d}/{second:02d}"
    )


def _mixed_currencies(where: str, column: str, marks: Mapping[str, int]) -> Doubt:
    ordered = sorted(marks.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{mark} ({n:,})" for mark, n in ordered)
    return Doubt(
        "mixed_currencies",
        where,
        f"amounts in {told}",
        sum(marks.values()) - ordered[0][1],
        subject=column,
    )


def _currency_column(reading: SourceReading) -> Iterator[Doubt]:
    """Find a column of currencies beside amounts."""
    types = reading.attribute_types
    amounts = [name for name in ("revenue", "amount", "cost") if types.get(name) == "number"]
    if reading.outcomes["amount"].count():
        amounts.append("amount")
    for name, kind in types.items():
        if kind not in ("category", "text") or not amounts:
            continue
        given = reading.leads[name].drop_nulls()
        if not (given.head(100).str.len_bytes() == CODE_LETTERS).all():
            continue
        counts = given.str.to_uppercase().alias("code")
        found = dict(counts.value_counts(name="count").iter_rows())
        if found.keys() <= CODES:
            marks = {mark: n for mark, n in found.items() if n >= LEAST_MARKS}
            if len(marks) > 1:
                column = reading.column_of(name)
                yield _mixed_currencies(f"leads: column {column!r}", column, marks)


def places_of(seen: Sighting, values: list[pl.Series] | None = None) -> str:
    """Say where the first rows of a sighting stand, with what stood there if it may be told."""
    told: list[str] = []
    for number, rows in enumerate(seen.rows):
        told += described(rows, None if values is None else values[number])
    return ", ".join(told) + (", …" if seen.count > len(told) else "")


_TEST = (
    r"^(?:test|tester|testing|dummy|asdf+|qwerty|foo|bar)"
    r"(?:[ _.-]?(?:test|lead|user|account|name))?[ _.-]?\d*$"
)
_RESERVED = r"^(?:.*\.)?(?:example\.(?:com|org|net)|test\.com|[^.]+\.(?:test|invalid|example))$"
MOST_LISTED = 5
_NAMES = re.compile(r"name|company|account")
LEAST_TESTS = 3
ANONYMOUS = 0.5
"""Where so many addresses are reserved ones, all were made anonymous."""


def leads_of_tests(reading: SourceReading) -> Iterator[Doubt]:
    """Find leads that are tests or colleagues."""
    own = {domain.casefold().lstrip("@") for domain in reading.definition.own_domains}
    for name, kind in reading.attribute_types.items():
        if kind not in ("text", "category"):
            continue
        series = reading.leads[name]
        if "email" in name:
            yield from _test_addresses(reading, name, series, own)
        elif _NAMES.search(name) and name not in ("account_id", "campaign"):
            mine = series.str.strip_chars().str.to_lowercase().str.contains(_TEST)
            yield from _tests(reading, name, mine, "that are called test or the like")


def _test_addresses(
    reading: SourceReading, name: str, series: pl.Series, own: set[str]
) -> Iterator[Doubt]:
    # Few addresses are looked at closely.
    signs = ["test", "dummy", "asdf", "example", ".invalid", *own]
    likely = series.str.contains_any(signs, ascii_case_insensitive=True)
    plain = pl.select(pl.when(likely).then(series)).to_series()
    plain = plain.str.strip_chars().str.to_lowercase()
    domains = plain.str.extract(r"@([^@\s]+)$")
    is_reserved = domains.str.contains(_RESERVED)
    if is_reserved.sum() > ANONYMOUS * max(series.count(), 1):
        is_reserved = pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    is_test = plain.str.contains(r"^(?:test|tester|dummy|asdf+)[ _.+-]?\d*@")
    mine = (is_reserved | is_test).fill_null(value=False)
    yield from _tests(reading, name, mine, "with addresses of tests (test@…, @example.com)")
    of_us = domains.is_in([domain for domain in own if email_domain(f"a@{domain}")])
    yield from _tests(reading, name, of_us, f"of the own domains ({', '.join(sorted(own))})", 1)


def _tests(
    reading: SourceReading, name: str, mine: pl.Series, words: str, least: int = LEAST_TESTS
) -> Iterator[Doubt]:
    mine = mine.fill_null(value=False)
    count, column = int(mine.sum()), reading.column_of(name)
    if count < least:
        return
    is_hidden = is_personal(name) or is_personal(column)
    shown = None if is_hidden else reading.leads[name]
    yield Doubt(
        "test_leads",
        f"leads: column {column!r}",
        f"{count:,} of {len(mine):,} leads {words}: {reading.examples(mine, shown)}",
        count,
        "" if is_hidden else _leaving_out(column, reading.leads[name].filter(mine)),
        subject=column,
    )


def _leaving_out(column: str, values: pl.Series) -> str:
    """Write the filter that leaves out leads with some values."""
    listed = values.str.strip_chars().unique().sort().to_list()[:MOST_LISTED]
    key = yaml_line({"where": [{"column": column, "not": listed}]})
    return f"Leave them out, in the export or by a filter under tables.leads: `{key}`."
