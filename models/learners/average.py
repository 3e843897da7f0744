"""The blend: the average of additive learners that forget at different speeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from features.errors import LeadcastError
from features.files import write_json
from features.plain import AGAIN, checked, inside, read_plain
from models.data import Floats, Matrix
from models.learners.additive import DAMAGED, FILE, Additive
from models.learners.schema import StoredAverage


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
