"""LightGBM's text model as flat arrays, read without LightGBM.

The format is that of LightGBM's ``src/boosting/gbdt_model_text.cpp`` and ``src/io/tree.cpp``,
versions 3 and 4: a header, a block of ``key=values`` lines for each tree, ``end of trees``.
Reading runs no code from the text. Whatever does not fit is refused, because a forest that is
read wrongly would still give numbers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import NoReturn

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import LARGEST
from leadcast.models.data import Floats, Integers

MOST_CHARACTERS = 8 * 2**20
WORD = 32
MOST_MEMBERS = 2**23
"""Categories in all sets together: bits in a short text become long arrays."""


def integers_of(key: str, words: Iterable[str]) -> Integers:
    """Read whole numbers."""
    try:
        return np.array(list(map(int, words)), dtype=np.int64)
    except (ValueError, OverflowError):
        refuse(f"{key!r} has a value that is not a whole number")


def sets_of(blocks: Sequence[Mapping[str, str]], numbers: Sequence[int]) -> list[list[Integers]]:
    """Read the sets of categories of each tree."""
    _refuse_large_sets(blocks)
    found, n_members = [], 0
    for block, number in zip(blocks, numbers, strict=True):
        found.append(_sets(block, number))
        n_members += sum(map(len, found[-1]))
        if n_members > MOST_MEMBERS:
            refuse(f"its sets hold more than {MOST_MEMBERS} categories")
    return found


def _refuse_large_sets(blocks: Sequence[Mapping[str, str]]) -> None:
    keys = ("cat_boundaries", "cat_threshold")
    if sum(len(block.get(key, "")) for block in blocks for key in keys) > MOST_CHARACTERS:
        refuse(f"its sets of categories have more than {MOST_CHARACTERS} characters")


def _sets(block: Mapping[str, str], n_sets: int) -> list[Integers]:
    if n_sets == 0:
        return []
    edges = integers_of("cat_boundaries", block.get("cat_boundaries", "").split())
    words = integers_of("cat_threshold", block.get("cat_threshold", "").split())
    fits = len(edges) == n_sets + 1 and edges[0] == 0 and edges[-1] == len(words)
    if not fits or (edges[1:] < edges[:-1]).any():
        refuse("'cat_boundaries' does not fit 'cat_threshold'")
    if ((words < 0) | (words >= 2**WORD)).any():
        refuse("'cat_threshold' has a word that is not of 32 bits")
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    if np.count_nonzero(bits) > MOST_MEMBERS:
        refuse(f"its sets hold more than {MOST_MEMBERS} categories")
    members, first = np.flatnonzero(bits), WORD * edges
    ends = np.searchsorted(members, first).tolist()
    return [members[a:b] - bit for (a, b), bit in zip(pairwise(ends), first.tolist(), strict=False)]


def refuse(fault: str) -> NoReturn:
    """Raise the error of a model text that cannot be read.

    Parameters
    ----------
    fault : str
        What is wrong with it.

    Raises
    ------
    LeadcastError
        Always.
    """
    raise LeadcastError(
        f"LightGBM text model: {fault}. The text is damaged or foreign: export the model again"
    )


VERSIONS = ("v3", "v4")
CATEGORICAL = 1
DEFAULT_LEFT = 2
MISSING_IS_NAN = 8
MOST_LINES = 2**20
MOST_LEAVES = 2**21
MOST_BYTES = 32 * 2**20
"""Of one text in a bundle, whose bounds are far above what is trained, far below what fills
memory."""
MOST_LEAVES_A_TREE = 512
"""In a bundle: what its contributions need grows with the square of its depth."""
MOST_CELLS = 2**26
"""Of the tables that say, node by node, which categories go left."""
LONGEST_WORD = 32
MOST_FEATURES = 2**31 - 1


@dataclass(frozen=True)
class Trees:
    """All trees one after the other, numbered as LightGBM does: child ``-1 - k`` is leaf ``k``.

    A node stands before its children.

    Parameters
    ----------
    n_features : int
        How many columns the model was trained on.
    node_start, leaf_start : ndarray of int64, shape (n_trees + 1,)
        Where the nodes and the leaves of each tree begin.
    feature : ndarray of int64, shape (n_nodes,)
        The column that a node looks at.
    threshold : ndarray of float64, shape (n_nodes,)
        Left if ``value <= threshold``; of no meaning for a categorical node.
    decision : ndarray of int64, shape (n_nodes,)
        Bit 0: categorical; bit 1: missing goes left; bits 2 and 3: what is missing (0 nothing,
        1 zero, 2 NaN).
    left, right : ndarray of int64, shape (n_nodes,)
        The children, by their numbers within the tree.
    left_sets : dict of int to ndarray of int64
        For each categorical node the categories that go left, ascending.
    node_count, leaf_count : ndarray of float64, shape (n_nodes,) and (n_leaves,)
        How many training rows came by.
    leaf_value : ndarray of float64, shape (n_leaves,)
        What a leaf adds to the sum.
    """

    n_features: int
    node_start: Integers
    leaf_start: Integers
    feature: Integers
    threshold: Floats
    decision: Integers
    left: Integers
    right: Integers
    left_sets: dict[int, Integers]
    node_count: Floats
    leaf_count: Floats
    leaf_value: Floats


def read_trees(text: str) -> Trees:
    """Read the trees of a LightGBM text model.

    Parameters
    ----------
    text : str
        What ``Booster.model_to_string()`` gave.

    Returns
    -------
    Trees

    Raises
    ------
    LeadcastError
        If the text is damaged, is of another version, or holds what cannot be scored here
        (several classes, linear trees).
    """
    if not text.startswith("tree\n") or "\nend of trees" not in text:
        refuse("its beginning or its end of trees is missing")
    if text.count("\n") > MOST_LINES:
        refuse(f"it has more than {MOST_LINES} lines")
    head, *blocks = text.split("\nend of trees")[0].split("\nTree=")
    header = _keys(head)
    n_features = _n_features(header)
    n_announced = len(header.get("tree_sizes", "").split())
    if n_announced != len(blocks):
        refuse(f"the header announces {n_announced} trees, {len(blocks)} follow")
    trees = _Columns([_keys(block) for block in blocks]).trees(n_features)
    _check(trees)
    return trees


def joined(forests: Sequence[Trees]) -> Trees:
    """Put several forests' trees one after the other.

    Parameters
    ----------
    forests : sequence of Trees
        At least one; all trained on the same columns.

    Returns
    -------
    Trees
    """
    left_sets, done = dict[int, Integers](), 0
    for trees in forests:
        left_sets |= {node + done: members for node, members in trees.left_sets.items()}
        done += len(trees.feature)
    own = ["feature", "threshold", "decision", "left", "right"]
    own += ["node_count", "leaf_count", "leaf_value"]
    node_start, leaf_start = (
        _starts([n for starts in parts for n in np.diff(starts).tolist()])
        for parts in zip(*((trees.node_start, trees.leaf_start) for trees in forests), strict=True)
    )
    return Trees(
        n_features=forests[0].n_features,
        node_start=node_start,
        leaf_start=leaf_start,
        left_sets=left_sets,
        **{name: np.concatenate([getattr(trees, name) for trees in forests]) for name in own},
    )


def check_bounds(trees: Trees) -> None:
    """Check what scoring and explaining a forest need in room and numbers.

    Parameters
    ----------
    trees : Trees
        As `read_trees` let it pass.

    Raises
    ------
    LeadcastError
        If a tree has too many leaves, the sets of categories are too large together, a leaf's
        value is not one that adds up, or more rows came by a child than by its node.
    """
    if np.diff(trees.leaf_start).max(initial=0) > MOST_LEAVES_A_TREE:
        refuse(f"a tree has more than {MOST_LEAVES_A_TREE} leaves")
    if _n_cells(trees) > MOST_CELLS:
        refuse(f"its sets of categories need more than {MOST_CELLS} places")
    if np.abs(trees.leaf_value).max(initial=0) > LARGEST:
        refuse(f"a leaf's value is beyond {LARGEST:g}")
    counts = np.concatenate([trees.node_count, trees.leaf_count])
    # A comparison with NaN is never true.
    if not ((counts >= 0) & (counts <= LARGEST)).all():
        refuse("a count of rows is none")
    if any((count > trees.node_count).any() for count in _child_counts(trees)):
        refuse("more rows came by a child than by its node")


def _n_cells(trees: Trees) -> int:
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


def _n_features(header: Mapping[str, str]) -> int:
    if header.get("version") not in VERSIONS:
        refuse(f"its version is {header.get('version')!r}, not one of {', '.join(VERSIONS)}")
    if (header.get("num_class"), header.get("num_tree_per_iteration")) != ("1", "1"):
        refuse("it has several classes, which is no lead score")
    last = header.get("max_feature_idx", "")
    if not (last.isascii() and last.isdigit() and len(last) < LONGEST_WORD):
        refuse("'max_feature_idx' is missing, or no whole number")
    if int(last) >= MOST_FEATURES:
        refuse(f"'max_feature_idx' is not below {MOST_FEATURES}")
    return int(last) + 1


class _Columns:
    """The trees' blocks, read key by key over all trees at once, which is ten times faster."""

    def __init__(self, blocks: Sequence[Mapping[str, str]]) -> None:
        self._blocks = blocks
        if any(block.get("is_linear", "0") != "0" for block in blocks):
            refuse("it has linear trees; train with linear_tree=false")
        self._one = [1] * len(blocks)
        self._n_leaves = self._integers("num_leaves", self._one).tolist()
        if any(n < 1 for n in self._n_leaves):
            refuse("a tree has no leaf")
        if sum(self._n_leaves) > MOST_LEAVES:
            refuse(f"its trees have more than {MOST_LEAVES} leaves")

    def trees(self, n_features: int) -> Trees:
        n_nodes = [n - 1 for n in self._n_leaves]
        threshold = self._numbers("threshold", n_nodes)
        decision = self._integers("decision_type", n_nodes)
        node_start = _starts(n_nodes)
        return Trees(
            n_features=n_features,
            node_start=node_start,
            leaf_start=_starts(self._n_leaves),
            feature=self._integers("split_feature", n_nodes),
            threshold=threshold,
            decision=decision,
            left=self._integers("left_child", n_nodes),
            right=self._integers("right_child", n_nodes),
            left_sets=self._left_sets(node_start, threshold, decision),
            node_count=self._numbers("internal_count", n_nodes),
            leaf_count=self._leaf_count(),
            leaf_value=self._numbers("leaf_value", self._n_leaves),
        )

    def _leaf_count(self) -> Floats:
        # A tree of one leaf is written without counts, and there is nothing to weigh in it.
        written = [n if n > 1 else 0 for n in self._n_leaves]
        counts = np.ones(sum(self._n_leaves))
        counts[np.repeat(np.array(written) > 0, self._n_leaves)] = self._numbers(
            "leaf_count", written
        )
        return counts

    def _left_sets(
        self, node_start: Integers, threshold: Floats, decision: Integers
    ) -> dict[int, Integers]:
        n_sets = self._integers("num_cat", self._one).tolist()
        sets = sets_of(self._blocks, n_sets)
        nodes = np.flatnonzero(decision & CATEGORICAL)
        trees = np.searchsorted(node_start, nodes, side="right") - 1
        found = {}
        for node, tree, number in zip(nodes, trees, threshold[nodes], strict=True):
            if number not in range(len(sets[tree])):
                refuse("a node names a set of categories that is not there")
            found[int(node)] = sets[tree][int(number)]
        return found

    def _integers(self, key: str, lengths: Sequence[int]) -> Integers:
        return integers_of(key, self._words(key, lengths))

    def _numbers(self, key: str, lengths: Sequence[int]) -> Floats:
        try:
            return np.array(list(map(float, self._words(key, lengths))), dtype=np.float64)
        except ValueError:
            refuse(f"{key!r} has a value that is not a number")

    def _words(self, key: str, lengths: Sequence[int]) -> Iterable[str]:
        # Before they are split: a word of a byte takes sixty in a list.
        pairs = [*zip(self._blocks, lengths, strict=True)]
        texts = [block.get(key, "") if n else "" for block, n in pairs]
        if any(len(text) > LONGEST_WORD * n for text, n in zip(texts, lengths, strict=True)):
            refuse(f"{key!r} has more than its trees need")
        words = [text.split() for text in texts]
        if list(map(len, words)) != list(lengths):
            refuse(f"{key!r} has not as many values as its trees need")
        return chain.from_iterable(words)


