"""One door for values: what holds a value, and in which chunk it comes, changes nothing."""

import io
import math
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from polars.testing import assert_frame_equal, assert_series_equal

from leadcast.features.base.files import read_json
from leadcast.features.base.letters import INVISIBLE, TRIMMED
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.context import Writing
from leadcast.features.ingest.ingest import ingest
from leadcast.features.ingest.leads import infer_type
from leadcast.features.readers.origins import RawRows, stacked
from leadcast.features.tables import Tables
from leadcast.features.values.columns import MIXED, Parsed, column_of, parse_texts, shown
from leadcast.features.values.flags import parse_flags
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.identifiers import joined_by, parse_ids
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import TimeRules, parse_times
from tests.source_samples import LIMITS_OF_ONE_HALF, make_source

GERMAN = NumberFormat(decimal=",", thousands=".")
RULES = TimeRules("Europe/Berlin")
READ: dict[str, Callable[[pl.Series], Parsed]] = {
    "id": parse_ids,
    "text": parse_texts,
    "number": lambda series: parse_numbers(series, GERMAN),
    "flag": parse_flags,
    "time": lambda series: parse_times(series, RULES),
}
LAST_EXACT = 2**53 - 1
TEXTS = st.one_of(
    st.sampled_from(["1001", "1001.0", "007", " a ", "", " ", "1.234,5", "yes", "NO", "0", "Ä"]),
    st.sampled_from(["2024-03-31T18:00:00Z", "2024-03-31", "1e3", "inf", "nan", "true"]),
    st.text(max_size=5),
)
FLOATS = st.one_of(
    st.floats(),
    st.integers(-(2**54), 2**54).map(float),
    st.sampled_from([1001.0, -0.0, 1e15, 1e16, 2.0**53, 2.0**53 - 1, 0.1, 1e-7, 1e300]),
)
INTEGERS = st.one_of(st.integers(-(2**70), 2**70), st.sampled_from([1001, 2**53 + 1, 2**63]))
DECIMALS = st.one_of(
    st.decimals(allow_infinity=False, min_value=-(10**20), max_value=10**20, places=3),
    st.sampled_from([*map(Decimal, ("1001.00", "-0.00", "1E+3", "NaN", "9007199254740993"))]),
)
ZONED = st.datetimes(
    datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone(timedelta(hours=2)))
)
NAIVE = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
DATES = st.dates(date(1900, 1, 1), date(2200, 1, 1))
VALUES = st.one_of(st.none(), TEXTS, FLOATS, INTEGERS, DECIMALS, st.booleans(), ZONED, NAIVE, DATES)
COLUMNS = st.one_of(
    st.lists(VALUES, max_size=12),
    *(
        st.lists(st.none() | kind, max_size=12)
        for kind in (TEXTS, FLOATS, INTEGERS, DECIMALS, FLOATS | INTEGERS, ZONED, NAIVE | DATES)
    ),
)


