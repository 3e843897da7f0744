"""What chance alone does: outcomes of true probabilities, and the interval of a share."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from models.bootstrap import LEVEL, coded
from models.data import Floats
from models.metric_families import Family
from models.tally import Ranking


def calibrated_outcomes(
    probability: npt.ArrayLike, group: npt.ArrayLike, replicates: int, seed: int
) -> Iterator[Floats]:
    """Draw outcomes as they would be if the probabilities were true.

    All rows of a lead turn out by one and the same draw of luck: the closest dependence that the
    probabilities allow. So what is said to be possible by chance is rather too much than too
    little.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    replicates : int
    seed : int

    Yields
    ------
    ndarray of float64, shape (n_rows,)
        0.0 or 1.0.
    """
    chance = np.asarray(probability, dtype=np.float64)
    codes, groups = coded(group)
    generator = np.random.default_rng(seed)
    for _ in range(replicates):
        yield (generator.random(groups)[codes] < chance).astype(np.float64)


def if_calibrated(
    probability: npt.ArrayLike,
    group: npt.ArrayLike,
    family: Family,
    *,
    replicates: int = 200,
    seed: int = 0,
) -> Floats:
    """Measure what perfectly calibrated probabilities would show by chance.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1].
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    family : Family
        The metrics to measure, such as the calibration error, which is never 0 on a sample.
    replicates : int
    seed : int

    Returns
    -------
    ndarray of float64, shape (replicates, n_metrics)
    """
    ranking = Ranking.of(probability, np.zeros(np.shape(probability)))
    ones = np.ones(len(ranking.place))
    return np.array(
        [
            family.compute(Ranking(ranking.value, ranking.place, outcome).weighted(ones))
            for outcome in calibrated_outcomes(probability, group, replicates, seed)
        ]
    )


def wilson_interval(rate: float, rows: float, level: float = LEVEL) -> tuple[float, float]:
    """Compute Wilson's interval of a share (Wilson 1927).

    Parameters
    ----------
    rate : float
        The share seen.
    rows : float
        Of how many (a fraction where dependence leaves fewer than were counted); positive.
    level : float

    Returns
    -------
    low, high : float
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (rate + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z / (1 + z**2 / rows) * (rate * (1 - rate) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(centre - reach, 0.0), min(centre + reach, 1.0)
