"""Estimators of others as candidates, and a world in which they are tried."""

from typing import Any

from leadcast.models.settings import LearnerSettings
from tests.learner_worlds import QUICK

BOOSTED: dict[str, Any] = {
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "parameters": {"max_depth": 3, "max_iter": 20},
}
SCALED: dict[str, Any] = {
    "estimator": "sklearn.pipeline.Pipeline",
    "parameters": {
        "steps": [
            ["scale", {"estimator": "sklearn.preprocessing.StandardScaler"}],
            [
                "model",
                {
                    "estimator": "sklearn.linear_model.LogisticRegression",
                    "parameters": {"C": 0.1},
                },
            ],
        ]
    },
    "name": "scaled",
}
FOREST: dict[str, Any] = {
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "parameters": {"n_estimators": 10, "min_samples_leaf": 20},
}


def settings_with(*candidates: Any) -> LearnerSettings:  # noqa: ANN401 - names, or as YAML has them
    """The quick settings with candidates as `params.yaml` names them."""
    return LearnerSettings(**(QUICK.model_dump() | {"candidates": candidates, "origins": 2}))
