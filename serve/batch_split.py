"""A table, split by lead into parts of about equal size, in bounded memory."""

from pathlib import Path

import polars as pl

from features.files import written_whole

FEW_PARTS = 3
"""So many parts are quicker found by reading the table again for each than by writing them down."""

_PART = "part"
_SEED = 20_250_101


def split_by_lead(folder: Path, table: pl.LazyFrame, n_parts: int) -> list[pl.LazyFrame]:
    """Split a table by a hash of the lead.

    Parameters
    ----------
    folder : Path
        Where the parts are kept; what is there already is taken for them.
    table : pl.LazyFrame
        With a column ``lead_id``; all rows of a lead go to the same part.
    n_parts : int
        How many parts.

    Returns
    -------
    list of pl.LazyFrame
        The parts; their rows are in no particular order.
    """
    if n_parts == 1:
        return [table]
    # An id with blanks around it is the same id, to those who read texts with care.
    name = pl.col("lead_id").cast(pl.String).str.strip_chars()
    number = (name.hash(_SEED) % n_parts).cast(pl.Int32)
    if n_parts <= FEW_PARTS:
        return [table.filter(number == part) for part in range(n_parts)]
    if not folder.exists():
        with written_whole(folder) as temporary:
            table.with_columns(number.alias(_PART)).sink_parquet(
                pl.PartitionBy(temporary, key=_PART, include_key=False),
                mkdir=True,
                compression="lz4",
                # Of each part at most so many rows wait in memory.
                row_group_size=20_000,
            )
    schema = table.collect_schema()
    return [_scan(folder / f"{_PART}={part}", schema) for part in range(n_parts)]


def _scan(folder: Path, schema: pl.Schema) -> pl.LazyFrame:
    # A part to which no lead fell has no files.
    return pl.scan_parquet(folder / "*.parquet") if folder.is_dir() else pl.LazyFrame(schema=schema)
