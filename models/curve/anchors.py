"""Anchors of a curve: at a first and a last horizon it goes half-way to a model made for each.

Hazards know the newest leads, whose outcome nobody knows yet; a model made for one horizon knows
all labels of it, and sets leads apart as they end there, not as they end at the source's own. Each
errs in ways of its own, and their mean errs less than either (Bates & Granger 1969, Operational
Research Quarterly 20): ::

    log_odds(F(d)) = (log_odds(F of the hazards) + log_odds(the model's)) / 2

An anchor holds the second term's half of the way as a function of the features, so that a level
that is followed moves all of the curve. Hazards on either side of the horizon are scaled for it:
they keep their form in time, and the curve rises and passes through the score as before.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated

import numpy as np
from pydantic import Field, Strict, model_validator

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import Plain, Positive
from leadcast.models.data import Flags, Floats, Matrix
from leadcast.models.learners.shapes import TreeShape, trees_of_text

MOST_TREES_CHARACTERS = 8 * 2**20
LEAST = 0.1
"""No anchor takes more than nine tenths of what converts between two horizons, or makes it more
than ten times as much."""


class Anchor(Plain):
    """What a model made for a horizon adds to the curve there.

    Parameters
    ----------
    days : float
        The horizon.
    trees : str
        LightGBM's text of the trees, which tell by how much log-odds move.
    """

    days: Positive
    trees: Annotated[str, Strict(), Field(min_length=1, max_length=MOST_TREES_CHARACTERS)]

    @model_validator(mode="after")
    def _can_be_read(self) -> "Anchor":
        _ = self.shape
        return self

    @cached_property
    def shape(self) -> TreeShape:
        """The trees, read."""
        return read_shape(self.trees)


def read_shape(text: str) -> TreeShape:
    """Read LightGBM's text.

    Parameters
    ----------
    text : str

    Returns
    -------
    TreeShape
        Of all columns that the text knows.

    Raises
    ------
    ValueError
        If it is damaged; as pydantic takes it, so that it is told with all that is wrong.
    """
    try:
        return trees_of_text(text)
    except LeadcastError as error:
        raise ValueError(str(error)) from None


def drawn_to(
    anchors: Sequence[Anchor],
    values: Matrix,
    spent: Floats,
    cumulative_hazard: Floats,
    edges_days: Floats,
    horizon_days: float,
) -> Floats:
    """Tell by how much the hazards of each interval are multiplied.

    Parameters
    ----------
    anchors : sequence of Anchor
        At most one before the source's horizon and one after it.
    values : ndarray of float32, shape (n, n_features)
    spent : ndarray of float64, shape (n, n_intervals)
        The cumulative hazard of each interval, as a share of that until the horizon.
    cumulative_hazard : ndarray of float64, shape (n,)
        That until the horizon.
    edges_days : ndarray of float64, shape (n_intervals,)
        Where the intervals end.
    horizon_days : float
        The source's.

    Returns
    -------
    ndarray of float64, shape (n, n_intervals)
    """
    until, factors = edges_days <= horizon_days, np.ones_like(spent)
    for anchor in anchors:
        early = edges_days <= anchor.days
        first = _total(spent, early)
        gained = _moved(cumulative_hazard * first, anchor.shape.values(values))
        gained = gained / cumulative_hazard - first
        if anchor.days < horizon_days:
            rest = _total(spent, until & ~early)
            gained = np.clip(gained, (LEAST - 1) * first, (1 - LEAST) * rest)
            factors[:, early] += (gained / first)[:, None]
            factors[:, until & ~early] -= (gained / rest)[:, None]
        else:
            more = _total(spent, early & ~until)
            factors[:, ~until] = np.clip(1 + gained / more, LEAST, 1 / LEAST)[:, None]
    return factors


def _total(spent: Floats, which: Flags) -> Floats:
    """Add up intervals one after the other: a single row's as those of many, to the last bit."""
    return np.asarray(np.cumsum(spent[:, which], axis=1)[:, -1])


def _moved(cumulative: Floats, by: Floats) -> Floats:
    """Move log-odds: of 1 - exp(-c) they are log(exp(c) - 1), and c is log(1 + exp(log-odds))."""
    log_odds = cumulative + np.log(-np.expm1(-cumulative))
    return np.asarray(np.logaddexp(0.0, log_odds + by))
