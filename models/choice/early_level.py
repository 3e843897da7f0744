"""The level by early conversions: what leads whose window has not ended have shown so far.

The newest mature label is a horizon old. Where the level has moved since, leads that came later
tell it before they are ripe: of those that will convert within their horizon, the share F has done
so by the age that they have reached, so that a row with probability p has converted by now with
probability p F. F comes from mature rows, by landmark (`pool`); that an open row may have been lost
meanwhile is not looked at, because how soon leads are given up hangs on who gives them up.

The level is a random walk over stretches of that time, filtered exactly on a grid of values (a
local-level model, Durbin & Koopman 2012, "Time Series Analysis by State Space Methods", with the
grid of Kitagawa 1987, "Non-Gaussian state-space modeling of nonstationary time series"). Its steps
are Cauchy's, next to none or large: a jump is followed, while chance, and a slow week, hardly move
it. F is in doubt as well, as a power of it, so that the youngest rows are doubted most: by which
power early counts of the past differed from what the delays known then had promised is measured at
moments whose rows are ripe by now, and averaged over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from leadcast.models.choice.backtest import Origin
from leadcast.models.choice.pool import FEWEST_FRESH, FEWEST_WINNERS, Pool
from leadcast.models.choice.trial import Trial
from leadcast.models.data import Flags, Floats, Integers, Matrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.random_effects import pooled_variance, spread_of
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.learners.rows import thinned_places
from leadcast.models.settings import LearnerSettings

STRETCHES = 8
"""The fresh time is cut into so many, between which the level may have moved."""
STEP = 0.004
"""The scale of a step from one to the next, in log-odds: half of all are shorter, and over all of
them one level in fifty moves by more than 1."""
FARTHEST = 4.0
CELL = 0.05
"""The grid of levels, in log-odds: from none to so far either way, in cells so wide."""
PAST_MOMENTS = 6
"""At so many moments of the past early counts are compared with what came of them."""
FEWEST_OF_THEM = 5
"""A moment with fewer rows that were won later tells nothing of the pace."""
USUAL_PACE_SPREAD = 0.1
"""How far the power of F usually is from 1, as a logarithm; worth one moment."""
NODES = 5
"""The doubt about the pace is averaged over so many values (Gauss and Hermite)."""
MOST_ROWS = 50_000
ROWS_AT_ONCE = 8_192
SLOWEST, CERTAIN = 1e-3, 1 - 1e-12
"""Shares and probabilities are kept between these, so that logarithms are finite."""
UNMOVED = 0.005
"""A level that moves by less than this in log-odds has not moved."""


@dataclass(frozen=True)
class EarlyLevel:
    """By how much early conversions move the level of a model that mature labels have made."""

    shift: float
    """What is to be added to all log-odds: the mean of what the level may be."""
    error: float
    """Its standard deviation."""
    rows: int
    """The snapshots looked at, whose window had not ended."""
    leads: int
    """How many leads (or accounts) they are of."""
    won: float
    """How many of the snapshots were won so far, each counting its own weight."""
    expected: float
    """How many would have been at the level of the mature labels."""
    pace_spread: float
    """How far the pace of conversions may be from that of before, as the logarithm of a power."""

    def to_json(self) -> dict[str, Any]:
        """Give the numbers as plain data, with their words."""
        return asdict(self) | {"words": self.describe()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read back what `to_json` gave."""
        return cls(**{name: value for name, value in content.items() if name != "words"})

    def describe(self) -> str:
        """Say what early conversions tell, for a person."""
        seen = (
            f"of {self.rows:,} newer snapshots ({self.leads:,} leads), whose outcome is not all "
            f"known, {self.won:,.4g} were won so far where {self.expected:,.4g} were expected"
        )
        if abs(self.shift) < UNMOVED:
            return f"Early conversions leave the level where it was: {seen}."
        return (
            f"Early conversions move it by {self.shift:+z.2f} (± {self.error:.2f}) in log-odds: "
            f"{seen}."
        )


def early_rows(pool: Pool, cutoff: int) -> Integers:
    """Choose the rows by which the level is looked at before their labels are known.

    Those of leads that will be looked at again are among them: what is learned is one number of
    all leads, and without them the newest would be leads of a certain age alone.

    Parameters
    ----------
    pool : Pool
    cutoff : int
        The moment up to which anything is known.

    Returns
    -------
    ndarray of int64
        Row numbers, ascending: those that are unripe then and count, at most `MOST_ROWS`.
    """
    index = pool.unripe_at(cutoff)
    index = index[pool.rows.weights[index] > 0]
    return index[thinned_places(len(index), MOST_ROWS)]


