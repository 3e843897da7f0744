"""Trees grown on a Dask cluster are as good as those of one machine."""

import itertools
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.fitting import ForestOrder
from leadcast.models.data import LabelledMatrix
from leadcast.models.evaluation.delong import auc_interval
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import tally
from leadcast.models.learners.learner_store import Additive
from leadcast.models.learners.regression import Layout, fit_regressions, lay_out, level_in_training
from leadcast.models.learners.rows import canonical_order, row_weights
from leadcast.models.learners.shapes import TreeShape
from leadcast.models.learners.target_statistics import TargetStatistics
from leadcast.models.settings import LearnerSettings
from leadcast.models.trees.trees_text import read_trees
from leadcast.serve.cluster import training
from leadcast.serve.cluster.connection import RETRIES
from leadcast.serve.cluster.training import (
    ClusterRows,
    Share,
    Task,
    cut,
    forests_of,
    grow_on_cluster,
    in_words,
    periods_only,
    prepare,
    shares_for,
    write_statistics,
)
from tests.conftest import NEEDS_DASK
from tests.learner_worlds import FEATURES, QUICK, logistic_world

if TYPE_CHECKING:
    from distributed import Client

pytestmark = [
    NEEDS_DASK,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
# Few rounds: the workers wait for each other at each split.
SETTINGS = QUICK.model_copy(
    update={
        "candidates": ("lightgbm",),
        "origins": 1,
        "rounds": (20,),
        "seeds": 2,
        "monotone": {"visits": 1},
    }
)
N = 3_000
EVERYTHING = Share(0, 1)


def written(data: LabelledMatrix, learned: npt.NDArray[np.bool_], to: Path) -> ClusterRows:
    names = [feature.name for feature in data.features]
    pl.from_numpy(data.values, schema=names).write_parquet(to / "matrix.parquet")
    labels = {"learned": learned, "position": data.position, "converted": data.converted}
    pl.DataFrame(labels | {"group": data.group}).write_parquet(to / "labels.parquet")
    return ClusterRows(to / "matrix.parquet", to / "labels.parquet")


def task_of(
    rows: ClusterRows, chosen: LabelledMatrix, columns: list[int], share: Share = EVERYTHING
) -> tuple[Task, Layout]:
    layout = lay_out(chosen.rows(canonical_order(chosen)), QUICK)
    regression = fit_regressions(layout, 0.3, (10.0,))[0]
    learned, small = rows.learned(), periods_only(layout)
    told = (learned.span, learned.leads_per_row(share), share)
    return Task(rows, small, regression, np.array(columns), 0.3, *told), layout


def order_of(data: LabelledMatrix, settings: LearnerSettings) -> ForestOrder:
    rows = data.rows(canonical_order(data))
    layout = lay_out(rows, settings)
    regression = fit_regressions(layout, None, (10.0,))[0]
    return ForestOrder(rows, layout, regression, None, "cautious", 10, settings, {})


def prepared(task: Task, *, with_statistics: bool = False) -> dict[str, npt.NDArray[Any]]:
    numbers = task.rows.learned().numbers
    blocks = cut(numbers[task.share.holds(numbers)], 3)
    parts = [
        prepare(task, first, count, with_statistics=with_statistics, rows_at_once=70)
        for first, count, _ in blocks
    ]
    assert [len(part["values"]) for part in parts] == [n for _, _, n in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_workers_see_the_weights_and_levels_that_one_machine_computes(tmp_path: Path) -> None:
    data = logistic_world(900, seed=5)[0]
    data = replace(data, group=data.group // 3)
    learned = np.arange(900) % 9 != 4
    rows, chosen = written(data, learned, tmp_path), data.rows(learned)
    columns = [0, 1, 3]
    task, layout = task_of(rows, chosen, columns)
    together = prepared(task)
    np.testing.assert_array_equal(together["values"], chosen.values[:, columns])
    np.testing.assert_array_equal(together["converted"], chosen.converted)
    np.testing.assert_allclose(together["weight"], row_weights(chosen, 0.3))
    levels = level_in_training(layout, task.regression, chosen)
    np.testing.assert_allclose(together["level"], levels)


def test_a_forest_of_a_share_sees_its_rows_as_if_there_were_no_others(tmp_path: Path) -> None:
    data = logistic_world(900, seed=5)[0]
    data = replace(data, group=data.group // 3)
    # Seven of eight are not learned from, in runs so long that pieces without any are read.
    learned = np.arange(900) // 90 % 8 == 0
    rows, own = written(data, learned, tmp_path), Share(1, 2)
    inside = learned & own.holds(np.arange(900))
    task, layout = task_of(rows, data.rows(learned), [0, 1, 3], own)
    chosen, seen = data.rows(inside), prepared(task)
    np.testing.assert_array_equal(seen["values"], chosen.values[:, [0, 1, 3]])
    # The recency is that of all rows: a share need not hold the first and the last.
    leads_per_row = len(np.unique(chosen.group)) / len(chosen)
    recency = row_weights(data.rows(learned), 0.3)[inside[learned]]
    np.testing.assert_allclose(seen["weight"] / leads_per_row, recency / recency.max())
    levels = level_in_training(layout, task.regression, chosen)
    np.testing.assert_allclose(seen["level"], levels)


def test_workers_see_the_category_statistics_of_one_machine(tmp_path: Path) -> None:
    data = logistic_world(900, seed=5)[0]
    # Several rows at a time, so that their order within it must not matter, and late labels.
    data = replace(data, group=data.group // 3, position=data.position // 4, horizon=20)
    learned = np.arange(900) % 9 != 4
    rows, chosen = written(data, learned, tmp_path), data.rows(learned)
    order = canonical_order(chosen)
    task, _ = task_of(rows, chosen, [3, 2])
    tables = write_statistics(task, np.array([2]))
    seen = prepared(task, with_statistics=True)["values"]
    weight = row_weights(chosen, 0.3)[order]
    expected = TargetStatistics.of(chosen.rows(order), weight, np.array([2]))
    np.testing.assert_array_equal(seen[:, :2], chosen.values[:, [3, 2]])
    np.testing.assert_array_equal(seen[order, 2:], expected.so_far)
    np.testing.assert_allclose(tables[0], expected.tables[0], rtol=1e-14)


def test_parts_hold_each_training_row_once_and_as_many_each() -> None:
    numbers = np.array([0, 1, 5, 29, 30])
    assert cut(numbers, 2) == [(0, 6, 3), (29, 2, 2)]
    assert cut(numbers, 9) == [(number, 1, 1) for number in numbers]


@pytest.mark.parametrize("n_landmarks", [1, 2, 3, 4, 5, 8])
def test_shares_part_the_rows_evenly_whatever_a_leads_snapshots(n_landmarks: int) -> None:
    numbers = np.arange(40_000)
    shares = [Share(number, 4).holds(numbers) for number in range(4)]
    np.testing.assert_array_equal(np.sum(shares, axis=0), 1)
    for share, landmark in itertools.product(shares, range(n_landmarks)):
        assert abs(share[landmark::n_landmarks].mean() - 0.25) < 0.01


def test_each_forest_has_as_many_rows_as_on_one_machine_or_all() -> None:
    settings = SETTINGS.model_copy(update={"seeds": 4, "boosting_rows": 1_000})
    found = [shares_for(n, settings) for n in (10, 1_999, 2_000, 3_999, 4_000, 10**7)]
    assert found == [1, 1, 2, 3, 4, 4]
    assert in_words(1_000, 1_500, settings).endswith("each forest was grown on all of them")
    assert in_words(1_000, 2_000, settings).endswith("grown on one of 2 shares of them")


def test_forests_of_all_shares_see_every_row_and_every_other_the_statistics(
    tmp_path: Path,
) -> None:
    data = logistic_world(N)[0]
    rows = written(data, np.ones(N, dtype=bool), tmp_path)
    settings = SETTINGS.model_copy(update={"seeds": 4, "boosting_rows": N // 2})
    forests = forests_of(rows, order_of(data, settings))
    halves = [forest.numbers for forest in forests]
    np.testing.assert_array_equal(halves[0], halves[1])
    np.testing.assert_array_equal(halves[2], halves[3])
    np.testing.assert_array_equal(np.sort(np.concatenate(halves[1:3])), np.arange(N))
    assert [len(forest.tables) > 0 for forest in forests] == [True, False, True, False]
    assert len({forest.options["seed"] for forest in forests}) == 4


def test_a_training_that_lost_a_worker_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightgbm.basic import LightGBMError

    tried: list[int] = []

    def lose_one(*_given: object) -> str:
        tried.append(len(tried))
        if len(tried) <= RETRIES:
            raise LightGBMError("Socket recv error, Connection reset by peer (code: 104)")
        return "booster"

    monkeypatch.setattr(training, "_fit", lose_one)

    def boost() -> object:
        return training._boost(cast("Client", None), cast(training.GrownForest, None))

    assert boost() == "booster"
    tried.clear()
    monkeypatch.setattr(training, "RETRIES", 0)
    with pytest.raises(LeadcastError, match="failed 1 times, at last by: Socket recv"):
        boost()


def test_a_worker_killed_while_trees_grow_loses_nothing(
    dask_client: "Client", tmp_path: Path
) -> None:
    def die_in_the_third_round() -> int:
        import lightgbm

        update, rounds = lightgbm.Booster.update, []

        def dying(*given: object, **named: object) -> object:
            rounds.append(given)
            if len(rounds) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return update(*given, **named)

        lightgbm.Booster.update = dying
        return os.getpid()

    data = logistic_world(N)[0]
    rows = written(data, np.ones(N, dtype=bool), tmp_path)
    first = next(iter(dask_client.ncores()))
    victim = dask_client.run(die_in_the_third_round, workers=[first])[first]
    boosters = grow_on_cluster(dask_client, rows, order_of(data, SETTINGS))
    assert victim not in dask_client.run(os.getpid).values(), "it did not die"
    assert [booster.num_trees() for booster in boosters] == [10, 10]
    for booster in boosters:
        assert auc(tally(booster.predict(data.values), data.converted)) > 0.7
    # The next test finds the cluster as this one did: one worker alone grows other trees.
    dask_client.wait_for_workers(2, timeout=60)


@pytest.fixture(scope="module")
def grown(dask_client: "Client", tmp_path_factory: pytest.TempPathFactory) -> tuple[Choice, Choice]:
    """The learner of one machine, and that of a cluster that saw a third of the rows first."""
    data = logistic_world(N)[0]
    folder = tmp_path_factory.mktemp("rows")
    rows = written(data, np.ones(N, dtype=bool), folder)
    sample = data.rows(np.arange(0, N, 3))
    grow = partial(grow_on_cluster, dask_client, rows)
    return choose(data, SETTINGS), choose(sample, SETTINGS, grow=grow)


def test_the_test_auc_lies_within_the_interval_of_one_machines(
    grown: tuple[Choice, Choice],
) -> None:
    test = logistic_world(2_000, seed=9)[0]
    alone, cluster = (choice.learner.log_odds(test.values) for choice in grown)
    interval = auc_interval(alone, test.converted, test.group)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= auc(tally(cluster, test.converted)) <= interval.high
    assert auc(tally(cluster, test.converted)) > 0.7


def test_every_other_booster_parts_categories_by_what_they_came_to(
    grown: tuple[Choice, Choice],
) -> None:
    assert isinstance(grown[1].learner, Additive)
    shapes = [shape for shape in grown[1].learner.shapes if isinstance(shape, TreeShape)]
    sizes: list[set[int]] = [set(), set()]
    for shape in shapes:
        for of_seed, text in zip(sizes, shape.texts, strict=True):
            trees = read_trees(text)
            of_seed |= set(map(len, trees.left_sets.values()))
            assert trees.n_features == len(FEATURES), "the statistics are no features"
    # One category against the rest where they are seen as they are; else several together too.
    assert max(sizes[1]) == 1 < max(sizes[0]), sizes


def test_a_constraint_holds_on_a_cluster_too(grown: tuple[Choice, Choice]) -> None:
    values = np.repeat(logistic_world(100, seed=3)[0].values, 50, axis=0)
    values[:, 0] = np.tile(np.linspace(-3, 3, 50), 100)
    rises = np.diff(grown[1].learner.log_odds(values).reshape(100, 50), axis=1)
    assert rises.min() >= -1e-12
    assert rises.max() > 0.01


def test_the_clusters_learner_is_saved_and_read_as_any(
    grown: tuple[Choice, Choice], tmp_path: Path
) -> None:
    learner, values = grown[1].learner, logistic_world(50, seed=3)[0].values
    learner.save(tmp_path)
    assert isinstance(learner, Additive)
    again = Additive.load(tmp_path)
    np.testing.assert_array_equal(again.log_odds(values), learner.log_odds(values))
