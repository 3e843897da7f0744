"""Values are read strictly: what is declared is read, and nothing is guessed."""

from datetime import UTC, date, datetime, timedelta, timezone

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from leadcast.features.ingest.context import Writing
from leadcast.features.ingest.leads import infer_type
from leadcast.features.readers.issues import full_reasons
from leadcast.features.tables import TIME
from leadcast.features.values.columns import clean_text, worded
from leadcast.features.values.flags import parse_flags
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import (
    NEVER,
    NO_ZONE,
    NOT_A_TIME,
    TWICE,
    TimeRules,
    parse_moment,
    parse_times,
)

BERLIN = TimeRules("Europe/Berlin")
PLAIN = NumberFormat()
GERMAN = NumberFormat(decimal=",", thousands=".", strip=("€", "%"))
ENGLISH = NumberFormat(thousands=",", strip=("$",))
SWISS = NumberFormat(thousands="'")


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("7", PLAIN, 7.0),
        (" -1.5 ", PLAIN, -1.5),
        ("1e3", PLAIN, 1000.0),
        (".5", PLAIN, 0.5),
        ("5.", PLAIN, 5.0),
        ("1,234", PLAIN, None),
        ("1.234", GERMAN, 1234.0),
        ("€ 3.000,25", GERMAN, 3000.25),
        ("12 %", GERMAN, 12.0),
        ("1.5", GERMAN, None),
        ("1.2345", GERMAN, None),
        ("3,5", GERMAN, 3.5),
        ("1,234", ENGLISH, 1234.0),
        ("$1,234,567.5", ENGLISH, 1234567.5),
        ("-$5", ENGLISH, -5.0),
        ("12,34,567", ENGLISH, None),
        ("1,23", ENGLISH, None),
        ("1,234.567.8", ENGLISH, None),
        ("1'234.5", SWISS, 1234.5),
        ("12 %", PLAIN, None),
        ("€ 3", PLAIN, None),
        ("nan", PLAIN, None),
        ("inf", PLAIN, None),
        ("1e999", PLAIN, None),
        ("0x10", PLAIN, None),
        ("1_000", PLAIN, None),
        ("١٢", PLAIN, None),
        ("--1", PLAIN, None),
        ("1 2", PLAIN, None),
    ],
)
def test_numbers_are_read_as_declared_or_refused(
    text: str, written: NumberFormat, number: float | None
) -> None:
    parsed = parse_numbers(pl.Series("x", [text, None, " "]), written)
    assert parsed.values.to_list() == [number, None, None]
    assert parsed.problem.to_list() == ["is not a number" if number is None else None, None, None]
    assert parsed.values.dtype == pl.Float64
    assert parsed.values.name == "x"


def test_numbers_that_are_numbers_already() -> None:
    series = pl.Series([1.0, 999.0, float("nan"), float("inf"), None])
    parsed = parse_numbers(series, PLAIN, ("999", "n/a"))
    assert parsed.values.to_list() == [1.0, None, None, None, None]
    assert parsed.problem.drop_nulls().to_list() == ["is not a finite number"]
    assert parse_numbers(pl.Series([True, False]), PLAIN).values.to_list() == [1.0, 0.0]
    assert parse_numbers(pl.Series([None, None]), PLAIN).values.to_list() == [None, None]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=40)
def test_every_number_that_python_writes_is_read_back(numbers: list[float]) -> None:
    texts = pl.Series([repr(number) for number in numbers])
    assert parse_numbers(texts, PLAIN).values.to_list() == numbers


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
@settings(max_examples=20)
def test_grouped_numbers_are_read_back(numbers: list[int]) -> None:
    texts = [f"{number:,}" for number in numbers]
    for written, mark in ((ENGLISH, ","), (GERMAN, ".")):
        series = pl.Series([text.replace(",", mark) for text in texts])
        assert parse_numbers(series, written).values.to_list() == numbers


