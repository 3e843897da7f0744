"""A forest in small whole numbers: what its trees can tell apart, and the splits in those terms.

A tree asks of a number only on which side of a threshold it lies, so a value may be replaced by
how many of the model's own thresholds lie below it; of a category, only in which of the model's
sets it is. A *column* is a feature together with a treatment of missing values: two splits that
send missing values to different sides look at two columns, and thus no split needs a special
case. The idea of codes by the model's own thresholds is that of Lucchese et al. (QuickScorer,
SIGIR 2015).

Two ways to score with the same forest: a row at a time, or blocks of rows step by step.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from leadcast.models.data import Flags, Floats, Integers, Matrix
from leadcast.models.trees.trees_kernels import (
    BLOCK,
    CATEGORY,
    NAN_MISSING,
    ZERO_MISSING,
    Codes,
    Int32s,
    Leaves,
    encode,
    sum_by_steps,
    walk,
)
from leadcast.models.trees.trees_text import CATEGORICAL, DEFAULT_LEFT, Trees


@dataclass(frozen=True)
class TreeColumns:
    """How values become codes."""

    feature: Integers
    """Where the values stand."""
    kind: Integers
    """0, `ZERO_MISSING`, `NAN_MISSING` or `CATEGORY`."""
    absent: Integers
    """The code of a missing value, or of a category that no split names."""
    start: Integers
    """Where each column's bounds begin."""
    bounds: Matrix
    """Ascending in each column: thresholds, or the categories that splits name."""

    @property
    def arrays(self) -> tuple[Integers, Integers, Integers, Integers, Matrix]:
        """The arrays, in the order in which `trees_kernels.encode` takes them."""
        return self.feature, self.kind, self.absent, self.start, self.bounds

    @property
    def largest_code(self) -> int:
        """The largest code that any value can get."""
        return int(max(np.diff(self.start).max(initial=0), self.absent.max(initial=0)))


@dataclass(frozen=True)
class Splits:
    """The nodes of all trees, as tests of codes."""

    column: Integers
    """Which column a node looks at."""
    bound: Integers
    """Left if ``code <= bound``; of no meaning for a categorical node."""
    left_codes: dict[int, Integers]
    """For each categorical node the codes that go left, ascending."""


def encode_trees(trees: Trees) -> tuple[TreeColumns, Splits]:
    """Find the columns of a forest and put its splits in terms of their codes."""
    key, column = np.unique(_column_keys(trees), return_inverse=True)
    nodes = np.flatnonzero((trees.decision & CATEGORICAL) == 0)
    in_sets = {node: _as_float32(members) for node, members in trees.left_sets.items()}
    owners = [nodes, *(np.full(len(members), node) for node, members in in_sets.items())]
    values = [_rounded_down(trees.threshold[nodes]), *in_sets.values()]
    bounds, start, rank = _ranked(column[np.concatenate(owners)], np.concatenate(values), len(key))
    kind = (key >> 1) & 3
    columns = TreeColumns(key >> 3, kind, _absent(key, kind, np.diff(start)), start, bounds)
    bound = np.zeros(len(column), dtype=np.int64)
    bound[nodes] = rank[: len(nodes)]
    edges = np.cumsum([len(nodes), *map(len, in_sets.values())])
    # Category codes begin with 1, so that a set need not hold the lowest code (see `steps`).
    codes = [part + 1 for part in np.split(rank, edges)[1:]]
    return columns, Splits(column, bound, dict(zip(in_sets, codes, strict=False)))


def _column_keys(trees: Trees) -> Integers:
    categorical = (trees.decision & CATEGORICAL) != 0
    kind = np.where(categorical, CATEGORY, trees.decision >> 2)
    to_left = ((trees.decision & DEFAULT_LEFT) != 0) & np.isin(kind, (ZERO_MISSING, NAN_MISSING))
    key: Integers = trees.feature << 3 | kind << 1 | to_left
    return key


