"""What each feature contributes to a forest's sum: Shapley values, exactly.

For one leaf the game of Lundberg et al. (Consistent individualized feature attribution for tree
ensembles, 2018) is a product over the features on its path: ``o_j`` (0 or 1: does the row go this
way?) where feature j is known, ``z_j`` (which share of the training rows does?) where it is not.
With Owen's integral (Multilinear extensions of games, 1972) the Shapley value of feature j is

    value * (o_j - z_j) * integral over y in [0, 1] of the product over k != j of
    (y * o_k + (1 - y) * z_k)

The integrand is a polynomial, so Gauss-Legendre quadrature with half as many points as features
is exact; and as all is a product, one way down and one way up each tree gives it for all leaves
(as in Linear TreeShap, Yu et al., 2022): the products are extended by a factor on the way down,
their sums over the leaves are divided by it on the way up.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Flags, Floats, Integers, Matrix
from leadcast.models.trees.trees_codes import Walker
from leadcast.models.trees.trees_kernels import Int32s, encode
from leadcast.models.trees.trees_text import Trees

Edges = tuple[Int32s, Flags, Int32s, Int32s, Int32s, Floats, Floats]
"""For each edge the node, counted over all trees, from which it comes; whether it goes to its left;
its depth, 1 at the root; the depth of the nearest edge above that asks of the same feature, 0 if
there is none; the feature; which share of training rows went this way, multiplied over all edges
from the root to here that ask of the same feature; the value of the leaf that it ends in, NaN where
it ends in a node."""

LEAST_SHARE = 1e-30
"""A side that no training row took still needs a weight, because one divides by it."""


@dataclass(frozen=True, eq=False)
class Paths:
    """The edges of all trees: parents before children, everything below an edge right after it."""

    start: Integers
    """Where the edges of each tree begin."""
    edges: Edges
    n_points: int
    """How many points of quadrature are exact."""
    base: float
    """The mean of the sum of leaves over the training rows."""


def lay_out(trees: Trees) -> Paths:
    """Lay out the paths of a forest."""
    n_edges, n_trees = 2 * len(trees.left), len(trees.node_start) - 1
    # Plain arrays in a plain tuple: numba keeps compiled code by the types of the arguments, and
    # a class of ours among them would be looked for in a later version that may have none.
    edges = (
        np.empty(n_edges, np.int32),
        np.empty(n_edges, np.bool_),
        np.empty(n_edges, np.int32),
        np.empty(n_edges, np.int32),
        np.empty(n_edges, np.int32),
        np.empty(n_edges),
        np.empty(n_edges),
    )
    shape = (trees.node_start, trees.leaf_start, trees.feature, trees.left, trees.right)
    weights = (trees.node_count, trees.leaf_count, trees.leaf_value)
    n_features = max((_fill(tree, *shape, *weights, edges) for tree in range(n_trees)), default=1)
    # n points are exact up to the power 2n - 1, and the power is one less than the features.
    n_points = max(1, (n_features + 1) // 2)
    return Paths(2 * trees.node_start, edges, n_points, _mean_sum(trees))


def _mean_sum(trees: Trees) -> float:
    total = 0.0
    for first, last in zip(trees.leaf_start[:-1], trees.leaf_start[1:], strict=True):
        count, value = trees.leaf_count[first:last], trees.leaf_value[first:last]
        total += float(value @ count / count.sum()) if count.sum() > 0 else float(value.mean())
    return total


@compiled
def _fill(
    tree: int,
    node_start: Integers,
    leaf_start: Integers,
    feature: Integers,
    left: Integers,
    right: Integers,
    node_count: Floats,
    leaf_count: Floats,
    leaf_value: Floats,
    edges: Edges,
) -> int:
    """Write the edges of a tree; give the most features that a path has."""
    node, to_left, depth, same, asked, share, value = edges
    first = node_start[tree]
    n_nodes = node_start[tree + 1] - first
    # Sides that wait to be written: twice the node's number, plus one for its left side.
    waiting, depths = np.empty(2 * n_nodes + 2, np.int64), np.empty(2 * n_nodes + 2, np.int64)
    above = np.empty(n_nodes + 2, np.int64)
    waiting[:2], depths[:2] = np.arange(2), 1
    n_waiting = 2 if n_nodes > 0 else 0
    edge, most = 2 * first, 0
    while n_waiting > 0:
        n_waiting -= 1
        here = depths[n_waiting]
        parent, is_left = first + waiting[n_waiting] // 2, waiting[n_waiting] % 2 == 1
        child = left[parent] if is_left else right[parent]
        leaf = leaf_start[tree] - 1 - child
        count = leaf_count[leaf] if child < 0 else node_count[first + child]
        node[edge], to_left[edge], depth[edge] = parent, is_left, here
        asked[edge] = feature[parent]
        share[edge] = max(count / node_count[parent], LEAST_SHARE)
        value[edge] = leaf_value[leaf] if child < 0 else np.nan
        most = max(most, _join_same(edge, here, above, same, asked, share))
        above[here] = edge
        edge += 1
        if child >= 0:
            waiting[n_waiting], waiting[n_waiting + 1] = 2 * child, 2 * child + 1
            depths[n_waiting : n_waiting + 2] = here + 1
            n_waiting += 2
    return most


@compiled
def _join_same(
    edge: int, here: int, above: Integers, same: Int32s, asked: Int32s, share: Floats
) -> int:
    """Join an edge with the nearest above it of the same feature; count the path's features."""
    same[edge] = 0
    n_features = here
    for up in range(here - 1, 0, -1):
        if same[edge] == 0 and asked[above[up]] == asked[edge]:
            same[edge] = up
            share[edge] *= share[above[up]]
        n_features -= int(same[above[up]] > 0)
    return n_features - int(same[edge] > 0)


