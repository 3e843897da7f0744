"""Fresh snapshots: rows whose window has not ended, with what is known of them so far.

A fresh row that has been won or lost is what it is. One that is still open was either not going to
be won, or is won later; the probability of the latter follows from the row's own probability and
from how long winners, and leads that end otherwise, take::

    P(won later | open) = p (1 - F) / (p (1 - F) + (1 - p) S)

where p is the probability of a win within the horizon, F the share of winners won by the age the
row has reached, and S the share of the others still open by then (Chapelle 2014, "Modeling delayed
feedback in display advertising", with empirical delays). F and S come from mature rows only, by
landmark. The level of p is first moved to where it makes the fresh rows' outcomes so far most
likely, by expectation-maximisation. Each fresh row weighs F: what its elapsed time can tell.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.rows import canonical_order, thinned_places

LEVEL_SPREAD = 0.5
"""How far the level may have moved since the mature rows (standard deviation, log-odds)."""
FEWEST_WINNERS = 20
"""A landmark with so many mature winners has delays of its own; others share those of all."""
FEWEST_FRESH = 20
"""Fewer fresh rows than this change nothing that could be seen."""
MOST_ROUNDS = 200
CLOSE = 1e-6
_TINY = 1e-12
NOBODY: Integers = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Pool:
    """Rows with the moments at which more became known of them.

    Parameters
    ----------
    rows : LabelledMatrix
        Of a dated source, in canonical order: what may be learned from, and the rows after them
        whose label the test's begin came too early for.
    settled, won : ndarray of int64, shape (n,)
        From when on each row's label is known, and since when that it is won, as
        `leadcast.models.splits.settlement` gives them; what comes after a cutoff is not looked at.
    last_look : ndarray of int64, shape (n,)
        When each row's lead is, or would be, looked at last, whatever becomes of it.
    landmark : ndarray of float64, shape (n,)
        The lead's age at the snapshot.
    cutoff : int
        The position at which the test begins.
    apart : ndarray of bool, shape (n,)
        Whether each row's person stands in no test.
    """

    rows: LabelledMatrix
    settled: Integers
    won: Integers
    last_look: Integers
    landmark: Floats
    cutoff: int
    apart: Flags

    @classmethod
    def of(
        cls,
        rows: LabelledMatrix,
        settled: Integers,
        won: Integers,
        last_look: Integers,
        landmark: Floats,
        cutoff: int,
        apart: Flags | None = None,
    ) -> Self:
        """Put rows in canonical order.

        Parameters
        ----------
        rows, settled, won, last_look, landmark, cutoff, apart
            As the class has them, the rows in any order; without `apart` all are.

        Returns
        -------
        Pool
        """
        order = canonical_order(rows)
        apart = np.ones(len(rows), bool) if apart is None else apart
        parts = (settled[order], won[order], last_look[order], landmark[order])
        return cls(rows.rows(order), *parts, cutoff, apart[order])

    def mature_at(self, cutoff: int) -> Flags:
        """Tell which rows' windows had ended.

        Parameters
        ----------
        cutoff : int

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        return self.rows.position + self.rows.horizon <= cutoff

    def unripe_at(self, cutoff: int) -> Integers:
        """Give the rows whose windows had begun and not ended.

        Parameters
        ----------
        cutoff : int

        Returns
        -------
        ndarray of int64
            Row numbers, ascending.
        """
        return np.flatnonzero((self.rows.position < cutoff) & ~self.mature_at(cutoff))

    def fresh_at(self, cutoff: int, tried: Integers, kept: float = 1.0) -> Integers:
        """Choose the rows that were fresh at a moment, and may be learned from.

        Whether a lead is among them must not depend on how it ended: one that is won early has no
        later snapshot. So leads that could still be looked at after the cutoff are left out,
        whether or not they were, and so are others of the same person.

        Parameters
        ----------
        cutoff : int
        tried : ndarray of int64
            Persons of the rows that will be tried: none of them is taken.
        kept : float
            Which share of the rows to keep, evenly spaced.

        Returns
        -------
        ndarray of int64
            Row numbers, ascending.
        """
        person, before = self.rows.persons, self.rows.position < cutoff
        to_come = np.unique(person[before & (self.last_look >= cutoff)])
        index = self.unripe_at(cutoff)
        own = person[index]
        index = index[self.apart[index] & ~np.isin(own, to_come) & ~np.isin(own, tried)]
        return index[thinned_places(len(index), int(np.ceil(kept * len(index))))]

    def seen_at(self, index: Integers, cutoff: int) -> Floats:
        """Tell how rows had ended by a moment.

        Parameters
        ----------
        index : ndarray of int64, shape (m,)
        cutoff : int

        Returns
        -------
        ndarray of float64, shape (m,)
            1.0 won within the horizon, 0.0 certainly not, NaN open.
        """
        ended = np.where(self.settled[index] <= cutoff, 0.0, np.nan)
        return np.where(self.won[index] <= cutoff, 1.0, ended)

    def labelled_at(self, index: Integers, cutoff: int, log_odds: Floats) -> LabelledMatrix:
        """Label fresh rows with what was known at a moment.

        Parameters
        ----------
        index : ndarray of int64, shape (m,)
            As `fresh_at` gives them.
        cutoff : int
        log_odds : ndarray of float64, shape (m,)
            Of a win within the horizon, by a model that learned from mature rows alone.

        Returns
        -------
        LabelledMatrix
            Of open rows ``converted`` is how likely they are won later within the horizon, and
            each row's ``weight`` the share of winners that are won by the age it has reached.
        """
        chosen = self.rows.rows(index)
        caught, seen = self.caught_at(index, cutoff), self.seen_at(index, cutoff)
        lost = self.mature_at(cutoff) & ~self.winners_at(cutoff)
        label = expected_labels(log_odds, seen, caught, 1 - self._ended_at(index, cutoff, lost))
        return replace(chosen, converted=label, weight=caught)

    def winners_at(self, cutoff: int) -> Flags:
        """Tell which rows were mature and won.

        Parameters
        ----------
        cutoff : int

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        return self.mature_at(cutoff) & (self.won <= cutoff)

    def caught_at(self, index: Integers, cutoff: int) -> Floats:
        """Tell which share of winners are won by the age that rows have reached.

        Parameters
        ----------
        index : ndarray of int64, shape (m,)
            Rows before the cutoff.
        cutoff : int

        Returns
        -------
        ndarray of float64, shape (m,)
            By rows that were mature then, of the same landmark where it has enough of them.
        """
        return self._ended_at(index, cutoff, self.winners_at(cutoff))

    def _ended_at(self, index: Integers, cutoff: int, ending: Flags) -> Floats:
        own, elapsed = self.landmark[index], cutoff - self.rows.position[index]
        won = self.winners_at(cutoff)
        lost = self.mature_at(cutoff) & ~won
        ended = np.empty(len(index))
        for landmark in np.unique(own):
            at, alike = own == landmark, self.landmark == landmark
            enough = (won & alike).sum() >= FEWEST_WINNERS and (lost & alike).any()
            delays = self._delay(ending & alike if enough else ending)
            ended[at] = _ended_by(delays, elapsed[at])
        return ended

    def _delay(self, which: Flags) -> Integers:
        return np.sort(self.settled[which] - self.rows.position[which])


def expected_labels(log_odds: Floats, seen: Floats, caught: Floats, still_open: Floats) -> Floats:
    """Say how likely each fresh row is won within its horizon, by what is known so far."""
    shift, label = 0.0, seen
    for _ in range(MOST_ROUNDS):
        probability = sigmoid(log_odds + shift)
        later = probability * (1 - caught)
        doubt = later + (1 - probability) * still_open
        label = np.where(np.isnan(seen), later / np.maximum(doubt, _TINY), seen)
        # A step of Newton's method on the expected log likelihood, rows weighed as in training.
        slope = float(caught @ (label - probability)) - shift / LEVEL_SPREAD**2
        bend = float(caught @ (probability * (1 - probability))) + 1 / LEVEL_SPREAD**2
        shift += slope / bend
        if abs(slope / bend) < CLOSE:
            break
    return np.asarray(label, np.float64)


def _ended_by(delays: Integers, elapsed: Integers) -> Floats:
    return np.searchsorted(delays, elapsed, side="right") / max(len(delays), 1)
