"""Training rows on a Dask cluster: which there are, and what a worker makes of its share."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.files import written_whole
from models.data import Floats, Integers, LabelledMatrix
from models.learners.regression import Layout, Regression, level_in_training
from models.learners.rows import recency_weights
from models.learners.target_statistics import TargetStatistics


@dataclass(frozen=True)
class Rows:
    """All training rows, in files that all workers see.

    Parameters
    ----------
    matrix : Path
        Parquet, a float32 column a feature.
    labels : Path
        Parquet, a row for each of the matrix: ``learned`` (Boolean: whether it is a training row),
        ``position`` (Int64), ``converted`` (Float64) and ``group`` (who hangs together).
    """

    matrix: Path
    labels: Path

    @property
    def statistics(self) -> Path:
        """Where `write_statistics` puts what the categories of each row have come to.

        Returns
        -------
        Path
            Parquet, a row for each of the matrix and a float32 column a category.
        """
        return self.labels.with_name("statistics.parquet")

    def learned(self) -> tuple[Integers, Integers, float]:
        """Read which rows are learned from.

        Returns
        -------
        numbers : ndarray of int64, shape (n_learned,)
            Of the rows in the matrix, ascending.
        span : ndarray of int64, shape (2,)
            The first and the last position.
        leads_per_row : float
            How many groups there are for each row.
        """
        table = pl.scan_parquet(self.labels).with_row_index("row").filter("learned")
        found = table.select(pl.col("row").cast(pl.Int64), "position", "group").collect()
        position = found["position"].to_numpy()
        span = np.array([position.min(), position.max()])
        return found["row"].to_numpy(), span, found["group"].n_unique() / found.height

    def block(self, first: int, count: int, *, with_statistics: bool) -> pl.DataFrame:
        """Read the training rows among some rows of the matrix, labels and all.

        Parameters
        ----------
        first, count : int
        with_statistics : bool
            Whether the categories' statistics stand behind the features.

        Returns
        -------
        pl.DataFrame
        """
        files = (self.matrix, *([self.statistics] if with_statistics else []), self.labels)
        slices = (pl.scan_parquet(path).slice(first, count) for path in files)
        return pl.concat([part.collect() for part in slices], how="horizontal").filter("learned")


@dataclass(frozen=True)
class Task:
    """What a worker needs to prepare rows for one member's trees.

    Parameters
    ----------
    rows : Rows
    layout : Layout
        With the periods alone, without their rows.
    regression : Regression
        Whose level the trees start from.
    columns : ndarray of int64
        The features that the trees see.
    half_life : float or None
        Of the recency weights.
    span : ndarray of int64, shape (2,)
        The first and the last position of all training rows.
    leads_per_row : float
        Of all training rows: what a row tells, as in `models.learners.rows.row_weights`.
    """

    rows: Rows
    layout: Layout
    regression: Regression
    columns: Integers
    half_life: float | None
    span: Integers
    leads_per_row: float

    def weight(self, position: Integers) -> Floats:
        """Weigh rows as `models.learners.rows.row_weights` weighs them among all training rows.

        Parameters
        ----------
        position : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        # The first and the last of all rows stand in for them, and are taken off again.
        recency = recency_weights(np.append(position, self.span), self.half_life)[:-2]
        return recency * self.leads_per_row


def write_statistics(task: Task, categories: Integers) -> tuple[Floats, ...]:
    """Count what the earlier leads of each category came to, over all rows, for the workers.

    They are those of `models.learners.target_statistics`. A row's depend on all rows before it,
    so that they are counted here, on one machine, of the category columns and the labels alone.

    Parameters
    ----------
    task : Task
    categories : ndarray of int64
        The category columns wanted.

    Returns
    -------
    tuple of ndarray of float64
        `TargetStatistics.tables`; what the rows see is in the file `Rows.statistics`.
    """
    rows, data = task.rows, task.layout.data
    features = tuple(data.features[column] for column in categories)
    labels = pl.read_parquet(rows.labels)
    learned = labels["learned"]
    names = [feature.name for feature in features]
    values = pl.scan_parquet(rows.matrix).select(names).filter(learned).collect().to_numpy()
    labels = labels.filter("learned")
    position, converted = labels["position"].to_numpy(), labels["converted"].to_numpy()
    group = np.zeros(len(position), np.int64)
    narrow = LabelledMatrix(values, features, converted, position, group, data.horizon)
    counted = TargetStatistics.of(narrow, task.weight(position), np.arange(len(features)))
    so_far = np.full((len(learned), len(features)), np.nan, np.float32)
    so_far[learned.to_numpy()] = counted.so_far
    with written_whole(rows.statistics) as temporary:
        columns = [f"so_far_{place}" for place in range(len(features))]
        pl.from_numpy(so_far, schema=columns).write_parquet(temporary, compression="lz4")
    return counted.tables


def periods_only(layout: Layout) -> Layout:
    """Keep of a layout what tells a row's period: it is small, and travels to the workers.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    Layout
        With the first row of each period alone.
    """
    periods = range(int(layout.period.max()) + 1)
    firsts = np.array([np.flatnonzero(layout.period == p)[0] for p in periods])
    return replace(
        layout,
        data=layout.data.rows(firsts),
        columns=np.zeros((len(firsts), 0)),
        period=layout.period[firsts],
    )


def blocks_of(numbers: Integers, rows_of_a_block: int) -> list[tuple[int, int, int]]:
    """Cut the matrix into blocks.

    Parameters
    ----------
    numbers : ndarray of int64
        The training rows' numbers in the matrix, ascending.
    rows_of_a_block : int
        How many rows of the matrix a block has.

    Returns
    -------
    list of (int, int, int)
        First row, rows, and how many of them are learned from; none without such.
    """
    blocks = []
    for first in range(0, int(numbers[-1]) + 1, rows_of_a_block):
        inside = np.searchsorted(numbers, [first, first + rows_of_a_block])
        if inside[1] > inside[0]:
            blocks.append((first, rows_of_a_block, int(inside[1] - inside[0])))
    return blocks


def prepare(
    task: Task, first: int, count: int, *, with_statistics: bool
) -> dict[str, np.ndarray[Any, Any]]:
    """Make what the trees need of some rows; runs on a worker.

    Parameters
    ----------
    task : Task
    first, count : int
        Rows of the matrix.
    with_statistics : bool
        Whether the trees see what `write_statistics` has written.

    Returns
    -------
    dict of str to ndarray
        ``values`` (float32), ``converted``, ``weight`` and ``level`` (float64).
    """
    table = task.rows.block(first, count, with_statistics=with_statistics)
    labels = table.select("position", "converted", "group")
    values = np.ascontiguousarray(table.drop("learned", *labels.columns).to_numpy(), np.float32)
    position = labels["position"].to_numpy()
    n_features = len(task.layout.data.features)
    data = replace(
        task.layout.data,
        values=values[:, :n_features],
        converted=labels["converted"].to_numpy(),
        position=position,
        group=np.arange(len(position)),
    )
    seen = np.append(task.columns, np.arange(n_features, values.shape[1]))
    return {
        "values": np.ascontiguousarray(values[:, seen]),
        "converted": data.converted,
        "weight": task.weight(position),
        "level": level_in_training(task.layout, task.regression, data),
    }
