"""What a learner sees: a feature matrix with labels, in time's order."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from leadcast.features.registry import Feature

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelledMatrix:
    """Snapshots with their features and mature labels.

    Parameters
    ----------
    values : ndarray of float32, shape (n_snapshots, n_features)
        As `leadcast.features.registry.Feature` describes its columns.
    features : tuple of Feature
        One for each column.
    converted : ndarray of float64, shape (n_snapshots,)
        1.0 where the lead became a customer within the horizon, else 0.0; of a fresh snapshot
        (`leadcast.models.choice.fresh`) that is still open, how likely that is.
    position : ndarray of int64, shape (n_snapshots,)
        Time's order: `as_of` in microseconds since 1970 where the source is dated, else a rank.
    group : ndarray of int64, shape (n_snapshots,)
        A code for each lead (or account): rows that share it are not independent.
    horizon : int
        How far a label looks ahead, in the unit of `position` (0 where the source is not dated).
        A row's label is known at ``position + horizon``.
    weight : ndarray of float64, shape (n_snapshots,), or None
        How much each row counts; None: 1 each.
    person : ndarray of int64, shape (n_snapshots,), or None
        A code for each person: of those that a model is tried on it learns nothing else but what
        was known of the very same lead. None: each group is one.
    lead : ndarray of int64, shape (n_snapshots,), or None
        A code for each lead. None: nothing tells which rows of a person are of the same lead.
    """

    values: Matrix
    features: tuple[Feature, ...]
    converted: Floats
    position: Integers
    group: Integers
    horizon: int
    weight: Floats | None = None
    person: Integers | None = None
    lead: Integers | None = None

    @property
    def persons(self) -> Integers:
        """Which rows are of one person.

        Returns
        -------
        ndarray of int64, shape (n_snapshots,)
        """
        return self.group if self.person is None else self.person

    @property
    def weights(self) -> Floats:
        """How much each row counts.

        Returns
        -------
        ndarray of float64, shape (n_snapshots,)
        """
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def lead_weights(self) -> Floats:
        """How much each row counts where all count as much as there are leads.

        Snapshots of one lead share its outcome: there are no more outcomes than leads.

        Returns
        -------
        ndarray of float64, shape (n_snapshots,)
        """
        return np.asarray(self.weights * (len(np.unique(self.group)) / self.weights.sum()))

    def __len__(self) -> int:
        return len(self.converted)

    def rows(self, index: Flags | Integers) -> Self:
        """Take some of the rows.

        Parameters
        ----------
        index : ndarray of bool or int64
            A mask or the rows' numbers.

        Returns
        -------
        LabelledMatrix
        """
        return type(self)(
            values=self.values[index],
            features=self.features,
            converted=self.converted[index],
            position=self.position[index],
            group=self.group[index],
            horizon=self.horizon,
            weight=None if self.weight is None else self.weight[index],
            person=None if self.person is None else self.person[index],
            lead=None if self.lead is None else self.lead[index],
        )

    def may_stand_beside(self, tried: Integers) -> Flags:
        """Tell which rows may be learned from where others are tried, as far as persons go.

        Not those of a person of whom another lead is tried. What was known of the same lead by then
        may: whether a lead is still there to be tried hangs on how it went on, so that without
        these rows hardly any but won ones would be left of a lead that stays open for long.

        Parameters
        ----------
        tried : ndarray of int64
            Numbers of rows.

        Returns
        -------
        ndarray of bool, shape (n_snapshots,)
        """
        if self.lead is None:
            return ~np.isin(self.persons, self.persons[tried])
        person, code = np.unique(self.persons, return_inverse=True)
        least, most = np.full(len(person), np.iinfo(np.int64).max), np.full(len(person), -1)
        np.minimum.at(least, code[tried], self.lead[tried])
        np.maximum.at(most, code[tried], self.lead[tried])
        is_tried, alone = most[code] >= 0, (least == most)[code]
        return np.asarray(~is_tried | (alone & (self.lead == least[code])))
