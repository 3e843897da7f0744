"""Few conditions out of many: forward selection, all coefficients fitted anew after each choice.

Orthogonal matching pursuit for the logistic loss (Lozano, Swirszcz and Abe 2011): the condition
with the highest score statistic is added, then everything that has been chosen is fitted again. In
the end each condition, the first chosen first, gives way to another that now explains more (with
replacement, as Jain, Tewari and Dhillon 2011). The coefficients become integer points, with limits
that cost nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Floats, Integers

Flags = npt.NDArray[np.bool_]

MOST_RULES = 40
"""So many conditions can be chosen at most: their answers are one number a row."""
EXCHANGES = 2
"""How often each condition may give way to another."""
_LEAST_STATISTIC = 4.0


@dataclass(frozen=True)
class AdditivePoints:
    """An additive model on the log-odds scale."""

    chosen: tuple[int, ...]
    """Columns, in the order of their choice."""
    coefficients: Floats
    """Log-odds that each adds where it holds."""
    intercept: float
    """Log-odds where none holds."""


def select(
    holds: Flags, target: Floats, families: Sequence[str | None], most: int, ridge: float = 5.0
) -> AdditivePoints:
    """Choose conditions and fit their coefficients."""
    chosen: list[int] = []
    allowed = np.ones(holds.shape[1], dtype=np.bool_)
    fitted = _fitted(holds, chosen, target, ridge)
    while len(chosen) < min(most, MOST_RULES):
        statistic = np.where(allowed, _statistics(holds, chosen, fitted, target, ridge), 0.0)
        if not statistic.max(initial=0.0) > _LEAST_STATISTIC:
            break
        best = int(statistic.argmax())
        allowed[best] = False
        trial = [*chosen, best]
        tried = _fitted(holds, trial, target, ridge)
        if _signs_agree(tried[1:], [families[place] for place in trial]):
            chosen, fitted = trial, tried
    for _ in range(EXCHANGES):
        for place in list(chosen):
            chosen, fitted = _exchanged(holds, target, families, chosen, fitted, place, ridge)
    return AdditivePoints(tuple(chosen), fitted[1:], float(fitted[0]))


def _exchanged(
    holds: Flags,
    target: Floats,
    families: Sequence[str | None],
    chosen: list[int],
    fitted: Floats,
    place: int,
    ridge: float,
) -> tuple[list[int], Floats]:
    """Put the condition that explains most beside the others into another's place, if it fits."""
    rest = [other for other in chosen if other != place]
    statistic = _statistics(holds, rest, _fitted(holds, rest, target, ridge), target, ridge)
    statistic[chosen] = 0.0
    if not statistic.max() > 0:
        return chosen, fitted
    trial = [*rest, int(statistic.argmax())]
    tried = _fitted(holds, trial, target, ridge)
    agree = _signs_agree(tried[1:], [families[one] for one in trial])
    losses = [_loss(holds, *one, target, ridge) for one in ((chosen, fitted), (trial, tried))]
    return (trial, tried) if agree and losses[1] < losses[0] else (chosen, fitted)


def _loss(
    holds: Flags, chosen: Sequence[int], fitted: Floats, target: Floats, ridge: float
) -> float:
    log_odds = fitted[0] + holds[:, list(chosen)] @ fitted[1:]
    penalty = ridge / 2 * float(fitted[1:] @ fitted[1:])
    return float(np.logaddexp(0.0, log_odds).sum() - target @ log_odds) + penalty


def fit_logistic(columns: Floats, target: Floats, weight: Floats, ridge: float) -> Floats:
    """Fit a logistic regression by Newton's steps."""
    design = np.column_stack([np.ones(len(target)), columns])
    base = float(np.clip(np.average(target, weights=weight), 1e-6, 1 - 1e-6))
    found = np.zeros(design.shape[1])
    found[0] = np.log(base / (1 - base))
    penalty = np.full(len(found), ridge)
    penalty[0] = 0.0
    for _ in range(50):
        probability = logistic(design @ found)
        curvature = weight * np.maximum(probability * (1 - probability), 1e-9)
        gradient = design.T @ (weight * (target - probability)) - penalty * found
        hessian = (design * curvature[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.clip(np.linalg.solve(hessian, gradient), -2.0, 2.0)
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    return found


def logistic(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500))))


def _fitted(holds: Flags, chosen: Sequence[int], target: Floats, ridge: float) -> Floats:
    # Rows with the same answers are one row that weighs more.
    held = holds[:, list(chosen)]
    code = held @ (1 << np.arange(len(chosen), dtype=np.int64))
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    mean = np.bincount(place, target) / weight
    return fit_logistic(held[first].astype(np.float64), mean, weight, ridge)


