"""The registry on SQLite, and on a real MLflow server over PostgreSQL that goes and comes back."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography.fernet import Fernet
from pydantic import SecretStr

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines import track
from leadcast.pipelines.base import model_registry
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.serve import followed_by
from leadcast.pipelines.lifecycle.kept_versions import _record
from leadcast.pipelines.lifecycle.promote import (
    NOT_FOLLOWED,
    _told_followed,
    roll_back,
    tell_promotions,
)
from leadcast.serve.champion.champion_store import (
    champion_bundle,
    kept_folder,
    promotion_in,
    read_promotion,
)
from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.requests.settings import ASKED, HOOK, ServeSettings
from tests.scoring_world import bundle_folder, export, origin, scoring_world
from tests.service_world import NO_LIMIT
from tests.small_project import change_params, make_project
from tests.test_pipelines_tracking_lost import log_bundle_alone
from tests.test_serve_champion_store import put

pytestmark = pytest.mark.slow
START_SECONDS = 900
ENCRYPTED_BY = Fernet.generate_key().decode()


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
    return own | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Else a server that is begun again cannot read its webhooks' secrets.
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": ENCRYPTED_BY,
        # To this machine, and at once after it is told of.
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "0",
    }


@pytest.fixture(scope="module")
def server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("server")
    started = Server(postgres_url, place)
    yield started
    if started.process.poll() is None:
        started.end()


def logged(bundle: Path, log: Callable[[RunFolder], str] = track._log_bundle) -> tuple[str, str]:
    """Log and register a bundle as a run does; its version and id."""
    run, bundle_id = RunFolder("small"), read_manifest(bundle).bundle_id
    shutil.rmtree(run.bundle, ignore_errors=True)
    shutil.copytree(bundle, run.bundle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = model_registry.with_mlflow()
        mlflow.set_experiment("small")
        with mlflow.start_run():
            uri = log(run)
            mlflow.log_artifacts(str(bundle), artifact_path="judged")
        tags = {"bundle_id": bundle_id, "judged_bundle_id": bundle_id, "fingerprint": "tagged"}
        return model_registry.register("small", uri, tags, bundle_id), bundle_id


def follows_promotions(folder: Path) -> None:
    other = folder / "other"
    export(other, about=origin(scoring_world()).model_copy(update={"fingerprint": "other"}))
    version, first = logged(bundle_folder())
    assert (version, model_registry.version_of("small", "challenger")) == ("1", "1")
    assert model_registry.version_of("small", "champion") is None
    one = put(bundle_folder(), 1)
    assert model_registry.follow_champion("small") == "1"
    # Another run makes a challenger; the champion stays until it is promoted.
    assert logged(other, log_bundle_alone)[0] == "2"
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


def brings_versions_back(folder: Path) -> None:
    """Go on from `follows_promotions`: version 1 is the champion, 2 was before, both are kept."""
    damaged = kept_folder("small", 2) / "bundle/features.json"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert "version 2: data/champion/.small-versions/2 is damaged (" in tell_promotions("small")
    told = roll_back("small", 2, "", "ines")
    assert "fetched from MLflow: leadcast-small, version 2, every hash verified" in told
    assert "what was damaged is in data/champion/.small-versions/2.damaged-1" in told
    assert read_manifest(kept_folder("small", 2) / "bundle") == read_manifest(folder / "other")
    assert "small-versions" not in tell_promotions("small")
    # Gone altogether: what was known of it comes from MLflow too, and not from its tags.
    shutil.rmtree(kept_folder("small", 1))
    assert "lost" not in roll_back("small", None, "", "ines")
    assert promotion_in(kept_folder("small", 1)).lineage.fingerprint == "f"
    assert read_manifest(champion_bundle("small")) == read_manifest(bundle_folder())
    # One that was never registered is lost with its folder, and that is told.
    third = folder / "third"
    export(third, about=origin(scoring_world()).model_copy(update={"fingerprint": "third"}))
    put(third, 3, read_promotion("small").steps)
    put(bundle_folder(), 4, read_promotion("small").steps)
    shutil.rmtree(kept_folder("small", 3))
    told = tell_promotions("small")
    wanted = read_manifest(third).bundle_id[:12]
    missing = "version 3 cannot be restored: data/champion/.small-versions/3 is gone; "
    missing += f"leadcast-small in MLflow holds no bundle {wanted}"
    assert f"! {missing}" in told
    assert "       3! promoted" in told
    with pytest.raises(LeadcastError, match=missing) as error:
        roll_back("small", 3, "", "ines")
    assert "Champion 4 stays in use; versions that can be had: 1, 2 (leadcast" in str(error.value)
    assert read_promotion("small").version == 4


def test_on_sqlite_the_alias_follows_what_is_promoted_and_versions_come_back(
    project: Path,
) -> None:
    # MLflow keeps a store for each address: a relative one may be that of another test's folder.
    change_params(project, tracking={"uri": f"sqlite:///{project / 'mlflow.db'}"})
    follows_promotions(project)
    brings_versions_back(project)
    # What is damaged in MLflow as well is not taken.
    for path in (judged := [*project.glob("mlruns/**/judged/features.json")]):
        path.write_text("{}\n")
    assert judged
    shutil.rmtree(kept_folder("small", 2))
    with pytest.raises(LeadcastError, match=r"from MLflow: .*features\.json: 3 bytes") as error:
        roll_back("small", 2, "", "ines")
    assert "versions that can be had: 1 (leadcast" in str(error.value)
    assert not kept_folder("small", 2).exists()


def test_of_a_version_from_before_records_were_kept_the_tags_are_all_that_is_left(
    project: Path, tmp_path: Path
) -> None:
    now = put(bundle_folder(), 1)
    shutil.rmtree(kept_folder("small", 1))
    lineage = now.lineage.model_copy(update={"fingerprint": "tagged"})
    found = model_registry.RegisteredVersion(tmp_path, tmp_path, None, lineage)
    made, words = _record(now, now.step, found)
    assert (made.version, made.lineage, made.steps) == (1, lineage, now.steps)
    assert "what the gate had found is lost, and the export is as 1 knew it" in words


@pytest.mark.postgres
def test_over_postgresql_too_and_while_the_server_is_down_files_decide(
    project: Path, server: Server
) -> None:
    change_params(project, tracking={"uri": f"http://127.0.0.1:{server.port}"})
    follows_promotions(project)
    brings_versions_back(project)
    has_a_service_look(project)
    roll_back("small", 1, "", "ines")
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


SECRET = "a secret that nobody guesses"


def has_a_service_look(folder: Path) -> None:
    """Go on from there, while the server runs: when it moves an alias, a service looks."""
    scratch = folder / "scratch"
    scratch.mkdir()
    settings = ServeSettings(
        bundle=bundle_folder(), named="m", limits=NO_LIMIT, hook_secret=SecretStr(SECRET)
    )
    app = make_app(Service.open(settings, bundle_folder(), scratch))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = uvicorn.Server(
            uvicorn.Config(app, http="h11", ws="none", log_config=None, lifespan="off")
        )
        answering = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
        answering.start()
        client = model_registry.with_mlflow().MlflowClient()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{HOOK}"
        client.create_webhook("look", url, ["model_version_alias.created"], secret=SECRET)
        client.set_registered_model_alias("leadcast-small", "champion", "1")
        deadline = time.monotonic() + START_SECONDS
        while not (scratch / ASKED).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        service.should_exit = True
        answering.join()
    assert (scratch / ASKED).exists()
