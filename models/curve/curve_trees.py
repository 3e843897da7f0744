"""The curve's trees: what moves hazards in ways that no line through log-time follows.

Boosted trees on the rows by intervals, with the interval as one more column, from the hazards of
the curve without them on (Poisson, with the exposures as offset). Of the rows without a conversion
a share is drawn, and stands for all of them by its exposure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.person_periods import CurveRows, Periods
from leadcast.models.curve.worth_of_days import cohort_levels
from leadcast.models.data import Matrix

ROUNDS = (100, 400)
"""Numbers of trees that compete."""
FEWEST_WON_TREES = 200
"""With fewer conversions no trees are grown."""
MOST_PERIODS = 30_000
"""Of more rows by intervals without a conversion, so many are drawn."""
REPEATABLE = {"num_threads": 1, "verbose": -1, "deterministic": True, "force_row_wise": True}
"""Parameters that let the same rows grow the same trees, wherever they are grown."""
PARAMETERS: dict[str, Any] = {
    "objective": "poisson",
    "num_leaves": 15,
    "learning_rate": 0.1,
    "lambda_l2": 10.0,
    "min_sum_hessian_in_leaf": 10.0,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "extra_trees": True,
    "boost_from_average": False,
    **REPEATABLE,
}


def grow_trees(rows: CurveRows, curve: ConversionCurve, rounds: int, seed: int = 0) -> Any:  # noqa: ANN401
    """Grow trees on rows, beginning from a curve.

    Parameters
    ----------
    rows : CurveRows
    curve : ConversionCurve
        Without trees.
    rounds : int
        How many.
    seed : int

    Returns
    -------
    lightgbm.Booster
        Its first trees are those of fewer rounds.
    """
    import lightgbm

    periods = Periods.of(rows, curve.edges_days)
    hazard = rows.hazards(curve)
    told = (hazard * periods.exposure).sum(axis=1)
    weight = rows.data.weights
    level = cohort_levels(rows.stretch, weight * periods.won.sum(axis=1), weight * told)
    row, place, share = _drawn(periods, np.random.default_rng(seed))
    won = periods.won[row, place]
    expected = level[row] * hazard[row, place] * periods.exposure[row, place]
    data = lightgbm.Dataset(
        with_interval(rows.data.values[row], place),
        won,
        weight=rows.data.weights[row] * np.where(won > 0, 1.0, 1 / share),
        init_score=np.log(expected),
        categorical_feature=categories_of(rows.data.features),
    )
    return lightgbm.train(PARAMETERS | {"seed": seed}, data, rounds)


def with_trees(curve: ConversionCurve, booster: Any, rounds: int) -> ConversionCurve:  # noqa: ANN401
    """Add a booster's first trees to a curve."""
    return curve.changed(trees=plain_text(booster, rounds))


def categories_of(features: Sequence[Feature]) -> list[int]:
    """Give the numbers of the columns that hold categories."""
    return [place for place, one in enumerate(features) if one.dtype == "category"]


def plain_text(booster: Any, rounds: int) -> str:  # noqa: ANN401
    """Give LightGBM's text of a booster's first trees."""
    text: str = booster.model_to_string(num_iteration=rounds, importance_type="gain")
    # What follows the trees are LightGBM's own notes of how it was called.
    return text.partition("\nfeature_importances")[0] + "\n"


def with_interval(values: Matrix, place: Any) -> Matrix:  # noqa: ANN401 - a number or an array
    """Add the interval's number as the last column."""
    column = np.broadcast_to(np.asarray(place, np.float32), (len(values),))
    return np.column_stack([values, column])


def _drawn(periods: Periods, draw: np.random.Generator) -> tuple[Any, Any, float]:
    row, place = np.nonzero(periods.exposure > 0)
    is_won = periods.won[row, place] > 0
    n_others = int((~is_won).sum())
    share = min(1.0, MOST_PERIODS / max(n_others, 1))
    kept = is_won | (draw.random(len(row)) < share)
    return row[kept], place[kept], share
