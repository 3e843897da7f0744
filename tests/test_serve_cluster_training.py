"""Trees grown on a Dask cluster are as good as those of one machine."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from features.errors import LeadcastError
from models.choice import Choice, choose
from models.data import Integers, LabelledMatrix
from models.delong import auc_interval
from models.learners.additive import Additive
from models.learners.regression import fit_regressions, lay_out, level_in_training
from models.learners.rows import canonical_order, row_weights
from models.learners.shapes import Trees
from models.learners.target_statistics import TargetStatistics
from models.metrics import auc
from models.trees_text import read_trees
from serve.cluster import training
from serve.cluster.connection import RETRIES
from serve.cluster.training import grow_on_cluster
from serve.cluster.training_rows import (
    Rows,
    Task,
    blocks_of,
    periods_only,
    prepare,
    write_statistics,
)
from tests.learner_worlds import FEATURES, QUICK, logistic_world

if TYPE_CHECKING:
    from distributed import Client

pytest.importorskip("distributed", reason="Dask is not installed (requirements/cluster.txt)")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
# Few rounds: the workers wait for each other at each split.
SETTINGS = QUICK.model_copy(
    update={
        "candidates": ("lightgbm",),
        "origins": 1,
        "rounds": (10,),
        "seeds": 2,
        "monotone": {"visits": 1},
    }
)
N = 3_000


def written(data: LabelledMatrix, learned: npt.NDArray[np.bool_], to: Path) -> Rows:
    names = [feature.name for feature in data.features]
    pl.from_numpy(data.values, schema=names).write_parquet(to / "matrix.parquet")
    labels = {"learned": learned, "position": data.position, "converted": data.converted}
    pl.DataFrame(labels | {"group": data.group}).write_parquet(to / "labels.parquet")
    return Rows(to / "matrix.parquet", to / "labels.parquet")


def prepared(
    task: Task, numbers: Integers, *, with_statistics: bool
) -> dict[str, npt.NDArray[Any]]:
    parts = [
        prepare(task, first, count, with_statistics=with_statistics)
        for first, count, _ in blocks_of(numbers, 200)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_workers_see_the_weights_and_levels_that_one_machine_computes(tmp_path: Path) -> None:
    data = logistic_world(900, seed=5)[0]
    data = replace(data, group=data.group // 3)
    learned = np.arange(900) % 9 != 4
    rows, chosen = written(data, learned, tmp_path), data.rows(learned)
    layout = lay_out(chosen.rows(canonical_order(chosen)), QUICK)
    regression = fit_regressions(layout, 0.3, (10.0,))[0]
    numbers, span, leads_per_row = rows.learned()
    small, columns = periods_only(layout), layout.seen_by_trees
    task = Task(rows, small, regression, columns, 0.3, span, leads_per_row)
    together = prepared(task, numbers, with_statistics=False)
    np.testing.assert_array_equal(together["values"], chosen.values[:, columns])
    np.testing.assert_array_equal(together["converted"], chosen.converted)
    np.testing.assert_allclose(together["weight"], row_weights(chosen, 0.3))
    np.testing.assert_allclose(together["level"], level_in_training(layout, regression, chosen))


def test_workers_see_the_category_statistics_of_one_machine(tmp_path: Path) -> None:
    data = logistic_world(900, seed=5)[0]
    # Several rows at a time, so that their order within it must not matter, and late labels.
    data = replace(data, group=data.group // 3, position=data.position // 4, horizon=20)
    learned = np.arange(900) % 9 != 4
    rows, chosen = written(data, learned, tmp_path), data.rows(learned)
    order = canonical_order(chosen)
    layout = lay_out(chosen.rows(order), QUICK)
    regression = fit_regressions(layout, 0.3, (10.0,))[0]
    numbers, span, leads_per_row = rows.learned()
    small, columns = periods_only(layout), np.array([3, 2])
    task = Task(rows, small, regression, columns, 0.3, span, leads_per_row)
    tables = write_statistics(task, np.array([2]))
    seen = prepared(task, numbers, with_statistics=True)["values"]
    weight = row_weights(chosen, 0.3)[order]
    expected = TargetStatistics.of(chosen.rows(order), weight, np.array([2]))
    np.testing.assert_array_equal(seen[:, :2], chosen.values[:, columns])
    np.testing.assert_array_equal(seen[order, 2:], expected.so_far)
    np.testing.assert_allclose(tables[0], expected.tables[0], rtol=1e-14)


def test_blocks_hold_each_training_row_once_and_none_is_empty() -> None:
    numbers = np.array([0, 1, 5, 29, 30])
    assert blocks_of(numbers, 10) == [(0, 10, 3), (20, 10, 1), (30, 10, 1)]


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
        no_categories = np.zeros(0, np.int64)
        return training._boost(cast("Client", None), cast(Task, None), [], {}, no_categories, ())

    assert boost() == "booster"
    tried.clear()
    monkeypatch.setattr(training, "RETRIES", 0)
    with pytest.raises(LeadcastError, match="failed 1 times, at last by: Socket recv"):
        boost()


@pytest.fixture(scope="module")
def grown(dask_client: "Client", tmp_path_factory: pytest.TempPathFactory) -> tuple[Choice, Choice]:
    """The learner of one machine, and that of a cluster that saw a third of the rows first."""
    data = logistic_world(N)[0]
    folder = tmp_path_factory.mktemp("rows")
    rows = written(data, np.ones(N, dtype=bool), folder)
    sample = data.rows(np.arange(0, N, 3))
    choice = choose(sample, SETTINGS)
    learner = grow_on_cluster(dask_client, choice, sample, SETTINGS, rows, rows_of_a_block=500)
    return choose(data, SETTINGS), replace(choice, learner=learner)


def test_the_test_auc_lies_within_the_interval_of_one_machines(
    grown: tuple[Choice, Choice],
) -> None:
    test = logistic_world(2_000, seed=9)[0]
    alone, cluster = (choice.learner.log_odds(test.values) for choice in grown)
    interval = auc_interval(alone, test.converted, test.group)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= auc(cluster, test.converted) <= interval.high
    assert auc(cluster, test.converted) > 0.7


def test_every_other_booster_parts_categories_by_what_they_came_to(
    grown: tuple[Choice, Choice],
) -> None:
    assert isinstance(grown[1].learner, Additive)
    shapes = [shape for shape in grown[1].learner.shapes if isinstance(shape, Trees)]
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
