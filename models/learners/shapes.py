"""What the features, other than clocks, add to the level: curves, or trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import inside, read_bytes
from leadcast.models.data import Floats, Integers, Matrix
from leadcast.models.learners.basis import Effect
from leadcast.models.learners.imported_shape import load_estimator_shape
from leadcast.models.learners.learner_schema import StoredCurves, StoredEstimator, StoredTrees
from leadcast.models.trees.trees import Forest
from leadcast.models.trees.trees_text import MOST_BYTES, check_bounds, joined, read_trees, refuse
from leadcast.models.trees.trees_text import Trees as Texts


class Shape(Protocol):
    """Something that adds to the log-odds of a lead, feature by feature."""

    def values(self, matrix: Matrix) -> Floats:
        """Tell what it adds to each row, shape (n,)."""

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Split what it adds: shape (n, n_features), and what it adds to all rows alike."""

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write what is not JSON into `folder`, in files that begin with `name`; give the JSON."""


@dataclass(frozen=True)
class Curves:
    """The logistic regression's part: a curve or a table for each feature."""

    effects: tuple[Effect, ...]

    def values(self, matrix: Matrix) -> Floats:
        """Add up the effects."""
        total = np.zeros(len(matrix))
        for effect in self.effects:
            total += effect.of(matrix)
        return total

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Tell each feature's effect."""
        result = np.zeros(matrix.shape)
        for effect in self.effects:
            result[:, effect.feature] = effect.of(matrix)
        return result, 0.0

    def save(self, folder: Path, name: str) -> dict[str, Any]:  # noqa: ARG002 - as others
        """Give the JSON; there is nothing else to write."""
        return {"kind": "curves", "effects": [effect.model_dump() for effect in self.effects]}


@dataclass(frozen=True)
class TreeShape:
    """The boosted trees' part: the average of forests of different seeds."""

    texts: tuple[str, ...]
    """LightGBM's model texts."""
    forest: Forest
    """All of their trees, ready to score."""
    columns: Integers
    """The features that the forests see, in their order."""
    centre: float
    """Their average over the training rows, which is taken off."""

    def values(self, matrix: Matrix) -> Floats:
        """Average the forests."""
        return self.forest.raw(matrix) / len(self.texts) - self.centre

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Split the trees' sum among the features by TreeSHAP."""
        parts = self.forest.contributions(matrix) / len(self.texts)
        base = float(parts[0, -1]) if len(matrix) else 0.0
        return parts[:, :-1], base - self.centre

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write the forests as LightGBM's text."""
        names = [f"{name}_seed_{place}.txt" for place in range(len(self.texts))]
        for file, text in zip(names, self.texts, strict=True):
            (folder / file).write_text(text, encoding="utf-8")
        columns = self.columns.tolist()
        return {"kind": "trees", "files": names, "columns": columns, "centre": self.centre}


def load_shape(folder: Path, stored: StoredCurves | StoredTrees | StoredEstimator) -> Shape:
    """Read a shape that `save` wrote."""
    if isinstance(stored, StoredEstimator):
        return load_estimator_shape(folder, stored)
    if isinstance(stored, StoredCurves):
        return Curves(tuple(stored.effects))
    texts, forests = [], []
    for name in stored.files:
        path = inside(folder, name)
        try:
            texts.append(read_bytes(path, MOST_BYTES).decode("utf-8"))
            forests.append(_read(texts[-1], len(stored.columns)))
        except (LeadcastError, UnicodeDecodeError) as error:
            raise LeadcastError(f"{path}: {error}") from None
    return _trees(tuple(texts), forests, np.array(stored.columns, np.int64), stored.centre)


def trees_of(texts: tuple[str, ...], columns: Integers, centre: float) -> TreeShape:
    """Make trees from LightGBM's texts."""
    return _trees(texts, [_read(text, len(columns)) for text in texts], columns, centre)


def trees_of_text(text: str) -> TreeShape:
    """Make trees from LightGBM's text, of all columns that it knows."""
    trees = read_trees(text)
    return _trees((text,), [trees], np.arange(trees.n_features), 0.0)


def _read(text: str, n_columns: int) -> Texts:
    trees = read_trees(text)
    if trees.n_features != n_columns:
        refuse(f"it sees {trees.n_features} columns, and should see {n_columns}")
    return trees


def _trees(
    texts: tuple[str, ...], forests: Sequence[Texts], columns: Integers, centre: float
) -> TreeShape:
    # Together, so that a row's values are turned into the trees' terms once.
    together = joined(forests)
    check_bounds(together)
    return TreeShape(texts, Forest(together, columns), columns, centre)
