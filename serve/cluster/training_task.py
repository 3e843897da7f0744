"""What a worker of a Dask cluster makes of its training rows."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from features.files import written_whole
from models.data import Floats, Integers, LabelledMatrix
from models.learners.regression import Layout, Regression, level_in_training
from models.learners.rows import recency_weights
from models.learners.target_statistics import TargetStatistics
from serve.cluster.training_rows import Rows, Share

ROWS_AT_ONCE = 200_000
"""So many rows of the matrix a worker reads at once."""


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
        Of the share: what a row tells, as in `models.learners.rows.row_weights`.
    share : Share
        The rows that the trees are grown on.
    """

    rows: Rows
    layout: Layout
    regression: Regression
    columns: Integers
    half_life: float | None
    span: Integers
    leads_per_row: float
    share: Share

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


def cut(numbers: Integers, n: int) -> list[tuple[int, int, int]]:
    """Cut the matrix into parts with as many training rows each.

    Parameters
    ----------
    numbers : ndarray of int64
        The training rows' numbers in the matrix, ascending.
    n : int
        How many parts; fewer where there are fewer rows.

    Returns
    -------
    list of (int, int, int)
        First row, rows, and how many of them are learned from; none without such.
    """
    parts = np.array_split(numbers, min(n, len(numbers)))
    return [(int(part[0]), int(part[-1] - part[0]) + 1, len(part)) for part in parts]


def prepare(
    task: Task,
    first: int,
    count: int,
    *,
    with_statistics: bool,
    rows_at_once: int = ROWS_AT_ONCE,
) -> dict[str, np.ndarray[Any, Any]]:
    """Make what the trees need of some rows; runs on a worker.

    Parameters
    ----------
    task : Task
    first, count : int
        Rows of the matrix.
    with_statistics : bool
        Whether the trees see what `write_statistics` has written.
    rows_at_once : int
        How many rows are read at once.

    Returns
    -------
    dict of str to ndarray
        ``values`` (float32), ``converted``, ``weight`` and ``level`` (float64).
    """
    _leave_network()
    quieten()
    end = first + count
    blocks = [
        _prepared(task, start, min(rows_at_once, end - start), with_statistics)
        for start in range(first, end, rows_at_once)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def quieten() -> None:
    """Keep LightGBM's talk of ports and connections, which "verbose" does not reach, from the user.

    What goes wrong is raised anyway. One line a training ("Listening...") comes from a thread of
    LightGBM's own, which no logger reaches.
    """
    from lightgbm import register_logger

    logger = logging.getLogger("lightgbm")
    logger.setLevel(logging.ERROR)
    register_logger(logger)


def _leave_network() -> None:
    # A training that failed leaves its sockets open in the worker's thread: those who still wait
    # for this worker would wait on, and its next training would speak to the dead.
    from lightgbm.basic import _LIB

    _LIB.LGBM_NetworkFree()


def _prepared(
    task: Task, first: int, count: int, with_statistics: bool
) -> dict[str, np.ndarray[Any, Any]]:
    table = task.rows.block(first, count, task.share, statistics=with_statistics)
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