def early_level(pool: Pool, index: Integers, cutoff: int, log_odds: Floats) -> EarlyLevel | None:
    """Estimate how far the level has moved since the mature labels.

    Parameters
    ----------
    pool : Pool
    index : ndarray of int64, shape (m,)
        As `early_rows` gives them.
    cutoff : int
    log_odds : ndarray of float64, shape (m,)
        Of a win within the horizon, by a model that learned from mature rows alone.

    Returns
    -------
    EarlyLevel or None
        None for fewer than `FEWEST_FRESH` rows, or where hardly any lead had been won.
    """
    if len(index) < FEWEST_FRESH or pool.winners_at(cutoff).sum() < FEWEST_WINNERS:
        return None
    spread = _pace_spread(pool, cutoff)
    rows = _Rows.of(pool, index, cutoff, log_odds)
    grid = np.linspace(-FARTHEST, FARTHEST, round(2 * FARTHEST / CELL) + 1)
    density = _newest_level(rows, grid, spread)
    shift, own = float(density @ grid), pool.rows.weights[index]
    return EarlyLevel(
        shift=shift,
        error=float(np.sqrt(density @ (grid - shift) ** 2)),
        rows=len(index),
        leads=len(np.unique(pool.rows.group[index])),
        won=float(own @ rows.won),
        expected=float(own @ (sigmoid(log_odds) * rows.caught)),
        pace_spread=spread,
    )


def early_level_of(learner: FittedLearner, pool: Pool) -> EarlyLevel | None:
    """Estimate how far the level has moved by the end of what is known.

    Parameters
    ----------
    learner : FittedLearner
        Fitted on the mature rows alone.
    pool : Pool

    Returns
    -------
    EarlyLevel or None
        As `early_level` gives it.
    """
    index = early_rows(pool, pool.cutoff)
    return early_level(pool, index, pool.cutoff, learner.log_odds(pool.rows.values[index]))


@dataclass(frozen=True)
class EarlyBacktest:
    """The rows by which the level is looked at, at each origin of a backtest.

    Parameters
    ----------
    pool : Pool or None
        None where the level is not looked at before labels are known.
    cutoffs : tuple of int
        The origins' positions.
    rows : tuple of ndarray of int64
        Of the pool, for each origin.
    """

    pool: Pool | None = None
    cutoffs: tuple[int, ...] = ()
    rows: tuple[Integers, ...] = ()

    @classmethod
    def of(
        cls,
        pool: Pool | None,
        origins: Sequence[Origin],
        settings: LearnerSettings,
    ) -> Self:
        """Choose them.

        Parameters
        ----------
        pool : Pool or None
        origins : sequence of Origin
        settings : LearnerSettings

        Returns
        -------
        EarlyBacktest
        """
        if pool is None or not settings.early_conversions:
            return cls()
        each = [early_rows(pool, one.position) for one in origins]
        return cls(pool, tuple(one.position for one in origins), tuple(each))

    @property
    def values(self) -> list[Matrix]:
        """The features of the rows of each origin; empty where none are looked at."""
        return [] if self.pool is None else [self.pool.rows.values[index] for index in self.rows]

    def shifts(self, trials: Sequence[Trial], settings: LearnerSettings) -> list[float]:
        """Estimate how far the level had moved at each origin, by what was known then.

        Parameters
        ----------
        trials : sequence of Trial
            Made with `values`.
        settings : LearnerSettings

        Returns
        -------
        list of float
            In log-odds; 0 where nothing could be told.
        """
        if self.pool is None:
            return [0.0] * len(trials)
        found = [
            early_level(self.pool, index, cutoff, trial.early_log_odds(settings))
            for cutoff, index, trial in zip(self.cutoffs, self.rows, trials, strict=True)
        ]
        return [0.0 if one is None else one.shift for one in found]

    def now(self, learner: FittedLearner) -> EarlyLevel | None:
        """Estimate how far the level of a learner has moved by the end of what is known.

        Parameters
        ----------
        learner : FittedLearner
            Fitted on the mature rows alone.

        Returns
        -------
        EarlyLevel or None
        """
        return None if self.pool is None else early_level_of(learner, self.pool)


