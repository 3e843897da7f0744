"""Reasons for any model: its value split among the features by sampling, adding up exactly.

A lead's features are put, one after the other, in place of those of a background row; what each
step changes is the feature's part. Averaged over orders and background rows that is the Shapley
value (Castro, Gómez & Tejada 2009, "Polynomial calculation of the Shapley value based on
sampling", Computers & Operations Research 36; the orders come in pairs, one the other's reverse,
Mitchell et al. 2022, "Sampling Permutations for Shapley Value Estimation", JMLR 23). Whatever the
orders, a lead's parts add up to its value less the background's mean.

The background holds no lead: each column takes the training rows' quantiles, rounded, in an order
of its own. Orders and background are the same for every lead, so that a lead alone has the parts
that it has among many.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from leadcast.models.data import Floats, Integers, Matrix

ROWS = 16
"""Background rows, each with an order of the features."""
DIGITS = 2
"""Significant digits that a number of the background keeps."""
AT_ONCE = 40_000
"""So many rows are given to the model at once."""
_SEED = 20_261_129


def background_of(values: Matrix, levels: Integers) -> Floats:
    """Make up the background rows.

    Parameters
    ----------
    values : ndarray of float32, shape (n, m)
        Training rows.
    levels : ndarray of int64, shape (m,)
        How many known values a category has, 0 for numbers and flags.

    Returns
    -------
    ndarray of float64, shape (`ROWS`, m)
        Of each column its quantiles at (k + 1/2) / `ROWS`, missing values last, in a drawn order;
        categories and flags are not rounded.
    """
    drawn = np.random.default_rng(_SEED)
    places = ((np.arange(ROWS) + 0.5) / ROWS * len(values)).astype(np.int64)
    found = np.empty((ROWS, values.shape[1]))
    for column in range(values.shape[1]):
        chosen = np.sort(values[:, column])[places].astype(np.float64)
        found[:, column] = drawn.permutation(chosen if levels[column] else _rounded(chosen))
    return found


def sampled_parts(
    value: Callable[[Matrix], Floats], rows: Matrix, background: Floats
) -> tuple[Floats, float]:
    """Split a model's value among the features.

    Parameters
    ----------
    value : callable
        Takes rows, float32 of shape (k, m), and gives their values, shape (k,).
    rows : ndarray of float32, shape (n, m)
    background : ndarray of float64, shape (`ROWS`, m)

    Returns
    -------
    ndarray of float64, shape (n, m)
        Each feature's part.
    float
        The mean of the background's values: with it the parts add up to the rows' values.
    """
    n, m = rows.shape
    behind = background.astype(np.float32)
    start = value(behind)
    parts = np.zeros((n, m))
    if m == 0:
        return parts, float(start.mean())
    each = max(1, AT_ONCE // m)
    for first in range(0, n, each):
        block = rows[first : first + each]
        for place, (order, origin) in enumerate(zip(_orders(m), behind, strict=True)):
            parts[first : first + each] += _steps(value, block, origin, order, float(start[place]))
    return parts / len(behind), float(start.mean())


def _steps(
    value: Callable[[Matrix], Floats], rows: Matrix, origin: Matrix, order: Integers, start: float
) -> Floats:
    """Tell what each feature changes when it takes its place in one order."""
    n, m = rows.shape
    # Row k of a lead has the first k + 1 features of the order from the lead, the rest not.
    taken = np.empty((m, m), bool)
    taken[:, order] = np.tri(m, dtype=bool)
    path = np.where(taken[None], rows[:, None], origin[None, None]).reshape(n * m, m)
    values = value(np.ascontiguousarray(path, np.float32)).reshape(n, m)
    steps = np.diff(values, axis=1, prepend=start)
    parts = np.empty((n, m))
    parts[:, order] = steps
    return parts


@cache
def _orders(m: int) -> tuple[Integers, ...]:
    drawn = np.random.default_rng(_SEED + m)
    halves = [drawn.permutation(m) for _ in range(ROWS // 2)]
    return tuple(order for half in halves for order in (half, half[::-1]))


def _rounded(numbers: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(numbers)))
    unit = 10.0 ** (np.where(np.isfinite(size), size, 0) - (DIGITS - 1))
    return np.asarray(np.round(numbers / unit) * unit)
