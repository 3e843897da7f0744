"""What sets amounts apart: candidates that say by how much a lead's logarithm differs.

All of them are fitted on the logarithm of the amount, whose errors are alike for small and large
deals, and shrink strongly: won leads are few. What a candidate gives is a deviation from the mean
logarithm; the level and the step back from logarithms to money are `amount_level`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.data import Flags, Floats, Integers, Matrix
from leadcast.models.learners.basis import effects_of, expand, fit_terms, owners
from leadcast.models.learners.shapes import Curves, Shape, trees_of

KNOTS = 4
PENALTY = 30.0
"""Of the ridge, in leads: so many won leads a column needs to keep half of what it says."""
SEGMENT_PENALTY = 5.0
ROUNDS, SEEDS = 200, 2
_TREES: dict[str, Any] = {
    "objective": "regression",
    "num_leaves": 6,
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "path_smooth": 5.0,
    "extra_trees": True,
    "max_cat_to_onehot": 64,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class Location:
    """By how much the logarithm of an amount is expected to differ from the mean.

    Parameters
    ----------
    shapes : tuple of Shape
    weights : tuple of float
        One for each shape.
    """

    shapes: tuple[Shape, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def looks_at(self) -> tuple[int, ...]:
        """The features that its curves look at, by their columns."""
        curves = [shape for shape in self.shapes if isinstance(shape, Curves)]
        return tuple(effect.feature for one in curves for effect in one.effects)

    def of(self, values: Matrix) -> Floats:
        """Give it for rows of features, shape (n,)."""
        total = np.zeros(len(values))
        for weight, shape in zip(self.weights, self.shapes, strict=True):
            total += weight * shape.values(values)
        return total


Fit = Callable[[AmountRows, int], Location]


def fit_mean(rows: AmountRows, seed: int) -> Location:  # noqa: ARG001 - as the others
    """Tell no leads apart."""
    return Location()


def fit_segment(rows: AmountRows, seed: int) -> Location:  # noqa: ARG001 - as the others
    """Tell leads apart by the one feature that explains most, its means shrunk."""
    return _regression(rows, SEGMENT_PENALTY, only_best=True)


def fit_ridge(rows: AmountRows, seed: int) -> Location:  # noqa: ARG001 - as the others
    """Add up a shrunken curve or table for each feature (a ridge regression)."""
    return _regression(rows, PENALTY)


def fit_trees(rows: AmountRows, seed: int) -> Location:
    """Boost small trees (LightGBM), the average of several seeds."""
    import lightgbm

    deviation, columns = _deviation(rows), np.arange(len(rows.features), dtype=np.int64)
    categories = [int(j) for j in columns if rows.features[j].dtype == "category"]
    texts = []
    for number in range(SEEDS):
        options = _TREES | {"seed": seed * 1000 + number}
        table = lightgbm.Dataset(
            rows.values,
            deviation,
            weight=rows.weight,
            categorical_feature=categories,
            params=options,
        )
        booster = lightgbm.train(options, table, ROUNDS)
        texts.append(str(booster.model_to_string()))
    bare = trees_of(tuple(texts), columns, 0.0)
    centre = float(np.average(bare.values(rows.values), weights=rows.weight))
    return Location((trees_of(tuple(texts), columns, centre),), (1.0,))


def _blend(ridge: Location, trees: Location) -> Location:
    shapes = (*ridge.shapes, *trees.shapes)
    return Location(shapes, tuple(1 / len(shapes) for _ in shapes))


FITS: Mapping[str, Fit] = {
    "mean": fit_mean,
    "segment": fit_segment,
    "ridge": fit_ridge,
    "trees": fit_trees,
}
"""Each candidate, the simplest first; the blend is made of the last two."""
WORDS = {
    "mean": "the mean of all",
    "segment": "means by one attribute",
    "ridge": "ridge regression",
    "trees": "boosted trees (LightGBM)",
    "blend": "blend of ridge regression and trees",
}
"""What people call them."""


def fit_locations(rows: AmountRows, names: tuple[str, ...], seed: int) -> dict[str, Location]:
    """Fit candidates.

    Parameters
    ----------
    rows : AmountRows
    names : tuple of str
        Keys of `WORDS`.
    seed : int

    Returns
    -------
    dict of str to Location
        By name.
    """
    parts = ("ridge", "trees") if "blend" in names else ()
    wanted = [name for name in FITS if name in (*names, *parts)]
    fitted = {name: FITS[name](rows, seed) for name in wanted}
    if "blend" in names:
        fitted["blend"] = _blend(fitted["ridge"], fitted["trees"])
    return {name: fitted[name] for name in names}


def _deviation(rows: AmountRows) -> Floats:
    logarithm = np.log(rows.amount)
    return np.asarray(logarithm - np.average(logarithm, weights=rows.weight))


def _regression(rows: AmountRows, penalty: float, *, only_best: bool = False) -> Location:
    terms = fit_terms(rows.labelled(), KNOTS, 0.0, frozenset())
    if not terms:
        return Location()
    columns = expand(terms, rows.values)
    centre = np.average(columns, axis=0, weights=rows.weight)
    deviation, owner = _deviation(rows), owners(terms)
    seen = columns - centre
    weighted = seen * rows.weight[:, None]
    normal, towards = seen.T @ weighted, weighted.T @ deviation
    kept = np.ones(len(owner), dtype=bool)
    if only_best:
        kept = owner == _best(normal, towards, owner, penalty)
    weights = np.zeros(len(owner))
    weights[kept] = _solved(normal, towards, kept, penalty)
    features = frozenset(int(one) for one in owner[kept])
    return Location((Curves(effects_of(terms, weights, centre, features)),), (1.0,))


def _solved(normal: Floats, towards: Floats, kept: Flags, penalty: float) -> Floats:
    own = normal[np.ix_(kept, kept)]
    return np.asarray(np.linalg.solve(own + penalty * np.eye(len(own)), towards[kept]))


def _best(normal: Floats, towards: Floats, owner: Integers, penalty: float) -> int:
    """Find the feature that explains most of the variance alone."""
    explained = {}
    for feature in np.unique(owner):
        mine = owner == feature
        explained[int(feature)] = float(towards[mine] @ _solved(normal, towards, mine, penalty))
    return max(explained, key=lambda one: (explained[one], -one))
