"""Times: read strictly, with a zone and nothing that clocks never showed, by one grammar.

A column's texts, those of a pandas table and a moment that a person typed (`parse_moment`) are read
by the same function: what is the same text is the same moment. A request's times are read while its
JSON is (`leadcast.serve.requests.questions.Time`), and are the same moments. What is a time
already (a date is its beginning) is that time to the microsecond, whatever its unit. Where a day of
the past counts at its end, `leadcast.features.ingest.precision` says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from leadcast.features.tables import TIME
from leadcast.features.values.columns import MIXED, Parsed, clean_text, halves, words_where
from leadcast.features.values.formats import AmbiguousTimes

NOT_A_TIME = "is not a time"
NO_ZONE = "names no time zone"
TWICE = "exists twice, because clocks were set back"
NEVER = "does not exist, because clocks were set forward"

_ISO_ZONED = tuple(
    f"%Y-%m-%d{between}{clock}{zone}"
    for between in "T "
    for clock in ("%H:%M:%S%.f", "%H:%M")
    for zone in ("Z", "%#z")
)
_MOMENT = _ISO_ZONED[0]
_ISO_LOCAL = (
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"),
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"),
)
_EPOCH_UNITS_US = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 0.001}
_DAY_UNITS = {"excel": 25_569.0, "julian_day": 2_440_587.5}
"""Numbers that count days, and which is the first moment of 1970."""
COUNTED = (*_EPOCH_UNITS_US, *_DAY_UNITS)
"""The formats of numbers that count from some moment."""
_FIRST_EXCEL_DAY = 61
"""Before it, spreadsheets count a day that there never was."""
_SHORT_YEAR = 1000
"""Before it, a year was probably written with two digits."""
TWO_WAYS = "fits two of the declared time formats, with different times"
_NAIVE = pl.Datetime("us")
_FIRST_LONG_YEAR = datetime(_SHORT_YEAR, 1, 1)
_ODD_BETWEEN, _COMMA = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[t_]", r"^([^,]{19}),"
"""What RFC 3339 and ISO 8601 allow besides, where a zone is named."""
_FIRST, _LAST = pl.Series(
    [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], dtype=TIME
).to_physical()
FIRST_OF_CRM = datetime(1980, 1, 1, tzinfo=UTC)
"""Nothing happened to a lead before: what stands there is an empty date or another unit."""
_FIRST_CRM = pl.Series([FIRST_OF_CRM], dtype=TIME).to_physical()[0]
TOO_EARLY = "is a time before 1980"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK = set("HIklMSTRrXcsfpP+")
"""What stands for a time of day in a strptime format."""
_TYPED = r"^[0-9]{4,}-[0-9]{2}-"
"""Begins the plain text of a time that was no text."""


@dataclass(frozen=True)
class TimeRules:
    """How a table's times are to be understood.

    Parameters
    ----------
    zone : str or None
        The zone of times that name none.
    formats : tuple of str
        strptime formats, one of which fits, or one of `COUNTED`; empty: ISO 8601.
    ambiguous : {"set_aside", "earlier", "later"}
        Which moment a repeated local time means.
    """

    zone: str | None = None
    formats: tuple[str, ...] = ()
    ambiguous: AmbiguousTimes = "set_aside"


def parse_times(series: pl.Series, rules: TimeRules, missing: Sequence[str] = ()) -> Parsed:
    """Read times.

    Parameters
    ----------
    series : pl.Series
        Text, dates, times with or without a zone, or numbers where the format is an epoch.
    rules : TimeRules
        How they are to be understood; a date alone is its beginning in the zone.
    missing : tuple of str
        Values that mean missing.

    Returns
    -------
    Parsed
        `leadcast.features.tables.TIME`; finer than microseconds is cut off.
    """
    found = _parsed(series, rules, missing)
    # Python and people know the years 1 to 9999 only; offsets and zones lead beyond them.
    stamps = found.values.to_physical()
    beyond = (stamps < _FIRST) | (stamps > _LAST)
    if not beyond.any():
        return found
    return Parsed(found.values.set(beyond, None), found.problem.set(beyond, NOT_A_TIME))


def parse_dates_of_crm(series: pl.Series, rules: TimeRules, missing: Sequence[str] = ()) -> Parsed:
    """Read when something happened to a lead: as `parse_times`, but nothing before 1980.

    What stands there is an empty date (1900-01-01, 1970-01-01) or a number of another unit.
    """
    found = parse_times(series, rules, missing)
    early = found.values.to_physical() < _FIRST_CRM
    if not early.any():
        return found
    early = early.fill_null(value=False)
    return Parsed(found.values.set(early, None), found.problem.set(early, TOO_EARLY))


def _parsed(series: pl.Series, rules: TimeRules, missing: Sequence[str]) -> Parsed:
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        moments = series.dt.convert_time_zone("UTC").cast(TIME, strict=False)
        return Parsed.checked(moments, series.is_not_null(), NOT_A_TIME)
    if isinstance(dtype, pl.Datetime | pl.Date):
        naive, given = series.cast(_NAIVE, strict=False), series.is_not_null()
        return _with_days(_localised(naive, given, rules), naive, dtype == pl.Date, rules)
    if dtype == MIXED:
        text, told = halves(series)
        assert text is not None
        assert told is not None
        is_time = told.str.contains(_TYPED).fill_null(value=False)
        found = _from_text(clean_text(text, missing), rules)
        found = found.or_else(_from_iso(_where(is_time, told), rules))
        # Numbers, which may count from an epoch.
        return found.or_else(_from_text(clean_text(_where(~is_time, told), missing), rules))
    return _from_text(clean_text(series, missing), rules)


def format_fault(written: str) -> str | None:
    """Tell why a time format cannot be read, in words after "a time format that"; None if it can.

    Parameters
    ----------
    written : str
        As a definition has it.

    Returns
    -------
    str or None
    """
    if written in COUNTED:
        return None
    marks = set(re.findall(r"%[-_0^#:.]*[0-9]*([A-Za-z%+])", written))
    if not marks:
        return f"is neither a strptime format nor one of {', '.join(COUNTED)}"
    if "Z" in marks:
        return (
            "has %Z: a zone's short name, such as EST, means several zones; take it off and set "
            "time_zone, or have offsets such as +0100 exported and write %z"
        )
    if ("p" in marks or "P" in marks) != ("I" in marks or "l" in marks) and not marks & set("rc"):
        return "has one of %I (hours up to 12) and %p (AM or PM) without the other"
    if "s" in marks:
        return "has %s: seconds since 1970 are `time_format: epoch_s`"
    if not marks & set("YyGgCcDxFv+"):
        return "names no year"
    if "%f" in written.replace(".%f", ""):
        return "has %f without a point before it; fractions of a second are .%f"
    return None


def _from_text(text: pl.Series, rules: TimeRules) -> Parsed:
    if any(name in _DAY_UNITS for name in rules.formats):
        return _from_days(text, rules)
    if any(name in _EPOCH_UNITS_US for name in rules.formats):
        return _from_epoch(text, rules.formats[0])
    return _from_formats(text, rules) if rules.formats else _from_iso(text, rules)


def _from_days(text: pl.Series, rules: TimeRules) -> Parsed:
    unit = rules.formats[0]
    days = text.cast(pl.Float64, strict=False)
    if unit == "excel":
        days = _where(days >= _FIRST_EXCEL_DAY, days)
    since = (days - _DAY_UNITS[unit]) * 86_400_000
    # To the millisecond: no float has all the microseconds of a day so far from 1900.
    stamps = _where(since.abs() < 253_402_300_800_000, since).round().cast(pl.Int64, strict=False)
    moments = (stamps * 1000).cast(_NAIVE).alias(text.name)
    if unit == "excel":
        return _localised(moments, text.is_not_null(), rules)
    return Parsed.checked(moments.dt.replace_time_zone("UTC"), text.is_not_null(), NOT_A_TIME)


def _from_epoch(text: pl.Series, unit: str) -> Parsed:
    number = text.cast(pl.Float64, strict=False)
    us = _EPOCH_UNITS_US[unit]
    # Beyond the year 9999 it is not this unit; the cast would overflow.
    sensible = number.abs() * us < 253_402_300_800 * 1e6
    exact = text.cast(pl.Int64, strict=False)
    whole = exact // 1000 if isinstance(us, float) else exact * us
    broken = (number * us).round()
    stamps = pl.select(
        pl.when(sensible).then(pl.coalesce(whole, broken.cast(pl.Int64, strict=False)))
    ).to_series()
    moments = stamps.cast(_NAIVE).dt.replace_time_zone("UTC").alias(text.name)
    return Parsed.checked(moments, text.is_not_null(), NOT_A_TIME)


def _from_formats(text: pl.Series, rules: TimeRules) -> Parsed:
    results = [_from_format(text, one, rules) for one in rules.formats]
    values = pl.select(pl.coalesce([result.values for result in results])).to_series()
    unclear = pl.Series([False]).new_from_index(0, len(text))
    for result in results[1:]:
        unclear |= (result.values != values).fill_null(value=False)
    values = _where(~unclear, values)
    # The most telling problem: a time without a zone says more than "is not a time".
    problems = [result.problem.replace({NOT_A_TIME: None}) for result in results]
    problem = pl.select(pl.coalesce([*problems, results[0].problem])).to_series()
    fine = values.is_not_null()
    problem = pl.select(
        pl.when(unclear).then(pl.lit(TWO_WAYS)).when(~fine).then(problem)
    ).to_series()
    return Parsed(values.alias(text.name), problem)


def _from_format(text: pl.Series, written: str, rules: TimeRules) -> Parsed:
    given = text.is_not_null()
    if format_fault(written) is not None:
        nothing = pl.Series(text.name, [None], dtype=TIME).new_from_index(0, len(text))
        return Parsed.checked(nothing, given, NOT_A_TIME)
    # Python's own strptime has the point outside of the mark.
    written = written.replace(".%f", "%.f")
    read = text.str.to_datetime(written, time_unit="us", strict=False)
    if isinstance(read.dtype, pl.Datetime) and read.dtype.time_zone is not None:
        return Parsed.checked(read.dt.convert_time_zone("UTC"), given, NOT_A_TIME)
    read = _where(read.dt.year().fill_null(0) >= _SHORT_YEAR, read)
    # A Z that stands in the format as a letter is the zone of all values.
    is_utc = re.search(r"[^%:#](?:Z|UTC|GMT)$", written)
    own = replace(rules, zone="UTC") if is_utc else rules
    return _with_days(_localised(read, given, own), read, names_days(written), own)


def _from_iso(text: pl.Series, rules: TimeRules) -> Parsed:
    given = text.is_not_null()
    is_moment = text.str.ends_with("Z")
    if is_moment.all():
        # Most exports write all moments in one way: they are read at one go.
        moments = text.str.to_datetime(_MOMENT, time_unit="us", strict=False)
        if moments.null_count() == text.null_count() and not (moments < _FIRST_LONG_YEAR).any():
            fine = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
            return Parsed(moments.dt.replace_time_zone("UTC"), fine)
    # No local format ends so: where all do, none of them is tried.
    naive = _first_that_fits(_where(~is_moment, text), _ISO_LOCAL)
    unread = given & naive.is_null()
    local = _localised(naive, given, rules)
    if local.problem.count():
        is_day = text.str.contains(_DAY).fill_null(value=False)
        local = _with_days(local, naive, is_day, rules)
    if not unread.any():
        return local
    rest = text.str.replace(_ODD_BETWEEN, "${1}T").str.replace(_COMMA, "${1}.")
    rest = rest.str.replace(r" ?(?:UTC|z)$", "Z").str.replace(r" ([+-][0-9:]+)$", "$1")
    zoned = _first_that_fits(_where(unread, rest), _ISO_ZONED).dt.replace_time_zone("UTC")
    with_zone = zoned.is_not_null()
    return Parsed(
        zoned.zip_with(with_zone, local.values).alias(text.name),
        _where(~with_zone, local.problem),
    )


def _first_that_fits(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Read each value in the first format that fits; without a zone, offsets taken off."""
    found = pl.Series(text.name, [None], dtype=_NAIVE).new_from_index(0, len(text))
    unread = text.is_not_null()
    rest = text.filter(unread)
    for written in formats:
        if rest.is_empty():
            break
        read = rest.str.to_datetime(written, time_unit="us", strict=False)
        if read.null_count() == len(read):
            continue
        if isinstance(read.dtype, pl.Datetime) and read.dtype.time_zone is not None:
            read = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        # Chrono knows a year 0, Python and people do not; and it takes 24 for the year 24.
        year = read.dt.year().fill_null(0)
        if (year < _SHORT_YEAR).any():
            told = rest.str.contains(r"^[+]?[0-9]{4}-").fill_null(value=False)
            read = _where((year >= 1) & told, read)
        found = found.scatter(unread.arg_true(), read)
        unread = text.is_not_null() & found.is_null()
        rest = text.filter(unread)
    return found


