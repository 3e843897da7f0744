"""The deployed model: the tested recipe, fitted on all that is known at the end of the export."""

import json
from contextlib import chdir
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.strange_kinds import PLAIN, Kind, draw, step
from benchmarks.strange_worlds import NAME, lay_out
from leadcast.models.bundle.bundle import Bundle, load_bundle
from leadcast.models.choice.fresh import Recipe
from leadcast.models.choice.setups import Setup
from leadcast.models.settings import LearnerSettings
from leadcast.models.splits import is_apart
from leadcast.pipelines.base.dataset import read_parts, read_plan
from leadcast.pipelines.base.paths import DeployedFolder, RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.scorer import Scorer
from tests.small_project import LEARNER, change_params

RUN = RunFolder(NAME)
LEADS = 2_500
NAMES = list(STAGES)
QUICK = LEARNER | {"candidates": ["logistic"], "half_lives": [None], "penalties": [40.0]}
JUMP = replace(PLAIN, level=step(0.8, 2.0), is_dated=False)
"""The level jumps where the test begins: at the latest fifth of the leads."""


def run_world(folder: Path, kind: Kind, **learner: object) -> Path:
    """Run the stages from the snapshots to the bundles on a world of that kind."""
    lay_out(folder, draw(kind, LEADS, 3))
    change_params(folder, model=QUICK | learner)
    with chdir(folder):
        for name in NAMES[NAMES.index("snapshots") : NAMES.index("export") + 1]:
            STAGES[name](NAME)
    return folder


@pytest.fixture(scope="module")
def jumped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_world(tmp_path_factory.mktemp("jumped"), JUMP)


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_world(tmp_path_factory.mktemp("dated"), PLAIN, fresh_snapshots=True)


def bundles(project: Path) -> tuple[Bundle, Bundle]:
    return load_bundle(project / RUN.bundle), load_bundle(project / RUN.judged)


def leads_of_the_test(project: Path) -> pl.DataFrame:
    leads = pl.read_parquet(project / RUN.tables / "leads.parquet")
    scores = pl.read_parquet(project / RUN.test_scores)
    return scores.select("lead_id").join(leads, on="lead_id", maintain_order="left")


def test_the_deployed_level_follows_a_jump_that_only_the_test_has_seen(jumped: Path) -> None:
    scores = pl.read_parquet(jumped / RUN.test_scores)
    leads, rate = leads_of_the_test(jumped), float(scores["converted"].mean())  # type: ignore[arg-type]
    deployed, judged = (
        float(Scorer(one).score(leads)["probability"].mean())  # type: ignore[arg-type]
        for one in bundles(jumped)
    )
    assert judged < 0.6 * rate
    assert deployed == pytest.approx(rate, rel=0.15)
    # The population behind grades stands where the deployed model sees it.
    reference = load_bundle(jumped / RUN.bundle).reference
    assert np.mean(reference.points) == pytest.approx(deployed, abs=1e-3)
    assert reference.n == scores.height


def test_the_judged_bundle_is_the_one_that_was_tested(jumped: Path) -> None:
    again = Scorer(load_bundle(jumped / RUN.judged)).score(leads_of_the_test(jumped))
    told = pl.read_parquet(jumped / RUN.test_scores)
    np.testing.assert_allclose(again["probability"], told["probability"], rtol=0, atol=1e-12)


def test_each_manifest_says_which_model_it_is_and_what_it_has_seen(dated: Path) -> None:
    deployed, judged = bundles(dated)
    snapshots = pl.read_parquet(dated / RUN.snapshots)
    mature, used = snapshots.filter("mature"), snapshots.filter(pl.col("part") != "left_out")
    one, other = deployed.manifest.origin, judged.manifest.origin
    assert (one.role, other.role) == ("deployed", "judged")
    assert one.judged_by == judged.manifest.bundle_id
    assert one.seen is not None
    assert other.seen is not None
    assert one.seen.snapshots == mature.height == one.sizes["train"]
    assert (one.seen.first, one.seen.last) == (mature["as_of"].min(), mature["as_of"].max())
    until = json.loads((dated / RUN.tables / "tables.json").read_text())["observed_until"]
    assert one.seen.known_until == datetime.fromisoformat(until)
    assert other.seen.known_until == used.filter(part="test")["as_of"].min()
    assert other.seen.snapshots < mature.height
    assert deployed.metrics == judged.metrics
    assert judged.manifest.bundle_id[:12] in one.describe()


def test_fresh_snapshots_are_learned_from_at_the_end_where_they_were_before_the_test(
    dated: Path,
) -> None:
    snapshots = pl.read_parquet(dated / RUN.snapshots)
    deployed, judged = (one.manifest.origin.seen for one in bundles(dated))
    assert deployed is not None
    assert judged is not None
    apart = snapshots.filter((pl.col("part") == "fresh") & is_apart(snapshots))
    assert judged.fresh == apart.height > 0
    # Leads that may be looked at again, at the age of seven days, are not among them.
    assert 0 < deployed.fresh < snapshots.filter(~pl.col("mature")).height
    assert "whose outcome was not all known" in deployed.describe()


def test_the_tests_predictions_are_the_latest_origin_of_the_calibration(jumped: Path) -> None:
    told = json.loads((jumped / DeployedFolder(RUN.deployed).calibration).read_text())
    with chdir(jumped):
        test = read_parts(RUN, ["test"], None)
    judged = load_bundle(jumped / RUN.judged)
    level = told["level"]
    assert level["rows"] == len(test)
    calibrator = load_bundle(jumped / RUN.bundle).calibrator
    said = calibrator.probability(judged.learner.log_odds(test.values))
    assert level["before"] == pytest.approx(said.mean(), abs=1e-12)
    assert level["moved"] > 1
    before = json.loads((jumped / RUN.calibration).read_text())
    assert before["intervals"] != told["intervals"]


def test_a_batch_and_single_questions_get_the_same_from_the_deployed_bundle(jumped: Path) -> None:
    scorer, leads = Scorer(load_bundle(jumped / RUN.bundle)), leads_of_the_test(jumped).head(20)
    batch = scorer.score(leads)
    known = scorer.bundle.manifest.origin.attribute_types
    for row, probability in zip(leads.to_dicts(), batch["probability"], strict=True):
        plain = {name: row[name] for name in ("lead_id", *known)}
        assert scorer.score_one(plain).probability == probability


def test_a_constraint_on_a_feature_that_no_longer_varies_is_left_out(jumped: Path) -> None:
    with chdir(jumped):
        plan = read_plan(RUN)
    name = plan.features[0].name
    settings = LearnerSettings(monotone={name: 1, "no longer there": -1})
    recipe = Recipe("logistic", (Setup(None, ((10.0, 1.0),)),), settings, {})
    assert recipe.on(plan.features).settings.monotone == {name: 1}
