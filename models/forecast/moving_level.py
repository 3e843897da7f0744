"""A level that may move from week to week, and what past weeks say of it.

The logarithm of the level takes a step of chance each week (a local level model: Harvey 1989), and
single weeks differ beyond that. Neither the size of the steps nor that of the weeks' own deviations
is known: both are given a few sizes, each with a prior, and the level is a grid. So the posterior
of all three is exact up to the grid, needs no large counts, and what few weeks cannot tell stays
open: the forecast's spread is that of the level, of its steps to come, and of their sizes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import lgamma

import numpy as np

from leadcast.models.data import Floats

STEP = 0.02
"""Of the grid, in logarithms."""
GRID: Floats = np.arange(-120.0, 121.0) * STEP
"""The logarithms of the levels that are thought possible."""
_TINY = 1e-300


@dataclass(frozen=True)
class MovingLevel:
    """What is believed of a level at a week's end.

    Parameters
    ----------
    steps : tuple of float
        The standard deviations that a week's step may have, in logarithms.
    weeklies : tuple of float
        Those that a week's own deviation may have, likewise.
    belief : ndarray of float64, shape (n_steps, n_weeklies, n_grid)
        How likely each is, together with each level of `GRID`; sums to 1.
    """

    steps: tuple[float, ...]
    weeklies: tuple[float, ...]
    belief: Floats

    @classmethod
    def before(
        cls, spread: float, steps: Mapping[float, float], weeklies: Mapping[float, float]
    ) -> "MovingLevel":
        """Tell what is believed before any week was seen.

        Parameters
        ----------
        spread : float
            The standard deviation of the level's logarithm; its mean is 1.
        steps, weeklies : mapping of float to float
            How likely each size is.

        Returns
        -------
        MovingLevel
        """
        level = _normal(GRID + spread**2 / 2, max(spread, STEP / 2))
        sizes = np.outer([*steps.values()], [*weeklies.values()])
        belief = sizes[:, :, None] * level
        return cls((*steps,), (*weeklies,), belief / belief.sum())

    def after(self, log_likelihood: Floats) -> "MovingLevel":
        """Learn from a week.

        Parameters
        ----------
        log_likelihood : ndarray of float64, shape (n_weeklies, n_grid) or (n_grid,)
            Of what came in it, up to a constant.

        Returns
        -------
        MovingLevel
        """
        belief = self.belief * np.exp(log_likelihood - log_likelihood.max())
        return replace(self, belief=belief / max(float(belief.sum()), _TINY))

    def moved(self) -> "MovingLevel":
        """Let a week pass."""
        moved = [own @ _passed(size) for own, size in zip(self.belief, self.steps, strict=True)]
        return replace(self, belief=np.stack(moved))

    @property
    def mean(self) -> float:
        """The mean of the level."""
        return float(self.belief.sum(axis=(0, 1)) @ np.exp(GRID))

    @property
    def step(self) -> float:
        """The root of the mean square of a week's step."""
        return float(np.sqrt(self.belief.sum(axis=(1, 2)) @ np.square(self.steps)))

    @property
    def weekly(self) -> float:
        """The root of the mean square of a week's own deviation."""
        return float(np.sqrt(self.belief.sum(axis=(0, 2)) @ np.square(self.weeklies)))

    def draw(self, draws: int, n_weeks: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the weeks to come.

        Parameters
        ----------
        draws, n_weeks : int
        random : Generator

        Returns
        -------
        level, weekly : ndarray of float64, shape (draws, n_weeks)
            The logarithms of the level in each week, and of the weeks' own deviations from it.
        """
        shape = self.belief.shape
        place = random.choice(self.belief.size, draws, p=self.belief.ravel() / self.belief.sum())
        step, week, level = np.unravel_index(place, shape)
        size = np.array(self.steps)[step][:, None]
        own = np.array(self.weeklies)[week][:, None]
        begin = GRID[level] + STEP * (random.random(draws) - 0.5)
        walk = size * random.standard_normal((draws, n_weeks))
        weekly = own * random.standard_normal((draws, n_weeks)) - own**2 / 2
        return begin[:, None] + np.cumsum(walk, axis=1), weekly


def counted(expected: float, came: float, weeklies: tuple[float, ...]) -> Floats:
    """Give the log-likelihood of a week's customers, by its own deviation and by level.

    Parameters
    ----------
    expected, came : float
    weeklies : tuple of float
        See `MovingLevel`; a week's deviation is a gamma variable of that spread here.

    Returns
    -------
    ndarray of float64, shape (n_weeklies, n_grid)
        Of Poisson's distribution, or of the negative binomial.
    """
    mean = np.maximum(expected, 1e-9) * np.exp(GRID)
    found = []
    for weekly in weeklies:
        if weekly == 0:
            found.append(came * np.log(mean) - mean)
            continue
        shape = 1 / np.expm1(weekly**2)
        found.append(
            lgamma(came + shape)
            - lgamma(shape)
            + came * np.log(mean)
            + shape * np.log(shape)
            - (came + shape) * np.log(mean + shape)
        )
    return np.stack(found)


def paid(expected: float, came: float, shape: float) -> Floats:
    """Give the log-likelihood of what a week's customers paid, by level; shape (n_grid,).

    Parameters
    ----------
    expected, came : float
        The sum of their mean amounts, and that of their amounts.
    shape : float
        The reciprocal of the sum's squared coefficient of variation.

    Returns
    -------
    ndarray of float64
        Of a gamma distribution: the mean is fitted without bias, whatever the tail of amounts.
    """
    return -shape * (GRID + came / expected * np.exp(-GRID))


def _normal(value: Floats, spread: float) -> Floats:
    found: Floats = np.exp(-np.square(value / spread) / 2)
    return found


@cache
def _passed(size: float) -> Floats:
    """Give how likely a level moves to each other; up as likely as down, in logarithms."""
    if size == 0:
        return np.eye(len(GRID))
    moved = _normal(GRID[None, :] - GRID[:, None], size)
    return np.asarray(moved / moved.sum(axis=1, keepdims=True))
