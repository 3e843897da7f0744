"""Ordered target statistics: what a category's earlier leads came to, as a number for the trees.

A row sees the share of conversions among the rows of its category whose labels were known before
it (Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with categorical features", with time
itself as the order instead of a random permutation). So trees can take many categories together,
and learn how far a category's past tells its future; a later row sees the share among all training
rows. A threshold on such a number parts the categories in two, so that the finished trees are
written as ordinary categorical splits: scoring knows nothing of this.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.trees.trees_text import CATEGORICAL, MISSING_IS_NAN

PRIOR_LEADS = 20.0
"""The overall share counts as so many rows of each category."""

_OF_NODES = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


@dataclass(frozen=True)
class TargetStatistics:
    """The shares of conversions that trees learn from.

    Parameters
    ----------
    so_far : ndarray of float32, shape (n, n_categories)
        Of each training row's category, over the rows whose labels were known before the row.
    tables : tuple of ndarray of float64, shape (n_levels + 2,)
        For each category column, over all training rows: of a missing value, then of code 0, 1...
    """

    so_far: Matrix
    tables: tuple[Floats, ...]

    @classmethod
    def of(cls, data: LabelledMatrix, weight: Floats, columns: Integers) -> Self:
        """Count them.

        Parameters
        ----------
        data : LabelledMatrix
        weight : ndarray of float64, shape (n,)
            How much each row counts.
        columns : ndarray of int64
            The category columns wanted.

        Returns
        -------
        TargetStatistics
        """
        so_far = np.zeros((len(data), len(columns)), np.float32)
        tables = []
        for place, column in enumerate(columns):
            codes = _codes(data.values[:, column])
            size = len(data.features[column].levels) + 2
            so_far[:, place], table = _shares(codes, size, data, weight)
            tables.append(table)
        return cls(so_far, tuple(tables))


def _codes(column: Floats | Matrix) -> Integers:
    return np.where(np.isnan(column), -1, column).astype(np.int64) + 1


def _shares(
    codes: Integers, size: int, data: LabelledMatrix, weight: Floats
) -> tuple[Floats, Floats]:
    won = weight * data.converted
    prior = PRIOR_LEADS * won.sum() / weight.sum()
    # In the order of categories, and within one in the order in which labels became known.
    order = np.lexsort((data.position, codes))
    first = np.searchsorted(codes[order], np.arange(size + 1))
    weights, wins = (np.concatenate([[0.0], np.cumsum(v[order])]) for v in (weight, won))
    before = np.zeros(len(codes), np.int64)
    for code in np.flatnonzero(np.diff(first)):
        own = order[first[code] : first[code + 1]]
        known = data.position[own] + data.horizon
        before[own] = first[code] + np.searchsorted(known, data.position[own], side="left")
    start, end = first[:-1], first[1:]
    at = start[codes]
    shares = (wins[before] - wins[at] + prior) / (weights[before] - weights[at] + PRIOR_LEADS)
    table = (wins[end] - wins[start] + prior) / (weights[end] - weights[start] + PRIOR_LEADS)
    return shares, table


def as_categorical_splits(text: str, categories: Integers, tables: tuple[Floats, ...]) -> str:
    """Write splits on target statistics as splits on the categories themselves.

    Parameters
    ----------
    text : str
        LightGBM's model text; the target statistics are the last columns that it was trained on.
    categories : ndarray of int64
        For each of them the column of the category.
    tables : tuple of ndarray of float64
        `TargetStatistics.tables`.

    Returns
    -------
    str
        A model text without these columns. A category that was never seen goes where a missing
        value goes.
    """
    trees, rest = text.split("\nend of trees", 1)
    head, *blocks = trees.split("\nTree=")
    header = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    kept = int(header["max_feature_idx"]) + 1 - len(tables)
    blocks = [_rewritten(f"Tree={block}\n", kept, categories, tables) for block in blocks]
    header["max_feature_idx"] = str(kept - 1)
    for key in ("feature_names", "feature_infos", "monotone_constraints"):
        if key in header:
            header[key] = " ".join(header[key].split(" ")[:kept])
    header["tree_sizes"] = " ".join(str(len(block)) for block in blocks)
    lines = "\n".join(f"{key}={value}" for key, value in header.items())
    parameters = rest.index("\nparameters:")
    return f"tree\n{lines}\n\n{''.join(blocks)}end of trees\n{rest[parameters:]}"


def _rewritten(block: str, kept: int, categories: Integers, tables: tuple[Floats, ...]) -> str:
    lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    parts = {key: lines.get(key, "").split() for key in _OF_NODES}
    edges = lines.get("cat_boundaries", "0").split()
    words = lines.get("cat_threshold", "").split()
    for node, column in enumerate(map(int, parts["split_feature"])):
        if column < kept:
            continue
        table = tables[column - kept]
        left = table <= float(parts["threshold"][node])
        if left[0]:  # LightGBM sends a missing category to the right.
            left, sides = ~left, (parts["left_child"], parts["right_child"])
            sides[0][node], sides[1][node] = sides[1][node], sides[0][node]
        parts["split_feature"][node] = str(categories[column - kept])
        parts["threshold"][node] = str(len(edges) - 1)
        parts["decision_type"][node] = str(CATEGORICAL | MISSING_IS_NAN)
        words += map(str, _bits(left[1:]))
        edges.append(str(len(words)))
    if len(edges) == 1:
        return block
    lines |= {key: " ".join(values) for key, values in parts.items()}
    lines |= {"num_cat": str(len(edges) - 1), "cat_boundaries": " ".join(edges)}
    lines["cat_threshold"] = " ".join(words)
    return "".join(f"{key}={value}\n" for key, value in lines.items()) + "\n\n"


def _bits(members: Flags) -> list[int]:
    padded = np.zeros(-(-len(members) // 32) * 32, bool)
    padded[: len(members)] = members
    return [int(word) for word in np.packbits(padded, bitorder="little").view("<u4")]
