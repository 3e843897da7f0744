"""The bundle: what was written is read back, and whatever was changed since is refused by name."""

import json
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import leadcast
from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json, sha256_of, written_whole
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import (
    CODE_VERSION,
    KIND,
    MANIFEST,
    _identity,
    of_one_version,
    read_manifest,
)
from tests.scoring_world import VERDICT, WRITTEN, bundle_folder, export, scoring_world

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that a test may change."""
    return Path(shutil.copytree(bundle_folder(), tmp_path / "bundle"))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest as somebody would who knows how its id is made."""
    content = read_json(folder / MANIFEST)
    change(content)
    content["bundle_id"] = _identity(content)
    (folder / MANIFEST).write_text(json.dumps(content), encoding="utf-8")


def reseal(folder: Path, name: str) -> None:
    """Write a changed file's hash into the manifest."""
    entry = {"sha256": sha256_of(folder / name), "n_bytes": (folder / name).stat().st_size}
    edit_manifest(folder, lambda content: content["files"].update({name: entry}))


def test_a_loaded_bundle_computes_what_was_written() -> None:
    world, bundle = scoring_world(), load_bundle(bundle_folder())
    assert bundle.plan == world.plan
    log_odds = bundle.learner.log_odds(world.values)
    np.testing.assert_array_equal(log_odds, world.learner.log_odds(world.values))
    np.testing.assert_array_equal(bundle.calibrator.probability(log_odds), world.probability)
    assert bundle.metrics["test"]["auc"] is None
    assert bundle.manifest.notes == ("a small world",)


def test_a_bundle_carries_what_its_scores_may_be_used_for() -> None:
    assert load_bundle(bundle_folder()).manifest.origin.verdict == VERDICT


def test_a_bundle_of_before_verdicts_is_read_as_well(tmp_path: Path) -> None:
    shutil.copytree(bundle_folder(), tmp_path / "old")
    edit_manifest(tmp_path / "old", lambda content: content["origin"].pop("verdict"))
    assert load_bundle(tmp_path / "old").manifest.origin.verdict is None


@pytest.mark.parametrize("verdict", [{"use": "betting", "words": "", "beware": True}, "ranking"])
def test_a_verdict_that_nobody_knows_is_damage(tmp_path: Path, verdict: object) -> None:
    shutil.copytree(bundle_folder(), tmp_path / "odd")
    edit_manifest(tmp_path / "odd", lambda content: content["origin"].update(verdict=verdict))
    with pytest.raises(LeadcastError, match=r"damaged.*origin\.verdict"):
        load_bundle(tmp_path / "odd")


def test_a_bundle_that_is_replaced_again_and_again_is_always_read_whole(tmp_path: Path) -> None:
    # Two that differ in what they tell: a version that lends a file to the other is seen.
    one, other, place = (tmp_path / name for name in ("one", "other", "place"))
    shutil.copytree(bundle_folder(), one)
    shutil.copytree(bundle_folder(), other)
    metrics = json.loads((other / "metrics.json").read_text())
    metrics["test"]["auc"] = 0.5
    (other / "metrics.json").write_text(json.dumps(metrics))
    reseal(other, "metrics.json")
    shutil.copytree(one, place)

    def told(folder: Path) -> tuple[str, float | None]:
        bundle = load_bundle(folder)
        return bundle.manifest.bundle_id, bundle.metrics["test"]["auc"]

    known, read = {told(one), told(other)}, set[tuple[str, float | None]]()
    done, faults, looked = threading.Event(), list[str](), threading.Semaphore(0)

    def look() -> None:
        while not done.is_set():
            try:
                read.add(told(place))
            except Exception as error:
                faults.append(f"{error!r}")
            looked.release()

    reader = threading.Thread(target=look)
    reader.start()
    for burst in range(6):
        for number in range(12):
            with written_whole(place, KIND) as new:
                shutil.copytree((other, one)[(burst + number) % 2], new)
        # However slow the reader: what stands after a burst is read once from its beginning.
        while looked.acquire(blocking=False):
            pass
        assert all(looked.acquire(timeout=60) for _ in range(2))
    done.set()
    reader.join()
    assert not faults
    assert read == known


def test_a_folder_that_never_stands_still_is_told(tmp_path: Path) -> None:
    def replaced(folder: Path) -> None:
        with written_whole(folder, "test") as new:
            new.mkdir()

    replaced(tmp_path / "folder")
    with pytest.raises(LeadcastError, match="was replaced 100 times"):
        of_one_version(tmp_path / "folder", replaced)


def test_two_exports_differ_in_their_time_only(tmp_path: Path) -> None:
    export(tmp_path / "again", created_at=WRITTEN + timedelta(days=1))
    first, again = contents(bundle_folder()), contents(tmp_path / "again")
    manifest, later = (json.loads(files.pop(MANIFEST)) for files in (first, again))
    assert first == again
    assert manifest.pop("created_at") != later.pop("created_at")
    assert manifest == later


def test_the_id_depends_on_the_content(bundle: Path) -> None:
    (bundle / "metrics.json").write_text('{"test": {"n": 2}}', encoding="utf-8")
    reseal(bundle, "metrics.json")
    assert load_bundle(bundle).manifest.bundle_id != read_manifest(bundle_folder()).bundle_id


def test_a_bundle_holds_plain_data_only() -> None:
    assert {Path(name).suffix for name in contents(bundle_folder())} <= {".json", ".txt"}


def test_the_version_is_that_of_the_project() -> None:
    assert version("leadcast") == leadcast.__version__ == CODE_VERSION