def _absent(key: Integers, kind: Integers, n_bounds: Integers) -> Integers:
    to_left = (key & 1) != 0
    return np.where(kind == CATEGORY, n_bounds + 1, np.where(to_left, 0, n_bounds))


def _rounded_down(threshold: Floats) -> Matrix:
    # For a float32 value, value <= threshold is the same as value <= the largest float32 that is
    # not above the threshold.
    with np.errstate(over="ignore"):
        rounded: Matrix = threshold.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    is_above = rounded > threshold
    rounded[is_above] = below[is_above]
    return rounded


def _as_float32(members: Integers) -> Matrix:
    # A category that float32 cannot hold is in no matrix, and must not be taken for another.
    rounded: Matrix = members.astype(np.float32)
    is_exact: Flags = rounded.astype(np.int64) == members
    return rounded[is_exact]


def _ranked(column: Integers, value: Matrix, n_columns: int) -> tuple[Matrix, Integers, Integers]:
    order = np.lexsort((value, column))
    column_sorted, value_sorted = column[order], value[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(column_sorted) != 0) | (value_sorted[1:] != value_sorted[:-1])
    start = np.searchsorted(column_sorted[is_new], np.arange(n_columns + 1))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(is_new) - 1 - start[column_sorted]
    return value_sorted[is_new], start, rank


@dataclass(frozen=True)
class TreeSteps:
    """The splits of each tree as one list of steps that every row takes.

    A row stands at a leaf of its tree, at first at the leftmost one, `begin`. A step moves it from
    leaf `origin` to leaf `target` if its code is above `bound`. A node's rows stand at the leftmost
    leaf below it; going right moves them to the leftmost leaf of the right side. A set of
    categories is a list of intervals of codes: a row steps right and back at each of their ends.
    """

    begin: Integers
    """The leftmost leaf of each tree."""
    start: Integers
    """Where the steps of each tree begin."""
    column: Integers
    bound: Integers
    origin: Integers
    target: Integers
    """Leaves by their numbers within the tree."""


def steps_of(trees: Trees, splits: Splits, columns: TreeColumns) -> TreeSteps:
    """Write the splits of each tree as steps."""
    turns = {
        node: _turns(codes, int(columns.absent[splits.column[node]]))
        for node, codes in splits.left_codes.items()
    }
    lengths = np.ones(len(splits.column), dtype=np.int64)
    lengths[list(turns)] = [len(bounds) for bounds in turns.values()]
    start = np.concatenate([[0], np.cumsum(lengths)])
    bound = np.repeat(splits.bound, lengths)
    ends = np.stack([_first_leaf(trees, trees.left), _first_leaf(trees, trees.right)])
    origin, target = np.repeat(ends, lengths, axis=1)
    for node, bounds in turns.items():
        here = slice(start[node], start[node + 1])
        bound[here] = bounds
        back = np.arange(len(bounds)) % 2 == 1
        origin[here], target[here] = np.where(back, ends[::-1, [node]], ends[:, [node]])
    column = np.repeat(splits.column, lengths)
    begin = np.zeros(len(trees.node_start) - 1, np.int64)
    has_nodes = np.diff(trees.node_start) > 0
    begin[has_nodes] = ends[0, trees.node_start[:-1][has_nodes]]
    return TreeSteps(begin, start[trees.node_start], column, bound, origin, target)


def _turns(left_codes: Integers, largest_code: int) -> Integers:
    goes_left = np.zeros(largest_code + 1, dtype=np.int64)
    goes_left[0] = 1
    goes_left[left_codes] = 1
    return np.flatnonzero(np.diff(goes_left))


def _first_leaf(trees: Trees, child: Integers) -> Integers:
    offset = np.repeat(trees.node_start[:-1], np.diff(trees.node_start))
    while (inner := np.flatnonzero(child >= 0)).size:
        child = child.copy()
        child[inner] = trees.left[child[inner] + offset[inner]]
    return -1 - child


