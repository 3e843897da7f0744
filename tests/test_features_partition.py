"""What is split by lead comes together again, and in order, however little is held at a time."""

from pathlib import Path

import polars as pl
import pytest

from leadcast.features.engine import partition as batch_split
from leadcast.features.engine.partition import ROW, split_by_lead
from leadcast.serve.batch import deliver as batch_output
from leadcast.serve.batch.deliver import in_order

N, PARTS = 200, 5


def table() -> pl.DataFrame:
    ids = pl.Series("lead_id", [f"lead {i * 37 % 60}" for i in range(N)])
    # A column of the user's own may have any name.
    return pl.DataFrame({"lead_id": ids, ROW: pl.int_range(N, eager=True), "part": ids + "!"})


@pytest.mark.parametrize(("held_bytes", "slice_cells"), [(0, 1), (0, 14), (0, 10 * N), (10**6, 1)])
def test_every_row_is_in_one_part_with_all_rows_of_its_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int, slice_cells: int
) -> None:
    monkeypatch.setattr(batch_split, "HELD_BYTES", held_bytes)
    monkeypatch.setattr(batch_split, "SLICE_CELLS", slice_cells)
    split = [read().collect() for read in split_by_lead(tmp_path / "split", table().lazy(), PARTS)]
    assert pl.concat(split).sort(ROW).equals(table())
    assert all(part[ROW].is_sorted() for part in split), "which saves sorting each part"
    homes = [set(part["lead_id"]) for part in split]
    assert sum(map(len, homes)) == 60, "a lead is in two parts"
    assert (tmp_path / "split").exists() == (held_bytes == 0)


@pytest.mark.parametrize("held_bytes", [0, 10**6])
@pytest.mark.parametrize("n_rows", [0, 1])
def test_there_are_parts_without_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int, n_rows: int
) -> None:
    monkeypatch.setattr(batch_split, "HELD_BYTES", held_bytes)
    split = split_by_lead(tmp_path / "split", table().head(n_rows).lazy(), PARTS)
    parts = [read().collect() for read in split]
    assert sorted(part.height for part in parts) == [0] * (PARTS - 1) + [n_rows]
    assert all(part.schema == table().schema for part in parts)


@pytest.mark.parametrize(("held_bytes", "rows_at_once"), [(0, 1), (0, 7), (0, 10 * N), (10**6, 1)])
@pytest.mark.parametrize("apart", [1, 10**12])
def test_parts_come_into_order_whatever_numbers_their_rows_have(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    held_bytes: int,
    rows_at_once: int,
    apart: int,
) -> None:
    monkeypatch.setattr(batch_output, "HELD_BYTES", held_bytes)
    monkeypatch.setattr(batch_output, "ORDERED_ROWS", rows_at_once)
    whole = table().with_columns(pl.col(ROW) * apart)
    files = [tmp_path / f"{part}.arrow" for part in range(PARTS)]
    for part, file in enumerate(files):
        whole.gather_every(PARTS, part).write_ipc(file, record_batch_size=3)
    assert in_order(files, tmp_path / "ordered").collect().equals(whole)
    assert in_order(files[:1], tmp_path / "ordered").collect().height == N // PARTS


@pytest.mark.parametrize("held_bytes", [0, 10**6])
def test_parts_without_rows_have_an_order_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(batch_output, "HELD_BYTES", held_bytes)
    files = [tmp_path / f"{part}.arrow" for part in range(2)]
    for file in files:
        table().clear().write_ipc(file)
    assert in_order(files, tmp_path / "ordered").collect().equals(table().clear())
