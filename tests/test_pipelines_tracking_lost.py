"""A tracking server that is lost while a result is logged; what MLflow keeps that was altered."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines import track
from leadcast.pipelines.base import model_registry
from leadcast.pipelines.base.model_registry import CHAMPION, RESULT_TAG, downloaded, version_of
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.serve import FollowedAlias
from leadcast.pipelines.lifecycle import promote
from leadcast.pipelines.tracking import tracking_store
from tests.small_project import change_params, hurried, run_stages
from tests.test_pipelines_stages import write_tiny

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
RUN = RunFolder("tiny")
CHALLENGER = "models:/leadcast-tiny@challenger"
STEPS = (
    *("create_run", "log_batch", "set_tag", "update_run_info", "create_registered_model"),
    *("create_model_version", "get_model_version_by_alias", "set_registered_model_alias"),
)
"""What a server is asked for when a result is logged, from the first to the last."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lost")
    write_tiny(folder, winners=(3, 8))
    with hurried():
        run_stages(folder, RUN.source)
    change_params(folder, tracking={"uri": f"sqlite:///{folder / 'mlflow.db'}"})
    return folder


class Server:
    """MLflow's store, as if it stood behind a server that may be lost at any request."""

    def __init__(self) -> None:
        self.lost_at, self.after, self.is_gone = "", False, False

    def asked(self, name: str, real: Any, *told: Any, **more: Any) -> Any:  # noqa: ANN401
        from mlflow.exceptions import MlflowException

        refused = MlflowException("API request failed: Connection refused")
        if self.is_gone or (name == self.lost_at and not self.after):
            self.is_gone = True
            raise refused
        done = real(*told, **more)
        if name == self.lost_at:
            # It has done what was asked, and its answer is lost.
            self.is_gone = True
            raise refused
        return done


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.chdir(project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    model_registry.with_mlflow()
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Runs

    server = Server()
    for name in STEPS:
        store: Any = Runs if hasattr(Runs, name) else Registry
        real = getattr(store, name)
        monkeypatch.setattr(store, name, partial_method(server, name, real))
    # A file's damage is an error of its own; what is behind a server is out of reach.
    monkeypatch.setattr(tracking_store, "store_file", lambda _: None)
    monkeypatch.setattr(track, "_log_bundle", log_bundle_alone)
    return server


def partial_method(server: Server, name: str, real: Any) -> Any:  # noqa: ANN401
    def method(store: Any, *told: Any, **more: Any) -> Any:  # noqa: ANN401
        return server.asked(name, partial(real, store), *told, **more)

    return method


def log_bundle_alone(run: RunFolder) -> str:
    """Log a model that holds the bundle, without the code beside it, which takes seconds."""
    import mlflow

    mlflow.log_artifacts(str(run.bundle), artifact_path="model/artifacts/bundle")
    mlflow.log_text("{}", "model/MLmodel")
    active = mlflow.active_run()
    assert active is not None
    return f"runs:/{active.info.run_id}/model"


def another_result() -> None:
    """Let there be another result to log, in words that nobody reads."""
    RUN.report.write_text(RUN.report.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def whole_runs(result: str) -> int:
    with closing(sqlite3.connect("mlflow.db")) as store:
        of_result = "SELECT run_uuid FROM tags WHERE key = ? AND value = ?"
        asked = f"SELECT status FROM runs WHERE run_uuid IN ({of_result})"
        statuses = [status for (status,) in store.execute(asked, (RESULT_TAG, result))]
    assert set(statuses) <= {"FINISHED", "FAILED", "KILLED"}
    return statuses.count("FINISHED")


def versions(result: str) -> list[str]:
    client = model_registry.with_mlflow().MlflowClient()
    found = client.search_model_versions(f"tags.`{RESULT_TAG}` = '{result}'")
    return [str(one.version) for one in found]


@pytest.mark.parametrize("after", [False, True], ids=["unheard", "unanswered"])
@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_is_lost_at_any_request_stops_nothing_and_the_next_run_logs_whole_and_once(
    server: Server, step: str, after: bool
) -> None:
    another_result()
    if step == "create_registered_model":
        # Only the first registration makes the model.
        client = model_registry.with_mlflow().MlflowClient()
        for one in client.search_model_versions("name = 'leadcast-tiny'"):
            client.delete_model_version(one.name, one.version)
        if client.search_registered_models("name = 'leadcast-tiny'"):
            client.delete_registered_model("leadcast-tiny")
    server.lost_at, server.after = step, after
    told = track.track(RUN.source)
    assert server.is_gone, "it was never asked"
    assert told.startswith("this result is whole and not logged yet; the next run logs it")
    assert read_json(RUN.tracking)["run_id"] is None
    server.lost_at, server.is_gone = "", False
    told = track.track(RUN.source)
    tracked = read_json(RUN.tracking)
    assert told.startswith(f"run {tracked['run_id']}")
    assert whole_runs(tracked["result"]) == 1
    assert versions(tracked["result"]) == [tracked["model_version"]]
    assert version_of(RUN.source, "challenger") == tracked["model_version"]
    assert track.track(RUN.source).startswith("nothing new")


def kept_bundle() -> Path:
    """The folder in which MLflow keeps the challenger's bundle."""
    run_id = read_json(RUN.tracking)["run_id"]
    (found,) = Path("mlruns").rglob(f"{run_id}/artifacts/model/artifacts/bundle")
    return found


def altered(bundle: Path) -> None:
    path = bundle / "features.json"
    path.write_bytes(path.read_bytes()[:-20])


def replaced(bundle: Path) -> None:
    """As somebody does who writes the hashes anew: the bundle is whole, and another one."""
    shutil.rmtree(bundle)
    shutil.copytree(RUN.judged, bundle)


@pytest.mark.parametrize(
    ("harm", "words"),
    [(altered, r"features\.json"), (replaced, "what MLflow keeps was altered")],
)
def test_an_altered_artefact_is_refused_by_alias_and_what_is_in_use_stays(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path], None],
    words: str,
) -> None:
    another_result()
    track.track(RUN.source)
    own = read_manifest(RUN.bundle).bundle_id
    for folder in ("whole", "fetched", "served"):
        (tmp_path / folder).mkdir()
    assert read_manifest(downloaded(CHALLENGER, tmp_path / "whole")).bundle_id == own
    harm(kept_bundle())
    with pytest.raises(LeadcastError, match=words):
        downloaded(CHALLENGER, tmp_path / "fetched")
    with pytest.raises(LeadcastError, match=words):
        FollowedAlias(CHALLENGER).fetch(tmp_path / "served")
    # A promotion or a way back to it: files decide what is in use, and the alias does not follow.
    now = SimpleNamespace(lineage=SimpleNamespace(bundle_id=own))
    monkeypatch.setattr(model_registry, "read_promotion", lambda _: now)
    monkeypatch.setattr(model_registry, "_keep_record", lambda *_: None)
    told = promote._told_followed(RUN.source)
    assert told.startswith(f"; {promote.NOT_FOLLOWED}")
    assert re.search(words, told), told
    assert version_of(RUN.source, CHAMPION) is None
