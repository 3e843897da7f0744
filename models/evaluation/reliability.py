"""Whether probabilities mean what they say: reliability curves without bins and with bins."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, coded
from leadcast.models.evaluation.chance import calibrated_outcomes, wilson_interval
from leadcast.models.evaluation.isotonic import isotonic_rates
from leadcast.models.evaluation.tally import RankedTally, Tally

GRID_POINTS = 200


@dataclass(frozen=True)
class ReliabilityCurve:
    """The CORP reliability curve: for each predicted probability what happened, isotonic."""

    predicted: Floats
    """Probabilities, rising."""
    observed: Floats
    """The isotonic estimate of the share that converts there."""
    low: Floats
    high: Floats
    """The consistency band: where the curve of perfectly calibrated probabilities would lie."""

    def frame(self) -> pl.DataFrame:
        """Give the curve as a table with the fields as columns."""
        return pl.DataFrame(vars(self))


@dataclass(frozen=True)
class ReliabilityBins:
    """What was predicted and what happened, in bins of (nearly) equally many rows."""

    n: Integers
    """Rows in the bin."""
    predicted: Floats
    observed: Floats
    """Mean probability, and share that converted."""
    low: Floats
    high: Floats
    """The interval of the share."""

    def frame(self) -> pl.DataFrame:
        """Give the bins as a table with the fields as columns."""
        return pl.DataFrame(vars(self))


def reliability_curve(
    probability: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    level: float = LEVEL,
    replicates: int = 500,
    seed: int = 0,
) -> ReliabilityCurve:
    """Draw the CORP reliability curve with its consistency band.

    Isotonic regression of outcomes on probabilities (Dimitriadis, Gneiting and Jordan 2021, PNAS
    118 e2016191118). The band holds, at each point, the middle `level` of the curves that come
    out when the probabilities are true (`calibrated_outcomes`).

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1]; at least one row.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    level : float
    replicates : int
    seed : int
        The same seed gives the same band.

    Returns
    -------
    ReliabilityCurve

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ or a number is outside what is said above.
    """
    ranking = RankedTally.of(probability, converted)
    if len(ranking.value) == 0:
        raise ValueError("there are no rows to draw a reliability curve of")
    ones = np.ones(len(ranking.place))
    observed = _rising_rates(ranking.weighted(ones))
    points = _points(observed)
    draws = [
        _rising_rates(RankedTally(ranking.value, ranking.place, outcome).weighted(ones))[points]
        for outcome in calibrated_outcomes(probability, group, replicates, seed)
    ]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return ReliabilityCurve(ranking.value[::-1][points], observed[points], low, high)


def reliability_bins(
    probability: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    bins: int = 10,
    level: float = LEVEL,
) -> ReliabilityBins:
    """Compare predictions with what happened, in bins.

    Rows with the same probability are never parted, so bins may be fewer and of unequal size.
    Intervals are Wilson's (1927), with as many rows as the rows' dependence within leads leaves
    (Korn and Graubard 1998).

    Parameters
    ----------
    probability, converted, group, level
        As in `reliability_curve`.
    bins : int
        How many bins at most.

    Returns
    -------
    ReliabilityBins

    Raises
    ------
    ValueError
        If the lengths differ or a number is outside what is said in `reliability_curve`.
    """
    ranking = RankedTally.of(probability, converted)
    mass = ranking.weighted(np.ones(len(ranking.place))).mass
    middle = (np.cumsum(mass) - mass / 2) / max(len(ranking.place), 1)
    bin_of = (bins - 1 - np.floor(middle * bins).astype(np.int64))[ranking.place]
    codes, _ = coded(group)
    found = [_bin(ranking, codes, bin_of == number, level) for number in np.unique(bin_of)]
    n, predicted, observed, low, high = np.array(found).reshape(-1, 5).T
    return ReliabilityBins(n.astype(np.int64), predicted, observed, low, high)


def _rising_rates(counts: Tally) -> Floats:
    return isotonic_rates(counts.mass[::-1], counts.hits[::-1])


def _points(observed: Floats) -> Integers:
    # Both ends of every step, and a grid between them for the band.
    steps = np.flatnonzero(np.diff(observed))
    grid = np.linspace(0, len(observed) - 1, GRID_POINTS).round().astype(np.int64)
    return np.unique(np.concatenate([steps, steps + 1, grid]))


def _bin(
    ranking: RankedTally, group: Integers, inside: Flags, level: float
) -> tuple[float, float, float, float, float]:
    outcome, codes = ranking.converted[inside], group[inside]
    rate, rows = float(outcome.mean()), len(outcome)
    low, high = wilson_interval(rate, _independent_rows(outcome, codes), level)
    return rows, float(ranking.value[ranking.place[inside]].mean()), rate, low, high


def _independent_rows(outcome: Floats, group: Integers) -> float:
    # As many independent rows would leave the mean as uncertain as these (the design effect).
    rate = outcome.mean()
    if rate in (0.0, 1.0):
        return float(len(np.unique(group)))
    sums = np.bincount(np.unique(group, return_inverse=True)[1], outcome - rate)
    between = float(np.square(sums).sum() / (len(outcome) * rate * (1 - rate)))
    return len(outcome) / max(between, 1.0)
