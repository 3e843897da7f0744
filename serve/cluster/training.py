"""Training where the matrix outgrows one machine: trees grown on all rows by `lightgbm.dask`.

What grows with the rows is the trees alone. Who competes, the level and the curves are chosen and
fitted on an evenly spaced sample, on one machine, as they are there; the winner's trees are grown
on all rows, each forest on its own share of them, by all workers together.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.models.choice.fitting import ForestOrder
from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.learners.boosting import parameters
from leadcast.models.learners.known_features import directions
from leadcast.models.learners.regression import Layout, Regression, level_in_training
from leadcast.models.learners.rows import recency_weights
from leadcast.models.learners.target_statistics import TargetStatistics, as_categorical_splits
from leadcast.models.settings import LearnerSettings
from leadcast.serve.cluster.connection import RETRIES

if TYPE_CHECKING:
    from distributed import Client


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
    """Whose rows share an outcome: a person."""

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
        ``position`` (Int64), ``converted`` (Float64) and ``group`` (whose rows share an outcome).
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
        person=None,
    )
    seen = np.append(task.columns, np.arange(n_features, values.shape[1]))
    return {
        "values": np.ascontiguousarray(values[:, seen]),
        "converted": data.converted,
        "weight": task.weight(position),
        "level": level_in_training(task.layout, task.regression, data),
    }


SAMPLE_ROWS = 400_000
"""Rows on which everything but the trees is fitted."""
SOCKET_MINUTES = 10
"""So long LightGBM's workers wait for one that does not come; of itself it would be 120."""

Tell = Callable[[str, float], None]
"""Is told what is being done, and the share done."""


@dataclass(frozen=True)
class GrownForest:
    """One booster to grow."""

    task: Task
    """Of its own share of the rows."""
    numbers: Integers
    """Of these rows in the matrix, ascending."""
    options: dict[str, Any]
    """LightGBM's parameters."""
    categories: Integers
    """Which of the trees' columns are categories."""
    tables: tuple[Floats, ...]
    """What each category came to, where the trees see it; else empty."""


def grow_on_cluster(
    client: "Client", rows: ClusterRows, order: ForestOrder, tell: Tell = lambda _what, _share: None
) -> list[Any]:
    """Grow the forests of a learner on all rows (`leadcast.models.choice.fitting.Grow`).

    Parameters
    ----------
    client : distributed.Client
    rows : ClusterRows
        All rows.
    order : ForestOrder
        Of the sample.
    tell : callable
        Told how many forests are grown.

    Returns
    -------
    list of lightgbm.Booster

    Raises
    ------
    LeadcastError
        If workers died during the training again and again.
    """
    forests, boosters = forests_of(rows, order), []
    for number, forest in enumerate(forests, start=1):
        tell(f"forest {number} of {len(forests)}", 0.9 + 0.1 * (number - 1) / len(forests))
        boosters.append(_boost(client, forest))
    return boosters


