"""Scores that are taken back: what a lead was given first beside what the next score says of it.

A probability that means what it says is, on average, what the next look will say: 1 for those that
converted meanwhile, 0 for those that were lost, the next score for those still open. Leads that are
worse than they look at first (a campaign that brings people who want the prize) are found so within
days of their arrival, months before their outcomes.

A later score looks as far ahead from a later moment, so that even in quiet times the two differ by
a factor, which is learned, for each kind of first score, from the time before. Few leads rise very
far, and one of them must not look like many: second scores are cut at a high quantile. What lies
between 0 and a cut spreads less, in units of the cut, than a Poisson count of its mean (Hoeffding
1963), so that the sums are watched like counts.
"""

from dataclasses import dataclass

import numpy as np

from leadcast.features.registry import DAY_US
from leadcast.models.data import Flags, Floats, Integers

WORTH = 2.0
"""How much expected conversion the overall factor counts for, of a kind of which little is known.
"""
CUT = 0.95
"""The quantile at which second scores are cut."""
LEAST_CUT = 1e-3


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
        The second score, cut, over the first, on average.
    cut : ndarray of float64, shape (n_kinds,)
        Where second scores are cut.
    """

    factor: Floats
    cut: Floats

    @classmethod
    def learned(cls, revisions: Revisions, kinds: int) -> "UsualRevisions":
        """Learn them from a time in which nothing is looked for.

        Parameters
        ----------
        revisions : Revisions
            At least one.
        kinds : int
            How many kinds there are.

        Returns
        -------
        UsualRevisions
        """
        cut = np.full(kinds, max(float(np.quantile(revisions.became, CUT)), LEAST_CUT))
        for kind in np.unique(revisions.kind):
            own = revisions.became[revisions.kind == kind]
            cut[kind] = max(float(np.quantile(own, CUT)), LEAST_CUT)
        kept = np.minimum(revisions.became, cut[revisions.kind])
        said = np.bincount(revisions.kind, revisions.said, kinds)
        became = np.bincount(revisions.kind, kept, kinds)
        overall = became.sum() / said.sum() if said.sum() > 0 else 1.0
        return cls((became + WORTH * overall) / (said + WORTH), cut)

    def by_day(self, revisions: Revisions, first_day: int, n_days: int) -> tuple[Floats, Floats]:
        """Sum second scores by day, and what was expected of them, in units of their cut.

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
        cut = self.cut[revisions.kind]
        due = self.factor[revisions.kind] * revisions.said / cut
        seen = np.minimum(revisions.became / cut, 1.0)
        observed = np.bincount(day[inside], seen[inside], n_days)
        expected = np.bincount(day[inside], due[inside], n_days)
        return observed.astype(np.float64), expected.astype(np.float64)