def test_what_stood_there_stays_when_writing_fails(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    before = contents(bundle)
    monkeypatch.setattr("leadcast.models.bundle.bundle.write_manifest", fail)
    with pytest.raises(OSError, match="no space"):
        export(bundle)
    assert contents(bundle) == before
    assert list(bundle.parent.iterdir()) == [bundle]


def test_a_bundle_replaces_the_one_before_and_no_strangers_file(bundle: Path) -> None:
    export(bundle)
    load_bundle(bundle)
    (bundle / "theirs.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LeadcastError, match=r"theirs\.json"):
        export(bundle)
    assert (bundle / "theirs.json").read_text(encoding="utf-8") == "{}"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link_outside(path: Path) -> None:
    outside = path.parent.parent / "outside.json"
    shutil.move(path, outside)
    path.symlink_to(outside)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, "no file"),
        (truncate, "bytes instead of"),
        (flip, "content that was changed"),
        (link_outside, "symbolic link that leads out"),
    ],
)
@pytest.mark.parametrize("name", ["features.json", "calibrator.json"])
def test_a_changed_file_is_refused_by_name(
    bundle: Path, damage: Callable[[Path], None], words: str, name: str
) -> None:
    damage(bundle / name)
    with pytest.raises(FaultsError, match=f"{name}: found .*{words}.*export it again"):
        load_bundle(bundle)


def test_all_changed_files_are_told_at_once(bundle: Path) -> None:
    flip(bundle / "features.json")
    (bundle / "metrics.json").unlink()
    with pytest.raises(FaultsError) as raised:
        load_bundle(bundle)
    assert len(raised.value.faults) == 2


def test_an_unknown_file_is_refused_and_a_hidden_one_is_not(bundle: Path) -> None:
    (bundle / ".DS_Store").write_bytes(b"left by a file manager")
    load_bundle(bundle)
    (bundle / "learner" / "more.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FaultsError, match=r"learner/more.json: found an unknown file"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "a/../../b", "a\\b", "C:x"])
def test_a_name_that_leads_out_of_the_bundle_is_refused(bundle: Path, name: str) -> None:
    entry = read_json(bundle / MANIFEST)["files"]["metrics.json"]
    shutil.copy(bundle / "metrics.json", bundle.parent / "outside.json")
    edit_manifest(bundle, lambda content: content["files"].update({name: entry}))
    with pytest.raises(FaultsError, match="no path within the bundle"):
        load_bundle(bundle)


def _as_schema_2(content: dict[str, Any]) -> None:
    content["schema_version"] = 2
    for name in ("role", "seen", "judged_by"):
        del content["origin"][name]


def test_a_bundle_of_an_earlier_schema_is_read_and_says_that_it_was_tested(bundle: Path) -> None:
    edit_manifest(bundle, _as_schema_2)
    origin = load_bundle(bundle).manifest.origin
    assert (origin.role, origin.seen, origin.judged_by) == (None, None, None)
    assert origin.describe().startswith("The model that was tested")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 5}, "schema version 5.*update Leadcast"),
        ({"code_version": "1.0.0"}, "written by Leadcast 1.0.0"),
        ({"kind": "something"}, "not the manifest of a Leadcast bundle"),
        ({"origin": {}}, "damaged.*origin.source"),
        ({"created_at": None}, "damaged.*created_at"),
        ({"more": 1}, "damaged.*more"),
        ({"schema_version": "1"}, "damaged.*schema_version"),
        ({"files": {"features.json": {"sha256": "x", "n_bytes": 1}}}, "damaged.*sha256"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(
    bundle: Path, change: dict[str, Any], words: str
) -> None:
    edit_manifest(bundle, lambda content: content.update(change))
    with pytest.raises(LeadcastError, match=words):
        load_bundle(bundle)


def test_a_manifest_that_was_changed_is_refused(bundle: Path) -> None:
    text = (bundle / MANIFEST).read_text(encoding="utf-8")
    (bundle / MANIFEST).write_text(text.replace('"small"', '"other"'), encoding="utf-8")
    with pytest.raises(LeadcastError, match="changed after it was written"):
        load_bundle(bundle)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "leadcast-bundle"', "\ufeff"])
def test_a_manifest_that_is_none_is_refused(bundle: Path, content: str) -> None:
    (bundle / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(LeadcastError, match=MANIFEST):
        load_bundle(bundle)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="no such folder"):
        load_bundle(tmp_path / "absent")
    with pytest.raises(LeadcastError, match="is no bundle"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    "name", ["features.json", "calibrator.json", "reference.json", "learner/learner.json"]
)
@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"kind": "other"}'])
def test_content_that_makes_no_sense_is_refused_though_its_hash_is_right(
    bundle: Path, name: str, content: str
) -> None:
    (bundle / name).write_text(content, encoding="utf-8")
    reseal(bundle, name)
    with pytest.raises(LeadcastError):
        load_bundle(bundle)


@settings(max_examples=30)
@given(data=st.data())
def test_no_byte_can_be_changed_unnoticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = contents(bundle_folder())
    name = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    bit = data.draw(st.integers(0, 7))
    folder = tmp_path_factory.mktemp("changed") / "bundle"
    shutil.copytree(bundle_folder(), folder)
    changed = bytearray(files[name])
    changed[at] ^= 1 << bit
    (folder / name).write_bytes(changed)
    created = bytes(changed) != files[name] and name == MANIFEST
    try:
        load_bundle(folder)
    except LeadcastError:
        return
    # The time is the one thing that the id does not cover.
    assert created
    assert json.loads(changed)["created_at"] != json.loads(files[name])["created_at"]
