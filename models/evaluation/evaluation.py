"""The content of ``metrics.json``: every metric with its interval, overall and by slice.

Segments that a user names: the leads by the values of an attribute.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Integers
from leadcast.models.evaluation.bootstrap import LEVEL, Estimate, bootstrap, coded
from leadcast.models.evaluation.chance import (
    FEWEST_ROWS,
    if_calibrated,
    multicalibration,
    wilson_interval,
)
from leadcast.models.evaluation.metrics import (
    Family,
    Metric,
    brier_decomposition,
    expected_calibration_error,
    metrics_by_name,
)

BLOCKS = 10
"""Into how many parts time is cut where there are no dates."""


MISCALIBRATION = Family(
    (Metric("brier_reliability"), Metric("ece")),
    lambda counts: (brier_decomposition(counts)[0], expected_calibration_error(counts)),
    "probability",
)
"""Distances that even true probabilities do not bring to 0 on a sample."""


def evaluate(
    probability: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    landmark: npt.ArrayLike | None = None,
    month: npt.ArrayLike | None = None,
    position: npt.ArrayLike | None = None,
    segments: Mapping[str, npt.NDArray[np.str_]] | None = None,
    seed: int = 0,
    replicates: int = 1000,
    slice_replicates: int = 200,
) -> dict[str, Any]:
    """Measure the test part, overall and by slice.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1].
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    landmark : array_like of float, shape (n_rows,), optional
        Age at the snapshot, in days; where the source is dated.
    month : array_like of str, shape (n_rows,), optional
        As `months_of` gives it; where the source is dated.
    position : array_like of int, shape (n_rows,), optional
        Time's order; used where there is no `month`.
    segments : mapping of str to ndarray of str, shape (n_rows,), optional
        For each attribute that a user names the segment of each row.
    seed : int
        The same seed gives the same intervals.
    replicates, slice_replicates : int
        Draws of the bootstrap, for the whole and for each slice.

    Returns
    -------
    dict
        ``"test"``: each metric as ``{"value", "low", "high"}`` (null where it is not defined),
        ``"n"``, ``"n_converted"`` and ``"n_leads"``, and ``"ece_if_calibrated"``: what the
        calibration error would be by chance if the probabilities were true (as much is left open
        at the low end of ``"ece"`` and ``"brier_reliability"``). The same for each
        slice in ``"by_landmark"`` (keys as in ``"7"``), and in ``"by_month"`` (``"2025-03"``) or,
        without dates, in ``"by_block"`` (tenths of time's order, ``"01"`` to ``"10"``). Where
        segments are named, ``"by_segment"`` (by attribute, then by segment), and
        ``"multicalibration"`` as `leadcast.models.evaluation.chance.multicalibration` gives it.

    Raises
    ------
    ValueError
        If the lengths differ, or a number is outside what is said above.
    """
    codes, _ = coded(group)
    rows = _Rows(np.asarray(probability), np.asarray(converted), codes)
    content: dict[str, Any] = {"test": _measured(rows, seed, replicates)}
    if landmark is not None:
        content["by_landmark"] = _by(rows, landmark_names(landmark), seed, slice_replicates)
    if month is not None:
        content["by_month"] = _by(rows, np.asarray(month), seed, slice_replicates)
    elif position is not None:
        content["by_block"] = _by(rows, blocks_of(position), seed, slice_replicates)
    if segments:
        content["by_segment"] = {
            name: _by(rows, labels, seed, slice_replicates) for name, labels in segments.items()
        }
        content["multicalibration"] = multicalibration(*rows, segments, seed=seed)
    return content


def months_of(as_of: pl.Series) -> npt.NDArray[np.str_]:
    """Name the month of each snapshot.

    Parameters
    ----------
    as_of : pl.Series of `leadcast.features.tables.TIME`, length n_rows
        Not null.

    Returns
    -------
    ndarray of str, shape (n_rows,)
        Such as ``"2025-03"``, in UTC.
    """
    return np.array(as_of.dt.strftime("%Y-%m").to_list(), dtype=np.str_)


def landmark_names(landmark: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Name landmarks as ``metrics.json`` does: days, without needless zeros."""
    return np.array([f"{days:g}" for days in np.asarray(landmark).tolist()], dtype=np.str_)


def blocks_of(position: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Cut time's order into tenths of the rows; rows with the same position stay together.

    Parameters
    ----------
    position : array_like of int, shape (n_rows,)

    Returns
    -------
    ndarray of str, shape (n_rows,)
        ``"01"`` (the earliest) to ``"10"``.
    """
    _, place, rows = np.unique(np.asarray(position), return_inverse=True, return_counts=True)
    middle = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1)
    names = np.array([f"{number:02d}" for number in range(1, BLOCKS + 1)])
    return np.asarray(names[np.floor(middle * BLOCKS).astype(np.int64)][place], dtype=np.str_)


class _Rows(NamedTuple):
    probability: npt.NDArray[Any]
    converted: npt.NDArray[Any]
    group: Integers


def _by(
    rows: _Rows, labels: npt.NDArray[Any], seed: int, replicates: int
) -> dict[str, dict[str, Any]]:
    if len(labels) != len(rows.converted):
        raise ValueError(f"{len(labels)} labels are given for {len(rows.converted)} rows")
    return {
        str(label): _measured(_Rows(*(part[labels == label] for part in rows)), seed, replicates)
        for label in np.unique(labels)
    }


def _measured(rows: _Rows, seed: int, replicates: int) -> dict[str, Any]:
    counted: dict[str, Any] = {
        "n": len(rows.converted),
        "n_converted": round(float(rows.converted.sum())),
        "n_leads": len(np.unique(rows.group)),
    }
    estimates = dict.fromkeys([*metrics_by_name(), "ece_if_calibrated"], Estimate(None, None, None))
    if counted["n"] >= FEWEST_ROWS:
        found = bootstrap(*rows, replicates=replicates, seed=seed)
        estimates |= found | _against_chance(rows, found, seed)
    if counted["n"]:
        estimates["base_rate"] = _base_rate(rows, estimates["base_rate"])
    return counted | {name: estimate.to_json() for name, estimate in estimates.items()}


def _against_chance(rows: _Rows, found: dict[str, Estimate], seed: int) -> dict[str, Estimate]:
    draws = if_calibrated(rows.probability, rows.group, MISCALIBRATION, seed=seed)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    changed = {
        "ece_if_calibrated": Estimate(float(draws[:, 1].mean()), float(low[1]), float(high[1]))
    }
    for name, most in zip(MISCALIBRATION.names, high, strict=True):
        estimate = found[name]
        if estimate.value is not None and estimate.low is not None:
            # What is left when as much as chance may show is taken off. The bootstrap cannot know
            # how much that is: none of its draws is calibrated.
            beyond = max(estimate.value - float(most), 0.0)
            changed[name] = replace(estimate, low=min(estimate.low, beyond))
    return changed


def _base_rate(rows: _Rows, estimate: Estimate) -> Estimate:
    rate = float(rows.converted.mean())
    if estimate.low is not None and 0 < rate < 1:
        return estimate
    # Draws from rows that all turned out alike cannot differ; Wilson's interval of as many leads
    # says what else could have been.
    return Estimate(rate, *wilson_interval(rate, len(np.unique(rows.group))))


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
