"""MLflow's webhook: only what MLflow has signed just now, once, has the service look."""

import hashlib
import hmac
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.daily.serve import followed_by, serve
from leadcast.serve.http import hooks
from leadcast.serve.http.app import make_app
from leadcast.serve.http.hooks import TOLERANCE_SECONDS, VARIABLE, read_secret, refuse_unsigned
from leadcast.serve.http.service import Service
from leadcast.serve.processes.follow import FollowedFolder, Following
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import ASKED, HOOK, RequestLimits, ServeSettings
from tests.scoring_world import bundle_folder
from tests.service_world import HOST, NO_LIMIT, TestClient

SECRET = "a secret that nobody guesses"
NOW = 1_770_000_000.0
BODY = b'{"data": {"alias": "champion"}}'


def service(scratch: Path, secret: str | None, limits: RequestLimits = NO_LIMIT) -> TestClient:
    """A client of a service that is not warmed, as nothing is scored here."""
    folder = bundle_folder()
    told = None if secret is None else SecretStr(secret)
    settings = ServeSettings(bundle=folder, named="m", limits=limits, hook_secret=told)
    app = make_app(Service.open(settings, folder, scratch))
    return TestClient(app, HOST, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def of_all(scratch: Path) -> TestClient:
    return service(scratch, SECRET)


@pytest.fixture
def asked(
    of_all: TestClient,
    scratch: Path,
    sent_by_mlflow: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> TestClient:
    """Asked at the moment at which MLflow signed, however slow this machine is."""
    signed_at = float(sent_by_mlflow["headers"]["X-MLflow-Timestamp"])
    monkeypatch.setattr(hooks, "_now", lambda: signed_at)
    (scratch / ASKED).unlink(missing_ok=True)
    return of_all


@pytest.fixture(scope="module")
def sent_by_mlflow() -> dict[str, Any]:
    """What MLflow's own code sends when an alias is set."""
    from mlflow.entities.webhook import Webhook, WebhookEvent
    from mlflow.webhooks import delivery
    from mlflow.webhooks.types import ModelVersionAliasCreatedPayload

    sent: dict[str, Any] = {}

    class Session:
        def post(self, url: str, data: bytes, headers: dict[str, str], timeout: float) -> None:
            sent.update(url=url, data=data, headers=headers, timeout=timeout)

    event = WebhookEvent.from_str("model_version_alias.created")
    webhook = Webhook("1", "w", f"{HOST}{HOOK}", [event], 0, 0, secret=SECRET)
    payload = ModelVersionAliasCreatedPayload(name="leadcast-é", alias="champion", version="2")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http")
        patched.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
        delivery._send_webhook_request(webhook, payload, event, Session())
    return sent


def test_what_mlflow_signs_has_the_service_look_once(
    asked: TestClient, sent_by_mlflow: dict[str, Any], scratch: Path
) -> None:
    content, headers = sent_by_mlflow["data"], sent_by_mlflow["headers"]
    assert json.loads(content)["data"]["alias"] == "champion"
    assert not (scratch / ASKED).exists()
    first = asked.post(HOOK, content=content, headers=headers)
    assert (first.status_code, first.json()) == (202, {"status": "looking"})
    (scratch / ASKED).unlink()
    again = asked.post(HOOK, content=content, headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "urn:leadcast:repeated")
    assert not (scratch / ASKED).exists()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-MLflow-Signature", None),
        ("X-MLflow-Signature", "v1,"),
        ("X-MLflow-Signature", "v2"),
        ("X-MLflow-Timestamp", "1770000000"),
        ("X-MLflow-Timestamp", None),
        ("X-MLflow-Delivery-Id", "another"),
        ("body", b"{}"),
        ("twice", None),
    ],
)
def test_whatever_else_was_signed_is_refused_in_the_same_words(
    asked: TestClient,
    sent_by_mlflow: dict[str, Any],
    scratch: Path,
    header: str,
    value: str | bytes | None,
) -> None:
    content, headers = sent_by_mlflow["data"], dict(sent_by_mlflow["headers"])
    if header == "body":
        content = value
    elif value is None:
        headers.pop(header, None)
    elif value == "v2":
        headers[header] = headers[header].replace("v1,", "v2,")
    else:
        headers[header] = value
    several = [*headers.items()]
    if header == "twice":
        several.append(("X-MLflow-Signature", headers["X-MLflow-Signature"]))
    answer = asked.post(HOOK, content=content, headers=several)
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("expected MLflow's signature, made with the secret")
    assert not (scratch / ASKED).exists()


