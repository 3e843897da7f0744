"""Boosted trees made for drift: on top of the level, without clocks, strongly regularised.

Extremely randomised splits (Geurts, Ernst & Wehenkel 2006), rows and features sampled, small
leaves forbidden, the average over seeds. Every other booster sees, beside the categories, what
their earlier leads came to (`learners.target_statistics`): the two kinds err differently.
The level, which the trees cannot foresee, is given to them as where to start.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Self

import numpy as np

from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.learners.known_features import directions
from leadcast.models.learners.shapes import TreeShape, trees_of
from leadcast.models.learners.target_statistics import TargetStatistics, as_categorical_splits
from leadcast.models.settings import Capacity, LearnerSettings


class OutOfTimeError(Exception):
    """Raised where there is no time to boost to the end."""


MANY_ROWS = 50_000
"""From here on trees are larger and learn faster: there is enough to tell chance from rule."""


CAPACITIES: dict[Capacity, dict[str, Any]] = {
    "cautious": {},
    "moderate": {"extra_trees": False, "feature_fraction": 0.6},
    "bold": {
        "extra_trees": False,
        "feature_fraction": 0.8,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "lambda_l2": 1.0,
        "path_smooth": 0.0,
    },
    "deep": {
        "extra_trees": False,
        "feature_fraction": 0.8,
        "num_leaves": 127,
        "min_data_in_leaf": 20,
        "lambda_l2": 1.0,
        "path_smooth": 0.0,
    },
}
"""How much trees may take from the rows, the least first: what differs from the cautious ones."""
CAUTIOUS: Capacity = "cautious"


def parameters(n: int, settings: LearnerSettings, capacity: Capacity = CAUTIOUS) -> dict[str, Any]:
    """Choose LightGBM's parameters by how many rows there are and how bold trees may be.

    Parameters
    ----------
    n : int
        Training rows.
    settings : LearnerSettings
    capacity : str
        A key of `CAPACITIES`.

    Returns
    -------
    dict
    """
    return _cautious(n, settings) | CAPACITIES[capacity]


def _cautious(n: int, settings: LearnerSettings) -> dict[str, Any]:
    many = n >= MANY_ROWS
    return {
        "objective": "binary",
        "learning_rate": 0.1 if many else 0.05,
        "num_leaves": 31 if many else 15,
        "min_data_in_leaf": max(20, n // 5000),
        # Where rows are few, few rounds must do: among more features trees need fewer.
        "feature_fraction": 0.6 if n < settings.few_rows else 0.3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "path_smooth": 10.0,
        "extra_trees": True,
        "max_cat_to_onehot": 64,
        "deterministic": True,
        # Trees see a part of the features each; by rows LightGBM would copy them out every round.
        "force_col_wise": True,
        "num_threads": max(1, settings.num_threads // settings.seeds),
        "verbose": -1,
    }


def for_trials(settings: LearnerSettings) -> LearnerSettings:
    """Ask for one booster of each kind, with category statistics and without.

    Seeds steady the final model; what is chosen among trials steadies itself over origins.

    Parameters
    ----------
    settings : LearnerSettings

    Returns
    -------
    LearnerSettings
    """
    return settings.model_copy(update={"seeds": min(settings.seeds, 2)})


class Grove:
    """Boosters of several seeds, which can be grown on and looked at in between."""

    def __init__(
        self, plant: Callable[[int], Any], tables: list[tuple[Floats, ...]], categories: Integers
    ) -> None:
        self._plant, self._tables, self._categories = plant, tables, categories
        self._boosters: list[Any] = [None] * len(tables)
        self._rounds = 0

    @classmethod
    def planted(
        cls,
        data: LabelledMatrix,
        weight: Floats,
        level: Floats,
        columns: Integers,
        settings: LearnerSettings,
        options: dict[str, Any],
    ) -> Self:
        """Prepare a booster for each seed; see `boost`."""
        import lightgbm

        signs = directions(data.features, settings.monotone)
        is_category = [data.features[j].dtype == "category" for j in columns]
        categories = np.flatnonzero(is_category)
        data, weight, level = _with_certain_labels(data, weight, level)
        statistics = TargetStatistics.of(data, weight, columns[categories])
        bare = np.ascontiguousarray(data.values[:, columns])
        seen = np.hstack([bare, statistics.so_far])
        numbers = range(settings.seeds)
        tables = [
            statistics.tables if len(categories) and sees_statistics(number) else ()
            for number in numbers
        ]

        def plant(number: int) -> Any:  # noqa: ANN401 - lightgbm.Booster, imported lazily
            values = seen if tables[number] else bare
            own = {**options, "seed": settings.seed * 1000 + number}
            if signs:
                known = [signs.get(int(place), 0) for place in columns]
                own["monotone_constraints"] = known + [0] * (values.shape[1] - len(known))
            rows = lightgbm.Dataset(
                values,
                data.converted,
                weight=weight,
                init_score=level,
                categorical_feature=categories.tolist(),
                params=own,
            )
            return lightgbm.Booster(own, rows)

        return cls(plant, tables, categories)

    def grow_to(self, rounds: int, threads: int, is_over: Callable[[], bool] | None = None) -> None:
        """Boost until so many rounds are done in all."""

        def grow(number: int) -> None:
            # LightGBM is as silent as it is told in each thread: a booster is made where it grows.
            if self._boosters[number] is None:
                self._boosters[number] = self._plant(number)
            for _ in range(self._rounds, rounds):
                if is_over is not None and is_over():
                    raise OutOfTimeError
                self._boosters[number].update()

        numbers = range(len(self._boosters))
        if threads == 1:
            for number in numbers:
                grow(number)
        else:
            # A booster a thread: threads inside a booster wait for one another at every split.
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(grow, numbers))
        self._rounds = max(rounds, self._rounds)

    def boosters(self) -> list[Any]:
        """Give the boosters as they stand, in terms of the columns alone."""
        import lightgbm

        texts = (booster.model_to_string() for booster in self._boosters)
        return [
            lightgbm.Booster(
                model_str=as_categorical_splits(text, self._categories, tables) if tables else text
            )
            for text, tables in zip(texts, self._tables, strict=True)
        ]


def boost(
    data: LabelledMatrix,
    weight: Floats,
    level: Floats,
    columns: Integers,
    rounds: int,
    settings: LearnerSettings,
    changed: dict[str, Any] | None = None,
    is_over: Callable[[], bool] | None = None,
    capacity: Capacity = CAUTIOUS,
) -> list[Any]:
    """Train one booster for each seed.

    Parameters
    ----------
    data : LabelledMatrix
        In canonical order: LightGBM's sampling depends on it.
    weight : ndarray of float64, shape (n,)
    level : ndarray of float64, shape (n,)
        Log-odds to start from.
    columns : ndarray of int64
        The features that the trees may see.
    rounds : int
    settings : LearnerSettings
    changed : dict, optional
        Parameters other than the capacity's.
    is_over : callable, optional
        Asked before each round whether there is time for no more.
    capacity : str
        A key of `CAPACITIES`.

    Returns
    -------
    list of lightgbm.Booster
        All of them in terms of `columns` alone.

    Raises
    ------
    OutOfTimeError
        If `is_over` says so.
    """
    options = {**parameters(len(data), settings, capacity), **(changed or {})}
    grove = Grove.planted(data, weight, level, columns, settings, options)
    grove.grow_to(rounds, settings.num_threads, is_over)
    return grove.boosters()


def sees_statistics(number: int) -> bool:
    """Tell which boosters see target statistics: every other (`benchmarks.target_statistics`)."""
    return number % 2 == 0


def _with_certain_labels(
    data: LabelledMatrix, weight: Floats, level: Floats
) -> tuple[LabelledMatrix, Floats, Floats]:
    # LightGBM wants 0 or 1: a row that is likely won to a degree is there twice, once as each.
    label = data.converted
    open_rows = np.flatnonzero((label > 0) & (label < 1))
    if len(open_rows) == 0:
        return data, weight, level
    again = np.sort(np.concatenate([np.arange(len(label)), open_rows]))
    second = np.append(False, again[1:] == again[:-1])
    share = np.where(np.isin(again, open_rows), label[again], 1.0)
    twice = replace(
        data.rows(again),
        converted=np.where(share < 1, ~second, label[again]).astype(np.float64),
    )
    return twice, weight[again] * np.where(second, 1 - share, share), level[again]


def added_between(
    boosters: list[Any], values: Matrix, done: int, rounds: int, threads: int = 1
) -> Floats:
    """Average over the boosters what their rounds after the first `done` add, up to `rounds`.

    Parameters
    ----------
    boosters : list of lightgbm.Booster
    values : ndarray of float32, shape (n, n_columns)
    done, rounds : int
    threads : int

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    span = {"start_iteration": done, "num_iteration": rounds - done, "raw_score": True}
    # LightGBM takes these two for all boosters of the process, those that are growing as well.
    of_the_process = {"verbosity": -1, "num_threads": threads}
    total = np.zeros(len(values))
    for booster in boosters:
        total += booster.predict(values, **span, **of_the_process)
    return total / len(boosters)


def as_trees(
    boosters: list[Any], columns: Integers, stages: Sequence[tuple[int, float]], values: Matrix
) -> list[tuple[TreeShape, float]]:
    """Turn boosters, weighed after some of their rounds, into plain data.

    The rounds that several stages share stand there once, with the stages' weights added.

    Parameters
    ----------
    boosters : list of lightgbm.Booster
    columns : ndarray of int64
        The features that they see.
    stages : sequence of (int, float)
        Numbers of rounds, each with the weight of the trees after so many.
    values : ndarray of float32, shape (n, n_features)
        Training rows, over which the trees are centred.

    Returns
    -------
    list of (Trees, float)
        Each with its weight.
    """
    parts, done = [], 0
    for rounds in sorted({rounds for rounds, _ in stages}):
        texts = tuple(
            str(booster.model_to_string(start_iteration=done, num_iteration=rounds - done))
            for booster in boosters
        )
        bare = trees_of(texts, columns, 0.0)
        centred = replace(bare, centre=float(bare.values(values).mean()))
        parts.append((centred, sum(weight for most, weight in stages if most >= rounds)))
        done = rounds
    return parts
