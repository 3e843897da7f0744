"""How large a forest of a bundle may be: far above what is trained, far below what fills memory."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from leadcast.features.base.plain import LARGEST
from leadcast.models.data import Floats
from leadcast.models.trees.trees_text import Trees, refuse

MOST_BYTES = 32 * 2**20
"""Of one text."""
MOST_LEAVES = 512
"""Of one tree: what its contributions need grows with the square of its depth."""
MOST_CELLS = 2**26
"""Of the tables that say, node by node, which categories go left."""


def check_bounds(trees: Trees) -> None:
    """Check what scoring and explaining a forest need in room and numbers.

    Parameters
    ----------
    trees : Trees
        As `leadcast.models.trees.trees_text.read_trees` let it pass.

    Raises
    ------
    LeadcastError
        If a tree has too many leaves, the sets of categories are too large together, a leaf's
        value is not one that adds up, or more rows came by a child than by its node.
    """
    if np.diff(trees.leaf_start).max(initial=0) > MOST_LEAVES:
        refuse(f"a tree has more than {MOST_LEAVES} leaves")
    if n_cells(trees) > MOST_CELLS:
        refuse(f"its sets of categories need more than {MOST_CELLS} places")
    if np.abs(trees.leaf_value).max(initial=0) > LARGEST:
        refuse(f"a leaf's value is beyond {LARGEST:g}")
    counts = np.concatenate([trees.node_count, trees.leaf_count])
    # A comparison with NaN is never true.
    if not ((counts >= 0) & (counts <= LARGEST)).all():
        refuse("a count of rows is none")
    if any((count > trees.node_count).any() for count in _child_counts(trees)):
        refuse("more rows came by a child than by its node")


def n_cells(trees: Trees) -> int:
    """Count the places of the tables of categories, at most."""
    numbers, places = Counter[int](), dict[int, int]()
    for node, members in trees.left_sets.items():
        feature = int(trees.feature[node])
        numbers[feature] += 1
        largest = int(members[-1]) if len(members) else 0
        places[feature] = max(places.get(feature, 0), largest + 3)
    return sum(number * places[feature] for feature, number in numbers.items())


def _child_counts(trees: Trees) -> Iterator[Floats]:
    per_tree = np.diff(trees.node_start)
    first_node = np.repeat(trees.node_start[:-1], per_tree)
    first_leaf = np.repeat(trees.leaf_start[:-1], per_tree)
    for child in (trees.left, trees.right):
        is_leaf = child < 0
        leaf = trees.leaf_count[np.where(is_leaf, first_leaf - 1 - child, 0)]
        node = trees.node_count[np.where(is_leaf, 0, first_node + child)]
        yield np.where(is_leaf, leaf, node)
