"""What amounts are learned from: won leads as they stood at moments, each with its amount."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.evaluation.bootstrap import coded


@dataclass(frozen=True)
class AmountRows:
    """Snapshots of leads that were won within the horizon and whose amount is known.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_features)
        As `leadcast.features.registry.Feature` describes its columns.
    features : tuple of Feature
    amount : ndarray of float64, shape (n_rows,)
        Above 0, all in one currency.
    weight : ndarray of float64, shape (n_rows,)
        The rows of a lead share the weight of 1.
    group : ndarray of int64, shape (n_rows,)
        A code for each lead (or account): rows that share it are not independent.
    position : ndarray of int64, shape (n_rows,)
        Time's order, as in `leadcast.models.data.LabelledMatrix`.
    horizon : int
        A row's amount is known at ``position + horizon``.
    """

    values: Matrix
    features: tuple[Feature, ...]
    amount: Floats
    weight: Floats
    group: Integers
    position: Integers
    horizon: int

    @classmethod
    def of(cls, data: LabelledMatrix, amount: Floats, lead: Integers) -> Self:
        """Take the won rows whose amount is known and above 0, in an order of their own.

        Parameters
        ----------
        data : LabelledMatrix
            Mature snapshots.
        amount : ndarray of float64, shape (n_snapshots,)
            NaN where it is not known.
        lead : ndarray of int64, shape (n_snapshots,)
            A code for each lead.

        Returns
        -------
        AmountRows
            Sorted, so that no result depends on the order of what was given.
        """
        won = np.flatnonzero((data.converted == 1) & (amount > 0) & (data.weights > 0))
        rows, whose = data.rows(won), lead[won]
        keys = (*rows.values.T[::-1], amount[won], whose, rows.position)
        order = np.lexsort(keys)
        codes, groups = coded(whose)
        weight = rows.weights / np.bincount(codes, minlength=max(groups, 1))[codes]
        every = cls(
            values=np.ascontiguousarray(rows.values),
            features=rows.features,
            amount=amount[won],
            weight=weight,
            group=rows.group,
            position=rows.position,
            horizon=rows.horizon,
        )
        return every.rows(order)

    @property
    def leads(self) -> float:
        """How many leads they are of."""
        return float(self.weight.sum())

    def __len__(self) -> int:
        return len(self.amount)

    def rows(self, index: Flags | Integers) -> Self:
        """Take some of the rows."""
        return replace(
            self,
            values=self.values[index],
            amount=self.amount[index],
            weight=self.weight[index],
            group=self.group[index],
            position=self.position[index],
        )

    def labelled(self) -> LabelledMatrix:
        """Give them as rows of a learner, all of them won."""
        return LabelledMatrix(
            self.values,
            self.features,
            np.ones(len(self)),
            self.position,
            self.group,
            self.horizon,
            self.weight,
        )
