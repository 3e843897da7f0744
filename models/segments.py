"""Segments that a user names: the leads by the values of an attribute."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

MOST_SEGMENTS = 8
"""An attribute is cut into at most so many, apart from the rest and the empty ones."""
BANDS = 4
"""Into how many bands of equally many leads a number is cut."""
EMPTY = "(empty)"
REST = "(all others)"


def segments_of(values: pl.Series) -> npt.NDArray[np.str_]:
    """Cut leads into segments by one attribute.

    Parameters
    ----------
    values : pl.Series, length n_rows
        The attribute. Numbers of more than `MOST_SEGMENTS` different values are cut into `BANDS`
        bands; of other values the `MOST_SEGMENTS` most frequent have a segment each.

    Returns
    -------
    ndarray of str, shape (n_rows,)
        The name of each row's segment; `EMPTY` where there is no value, `REST` for rare values.
    """
    if values.dtype.is_numeric() and values.drop_nulls().n_unique() > MOST_SEGMENTS:
        named = _bands(values.cast(pl.Float64).fill_nan(None))
    else:
        named = _levels(values.cast(pl.String))
    return np.array(named.fill_null(EMPTY).to_list(), dtype=np.str_)


def _levels(values: pl.Series) -> pl.Series:
    counts = (
        values.drop_nulls().value_counts().sort(["count", values.name], descending=[True, False])
    )
    levels = counts[values.name].head(MOST_SEGMENTS)
    frame = pl.DataFrame({"value": values})
    kept = pl.col("value").is_in(levels.implode()) | pl.col("value").is_null()
    return frame.select(pl.when(kept).then("value").otherwise(pl.lit(REST))).to_series()


def _bands(values: pl.Series) -> pl.Series:
    known = values.drop_nulls().to_numpy()
    inner = np.unique(np.quantile(known, np.arange(1, BANDS) / BANDS, method="higher"))
    inner = inner[(inner > known.min()) & (inner <= known.max())]
    names = [
        *([f"below {inner[0]:,g}"] if len(inner) else ["all"]),
        *(f"{low:,g} to below {high:,g}" for low, high in pairwise(inner)),
        *([f"{inner[-1]:,g} and more"] if len(inner) else []),
    ]
    place = np.searchsorted(inner, values.fill_null(0.0).to_numpy(), side="right")
    return pl.Series([names[band] for band in place]).set(values.is_null(), None)
