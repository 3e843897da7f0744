import lightgbm
import numpy as np
import pytest

from leadcast.models.data import Matrix
from leadcast.models.trees.trees import Forest
from leadcast.models.trees.trees_text import joined, read_trees


def rows(n: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4)).astype(np.float32)
    values[:, 3] = rng.integers(0, 6, n)
    values[rng.random((n, 4)) < 0.1] = np.nan
    return values


def text(seed: int, rounds: int) -> str:
    values = rows(1000, seed)
    label = (np.nan_to_num(values[:, 0]) + (values[:, 3] == 2) > 0.5).astype(float)
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed}
    data = lightgbm.Dataset(values, label, categorical_feature=[3])
    return str(lightgbm.train(options, data, rounds).model_to_string())


@pytest.mark.parametrize("n", [1, 500])
def test_joined_forests_say_what_they_say_one_by_one_and_add_up(n: int) -> None:
    texts = [text(1, 5), text(2, 12), text(3, 1)]
    values = rows(n, 9)
    whole = Forest(joined([read_trees(one) for one in texts]))
    parts = [Forest.from_lightgbm_text(one) for one in texts]
    np.testing.assert_allclose(
        whole.raw(values), sum(part.raw(values) for part in parts), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        whole.contributions(values),
        sum(part.contributions(values) for part in parts),
        rtol=0,
        atol=1e-12,
    )


def test_one_forest_joined_is_itself() -> None:
    alone = read_trees(text(4, 7))
    again = joined([alone])
    for name, value in vars(alone).items():
        np.testing.assert_equal(getattr(again, name), value)
