"""The order, the periods and the weights of training rows."""

import random

import numpy as np

from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix

FEWEST_OF_A_PERIOD = 10
"""A period holds at least this many won leads, and lost ones, for each period's level."""


def canonical_order(data: LabelledMatrix) -> Integers:
    """Order rows by position, then by what they hold, so that their order of arrival is nothing.

    Parameters
    ----------
    data : LabelledMatrix

    Returns
    -------
    ndarray of int64, shape (n,)
        Row numbers; the rows so taken are the same whatever order they came in.
    """
    keys = (data.converted, _digest(data.values), data.group, data.position)
    return np.asarray(np.lexsort(keys), np.int64)


def leads_with(data: LabelledMatrix, outcome: float) -> int:
    """Count the leads of an outcome, each person once.

    Parameters
    ----------
    data : LabelledMatrix
    outcome : float
        1.0 for won, 0.0 for not.

    Returns
    -------
    int
    """
    return len(np.unique(data.persons[data.converted == outcome]))


def thinned(data: LabelledMatrix, most: int) -> LabelledMatrix:
    """Keep at most `most` rows, evenly spaced in their order.

    Parameters
    ----------
    data : LabelledMatrix
    most : int

    Returns
    -------
    LabelledMatrix
    """
    if len(data) <= most:
        return data
    return data.rows(thinned_places(len(data), most))


def thinned_places(n: int, most: int) -> Integers:
    """Choose at most `most` of `n` places, evenly spaced.

    Parameters
    ----------
    n, most : int

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)


def recency_weights(position: Integers, half_life: float | None) -> Floats:
    """Weigh rows by how recent they are; the latest weighs 1.

    Parameters
    ----------
    position : ndarray of int64, shape (n,)
    half_life : float or None
        As a share of the span of `position`; None weighs all rows 1.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    age = (position.max() - position).astype(np.float64)
    span = float(age.max())
    if half_life is None or span == 0:
        return np.ones(len(position))
    return np.asarray(2.0 ** (-age / (half_life * span)))


def row_weights(data: LabelledMatrix, half_life: float | None) -> Floats:
    """Weigh rows by how recent they are, and all of them by how much a row tells.

    Snapshots of one lead share most of its outcome: so many rows of it tell hardly more than one.
    All rows are weighed by the number of leads over the number of rows (the design effect where
    snapshots of a lead agree, Kish 1965, "Survey Sampling"), so that priors and penalties are set
    against what is really known.

    Parameters
    ----------
    data : LabelledMatrix
    half_life : float or None
        As in `recency_weights`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Times the rows' own weights, where they have any.
    """
    leads_per_row = len(np.unique(data.persons)) / len(data)
    weight = recency_weights(data.position, half_life) * leads_per_row
    return weight if data.weight is None else weight * data.weight


def periods_of(data: LabelledMatrix, most: int) -> Integers:
    """Cut the rows into periods of about equal size, rows of one position together."""
    won = float(data.converted.sum())
    number = int(min(most, min(won, len(data) - won) // FEWEST_OF_A_PERIOD))
    if number < 3:
        return np.zeros(len(data), dtype=np.int64)
    return stretches(data.position, number)


def stretches(position: Integers, number: int) -> Integers:
    """Cut positions into at most so many stretches of about equal size, equal ones together."""
    starts = np.sort(position)[(np.arange(1, number) * len(position)) // number]
    return np.unique(np.searchsorted(starts, position, side="right"), return_inverse=True)[1]


def _digest(values: Matrix) -> Integers:
    # Only equal rows need equal digests: rows that collide differ in position or group, or else
    # may stand in either order.
    numbers = np.where(np.isnan(values), np.float32(-1e30), values).view(np.uint32)
    drawn = random.Random(20260101)
    total = np.zeros(len(values), dtype=np.uint64)
    for place in range(values.shape[1]):
        factor = np.uint64(2 * drawn.getrandbits(62) + 1)
        total ^= (numbers[:, place].astype(np.uint64) + np.uint64(0x9E3779B9)) * factor
        total = (total << np.uint64(7)) | (total >> np.uint64(57))
    return total.view(np.int64)
