"""Two ways to score with the same forest: a row at a time, or blocks of rows step by step."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.data import Floats, Integers, Matrix
from models.trees_codes import Columns, Splits, steps_of
from models.trees_kernels import (
    BLOCK,
    Codes,
    Flags,
    Int32s,
    Leaves,
    encode,
    sum_by_steps,
    walk,
)
from models.trees_text import Trees


@dataclass(frozen=True, eq=False)
class Walker:
    """Walks each row down every tree: the fast way for a few rows.

    Parameters
    ----------
    columns : Columns
    roots, nodes, goes_left, leaf_value : ndarray
        As `models.trees_kernels.walk` wants them.
    """

    columns: Columns
    roots: Int32s
    nodes: Int32s
    goes_left: Flags
    leaf_value: Floats

    @classmethod
    def of(cls, trees: Trees, columns: Columns, splits: Splits) -> Self:
        """Lay out the nodes of a forest.

        Parameters
        ----------
        trees : Trees
        columns : Columns
        splits : Splits

        Returns
        -------
        Walker
        """
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
        """Write each row's sum of leaves into `total`.

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features), C-contiguous
        total : ndarray of float64, shape (n_rows,)
        """
        for first in range(0, len(values), BLOCK):
            rows = slice(first, first + BLOCK)
            codes = np.empty((len(self.columns.kind), len(values[rows])), np.int32)
            encode(values[rows], *self.columns.arrays, 0, codes)
            walk(codes, self.roots, self.nodes, self.goes_left, self.leaf_value, total[rows])


def _bounds_and_sets(columns: Columns, splits: Splits) -> tuple[Integers, Flags]:
    bound, parts, place = splits.bound.copy(), [np.zeros(0, dtype=bool)], 0
    for node, left_codes in splits.left_codes.items():
        goes_left = np.zeros(columns.absent[splits.column[node]] + 1, dtype=bool)
        goes_left[left_codes] = True
        bound[node] = -1 - place
        place += len(goes_left)
        parts.append(goes_left)
    return bound, np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Stepper:
    """Lets blocks of rows take every step of every tree: the fast way for many rows.

    Parameters
    ----------
    columns : Columns
    shift : int
        Is taken off each code, so that it fits a signed integer.
    begin, start, column, bound, origin, target, leaf_start, leaf_value : ndarray
        As `models.trees_kernels.add_by_steps` wants them.
    """

    columns: Columns
    shift: int
    begin: Leaves
    start: Integers
    column: Integers
    bound: Codes
    origin: Leaves
    target: Leaves
    leaf_start: Integers
    leaf_value: Floats

    @classmethod
    def of(cls, trees: Trees, columns: Columns, splits: Splits) -> Self:
        """Lay out the steps of a forest, in one byte each if they fit.

        Parameters
        ----------
        trees : Trees
            With fewer than 65536 leaves in each tree.
        columns : Columns
            With codes below 65536.
        splits : Splits

        Returns
        -------
        Stepper
        """
        steps = steps_of(trees, splits, columns)
        largest = max(columns.largest_code, int(np.diff(trees.leaf_start).max(initial=0)) - 1)
        code, leaf = (np.int8, np.uint8) if largest < 2**8 else (np.int16, np.uint16)
        shift = -int(np.iinfo(code).min)
        return cls(
            columns,
            shift,
            steps.begin.astype(leaf),
            steps.start,
            steps.column,
            (steps.bound - shift).astype(code),
            steps.origin.astype(leaf),
            steps.target.astype(leaf),
            trees.leaf_start,
            trees.leaf_value,
        )

    def sum_into(self, values: Matrix, total: Floats) -> None:
        """Write each row's sum of leaves into `total`.

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features), C-contiguous
        total : ndarray of float64, shape (n_rows,)
        """
        sum_by_steps(
            values,
            self.columns.arrays,
            self.shift,
            np.zeros((len(self.columns.kind), BLOCK), self.bound.dtype),
            self.begin,
            self.start,
            self.column,
            self.bound,
            self.origin,
            self.target,
            self.leaf_start,
            self.leaf_value,
            np.empty(BLOCK, self.origin.dtype),
            total,
        )