def test_flags_and_texts() -> None:
    parsed = parse_flags(pl.Series(["Yes", "F", "1", "0", "maybe", "", "-"]), ("-",))
    assert parsed.values.to_list() == [True, False, True, False, None, None, None]
    assert parsed.problem.drop_nulls().to_list() == ["is neither yes nor no"]
    assert parse_flags(pl.Series([1.0, 0.0, None])).values.to_list() == [True, False, None]
    texts = clean_text(pl.Series([" a ", "", "Select", None]), ("Select",))
    assert texts.to_list() == ["a", None, None, None]
    # Identifiers that a Parquet file holds as floats, because some are missing.
    assert clean_text(pl.Series([3.0, 2.5, None, float("nan")])).to_list() == [
        "3",
        "2.5",
        None,
        None,
    ]
    assert clean_text(pl.Series(["a"], dtype=pl.Categorical)).to_list() == ["a"]
    assert clean_text(pl.Series([b"a", b"\xff", None])).to_list() == ["a", r"\xff", None]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01T08:00:00Z", "2024-01-01T08:00:00+00:00"),
        ("2024-01-01 08:00:00 UTC", "2024-01-01T08:00:00+00:00"),
        ("2024-01-01T10:00:00.1234567+02:00", "2024-01-01T08:00:00.123456+00:00"),
        ("2024-01-01 10:00-0530", "2024-01-01T15:30:00+00:00"),
        ("2024-01-01 10:00:00+00", "2024-01-01T10:00:00+00:00"),
        ("2024-01-01 10:00:00 -05", "2024-01-01T15:00:00+00:00"),
        ("2024-06-01 10:00", "2024-06-01T08:00:00+00:00"),
        ("2024-06-01", "2024-05-31T22:00:00+00:00"),
        ("2024-10-27 02:30:00", TWICE),
        ("2024-03-31 02:30:00", NEVER),
        ("2024-02-30", NOT_A_TIME),
        ("0000-01-01", NOT_A_TIME),
        ("2024-01-01 24:00", NOT_A_TIME),
        ("01/02/2024", NOT_A_TIME),
        ("2024-01-01 10:00 PM", NOT_A_TIME),
        ("1704096000", NOT_A_TIME),
        ("soon", NOT_A_TIME),
    ],
)
def test_iso_times_are_read_or_refused_with_the_reason(text: str, moment: str) -> None:
    parsed = parse_times(pl.Series("t", [text, None, ""]), BERLIN)
    assert (parsed.values.dtype, parsed.values.name) == (TIME, "t")
    expected = datetime.fromisoformat(moment) if moment[0] == "2" else None
    assert parsed.values.to_list() == [expected, None, None]
    assert parsed.problem.to_list() == [None if expected else moment, None, None]


def test_a_column_may_mix_notations() -> None:
    texts = ["2024-06-01", "2024-06-01T00:00:00Z", "2024-10-27 02:30", "x", None]
    parsed = parse_times(pl.Series(texts), BERLIN)
    assert parsed.values.is_not_null().to_list() == [True, True, False, False, False]
    assert parsed.problem.to_list() == [None, None, TWICE, NOT_A_TIME, None]
    assert parse_times(pl.Series(texts), TimeRules()).problem.to_list() == [
        *(NO_ZONE, None, NO_ZONE, NOT_A_TIME, None),
    ]


def test_declared_formats_are_tried_in_turn() -> None:
    rules = TimeRules("UTC", ("%d/%m/%Y", "%d.%m.%Y %H:%M %z"))
    parsed = parse_times(pl.Series(["01/02/2024", "01.02.2024 10:00 +0100", "2024-02-01"]), rules)
    assert [str(value) for value in parsed.values] == [
        *("2024-02-01 00:00:00+00:00", "2024-02-01 09:00:00+00:00", "None"),
    ]
    assert parsed.problem.to_list() == [None, None, NOT_A_TIME]
    unzoned = parse_times(pl.Series(["01/02/2024"]), TimeRules(None, rules.formats))
    assert unzoned.problem.to_list() == [NO_ZONE]


