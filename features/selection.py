"""Which columns are worth keeping: those that vary, each thing said once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.registry import Feature

Matrix = npt.NDArray[np.float32]


def useful_columns(
    values: Matrix, features: Sequence[Feature], min_differing: int, redundancy: float
) -> tuple[str, ...]:
    """Choose columns without looking at any outcome.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_features)
        Training rows.
    features : sequence of Feature
        The columns; of columns that say the same the first is kept.
    min_differing : int
        A column must differ from its most frequent value (which may be "missing") in so many
        rows.
    redundancy : float
        A number or flag is left out where its ranks' correlation (Spearman's; a missing number is
        above all others) with an earlier kept one is greater in size; a category only where it
        repeats an earlier one exactly.

    Returns
    -------
    tuple of str
        The names of the kept columns, in their order.
    """
    kept: list[str] = []
    said: set[bytes] = set()
    ranks = np.empty((values.shape[1], values.shape[0]), dtype=np.float32)
    n_ranks = 0
    for column, feature in enumerate(features):
        _, places, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        exact = places.astype(np.int32).tobytes()
        if len(places) - counts.max(initial=0) < min_differing or exact in said:
            continue
        if feature.dtype != "category":
            own = _standard_ranks(places, counts)
            if n_ranks and np.abs(ranks[:n_ranks] @ own).max() > redundancy:
                continue
            ranks[n_ranks] = own
            n_ranks += 1
        said.add(exact)
        kept.append(feature.name)
    return tuple(kept)


def _standard_ranks(
    places: npt.NDArray[np.intp], counts: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Rank with ties in the middle, centred, of length 1; so a correlation is a dot product."""
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks = middle[places] - (len(places) + 1) / 2
    return (ranks / np.linalg.norm(ranks)).astype(np.float32)
