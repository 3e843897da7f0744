"""Intervals of metrics by a bootstrap that draws whole leads.

Snapshots of one lead (or leads of one account) rise and fall together, so a replicate draws groups
with replacement, each with all its rows (Davison and Hinkley 1997, section 3.8; Field and Welsh
2007). A draw is a vector of weights: nothing is copied and nothing sorted again.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.metrics import FAMILIES, Family, Metric
from leadcast.models.evaluation.tally import RankedTally

LEVEL = 0.95
"""How often an interval should hold the truth."""

LEAST_DEFINED = 0.8
"""Share of the replicates in which a metric must be defined for it to get an interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    value : float or None
        None where it is not defined.
    low, high : float or None
        The interval's ends, both None where the rows do not tell (too few leads of one outcome).
    """

    value: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        """Give the three numbers as plain data; null where one is not defined."""
        return asdict(self)


def bootstrap(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    families: tuple[Family, ...] = FAMILIES,
    replicates: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """Estimate metrics with intervals."""
    ranking = _ranking(value, converted, families)

    def measured(weight: Floats) -> Floats:
        counts = ranking.weighted(weight)
        return np.array([number for family in families for number in family.compute(counts)])

    metrics = [(metric, family.biased) for family in families for metric in family.metrics]
    draws = drawn_weights(_per_row(group, ranking), replicates, seed)
    seen = np.array([measured(weight) for weight in draws]).reshape(-1, len(metrics))
    whole = measured(np.ones(len(ranking.place))).tolist()
    return {
        metric.name: _estimate(metric, number, column, biased, level)
        for (metric, biased), number, column in zip(metrics, whole, seen.T, strict=True)
    }


def drawn_weights(group: npt.ArrayLike, replicates: int, seed: int) -> Iterator[Floats]:
    """Draw groups with replacement, as many as there are, again and again.

    Fewer than two groups give no draws: every one would be the same.

    Parameters
    ----------
    group : array_like of int or str, shape (n_rows,)
        The group of each row.
    replicates : int
        How many draws.
    seed : int
        The same seed gives the same draws.

    Yields
    ------
    ndarray of float64, shape (n_rows,)
        How often each row's group was drawn.
    """
    codes, groups = coded(group)
    generator = np.random.default_rng(seed)
    for _ in range(replicates if groups > 1 else 0):
        drawn = generator.integers(0, groups, groups)
        yield np.bincount(drawn, minlength=groups).astype(np.float64)[codes]


def coded(group: npt.ArrayLike) -> tuple[Integers, int]:
    """Give each group a number, from 0.

    Parameters
    ----------
    group : array_like of int or str, shape (n_rows,)

    Returns
    -------
    codes : ndarray of int64, shape (n_rows,)
    groups : int
        How many there are.
    """
    distinct, codes = np.unique(np.asarray(group), return_inverse=True)
    return codes.astype(np.int64), len(distinct)


def _ranking(
    value: npt.ArrayLike, converted: npt.ArrayLike, families: tuple[Family, ...]
) -> RankedTally:
    ranking = RankedTally.of(value, converted)
    if any(family.needs == "probability" for family in families) and len(ranking.value):
        highest, lowest = ranking.value[0], ranking.value[-1]
        if lowest < 0 or highest > 1:
            raise ValueError(f"probabilities must lie in [0, 1], found {lowest:g} to {highest:g}")
    return ranking


def _per_row(group: npt.ArrayLike, ranking: RankedTally) -> npt.NDArray[Any]:
    groups = np.asarray(group)
    if groups.shape != ranking.place.shape:
        raise ValueError(f"group has shape {groups.shape}, there are {len(ranking.place)} rows")
    return groups


def _estimate(metric: Metric, value: float, draws: Floats, biased: bool, level: float) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None, None)
    defined = draws[~np.isnan(draws)]
    if len(defined) < max(1.0, LEAST_DEFINED * len(draws)):
        return Estimate(value, None, None)
    # A handful of leads ranked without a fault is so in every draw; that is no certainty.
    if value in (metric.lowest, metric.highest) and np.ptp(defined) == 0:
        return Estimate(value, None, None)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    if biased:
        low, high = min(value, 2 * value - high), value + high - defined.mean()
    return Estimate(value, float(max(low, metric.lowest)), float(min(high, metric.highest)))
