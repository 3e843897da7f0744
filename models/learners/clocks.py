"""Features that are a calendar in disguise.

A feature whose values differ between periods and hardly within them (an interest rate, a running
number, the month) tells train from later data perfectly, and its effect cannot be told from all
else that changed with time. It is kept out of the trees, which could only remember its last value,
and enters the level of conversion instead, whose uncertainty grows with the distance to what was
seen. The measure is the intraclass correlation (Donner & Koval 1980, Biometrics 36).
"""

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers, LabelledMatrix

MOST_CODES = 64


def clock_shares(data: LabelledMatrix, period: Integers) -> Floats:
    """Measure for each feature the share of its variance that lies between the periods.

    Parameters
    ----------
    data : LabelledMatrix
    period : ndarray of int64, shape (n,)
        Each row's period, all of about the same size.

    Returns
    -------
    ndarray of float64, shape (n_features,)
        In [0, 1]; 0 for a constant. For a category, over the indicators of its codes together.
    """
    shares = [
        _share(_indicators(column, feature.dtype == "category"), period)
        for column, feature in zip(data.values.T, data.features, strict=True)
    ]
    return np.array(shares)


def _indicators(column: npt.NDArray[np.float32], category: bool) -> list[Floats]:
    absent = np.isnan(column)
    present = column[~absent]
    if len(present) == 0:
        return []
    if not category:
        # Ranks: an outlier must not hide that a number is a clock.
        order = np.unique(present, return_inverse=True)[1].astype(np.float64)
        filled = np.full(len(column), order.mean())
        filled[~absent] = order
        return [filled / max(order.std(), 1e-12), absent.astype(np.float64)]
    codes, counts = np.unique(present, return_counts=True)
    common = codes[np.argsort(-counts, kind="stable")[:MOST_CODES]]
    return [(column == code).astype(np.float64) for code in common]


def _share(columns: list[Floats], period: Integers) -> float:
    counts = np.bincount(period)
    between = total = 0.0
    for column in columns:
        means = np.bincount(period, column) / counts
        between += float(counts @ (means - column.mean()) ** 2) / len(column)
        total += float(column.var())
    return between / total if total > 0 else 0.0