@dataclass(frozen=True, eq=False)
class Walker:
    """Walks each row down every tree: the fast way for a few rows."""

    columns: TreeColumns
    roots: Int32s
    nodes: Int32s
    goes_left: Flags
    leaf_value: Floats
    """As `leadcast.models.trees.trees_kernels.walk` wants them."""

    @classmethod
    def of(cls, trees: Trees, columns: TreeColumns, splits: Splits) -> Self:
        """Lay out the nodes of a forest."""
        bound, goes_left = _bounds_and_sets(columns, splits)
        per_tree = np.diff(trees.node_start)
        node_offset = np.repeat(trees.node_start[:-1], per_tree)
        leaf_offset = np.repeat(trees.leaf_start[:-1], per_tree)
        children = [
            np.where(child < 0, child - leaf_offset, child + node_offset)
            for child in (trees.left, trees.right)
        ]
        roots = np.where(per_tree > 0, trees.node_start[:-1], -1 - trees.leaf_start[:-1])
        nodes = np.stack([splits.column, bound, *children], axis=1).astype(np.int32)
        return cls(columns, roots.astype(np.int32), nodes, goes_left, trees.leaf_value)

    def sum_into(self, values: Matrix, total: Floats) -> None:
        """Write each row's sum of leaves into `total`."""
        for first in range(0, len(values), BLOCK):
            rows = slice(first, first + BLOCK)
            codes = np.empty((len(self.columns.kind), len(values[rows])), np.int32)
            encode(values[rows], *self.columns.arrays, 0, codes)
            walk(codes, self.roots, self.nodes, self.goes_left, self.leaf_value, total[rows])


def _bounds_and_sets(columns: TreeColumns, splits: Splits) -> tuple[Integers, Flags]:
    bound, parts, place = splits.bound.copy(), [np.zeros(0, dtype=bool)], 0
    for node, left_codes in splits.left_codes.items():
        goes_left = np.zeros(columns.absent[splits.column[node]] + 1, dtype=bool)
        goes_left[left_codes] = True
        bound[node] = -1 - place
        place += len(goes_left)
        parts.append(goes_left)
    return bound, np.concatenate(parts)


StepArrays = tuple[Leaves, Integers, Integers, Codes, Leaves, Leaves, Integers, Floats]
"""As `trees_kernels.add_by_steps` takes them, from `begin` to `leaf_value`."""


@dataclass(frozen=True, eq=False)
class Stepper:
    """Lets blocks of rows take every step of every tree: the fast way for many rows."""

    columns: TreeColumns
    shift: int
    """Is taken off each code, so that it fits a signed integer."""
    code: type[np.signedinteger]
    leaf: type[np.unsignedinteger]
    """The types of codes and of leaves."""
    arrays: StepArrays

    @classmethod
    def of(cls, trees: Trees, columns: TreeColumns, splits: Splits) -> Self:
        """Lay out the steps of a forest, in one byte each if they fit."""
        steps = steps_of(trees, splits, columns)
        largest = max(columns.largest_code, int(np.diff(trees.leaf_start).max(initial=0)) - 1)
        code, leaf = (np.int8, np.uint8) if largest < 2**8 else (np.int16, np.uint16)
        shift = -int(np.iinfo(code).min)
        arrays: StepArrays = (
            steps.begin.astype(leaf),
            steps.start,
            steps.column,
            (steps.bound - shift).astype(code),
            steps.origin.astype(leaf),
            steps.target.astype(leaf),
            trees.leaf_start,
            trees.leaf_value,
        )
        return cls(columns, shift, code, leaf, arrays)

    def sum_into(self, values: Matrix, total: Floats) -> None:
        """Write each row's sum of leaves into `total`."""
        codes = np.zeros((len(self.columns.kind), BLOCK), self.code)
        leaf = np.empty(BLOCK, self.leaf)
        sum_by_steps(values, self.columns.arrays, self.shift, codes, *self.arrays, leaf, total)
