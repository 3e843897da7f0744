"""The paths of a forest's trees, laid out for the contributions of features."""

from dataclasses import dataclass

import numpy as np

from features.compiled import compiled
from models.data import Floats, Integers
from models.trees_kernels import Flags, Int32s
from models.trees_text import Trees

Edges = tuple[Int32s, Flags, Int32s, Int32s, Int32s, Floats, Floats]

LEAST_SHARE = 1e-30
"""A side that no training row took still needs a weight, because one divides by it."""


@dataclass(frozen=True, eq=False)
class Paths:
    """The edges of all trees: parents before children, everything below an edge right after it.

    Parameters
    ----------
    start : ndarray of int64, shape (n_trees + 1,)
        Where the edges of each tree begin.
    node : ndarray of int32, shape (n_edges,)
        The node, counted over all trees, from which an edge comes.
    to_left : ndarray of bool, shape (n_edges,)
        Which side of the node it goes to.
    depth : ndarray of int32, shape (n_edges,)
        1 for the edges of the root.
    same : ndarray of int32, shape (n_edges,)
        The depth of the nearest edge above that asks of the same feature; 0 if there is none.
    feature : ndarray of int32, shape (n_edges,)
    share : ndarray of float64, shape (n_edges,)
        Which share of training rows went this way, multiplied over all edges from the root to
        here that ask of the same feature.
    leaf_value : ndarray of float64, shape (n_edges,)
        The leaf that the edge ends in; NaN where it ends in a node.
    n_points : int
        How many points of quadrature are exact.
    base : float
        The mean of the sum of leaves over the training rows.
    """

    start: Integers
    node: Int32s
    to_left: Flags
    depth: Int32s
    same: Int32s
    feature: Int32s
    share: Floats
    leaf_value: Floats
    n_points: int
    base: float

    @property
    def edges(self) -> Edges:
        """The arrays that have a value for each edge."""
        return (
            self.node,
            self.to_left,
            self.depth,
            self.same,
            self.feature,
            self.share,
            self.leaf_value,
        )


def lay_out(trees: Trees) -> Paths:
    """Lay out the paths of a forest.

    Parameters
    ----------
    trees : Trees

    Returns
    -------
    Paths
    """
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
    return Paths(2 * trees.node_start, *edges, n_points, _mean_sum(trees))


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
