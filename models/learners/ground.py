"""The level under shapes that are known: the last step of fitting a learner.

A regression fits its level together with its own curves. Where curves are weighed, or trees added,
that level no longer fits: averages of log-odds say too little of the rare. So the level is fitted
again, with what the shapes say of each training row taken as known.
"""

from dataclasses import dataclass

import numpy as np

from models.data import Floats, Integers, LabelledMatrix
from models.learners.basis import Term, owners
from models.learners.level import Level, level_of
from models.learners.newton import fit_level_regression
from models.learners.regression import CLOCK_PENALTY, Layout
from models.learners.rows import row_weights


@dataclass(frozen=True)
class Ground:
    """Training rows as the level sees them.

    Parameters
    ----------
    data : LabelledMatrix
        The rows; their values are not used.
    period : ndarray of int64, shape (n,)
    terms : tuple of Term
        The clocks' columns.
    columns : ndarray of float64, shape (n, n_columns)
        Of the clocks.
    clocks : frozenset of int
        The features that are clocks.
    """

    data: LabelledMatrix
    period: Integers
    terms: tuple[Term, ...]
    columns: Floats
    clocks: frozenset[int]

    @classmethod
    def of(cls, layout: Layout) -> "Ground":
        """Take from a layout what the level needs.

        Parameters
        ----------
        layout : Layout

        Returns
        -------
        Ground
        """
        own = np.isin(owners(layout.terms), list(layout.clocks))
        return cls(
            data=layout.data,
            period=layout.period,
            terms=tuple(term for term in layout.terms if term.feature in layout.clocks),
            columns=np.ascontiguousarray(layout.columns[:, own]),
            clocks=layout.clocks,
        )

    def level_under(self, shape: Floats, half_life: float | None) -> Level:
        """Fit the level of rows whose shape is known.

        Parameters
        ----------
        shape : ndarray of float64, shape (n,)
            What sets each training row apart, in log-odds.
        half_life : float or None
            Of the recency weights.

        Returns
        -------
        Level
        """
        fit = fit_level_regression(
            self.columns,
            self.data.converted,
            row_weights(self.data, half_life),
            self.period,
            np.full(self.columns.shape[1], CLOCK_PENALTY),
            offset=shape,
        )
        return level_of(fit, self.terms, self.clocks, bool(self.period.max() > 0))
