"""Snapshots by intervals of days after `as_of`: how long each was followed there, and if it won."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.data import Floats, Integers, LabelledMatrix

MOST_STRETCHES = 12
FEWEST_ROWS = 200
"""Rows are cut into so many stretches of time at most, of so many rows at least."""


@dataclass(frozen=True)
class CurveRows:
    """Snapshots to learn a curve from.

    Parameters
    ----------
    data : LabelledMatrix
        Their features; ``converted`` is not used.
    probability : ndarray of float64, shape (n,)
        Of becoming a customer within the horizon, by a model that had not seen them.
    followed : FollowUp
    """

    data: LabelledMatrix
    probability: Floats
    followed: FollowUp

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def stretch(self) -> Integers:
        """Which stretch of time each row lies in, of about as many rows each; from 0 on.

        Of the newest rows the first days alone are known. Where such rows convert more or less
        than others did, that is a matter of the level and not of the time: told apart by a level
        for each stretch, it is not taken for early days that are better or worse than late ones.
        """
        number = int(np.clip(len(self) // FEWEST_ROWS, 1, MOST_STRETCHES))
        order = np.argsort(np.argsort(self.data.position, kind="stable"), kind="stable")
        return np.asarray(order * number // max(len(self), 1))

    def rows(self, index: Any) -> "CurveRows":  # noqa: ANN401 - a mask or row numbers
        """Take some of the rows."""
        return CurveRows(self.data.rows(index), self.probability[index], self.followed.rows(index))


@dataclass(frozen=True)
class Periods:
    """Rows by intervals: days of exposure and conversions, shape (n, n_intervals), and weights."""

    exposure: Floats
    won: Floats
    weight: Floats

    @classmethod
    def of(cls, rows: CurveRows, edges: Sequence[float]) -> "Periods":
        """Cut the days that rows were followed into intervals."""
        ends = np.array(edges)
        starts = np.array([0.0, *edges[:-1]])
        won = rows.followed.won_days()
        until = np.minimum(won, rows.followed.watched_days)[:, None]
        exposure = np.clip(until - starts, 0.0, ends - starts)
        place = np.searchsorted(ends, won, side="left")
        converted = place[:, None] == np.arange(len(ends))
        return cls(exposure, converted.astype(np.float64), rows.data.weights)
