"""What the features, other than clocks, add to the level: curves, or trees."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from models.data import Floats, Integers, Matrix
from models.learners.effects import Effect
from models.trees import Forest
from models.trees_text import joined, read_trees


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
    """The logistic regression's part: a curve or a table for each feature.

    Parameters
    ----------
    effects : tuple of Effect
    """

    effects: tuple[Effect, ...]

    def values(self, matrix: Matrix) -> Floats:
        """Add up the effects.

        Parameters
        ----------
        matrix : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        total = np.zeros(len(matrix))
        for effect in self.effects:
            total += effect.of(matrix)
        return total

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Tell each feature's effect.

        Parameters
        ----------
        matrix : ndarray of float32, shape (n, n_features)

        Returns
        -------
        contributions : ndarray of float64, shape (n, n_features)
        base : float
            Always 0: the effects are relative to the average.
        """
        result = np.zeros(matrix.shape)
        for effect in self.effects:
            result[:, effect.feature] = effect.of(matrix)
        return result, 0.0

    def save(self, folder: Path, name: str) -> dict[str, Any]:  # noqa: ARG002 - as others
        """Give the JSON; there is nothing else to write.

        Parameters
        ----------
        folder : Path
        name : str

        Returns
        -------
        dict
        """
        return {"kind": "curves", "effects": [effect.to_json() for effect in self.effects]}


@dataclass(frozen=True)
class Trees:
    """The boosted trees' part: the average of forests of different seeds.

    Parameters
    ----------
    texts : tuple of str
        LightGBM's model texts.
    forest : Forest
        All of their trees, ready to score.
    columns : ndarray of int64, shape (n_columns,)
        The features that the forests see, in their order.
    centre : float
        Their average over the training rows, which is taken off.
    """

    texts: tuple[str, ...]
    forest: Forest
    columns: Integers
    centre: float

    def values(self, matrix: Matrix) -> Floats:
        """Average the forests.

        Parameters
        ----------
        matrix : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return self.forest.raw(matrix) / len(self.texts) - self.centre

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Split the trees' sum among the features by TreeSHAP.

        Parameters
        ----------
        matrix : ndarray of float32, shape (n, n_features)

        Returns
        -------
        contributions : ndarray of float64, shape (n, n_features)
        base : float
        """
        parts = self.forest.contributions(matrix) / len(self.texts)
        base = float(parts[0, -1]) if len(matrix) else 0.0
        return parts[:, :-1], base - self.centre

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write the forests as LightGBM's text.

        Parameters
        ----------
        folder : Path
            An existing folder.
        name : str
            What the files' names begin with.

        Returns
        -------
        dict
            The rest, as JSON.
        """
        names = [f"{name}_seed_{place}.txt" for place in range(len(self.texts))]
        for file, text in zip(names, self.texts, strict=True):
            (folder / file).write_text(text, encoding="utf-8")
        columns = self.columns.tolist()
        return {"kind": "trees", "files": names, "columns": columns, "centre": self.centre}


def load_shape(folder: Path, content: dict[str, Any]) -> Shape:
    """Read a shape that `save` wrote.

    Parameters
    ----------
    folder : Path
    content : dict
        What `save` gave.

    Returns
    -------
    Shape
    """
    if content["kind"] == "curves":
        return Curves(tuple(Effect.from_json(effect) for effect in content["effects"]))
    texts = tuple((folder / name).read_text(encoding="utf-8") for name in content["files"])
    return trees_of(texts, np.array(content["columns"], np.int64), content["centre"])


def trees_of(texts: tuple[str, ...], columns: Integers, centre: float) -> Trees:
    """Make trees from LightGBM's texts.

    Parameters
    ----------
    texts : tuple of str
    columns : ndarray of int64, shape (n_columns,)
    centre : float

    Returns
    -------
    Trees
    """
    # Together, so that a row's values are turned into the trees' terms once.
    forest = Forest(joined([read_trees(text) for text in texts]), columns)
    return Trees(texts, forest, columns, centre)