def is_missing(value: Any) -> bool:  # noqa: ANN401 - any value
    if isinstance(value, str):
        return not value.strip(TRIMMED)
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def exact(value: Any) -> int | None:  # noqa: ANN401 - any value
    """The whole number that a number is and that its type holds exactly, if it is one."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value) or value != int(value):
        return None
    return int(value) if isinstance(value, Decimal) or abs(value) <= LAST_EXACT else None


def plainly(value: Any) -> str | None:  # noqa: ANN401 - any value
    """The text of one value; None where it has none."""
    if isinstance(value, str):
        return value.strip(TRIMMED)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        zone = "" if value.tzinfo is None else "Z"
        moment = (value.astimezone(UTC) if zone else value).replace(tzinfo=None)
        text = moment.isoformat()
        return (text.removesuffix("000") if "." in text else text) + zone
    if isinstance(value, date):
        return value.isoformat()
    whole = exact(value)
    if whole is not None:
        return str(whole)
    if isinstance(value, float) and (not math.isfinite(value) or abs(value) > LAST_EXACT):
        return None
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    return text.rstrip("0") if "." in text else text


def number_of(value: Any) -> float | None:  # noqa: ANN401 - any value
    if isinstance(value, str):
        found: float | None = parse_numbers(pl.Series([value]), GERMAN).values[0]
        return found
    if isinstance(value, datetime | date):
        return None
    return float(value) + 0.0 if math.isfinite(value) else None


def told_by_row(values: Sequence[Any], kind: str) -> list[tuple[Any, bool]]:
    """Each value read by itself: what it is, and whether it is at fault."""
    told: list[tuple[Any, bool]] = []
    for value in values:
        found: Any = None
        if is_missing(value):
            told.append((None, False))
            continue
        if kind in ("id", "text"):
            found = plainly(value)
            is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            if kind == "id" and is_number and exact(value) is None:
                found = None
            if kind == "id" and isinstance(value, str) and set(found or "") & set(INVISIBLE):
                found = None
        elif kind == "number":
            found = number_of(value)
        elif kind == "flag":
            word = (plainly(value) or "").lower()
            found = True if word in ("true", "t", "yes", "y", "1") else None
            found = False if word in ("false", "f", "no", "n", "0") else found
        elif isinstance(value, str | datetime | date):
            found = parse_times(pl.Series([value]), RULES).values[0]
        told.append((found, found is None))
    return told


def rows_of(series: pl.Series) -> RawRows:
    n = len(series)
    numbers = pl.int_range(1, n + 1, eager=True)
    return RawRows(series.to_frame(), numbers, pl.Series([0] * n, dtype=pl.Int32), ())


def in_chunks(values: Sequence[Any], size: int) -> pl.Series:
    parts = [column_of("x", values[at : at + size]) for at in range(0, len(values), size)]
    return stacked([rows_of(part) for part in parts]).frame["x"]


def through_parquet(series: pl.Series) -> pl.Series:
    file = io.BytesIO()
    series.to_frame().write_parquet(file)
    file.seek(0)
    return pl.read_parquet(file)["x"]


def same(found: Parsed, values: Sequence[Any], kind: str) -> None:
    as_told(found, told_by_row(values, kind), kind)


def as_told(found: Parsed, told: list[tuple[Any, bool]], kind: str) -> None:
    expected = [one for one, _ in told]
    assert found.values.to_list() == expected, kind
    assert found.problem.is_not_null().to_list() == [is_wrong for _, is_wrong in told], kind
    if kind == "number":
        signs = [math.copysign(1, one) for one in found.values.drop_nulls()]
        assert signs == [math.copysign(1, one) for one in expected if one is not None]


@given(COLUMNS, st.integers(1, 12))
@example([1001, 1001.0, Decimal("1001.00"), "1001", None], 2)
@example([1, None, 2.5, "2,5"], 1)
@example([2**53 + 1, None, Decimal(2**53 + 1), 1], 1)
@settings(max_examples=40)
def test_any_chunks_of_any_values_are_read_as_each_value_by_itself(
    values: list[Any], size: int
) -> None:
    whole = column_of("x", values)
    held = [whole]
    if values:
        chunks = in_chunks(values, size)
        held += [chunks, through_parquet(chunks)]
    for kind, read in READ.items():
        told = told_by_row(values, kind)
        for series in held:
            as_told(read(series), told, kind)


@given(COLUMNS.filter(bool), st.integers(1, 12))
@settings(max_examples=40)
def test_any_chunks_tell_the_same_type_and_send_an_id_to_the_same_part(
    values: list[Any], size: int
) -> None:
    writing = Writing((), GERMAN, RULES)
    whole, parts = column_of("x", values), in_chunks(values, size)
    assert infer_type(whole, writing) == infer_type(parts, writing)
    assert_series_equal(shown(whole), shown(parts))
    ids = parse_ids(parts).values
    for series in (whole, parts):
        met = series.to_frame().select(joined_by(pl.col("x"), series.dtype)).to_series()
        assert met.filter(ids.is_not_null()).to_list() == ids.drop_nulls().to_list()


SMALL = st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=6)
HOLDERS = {
    **{str(one): one for one in (pl.Int8, pl.UInt8, pl.Int32, pl.UInt64, pl.Int128, pl.Float32)},
    **{str(one): one for one in (pl.Int64, pl.Float64, pl.Decimal(12, 2), pl.Decimal(38, 0))},
}
PANDAS = ("float64", "Int64", "UInt8", "Float64", "object", "int64[pyarrow]", "double[pyarrow]")


@given(SMALL)
@settings(max_examples=15)
def test_a_whole_number_is_itself_in_every_type_of_every_table(values: list[int | None]) -> None:
    told = {kind: told_by_row(values, kind) for kind in ("id", "text", "number", "flag")}
    for dtype in HOLDERS.values():
        series = through_parquet(pl.Series("x", values).cast(dtype))
        for kind, one in told.items():
            as_told(READ[kind](series), one, kind)
    for name in PANDAS:
        held = pd.Series(values, dtype="object").astype(cast("Any", name))
        given_ = [
            None if gone else one for one, gone in zip(held.tolist(), held.isna(), strict=True)
        ]
        as_told(parse_ids(column_of("x", given_)), told["id"], "id")


@given(st.lists(NAIVE, min_size=1, max_size=4))
@settings(max_examples=15)
def test_a_time_is_itself_in_every_unit(moments: list[datetime]) -> None:
    series = pl.Series("x", moments, dtype=pl.Datetime("us"))
    for unit in ("ns", "us"):
        for kind in ("text", "time"):
            held = series.cast(pl.Datetime("ns" if unit == "ns" else "us"))
            same(READ[kind](held), moments, kind)
    stamps = [pd.Timestamp(one, tz="Asia/Tokyo") for one in moments]
    zoned = [one.to_pydatetime(warn=False) for one in stamps]
    same(parse_times(column_of("x", stamps), RULES), zoned, "time")


def test_texts_are_texts_whatever_holds_them() -> None:
    texts = [" 007 ", "7", None, ""]
    for dtype in (pl.String, pl.Categorical, pl.Enum([" 007 ", "7", ""]), pl.Binary):
        same(parse_ids(pl.Series("x", texts).cast(dtype)), texts, "id")
    same(parse_ids(column_of("x", [b" 007 ", np.str_("7"), None, memoryview(b"")])), texts, "id")


def test_markers_of_missing_values_mean_numbers_of_any_type() -> None:
    for values in ([999, 1], [999.0, 1.0], [Decimal("999.00"), 1], [999, "1"], ["999", "1"]):
        series = column_of("x", values)
        assert parse_ids(series, ("999",)).values.to_list() == [None, "1"]
        assert parse_numbers(series, NumberFormat(), ("999",)).values.to_list() == [None, 1.0]


def test_chunks_of_several_types_are_held_value_by_value() -> None:
    parts = [rows_of(pl.Series("x", one)) for one in ([1], [2.5], [None], ["a"])]
    whole = stacked(parts).frame["x"]
    assert whole.dtype == MIXED
    assert parse_texts(whole).values.to_list() == ["1", "2.5", None, "a"]


IDS = [1001, 1002, 1003, 1004]
LEADS = [
    (1001, "2024-01-01T08:00:00Z", 1000, 1),
    (1002.0, "2024-01-02T08:00:00Z", None, None),
    (1003, "2024-01-03T08:00:00Z", 3000.5, 2.0),
    (1004.0, "2024-01-04T08:00:00Z", 0, 2),
    (1005.5, "2024-01-05T08:00:00Z", 1, 2),
]
EVENTS = [
    (1001.0, "2024-01-02T09:00:00Z", 7, None),
    (1001, "2024-01-03T09:00:00Z", 7.0, 31.5),
    (1002, "2024-01-05T09:00:00Z", "form", 1),
    (1003.0, "2024-01-06T09:00:00Z", 7, None),
    (2.0**60, "2024-01-06T09:00:00Z", 7, None),
]
ENDS = [(1001.0, "2024-02-01T00:00:00Z", None, 500), (1002, None, "2024-02-02T00:00:00Z", None)]
COLUMNS_OF = {
    "leads": ("id", "created", "revenue", "source"),
    "events": ("id", "at", "type", "seconds"),
    "outcomes": ("id", "won", "lost", "amount"),
}
ROWS: dict[str, list[Any]] = {"leads": LEADS, "events": EVENTS, "outcomes": ENDS}


def canonical(folder: Path, changes: dict[str, Any]) -> tuple[Tables, Any]:
    limits = LIMITS_OF_ONE_HALF
    make_source(folder, changes | {"limits": limits})
    ingest(load_definition(folder / "sample.yaml"), folder / "tables")
    told = read_json(folder / "tables" / "quality.json")
    return Tables.read(folder / "tables"), told


def alike(found: Tables, expected: Tables) -> None:
    assert_frame_equal(found.leads, expected.leads, check_exact=True)
    assert_frame_equal(found.outcomes, expected.outcomes, check_exact=True)
    assert_frame_equal(found.events.collect(), expected.events.collect(), check_exact=True)


def issues(told: Any) -> Any:  # noqa: ANN401 - JSON
    return sorted(
        (each["kind"], each["table"], each["column"], each["words"], each["count"])
        for each in told["counts"]
    )


@pytest.mark.parametrize("chunk_rows", [1, 2, 50_000])
def test_a_database_gives_the_same_tables_in_any_chunks_as_parquet_in_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setenv("SAMPLE_URL", f"sqlite:///{tmp_path / 'crm.db'}")
    reads: dict[str, Any] = {}
    files: dict[str, Any] = {}
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        for table, names in COLUMNS_OF.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(names)})")
            marks = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", ROWS[table])
            sql = {"sql": f"SELECT * FROM {table} ORDER BY rowid", "url_env": "SAMPLE_URL"}
            reads[f"tables.{table}.read"] = sql | {"chunk_rows": str(chunk_rows)}
            names_of_files = []
            for number, row in enumerate(ROWS[table]):
                # A file a row: each with the dtypes that its row happens to have.
                frame = pl.DataFrame({name: [one] for name, one in zip(names, row, strict=True)})
                names_of_files.append(f"{table}_{number}.parquet")
                (tmp_path / "files").mkdir(exist_ok=True)
                frame.write_parquet(tmp_path / "files" / names_of_files[-1])
            files[f"tables.{table}.read"] = {"files": names_of_files}
    connection.close()
    (tmp_path / "database").mkdir()
    by_query, told = canonical(tmp_path / "database", reads)
    assert by_query.leads["lead_id"].to_list() == [str(one) for one in IDS]
    assert by_query.leads["source"].to_list() == ["1", None, "2", "2"]
    assert by_query.events.collect()["lead_id"].to_list() == ["1001", "1001", "1002", "1003"]
    assert by_query.events.collect()["event_type"].to_list() == ["7", "7", "form", "7"]
    assert by_query.outcomes["amount"].to_list() == [500.0, None, None, None]
    told_ids = [each for each in issues(told) if each[0] == "unreadable_id"]
    assert told_ids == [
        ("unreadable_id", "events", "id", "is a number too large to be exact", 1),
        ("unreadable_id", "leads", "id", "is a fraction, and no identifier", 1),
    ]
    by_files, other = canonical(tmp_path / "files", files)
    alike(by_files, by_query)
    assert issues(other) == issues(told)
