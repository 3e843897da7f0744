"""The ridge penalties of a regression's columns, of which the rows themselves choose some.

A number's curve is a line and bends, by which it departs from the line. How far it may is found
from the rows: a number's bends share a normal prior around 0, and its variance is found with the
rest of the fit by expectation-maximisation around Laplace's approximation (empirical Bayes; for
curves as in Ruppert, Wand & Carroll 2003, "Semiparametric Regression", chapter 4). Where the truth
is a line the bends all but vanish, so that a small export is not taken in by chance; where it
jumps or waves they are let loose.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from leadcast.models.data import Floats, Integers

HELD = -1
"""The group of a column whose penalty stays as it was given."""
PRIOR_BENDS = 1.0
"""What was given beforehand counts as so many more bends of each number."""
NEAR = 0.1
"""How close penalties are brought, on the log scale, before they are taken as found."""


@dataclass(frozen=True)
class Ridge:
    """The precision of each column's weight, before anything is known of it."""

    penalty: Floats
    """As it stands."""
    given: Floats
    """As it was given; the same for all columns of a group."""
    group: Integers
    """Columns of the same number share a penalty, which the rows choose; see `HELD`."""

    @classmethod
    def of(cls, penalty: Floats, group: Integers | None = None) -> Self:
        """Begin with what is given."""
        own = np.full(len(penalty), HELD) if group is None else group
        return cls(penalty, penalty, own)

    def after(self, weights: Floats, variance: Floats) -> Self:
        """Update by what the weights came to, and how sure that is."""
        free = np.flatnonzero(self.group != HELD)
        if not len(free):
            return self
        _, first, code = np.unique(self.group[free], return_index=True, return_inverse=True)
        squares = np.bincount(code, weights[free] ** 2 + variance[free])
        given = self.given[free][first]
        found = (np.bincount(code) + PRIOR_BENDS) / (squares + PRIOR_BENDS / given)
        penalty = self.penalty.copy()
        penalty[free] = found[code]
        return replace(self, penalty=penalty)

    def is_near(self, other: Self) -> bool:
        """Tell whether another round would change next to nothing."""
        return bool((np.abs(np.log(self.penalty / other.penalty)) < NEAR).all())
