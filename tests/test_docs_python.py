"""The Python that documents show runs as it stands."""

import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import leadcast
from leadcast.pipelines.frames.demo_frames import load_demo
from leadcast.pipelines.frames.fitting_frames import fit
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.scorer import Scorer
from tests.frames_world import project, raw, with_rules
from tests.scoring_world import bundle_folder
from tests.small_project import ROOT, hurried

CHEAP = {"model": {"candidates": ["logistic"], "origins": 1, "fewest_won_logistic": 1}}
CHEAP |= {"evaluation": {"replicates": 100, "slice_replicates": 100}}


def blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    fenced = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return fenced or [
        textwrap.dedent(one) for one in re.findall(r"\n\n((?: {4}.*\n|\n(?= {4}))+)", text)
    ]


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Fewer leads and cheaper learners than the documents have; nothing else is changed."""

    def fit_cheaply(data: leadcast.LeadData, **said: Any) -> leadcast.FittedModel:  # noqa: ANN401
        return fit(data, **(said | {"params": CHEAP}))

    monkeypatch.setattr(leadcast, "fit", fit_cheaply)
    monkeypatch.setattr(leadcast, "load_demo", lambda _=0: load_demo(700, 5))
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context({"backend": "agg"}), hurried():
        yield


@pytest.mark.usefixtures("_cheap")
def test_the_page_on_python_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks("docs/python.md"):
        exec(compile(block, "docs/python.md", "exec"), names)
    for name in ("report.html", "bundle/manifest.json", "comparison.html"):
        assert (tmp_path / name).exists()
    assert {"lead_id", "probability", "grade"} <= set(names["scores"].columns)
    printed = capsys.readouterr().out
    assert "LeadData: " in printed
    assert "[train]" in printed


def test_the_readme_shows_the_first_lines_of_the_page() -> None:
    (block,) = [one for one in blocks("README.md") if "import leadcast" in one]
    assert block == blocks("docs/python.md")[0]
    assert len(block.splitlines()) <= 10


def test_the_page_on_rules_runs() -> None:
    raw()
    with_rules(project())
    with chdir(project()):
        for stage in ("fetch", "ingest", "snapshots"):
            STAGES[stage]("demo")
        for block in blocks("docs/rules.md"):
            exec(compile(block, "docs/rules.md", "exec"), {})


def test_tables_of_pandas_are_given_to_mlflow_as_the_page_on_serving_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        import mlflow

        from leadcast.pipelines.track import save_model

        save_model(bundle_folder(), tmp_path / "model")
        model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        monkeypatch.setattr(mlflow.pyfunc, "load_model", lambda _: model)
        plain = Scorer.load(bundle_folder()).example().to_pandas().head(1).round(0)
        leads = plain.assign(
            created_at=pd.to_datetime(plain["created_at"], format="ISO8601"),
            industry=plain["industry"].astype("category"),
            company_size=plain["company_size"].astype("int64"),
            budget=pd.array([pd.NA], dtype="Int64"),
            newsletter=pd.array([pd.NA], dtype="boolean"),
            unknown=1,
        )
        with pytest.raises(mlflow.MlflowException, match="Can not safely convert"):
            model.predict(leads)
        names: dict[str, Any] = {"leads": leads}
        (block,) = blocks("docs/serving.md")
        exec(compile(block, "docs/serving.md", "exec"), names)
        expected = model.predict(plain.assign(budget=np.nan, newsletter=None))
    assert names["scores"]["probability"].tolist() == expected["probability"].tolist()


def test_the_page_on_the_estimator_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    leads, _, outcomes = load_demo(300)
    won = outcomes.set_index("lead_id")["won_at"].notna()
    table = leads[["lead_id", "account_id", "created_at", "source", "industry", "visits_before"]]
    table = table.assign(won=table["lead_id"].map(won).fillna(value=False).astype(bool))
    table["account_id"] = table["account_id"].fillna(table["lead_id"])
    table.to_parquet("leads.parquet")
    names: dict[str, Any] = {}
    for block in blocks("docs/estimator.md"):
        exec(compile(block, "docs/estimator.md", "exec"), names)
    assert isinstance(names["leads"], pd.DataFrame)
