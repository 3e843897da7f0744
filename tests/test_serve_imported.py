"""A bundle of an estimator of others at work: batch, one lead, HTTP and MLflow; what is refused."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_files import Manifest, read_manifest, write_manifest
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.bundle.bundle_signature import new_key, require_signature, sign_bundle
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.imported_shape import fit_estimator
from leadcast.models.learners.learner_store import Additive, additive_of
from leadcast.models.settings import EstimatorCandidate
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from tests.imported_candidates import BOOSTED
from tests.scoring_world import WRITTEN, bundle_folder, make_tables, origin, scoring_world
from tests.service_world import ROOT, client, question

PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


def learner_of_others() -> Additive:
    """An estimator on a constant level, without the backtest before it."""
    world = scoring_world()
    place = np.arange(len(world.values), dtype=np.int64)
    features = tuple(world.plan.features)
    data = LabelledMatrix(world.values, features, world.converted, place, place, 0)
    columns = np.arange(len(features), dtype=np.int64)
    shape, _ = fit_estimator(EstimatorCandidate(**BOOSTED), data, columns, 0)
    level = Level((), np.array([-1.0]), np.zeros(0), np.array([[0.01]]), 0.0)
    return additive_of("Boosted", level, (shape,), (1.0,), world.values)


def export_of_others(folder: Path) -> Manifest:
    world, learner = scoring_world(), learner_of_others()
    probability = world.calibrator.probability(learner.log_odds(world.values))
    return write_bundle(
        folder,
        plan=world.plan,
        learner=learner,
        calibrator=world.calibrator,
        intervals=world.intervals,
        reference=Reference.of(probability),
        rates=Rates.of(world.values, world.converted, world.plan.features),
        metrics={"test": {"n": len(world.values), "auc": None}},
        origin=origin(world),
        created_at=WRITTEN,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("of_others") / "bundle"
    export_of_others(folder)
    return folder


@dataclass(frozen=True)
class Asked:
    """Leads with their events, and what the bundle says of them."""

    leads: pl.DataFrame
    events: pl.DataFrame
    scores: pl.DataFrame


@pytest.fixture(scope="module")
def asked(bundle: Path) -> Asked:
    tables = make_tables(n=40, seed=12)
    leads = tables.leads.with_columns(as_of=pl.col("created_at") + timedelta(days=9))
    events = tables.events.collect()
    reasons = ReasonsAsked.parse("all")
    scores = Scorer.load(bundle).score(leads, events, None, [], reasons)
    return Asked(leads, events, scores)


def test_the_manifest_lists_the_types_and_bundles_of_built_in_learners_have_none(
    bundle: Path,
) -> None:
    manifest = read_manifest(bundle)
    assert manifest.trusted_types == (PREDICTOR,)
    assert manifest.schema_version == 4
    assert "learner/shape_0.skops" in manifest.files
    plain = json.loads((bundle_folder() / "manifest.json").read_text(encoding="utf-8"))
    assert plain["schema_version"] == 3
    assert "trusted_types" not in plain


def test_two_exports_differ_in_nothing(bundle: Path, tmp_path: Path) -> None:
    again = export_of_others(tmp_path / "again")
    assert again.bundle_id == read_manifest(bundle).bundle_id


def test_one_lead_scores_as_in_a_batch_with_reasons_that_add_up(bundle: Path, asked: Asked) -> None:
    scorer = Scorer.load(bundle)
    own = {
        lead: [(e["occurred_at"], e["event_type"], e["value"]) for e in rows.to_dicts()]
        for (lead,), rows in asked.events.group_by("lead_id")
    }
    for row, expected in zip(
        asked.leads.drop("position").to_dicts(), asked.scores.to_dicts(), strict=True
    ):
        as_of = row.pop("as_of")
        one = scorer.score_one(row, own.get(row["lead_id"], []), as_of, [], with_reasons=True)
        assert one.probability == expected["probability"]
        assert (one.lower, one.upper) == (expected["lower"], expected["upper"])
        told = expected["reasons"]
        parts = told["base"] + sum(told["groups"].values()) + told["calibrator"]
        assert parts == pytest.approx(told["log_odds"], abs=1e-9)


def test_a_service_answers_the_same(bundle: Path, asked: Asked, tmp_path: Path) -> None:
    with client(tmp_path, bundle=bundle) as service:
        answer = service.post("/v1/score", json=question(asked.leads, asked.events))
    assert answer.status_code == 200, answer.text
    found = [row["probability"] for row in answer.json()["scores"]]
    np.testing.assert_array_equal(found, asked.scores["probability"].to_numpy())


def test_a_signature_covers_the_estimator(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    private, public = new_key(tmp_path / "key")
    sign_bundle(tmp_path / "bundle", private)
    require_signature(tmp_path / "bundle", public)
    path = tmp_path / "bundle/learner/shape_0.skops"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(LeadcastError, match=r"shape_0\.skops: found content that was changed"):
        Scorer.load(tmp_path / "bundle")


def relisted(bundle: Path, folder: Path, **changes: object) -> Path:
    """A copy whose hashes are right and whose estimator says other things of itself."""
    shutil.copytree(bundle, folder)
    path = folder / "learner/learner.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["shapes"][0] |= changes
    path.write_text(json.dumps(content), encoding="utf-8")
    manifest = read_manifest(bundle)
    (folder / "manifest.json").unlink()
    types = content["shapes"][0]["types"]
    write_manifest(folder, manifest.origin, (), WRITTEN, tuple(types))
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"types": []}, "holds other types"),
        ({"types": [PREDICTOR, "os.system"]}, "not trusted: os.system"),
        ({"columns": [0]}, "levels, medians, gaps and values"),
        ({"most": -1.0}, "most"),
        ({"file": "../../other.skops"}, "file"),
    ],
)
def test_what_says_other_things_of_itself_is_refused(
    bundle: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    folder = relisted(bundle, tmp_path / "bundle", **changes)
    with pytest.raises(LeadcastError, match=words):
        Scorer.load(folder)


def test_types_that_the_manifest_does_not_list_are_refused(bundle: Path, tmp_path: Path) -> None:
    folder = relisted(bundle, tmp_path / "bundle")
    (folder / "manifest.json").unlink()
    write_manifest(folder, read_manifest(bundle).origin, (), WRITTEN, ())
    with pytest.raises(LeadcastError, match="trusted_types"):
        Scorer.load(folder)


LOADED = """
import sys
from leadcast.serve.scorer import Scorer
for folder in sys.argv[1:]:
    Scorer.load(folder)
    print([name for name in ("sklearn", "skops") if name in sys.modules])
"""


def test_the_scorer_loads_scikit_learn_for_such_bundles_alone(bundle: Path) -> None:
    command = [sys.executable, "-c", LOADED, str(bundle_folder()), str(bundle)]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == ["[]", "['sklearn', 'skops']"]


@pytest.mark.slow
def test_mlflow_declares_what_the_estimator_needs_and_scores_the_same(
    bundle: Path, asked: Asked, tmp_path: Path
) -> None:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.chdir(ROOT)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        import mlflow

        from leadcast.pipelines.track import save_model

        save_model(bundle, tmp_path / "model")
        declared = (tmp_path / "model/requirements.txt").read_text(encoding="utf-8")
        assert {"scikit-learn", "skops"} <= {
            line.partition("==")[0] for line in declared.splitlines()
        }
        # This process runs the code that the model was made with.
        model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        example = Scorer.load(bundle).example().to_pandas()
        found = model.predict(example)
    expected = Scorer.load(bundle).score_pandas(example)
    assert found["probability"].tolist() == expected["probability"].tolist()
