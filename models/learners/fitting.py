"""Fitting a learner on all its training rows, with a setup that the backtest found."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.data import LabelledMatrix
from models.learners.additive import Additive, Kind, additive_of
from models.learners.average import Average
from models.learners.boosting import as_trees, boost
from models.learners.ground import Ground
from models.learners.prior import fit_prior
from models.learners.protocol import FittedLearner
from models.learners.regression import Layout, fit_regressions, lay_out, level_in_training
from models.learners.rows import canonical_order, row_weights, thinned
from models.learners.selection import Setup
from models.learners.shapes import Shape
from models.settings import LearnerSettings


def fit_learner(
    kind: str,
    data: LabelledMatrix,
    setups: tuple[Setup, ...],
    settings: LearnerSettings,
    changed: Mapping[str, Any] | None = None,
) -> FittedLearner:
    """Fit one learner.

    Parameters
    ----------
    kind : {"prior", "logistic", "lightgbm", "blend"}
    data : LabelledMatrix
        Training rows in any order, with both outcomes (the prior: any).
    setups : tuple of Setup
        One; of a blend, one for each of its members.
    settings : LearnerSettings
    changed : mapping, optional
        Parameters of LightGBM other than the defaults.

    Returns
    -------
    FittedLearner
        The same, to the byte, whatever the order of the rows.
    """
    rows = data.rows(canonical_order(data))
    if kind == "prior":
        return fit_prior(rows)
    layout, options = lay_out(rows, settings), dict(changed or {})
    if kind == "blend":
        members = (_fit_additive("mixed", rows, layout, s, settings, options) for s in setups)
        return Average(tuple(members))
    return _fit_additive(cast(Kind, kind), rows, layout, setups[0], settings, options)


def clocks_of(learner: FittedLearner) -> tuple[int, ...]:
    """Tell which features a learner treats as clocks (`models.learners.clocks`).

    Parameters
    ----------
    learner : FittedLearner

    Returns
    -------
    tuple of int
        Their places among the features, in rising order; none for the prior.
    """
    members = learner.members if isinstance(learner, Average) else (learner,)
    levels = [member.level for member in members if isinstance(member, Additive)]
    return tuple(sorted({term.feature for level in levels for term in level.terms}))


def _fit_additive(
    kind: Kind,
    rows: LabelledMatrix,
    layout: Layout,
    setup: Setup,
    settings: LearnerSettings,
    changed: dict[str, Any],
) -> Additive:
    # As in the backtest: the trees start from the level of the regression with the first penalty.
    penalties = (settings.penalties[0], *(penalty for penalty, _ in setup.curves))
    regressions = fit_regressions(layout, setup.half_life, penalties)
    shapes: list[Shape] = [regression.curves for regression in regressions[1:]]
    weights = [weight for _, weight in setup.curves]
    columns = layout.seen_by_trees
    if setup.trees and len(columns):
        some = thinned(rows, settings.boosting_rows)
        weight = row_weights(some, setup.half_life)
        level = level_in_training(layout, regressions[0], some)
        most = int(max(rounds for rounds, _ in setup.trees))
        boosters = boost(some, weight, level, columns, most, settings, changed)
        for trees, share in as_trees(boosters, columns, setup.trees, layout.data.values):
            shapes.append(trees)
            weights.append(share)
    shape = np.zeros(len(layout.data))
    for weight_of_shape, each in zip(weights, shapes, strict=True):
        shape += weight_of_shape * each.values(layout.data.values)
    level_under = Ground.of(layout).level_under(shape, setup.half_life)
    return additive_of(kind, level_under, tuple(shapes), tuple(weights), rows.values)
