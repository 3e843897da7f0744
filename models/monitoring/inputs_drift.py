"""How the inputs have changed, weighted by what they do to the score: to explain, not to alarm.

Inputs change every week without anything being wrong, so that a test of each of them cries wolf.
What is told is the population stability index (Siddiqi 2006) of each feature, times the share that
the feature has in the model.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.models.data import Floats, Matrix

BINS = 10
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class InputDrift:
    """How far a feature has moved.

    Parameters
    ----------
    feature : str
    stability_index : float
        0 where nothing has changed; above 0.25 is commonly called a large change.
    missing_before, missing_now : float
        The share of leads without it.
    weight : float
        The share that the feature has in the model's scores.
    weighted : float
        Index times weight.
    """

    feature: str
    stability_index: float
    missing_before: float
    missing_now: float
    weight: float
    weighted: float


def input_drift(
    names: list[str], before: Matrix, now: Matrix, importance: Floats
) -> list[InputDrift]:
    """Compare the features of two times.

    Parameters
    ----------
    names : list of str
    before, now : ndarray of float32, shape (n_rows, n_features)
        NaN where a feature is missing.
    importance : ndarray of float64, shape (n_features,)
        The shares in the model's scores; they add up to 1.

    Returns
    -------
    list of InputDrift
        What matters most first.
    """
    if not (len(before) and len(now)):
        return []
    found = []
    for place, name in enumerate(names):
        one, other = before[:, place], now[:, place]
        index, weight = stability_index(one, other), float(importance[place])
        gone = (float(np.isnan(one).mean()), float(np.isnan(other).mean()))
        found.append(InputDrift(name, index, *gone, weight, index * weight))
    return sorted(found, key=lambda drift: -drift.weighted)


def stability_index(before: Matrix, now: Matrix) -> float:
    """Compute the population stability index of one feature; missing values are a bin of their own.

    Parameters
    ----------
    before, now : ndarray of float32, shape (n_rows,)
        At least one row each.

    Returns
    -------
    float
        ``sum (a - b) log(a / b)`` over the bins, that have equal shares before.
    """
    known, edges = before[~np.isnan(before)], np.zeros(0)
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    one, other = (np.maximum(_shares(part, edges), _LEAST_SHARE) for part in (before, now))
    return float(((other - one) * np.log(other / one)).sum())


def new_categories(
    before: pl.DataFrame, now: pl.DataFrame, least: int
) -> list[tuple[str, str, int]]:
    """Find values that were not there before.

    Parameters
    ----------
    before, now : pl.DataFrame
        The same columns of texts.
    least : int
        A value that so few leads have is not told.

    Returns
    -------
    list of tuple
        Column, value and the number of leads, the most frequent first.
    """
    found = []
    for column in now.columns:
        counts = now[column].drop_nulls().value_counts()
        fresh = counts.join(before.select(column).unique(), on=column, how="anti", nulls_equal=True)
        found += [
            (column, str(value), count) for value, count in fresh.iter_rows() if count >= least
        ]
    return sorted(found, key=lambda one: (-one[2], one[0], one[1]))


def _shares(values: Matrix, edges: Floats) -> Floats:
    missing = np.isnan(values)
    place = np.searchsorted(edges, values[~missing], side="right")
    counts = np.bincount(place, minlength=len(edges) + 1)
    return np.asarray(np.append(counts, missing.sum()) / len(values))
