"""Times of exports that people have: read right, or told."""

from datetime import datetime

import polars as pl
import pytest

from leadcast.features.values.times import (
    NOT_A_TIME,
    TOO_EARLY,
    TWO_WAYS,
    TimeRules,
    format_fault,
    parse_dates_of_crm,
    parse_times,
)


def told(value: object, *formats: str, zone: str = "Europe/Berlin") -> str:
    parsed = parse_times(pl.Series([value]), TimeRules(zone, formats))
    moment = parsed.values[0]
    return str(parsed.problem[0]) if moment is None else str(moment.isoformat())


@pytest.mark.parametrize(
    ("value", "formats", "moment"),
    [
        ("45292", ("excel",), "2023-12-31T23:00:00+00:00"),
        (45293.25, ("excel",), "2024-01-02T05:00:00+00:00"),
        ("2460310.5", ("julian_day",), "2024-01-01T00:00:00+00:00"),
        ("1704096000000000001", ("epoch_ns",), "2024-01-01T08:00:00+00:00"),
        ("2024-01-02 03:04:05.123", ("%Y-%m-%d %H:%M:%S.%f",), "2024-01-02T02:04:05.123000+00:00"),
        ("2024-01-02T03:04:05Z", ("%Y-%m-%dT%H:%M:%SZ",), "2024-01-02T03:04:05+00:00"),
        ("2024-01-02 03:04 UTC", ("%Y-%m-%d %H:%M UTC",), "2024-01-02T03:04:00+00:00"),
        ("01.02.24", ("%d.%m.%Y", "%d.%m.%y"), "2024-01-31T23:00:00+00:00"),
        ("\ufeff2024-01-02\u200b", (), "2024-01-01T23:00:00+00:00"),
    ],
)
def test_a_time_is_read_right(value: object, formats: tuple[str, ...], moment: str) -> None:
    assert told(value, *formats) == moment


@pytest.mark.parametrize(
    ("value", "formats", "words"),
    [
        ("24-01-02", (), NOT_A_TIME),
        ("01.02.24", ("%d.%m.%Y",), NOT_A_TIME),
        ("01/02/2024", ("%d/%m/%Y", "%m/%d/%Y"), TWO_WAYS),
        ("60", ("excel",), NOT_A_TIME),
        ("1e300", ("excel",), NOT_A_TIME),
    ],
)
def test_a_time_is_not_taken_for_another(
    value: object, formats: tuple[str, ...], words: str
) -> None:
    assert told(value, *formats) == words


@pytest.mark.parametrize("dtype", [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ms", "UTC")])
def test_a_typed_time_beyond_all_calendars_is_told(dtype: pl.DataType) -> None:
    beyond = pl.Series([2**62, 0], dtype=pl.Int64).cast(dtype)
    parsed = parse_times(beyond, TimeRules("UTC"))
    assert parsed.problem.to_list() == [NOT_A_TIME, None]
    days = pl.Series([2**30, 0], dtype=pl.Int32).cast(pl.Date)
    assert parse_times(days, TimeRules("UTC")).problem.to_list() == [NOT_A_TIME, None]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("%Y-%m-%d %Z", "several zones"),
        ("%H:%M %p %d.%m.%Y", "without the other"),
        ("%I:%M %d.%m.%Y", "without the other"),
        ("%H:%M", "names no year"),
        ("%s", "epoch_s"),
        ("%Y-%m-%d %H%M%S%f", "without a point"),
        ("epoch", "neither a strptime format nor"),
        ("", "neither a strptime format nor"),
    ],
)
def test_a_format_that_would_mislead_is_refused(written: str, words: str) -> None:
    assert words in (format_fault(written) or "")
    assert told("2024-01-02", written) == NOT_A_TIME


def test_empty_dates_and_other_units_are_no_dates_of_a_crm() -> None:
    values = pl.Series(["1900-01-01", "1970-01-20T17:21:36Z", "1980-01-02", None])
    parsed = parse_dates_of_crm(values, TimeRules("UTC"))
    assert parsed.problem.to_list() == [TOO_EARLY, TOO_EARLY, None, None]
    assert parsed.values.to_list()[2].replace(tzinfo=None) == datetime(1980, 1, 2)


@pytest.mark.parametrize(
    "value",
    [
        *("2024-01-02T03:04:05Z", "2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04Z"),
        *("2024-01-02 03:04:05Z", "2024-01-02t03:04:05Z", "2024-01-02T03:04:05,5Z"),
        *("0024-01-02T03:04:05Z", "24-01-02T03:04:05Z", "0999-12-31T23:59:59Z", "Z", "oh Z"),
        *("2024-02-30T03:04:05Z", "2024-01-02T24:00:00Z", "2024-01-02T03:04:05+01:00Z"),
    ],
)
@pytest.mark.parametrize("other", ["2024-01-02T03:04:05Z", "2024-01-02", "soon", None])
def test_a_moment_is_read_alike_whatever_stands_beside_it(value: str, other: str | None) -> None:
    parsed = parse_times(pl.Series([value, other]), TimeRules("Europe/Berlin"))
    moment = parsed.values[0]
    found = str(parsed.problem[0]) if moment is None else str(moment.isoformat())
    assert found == told(value)
