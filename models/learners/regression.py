"""Fitting the logistic regression: level and curves, for one or several penalties.

The level under shapes that are known: the last step of fitting a learner.

A regression fits its level together with its own curves. Where curves are weighed, or trees added,
that level no longer fits: averages of log-odds say too little of the rare. So the level is fitted
again, with what the shapes say of each training row taken as known.
"""

from dataclasses import dataclass

import numpy as np

from leadcast.features.registry import AGE
from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix
from leadcast.models.learners.basis import (
    Term,
    bent_by,
    effects_of,
    expand,
    fit_terms,
    owners,
)
from leadcast.models.learners.drifting_level import (
    Level,
    LevelFit,
    between,
    bounds_of,
    fit_level_regression,
    level_of,
)
from leadcast.models.learners.known_features import clock_shares, directions
from leadcast.models.learners.ridge import HELD, Ridge
from leadcast.models.learners.rows import periods_of, row_weights, stretches, thinned
from leadcast.models.learners.shapes import Curves
from leadcast.models.settings import LearnerSettings

CLOCK_PENALTY = 10.0
"""The ridge penalty of the clocks' columns, the same for all candidates."""
BENDS = 10.0
"""A number's bends are given so many times the penalty of its line, before the rows tell."""
FORBIDDEN = 1e9
"""A penalty that keeps a weight at 0."""


@dataclass(frozen=True)
class Layout:
    """What all fits on the same rows share.

    Parameters
    ----------
    data : LabelledMatrix
        The rows, thinned.
    terms : tuple of Term
    columns : ndarray of float64, shape (n, n_columns)
    period : ndarray of int64, shape (n,)
    clocks : frozenset of int
        The features that are clocks.
    signs : dict of int to int
        The features whose effect is constrained.
    """

    data: LabelledMatrix
    terms: tuple[Term, ...]
    columns: Floats
    period: Integers
    clocks: frozenset[int]
    signs: dict[int, int]

    @property
    def seen_by_trees(self) -> Integers:
        """Tell which features are not clocks.

        Returns
        -------
        ndarray of int64
        """
        everything = range(len(self.data.features))
        return np.array([place for place in everything if place not in self.clocks], np.int64)


@dataclass(frozen=True)
class Regression:
    """A fitted regression, taken apart.

    Parameters
    ----------
    fit : LevelFit
    level : Level
    curves : Curves
    """

    fit: LevelFit
    level: Level
    curves: Curves


def lay_out(data: LabelledMatrix, settings: LearnerSettings) -> Layout:
    """Prepare rows for the regression.

    Parameters
    ----------
    data : LabelledMatrix
        In canonical order.
    settings : LearnerSettings

    Returns
    -------
    Layout

    Raises
    ------
    FaultsError
        If `settings.monotone` names features that there are not, or categories.
    """
    rows = thinned(data, settings.logistic_rows)
    period = periods_of(rows, settings.periods)
    signs = directions(data.features, settings.monotone)
    clocks = frozenset[int]()
    if settings.periods > 1:
        # Won leads may be too few for levels of their own, and yet a clock is no kind of lead.
        shares = clock_shares(rows, stretches(rows.position, settings.periods))
        # Where leads come in seasons, so do the ages of snapshots; and yet the age is the lead's
        # own: trees have to tell by it that few of the old are still won.
        clocks = frozenset(
            int(j)
            for j in np.flatnonzero(shares >= settings.clock_share)
            if j not in signs and data.features[j].name != AGE
        )
    terms = fit_terms(rows, settings.knots, settings.extrapolation, frozenset(signs))
    return Layout(rows, terms, expand(terms, rows.values), period, clocks, signs)


