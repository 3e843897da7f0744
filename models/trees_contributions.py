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

from functools import cache

import numpy as np

from features.compiled import compiled
from models.data import Floats, Integers, Matrix
from models.trees_engines import Walker
from models.trees_kernels import Flags, Int32s, encode
from models.trees_paths import Edges, Paths

ROWS = 16
"""Rows at a time: what belongs to a path then stays in the fastest cache."""


def contributions_into(values: Matrix, walker: Walker, paths: Paths, out: Floats) -> None:
    """Compute the contributions of all features for each row.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_features), C-contiguous
    walker : Walker
        Tells on which side of a node a row goes.
    paths : Paths
        The trees' edges.
    out : ndarray of float64, shape (n_rows, n_features + 1)
        Is filled; the last column is the mean sum of leaves.
    """
    depths = int(paths.depth.max(initial=0)) + 1
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