def forests_of(rows: ClusterRows, order: ForestOrder) -> list[GrownForest]:
    """Lay out what the forests are grown of, one a seed."""
    layout, settings, columns = order.layout, order.settings, order.layout.seen_by_trees
    known = rows.learned()
    half_life = order.half_life
    small = periods_only(layout)
    everything = Share(0, 1)
    task = Task(
        *(rows, small, order.regression, columns, half_life, known.span),
        *(known.leads_per_row(everything), everything),
    )
    is_category = [layout.data.features[j].dtype == "category" for j in columns]
    categories = np.flatnonzero(is_category)
    tables = write_statistics(task, columns[categories]) if len(categories) else ()
    signs = directions(layout.data.features, settings.monotone)
    n_shares = shares_for(len(known.numbers), settings)
    forests = []
    for number in range(settings.seeds):
        share = Share(number * n_shares // settings.seeds, n_shares)
        own = known.numbers[share.holds(known.numbers)]
        options = parameters(len(own), settings, order.capacity) | order.changed
        options |= {"n_estimators": order.rounds, "seed": settings.seed * 1000 + number}
        # As on one machine, every other booster sees what earlier leads of each category came to.
        seen = tables if number % 2 == 0 else ()
        if signs:
            own_signs = [signs.get(int(place), 0) for place in columns]
            options["monotone_constraints"] = own_signs + [0] * len(seen)
        of_share = replace(task, share=share, leads_per_row=known.leads_per_row(share))
        forests.append(GrownForest(of_share, own, options, categories, seen))
    return forests


def shares_for(n: int, settings: LearnerSettings) -> int:
    """Choose into how many shares the rows go.

    Forests of different rows differ more, so that their average is steadier; and each costs less.
    """
    return int(np.clip(n // settings.boosting_rows, 1, settings.seeds))


def in_words(n_sample: int, n: int, settings: LearnerSettings) -> str:
    """Say for people which rows were learned from.

    Parameters
    ----------
    n_sample, n : int
        Rows that the learner was chosen on, and all.
    settings : LearnerSettings

    Returns
    -------
    str
    """
    n_shares = shares_for(n, settings)
    which = "all" if n_shares == 1 else f"one of {n_shares} shares"
    return (
        f"on a cluster: chosen on {n_sample:,} of {n:,} rows, evenly spaced; each forest was grown "
        f"on {which} of them"
    )


def _boost(client: "Client", forest: GrownForest) -> Any:  # noqa: ANN401 - lightgbm.Booster, untyped
    from distributed import CancelledError, KilledWorker
    from lightgbm.basic import LightGBMError

    # LightGBM's workers talk to each other: if one dies, all begin again.
    for attempt in range(RETRIES + 1):
        try:
            return _fit(client, forest)
        except (LightGBMError, CancelledError, KilledWorker, OSError) as error:
            if attempt == RETRIES:
                raise LeadcastError(
                    f"distributed training failed {attempt + 1} times, at last by: {error}"
                ) from error
    raise AssertionError


def _fit(client: "Client", forest: GrownForest) -> Any:  # noqa: ANN401
    import dask
    import dask.array
    from distributed import wait
    from lightgbm import Booster
    from lightgbm.dask import DaskLGBMRegressor

    quieten()
    tables, workers = forest.tables, sorted(client.ncores())
    make = partial(client.submit, prepare, forest.task, with_statistics=len(tables) > 0, pure=False)
    blocks = cut(forest.numbers, len(workers))
    # A part each, so that none waits longer for the others than it must.
    given = [
        make(first, count, workers=[worker], allow_other_workers=True)
        for (first, count, _), worker in zip(blocks, workers, strict=False)
    ]
    wait(given)
    for each in given:
        if each.status == "error":
            each.result()  # raises what happened there; LightGBM would not
    width = len(forest.task.columns) + len(tables)
    arrays: dict[str, Any] = {}
    for name in ("values", "converted", "weight", "level"):
        dtype = np.float32 if name == "values" else np.float64
        shape = (width,) if name == "values" else ()
        parts = [
            dask.array.from_delayed(dask.delayed(each)[name], (n, *shape), dtype=dtype)
            for each, (_, _, n) in zip(given, blocks, strict=True)
        ]
        arrays[name] = dask.array.concatenate(parts)
    options = {name: value for name, value in forest.options.items() if name != "num_threads"}
    # The classifier would look for labels in each worker's share; the objective is the same.
    model = DaskLGBMRegressor(client=client, time_out=SOCKET_MINUTES, **options)
    with warnings.catch_warnings():
        # Each worker uses the threads that it was started with, and LightGBM says so.
        warnings.filterwarnings("ignore", "Parameter .* will be ignored", UserWarning)
        model.fit(
            arrays["values"],
            arrays["converted"],
            sample_weight=arrays["weight"],
            init_score=arrays["level"],
            categorical_feature=forest.categories.tolist(),
        )
    if not tables:
        return model.booster_
    text = model.booster_.model_to_string()
    return Booster(model_str=as_categorical_splits(text, forest.categories, tables))
