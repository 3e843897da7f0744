"""What chance alone does: outcomes of true probabilities, and the interval of a share.

Whether the probabilities are right within every segment, and not only on the whole.

A model may be calibrated overall while it promises too much in one industry and too little in
another. The gap of a segment is the largest sum of (happened less predicted) over the leads of the
segment within any range of probabilities; no bins are chosen. Even true probabilities show gaps on
a sample, the more so the more segments one looks at, so each is told with what chance alone gives.

References
----------
Hebert-Johnson, U., Kim, M. P., Reingold, O., Rothblum, G. N. (2018). Multicalibration: calibration
for the (computationally-identifiable) masses. ICML. (The gap, as a share of all rows.)

Arrieta-Ibarra, I., Gujral, P., Tannen, J., Tygert, M., Xu, C. (2022). Metrics of calibration for
probabilistic predictions. JMLR 23. (Cumulative differences in place of bins; Kuiper's range.)
"""

from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, coded
from leadcast.models.evaluation.metrics import Family
from leadcast.models.evaluation.tally import RankedTally


def calibrated_outcomes(
    probability: npt.ArrayLike, group: npt.ArrayLike, replicates: int, seed: int
) -> Iterator[Floats]:
    """Draw outcomes as they would be if the probabilities were true.

    All rows of a lead turn out by one and the same draw of luck: the closest dependence that the
    probabilities allow. So what is said to be possible by chance is rather too much than too
    little.
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
    """Measure what perfectly calibrated probabilities would show by chance."""
    ranking = RankedTally.of(probability, np.zeros(np.shape(probability)))
    ones = np.ones(len(ranking.place))
    return np.array(
        [
            family.compute(RankedTally(ranking.value, ranking.place, outcome).weighted(ones))
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


FEWEST_ROWS = 30
"""A segment with fewer rows is not measured."""


def multicalibration(
    probability: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    segments: Mapping[str, npt.NDArray[np.str_]],
    *,
    replicates: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure the gap of each segment, and the largest one as a share of all rows."""
    chance = np.asarray(probability, dtype=np.float64)
    parts = [
        _Part(attribute, str(name), _order(chance, labels == name))
        for attribute, labels in segments.items()
        for name in np.unique(labels)
        if (labels == name).sum() >= FEWEST_ROWS
    ]
    draws = calibrated_outcomes(chance, group, replicates, seed)
    by_chance = np.array([[_reach(chance, outcome, part) for part in parts] for outcome in draws])
    if not parts:
        return dict.fromkeys(("gap", "gap_by_chance", "attribute", "segment")) | {"segments": []}
    happened = np.asarray(converted, dtype=np.float64)
    rows = [
        _row(chance, happened, part, seen) for part, seen in zip(parts, by_chance.T, strict=True)
    ]
    sums = [abs(row["gap"]) * row["n"] for row in rows]
    worst = parts[int(np.argmax(sums))]
    most = float(np.quantile(by_chance.max(axis=1), LEVEL))
    return {
        "gap": max(sums) / len(chance),
        "gap_by_chance": most / len(chance),
        "attribute": worst.attribute,
        "segment": worst.segment,
        "segments": rows,
    }


class _Part(NamedTuple):
    attribute: str
    segment: str
    rows: Integers


def _order(probability: Floats, inside: Flags) -> Integers:
    rows = np.flatnonzero(inside)
    return rows[np.argsort(probability[rows], kind="stable")]


def _walk(probability: Floats, outcome: Floats, part: _Part) -> Floats:
    # From 0; only where the probability changes, so that ties have no order of their own.
    ranked = probability[part.rows]
    walk = np.cumsum(outcome[part.rows] - ranked)
    return np.concatenate([[0.0], walk[np.append(ranked[1:] != ranked[:-1], True)]])


def _reach(probability: Floats, outcome: Floats, part: _Part) -> float:
    return float(np.ptp(_walk(probability, outcome, part)))


def _row(probability: Floats, outcome: Floats, part: _Part, by_chance: Floats) -> dict[str, Any]:
    walk = _walk(probability, outcome, part)
    lowest, highest = int(walk.argmin()), int(walk.argmax())
    first, last = sorted((lowest, highest))
    sign = 1.0 if highest >= lowest else -1.0
    distinct = np.unique(probability[part.rows])
    n = len(part.rows)
    return {
        "attribute": part.attribute,
        "segment": part.segment,
        "n": n,
        "gap": sign * float(np.ptp(walk)) / n,
        "gap_by_chance": float(np.quantile(by_chance, LEVEL)) / n,
        "from": float(distinct[min(first, len(distinct) - 1)]),
        "to": float(distinct[max(last - 1, 0)]),
    }