def fit_regressions(
    layout: Layout, half_life: float | None, penalties: tuple[float, ...]
) -> list[Regression]:
    """Fit a regression for each penalty, each beginning from the last.

    Parameters
    ----------
    layout : Layout
    half_life : float or None
        Of the recency weights.
    penalties : tuple of float

    Returns
    -------
    list of Regression
    """
    weight = row_weights(layout.data, half_life)
    regressions: list[Regression] = []
    start = None
    for penalty in penalties:
        start = _fit(layout, weight, penalty, start)
        regressions.append(_take_apart(layout, start))
    return regressions


def level_in_training(layout: Layout, regression: Regression, data: LabelledMatrix) -> Floats:
    """Tell where the level stood for training rows, each in its own period.

    Parameters
    ----------
    layout : Layout
        Made of `data`.
    regression : Regression
    data : LabelledMatrix
        All training rows, in canonical order.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    starts = np.array(
        [layout.data.position[layout.period == p].min() for p in range(layout.period.max() + 1)]
    )
    period = np.maximum(np.searchsorted(starts, data.position, side="right") - 1, 0)
    fit, level = regression.fit, regression.level
    now = fit.coefficients[0] + fit.levels
    return np.asarray(level.mean(data.values) - level.weights[0] + now[period])


def _fit(layout: Layout, weight: Floats, penalty: float, start: LevelFit | None) -> LevelFit:
    of_clocks = np.isin(owners(layout.terms), list(layout.clocks))
    group = np.where(of_clocks, HELD, bent_by(layout.terms))
    penalties = np.where(group == HELD, penalty, BENDS * penalty)
    penalties[of_clocks] = CLOCK_PENALTY
    fit = start
    # A line that slopes against its constraint is held at 0, and the others are fitted again.
    while True:
        data = layout.data
        fit = fit_level_regression(
            layout.columns, data.converted, weight, layout.period, Ridge.of(penalties, group), fit
        )
        wrong = _against(layout, fit, penalties)
        if not wrong.any():
            return fit.without(penalties == FORBIDDEN)
        penalties = np.where(wrong, FORBIDDEN, penalties)


def _against(layout: Layout, fit: LevelFit, penalties: Floats) -> Flags:
    wrong = np.zeros(len(penalties), dtype=bool)
    start = 0
    for term in layout.terms:
        sign = layout.signs.get(term.feature, 0)
        wrong[start] = not term.category and sign * fit.weights[start] < 0
        start += term.width()
    return wrong & (penalties < FORBIDDEN)


def _take_apart(layout: Layout, fit: LevelFit) -> Regression:
    several = bool(layout.period.max() > 0)
    level = level_of(fit, layout.terms, layout.clocks, several)
    rest = frozenset(range(len(layout.data.features))) - layout.clocks
    return Regression(fit, level, Curves(effects_of(layout.terms, fit.weights, fit.centre, rest)))


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
    follow : float
        How far the level follows them: 1 is as far as they went with it in training, 0 not at all.
    """

    data: LabelledMatrix
    period: Integers
    terms: tuple[Term, ...]
    columns: Floats
    clocks: frozenset[int]
    follow: float = 1.0

    @classmethod
    def of(cls, layout: Layout, follow: float = 1.0) -> "Ground":
        """Take from a layout what the level needs.

        Parameters
        ----------
        layout : Layout
        follow : float

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
            follow=follow,
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
        several = bool(self.period.max() > 0)
        alone = self._fit(self.columns[:, :0], shape, half_life)
        held = level_of(alone, (), frozenset(), several)
        if not self.terms or self.follow == 0:
            return held
        fit = self._fit(self.columns, shape, half_life)
        led = level_of(fit, self.terms, self.clocks, several)
        return between(held, led, self.follow, bounds_of(alone))

    def _fit(self, columns: Floats, shape: Floats, half_life: float | None) -> LevelFit:
        return fit_level_regression(
            columns,
            self.data.converted,
            row_weights(self.data, half_life),
            self.period,
            Ridge.of(np.full(columns.shape[1], CLOCK_PENALTY)),
            offset=shape,
        )
