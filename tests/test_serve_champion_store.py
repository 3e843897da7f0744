"""The champion's place: never absent, always one whole version, and every version comes back."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.locks import BusyError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.serve.champion.champion_store import (
    Lineage,
    Promotion,
    PromotionStep,
    champion_bundle,
    champion_folder,
    has_champion,
    known_versions,
    promoting,
    put_champion,
    read_promotion,
    version_folder,
)
from tests.scoring_world import bundle_folder, export, origin, scoring_world
from tests.small_project import ROOT

WHEN = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    other = tmp_path_factory.mktemp("bundles") / "other"
    export(other, about=origin(scoring_world()).model_copy(update={"fingerprint": "other"}))
    return bundle_folder(), other


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def promotion_of(bundle: Path, version: int, before: tuple[PromotionStep, ...] = ()) -> Promotion:
    bundle_id = read_manifest(bundle).bundle_id
    step = PromotionStep(
        version=version, kind="promoted", at=WHEN, by="ines", why="", bundle_id=bundle_id
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
    return Promotion(
        source="small", version=version, lineage=lineage, gate={}, steps=(*before, step)
    )


def put(bundle: Path, version: int, before: tuple[PromotionStep, ...] = ()) -> Promotion:
    made = promotion_of(bundle, version, before)
    put_champion(made, bundle, bundle)
    return made


def test_before_the_first_promotion_it_is_told_what_to_do() -> None:
    with pytest.raises(LeadcastError, match="nothing promoted yet: leadcast promote small"):
        champion_bundle("small")
    assert not has_champion("small")
    with pytest.raises(LeadcastError, match="is no source's name"):
        champion_folder("../small")


def test_what_was_promoted_is_read_back_and_the_version_before_comes_back(
    bundles: tuple[Path, Path],
) -> None:
    first, second = bundles
    one = put(first, 1)
    assert read_promotion("small") == one
    two = put(second, 2, one.steps)
    assert read_promotion("small").steps == (*one.steps, two.step)
    assert load_bundle(champion_bundle("small")).manifest == read_manifest(second)
    assert known_versions("small") == [1, 2]
    assert read_manifest(version_folder("small", 1) / "bundle") == read_manifest(first)
    with pytest.raises(LeadcastError, match="there is no version 3; there are: 1, 2"):
        version_folder("small", 3)


def test_another_bundle_than_was_examined_is_not_promoted(bundles: tuple[Path, Path]) -> None:
    put(bundles[0], 1)
    with pytest.raises(LeadcastError, match="was replaced meanwhile"):
        put_champion(promotion_of(bundles[1], 2), bundles[0], bundles[0])
    assert read_promotion("small").version == 1


def test_a_damaged_bundle_is_not_promoted(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    put(bundles[0], 1)
    damaged = tmp_path / "damaged"
    shutil.copytree(bundles[1], damaged)
    wanted = promotion_of(damaged, 2)
    (damaged / "features.json").write_bytes((damaged / "features.json").read_bytes()[:-9])
    with pytest.raises(LeadcastError, match=r"features\.json"):
        put_champion(wanted, damaged, damaged)
    assert read_manifest(champion_bundle("small")) == read_manifest(bundles[0])


def test_what_somebody_put_into_the_champions_place_is_never_lost(
    bundles: tuple[Path, Path],
) -> None:
    put(bundles[0], 1)
    (champion_folder("small") / "mine.txt").write_text("keep me")
    with pytest.raises(LeadcastError, match=r"mine\.txt"):
        put(bundles[1], 2)
    assert (champion_folder("small") / "mine.txt").read_text() == "keep me"


def test_a_reader_always_finds_one_whole_version(bundles: tuple[Path, Path]) -> None:
    put(bundles[0], 1)
    ended = threading.Event()

    def promote_again_and_again() -> None:
        for number in range(2, 8):
            put(bundles[number % 2], number)
        ended.set()

    writer = threading.Thread(target=promote_again_and_again)
    writer.start()
    ids, read = {read_manifest(path).bundle_id for path in bundles}, 0
    while not ended.is_set() or read == 0:
        assert read_manifest(champion_bundle("small")).bundle_id in ids
        read += 1
    writer.join()
    assert read_promotion("small").version == 7


def test_of_two_promotions_at_once_one_is_told() -> None:
    told = pytest.raises(BusyError, match="another process changes the champion")
    with promoting("small"), told, promoting("small"):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from leadcast.features.base import files
from leadcast.serve.champion import champion_store as store
from tests.test_serve_champion_store import promotion_of
at, bundle = int(sys.argv[1]), Path(sys.argv[2])
real, calls = files._put_in_place, []
def put_in_place(temporary, path):
    if "manifest" not in path.name and path.suffix != ".json":
        calls.append(path)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
    real(temporary, path)
files._put_in_place = put_in_place
store.put_champion(promotion_of(bundle, 2), bundle, bundle)
"""


@pytest.mark.parametrize("at", [1, 2])
def test_killed_in_a_promotion_the_champion_stays_and_the_next_call_goes_on(
    bundles: tuple[Path, Path], at: int
) -> None:
    put(bundles[0], 1)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(at), str(bundles[1])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert read_promotion("small").version == 1
    assert read_manifest(champion_bundle("small")) == read_manifest(bundles[0])
    put(bundles[1], 2)
    assert read_promotion("small").version == 2
    left = [path.name for path in champion_folder("small").parent.iterdir() if "tmp" in path.name]
    assert left == []
