"""Which columns are kept: cases with a known answer."""

import numpy as np

from leadcast.features.engine.fitting import useful_columns
from leadcast.features.registry import DType, Feature

N = 200
GENERATOR = np.random.default_rng(5)
X = GENERATOR.normal(size=N)


def kept(redundancy: float = 0.99, **columns: np.ndarray) -> tuple[str, ...]:
    features = [feature(name) for name in columns]
    values = np.column_stack(list(columns.values())).astype(np.float32)
    return useful_columns(values, features, min_differing=10, redundancy=redundancy)


def feature(name: str) -> Feature:
    dtype: DType = "category" if name.startswith("category") else "number"
    return Feature(name, "fit", dtype, (), name)


def test_a_constant_column_is_dropped() -> None:
    assert kept(x=X, constant=np.full(N, 3.0), missing=np.full(N, np.nan)) == ("x",)


def test_a_column_that_differs_in_too_few_rows_is_dropped() -> None:
    nine, ten = (np.where(np.arange(N) < n, X, 0.0) for n in (9, 10))
    assert kept(nine=nine, ten=ten) == ("ten",)


def test_missing_values_alone_make_a_column_differ() -> None:
    assert kept(some=np.where(np.arange(N) < 50, np.nan, 1.0)) == ("some",)


def test_the_first_of_columns_that_order_the_leads_alike_is_kept() -> None:
    assert kept(x=X, cubed=X**3, negated=-X, other=GENERATOR.normal(size=N)) == ("x", "other")


def test_a_redundancy_of_one_keeps_all_but_repetitions() -> None:
    nearly = X.copy()
    nearly[:2] = X[:2][::-1]
    assert kept(1.0, x=X, nearly=nearly, same=X.copy()) == ("x", "nearly")


def test_categories_are_dropped_only_where_they_repeat() -> None:
    codes = GENERATOR.integers(0, 4, N).astype(float)
    renamed = np.array([2.0, 3.0, 1.0, 0.0])[codes.astype(int)]
    found = kept(category_a=codes, category_b=codes.copy(), category_c=renamed)
    assert found == ("category_a", "category_c")


def test_no_rows_keep_no_columns() -> None:
    assert useful_columns(np.empty((0, 1), dtype=np.float32), [feature("x")], 1, 0.99) == ()