ROWS = 16
"""Rows at a time: what belongs to a path then stays in the fastest cache."""


def contributions_into(values: Matrix, walker: Walker, paths: Paths, out: Floats) -> None:
    """Compute the contributions of all features for each row."""
    depths = int(paths.edges[2].max(initial=0)) + 1
    for first in range(0, len(values), ROWS):
        rows = values[first : first + ROWS]
        codes = np.empty((len(walker.columns.kind), len(rows)), np.int32)
        encode(rows, *walker.columns.arrays, 0, codes)
        points, weights = (np.tile(part, len(rows)) for part in _quadrature(paths.n_points))
        room = tuple(np.ones((4, depths, len(points))))
        sums = np.zeros((out.shape[1] - 1, len(points)))
        sides = (codes, walker.nodes, walker.goes_left)
        _add_trees(sides, paths.start, paths.edges, points, weights, room, sums)
        each = sums.reshape(len(sums), len(rows), paths.n_points)
        out[first : first + ROWS, :-1] = each.sum(axis=2).T
    out[:, -1] = paths.base


@cache
def _quadrature(n: int) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(n)
    return (points + 1) / 2, weights / 2


@compiled
def _add_trees(
    sides: tuple[Int32s, Int32s, Flags],
    start: Integers,
    edges: Edges,
    points: Floats,
    weights: Floats,
    room: tuple[Floats, ...],
    sums: Floats,
) -> None:
    """Add the contributions in all trees to `sums`, shape (n_features, n_slots).

    A slot is a row at a point of quadrature; `points` and `weights` have one value for each.
    `room` keeps something for each edge of the path on which we are, in the shape (depths,
    n_slots): `goes_on` (the ``o`` of the formula), `product` (of the factors of all features down
    to it), `inverse` (one over its own feature's factor), `below` (the sum over its leaves).
    Depth 0 stands for "no edge": with o, z and a factor of 1 it contributes nothing, and can
    stand in for an edge above of the same feature where there is none.
    """
    codes, nodes, goes_left = sides
    node, to_left, depth, same, feature, share, leaf_value = edges
    goes_on, product, inverse, below = room
    path, shares = np.zeros(len(goes_on), np.int64), np.ones(len(goes_on))
    for tree in range(len(start) - 1):
        last = 0
        # One step more than there are edges, to leave what is still open.
        for edge in range(start[tree], start[tree + 1] + 1):
            here = depth[edge] if edge < start[tree + 1] else 1
            while last >= here:
                up, target = same[path[last]], feature[path[last]]
                _leave(goes_on, inverse, below, last, up, shares[last], shares[up], sums, target)
                last -= 1
            if edge < start[tree + 1]:
                up, column, bound = same[edge], nodes[node[edge], 0], nodes[node[edge], 1]
                _take_side(codes, column, bound, goes_left, to_left[edge], goes_on, here, up)
                path[here], shares[here], last = edge, share[edge], here
                leaf = 0.0 if np.isnan(leaf_value[edge]) else leaf_value[edge]
                _enter(
                    goes_on, product, inverse, below, here, up, shares[here], leaf, points, weights
                )


@compiled
def _take_side(
    codes: Int32s,
    column: int,
    bound: int,
    goes_left: Flags,
    to_left: bool,
    goes_on: Floats,
    here: int,
    up: int,
) -> None:
    n_points = goes_on.shape[1] // codes.shape[1]
    for row in range(codes.shape[1]):
        code = codes[column, row]
        is_left = code <= bound if bound >= 0 else goes_left[code - 1 - bound]
        first = row * n_points
        goes = goes_on[up, first] if is_left == to_left else 0.0
        for slot in range(first, first + n_points):
            goes_on[here, slot] = goes


@compiled
def _enter(
    goes_on: Floats,
    product: Floats,
    inverse: Floats,
    below: Floats,
    here: int,
    up: int,
    share: float,
    leaf: float,
    points: Floats,
    weights: Floats,
) -> None:
    for slot in range(len(points)):
        factor = (1 - points[slot]) * share + points[slot] * goes_on[here, slot]
        total = product[here - 1, slot] * factor * inverse[up, slot]
        product[here, slot] = total
        inverse[here, slot] = 1 / factor
        below[here, slot] = leaf * weights[slot] * total


@compiled
def _leave(
    goes_on: Floats,
    inverse: Floats,
    below: Floats,
    here: int,
    up: int,
    share: float,
    share_up: float,
    sums: Floats,
    target: int,
) -> None:
    for slot in range(sums.shape[1]):
        own = (goes_on[here, slot] - share) * inverse[here, slot]
        # The same feature's edge above counts these leaves too, which are not its own.
        its = (goes_on[up, slot] - share_up) * inverse[up, slot]
        sums[target, slot] += below[here, slot] * (own - its)
        below[here - 1, slot] += below[here, slot]
