"""Training where the matrix outgrows one machine: trees grown on all rows by `lightgbm.dask`.

What grows with the rows is the trees alone. Who competes, the level and the curves are chosen and
fitted on an evenly spaced sample, on one machine, as they are there; then the winner's trees are
grown anew on every row, each worker holding its share, and take the place of those of the sample.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import LeadcastError
from models.choice import Choice
from models.data import Floats, Integers, LabelledMatrix
from models.learners.additive import Additive, additive_of
from models.learners.average import Average
from models.learners.boosting import as_trees, parameters
from models.learners.ground import Ground
from models.learners.monotone import directions
from models.learners.protocol import FittedLearner
from models.learners.regression import fit_regressions, lay_out
from models.learners.rows import canonical_order
from models.learners.shapes import Trees
from models.learners.target_statistics import as_categorical_splits
from models.settings import LearnerSettings
from serve.cluster.connection import RETRIES
from serve.cluster.training_rows import (
    Rows,
    Task,
    blocks_of,
    periods_only,
    prepare,
    write_statistics,
)

if TYPE_CHECKING:
    from distributed import Client

SAMPLE_ROWS = 400_000
"""Rows on which everything but the trees is fitted."""
ROWS_OF_A_BLOCK = 200_000
"""Rows that a task reads for the trees."""


def grow_on_cluster(
    client: "Client",
    choice: Choice,
    sample: LabelledMatrix,
    settings: LearnerSettings,
    rows: Rows,
    rows_of_a_block: int = ROWS_OF_A_BLOCK,
) -> FittedLearner:
    """Grow the chosen learner's trees on all rows.

    Parameters
    ----------
    client : distributed.Client
    choice : Choice
        What was chosen on the sample.
    sample : LabelledMatrix
        The rows it was chosen on, evenly spaced among all.
    settings : LearnerSettings
        As it was chosen with.
    rows : Rows
        All rows.
    rows_of_a_block : int
        How many rows of the matrix a task reads.

    Returns
    -------
    FittedLearner
        The learner itself, where it has no trees.

    Raises
    ------
    LeadcastError
        If workers died during the training again and again.
    """
    learner = choice.learner
    members = learner.members if isinstance(learner, Average) else (learner,)
    grown = []
    for member, setup in zip(members, choice.setup["members"], strict=True):
        if not isinstance(member, Additive) or not any(map(_is_trees, member.shapes)):
            return learner
        grown.append(_grow(client, member, setup, choice, sample, settings, rows, rows_of_a_block))
    return Average(tuple(grown)) if isinstance(learner, Average) else grown[0]


def _grow(
    client: "Client",
    member: Additive,
    setup: dict[str, Any],
    choice: Choice,
    sample: LabelledMatrix,
    settings: LearnerSettings,
    rows: Rows,
    rows_of_a_block: int,
) -> Additive:
    ordered = sample.rows(canonical_order(sample))
    layout, half_life = lay_out(ordered, settings), setup["half_life"]
    regression = fit_regressions(layout, half_life, settings.penalties[:1])[0]
    numbers, span, leads_per_row = rows.learned()
    columns = layout.seen_by_trees
    small = periods_only(layout)
    task = Task(rows, small, regression, columns, half_life, span, leads_per_row)
    options = parameters(len(numbers), settings) | choice.setup["parameters"]
    signs = directions(sample.features, settings.monotone)
    if signs:
        options["monotone_constraints"] = [signs.get(int(place), 0) for place in columns]
    is_category = [sample.features[j].dtype == "category" for j in columns]
    categories = np.flatnonzero(is_category)
    options["n_estimators"] = int(max(rounds for rounds, _ in setup["trees"]))
    blocks = blocks_of(numbers, rows_of_a_block)
    tables = write_statistics(task, columns[categories]) if len(categories) else ()
    boosters = []
    for number in range(settings.seeds):
        own = options | {"seed": settings.seed * 1000 + number}
        # As on one machine, every other booster sees what earlier leads of each category came to.
        stated = tables if number % 2 == 0 else ()
        boosters.append(_boost(client, task, blocks, own, categories, stated))
    seen = layout.data.values
    trees = iter(trees for trees, _ in as_trees(boosters, columns, setup["trees"], seen))
    shapes = tuple(next(trees) if _is_trees(shape) else shape for shape in member.shapes)
    # As on one machine, the level is fitted last, under the shapes.
    shape = np.zeros(len(seen))
    for weight, each in zip(member.weights, shapes, strict=True):
        shape += weight * each.values(seen)
    level = Ground.of(layout).level_under(shape, half_life)
    return additive_of(member.kind, level, shapes, member.weights, ordered.values)


def _is_trees(shape: object) -> bool:
    return isinstance(shape, Trees)


def _boost(
    client: "Client",
    task: Task,
    blocks: Sequence[tuple[int, int, int]],
    options: dict[str, Any],
    categories: Integers,
    tables: tuple[Floats, ...],
) -> Any:  # noqa: ANN401 - lightgbm.Booster, which is untyped
    from distributed import KilledWorker
    from lightgbm.basic import LightGBMError

    # LightGBM's workers talk to each other: if one dies, all begin again.
    for attempt in range(RETRIES + 1):
        try:
            return _fit(client, task, blocks, options, categories, tables)
        except (LightGBMError, KilledWorker, OSError) as error:
            if attempt == RETRIES:
                raise LeadcastError(
                    f"distributed training failed {attempt + 1} times, at last by: {error}"
                ) from error
    raise AssertionError


def _fit(
    client: "Client",
    task: Task,
    blocks: Sequence[tuple[int, int, int]],
    options: dict[str, Any],
    categories: Integers,
    tables: tuple[Floats, ...],
) -> Any:  # noqa: ANN401 - lightgbm.Booster, which is untyped
    import dask
    import dask.array
    from lightgbm import Booster
    from lightgbm.dask import DaskLGBMRegressor

    shared = client.scatter(task, broadcast=True, hash=False)
    make = partial(dask.delayed(prepare, pure=False), shared, with_statistics=len(tables) > 0)
    made = [make(first, n) for first, n, _ in blocks]
    width = len(task.columns) + len(tables)
    arrays: dict[str, Any] = {}
    for name in ("values", "converted", "weight", "level"):
        dtype = np.float32 if name == "values" else np.float64
        shape = (width,) if name == "values" else ()
        parts = [
            dask.array.from_delayed(block[name], (n, *shape), dtype=dtype)
            for block, (_, _, n) in zip(made, blocks, strict=True)
        ]
        arrays[name] = dask.array.concatenate(parts)
    options = {name: value for name, value in options.items() if name != "num_threads"}
    if "monotone_constraints" in options:
        options["monotone_constraints"] = options["monotone_constraints"] + [0] * len(tables)
    # The classifier would look for labels in each worker's share; the objective is the same.
    model = DaskLGBMRegressor(client=client, **options)
    with warnings.catch_warnings():
        # Each worker uses the threads that it was started with, and LightGBM says so.
        warnings.filterwarnings("ignore", "Parameter .* will be ignored", UserWarning)
        model.fit(
            arrays["values"],
            arrays["converted"],
            sample_weight=arrays["weight"],
            init_score=arrays["level"],
            categorical_feature=categories.tolist(),
        )
    if not tables:
        return model.booster_
    text = model.booster_.model_to_string()
    return Booster(model_str=as_categorical_splits(text, categories, tables))
