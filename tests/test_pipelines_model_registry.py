"""The registry on SQLite, and on a real MLflow server over PostgreSQL that goes and comes back."""

import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines import model_registry, track
from leadcast.pipelines.paths import RunFolder
from leadcast.pipelines.promote import NOT_FOLLOWED, _told_followed, roll_back
from leadcast.pipelines.serve import followed_by
from leadcast.serve.champion.champion_store import champion_bundle
from tests.scoring_world import bundle_folder, export, origin, scoring_world
from tests.small_project import change_params, make_project
from tests.test_serve_champion_store import put

pytestmark = pytest.mark.slow
START_SECONDS = 300


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    folder = make_project(tmp_path, 10)
    monkeypatch.chdir(folder)
    return folder


class Server:
    """MLflow's own, over PostgreSQL."""

    def __init__(self, database: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        uri = database.replace("postgresql://", "postgresql+psycopg://")
        options = ("--backend-store-uri", uri, "--artifacts-destination", str(folder / "artifacts"))
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
        self.command = (sys.executable, "-m", "mlflow", "server", *options, *where)
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        pytest.fail((self.folder / "server.log").read_text())

    def end(self) -> None:
        os.killpg(self.process.pid, 15)
        self.process.wait()


def _environment() -> dict[str, str]:
    # What a service that was tested before in this process has set is not the server's.
    own = {name: told for name, told in os.environ.items() if not name.startswith("PROMETHEUS")}
    return own | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@pytest.fixture
def server(postgres_url: str, tmp_path: Path) -> Iterator[Server]:
    place = tmp_path / "server"
    place.mkdir()
    started = Server(postgres_url, place)
    yield started
    if started.process.poll() is None:
        started.end()


def logged(bundle: Path) -> tuple[str, str]:
    """Log and register a bundle as a run does; its version and id."""
    run, bundle_id = RunFolder("small"), read_manifest(bundle).bundle_id
    shutil.rmtree(run.bundle, ignore_errors=True)
    shutil.copytree(bundle, run.bundle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = model_registry.with_mlflow()
        mlflow.set_experiment("small")
        with mlflow.start_run():
            uri = track._log_bundle(run)
        return model_registry.register("small", uri, {"bundle_id": bundle_id}, bundle_id), bundle_id


def follows_promotions(folder: Path) -> None:
    other = folder / "other"
    export(other, about=origin(scoring_world()).model_copy(update={"fingerprint": "other"}))
    version, first = logged(bundle_folder())
    assert (version, model_registry.version_of("small", "challenger")) == ("1", "1")
    assert model_registry.version_of("small", "champion") is None
    one = put(bundle_folder(), 1)
    assert model_registry.follow_champion("small") == "1"
    # Another run makes a challenger; the champion stays until it is promoted.
    assert logged(other)[0] == "2"
    assert model_registry.version_of("small", "champion") == "1"
    served = followed_by("models:/leadcast-small@champion")
    assert served is not None
    assert served.key() == "1"
    put(other, 2, one.steps)
    assert model_registry.follow_champion("small") == "2"
    assert served.key() == "2"
    fetched = served.fetch(folder / "fetched")
    assert read_json(fetched / "manifest.json") == read_json(other / "manifest.json")
    assert "models:/leadcast-small@champion is version 1" in roll_back("small", None, "", "ines")
    assert served.key() == "1"
    assert read_manifest(champion_bundle("small")).bundle_id == first


def test_on_sqlite_the_alias_follows_what_is_promoted(project: Path) -> None:
    # MLflow keeps a store for each address: a relative one may be that of another test's folder.
    change_params(project, tracking={"uri": f"sqlite:///{project / 'mlflow.db'}"})
    follows_promotions(project)


@pytest.mark.postgres
def test_over_postgresql_too_and_while_the_server_is_down_files_decide(
    project: Path, server: Server
) -> None:
    change_params(project, tracking={"uri": f"http://127.0.0.1:{server.port}"})
    follows_promotions(project)
    server.end()
    assert "version 2 is the champion again" in (told := roll_back("small", 2, "", "ines"))
    assert NOT_FOLLOWED in told
    served = followed_by("models:/leadcast-small@champion")
    assert served is not None
    with pytest.raises(LeadcastError, match="cannot be asked for"):
        served.key()
    server.begin()
    assert served.key() == "1"
    assert "is version 2" in _told_followed("small")
    assert served.key() == "2"
