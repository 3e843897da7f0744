"""Scores that are taken back: what a lead was given first beside what the next score says of it.

A probability that means what it says is, on average, what the next look will say: 1 for those that
converted meanwhile, 0 for those that were lost, the next score for those still open. Leads that are
worse than they look at first (a campaign that brings people who want the prize) are found so within
days of their arrival, months before their outcomes.

A later score looks as far ahead from a later moment, so that even in quiet times the two differ by
a factor. It is learned, for each kind of first score, from the time before; so is how far single
leads differ, in units of which the sums are watched like counts (a quasi-likelihood: Wedderburn
1974).
"""

from dataclasses import dataclass

import numpy as np

from leadcast.features.registry import DAY_US
from leadcast.models.data import Flags, Floats, Integers

WORTH = 2.0
"""How much expected conversion the overall factor counts for, of a kind of which little is known.
"""
LEAST_SPREAD = 0.02


@dataclass(frozen=True)
class Revisions:
    """First scores that a second one has followed, or the lead's end; a row each.

    Parameters
    ----------
    at : ndarray of int64, shape (n,)
        When the second score was due, in microseconds since 1970.
    said, became : ndarray of float64, shape (n,)
        The first score, and the second one (1 where it had converted by then, 0 where it was lost).
    kind : ndarray of int64, shape (n,)
        Of the first score, from 0.
    """

    at: Integers
    said: Floats
    became: Floats
    kind: Integers

    def rows(self, mask: Flags) -> "Revisions":
        """Take some of the rows."""
        return Revisions(self.at[mask], self.said[mask], self.became[mask], self.kind[mask])


@dataclass(frozen=True)
class UsualRevisions:
    """What second scores usually are of first ones.

    Parameters
    ----------
    factor : ndarray of float64, shape (n_kinds,)
        The second over the first, on average.
    spread : ndarray of float64, shape (n_kinds,)
        The variance of single leads over their mean.
    """

    factor: Floats
    spread: Floats

    @classmethod
    def learned(cls, revisions: Revisions, kinds: int) -> "UsualRevisions":
        """Learn them from a time in which nothing is looked for.

        Parameters
        ----------
        revisions : Revisions
        kinds : int
            How many kinds there are.

        Returns
        -------
        UsualRevisions
        """
        said = np.bincount(revisions.kind, revisions.said, kinds)
        became = np.bincount(revisions.kind, revisions.became, kinds)
        overall = became.sum() / said.sum() if said.sum() > 0 else 1.0
        factor = (became + WORTH * overall) / (said + WORTH)
        missed = np.square(revisions.became - factor[revisions.kind] * revisions.said)
        due = factor * said
        every = missed.sum() / due.sum() if due.sum() > 0 else 1.0
        spread = (np.bincount(revisions.kind, missed, kinds) + WORTH * every) / (due + WORTH)
        return cls(factor, np.maximum(spread, LEAST_SPREAD))

    def by_day(self, revisions: Revisions, first_day: int, n_days: int) -> tuple[Floats, Floats]:
        """Sum second scores by day, and what was expected of them, in units of their spread.

        Parameters
        ----------
        revisions : Revisions
        first_day : int
            In days since 1970.
        n_days : int

        Returns
        -------
        tuple of ndarray of float64, shape (n_days,)
            Observed and expected.
        """
        day = revisions.at // DAY_US - first_day
        inside = (day >= 0) & (day < n_days)
        unit = self.spread[revisions.kind]
        due = self.factor[revisions.kind] * revisions.said
        observed = np.bincount(day[inside], (revisions.became / unit)[inside], n_days)
        expected = np.bincount(day[inside], (due / unit)[inside], n_days)
        return observed.astype(np.float64), expected.astype(np.float64)
