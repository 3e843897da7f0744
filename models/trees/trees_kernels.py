"""The compiled loops of a forest: values to codes, codes to sums."""

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Flags, Floats, Integers, Matrix

BLOCK = 512
"""Rows at a time: their codes stay in a core's own cache while every tree goes over them."""
LANES = 32
"""Rows in a vector unit's register, one byte each."""

ZERO = np.float32(1e-35)
"""LightGBM's ``kZeroThreshold``: what is no further from zero than this is zero."""

# Here, beside the loops that use them, because numba keeps compiled code until this file changes.
ZERO_MISSING, NAN_MISSING, CATEGORY = 1, 2, 3
"""Treatments of a column; 0: nothing is missing, NaN counts as zero."""

Int32s = npt.NDArray[np.int32]
Codes = npt.NDArray[np.signedinteger]
Leaves = npt.NDArray[np.unsignedinteger]


@compiled
def encode(
    values: Matrix,
    feature: Integers,
    kind: Integers,
    absent: Integers,
    start: Integers,
    bounds: Matrix,
    shift: int,
    codes: Codes,
) -> None:
    """Replace values by codes."""
    n_rows = len(values)
    value = np.empty(n_rows, np.float32)
    place = np.empty(n_rows, np.int32)
    for column in range(len(feature)):
        for row in range(n_rows):
            raw = values[row, feature[column]]
            value[row] = np.float32(0.0) if abs(raw) <= ZERO else raw
        if kind[column] == CATEGORY:
            for row in range(n_rows):
                value[row] = np.trunc(value[row])
        elif kind[column] != NAN_MISSING:
            for row in range(n_rows):
                value[row] = np.float32(0.0) if np.isnan(value[row]) else value[row]
        own = bounds[start[column] : start[column + 1]]
        _count_below(value, own, place)
        _put_absent(value, own, kind[column], absent[column], place)
        for row in range(n_rows):
            codes[column, row] = place[row] - shift


@compiled
def _count_below(value: Matrix, bounds: Matrix, place: Int32s) -> None:
    # A binary search without branches, all rows in step: the compiler makes vectors of it.
    place[:] = 0
    left = len(bounds)
    while left > 1:
        half = left // 2
        for row in range(len(value)):
            place[row] += half if bounds[place[row] + half - 1] < value[row] else 0
        left -= half
    if left == 1:
        for row in range(len(value)):
            place[row] += 1 if bounds[place[row]] < value[row] else 0


@compiled
def _put_absent(value: Matrix, bounds: Matrix, kind: int, absent: int, place: Int32s) -> None:
    for row in range(len(value)):
        if kind == NAN_MISSING:
            place[row] = absent if np.isnan(value[row]) else place[row]
        elif kind == ZERO_MISSING:
            place[row] = absent if value[row] == 0 else place[row]
        elif kind == CATEGORY:
            at = place[row]
            is_known = at < len(bounds) and bounds[at] == value[row]
            place[row] = at + 1 if is_known else absent


@compiled
def add_by_steps(
    codes: Codes,
    begin: Leaves,
    start: Integers,
    column: Integers,
    bound: Codes,
    origin: Leaves,
    target: Leaves,
    leaf_start: Integers,
    leaf_value: Floats,
    leaf: Leaves,
    total: Floats,
) -> None:
    """Let every row of a block take every step of every tree, and sum up the leaves.

    There is nothing to predict in these loops and no memory to chase, so that a vector unit does
    32 rows at once; that is faster than walking down the trees although a row takes every step.
    """
    for tree in range(len(start) - 1):
        leaf[:] = begin[tree]
        for step in range(start[tree], start[tree + 1]):
            code = codes[column[step]]
            above, here = bound[step], origin[step]
            change = here ^ target[step]
            for row in range(len(leaf)):
                moves = (leaf[row] == here) & (code[row] > above)
                leaf[row] = (leaf[row] ^ change) if moves else leaf[row]
        value = leaf_value[leaf_start[tree] : leaf_start[tree + 1]]
        for row in range(len(leaf)):
            total[row] += value[leaf[row]]


@compiled
def sum_by_steps(
    values: Matrix,
    columns: tuple[Integers, Integers, Integers, Integers, Matrix],
    shift: int,
    codes: Codes,
    begin: Leaves,
    start: Integers,
    column: Integers,
    bound: Codes,
    origin: Leaves,
    target: Leaves,
    leaf_start: Integers,
    leaf_value: Floats,
    leaf: Leaves,
    total: Floats,
) -> None:
    """Encode blocks of rows and let each take its steps, without the interpreter in between."""
    feature, kind, absent, first_bound, bounds = columns
    sums = np.empty(BLOCK)
    for first in range(0, len(values), BLOCK):
        rows = values[first : first + BLOCK]
        # Rows that are not there are taken along up to a full vector, which costs nothing.
        n = -(-len(rows) // LANES) * LANES
        sums[:n] = 0.0
        encode(rows, feature, kind, absent, first_bound, bounds, shift, codes)
        add_by_steps(
            codes,
            begin,
            start,
            column,
            bound,
            origin,
            target,
            leaf_start,
            leaf_value,
            leaf[:n],
            sums[:n],
        )
        total[first : first + BLOCK] = sums[: len(rows)]


@compiled
def walk(
    codes: Int32s,
    roots: Int32s,
    nodes: Int32s,
    goes_left: Flags,
    leaf_value: Floats,
    total: Floats,
) -> None:
    """Walk each row down every tree, and sum up the leaves in the order of the trees."""
    for row in range(len(total)):
        sum_of_leaves = 0.0
        for root in roots:
            node = root
            while node >= 0:
                code = codes[nodes[node, 0], row]
                bound = nodes[node, 1]
                is_left = code <= bound if bound >= 0 else goes_left[code - 1 - bound]
                node = nodes[node, 2] if is_left else nodes[node, 3]
            sum_of_leaves += leaf_value[-1 - node]
        total[row] = sum_of_leaves
