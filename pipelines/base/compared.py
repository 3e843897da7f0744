"""What a comparison is made of: snapshots of a run with the learned score, and points beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.tables import Tables, TimeOrder
from leadcast.features.values.amounts import read_size
from leadcast.models.calibration.calibrators import unmoved
from leadcast.models.charts.numbers import age
from leadcast.models.comparison import Compared
from leadcast.models.comparison.compared_rows import COLUMNS
from leadcast.models.comparison.groups import in_bands, in_levels
from leadcast.models.comparison.hybrid import Past
from leadcast.models.comparison.swap import Described, reasons_of
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.evaluation import blocks_of, months_of
from leadcast.models.leakage import against_use
from leadcast.models.learners.learner_store import load_learner
from leadcast.models.rules import RuleScores, RuleTable, evaluate, load_rules
from leadcast.pipelines.base.dataset import (
    learning_snapshots,
    read_calibrator,
    read_out_of_time,
    read_parts,
    read_reference,
    read_verdict,
    used_snapshots,
)
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.summary import read_leakage
from leadcast.serve.page.file import verdict_content


class Points(Protocol):
    """Gives points to leads at moments."""

    @property
    def words(self) -> str:
        """Where they come from."""

    def of_rows(self, rows: pl.DataFrame) -> Floats:
        """Give the points of rows (``lead_id``, ``as_of``), NaN where there are none."""

    def ledger(self, rows: pl.DataFrame) -> list[tuple[str, ...]]:
        """Tell for each row which rules gave how many points; empty where that is not known."""


def use_content(run: RunFolder) -> dict[str, Any]:
    """Tell what a run's scores may be used for, as the page and the report tell it.

    Parameters
    ----------
    run : RunFolder

    Returns
    -------
    dict
        See `leadcast.serve.page.file.verdict_content`.
    """
    leaks = against_use(read_leakage(run)) if run.leakage.exists() else ()
    return verdict_content(read_verdict(run), read_json(run.metrics), leaks)


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


ATTRIBUTES = ("source", "industry", "company_size")
"""The attributes that make segments where a source has them."""


@dataclass(frozen=True)
class ComparisonInputs:
    """What a comparison reads."""

    run: RunFolder
    tables: Tables
    points: Points
    points_after_days: float
    """The age from which on the points are known."""
    worked_from_points: float | None
    """From so many points on sales works a lead; None where the source's column says it, or nothing
    does."""

    @property
    def worked_from(self) -> str | None:
        """What tells which leads were worked, in words; None where nothing does."""
        if "worked" in self.tables.leads.columns:
            return "the column worked says so"
        if self.worked_from_points is None:
            return None
        return f"sales works leads from {self.worked_from_points:g} points on"

    @property
    def is_dated(self) -> bool:
        """Whether snapshots have ages and dates."""
        return self.tables.time_order is TimeOrder.DATED

    def old_enough(self, snapshots: pl.DataFrame) -> pl.Series:
        """Tell which snapshots are from when the points were known."""
        return (snapshots["landmark_days"] >= self.points_after_days).fill_null(True)


def test_rows(inputs: ComparisonInputs) -> tuple[pl.DataFrame, tuple[str, ...], int]:
    """Read the test snapshots with both scores."""
    test = used_snapshots(inputs.run).filter(pl.col("part") == "test")
    scores = pl.read_parquet(inputs.run.test_scores)
    rows = test.with_columns(
        scores["probability"],
        scores["lower"],
        scores["upper"],
        pl.col("group_id").rank("dense").cast(pl.Int64).alias("group"),
        grade=pl.Series(read_reference(inputs.run).grade(scores["probability"].to_numpy())),
        test_row=pl.int_range(test.height, dtype=pl.Int64),
    )
    old_enough = inputs.old_enough(rows)
    rows = rows.filter(old_enough)
    points = pl.Series("points", inputs.points.of_rows(rows)).fill_nan(None)
    rows, attributes = _with_leads(rows.with_columns(points), inputs)
    rows, dimensions = _with_moments(rows, inputs)
    return rows, (*attributes, *dimensions), test.height - rows.height


def past_rows(inputs: ComparisonInputs, landmark_days: float | None) -> Past | None:
    """Read the snapshots of the learning part that models scored without having seen them."""
    scored = read_out_of_time(inputs.run).filter(pl.col("origin") >= 0)
    learning = learning_snapshots(inputs.run)
    if scored.is_empty():
        return None
    calibrator = unmoved(read_calibrator(inputs.run))
    told = (scored["log_odds"] + scored["early"]).to_numpy()
    rows = learning[scored["row"].to_list()].with_columns(
        probability=pl.Series(calibrator.probability(told))
    )
    rows = rows.filter(inputs.old_enough(rows))
    rows = rows.with_columns(points=pl.Series(inputs.points.of_rows(rows))).filter(
        pl.col("points").is_not_nan()
    )
    probability = rows["probability"].to_numpy()
    on_list = np.ones(rows.height, dtype=bool)
    if landmark_days is not None:
        on_list = (rows["landmark_days"] == landmark_days).to_numpy().astype(bool)
    return Past(
        probability=probability,
        points=rows["points"].to_numpy(),
        converted=rows["converted"].cast(pl.Float64).to_numpy(),
        grade=read_reference(inputs.run).grade(probability).tolist(),
        on_list=on_list,
    )


def learning_rows(inputs: ComparisonInputs, landmark_days: float | None) -> Compared:
    """Read the snapshots of the learning part, which may be looked at again and again."""
    rows = learning_snapshots(inputs.run)
    rows = rows.filter(inputs.old_enough(rows)).with_columns(
        group=pl.col("group_id").rank("dense").cast(pl.Int64)
    )
    absent = [pl.lit(None).alias(name) for name in COLUMNS if name not in rows.columns]
    return Compared.of(rows.with_columns(absent), (), landmark_days)


def described(inputs: ComparisonInputs, every: Compared) -> Described:
    """Give what is known of the leads that are on the call list with points."""
    listed = every.with_points.on_list.frame
    data = read_parts(inputs.run, ["test"], None).rows(listed["test_row"].to_numpy())
    learner = load_learner(inputs.run.learner)

    def reasons(rows: Integers) -> list[tuple[str, ...]]:
        values = data.values[rows]
        return reasons_of(learner.contributions(values)[0], values, data.features)

    def ledger(rows: Integers) -> list[tuple[str, ...]]:
        return inputs.points.ledger(listed[rows.tolist()])

    return Described(data.values, data.features, reasons, ledger)


def _with_leads(
    rows: pl.DataFrame, inputs: ComparisonInputs
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    leads, kinds = inputs.tables.leads, inputs.tables.attribute_types
    named = [name for name in ATTRIBUTES if name in kinds]
    marks = [name for name in ("worked", "random_slice") if name in leads.columns]
    joined = rows.join(
        leads.select("lead_id", *named, *marks), on="lead_id", how="left", maintain_order="left"
    ).join(
        inputs.tables.outcomes.select("lead_id", "amount"),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    columns = [_segment(joined[name], kinds[name]) for name in named]
    if "worked" not in marks:
        from_points = inputs.worked_from_points
        worked = joined["points"] >= (float("nan") if from_points is None else from_points)
        unknown = pl.Series([None] * joined.height, dtype=pl.Boolean)
        columns.append((unknown if from_points is None else worked).alias("worked"))
    if "random_slice" not in marks:
        columns.append(pl.Series("random_slice", [None] * joined.height, dtype=pl.Boolean))
    return joined.with_columns(columns), tuple(named)


def _segment(column: pl.Series, kind: str) -> pl.Series:
    if kind == "number":
        return in_bands(column)
    if column.name == "company_size":
        sizes = [None if text is None else read_size(text) for text in column.to_list()]
        return in_bands(pl.Series(column.name, sizes, dtype=pl.Float64))
    return in_levels(column.cast(pl.String))


def _with_moments(
    rows: pl.DataFrame, inputs: ComparisonInputs
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    if not inputs.is_dated:
        block = pl.Series("block", blocks_of(rows["position"].to_numpy()), dtype=pl.String)
        return rows.with_columns(block), ("block",)
    ages = [
        age(days).replace("\N{NO-BREAK SPACE}", " ") for days in rows["landmark_days"].to_list()
    ]
    columns = (
        pl.Series("landmark", ages, dtype=pl.String),
        pl.Series("month", months_of(rows["as_of"]), dtype=pl.String),
    )
    return rows.with_columns(*columns), ("landmark", "month")
