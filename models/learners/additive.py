"""The fitted logistic regression and boosted trees: a level plus weighted shapes.

The blend: the average of additive learners that forget at different speeds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.base.plain import AGAIN, checked, inside, read_plain
from leadcast.models.data import Floats, Matrix
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.learner_schema import StoredAdditive, StoredAverage
from leadcast.models.learners.shapes import Shape, load_shape

FILE = "learner.json"
DAMAGED = "the learner is damaged"
ROWS_AT_ONCE = 50_000
"""Rows are scored in blocks of so many, so that memory stays bounded."""
EXPLAINED_ROWS = 300

Kind = Literal["logistic", "lightgbm", "mixed"]
"""Mixed: curves and trees on one level, a member of a blend."""


@dataclass(frozen=True)
class Additive:
    """Log-odds ``trust * (level + sum of weight * shape)``.

    Parameters
    ----------
    kind : {"logistic", "lightgbm", "mixed"}
    level : Level
        What all leads of the time have in common, and how sure it is.
    shapes : tuple of Shape
        What sets leads apart.
    weights : tuple of float
        One for each shape, not negative.
    shares : ndarray of float64, shape (n_features,)
        The importance of each feature.
    """

    kind: Kind
    level: Level
    shapes: tuple[Shape, ...]
    weights: tuple[float, ...]
    shares: Floats

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        blocks = [values[start : start + ROWS_AT_ONCE] for start in _starts(len(values))]
        return np.concatenate([self._log_odds(block) for block in blocks])

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds among the features.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        contributions : ndarray of float64, shape (n, n_features)
        base : ndarray of float64, shape (n,)
            Together with a row's contributions it adds up to the row's log-odds.
        """
        total, base = self.level.contributions(values)
        for weight, shape in zip(self.weights, self.shapes, strict=True):
            if weight > 0:
                part, start = shape.contributions(values)
                total += weight * part
                base += weight * start
        trust = self.level.trust(values)
        return total * trust[:, None], base * trust

    def importance(self) -> Floats:
        """Tell each feature's share in what sets leads apart.

        Returns
        -------
        ndarray of float64, shape (n_features,)
            Mean absolute contributions over training rows; they sum to 1, or are all 0.
        """
        return self.shares

    def save(self, folder: Path) -> None:
        """Write plain data: ``learner.json``, and a LightGBM text for each forest.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "kind": self.kind,
            "level": self.level.to_json(),
            "shapes": [shape.save(folder, f"shape_{i}") for i, shape in enumerate(self.shapes)],
            "weights": list(self.weights),
            "importance": self.shares.tolist(),
        }
        write_json(folder / FILE, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        Additive

        Raises
        ------
        LeadcastError
            If it is not what `save` writes; all faults of a file, by their keys.
        """
        path = inside(folder, FILE)
        stored = checked(StoredAdditive, read_plain(path), DAMAGED, f"{path}")
        return cls(
            kind=stored.kind,
            level=Level.from_json(stored.level.model_dump()),
            shapes=tuple(load_shape(folder, shape) for shape in stored.shapes),
            weights=tuple(stored.weights),
            shares=np.array(stored.importance, float),
        )

    def _log_odds(self, values: Matrix) -> Floats:
        total = self.level.mean(values)
        for weight, shape in zip(self.weights, self.shapes, strict=True):
            if weight > 0:
                total = total + weight * shape.values(values)
        return np.asarray(total * self.level.trust(values))


def additive_of(
    kind: Kind, level: Level, shapes: tuple[Shape, ...], weights: tuple[float, ...], values: Matrix
) -> Additive:
    """Put a learner together and measure its importance.

    Parameters
    ----------
    kind, level, shapes, weights
        As for `Additive`.
    values : ndarray of float32, shape (n, n_features)
        Training rows; evenly spaced ones are explained.

    Returns
    -------
    Additive
    """
    bare = Additive(kind, level, shapes, weights, np.zeros(values.shape[1]))
    some = values[np.linspace(0, len(values) - 1, min(EXPLAINED_ROWS, len(values))).astype(int)]
    contributions = bare.contributions(some)[0]
    sizes = np.abs(contributions - contributions.mean(axis=0)).mean(axis=0)
    total = float(sizes.sum())
    shares = sizes / total if total > 0 else np.zeros(values.shape[1])
    return Additive(kind, level, shapes, weights, shares)


def _starts(n: int) -> range:
    return range(0, max(n, 1), ROWS_AT_ONCE)


@dataclass(frozen=True)
class Average:
    """The mean of log-odds: half-lives that the backtest cannot tell apart, side by side.

    Parameters
    ----------
    members : tuple of Additive
        At least one; each puts weighted curves and trees on a level.
    """

    members: tuple[Additive, ...]

    @property
    def kind(self) -> str:
        """The learner's name.

        Returns
        -------
        str
        """
        return "blend"

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        total = np.zeros(len(values))
        for member in self.members:
            total += member.log_odds(values)
        return total / len(self.members)

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds among the features.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        contributions : ndarray of float64, shape (n, n_features)
        base : ndarray of float64, shape (n,)
            Together with a row's contributions it adds up to the row's log-odds.
        """
        total, base = np.zeros(values.shape), np.zeros(len(values))
        for member in self.members:
            part, start = member.contributions(values)
            total += part / len(self.members)
            base += start / len(self.members)
        return total, base

    def importance(self) -> Floats:
        """Tell each feature's share in what sets leads apart.

        Returns
        -------
        ndarray of float64, shape (n_features,)
        """
        return np.asarray(np.mean([member.importance() for member in self.members], axis=0))

    def save(self, folder: Path) -> None:
        """Write ``learner.json`` and a folder for each member.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        names = [f"member_{place}" for place in range(len(self.members))]
        for name, member in zip(names, self.members, strict=True):
            member.save(folder / name)
        write_json(folder / FILE, {"kind": self.kind, "members": names})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        Average

        Raises
        ------
        LeadcastError
            If it is not what `save` writes, or the members are of matrices of different widths.
        """
        path = inside(folder, FILE)
        names = checked(StoredAverage, read_plain(path), DAMAGED, f"{path}").members
        members = tuple(Additive.load(inside(folder, name)) for name in names)
        if len({len(member.shares) for member in members}) != 1:
            raise LeadcastError(f"{path}: members: see matrices of different widths. {AGAIN}")
        return cls(members)