@dataclass(frozen=True)
class _Rows:
    """Fresh rows, as the filter sees them."""

    log_odds: Floats
    won: Flags
    caught: Floats
    """The share of winners that are won by the age each row has reached."""
    weight: Floats
    """How much each row counts, leads being the units."""
    stretch: Integers

    @classmethod
    def of(cls, pool: Pool, index: Integers, cutoff: int, log_odds: Floats) -> Self:
        position = pool.rows.position[index]
        first = int(position.min())
        place = (position - first) * STRETCHES // max(cutoff - first, 1)
        return cls(
            log_odds=log_odds,
            won=pool.seen_at(index, cutoff) == 1,
            caught=np.clip(pool.caught_at(index, cutoff), SLOWEST, 1.0),
            weight=pool.rows.rows(index).lead_weights,
            stretch=np.minimum(place, STRETCHES - 1),
        )

    def likelihood(self, grid: Floats, pace: float) -> Floats:
        """Give the log-likelihood of each stretch at each level, shape (STRETCHES, n_grid)."""
        total = np.zeros((STRETCHES, len(grid)))
        for start in range(0, len(self.log_odds), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            won, weight = self.won[block], self.weight[block]
            caught = (self.caught[block] ** pace)[:, None]
            chance = sigmoid(self.log_odds[block][:, None] + grid) * caught
            chance = np.clip(chance, 1 - CERTAIN, CERTAIN)
            each = np.log(np.where(won[:, None], chance, 1 - chance))
            member = np.eye(STRETCHES)[self.stretch[block]] * weight[:, None]
            total += member.T @ each
        return total


def _newest_level(rows: _Rows, grid: Floats, pace_spread: float) -> Floats:
    """Give the probability of each level at the end of the fresh time."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    steps = _steps(grid)
    evidence, ends = [], []
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        told, end = _filtered(rows.likelihood(grid, float(np.exp(pace_spread * node))), steps)
        evidence.append(told + np.log(weight))
        ends.append(end)
    share = np.exp(np.array(evidence) - max(evidence))
    return np.asarray(share @ np.array(ends) / share.sum())


def _steps(grid: Floats) -> Floats:
    """Give the probability of each level after one step from each other, shape (to, from)."""
    away = grid[:, None] - grid
    inside = np.arctan((away + CELL / 2) / STEP) - np.arctan((away - CELL / 2) / STEP)
    return np.asarray(inside / inside.sum(axis=0))


def _filtered(likelihood: Floats, steps: Floats) -> tuple[float, Floats]:
    """Walk from no shift at all through the stretches: the log evidence, and the last level."""
    level = np.zeros(likelihood.shape[1])
    level[len(level) // 2] = 1.0
    evidence = 0.0
    for told in likelihood:
        level = (steps @ level) * np.exp(told - told.max())
        evidence += float(np.log(level.sum()) + told.max())
        level /= level.sum()
    return evidence, level


def _pace_spread(pool: Pool, cutoff: int) -> float:
    """Tell how far early counts are from what the delays known then promised, beyond their errors.

    Of rows that were fresh at a moment of the past and were won in the end it is known by now how
    many had been won by then.
    """
    ripe = pool.rows.position[pool.mature_at(cutoff)]
    horizon = pool.rows.horizon
    first, last = int(ripe.min()) + horizon, cutoff - horizon
    moments = np.linspace(first, max(first, last), PAST_MOMENTS + 1)[1:].astype(np.int64)
    told = [miss for at in moments if at <= last and (miss := _pace_miss(pool, int(at), cutoff))]
    if not told:
        return USUAL_PACE_SPREAD
    miss, variance = np.array(told).T
    seen = spread_of(miss, variance) ** 2
    return float(np.sqrt(pooled_variance(seen, len(told), USUAL_PACE_SPREAD, 1.0)))


def _pace_miss(pool: Pool, moment: int, cutoff: int) -> tuple[float, float] | None:
    index = pool.unripe_at(moment)
    index = index[pool.won[index] <= cutoff]
    known = int(pool.winners_at(moment).sum())
    if len(index) < FEWEST_OF_THEM or known < FEWEST_WINNERS:
        return None
    promised = _share(pool.caught_at(index, moment))
    seen = _share(pool.won[index] <= moment)
    leads = len(np.unique(pool.rows.group[index]))
    # The power of the promised share that was seen; its error by the delta method.
    power = np.log(seen) / np.log(promised)
    variance = (1 - promised) / promised * (1 / leads + 1 / known) / np.log(promised) ** 2
    return float(np.log(power)), float(variance)


def _share(each: npt.NDArray[Any]) -> float:
    # Half a row of either kind keeps it off 0 and 1.
    return (float(each.sum()) + 0.5) / (len(each) + 1)
