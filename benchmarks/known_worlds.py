"""Worlds in which each row's true probability of converting is known, to measure claims against."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leadcast.models.data import Floats, Integers


@dataclass(frozen=True)
class Drawn:
    """Rows drawn from a world.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_rows,)
        What a learner said.
    truth : ndarray of float64, shape (n_rows,)
        The true probability of converting, given what the learner said.
    converted : ndarray of float64, shape (n_rows,)
        What happened: 0.0 or 1.0.
    group : ndarray of int64, shape (n_rows,)
        The lead of each row.
    period : ndarray of int64, shape (n_rows,)
        When the lead came.
    """

    log_odds: Floats
    truth: Floats
    converted: Floats
    group: Integers
    period: Integers


def as_said(log_odds: Floats) -> Floats:
    """Leave log-odds as they are: the learner is calibrated."""
    return log_odds


@dataclass(frozen=True)
class World:
    """Leads with a few snapshots each, seen by a learner.

    Parameters
    ----------
    level : float
        Mean of the learner's log-odds.
    spread : float
        Their standard deviation; four fifths of the variance lies between leads.
    rows_per_group : int
        Snapshots a lead.
    agreement : float
        Share of the leads whose snapshots all turn out by one and the same draw of luck.
    curve : callable
        From the learner's log-odds to the true log-odds.
    drift : float
        Standard deviation of the level's movement from period to period, in log-odds, of which
        the learner knows nothing.
    periods : int
        How many periods the leads came in.
    """

    level: float = -3.0
    spread: float = 1.0
    rows_per_group: int = 3
    agreement: float = 0.7
    curve: Callable[[Floats], Floats] = as_said
    drift: float = 0.0
    periods: int = 6

    def draw(self, groups: int, seed: int) -> Drawn:
        """Draw leads and what became of them.

        Parameters
        ----------
        groups : int
            How many leads.
        seed : int
            The same seed gives the same rows.

        Returns
        -------
        Drawn
        """
        generator = np.random.default_rng(seed)
        shape = (groups, self.rows_per_group)
        between = generator.normal(0, np.sqrt(0.8), (groups, 1))
        deviation = between + generator.normal(0, np.sqrt(0.2), shape)
        log_odds = self.level + self.spread * deviation
        period = np.arange(groups) * self.periods // max(groups, 1)
        moved = self.drift * np.random.default_rng(seed + 1).normal(size=self.periods)[period]
        truth = 1 / (1 + np.exp(-self.curve(log_odds) - moved[:, None]))
        luck = np.where(
            generator.random((groups, 1)) < self.agreement,
            generator.random((groups, 1)),
            generator.random(shape),
        )
        group = np.repeat(np.arange(groups), self.rows_per_group)
        converted = (luck < truth).astype(np.float64)
        when = np.repeat(period, self.rows_per_group)
        return Drawn(log_odds.ravel(), truth.ravel(), converted.ravel(), group, when)