def signed(sent: str, delivery: str = "d", secret: str = SECRET) -> dict[str, str]:
    import base64

    told = hmac.new(secret.encode(), f"{delivery}.{sent}.".encode() + BODY, hashlib.sha256).digest()
    return {
        "x-mlflow-signature": f"v1,{base64.b64encode(told).decode()}",
        "x-mlflow-timestamp": sent,
        "x-mlflow-delivery-id": delivery,
    }


@pytest.mark.parametrize("off", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_a_time_within_the_tolerance_is_taken(tmp_path: Path, off: int) -> None:
    headers = signed(str(int(NOW) + off))
    refuse_unsigned(SecretStr(SECRET), headers, BODY, tmp_path / "seen", NOW)


@pytest.mark.parametrize(
    ("sent", "delivery", "words"),
    [
        (str(int(NOW) - TOLERANCE_SECONDS - 1), "d", "signed 301 seconds from this machine's time"),
        (str(int(NOW) + TOLERANCE_SECONDS + 1), "d", "set the clocks"),
        ("soon", "d", "expected a number of seconds"),
        ("٤", "d", "expected MLflow's signature"),
        ("9" * 5000, "d", "expected a number of seconds"),
        (str(int(NOW)), "", "expected 1 to 200 letters"),
        (str(int(NOW)), "d" * 201, "expected 1 to 200 letters"),
    ],
)
def test_what_is_signed_and_old_or_strange_is_refused(
    tmp_path: Path, sent: str, delivery: str, words: str
) -> None:
    with pytest.raises(Problem) as told:
        refuse_unsigned(SecretStr(SECRET), signed(sent, delivery), BODY, tmp_path / "seen", NOW)
    assert told.value.status == 401
    assert words in told.value.detail


def test_a_delivery_is_remembered_for_as_long_as_its_time_is_taken(tmp_path: Path) -> None:
    def take(sent: float, delivery: str, now: float) -> None:
        headers = signed(str(int(sent)), delivery)
        refuse_unsigned(SecretStr(SECRET), headers, BODY, tmp_path / "seen", now)

    # Sent by a clock that goes before, and again when it would only just be taken.
    early, late = NOW + TOLERANCE_SECONDS, NOW + 2 * TOLERANCE_SECONDS
    take(early, "one", NOW)
    take(late, "two", late)
    with pytest.raises(Problem, match="taken before"):
        take(early, "one", late)
    take(late + 600, "three", late + 600)
    assert len(list((tmp_path / "seen").iterdir())) <= 2


def test_a_large_body_is_refused_and_without_a_secret_there_is_no_address(
    asked: TestClient, tmp_path: Path
) -> None:
    assert asked.post(HOOK, content=b" " * 70_000).status_code == 413
    assert HOOK in asked.get("/openapi.json").json()["paths"]
    other = service(tmp_path, None)
    assert other.post(HOOK, content=BODY).status_code == 404
    assert HOOK not in other.get("/openapi.json").json()["paths"]


def test_who_guesses_is_slowed_down(tmp_path: Path) -> None:
    one = service(tmp_path, SECRET, RequestLimits(requests_per_second=1))
    answers = [one.post(HOOK, content=BODY).status_code for _ in range(5)]
    assert answers[0] == 401
    assert 429 in answers


def test_the_secret_is_read_from_a_file_or_the_environment_and_shown_nowhere(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert read_secret(None, {}) is None
    for found in (read_secret(file, {}), read_secret(None, {VARIABLE: SECRET})):
        assert found is not None
        assert found.get_secret_value() == SECRET
        settings = ServeSettings(bundle=tmp_path, named="m", hook_secret=found)
        assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(LeadcastError, match="give one of them"):
        read_secret(file, {VARIABLE: SECRET})
    with pytest.raises(LeadcastError, match=r"found 5 letters; expected at least 16"):
        read_secret(None, {VARIABLE: "short"})
    with pytest.raises(LeadcastError, match="cannot be read"):
        read_secret(tmp_path / "nowhere", {})


def test_a_secret_for_a_model_that_stays_the_same_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    assert followed_by(str(bundle_folder())) is None
    with pytest.raises(LeadcastError, match="stays the same, so that a secret for MLflow's"):
        serve(str(bundle_folder()), None, True, "127.0.0.1", 0, 1, NO_LIMIT)


def test_the_supervisor_looks_when_it_is_asked_though_it_would_never_by_itself(
    tmp_path: Path,
) -> None:
    shutil.copytree(bundle_folder(), tmp_path / "bundle")
    watching = Following(FollowedFolder(tmp_path / "bundle"), tmp_path, tmp_path / "bundle", None)
    looked = threading.Event()
    watching.look = looked.set  # type: ignore[method-assign]
    end = watching.begin("", 1e9)
    assert not looked.is_set()
    (tmp_path / ASKED).touch()
    assert looked.wait(60)
    end()
    assert not (tmp_path / ASKED).exists()
