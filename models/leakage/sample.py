"""The rows that the statistical checks look at: whole leads, in folds, in blocks of time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers, LabelledMatrix, Matrix

MOST_ROWS = 20_000
"""Enough to tell an AUC to within 0.02 at a base rate of one in a hundred; more would only cost."""

FOLDS = 3
_ROWS_A_BLOCK = 500
_MOST_BLOCKS = 20


@dataclass(frozen=True)
class Sample:
    """Some of the training rows.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_rows,)
        Which rows of the training matrix, increasing.
    values : ndarray of float32, shape (n_rows, n_features)
        Their features.
    converted : ndarray of float64, shape (n_rows,)
        Their labels.
    group : ndarray of int64, shape (n_rows,)
        A code for each lead or account.
    fold : ndarray of int64, shape (n_rows,)
        0 to `FOLDS` - 1; a group's rows share it.
    block : ndarray of int64, shape (n_rows,)
        A stretch of time of about equal numbers of rows. Rows are compared within their block
        only: a column that is a clock tells the base rate of its block, and nothing within it.
    """

    rows: Integers
    values: Matrix
    converted: Floats
    group: Integers
    fold: Integers
    block: Integers

    def fewest(self) -> int:
        """Count the groups with the rarer outcome.

        Returns
        -------
        int
        """
        return min(self.groups_with(1.0), self.groups_with(0.0))

    def groups_with(self, outcome: float) -> int:
        """Count the groups that have a row with an outcome.

        Parameters
        ----------
        outcome : float
            1.0 or 0.0.

        Returns
        -------
        int
        """
        return len(np.unique(self.group[self.converted == outcome]))

    def base_log_odds(self) -> Floats:
        """Give each row the log-odds of its block's base rate.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Finite: half a row of each outcome is added to a block.
        """
        won = np.bincount(self.block, weights=self.converted)
        rows = np.bincount(self.block)
        return np.log((won + 0.5) / (rows - won + 0.5))[self.block]


def draw_sample(training: LabelledMatrix, seed: int) -> Sample:
    """Draw whole groups until there are about `MOST_ROWS` rows.

    Parameters
    ----------
    training : LabelledMatrix
        The training rows.
    seed : int
        Which groups, and which of them share a fold.

    Returns
    -------
    Sample
        All rows where there are no more than `MOST_ROWS`.
    """
    _, code, sizes = np.unique(training.group, return_inverse=True, return_counts=True)
    turn = np.random.default_rng(seed).permutation(len(sizes))
    before = np.empty(len(sizes), dtype=np.int64)
    before[np.argsort(turn)] = np.cumsum(sizes[np.argsort(turn)])
    kept = (before <= MOST_ROWS) | (turn == 0)
    rows = np.flatnonzero(kept[code])
    return Sample(
        rows=rows,
        values=training.values[rows],
        converted=training.converted[rows],
        group=code[rows],
        fold=turn[code[rows]] % FOLDS,
        block=_blocks(training.position[rows]),
    )


def _blocks(position: Integers) -> npt.NDArray[np.int64]:
    number = int(np.clip(len(position) // _ROWS_A_BLOCK, 1, _MOST_BLOCKS))
    edges = np.sort(position)[(np.arange(1, number) * len(position)) // number]
    return np.searchsorted(np.unique(edges), position, side="right").astype(np.int64)
