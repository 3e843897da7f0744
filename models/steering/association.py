"""How well one column reproduces another that is denied: out of sample, and against chance.

A denied number is told by the share of its variance that steps over the column explain (R²), by
ranks, so that no scale matters; a denied category by the share of its uncertainty that the column
takes away (Theil 1972). Both are measured in folds that were not learned from: what only fits noise
reaches 0 or less, a copy 1. How much chance reaches is measured as well: the denied column is
permuted over the leads, and the best figure of all columns is kept (Westfall and Young 1993), so
that looking at many columns is counted in.

References
----------
Theil, H. (1972). Statistical decomposition analysis. North-Holland.
Westfall, P. H., Young, S. S. (1993). Resampling-based multiple testing. Wiley.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Integers, Matrix
from leadcast.models.leakage.strength import FOLDS, bin_codes

MOST_LEADS = 4_000
FEWEST_LEADS = 100
"""Of fewer leads that have a value nothing is told."""
PERMUTATIONS = 19
"""What is above the best of so many is chance once in twenty times."""
MOST_LEVELS = 20
"""A number with at most so many values is read as a category; of a category so many are told
apart."""
_PRIOR_ROWS = 1.0


@dataclass(frozen=True)
class Association:
    """How well a feature reproduces a denied column."""

    feature: int
    """The feature's number."""
    figure: float
    """1 for a copy, 0 for what tells nothing of it."""
    chance: float
    """The best figure of any column where the denied one is permuted."""
    measure: str
    """``"R²"`` of ranks, or ``"share of its uncertainty"``."""
    leads: int
    """On so many leads."""


def associations(
    values: Matrix, features: Sequence[Feature], denied: pl.Series, seed: int
) -> list[Association]:
    """Measure how well each feature reproduces a denied column.

    Parameters
    ----------
    values : ndarray of float32, shape (n_leads, n_features)
        A row for each lead.
    features : sequence of Feature
        The columns.
    denied : pl.Series, length n_leads
        The denied column: numbers, texts, flags or times; null where it is not known.
    seed : int
        Of the folds and the permutations.

    Returns
    -------
    list of Association
        One for each feature, the best first; empty where fewer than `FEWEST_LEADS` leads have a
        value, or all have the same.
    """
    generator = np.random.default_rng(seed)
    known = np.flatnonzero(denied.is_not_null().to_numpy())
    if len(known) > MOST_LEADS:
        known = np.sort(generator.choice(known, MOST_LEADS, replace=False))
    told = denied[known]
    if len(told) < FEWEST_LEADS or told.n_unique() < 2:
        return []
    target = _target(told)
    fold = generator.integers(0, FOLDS, len(told))
    columns = [bin_codes(values[known, number], feature) for number, feature in enumerate(features)]
    by_chance = max(
        max(_figure(codes, permuted, fold) for codes in columns)
        for permuted in (target[generator.permutation(len(told))] for _ in range(PERMUTATIONS))
    )
    measure = "R²" if target.dtype.kind == "f" else "share of its uncertainty"
    found = [
        Association(number, _figure(codes, target, fold), by_chance, measure, len(told))
        for number, codes in enumerate(columns)
    ]
    return sorted(found, key=lambda one: -one.figure)


def _target(denied: pl.Series) -> Floats | Integers:
    """Read a denied column: ranks of a number (float64), or codes of a category (int64)."""
    if denied.dtype.is_temporal():
        denied = denied.dt.epoch("us")
    if denied.dtype.is_numeric() and denied.n_unique() > MOST_LEVELS:
        ranks: Floats = denied.rank().cast(pl.Float64).to_numpy() / len(denied)
        return ranks
    order = denied.cast(pl.String).value_counts(sort=True)[denied.name]
    places = {value: min(place, MOST_LEVELS - 1) for place, value in enumerate(order.to_list())}
    return np.array([places[one] for one in denied.cast(pl.String).to_list()], dtype=np.int64)


def _figure(codes: Integers, target: Floats | Integers, fold: Integers) -> float:
    if target.dtype.kind == "f":
        return _explained_variance(codes, target, fold)
    return _explained_uncertainty(codes, target, fold)


def _explained_variance(codes: Integers, target: Floats | Integers, fold: Integers) -> float:
    size, error, total = int(codes.max()) + 1, 0.0, 0.0
    for one in range(FOLDS):
        outside, inside = fold != one, fold == one
        mean = target[outside].mean()
        sums = np.bincount(codes[outside], weights=target[outside], minlength=size)
        rows = np.bincount(codes[outside], minlength=size)
        guess = (sums + _PRIOR_ROWS * mean) / (rows + _PRIOR_ROWS)
        error += float(((target[inside] - guess[codes[inside]]) ** 2).sum())
        total += float(((target[inside] - mean) ** 2).sum())
    return 1 - error / total if total else 0.0


def _explained_uncertainty(codes: Integers, target: Floats | Integers, fold: Integers) -> float:
    levels, size, loss, total = int(target.max()) + 1, int(codes.max()) + 1, 0.0, 0.0
    for one in range(FOLDS):
        outside, inside = fold != one, fold == one
        cells = np.bincount(codes[outside] * levels + target[outside], minlength=size * levels)
        table = cells.reshape(size, levels)
        base = (table.sum(axis=0) + 1 / levels) / (table.sum() + 1)
        guess = (table + _PRIOR_ROWS * base) / (table.sum(axis=1, keepdims=True) + _PRIOR_ROWS)
        loss -= float(np.log(guess[codes[inside], target[inside]]).sum())
        total -= float(np.log(base[target[inside]]).sum())
    return 1 - loss / total if total else 0.0
