"""An estimator of others through the stages: refused at once, or chosen, judged and deployed."""

from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.insight.check import check_named
from leadcast.serve.scorer import Scorer
from tests.imported_candidates import BOOSTED
from tests.small_project import LEARNER, change_params, hurried, make_project, run_stages

RUN = RunFolder("demo")


@pytest.mark.parametrize("ask", [fetch, check_named])
def test_what_cannot_be_a_candidate_is_told_before_the_source_is_read(
    tmp_path: Path, ask: Callable[[str], object]
) -> None:
    make_project(tmp_path, leads=10)
    nothing = {"estimator": "sklearn.ensemble.Nothing"}
    change_params(tmp_path, model=LEARNER | {"candidates": ["prior", nothing]})
    with chdir(tmp_path), pytest.raises(FaultsError, match=r"sklearn\.ensemble has no 'Nothing'"):
        ask("demo")
    assert not (tmp_path / RUN.path).exists()


@pytest.mark.slow
def test_an_estimator_is_chosen_judged_deployed_and_scores_what_the_test_says(
    tmp_path: Path,
) -> None:
    make_project(tmp_path, leads=1_200)
    few = {"fewest_won_lightgbm": 20, "origins": 1, "candidates": [BOOSTED]}
    change_params(tmp_path, model=LEARNER | few)
    with hurried():
        told = run_stages(tmp_path)
    assert any("HistGradientBoostingClassifier fitted again" in line for line in told)
    with chdir(tmp_path):
        assert read_json(RUN.backtest)["chosen"] == "HistGradientBoostingClassifier"
        for bundle in (RUN.bundle, RUN.judged):
            manifest = read_manifest(bundle)
            assert manifest.schema_version == 4
            assert any("Shapley values by sampling" in note for note in manifest.notes)
        tested, tables = pl.read_parquet(RUN.test_scores), Tables.read(RUN.tables)
        rows = tested.select("lead_id", "as_of").head(200)
        leads = rows.join(tables.leads.drop("position"), on="lead_id", maintain_order="left")
        found = Scorer.load(RUN.judged).score(leads, tables.events, None, [])
    expected = tested["probability"].head(200)
    assert (found["probability"] - expected).abs().max() < 1e-9  # type: ignore[operator]
    assert "Shapley values by sampling" in (tmp_path / RUN.report).read_text(encoding="utf-8")
