"""The knowledge boundary: what was known at a moment, decided in this one place."""

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled


@compiled
def is_known(occurred_at_us: int, as_of_us: int) -> bool:
    """Tell whether something that happened was already known at a moment.

    What happens at the very moment itself is not known yet: a feature that saw it could see the
    outcome that it should predict.

    Parameters
    ----------
    occurred_at_us, as_of_us : int
        Microseconds since 1970, UTC.

    Returns
    -------
    bool
        ``occurred_at_us < as_of_us``.
    """
    return occurred_at_us < as_of_us


def known(occurred_at: pl.Expr, as_of: pl.Expr) -> pl.Expr:
    """Say `is_known` of columns.

    Parameters
    ----------
    occurred_at, as_of : pl.Expr
        Times.

    Returns
    -------
    pl.Expr
        Boolean.
    """
    return occurred_at < as_of


@compiled
def known_until(times_us: npt.NDArray[np.int64], start: int, stop: int, as_of_us: int) -> int:
    """Find where the known part of an ascending stretch of times ends, by bisection.

    Parameters
    ----------
    times_us : ndarray of int64
        Microseconds since 1970; ``times_us[start:stop]`` ascends.
    start, stop : int
        The stretch to look at.
    as_of_us : int
        The moment, in microseconds since 1970.

    Returns
    -------
    int
        ``times_us[start:end]`` is known at the moment and ``times_us[end:stop]`` is not.
    """
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if is_known(times_us[middle], as_of_us):
            low = middle + 1
        else:
            high = middle
    return low
