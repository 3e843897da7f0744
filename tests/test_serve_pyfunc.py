"""The MLflow model: the bundle's scores, from a saved model, with nothing unpickled."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from serve.scorer import Scorer
from tests.scoring_world import bundle_folder

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_saved_model_gives_the_scores_of_the_scorer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer.load(bundle_folder())
    example = scorer.example().to_pandas()
    expected = scorer.score_pandas(example)
    # MLflow warns of itself while it is imported, and of paths that it makes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        mlflow.pyfunc.save_model(
            tmp_path / "model",
            python_model=str(ROOT / "serve" / "pyfunc.py"),
            artifacts={"bundle": str(bundle_folder())},
            pip_requirements=["numpy"],
            signature=mlflow.models.infer_signature(example, expected),
        )
        scores = mlflow.pyfunc.load_model(tmp_path / "model").predict(example)
    np.testing.assert_array_equal(scores["probability"], expected["probability"])
    assert scores.columns.tolist() == expected.columns.tolist()
    assert not list((tmp_path / "model").rglob("*.pkl"))
