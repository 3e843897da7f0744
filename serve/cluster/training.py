"""Training where the matrix outgrows one machine: trees grown on all rows by `lightgbm.dask`.

What grows with the rows is the trees alone. Who competes, the level and the curves are chosen and
fitted on an evenly spaced sample, on one machine, as they are there; the winner's trees are grown
on all rows, each forest on its own share of them, by all workers together.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.fitting import ForestOrder
from leadcast.models.data import Floats, Integers
from leadcast.models.learners.boosting import parameters
from leadcast.models.learners.known_features import directions
from leadcast.models.learners.target_statistics import as_categorical_splits
from leadcast.models.settings import LearnerSettings
from leadcast.serve.cluster.connection import RETRIES
from leadcast.serve.cluster.training_task import (
    ClusterRows,
    Share,
    Task,
    cut,
    periods_only,
    prepare,
    quieten,
    write_statistics,
)

if TYPE_CHECKING:
    from distributed import Client

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
    half_life = order.setup.half_life
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
        options = parameters(len(own), settings) | order.changed
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
