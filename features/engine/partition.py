"""A table, split by a hash of the lead into parts of about equal size, in bounded memory."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from leadcast.features.base.files import written_whole
from leadcast.features.values.identifiers import joined_by

ROW = "row_in_leads"
"""The column that keeps each row's place while parts are worked on in another order."""
Read = Callable[[], pl.LazyFrame]
"""Scans a part anew: a scan that has run keeps its files' footers for as long as it is there."""

HELD_BYTES = 64_000_000
"""A table that is no larger is held in memory, which is sooner done than to write it down."""
_SAMPLED = 1_000
"""By so many rows a table's size is judged."""

SLICE_CELLS = 1_000_000
"""So many values of a larger one at a time: a sink of texts holds the more, the longer it runs."""

PART = "part_of_lead"
"""The column that `part_of` gives."""
_SEED = 20_250_101


def split_by_lead(folder: Path, table: pl.LazyFrame, n_parts: int) -> list[Read]:
    """Split a table by a hash of the lead."""
    if n_parts == 1:
        return [lambda: table]
    schema, height = table.collect_schema(), height_of(table)
    if height * _row_bytes(table) <= HELD_BYTES:
        held = table.collect()
        home = held.select(part_of(n_parts, schema["lead_id"])).to_series()
        return [held.filter(home == part).lazy for part in range(n_parts)]
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            rows = max(1, SLICE_CELLS // len(schema))
            home_of = part_of(n_parts, schema["lead_id"])
            for number, first in enumerate(range(0, height, rows)):
                some = table.slice(first, rows).collect().with_columns(home_of)
                parts = some.partition_by(
                    PART, maintain_order=True, include_key=False, as_dict=True
                )
                for (part,), own in parts.items():
                    own.write_ipc(temporary / f"{number:06}.{part}.arrow")
    return [partial(_scan, folder, part, schema) for part in range(n_parts)]


def height_of(table: pl.LazyFrame) -> int:
    """Count the rows of a table."""
    return int(table.select(pl.len()).collect().item())


def part_of(n_parts: int, dtype: pl.DataType | None = None) -> pl.Expr:
    """Tell each row's part, by a hash of its ``lead_id``, which is a text if no dtype is named."""
    name = joined_by(pl.col("lead_id"), dtype or pl.String())
    return (name.hash(_SEED) % n_parts).cast(pl.Int32).alias(PART)


def _row_bytes(table: pl.LazyFrame) -> float:
    some = table.head(_SAMPLED).collect()
    return some.estimated_size() / max(some.height, 1)


def _scan(folder: Path, part: int, schema: pl.Schema) -> pl.LazyFrame:
    files = sorted(folder.glob(f"*.{part}.arrow"))
    # A part to which no lead fell has no files.
    return pl.scan_ipc(files) if files else pl.LazyFrame(schema=schema)


def by_row(table: pl.DataFrame) -> pl.DataFrame:
    """Sort a table by `ROW`, which costs little where it is sorted already, as parts mostly are."""
    return table if table[ROW].is_sorted() else table.sort(ROW)
