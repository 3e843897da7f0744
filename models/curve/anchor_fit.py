"""Fitting a curve's anchors: which horizons have one, and its trees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from leadcast.features.registry import Feature
from leadcast.models.curve.anchors import Anchor
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.curve_fit import FEWEST_FOLLOWED
from leadcast.models.curve.curve_trees import REPEATABLE, categories_of, plain_text
from leadcast.models.data import Floats, Matrix
from leadcast.models.evaluation.logistic import log_odds_of

FEWEST_WON = 100
"""A horizon has an anchor where so many customers within it are known."""
HALF = 0.5
"""The weight of the models made for one horizon: that of two forecasts of which nobody can say
which is the better one. Weights that are estimated from few labels do worse."""
ROUNDS = 150
PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "num_leaves": 15,
    "learning_rate": 0.15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    **REPEATABLE,
}
"""Of the trees that follow how far the model's log-odds are from the curve's. That is a function of
the features without any luck in it, so that nothing holds them back; few are read sooner."""


@dataclass(frozen=True)
class Models:
    """Models made for one horizon each.

    Parameters
    ----------
    known : callable
        Tells, of a number of days, how many snapshots' outcomes are known, and how many were won.
    made_for : callable
        Fits the model of a number of days; gives what tells log-odds of a matrix's rows.
    """

    known: Callable[[float], tuple[int, int]]
    made_for: Callable[[float], Callable[[Matrix], Floats]]


def with_anchors(
    curve: ConversionCurve,
    models: Models,
    values: Matrix,
    probability: Floats,
    features: Sequence[Feature],
) -> ConversionCurve:
    """Draw a curve half-way to models made for its first and its last horizon.

    Parameters
    ----------
    curve : ConversionCurve
        Without anchors.
    models : Models
    values : ndarray of float32, shape (n, n_features)
        Rows at which the way is measured; their outcomes are not looked at.
    probability : ndarray of float64, shape (n,)
        Theirs, of the model whose scores the curve passes through.
    features : sequence of Feature
        Of `values`.

    Returns
    -------
    ConversionCurve
        The same where too little is known at all horizons but the source's own.
    """
    told = [day for day in curve.days if day in curve.edges_days]
    before = [day for day in told if day < curve.horizon_days]
    after = [day for day in reversed(told) if day > curve.horizon_days]
    anchors = []
    for side in (before, after):
        for day in side:
            n_known, n_won = models.known(day)
            if n_known >= FEWEST_FOLLOWED and n_won >= FEWEST_WON:
                way = models.made_for(day)(values) - log_odds_of(
                    curve.probability(values, probability, [day])[:, 0]
                )
                anchors.append(Anchor(days=day, trees=_text_of(values, HALF * way, features)))
                break
    return curve.changed(anchors=tuple(anchors))


def _text_of(values: Matrix, way: Floats, features: Sequence[Feature]) -> str:
    import lightgbm

    data = lightgbm.Dataset(values, way, categorical_feature=categories_of(features))
    return plain_text(lightgbm.train(PARAMETERS, data, ROUNDS), ROUNDS)
