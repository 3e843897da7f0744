"""Scoring with LightGBM's trees, exactly and fast, without LightGBM.

Example
-------
>>> forest = Forest.from_lightgbm_text(text)
>>> log_odds = forest.raw(values)
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.models.data import Floats, Integers, Matrix
from leadcast.models.trees.trees_codes import Splits, Stepper, TreeColumns, Walker, encode_trees
from leadcast.models.trees.trees_contributions import Paths, contributions_into, lay_out
from leadcast.models.trees.trees_text import Trees, read_trees

WALK_ROWS = 8
"""Up to so many rows are walked one by one; a block costs as much as some ten of them."""
MAX_LEAVES = 1024
"""With larger trees, walking costs less than letting a row take every step."""
MAX_CODES = 2**16
ROWS_PER_THREAD = 16_384
EXPLAINED_PER_THREAD = 256


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of a LightGBM model, ready to score.

    Parameters
    ----------
    trees : Trees
        As read from the text model.
    seen : ndarray of int64, shape (n_features,), optional
        Which columns of a wider matrix the model's features are.
    """

    trees: Trees
    seen: Integers | None = None

    @classmethod
    def from_lightgbm_text(cls, text: str) -> Self:
        """Read a LightGBM text model.

        Parameters
        ----------
        text : str
            What ``Booster.model_to_string()`` or ``Booster.save_model`` gave.

        Returns
        -------
        Forest

        Raises
        ------
        LeadcastError
            If the text is damaged or foreign, or holds several classes or linear trees.
        """
        return cls(read_trees(text))

    @property
    def n_features(self) -> int:
        """How many columns a matrix must have, or at least have where only some are seen."""
        return self.trees.n_features if self.seen is None else int(self.seen.max(initial=-1)) + 1

    def raw(self, values: Matrix, threads: int = 1) -> Floats:
        """Sum up the leaves that each row falls into.

        Equal, bit for bit, to LightGBM's ``Booster.predict(values, raw_score=True)``: values
        are float32, for which each comparison with a threshold can be made exactly, and the sum
        is taken in the order of the trees.

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features)
            NaN where missing; categories as whole numbers.
        threads : int
            How many threads to use when there are many rows.

        Returns
        -------
        ndarray of float64, shape (n_rows,)

        Raises
        ------
        LeadcastError
            If `values` has not the model's number of columns, or another dtype.
        """
        checked = self._checked(values)
        total = np.empty(len(checked))
        if len(checked) <= WALK_ROWS or not self._has_small_codes:
            _in_parts(self._walker.sum_into, checked, total, threads, ROWS_PER_THREAD)
        else:
            _in_parts(self._stepper.sum_into, checked, total, threads, ROWS_PER_THREAD)
        return total

    def contributions(self, values: Matrix, threads: int = 1) -> Floats:
        """Split each row's sum of leaves among the features.

        Equal to LightGBM's ``Booster.predict(values, pred_contrib=True)`` but for rounding: the
        Shapley values where an unknown feature goes each way with its share of training rows
        (Lundberg et al., Consistent individualized feature attribution for tree ensembles, 2018).

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features)
            As for `raw`.
        threads : int
            How many threads to use when there are many rows.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_features + 1)
            What each feature adds; last the mean over the training rows, from which they start.

        Raises
        ------
        LeadcastError
            As `raw` does.
        """
        checked = self._checked(values)
        out = np.empty((len(checked), checked.shape[1] + 1))
        walker, paths = self._walker, self._paths
        _in_parts(
            lambda rows, part: contributions_into(rows, walker, paths, part),
            checked,
            out,
            threads,
            EXPLAINED_PER_THREAD,
        )
        return out

    def _checked(self, values: Matrix) -> Matrix:
        width = values.shape[1] if values.ndim == 2 else 0
        fits = width == self.n_features or (self.seen is not None and width > self.n_features)
        if values.dtype != np.float32 or values.ndim != 2 or not fits:
            raise LeadcastError(
                f"the forest needs a float32 matrix of {self.n_features} columns; it was given "
                f"{values.dtype} of shape {values.shape}"
            )
        return np.ascontiguousarray(values)

    @cached_property
    def _encoded(self) -> tuple[TreeColumns, Splits]:
        return encode_trees(self._placed)

    @cached_property
    def _placed(self) -> Trees:
        """The trees, whose nodes look at the columns of the matrix itself: nothing is copied."""
        if self.seen is None:
            return self.trees
        return replace(self.trees, feature=self.seen[self.trees.feature])

    @cached_property
    def _has_small_codes(self) -> bool:
        largest_tree = int(np.diff(self.trees.leaf_start).max(initial=0))
        return largest_tree <= MAX_LEAVES and self._encoded[0].largest_code < MAX_CODES

    @cached_property
    def _paths(self) -> Paths:
        return lay_out(self._placed)

    @cached_property
    def _walker(self) -> Walker:
        return Walker.of(self.trees, *self._encoded)

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper.of(self.trees, *self._encoded)


def _in_parts(
    compute: Callable[[Matrix, Floats], None], values: Matrix, out: Floats, threads: int, size: int
) -> None:
    if threads == 1 or len(values) < 2 * size:
        compute(values, out)
        return
    # More parts than threads, so that none waits long for the slowest.
    parts = [slice(first, first + size) for first in range(0, len(values), size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: compute(values[part], out[part]), parts))
