"""How fast leads convert at a time, whatever their age: a holiday, a push at the month's end.

Days of a calm week tell less of what leads do at an age than their number says, and those of a busy
one more. Where that is left out, leads of before a holiday seem slow in their late intervals, and
leads that came on it in their early ones. So a day counts as much as leads convert on it, of those
that were there and at their ages (the period effect of a model of age, period and cohort; Holford
1983, Biometrics 39). The levels of cohorts, which a score may tell too high or too low, are fitted
beside it, so that neither stands for the other more than it must.
"""

from dataclasses import replace

import numpy as np

from leadcast.models.curve.person_periods import (
    Calendar,
    CurveRows,
    Periods,
)
from leadcast.models.data import Floats, Integers

LEAST_VARIANCE = 1e-6
"""Of how much days are worth; below it all are worth the same."""
PRIOR_WON = 5.0
"""A cohort has its level as if so many more had converted, as many as expected."""


def even_calendar(rows: CurveRows) -> CurveRows:
    """Lay out stretches of time, in which all days are worth the same.

    Parameters
    ----------
    rows : CurveRows
        All followed until the same moment.

    Returns
    -------
    CurveRows
    """
    return replace(rows, calendar=Calendar(rows.stretch_times, np.ones(rows.n_stretches)))


def with_worth(rows: CurveRows, hazard: Floats, edges: tuple[float, ...]) -> CurveRows:
    """Estimate what days are worth, by how many convert on them of those expected.

    Parameters
    ----------
    rows : CurveRows
        With a calendar.
    hazard : ndarray of float64, shape (n, n_intervals)
        Of each row a day, where a day is worth 1.
    edges : tuple of float
        Where intervals end, in days.

    Returns
    -------
    CurveRows
        With a calendar whose days are worth 1 on average of those expected.
    """
    calendar = rows.calendar
    assert calendar is not None
    weight = rows.data.lead_weights
    periods = Periods.of(rows, edges)
    expected = hazard * weight[:, None]
    won = weight * periods.won.sum(axis=1)
    level = cohort_levels(rows.stretch, won, (expected * periods.exposure).sum(axis=1))
    expected *= level[:, None]
    number = len(calendar.worth)
    told = np.empty(number)
    for place in range(number):
        alone = Calendar(calendar.times, (np.arange(number) == place).astype(np.float64))
        told[place] = (expected * Periods.of(replace(rows, calendar=alone), edges).exposure).sum()
    came = np.bincount(rows.ended_in(calendar.times), won, minlength=number)
    worth = shrunken_ratios(np.asarray(came, np.float64), told)
    return replace(rows, calendar=Calendar(calendar.times, worth * told.sum() / (worth @ told)))


def shrunken_ratios(came: Floats, told: Floats) -> Floats:
    """Estimate ratios of counts to those expected, drawn towards 1 as far as they are alike.

    Parameters
    ----------
    came, told : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        Means of gamma posteriors, with the variance of the ratios found by moments.
    """
    told = np.maximum(told * (came.sum() / max(told.sum(), 1e-12)), 1e-12)
    excess = float(((came - told) ** 2 - told).sum() / (told**2).sum())
    strength = 1 / max(excess, LEAST_VARIANCE)
    return np.asarray((came + strength) / (told + strength))


def cohort_levels(stretch: Integers, won: Floats, told: Floats) -> Floats:
    """Tell how many times as often as expected the rows of each stretch of time converted.

    Parameters
    ----------
    stretch : ndarray of int64, shape (n,)
        Which each row is of.
    won, told : ndarray of float64, shape (n,)
        Of each row, weighted.

    Returns
    -------
    ndarray of float64, shape (n,)
        For each row.
    """
    came, expected = (np.bincount(stretch, each) for each in (won, told))
    return np.asarray(((came + PRIOR_WON) / (expected + PRIOR_WON))[stretch])
