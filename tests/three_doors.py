"""One export through each reader: CSV as text, Parquet with types, SQLite."""

import io
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.definitions.definition import SourceDefinition
from tests.source_samples import EVENTS, LEADS, OUTCOMES, Keys, make_source

DOORS = ("csv", "parquet", "sqlite")
_URL = "THREE_DOORS_URL"


class Door:
    """Opens an export by one reader."""

    def __init__(self, name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.name = name
        self.folder = folder
        patch.setenv(_URL, f"sqlite:///{folder / 'crm.db'}")

    def source(
        self,
        changes: Keys | None = None,
        *,
        leads: str = LEADS,
        events: str = EVENTS,
        outcomes: str = OUTCOMES,
    ) -> SourceDefinition:
        """Write an export that is given as CSV, and load its definition."""
        files = {"leads": leads, "events": events, "outcomes": outcomes}
        own = {} if changes is None else dict(changes)
        if self.name != "csv":
            has_table = "read" in own.get("tables.outcomes", {"read": None})
            for name in ("leads", "events", *(["outcomes"] if has_table else [])):
                own[f"tables.{name}.read"] = self._stored(name, files[name])
        return make_source(self.folder, own, leads=leads, events=events, outcomes=outcomes)

    def _stored(self, name: str, text: str) -> Keys:
        frame = pl.read_csv(io.StringIO(text), infer_schema=False)
        if self.name == "parquet":
            frame.select(_typed(column) for column in frame).write_parquet(
                self.folder / f"{name}.parquet"
            )
            return {"files": f"{name}.parquet"}
        with sqlite3.connect(self.folder / "crm.db") as database:
            columns = ", ".join(frame.columns)
            database.execute(f"DROP TABLE IF EXISTS {name}")
            database.execute(f"CREATE TABLE {name} ({columns})")
            places = ", ".join("?" * frame.width)
            database.executemany(f"INSERT INTO {name} VALUES ({places})", frame.rows())
        database.close()
        return {"sql": f"SELECT * FROM {name}", "url_env": _URL}


def _typed(column: pl.Series) -> pl.Series:
    """Give times their type, as a program that writes Parquet does."""
    given = column.drop_nulls()
    formats = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")
    for written in formats if len(given) else ():
        read = column.str.strptime(pl.Datetime("us"), written, strict=False)
        if read.count() == len(given):
            if "%H" not in written:
                return read.cast(pl.Date)
            return read.dt.replace_time_zone("UTC" if written.endswith("Z") else None)
    return column
