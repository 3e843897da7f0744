"""Fitting a learner on all its training rows, with a setup that the backtest found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.choice.setups import Setup
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.boosting import as_trees, boost
from leadcast.models.learners.imported_shape import fit_estimator
from leadcast.models.learners.learner_store import (
    Additive,
    Average,
    FittedLearner,
    additive_of,
    whole_of,
)
from leadcast.models.learners.prior import fit_prior
from leadcast.models.learners.regression import (
    Ground,
    Layout,
    Regression,
    fit_regressions,
    lay_out,
    level_in_training,
)
from leadcast.models.learners.rows import canonical_order, row_weights, thinned
from leadcast.models.learners.shapes import Shape
from leadcast.models.settings import Capacity, EstimatorCandidate, LearnerSettings


@dataclass(frozen=True)
class ForestOrder:
    """What forests are grown of.

    Parameters
    ----------
    rows : LabelledMatrix
        Training rows in canonical order.
    layout : Layout
        Of these rows.
    regression : Regression
        Whose level the trees start from.
    half_life : float or None
        Of the recency weights.
    capacity : str
        A key of `leadcast.models.learners.boosting.CAPACITIES`.
    rounds : int
    settings : LearnerSettings
    changed : dict
        Parameters of LightGBM other than the capacity's.
    """

    rows: LabelledMatrix
    layout: Layout
    regression: Regression
    half_life: float | None
    capacity: Capacity
    rounds: int
    settings: LearnerSettings
    changed: dict[str, Any]


Grow = Callable[[ForestOrder], list[Any]]
"""Grows a LightGBM booster for each seed, in terms of `Layout.seen_by_trees` alone."""


def grow_here(order: ForestOrder) -> list[Any]:
    """Grow forests on this machine, on at most `LearnerSettings.boosting_rows` rows."""
    layout, settings = order.layout, order.settings
    some = thinned(order.rows, settings.boosting_rows)
    weight = row_weights(some, order.half_life)
    level = level_in_training(layout, order.regression, some)
    columns = layout.seen_by_trees
    changed, capacity = order.changed, order.capacity
    return boost(some, weight, level, columns, order.rounds, settings, changed, capacity=capacity)


def fit_learner(
    kind: str,
    data: LabelledMatrix,
    setups: tuple[Setup, ...],
    settings: LearnerSettings,
    changed: Mapping[str, Any] | None = None,
    grow: Grow = grow_here,
) -> FittedLearner:
    """Fit one learner."""
    rows = data.rows(canonical_order(data))
    if kind == "prior":
        return fit_prior(rows)
    layout, options = lay_out(rows, settings), dict(changed or {})
    if kind in settings.estimators:
        return _fit_estimator(settings.estimators[kind], rows, layout, settings)
    if kind == "blend":
        members = (_fit_additive("mixed", rows, layout, s, settings, options, grow) for s in setups)
        return Average(tuple(members))
    return _fit_additive(kind, rows, layout, setups[0], settings, options, grow)


def clocks_of(learner: FittedLearner) -> tuple[int, ...]:
    """Tell which features a learner treats as clocks; see `known_features`."""
    learner = whole_of(learner)
    members = learner.members if isinstance(learner, Average) else (learner,)
    levels = [member.level for member in members if isinstance(member, Additive)]
    return tuple(sorted({term.feature for level in levels for term in level.terms}))


def _fit_estimator(
    candidate: EstimatorCandidate, rows: LabelledMatrix, layout: Layout, settings: LearnerSettings
) -> Additive:
    """Put an estimator of others on a level that is fitted and guarded as any other's."""
    columns = layout.seen_by_trees
    shape, learned = fit_estimator(candidate, layout.data, columns, settings.seed)
    level = _ground(layout, settings).level_under(learned, None)
    return additive_of(candidate.kind, level, (shape,), (1.0,), rows.values)


def _ground(layout: Layout, settings: LearnerSettings) -> Ground:
    # Without a backtest that could say so, nothing speaks against the clocks but their bounds.
    follow = 1.0 if settings.follow_clocks == "auto" else settings.follow_clocks
    return Ground.of(layout, follow)


def _fit_additive(
    kind: str,
    rows: LabelledMatrix,
    layout: Layout,
    setup: Setup,
    settings: LearnerSettings,
    changed: dict[str, Any],
    grow: Grow,
) -> Additive:
    # As in the backtest: the trees start from the level of the regression with the first penalty.
    penalties = (settings.penalties[0], *(penalty for penalty, _ in setup.curves))
    regressions = fit_regressions(layout, setup.half_life, penalties)
    shapes: list[Shape] = [regression.curves for regression in regressions[1:]]
    weights = [weight for _, weight in setup.curves]
    columns = layout.seen_by_trees
    for capacity in dict.fromkeys(trees.capacity for trees in setup.trees if len(columns)):
        stages = [(t.rounds, t.weight) for t in setup.trees if t.capacity == capacity]
        how = (setup.half_life, capacity, max(rounds for rounds, _ in stages))
        boosters = grow(ForestOrder(rows, layout, regressions[0], *how, settings, changed))
        for trees, share in as_trees(boosters, columns, stages, layout.data.values):
            shapes.append(trees)
            weights.append(share)
    shape = np.zeros(len(layout.data))
    for weight_of_shape, each in zip(weights, shapes, strict=True):
        shape += weight_of_shape * each.values(layout.data.values)
    level_under = _ground(layout, settings).level_under(shape, setup.half_life)
    return additive_of(kind, level_under, tuple(shapes), tuple(weights), rows.values)
