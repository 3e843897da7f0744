"""Rows that were set aside, each with the reason; never silently away."""

from pathlib import Path

import polars as pl

from features.sources.origins import Rows

SCHEMA = {
    "table": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "line": pl.Int64,
    "lead_id": pl.String,
    "reason": pl.String,
    "kept": pl.Boolean,
    "raw": pl.String,
}
"""``row`` and ``line`` count from 1; ``kept`` rows stay in the canonical tables with an empty
value; ``raw`` is the row as JSON, with the columns that the definition reads."""


class Quarantine:
    """Collects rows in files, so that many of them take no memory.

    Parameters
    ----------
    folder : Path
        A folder for the parts; made when the first row comes.

    Attributes
    ----------
    rows : int
        How many there are so far.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = 0
        self.rows = 0

    def add(
        self, table: str, rows: Rows, *, lead_ids: pl.Series, reasons: pl.Series, kept: bool
    ) -> None:
        """Set rows aside.

        Parameters
        ----------
        table : str
            Of which table.
        rows : Rows
            The rows.
        lead_ids, reasons : pl.Series of String
            Whose they are, and why; one a row.
        kept : bool
            Whether they stay in the canonical tables with an empty value.
        """
        raw = rows.frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()
        frame = rows.places().with_columns(
            table=pl.lit(table), lead_id=lead_ids, reason=reasons, kept=pl.lit(kept), raw=raw
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"part-{self._parts:06d}.parquet"
        frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).write_parquet(path)
        self._parts += 1
        self.rows += frame.height

    def finish(self, path: Path) -> None:
        """Write all rows into one file, and remove the parts.

        Parameters
        ----------
        path : Path
            The file; without rows where nothing was set aside.
        """
        if not self._parts:
            pl.DataFrame(schema=SCHEMA).write_parquet(path)
            return
        parts = sorted(self._folder.glob("part-*.parquet"))
        pl.scan_parquet(parts).sink_parquet(path)
        for part in parts:
            part.unlink()
        self._folder.rmdir()
