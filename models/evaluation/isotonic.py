"""Isotonic regression: the rising steps closest to rates that ought to rise."""

import numpy as np

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Floats, Integers


@compiled
def pooled_ends(mass: Floats, hits: Floats) -> Integers:
    """Pool adjacent violators: where each block of the isotonic fit ends.

    The pool-adjacent-violators algorithm (Ayer et al. 1955; Barlow et al. 1972) in one pass: a
    block is merged with the one before as long as its rate is not higher, so that the rates of
    the blocks that are left rise strictly.

    Parameters
    ----------
    mass : ndarray of float64, shape (n,)
        The weight at each value, values rising; positive.
    hits : ndarray of float64, shape (n,)
        The converted weight at each value.

    Returns
    -------
    ndarray of int64, shape (n_blocks,)
        The index after each block's last place; the last is n.
    """
    ends = np.empty(len(mass), np.int64)
    block_mass = np.empty(len(mass))
    block_hits = np.empty(len(mass))
    blocks = 0
    for place in range(len(mass)):
        ends[blocks] = place + 1
        block_mass[blocks] = mass[place]
        block_hits[blocks] = hits[place]
        blocks += 1
        # Rates are compared by cross-multiplying: exact for counts, where a quotient rounds.
        while blocks > 1 and (
            block_hits[blocks - 1] * block_mass[blocks - 2]
            <= block_hits[blocks - 2] * block_mass[blocks - 1]
        ):
            blocks -= 1
            ends[blocks - 1] = ends[blocks]
            block_mass[blocks - 1] += block_mass[blocks]
            block_hits[blocks - 1] += block_hits[blocks]
    return ends[:blocks].copy()


def block_sums(amount: Floats, ends: Integers) -> Floats:
    """Sum an amount over each block.

    Parameters
    ----------
    amount : ndarray of float64, shape (n,)
        What to sum.
    ends : ndarray of int64, shape (n_blocks,)
        As `pooled_ends` gives them.

    Returns
    -------
    ndarray of float64, shape (n_blocks,)
    """
    starts = np.concatenate([[0], ends[:-1]])
    return np.asarray(np.add.reduceat(amount, starts), dtype=np.float64)


def isotonic_rates(mass: Floats, hits: Floats) -> Floats:
    """Fit rising rates by weighted least squares."""
    ends = pooled_ends(mass, hits)
    rates = block_sums(hits, ends) / block_sums(mass, ends)
    return np.repeat(rates, np.diff(ends, prepend=0))
