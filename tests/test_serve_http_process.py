"""The service as processes: sockets that misbehave, bundles that are swapped, and its end."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from uvicorn import Config

from leadcast.models.bundle.bundle_signature import new_key, sign_bundle
from leadcast.serve.processes import server
from leadcast.serve.processes.server import SHOWN_TO_ALL, _listen
from leadcast.serve.requests.settings import ServeSettings
from tests.scoring_world import bundle_folder, export
from tests.service_world import ROOT, RunningService, running, some_leads

pytestmark = pytest.mark.slow
READ_SECONDS = 1
ROUNDS = 300
"""The system chooses who answers, and a worker may still be starting: ask until both did."""
BODY = json.dumps(some_leads(2)).encode() if bundle_folder() else b""
HEAD = (
    b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("running")
    shutil.copytree(bundle_folder(), folder / "bundle")
    options = ("--workers", "2", "--read-seconds", str(READ_SECONDS), "--max-body-mib", "0.25")
    with running(folder, folder / "bundle", *options) as started:
        yield started


def connect(service: RunningService) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=60)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_all_workers_answer_the_same_and_count_together(service: RunningService) -> None:
    asked = some_leads(3) | {"as_of": "2025-08-01T00:00:00Z"}

    def ask(_: int) -> str:
        return httpx.post(f"{service.url}/v1/score", json=asked, timeout=60).text

    answers: list[str] = []
    before = count(service)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(ROUNDS):
            answers += pool.map(ask, range(8))
            if len(who_scored(service)) == 2:
                break
            time.sleep(0.1)
    assert len(who_scored(service)) == 2
    assert len(set(answers)) == 1
    assert count(service) - before == len(answers) * 3


def test_a_connection_goes_on_after_head(service: RunningService) -> None:
    paths = ("/healthz", "/readyz", "/v1/model", "/metrics")
    asked = "".join(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths)
    with connect(service) as connection:
        connection.sendall(asked.encode())
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        heads = read_all(connection).split(b"\r\n\r\n")
    assert heads.pop() == b'{"status":"ok"}'
    assert len(heads) == len(paths) + 1
    for head in heads:
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) > 0


def who_scored(service: RunningService) -> set[int]:
    return {line["process"] for line in service.lines() if line.get("route") == "/v1/score"}


def count(service: RunningService) -> float:
    lines = httpx.get(f"{service.url}/metrics", timeout=60).text.splitlines()
    scores = [line for line in lines if line.startswith("leadcast_scores_total{")]
    return sum(float(line.split()[-1]) for line in scores)


def test_a_client_that_closes_its_side_still_gets_its_answer(service: RunningService) -> None:
    with connect(service) as connection:
        connection.sendall(HEAD % len(BODY) + BODY)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"scores"' in answer


def send_nothing(connection: socket.socket) -> None:
    return


def send_half_a_head(connection: socket.socket) -> None:
    connection.sendall(HEAD[:40])


def send_half_a_body(connection: socket.socket) -> None:
    connection.sendall(HEAD % len(BODY) + BODY[:40])


def send_letters(connection: socket.socket) -> None:
    for letter in (HEAD % len(BODY))[:30]:
        try:
            connection.sendall(bytes([letter]))
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize("send", [send_nothing, send_half_a_head, send_half_a_body, send_letters])
def test_slow_clients_are_left(
    service: RunningService, send: Callable[[socket.socket], None]
) -> None:
    with connect(service) as connection:
        send(connection)
        answer = read_all(connection)
    told = b"too-slow" if send is send_half_a_body else b""
    assert told in answer
    assert b"200 OK" not in answer
    assert httpx.get(f"{service.url}/healthz", timeout=60).status_code == 200


def test_a_half_closed_socket_with_half_a_request_is_left(service: RunningService) -> None:
    with connect(service) as connection:
        connection.sendall(HEAD % len(BODY) + BODY[:40])
        connection.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in read_all(connection)


def test_a_huge_body_gets_its_answer_before_the_connection_ends(service: RunningService) -> None:
    huge = b" " * 700_000
    with connect(service) as connection:
        connection.sendall(HEAD % len(huge) + huge)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_what_is_no_http_is_refused(service: RunningService) -> None:
    with connect(service) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 what is this\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")


def test_a_swapped_bundle_is_told_and_not_served(service: RunningService, tmp_path: Path) -> None:
    folder = service.log.parent / "bundle"
    before = httpx.get(f"{service.url}/v1/model", timeout=60).json()
    export(tmp_path / "other", datetime(2026, 1, 1, tzinfo=UTC))
    other = json.loads((tmp_path / "other/manifest.json").read_text(encoding="utf-8"))
    other["bundle_id"] = "1" * 64
    (folder / "manifest.json").write_text(json.dumps(other), encoding="utf-8")
    (folder / "calibrator.json").unlink()
    workers = {line["process"] for line in service.lines() if line.get("route")}
    os.kill(min(workers), signal.SIGKILL)
    after = [httpx.get(f"{service.url}/v1/model", timeout=60).json() for _ in range(4)]
    assert {told["bundle_id"] for told in after} == {before["bundle_id"]}
    assert {told["on_disk"]["state"] for told in after} == {"other"}
    shutil.rmtree(folder)
    told = httpx.get(f"{service.url}/v1/model", timeout=60).json()
    assert told["on_disk"] == {"state": "unreadable", "bundle_id": None}
    scored = httpx.post(f"{service.url}/v1/score", json=some_leads(1), timeout=60).json()
    assert scored["bundle_id"] == before["bundle_id"]


def test_what_was_taken_is_finished_and_nothing_is_left(service: RunningService) -> None:
    with connect(service) as connection:
        connection.sendall(HEAD % len(BODY) + BODY[:40])
        time.sleep(0.3)
        service.process.terminate()
        time.sleep(0.3)
        connection.sendall(BODY[40:])
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert service.process.wait(60) == 0
    with pytest.raises(ConnectionRefusedError):
        connect(service)


def test_a_page_without_keys_is_warned_of_and_can_be_switched_off(tmp_path: Path) -> None:
    answers: dict[bool, list[int]] = {}
    for off in (False, True):
        options = (
            "--host",
            "0.0.0.0",
            "--no-keys",
            *("--workers", "1"),
            *(("--no-page",) if off else ()),
        )
        with running(tmp_path, bundle_folder(), *options) as service:
            addresses = ("/", "/leads/1", "/rules", "/page/static/page.css", "/v1/model")
            answers[off] = [
                httpx.get(f"{service.url}{one}", timeout=60).status_code for one in addresses
            ]
            warned = [line for line in service.lines() if line["message"] == SHOWN_TO_ALL]
            assert len(warned) == (0 if off else 1)
    assert answers == {False: [200] * 5, True: [404] * 4 + [200]}


def test_a_service_that_demands_a_signature_answers_with_what_is_signed_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    bundle, (private, public) = tmp_path / "bundle", new_key(tmp_path / "ours")
    shutil.copytree(bundle_folder(), bundle)
    sign_bundle(bundle, private)
    demanded = ("--workers", "1", "--require-signature", str(public))
    with running(tmp_path, bundle, *demanded) as service:
        scored = httpx.post(f"{service.url}/v1/score", json=some_leads(2), timeout=60)
        manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
        assert (scored.status_code, scored.json()["bundle_id"]) == (200, manifest["bundle_id"])
        assert service.end() == 0
    sign_bundle(bundle, new_key(tmp_path / "theirs")[0])
    command = [
        sys.executable,
        "-m",
        "leadcast",
        "serve",
        "--bundle",
        str(bundle),
    ]
    refused = subprocess.run(
        [*command, "--port", "0", *demanded], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 1
    assert "is signed with another key" in refused.stderr
    assert "listening" not in refused.stderr


def test_an_answer_is_sent_at_once_and_not_when_its_beginning_was_acknowledged() -> None:
    # Answers that wait are right, only 40 ms late, so that nothing else would tell.
    listener = _listen(ServeSettings(bundle=Path("bundle"), named="bundle", port=0))

    async def no_delay_of_an_answer() -> int:
        taken: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

        def take(_: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
            taken.set_result(answer)

        async with await asyncio.start_server(take, sock=listener):
            _, question = await asyncio.open_connection(*listener.getsockname()[:2])
            answer = await taken
            told: socket.socket = answer.get_extra_info("socket")
            no_delay = told.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for one in (question, answer):
                one.close()
                await one.wait_closed()
        return no_delay

    assert asyncio.run(no_delay_of_an_answer()) != 0


@pytest.mark.parametrize("was_ready", [False, True])
def test_a_first_worker_that_dies_before_it_is_ready_ends_the_service(
    was_ready: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead:
        exitcode, pid = 1, 7

        def __init__(self, *_: object) -> None:
            self.process = self
            self.is_begun = False

        def is_alive(self) -> bool:
            return False

        def start(self) -> None:
            self.is_begun = True

    monkeypatch.setattr(server, "Process", Dead)
    supervisor = server._Supervisor(Config("none"), [])
    supervisor.ready = tmp_path / server.READY
    if was_ready:
        supervisor.ready.touch()
    first = Dead()
    supervisor.processes = [first]  # type: ignore[list-item]
    supervisor.keep_subprocess_alive()
    assert supervisor.should_exit.is_set() is not was_ready
    assert (id(supervisor.processes[0]) == id(first)) is not was_ready