@pytest.mark.parametrize(
    ("unit", "scale"), [("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6)]
)
def test_epochs(unit: str, scale: int) -> None:
    rules = TimeRules(None, (unit,))
    texts = pl.Series([str(1_700_000_000 * scale), "x", "9e99", None])
    parsed = parse_times(texts, rules)
    assert parsed.values[0] == datetime.fromtimestamp(1_700_000_000, UTC)
    assert parsed.problem.to_list() == [None, NOT_A_TIME, NOT_A_TIME, None]
    numbers = parse_times(pl.Series([1_700_000_000 * scale]), rules)
    assert numbers.values[0] == parsed.values[0]


def test_times_that_are_times_already() -> None:
    zoned = pl.Series([datetime(2024, 1, 1, 12)]).dt.replace_time_zone("Asia/Tokyo")
    assert parse_times(zoned, TimeRules()).values[0] == datetime(2024, 1, 1, 3, tzinfo=UTC)
    naive = pl.Series([datetime(2024, 1, 1, 12), None], dtype=pl.Datetime("ns"))
    assert parse_times(naive, BERLIN).values[0] == datetime(2024, 1, 1, 11, tzinfo=UTC)
    assert parse_times(naive, TimeRules()).problem.to_list() == [NO_ZONE, None]
    day = pl.Series([date(2024, 7, 1)])
    assert parse_times(day, BERLIN).values[0] == datetime(2024, 6, 30, 22, tzinfo=UTC)
    assert parse_times(pl.Series([None]), TimeRules()).problem.to_list() == [None]


WRITTEN_TIMES = st.tuples(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)


@given(st.lists(WRITTEN_TIMES, min_size=1, max_size=20))
@settings(max_examples=40)
def test_every_time_that_python_writes_is_read_back(drawn: list[tuple[datetime, int, str]]) -> None:
    moments = [
        naive.replace(tzinfo=timezone(timedelta(minutes=minutes))) for naive, minutes, _ in drawn
    ]
    betweens = [between for _, _, between in drawn]
    texts = [one.isoformat(between) for one, between in zip(moments, betweens, strict=True)]
    assert parse_times(pl.Series(texts), TimeRules()).values.to_list() == moments


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", ""], "number"),
        (["007", "008"], "category"),
        (["0", "1"], "number"),
        (["Yes", "no", "1"], "flag"),
        (["No", "No"], "flag"),
        (["2024-01-01", "2024-01-02"], "time"),
        (["a", "b", "a"], "category"),
        ([f"name {n}" for n in range(60)], "text"),
        (["word " * 20], "text"),
        (["", None], "category"),
        ([True, None], "flag"),
        ([1, 2], "number"),
        ([date(2024, 1, 1)], "time"),
    ],
)
def test_a_type_is_told_from_the_values(values: list[object], kind: str) -> None:
    writing = Writing((), PLAIN, TimeRules("UTC"))
    assert infer_type(pl.Series("x", values), writing) == kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2024-10-27T02:30", "exists twice"),
        ("2024-03-31T02:30", "does not exist"),
        ("soon", "is not a time"),
    ],
)
def test_a_moment_that_a_person_typed_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_moment(text, "Europe/Berlin")


def test_a_moment_that_a_person_typed() -> None:
    assert parse_moment("2024-06-01", "Europe/Berlin") == datetime(2024, 5, 31, 22, tzinfo=UTC)
    assert parse_moment("2024-06-01T00:00:00-02:00") == datetime(2024, 6, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="names no time zone"):
        parse_moment("2024-06-01")
    with pytest.raises(ValueError, match="not the name of a time zone"):
        parse_moment("2024-06-01", "Berlin")


def test_words_are_made_of_columns_whose_first_chunk_is_empty() -> None:
    chunks = pl.concat([pl.Series(["a"]), pl.Series(["b", None])], rechunk=False)
    left = chunks.filter(pl.Series([False, True, True]))
    assert left.get_chunks()[0].is_empty(), "a filter leaves the chunk"
    told = pl.DataFrame({"x": left, "n": [1, 2]}).select(worded("{}: {}!", "x", pl.col("n")))
    assert told.to_series().to_list() == ["b: 1!", None]
    assert full_reasons("won", left, left.fill_null("?")).to_list() == ["won: 'b' b", "won: '' ?"]