def _check(trees: Trees) -> None:
    if np.isnan(trees.threshold).any() or not np.isfinite(trees.leaf_value).all():
        refuse("a threshold or a leaf's value is not a number")
    if not np.isin(trees.decision >> 2, (0, 1, 2)).all():
        refuse("'decision_type' has an unknown value")
    if ((trees.feature < 0) | (trees.feature >= trees.n_features)).any():
        refuse(f"a node looks at a feature that is not one of the {trees.n_features}")
    _check_shape(trees)


def _check_shape(trees: Trees) -> None:
    # Each node but the roots, and each leaf, must be the child of exactly one node, and a node
    # must stand before its children: then there is no circle, and all of it is reached.
    per_tree = np.diff(trees.node_start)
    n_nodes = np.repeat(per_tree, per_tree)
    number = np.arange(len(n_nodes)) - np.repeat(trees.node_start[:-1], per_tree)
    seen = np.zeros(len(n_nodes) + len(trees.leaf_value), dtype=np.int64)
    for child in (trees.left, trees.right):
        if not (
            ((child > number) | (child < 0)) & (-2 - n_nodes < child) & (child < n_nodes)
        ).all():
            refuse("a node has a child that does not belong to it")
        leaf = len(n_nodes) + np.repeat(trees.leaf_start[:-1], per_tree) - 1 - child
        node = np.repeat(trees.node_start[:-1], per_tree) + child
        np.add.at(seen, np.where(child < 0, leaf, node), 1)
    roots = trees.node_start[:-1][per_tree > 0]
    lone_leaves = len(n_nodes) + trees.leaf_start[:-1][per_tree == 0]
    seen[roots] += 1
    seen[lone_leaves] += 1
    if (seen != 1).any():
        refuse("the children of its nodes do not form trees")


def _starts(lengths: Sequence[int]) -> Integers:
    return np.array([0, *accumulate(lengths)], dtype=np.int64)


def _keys(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
