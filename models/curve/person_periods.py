"""Snapshots by intervals of days after `as_of`: how long each was followed there, and if it won."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.data import Floats, Integers, LabelledMatrix

MOST_STRETCHES = 12
FEWEST_ROWS = 200
"""Rows are cut into so many stretches of time at most, of so many rows at least."""


@dataclass(frozen=True)
class Calendar:
    """How much a day is worth: more where leads of all ages converted fast.

    Parameters
    ----------
    times : ndarray of float64, shape (n_stretches + 1,)
        Where stretches of time begin and end, ascending, in days relative to the moment until which
        all rows were followed.
    worth : ndarray of float64, shape (n_stretches,)
        Of a day of each; 1 on average.
    """

    times: Floats
    worth: Floats

    def until(self, times: Floats) -> Floats:
        """Add up what days are worth, from the first stretch's beginning on."""
        total = np.concatenate([[0.0], np.cumsum(self.worth * np.diff(self.times))])
        return np.asarray(np.interp(times, self.times, total), np.float64)


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
    calendar : Calendar, optional
        What days are worth; all the same where it is None.
    """

    data: LabelledMatrix
    probability: Floats
    followed: FollowUp
    calendar: Calendar | None = None

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def n_stretches(self) -> int:
        """Into how many stretches of time the rows are cut."""
        return int(np.clip(len(self) // FEWEST_ROWS, 1, MOST_STRETCHES))

    @property
    def stretch_times(self) -> Floats:
        """Where stretches of as many days begin and end, as `Calendar` has them."""
        return np.linspace(-self.followed.watched_days.max(), 0.0, self.n_stretches + 1)

    def ended_in(self, times: Floats) -> Integers:
        """Tell in which stretch of time each row converted, or was last looked at."""
        watched = self.followed.watched_days
        at = np.minimum(self.followed.won_days(), watched) - watched
        place = np.searchsorted(times, at, side="left") - 1
        return np.asarray(np.clip(place, 0, len(times) - 2))

    @property
    def cumulative_hazard(self) -> Floats:
        """What the probability says of the time until the horizon."""
        return np.asarray(-np.log1p(-self.probability))

    def hazards(self, curve: ConversionCurve) -> Floats:
        """Give each row's hazard a day in each interval of a curve, shape (n, n_intervals)."""
        shares = curve.hazards(self.data.values, self.probability)
        return np.asarray(shares * self.cumulative_hazard[:, None])

    @property
    def stretch(self) -> Integers:
        """Which stretch of time each row lies in, of about as many rows each; from 0 on.

        Of the newest rows the first days alone are known. Where such rows convert more or less
        than others did, that is a matter of the level and not of the time: told apart by a level
        for each stretch, it is not taken for early days that are better or worse than late ones.
        """
        order = np.argsort(np.argsort(self.data.position, kind="stable"), kind="stable")
        return np.asarray(order * self.n_stretches // max(len(self), 1))

    def rows(self, index: Any) -> "CurveRows":  # noqa: ANN401 - a mask or row numbers
        """Take some of the rows."""
        return CurveRows(
            self.data.rows(index),
            self.probability[index],
            self.followed.rows(index),
            self.calendar,
        )


@dataclass(frozen=True)
class Periods:
    """Rows by intervals: days of exposure, by what they are worth, conversions, and weights.

    The first two are of shape (n, n_intervals).
    """

    exposure: Floats
    won: Floats
    weight: Floats

    @classmethod
    def of(cls, rows: CurveRows, edges: Sequence[float]) -> "Periods":
        """Cut the days that rows were followed into intervals."""
        ends = np.array(edges)
        starts = np.array([0.0, *edges[:-1]])
        won = rows.followed.won_days()
        watched = rows.followed.watched_days[:, None]
        last = np.minimum(np.minimum(won[:, None], watched), ends)
        if rows.calendar is None:
            exposure = np.maximum(last - starts, 0.0)
        else:
            first = np.minimum(starts, last) - watched
            exposure = rows.calendar.until(last - watched) - rows.calendar.until(first)
        place = np.searchsorted(ends, won, side="left")
        converted = place[:, None] == np.arange(len(ends))
        return cls(exposure, converted.astype(np.float64), rows.data.weights)
