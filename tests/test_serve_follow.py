"""A service that goes over to another champion while it answers: no request is lost."""

import asyncio
import json
import shutil
from pathlib import Path

import httpx
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.models.bundle.bundle_files import KIND, read_manifest
from leadcast.pipelines.daily.serve import FollowedAlias, followed_by
from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.processes import follow
from leadcast.serve.processes.follow import FollowedFolder, Following, go_over, wanted_bundle
from leadcast.serve.requests.settings import ServeSettings
from tests.scoring_world import bundle_folder, export, origin, scoring_world
from tests.service_world import HOST, NO_LIMIT, some_leads


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("other") / "bundle"
    export(place, about=origin(scoring_world()).model_copy(update={"fingerprint": "other"}))
    return place


@pytest.fixture
def named(tmp_path: Path) -> Path:
    place = tmp_path / "named/bundle"
    put(bundle_folder(), place)
    return place


def put(bundle: Path, place: Path) -> None:
    with written_whole(place, KIND, is_named=True) as new:
        shutil.copytree(bundle, new)


def following(named: Path, folder: Path) -> Following:
    shutil.copytree(named, folder / "bundle")
    made = Following(FollowedFolder(named), folder, folder / "bundle", None)
    made._key = FollowedFolder(named).key()
    return made


def test_what_is_followed_is_a_champions_place_or_an_alias(tmp_path: Path) -> None:
    assert followed_by(str(bundle_folder())) is None
    assert followed_by("models:/leadcast-demo/3") is None
    assert isinstance(followed_by("models:/leadcast-demo@champion"), FollowedAlias)
    (tmp_path / "promotion.json").write_text("{}")
    assert isinstance(followed_by(str(tmp_path / "bundle")), FollowedFolder)


def test_another_bundle_is_pointed_to_once_it_is_whole(
    tmp_path: Path, named: Path, other: Path
) -> None:
    first = tmp_path / "bundle"
    watching = following(named, tmp_path)
    watching.look()
    assert wanted_bundle(tmp_path, first) == first
    put(other, named)
    watching.look()
    assert read_manifest(wanted_bundle(tmp_path, first)) == read_manifest(other)
    put(bundle_folder(), named)
    watching.look()
    assert read_manifest(wanted_bundle(tmp_path, first)) == read_manifest(bundle_folder())
    # The first is no longer kept, the one before is.
    assert sorted(path.name for path in tmp_path.glob("bundle*")) == ["bundle-1", "bundle-2"]


@pytest.mark.parametrize("harm", ["damaged", "gone", "of another source"])
def test_what_cannot_be_used_changes_nothing_and_is_told_once(
    tmp_path: Path, named: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    watching, first = following(named, tmp_path), tmp_path / "bundle"
    if harm == "of another source":
        about = origin(scoring_world()).model_copy(update={"source": "another"})
        export(tmp_path / "made", about=about)
        put(tmp_path / "made", named)
    elif harm == "gone":
        shutil.rmtree(named)
    else:
        (named / "features.json").write_text("{}")
        manifest = json.loads((named / "manifest.json").read_text())
        (named / "manifest.json").write_text(json.dumps(manifest | {"bundle_id": "other"}))
    for _ in range(3):
        watching.look()
    assert wanted_bundle(tmp_path, first) == first
    told = [one for one in caplog.records if "is not used" in one.message]
    assert len(told) == 1


def test_a_worker_goes_over_while_it_answers(
    tmp_path: Path, named: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_LOOK_SECONDS", 0.01)
    watching, first = following(named, tmp_path), tmp_path / "bundle"
    settings = ServeSettings(bundle=named, named=str(named), limits=NO_LIMIT)
    app = make_app(Service.open(settings, first, tmp_path))
    asked = some_leads(2) | {"as_of": "2025-08-01T00:00:00Z"}

    async def ask_meanwhile() -> list[str]:
        answers: list[str] = []
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            over = asyncio.create_task(go_over(app, tmp_path, first))
            wanted = read_manifest(other).bundle_id
            while not answers or answers[-1] != wanted:
                answer = await client.post("/v1/score", json=asked)
                assert answer.status_code == 200, answer.text
                answers.append(answer.json()["bundle_id"])
                if len(answers) == 3:
                    put(other, named)
                    watching.look()
                await asyncio.sleep(0.001)
            model = (await client.get("/v1/model")).json()
            over.cancel()
        assert (model["bundle_id"], model["on_disk"]["state"]) == (wanted, "same")
        return answers

    answers = asyncio.run(ask_meanwhile())
    assert answers[0] == read_manifest(bundle_folder()).bundle_id
    # Once over, never back.
    assert answers == sorted(answers, key=answers.index)


def test_a_place_without_a_bundle_is_told(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError):
        FollowedFolder(tmp_path).key()
