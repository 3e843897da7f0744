r"""Conversions by day beside what the scores given before led one to expect.

A score says p: the lead becomes a customer within the horizon. The delay curve of its kind says
which share F(t) of such conversions has come t days after the score. A lead that has not converted
by then converts on the next day with the probability

.. math::

    h(t) = \frac{p \, (F(t + 1) - F(t))}{1 - p \, F(t)}

which is the compensator of its conversion: summed over all leads on watch, it is what a day should
bring, given all that was known before that day. Losses are looked at when the next score is due
(until then p counts them already). A lead is watched by its newest score: until the next one was
given, or would have been had it not been lost by then, until it converted, or the horizon has
passed. Days count from the score's own hour on and are told on the night after they end.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leadcast.features.registry import DAY_US
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.monitoring.evidence import WEEK_DAYS

NEVER = np.iinfo(np.int64).max
"""When a lead converted that has not."""
WORTH_OF_ALL = 30.0
"""How many conversions of its own kind the curve of all counts for, where a kind has few."""
WORTH_OF_A_WEEKDAY = 50.0
"""How many conversions the even week counts for, on each weekday."""


@dataclass(frozen=True)
class Statements:
    """What was said of leads, and what has become of them; a row each, in any order.

    Parameters
    ----------
    at : ndarray of int64, shape (n,)
        When it was said, in microseconds since 1970.
    until : ndarray of int64, shape (n,)
        When the lead's next score was given, or the horizon ends.
    probability : ndarray of float64, shape (n,)
        Of a conversion within the horizon; in (0, 1).
    kind : ndarray of int64, shape (n,)
        Which delay curve it follows, from 0.
    won : ndarray of int64, shape (n,)
        When it converted, as far as is known; `NEVER` where it has not.
    horizon_days : int
    """

    at: Integers
    until: Integers
    probability: Floats
    kind: Integers
    won: Integers
    horizon_days: int

    def rows(self, mask: Flags) -> "Statements":
        """Take some of the rows."""
        return replace(
            self,
            at=self.at[mask],
            until=self.until[mask],
            probability=self.probability[mask],
            kind=self.kind[mask],
            won=self.won[mask],
        )


@dataclass(frozen=True)
class Delays:
    """How long conversions take after a score.

    Parameters
    ----------
    share : ndarray of float64, shape (n_kinds, horizon_days + 1)
        Which share of the conversions within the horizon has come so many days after the score:
        0 first, 1 last, never falling.
    conversions : int
        How many they were learned from.
    """

    share: Floats
    conversions: int

    @classmethod
    def learned(cls, statements: Statements, known_until: int) -> "Delays":
        """Learn them from statements whose horizon has passed.

        Parameters
        ----------
        statements : Statements
        known_until : int
            Until when conversions are known; younger statements are left out, since of those only
            the quick conversions would be seen.

        Returns
        -------
        Delays
            Evenly spread where no conversion is known.
        """
        horizon, kinds = statements.horizon_days, int(statements.kind.max(initial=0)) + 1
        days = _days_to(statements)
        told = (statements.at + horizon * DAY_US <= known_until) & (days < horizon)
        counts = np.zeros((kinds, horizon))
        np.add.at(counts, (statements.kind[told], days[told]), 1.0)
        every = counts.sum(axis=0)
        # An even spread worth one conversion keeps each day possible.
        every = (every + 1.0 / horizon) / (every.sum() + 1.0)
        mixed = counts + WORTH_OF_ALL * every
        share = np.cumsum(mixed, axis=1) / mixed.sum(axis=1, keepdims=True)
        return cls(np.hstack([np.zeros((kinds, 1)), share]), int(told.sum()))


@dataclass(frozen=True)
class DayCounts:
    """Conversions by day.

    Parameters
    ----------
    first_day : int
        The first day, in days since 1970.
    observed, expected : ndarray of float64, shape (n_days,)
        How many converted, and how many should have.
    watched : ndarray of float64, shape (n_days,)
        How many leads were watched.
    """

    first_day: int
    observed: Floats
    expected: Floats
    watched: Floats

    def between(self, first: int, last: int) -> "DayCounts":
        """Take the days from one to before another, in days since 1970."""
        part = slice(first - self.first_day, last - self.first_day)
        return DayCounts(first, self.observed[part], self.expected[part], self.watched[part])

    def with_weekdays(self, factors: Floats) -> "DayCounts":
        """Spread the expected conversions over the week as they are used to come."""
        weekday = (self.first_day + np.arange(len(self.expected))) % WEEK_DAYS
        expected = self.expected * factors[weekday]
        return DayCounts(self.first_day, self.observed, expected, self.watched)


def count_by_day(
    statements: Statements, delays: Delays, first_day: int, known_until: int
) -> DayCounts:
    """Count conversions by day, and what was expected of each day.

    Parameters
    ----------
    statements : Statements
    delays : Delays
    first_day : int
        The first day to count, in days since 1970.
    known_until : int
        Until when conversions are known, in microseconds since 1970.

    Returns
    -------
    DayCounts
        Up to the last whole day that is known.
    """
    last_day = known_until // DAY_US
    n_days = max(int(last_day) - first_day, 0)
    observed, expected, watched = (np.zeros(n_days) for _ in range(3))
    converts_on = _days_to(statements)
    # A statement's day counts where it ends before the next score and by the end of what is known.
    whole = (np.minimum(statements.until, known_until) - statements.at) // DAY_US
    stop = np.minimum(np.minimum(whole, converts_on + 1), statements.horizon_days)
    share = delays.share[statements.kind]
    for day in range(int(stop.max(initial=0))):
        rows = np.flatnonzero(stop > day)
        told_on = (statements.at[rows] + (day + 1) * DAY_US - 1) // DAY_US - first_day
        inside = (told_on >= 0) & (told_on < n_days)
        rows, told_on = rows[inside], told_on[inside]
        chance, before, after = statements.probability[rows], share[rows, day], share[rows, day + 1]
        due = chance * (after - before) / (1 - chance * before)
        expected += np.bincount(told_on, due, n_days)
        observed += np.bincount(told_on, converts_on[rows] == day, n_days)
        watched += np.bincount(told_on, minlength=n_days)
    return DayCounts(first_day, observed, expected, watched)


def weekday_factors(counts: DayCounts) -> Floats:
    """Learn how conversions are spread over the week, beyond what is expected by age.

    Parameters
    ----------
    counts : DayCounts
        Of a time in which nothing is looked for.

    Returns
    -------
    ndarray of float64, shape (7,)
        By the day since 1970 modulo 7; around 1, drawn towards 1 where there are few conversions.
    """
    weekday = (counts.first_day + np.arange(len(counts.expected))) % WEEK_DAYS
    seen = np.bincount(weekday, counts.observed, WEEK_DAYS)
    due = np.bincount(weekday, counts.expected, WEEK_DAYS)
    if not (due > 0).all():
        return np.ones(WEEK_DAYS)
    level = seen.sum() / due.sum()
    if not level > 0:
        return np.ones(WEEK_DAYS)
    factors = (seen + WORTH_OF_A_WEEKDAY) / (due * level + WORTH_OF_A_WEEKDAY)
    return np.asarray(factors * WEEK_DAYS / factors.sum())


def until_next(
    lead: npt.NDArray[np.int64],
    at: Integers,
    horizon_days: int,
    due: Integers | None = None,
    lost: Integers | None = None,
) -> Integers:
    """Tell until when each statement is its lead's newest.

    Parameters
    ----------
    lead : ndarray of int64, shape (n,)
        A code for each lead.
    at : ndarray of int64, shape (n,)
        When it was said, in microseconds since 1970.
    horizon_days : int
    due : ndarray of int64, shape (n,), optional
        When the next look at the lead was due; `NEVER` where it was the last one.
    lost : ndarray of int64, shape (n,), optional
        When the lead was lost; `NEVER` where it was not. A lead that was lost by its next look has
        no score from then on, and nothing is to be expected of it: what it takes with it is in the
        higher scores of those that were still open then.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    order = np.lexsort((at, lead))
    ends = at + horizon_days * DAY_US
    followed = np.flatnonzero(lead[order][1:] == lead[order][:-1])
    ends[order[followed]] = np.minimum(ends[order[followed]], at[order[followed + 1]])
    if due is not None and lost is not None:
        ends = np.where(lost <= due, np.minimum(ends, due), ends)
    return np.asarray(ends)


def _days_to(statements: Statements) -> Integers:
    """Tell in which day after its statement each lead converted, from 0; `NEVER` where in none."""
    after = statements.won > statements.at
    # Day k reaches from k days after the statement, exclusive, to k + 1, inclusive.
    days = (np.where(after, statements.won - statements.at, 1) - 1) // DAY_US
    return np.where(after & (statements.won != NEVER), days, NEVER - 1)
