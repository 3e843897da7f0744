"""What a worker of a Dask cluster makes of its training rows.

Training rows on a Dask cluster: which there are, and who learns from which.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.files import written_whole
from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.learners.regression import Layout, Regression, level_in_training
from leadcast.models.learners.rows import recency_weights
from leadcast.models.learners.target_statistics import TargetStatistics

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio's share of 2**64: its multiples are spread evenly (Knuth 1973, 6.4)."""


@dataclass(frozen=True)
class Share:
    """Some of the rows, evenly spread among all."""

    number: int
    of: int
    """Which share, of how many."""

    def holds(self, numbers: Integers) -> npt.NDArray[np.bool_]:
        """Tell which rows are in the share; each is in one."""
        # Not every so-and-so-many-th, since a lead may have just so many snapshots.
        spread = (numbers.astype(np.uint64) * GOLDEN) >> np.uint64(32)
        return np.asarray((spread * np.uint64(self.of)) >> np.uint64(32) == self.number)


@dataclass(frozen=True)
class Learned:
    """Which rows are learned from."""

    numbers: Integers
    """Of the rows in the matrix, ascending."""
    span: Integers
    """The first and the last position."""
    group: pl.Series
    """Who hangs together."""

    def leads_per_row(self, share: Share) -> float:
        """Tell how many groups there are for each row of a share."""
        own = self.group.filter(pl.Series(share.holds(self.numbers)))
        return own.n_unique() / len(own)


@dataclass(frozen=True)
class ClusterRows:
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

    def learned(self) -> Learned:
        """Read which rows are learned from.

        Returns
        -------
        Learned
        """
        table = pl.scan_parquet(self.labels).with_row_index("row").filter("learned")
        found = table.select(pl.col("row").cast(pl.Int64), "position", "group").collect()
        position = found["position"].to_numpy()
        span = np.array([position.min(), position.max()])
        return Learned(found["row"].to_numpy(), span, found["group"])

    def block(self, first: int, count: int, share: Share, *, statistics: bool) -> pl.DataFrame:
        """Read the training rows of a share among some rows of the matrix, labels and all.

        Parameters
        ----------
        first, count : int
        share : Share
        statistics : bool
            Whether the categories' statistics stand behind the features.

        Returns
        -------
        pl.DataFrame
        """
        files = (self.matrix, *([self.statistics] if statistics else []), self.labels)
        slices = (pl.scan_parquet(path).slice(first, count) for path in files)
        table = pl.concat([part.collect() for part in slices], how="horizontal")
        own = pl.Series(share.holds(np.arange(first, first + len(table))))
        return table.filter(pl.col("learned") & own)


ROWS_AT_ONCE = 200_000
"""So many rows of the matrix a worker reads at once."""


@dataclass(frozen=True)
class Task:
    """What a worker needs to prepare rows for one member's trees."""

    rows: ClusterRows
    layout: Layout
    """With the periods alone, without their rows."""
    regression: Regression
    """Whose level the trees start from."""
    columns: Integers
    """The features that the trees see."""
    half_life: float | None
    """Of the recency weights."""
    span: Integers
    """The first and the last position of all training rows."""
    leads_per_row: float
    """Of the share: what a row tells, as in `leadcast.models.learners.rows.row_weights`."""
    share: Share
    """The rows that the trees are grown on."""

    def weight(self, position: Integers) -> Floats:
        """Weigh rows as `rows.row_weights` weighs them among all training rows."""
        # The first and the last of all rows stand in for them, and are taken off again.
        recency = recency_weights(np.append(position, self.span), self.half_life)[:-2]
        return recency * self.leads_per_row


def write_statistics(task: Task, categories: Integers) -> tuple[Floats, ...]:
    """Count what the earlier leads of each category came to, over all rows, for the workers.

    They are those of `learners.target_statistics`. A row's depend on all rows before it,
    so that they are counted here, on one machine, of the category columns and the labels alone.
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
    """Keep of a layout what tells a row's period: it is small, and travels to the workers."""
    periods = range(int(layout.period.max()) + 1)
    firsts = np.array([np.flatnonzero(layout.period == p)[0] for p in periods])
    return replace(
        layout,
        data=layout.data.rows(firsts),
        columns=np.zeros((len(firsts), 0)),
        period=layout.period[firsts],
    )


def cut(numbers: Integers, n: int) -> list[tuple[int, int, int]]:
    """Cut the matrix into parts with as many training rows each."""
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
    """Make what the trees need of some rows; runs on a worker."""
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
