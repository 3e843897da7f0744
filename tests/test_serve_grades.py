"""The bounds of grades: set for the champion, as a version of its own, and kept by the next one."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.bundle.bundle_grades import bounds_set, checked_bounds, write_graded
from leadcast.serve.champion.champion_store import (
    Lineage,
    Promotion,
    PromotionStep,
    champion_bundle,
    known_versions,
    promoting,
    put_champion,
    read_promotion,
)
from leadcast.serve.champion.grade_bounds import bounds_of_champion, graded_as_before, set_grades
from tests.scoring_world import bundle_folder, scoring_world

BOUNDS = (0.31, 0.12, 0.03)


@pytest.fixture
def champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    bundle = bundle_folder()
    bundle_id = read_manifest(bundle).bundle_id
    step = PromotionStep(
        version=1,
        kind="promoted",
        at=datetime(2026, 1, 5, tzinfo=UTC),
        by="ines",
        why="",
        bundle_id=bundle_id,
    )
    lineage = Lineage(
        fingerprint="f",
        bundle_id=bundle_id,
        judged_bundle_id=bundle_id,
        git_commit="unknown",
        dvc_lock=None,
        code_version="0",
        parameters={},
    )
    with promoting("world"):
        promotion = Promotion(source="world", version=1, lineage=lineage, gate={}, steps=(step,))
        put_champion(promotion, bundle, bundle)
    return "world"


def test_bounds_are_set_and_no_probability_is_another_one(champion: str) -> None:
    before = load_bundle(champion_bundle(champion))
    words = set_grades(champion, BOUNDS, "ines")
    after = load_bundle(champion_bundle(champion))
    assert after.reference.bounds == BOUNDS == bounds_of_champion(champion)
    assert "A from 31 %, B from 12 %, C from 3 %" in words
    values = scoring_world().values[:50]
    for one, other in ((before, after),):
        np.testing.assert_array_equal(
            one.calibrator.probability(one.learner.log_odds(values)),
            other.calibrator.probability(other.learner.log_odds(values)),
        )
    now = read_promotion(champion)
    assert (now.version, now.step.kind, now.step.by) == (2, "graded", "ines")
    assert now.lineage.as_trained == before.manifest.bundle_id
    assert known_versions(champion)[-1] == 2
    assert "already" in set_grades(champion, BOUNDS, "ines")
    assert read_promotion(champion).version == 2


def test_the_next_model_keeps_the_bounds_that_were_set(champion: str, tmp_path: Path) -> None:
    with graded_as_before(champion, bundle_folder()) as (folder, bundle_id):
        assert (folder, bundle_id) == (bundle_folder(), None)
    set_grades(champion, BOUNDS, "ines")
    with graded_as_before(champion, bundle_folder()) as (folder, bundle_id):
        found = load_bundle(folder)
        assert found.manifest.bundle_id == bundle_id
        assert found.reference.bounds == BOUNDS == bounds_set(found)
        assert found.reference.points == load_bundle(bundle_folder()).reference.points
    assert bounds_set(load_bundle(bundle_folder())) is None


def test_bounds_that_cannot_be_are_refused_with_what_they_should_be() -> None:
    for wrong in ((0.2, 0.1), (0.1, 0.2, 0.05), (0.2, 0.2, 0.1), (1.0, 0.2, 0.1), (0.3, 0.1, 0.0)):
        with pytest.raises(LeadcastError, match="bounds of grades: found"):
            checked_bounds(wrong)


def test_without_a_champion_it_is_said_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bounds_of_champion("world") is None
    with pytest.raises(LeadcastError, match="leadcast promote world"):
        set_grades("world", BOUNDS, "ines")


def test_a_graded_bundle_grades_by_its_bounds(tmp_path: Path) -> None:
    bundle = load_bundle(bundle_folder())
    write_graded(tmp_path / "graded", bundle, BOUNDS, {"by": "ines"})
    found = load_bundle(tmp_path / "graded").reference.grade(np.array([0.31, 0.3, 0.12, 0.03, 0.0]))
    assert found.tolist() == ["A", "B", "B", "C", "D"]
