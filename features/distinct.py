"""A column by its distinct values, so that each is read once."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from features.readings import Value

Distinct = tuple[Sequence[Value | None], npt.NDArray[np.intp]]
"""Distinct values of a column, and where each row's value is among them."""


def distinct(series: pl.Series) -> Distinct:
    """Find the distinct values of a column.

    Parameters
    ----------
    series : pl.Series
        Texts or numbers.

    Returns
    -------
    values : sequence
        The distinct values (texts that are mostly distinct may repeat) and, last, None.
    codes : ndarray of intp, shape (n_rows,)
        Where each row's value is in `values`.
    """
    if series.dtype.is_numeric():
        numbers, places = np.unique(as_numbers(series), return_inverse=True)
        return [*numbers.tolist(), None], places
    texts = series.cast(pl.String)
    values = texts.drop_nulls().unique(maintain_order=True)
    if 2 * len(values) > len(texts):
        # Most are distinct, as e-mail addresses are: to read some twice is cheaper than to look.
        return [*texts.to_list(), None], np.arange(len(texts))
    codes = texts.cast(pl.Enum(values)).to_physical().cast(pl.Int64).fill_null(len(values))
    return [*values.to_list(), None], codes.to_numpy()


def as_numbers(series: pl.Series) -> npt.NDArray[np.float64]:
    """Convert a column of numbers or flags, NaN where it is null.

    Parameters
    ----------
    series : pl.Series
        Any numeric or Boolean column, or one of nulls only.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    numbers = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return np.asarray(numbers, dtype=np.float64)
