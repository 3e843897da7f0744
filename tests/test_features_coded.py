"""Events that are read by codes are the events that are read as texts, from whatever files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow
import pyarrow.parquet
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine import coded as batch_events
from leadcast.features.engine.coded import CodedTable, ParquetEvents, split_events
from leadcast.features.engine.events import collect_events
from leadcast.features.engine.partition import part_of

N, LEADS, KINDS = 3000, 40, ("open", "click", "ö")
IDS = pl.Series([f"lead {n}" for n in range(LEADS)])


def events() -> pl.DataFrame:
    draw = np.random.default_rng(5)
    some = draw.integers(0, LEADS + 9, N)
    kinds = [("open", "click", "ö", "other", None)[k] for k in draw.integers(0, 5, N)]
    start = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    times = [start + timedelta(microseconds=int(us)) for us in draw.integers(0, 2_000_000, N)]
    values = draw.choice([1.5, np.nan, np.inf, -1e300, 0.0], N).tolist()
    return pl.DataFrame(
        {
            "lead_id": [None if n == LEADS else f"lead {n}" for n in some],
            "occurred_at": pl.Series([None if n % 50 == 7 else t for n, t in enumerate(times)]),
            "event_type": kinds,
            "value": [None if n % 3 == 0 else value for n, value in enumerate(values)],
        },
        schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
    )


def opened(*files: Path) -> ParquetEvents:
    table = ParquetEvents.opened(files)
    assert table is not None
    return table


def assert_same(table: CodedTable, with_values: bool = True, ids: pl.Series = IDS) -> None:
    """Hold what is collected against the same from texts."""
    expected = collect_events(events().lazy(), ids, KINDS, with_values)
    found = collect_events(table, ids, KINDS, with_values)
    assert len(expected.times_us) > 0
    for name, column in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), column, name)


WRITERS = {
    "polars": lambda table, file: table.write_parquet(file, row_group_size=700),
    "no dictionaries": lambda table, file: pyarrow.parquet.write_table(
        table.to_arrow(), file, use_dictionary=False, row_group_size=999
    ),
    "categories": lambda table, file: table.with_columns(
        pl.col("lead_id", "event_type").cast(pl.Categorical)
    ).write_parquet(file),
    "plain strings": lambda table, file: pyarrow.parquet.write_table(
        table.to_arrow(compat_level=pl.CompatLevel.oldest()), file, compression="gzip"
    ),
    "nanoseconds": lambda table, file: table.with_columns(
        pl.col("occurred_at").dt.cast_time_unit("ns")
    ).write_parquet(file),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("with_values", [True, False])
def test_codes_give_the_events_that_texts_give(
    tmp_path: Path, writer: str, with_values: bool
) -> None:
    WRITERS[writer](events(), tmp_path / "events.parquet")
    assert_same(opened(tmp_path / "events.parquet"), with_values)


def test_times_are_rounded_as_they_are_elsewhere(tmp_path: Path) -> None:
    numbers = pl.Series([-1, -1001, -1000, 999, None], dtype=pl.Int64)
    few = (
        events()
        .head(5)
        .with_columns(lead_id=pl.lit("lead 1"), occurred_at=numbers.cast(pl.Datetime("ns", "UTC")))
    )
    few.write_parquet(tmp_path / "events.parquet")
    table = opened(tmp_path / "events.parquet")
    found, expected = (collect_events(t, IDS, KINDS, False) for t in (table, few.lazy()))
    assert found.times_us.tolist() == expected.times_us.tolist() == [-2, -1, -1, 0]


@pytest.mark.parametrize("stored_rows", [1, 800, 10**6])
@pytest.mark.parametrize("n_parts", [1, 7, 60])
def test_each_event_is_in_the_part_of_its_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored_rows: int, n_parts: int
) -> None:
    monkeypatch.setattr(batch_events, "STORED_ROWS", stored_rows)
    events().write_parquet(tmp_path / "events.parquet", row_group_size=500)
    table = opened(tmp_path / "events.parquet")
    parts = split_events(tmp_path / "split", table, n_parts, KINDS, with_values=True)
    homes = IDS.to_frame("lead_id").select(part_of(n_parts)).to_series()
    for number, part in enumerate(parts):
        assert part.collect_schema() == table.collect_schema()
        own = IDS.filter(homes == number)
        found = collect_events(part, IDS, KINDS, with_values=True)
        counts = pl.Series(np.diff(found.starts))
        assert counts.filter(~IDS.is_in(own.implode())).sum() == 0
        if len(own):
            assert_same(part, ids=own)


def test_a_split_that_is_there_is_not_done_again(tmp_path: Path) -> None:
    events().write_parquet(tmp_path / "events.parquet")
    table = opened(tmp_path / "events.parquet")
    first = split_events(tmp_path / "split", table, 3, KINDS, with_values=True)
    (tmp_path / "events.parquet").unlink()
    assert split_events(tmp_path / "split", table, 3, KINDS, with_values=True) == first


OTHERS = {
    "no kind": lambda table: table.drop("event_type"),
    "no zone": lambda table: table.with_columns(pl.col("occurred_at").dt.date()),
    "numbers for ids": lambda table: table.with_columns(lead_id=pl.int_range(pl.len())),
    "texts for values": lambda table: table.with_columns(pl.col("value").cast(pl.String)),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("place", [0, 1])
def test_other_columns_are_left_to_others(tmp_path: Path, other: str, place: int) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file in files:
        events().write_parquet(file)
    OTHERS[other](events()).write_parquet(files[place])
    assert ParquetEvents.opened(files) is None


def test_a_file_with_a_damaged_middle_is_told_by_name(tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    events().write_parquet(file)
    content = bytearray(file.read_bytes())
    content[100 : len(content) // 2] = bytes(len(content) // 2 - 100)
    file.write_bytes(content)
    with pytest.raises(LeadcastError, match=r"events\.parquet.*write or copy it again"):
        collect_events(opened(file), IDS, KINDS, with_values=True)