def _where(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values)).to_series().alias(values.name)


def _localised(naive: pl.Series, given: pl.Series, rules: TimeRules) -> Parsed:
    """Give local times their zone; `given` tells where there was something to read."""
    if rules.zone is None:
        nothing = pl.Series(naive.name, [None], dtype=TIME).new_from_index(0, len(naive))
        problem = words_where(naive.is_not_null(), NO_ZONE)
        unread = words_where(given & naive.is_null(), NOT_A_TIME)
        return Parsed(nothing, pl.select(pl.coalesce(problem, unread)).to_series())
    choice: dict[AmbiguousTimes, Literal["null", "earliest", "latest"]] = {
        "set_aside": "null",
        "earlier": "earliest",
        "later": "latest",
    }
    wanted = naive.dt.replace_time_zone(
        rules.zone, ambiguous=choice[rules.ambiguous], non_existent="null"
    )
    if wanted.null_count() == len(given) - int(given.sum()):
        return Parsed.checked(wanted.dt.convert_time_zone("UTC"), given, NOT_A_TIME)
    once = naive.dt.replace_time_zone(rules.zone, ambiguous="earliest", non_existent="null")
    problem = pl.select(
        pl.when(given & naive.is_null())
        .then(pl.lit(NOT_A_TIME))
        .when(naive.is_not_null() & once.is_null())
        .then(pl.lit(NEVER))
        .when(naive.is_not_null() & wanted.is_null())
        .then(pl.lit(TWICE))
    ).to_series()
    return Parsed(wanted.dt.convert_time_zone("UTC"), problem)


