"""Fitting a learner on all its training rows, with a setup that the backtest found."""

from collections.abc import Mapping
from typing import Any, cast

from models.data import LabelledMatrix
from models.learners.additive import Additive, Kind, additive_of
from models.learners.boosting import as_trees, boost
from models.learners.prior import fit_prior
from models.learners.protocol import FittedLearner
from models.learners.regression import fit_regressions, lay_out, level_in_training
from models.learners.rows import canonical_order, recency_weights
from models.learners.selection import Setup
from models.learners.shapes import Shape
from models.settings import LearnerSettings


def fit_learner(
    kind: str,
    data: LabelledMatrix,
    setup: Setup,
    settings: LearnerSettings,
    changed: Mapping[str, Any] | None = None,
) -> FittedLearner:
    """Fit one learner.

    Parameters
    ----------
    kind : {"prior", "logistic", "lightgbm", "blend"}
    data : LabelledMatrix
        Training rows in any order, with both outcomes (the prior: any).
    setup : Setup
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
    return _fit_additive(cast(Kind, kind), rows, setup, settings, dict(changed or {}))


def _fit_additive(
    kind: Kind,
    rows: LabelledMatrix,
    setup: Setup,
    settings: LearnerSettings,
    changed: dict[str, Any],
) -> Additive:
    layout = lay_out(rows, settings)
    # As in the backtest: the trees stand on the level of the regression with the first penalty.
    regressions = fit_regressions(layout, setup.half_life, (settings.penalties[0], setup.penalty))
    shapes: list[Shape] = [] if kind == "lightgbm" else [regressions[1].curves]
    columns = layout.seen_by_trees
    if kind != "logistic" and len(columns):
        weight = recency_weights(rows.position, setup.half_life)
        level = level_in_training(layout, regressions[0], rows)
        boosters = boost(rows, weight, level, columns, setup.rounds, settings, changed)
        shapes.append(as_trees(boosters, columns, setup.rounds, rows.values))
    weights = setup.weights if kind == "blend" else (1.0,)
    return additive_of(
        kind, regressions[1].level, tuple(shapes), weights[: len(shapes)], rows.values
    )
