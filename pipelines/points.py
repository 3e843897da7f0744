"""Where points come from: a score column of the source, or a table of rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import Tables
from leadcast.models.data import Floats
from leadcast.models.rules import RuleScores, RuleTable, evaluate, load_rules


class Points(Protocol):
    """Gives points to leads at moments."""

    @property
    def words(self) -> str:
        """Where they come from."""

    def of_rows(self, rows: pl.DataFrame) -> Floats:
        """Give the points of rows (``lead_id``, ``as_of``), NaN where there are none."""

    def ledger(self, rows: pl.DataFrame) -> list[tuple[str, ...]]:
        """Tell for each row which rules gave how many points; empty where that is not known."""


@dataclass(frozen=True)
class ScoreColumn:
    """Points that the source has as a column: one number a lead, the same at every age."""

    leads: pl.DataFrame
    """``lead_id`` and ``points``."""
    name: str

    @classmethod
    def of(cls, tables: Tables, name: str) -> Self:
        """Take a column of the leads."""
        numbers = [
            column
            for column, dtype in tables.leads.schema.items()
            if dtype == pl.Float64 and column != "position"
        ]
        if name not in numbers:
            held = (
                "which holds no numbers" if name in tables.leads.columns else "which is not there"
            )
            raise LeadcastError(
                f"--score-column: found {name!r}, {held}; expected one of "
                f"{', '.join(numbers) or 'no column: the leads have no numbers'}. Map the export's "
                "column as tables.leads.rules_score in the source's definition"
            )
        return cls(tables.leads.select("lead_id", points=pl.col(name)), name)

    @property
    def words(self) -> str:
        """Where they come from."""
        return f"score column {self.name}"

    def of_rows(self, rows: pl.DataFrame) -> Floats:
        """Give the points of rows; see `Points`."""
        joined = rows.select("lead_id").join(
            self.leads, on="lead_id", how="left", maintain_order="left"
        )
        return np.array(joined["points"].fill_null(float("nan")).to_numpy(), dtype=np.float64)

    def ledger(self, rows: pl.DataFrame) -> list[tuple[str, ...]]:
        """Tell nothing: what a column is made of is not known."""
        return [()] * rows.height


@dataclass(frozen=True)
class RulePoints:
    """Points that a table of rules gives, at the moment of each row."""

    table: RuleTable
    tables: Tables

    @classmethod
    def of(cls, tables: Tables, path: Path) -> Self:
        """Read a points table."""
        return cls(load_rules(path), tables)

    @property
    def words(self) -> str:
        """Where they come from."""
        return f"rules {self.table.file}"

    def of_rows(self, rows: pl.DataFrame) -> Floats:
        """Give the points of rows; see `Points`."""
        return self.scores(rows).points

    def ledger(self, rows: pl.DataFrame) -> list[tuple[str, ...]]:
        """Tell the rules that fired, the most points first, and what limits took away."""
        scores = self.scores(rows)
        return [scores.in_words(row) for row in range(rows.height)]

    def scores(self, rows: pl.DataFrame) -> RuleScores:
        """Give all that the table gives to rows (``lead_id``, ``as_of``)."""
        leads, events = self.tables.leads, self.tables.events
        return evaluate(self.table, leads, events, rows.select("lead_id", "as_of"))
