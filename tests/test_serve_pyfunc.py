"""The MLflow model: the bundle's scores, from a saved model, with nothing unpickled."""

import json
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from serve.scorer import Scorer
from tests.scoring_world import bundle_folder, make_tables
from tests.service_world import question

ROOT = Path(__file__).parents[1]


def random_leads() -> tuple[pl.DataFrame, pd.DataFrame]:
    """The same leads with their events as tables, and in one as MLflow's callers have them."""
    tables = make_tables(seed=12)
    leads = tables.leads.head(80).with_columns(as_of=pl.col("created_at") + timedelta(days=9))
    rows = question(leads, tables.events.collect())["leads"]
    flat = [
        {name: value for name, value in row.items() if name not in ("attributes", "events")}
        | row["attributes"]
        | {"events": json.dumps(row["events"])}
        for row in rows
    ]
    return leads, pd.DataFrame(flat)


@pytest.mark.slow
def test_a_saved_model_gives_the_scores_of_the_scorer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer.load(bundle_folder())
    example = scorer.example().to_pandas()
    expected = scorer.score_pandas(example)
    leads, frame = random_leads()
    batch = scorer.score(leads, make_tables(seed=12).events, None, [])
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
        model = mlflow.pyfunc.load_model(tmp_path / "model")
        scores, many = model.predict(example), model.predict(frame)
    np.testing.assert_array_equal(scores["probability"], expected["probability"])
    np.testing.assert_allclose(many["probability"], batch["probability"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(many["lower"], batch["lower"], rtol=0, atol=1e-12)
    assert scores.columns.tolist() == expected.columns.tolist()
    assert not list((tmp_path / "model").rglob("*.pkl"))