def _with_days(
    local: Parsed, naive: pl.Series, is_day: pl.Series | bool, rules: TimeRules
) -> Parsed:
    """Let days begin on which clocks were changed at midnight: a day alone is no time of day."""
    odd = local.problem.is_in([TWICE, NEVER]).fill_null(value=False) & is_day
    if not odd.any() or rules.zone is None:
        return local
    first, later = (
        naive.filter(odd)
        .dt.offset_by(wait)
        .dt.replace_time_zone(rules.zone, ambiguous="earliest", non_existent="null")
        for wait in ("0h", "1h")
    )
    begins = first.zip_with(first.is_not_null(), later).dt.convert_time_zone("UTC")
    values = local.values.clone().scatter(odd.arg_true(), begins)
    return Parsed(values, _where(~odd | values.is_null(), local.problem))


def names_days(written: str) -> bool:
    """Tell whether a strptime format names a day and no time of day.

    Parameters
    ----------
    written : str

    Returns
    -------
    bool
    """
    marks = set(re.findall(r"%[-_0^#:.]*[0-9]*([A-Za-z%+])", written))
    return written not in COUNTED and not marks & _CLOCK


def parse_moment(text: str, time_zone: str | None = None) -> datetime:
    """Read a moment; a date alone is its beginning.

    Parameters
    ----------
    text : str
        ISO 8601: ``2024-03-31``, ``2024-03-31T18:00``, ``2024-03-31 18:00:00+02:00``.
    time_zone : str or None
        The zone of a moment that names none.

    Returns
    -------
    datetime
        In UTC.

    Raises
    ------
    ValueError
        If it is no moment, has no zone, or does not exist or exists twice in that zone; says so
        in a sentence without its full stop.
    """
    try:
        zone = None if time_zone is None else ZoneInfo(time_zone).key
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{time_zone!r} is not the name of a time zone") from None
    parsed = parse_times(pl.Series([text], dtype=pl.String), TimeRules(zone))
    moment, problem = parsed.values[0], parsed.problem[0]
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    told = {
        NO_ZONE: "names no time zone; add one (Z means UTC)",
        TWICE: f"exists twice in {time_zone}, where clocks were changed; name the offset",
        NEVER: f"does not exist in {time_zone}, where clocks were changed; name the offset",
    }
    words = told.get(problem, "is not a time; write it like 2024-03-31T18:00:00Z")
    raise ValueError(f"{text!r} {words}")