def _statistics(
    holds: Flags, chosen: Sequence[int], fitted: Floats, target: Floats, ridge: float
) -> Floats:
    """Give each column's score statistic, given what the chosen ones explain."""
    probability = logistic(fitted[0] + holds[:, list(chosen)] @ fitted[1:])
    weight = probability * (1 - probability)
    gradient = np.zeros(holds.shape[1])
    cross = np.zeros((1 + len(chosen), holds.shape[1]))
    places = np.array(chosen, dtype=np.int64)
    _add_up(holds, places, target - probability, weight, gradient, cross)
    within = np.vstack([cross[0, places], cross[1:, places]])
    inner = np.column_stack([np.concatenate([[weight.sum()], cross[0, places]]), within])
    explained = (cross * np.linalg.solve(inner + 1e-6 * np.eye(len(inner)), cross)).sum(axis=0)
    return np.asarray(gradient**2 / (np.maximum(cross[0] - explained, 0.0) + ridge))


@compiled
def _add_up(
    holds: Flags,
    chosen: Integers,
    residual: Floats,
    weight: Floats,
    gradient: Floats,
    cross: Floats,
) -> None:
    """Add up residuals by column, and weights by column and chosen column (the first is all)."""
    for row in range(holds.shape[0]):
        for column in range(holds.shape[1]):
            gradient[column] += residual[row] * holds[row, column]
            cross[0, column] += weight[row] * holds[row, column]
        for place in range(len(chosen)):
            if holds[row, chosen[place]]:
                for column in range(holds.shape[1]):
                    cross[place + 1, column] += weight[row] * holds[row, column]


def _signs_agree(coefficients: Floats, families: Sequence[str | None]) -> bool:
    signs: dict[str, float] = {}
    for coefficient, family in zip(coefficients, families, strict=True):
        sign = float(np.sign(coefficient))
        if family is not None and signs.setdefault(family, sign) != sign:
            return False
    return True


TOTAL = 100
"""What all rules that give points give together, before limits."""
_QUANTILES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
_FREE = 1e-4


def as_points(model: AdditivePoints) -> Integers:
    """Scale coefficients so that the positive ones make `TOTAL`, and round them."""
    positive = float(np.maximum(model.coefficients, 0.0).sum())
    largest = positive if positive > 0 else float(-model.coefficients.min(initial=-1.0))
    points = np.rint(model.coefficients * TOTAL / largest)
    weakest = np.where(model.coefficients < 0, -1.0, 1.0)
    return np.where(points == 0, weakest, points).astype(np.int64)


def limits_of(
    holds: Flags, points: Integers, groups: Sequence[str], target: Floats
) -> dict[str, int]:
    """Choose for each group the lowest limit that costs nothing.

    A limit is tried at several quantiles of the group's points, from the lowest; it is free where
    the log loss of the total, put on the scale of probabilities anew, is at most a ten-thousandth
    above that of the best limit.
    """
    sums = group_points(holds, points, groups)
    limits: dict[str, int] = {}
    for name, given in sums.items():
        tried = sorted({int(limit) for limit in np.quantile(given, _QUANTILES) if limit > 0})
        others = sum((sums[other] for other in sums if other != name), np.zeros(len(given)))
        losses = [loss_of(others + np.minimum(given, limit), target) for limit in tried]
        free = [
            limit
            for limit, loss in zip(tried, losses, strict=True)
            if loss <= min(losses) * (1 + _FREE)
        ]
        if free:
            limits[name] = free[0]
    return limits


def group_points(holds: Flags, points: Integers, groups: Sequence[str]) -> Mapping[str, Floats]:
    """Add up the points of each group."""
    of = np.array(groups)
    return {
        name: (holds[:, of == name] @ points[of == name]).astype(np.float64)
        for name in dict.fromkeys(groups)
    }


def loss_of(total: npt.NDArray[np.float64], target: Floats) -> float:
    """Give the log loss of a total once it is put on the scale of probabilities."""
    level, place = np.unique(total, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    mean = np.bincount(place, target) / weight
    scaled = (level - level.mean()) / max(float(level.std()), 1e-9)
    intercept, slope = fit_logistic(scaled[:, None], mean, weight, ridge=1e-6)
    probability = np.clip(logistic(intercept + slope * scaled), 1e-12, 1 - 1e-12)
    losses = -(mean * np.log(probability) + (1 - mean) * np.log(1 - probability))
    return float(np.average(losses, weights=weight))
