"""Starting a service: what is refused before anything listens, and the registered champion."""

import shutil
import socket
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.bundle.bundle_signature import new_key, require_signature, sign_bundle
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.daily.serve import serve
from leadcast.serve.http.keys import create_key
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from tests.scoring_world import bundle_folder
from tests.small_project import make_project


def start(
    bundle: Path | str, keys: Path | None = None, host: str = "127.0.0.1", port: int = 0
) -> None:
    serve(str(bundle), keys, False, host, port, 1, RequestLimits())


def test_others_may_not_ask_without_a_key_by_mistake() -> None:
    with pytest.raises(LeadcastError, match="--no-keys if all may ask"):
        start(bundle_folder(), host="0.0.0.0")


def test_what_cannot_be_served_is_told_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="there is no such folder"):
        start(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LeadcastError, match=r"has no manifest\.json"):
        start(tmp_path / "empty")
    with pytest.raises(LeadcastError, match="leadcast api-key create"):
        start(bundle_folder(), keys=tmp_path / "keys.json")


def test_options_that_cannot_be_meant_are_told_at_once(tmp_path: Path) -> None:
    keys, run, host = tmp_path / "keys.json", tmp_path / "nowhere", "127.0.0.1"
    with pytest.raises(LeadcastError) as raised:
        serve(str(tmp_path / "no bundle"), keys, True, host, 0, 1, RequestLimits(), run)
    told = str(raised.value)
    assert told.startswith("3 errors")
    for words in (f"--keys {keys} and --no-keys", "no bundle: there is no", f"--run {run}: there"):
        assert words in told


@pytest.mark.parametrize("option", ["--rate", "--max-body-mib", "--read-seconds"])
@pytest.mark.parametrize("value", ["inf", "nan", "-1"])
def test_limits_are_numbers(option: str, value: str) -> None:
    asked = CliRunner().invoke(app, ["serve", "--bundle", "none", option, value])
    assert asked.exit_code == 2
    assert option in asked.output


def test_the_page_shows_the_run_around_the_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[ServeSettings] = []
    monkeypatch.setattr("leadcast.serve.processes.server.run_service", started.append)
    start(bundle_folder())
    serve(str(bundle_folder()), None, False, "127.0.0.1", 0, 1, RequestLimits(), tmp_path)
    assert [one.run for one in started] == [bundle_folder().resolve().parent, tmp_path]


@pytest.mark.parametrize(
    ("host", "no_keys", "page", "shown"),
    [
        ("0.0.0.0", True, True, True),
        ("0.0.0.0", True, False, False),
        ("0.0.0.0", False, True, False),
        ("127.0.0.1", True, True, False),
    ],
)
def test_leads_are_shown_to_all_only_by_page_without_keys_beyond_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    host: str,
    no_keys: bool,
    page: bool,
    shown: bool,
) -> None:
    keys = None if no_keys else tmp_path / "keys.json"
    if keys is not None:
        create_key(keys, "crm")
    started: list[ServeSettings] = []
    monkeypatch.setattr("leadcast.serve.processes.server.run_service", started.append)
    told = (host, 0, 1, RequestLimits(), None, page)
    serve(str(bundle_folder()), keys, no_keys, *told)
    assert [one.shows_leads_to_all for one in started] == [shown]


def test_an_address_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LeadcastError, match=f"--port {port}: cannot be listened on"):
            start(bundle_folder(), port=port)


@pytest.mark.slow
def test_what_is_registered_is_a_challenger_and_the_champion_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.chdir(make_project(tmp_path, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from leadcast.pipelines.base.model_registry import (
            downloaded,
            register,
            set_alias,
            version_of,
        )
        from leadcast.pipelines.track import save_model

        # The signature lies in the folder that MLflow keeps.
        shutil.copytree(bundle_folder(), tmp_path / "signed/bundle")
        private, public = new_key(tmp_path / "ours")
        sign_bundle(tmp_path / "signed/bundle", private)
        save_model(tmp_path / "signed/bundle", tmp_path / "model")
        expected = read_json(bundle_folder() / "manifest.json")
        bundle_id, model = expected["bundle_id"], str(tmp_path / "model")
        versions = [register("small", model, {"source": "small"}, bundle_id) for _ in range(2)]
        assert version_of("small", "champion") is None
        assert version_of("small", "challenger") == "2"
        with pytest.raises(LeadcastError, match=r"holds bundle .* was registered as"):
            set_alias("small", "champion", "1", "another")
        assert version_of("small", "champion") is None
        set_alias("small", "champion", "1", bundle_id)
        champion = downloaded("models:/leadcast-small@champion", tmp_path / "fetched")
        with pytest.raises(LeadcastError, match="models:/leadcast-small@nobody: cannot be fetch"):
            downloaded("models:/leadcast-small@nobody", tmp_path / "other")
        started: list[ServeSettings] = []
        monkeypatch.setattr(
            "leadcast.serve.processes.server.run_service",
            lambda settings, _: started.append(settings),
        )
        told = ("models:/leadcast-small@champion", None, False, "127.0.0.1", 0, 1, RequestLimits())
        serve(*told, signed_by=public)
        with pytest.raises(LeadcastError, match="is signed with another key"):
            serve(*told, signed_by=new_key(tmp_path / "theirs")[1])
    assert len(started) == 1
    require_signature(champion, public)
    assert versions == ["1", "2"]
    assert read_json(champion / "manifest.json") == expected
