"""The worst requests that a service's limits allow: ``python -m benchmarks.http_attacks``.

Starts ``leadcast serve`` with one worker, by loopback only, and sends it requests made to hold it:
bodies of the largest size that hold as much as they can of one thing. While each is answered,
``/healthz`` is asked again and again, and the longest that it waited is told. With other work on
the machine that is mostly waiting for a processor; so each request is asked once more within this
process, where the processor time of the event loop's thread between two of its rounds tells for how
long the loop was held. Tells too the worker's peak memory and the size of the answer. Ends by
itself and leaves no process behind.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.results import write_result
from serve.http.app import make_app
from serve.http.questions import example_question
from serve.http.service import Service
from serve.http.settings import Limits, ServeSettings
from serve.http.turns import Turns
from serve.scorer import Scorer

LARGEST = 8 * 1024 * 1024
BEGIN_SECONDS, PAUSE_SECONDS = 180, 0.005
HELD_TO_REACH, MEMORY_TO_REACH = 100.0, 1024
_PROC = Path("/proc")
_TIME = "2026-01-05T09:30:00Z"


@dataclass(frozen=True)
class Attack:
    """A request, and how it is sent.

    Parameters
    ----------
    name : str
    body : bytes
    at_once : int
        By so many callers of one address.
    query : str
        With a question mark.
    """

    name: str
    body: bytes
    at_once: int = 1
    query: str = ""


def attacks(lead: dict[str, Any]) -> Iterator[Attack]:
    """Make the requests.

    Parameters
    ----------
    lead : dict
        One that the service can score.

    Yields
    ------
    Attack
    """
    texts = {name: "x" for name, value in lead["attributes"].items() if isinstance(value, str)}
    event = {"occurred_at": _TIME, "event_type": "call", "value": 1.0}
    names = b",".join(b'"n%d":0' % number for number in range(780_000))
    yield Attack(
        "780,000 unknown names of one lead", _one(lead, names[:7_700_000].rsplit(b",", 1)[0])
    )
    many = [_with(lead, n, {f"{n}-{k}": 0 for k in range(600)}) for n in range(1000)]
    yield Attack("600 names of its own in each of 1,000 leads", _of(many))
    same = [_with(lead, n, {f"n{k}": 0 for k in range(800)}) for n in range(1000)]
    yield Attack("800 same unknown names in each of 1,000 leads", _of(same))
    yield Attack(
        "2.6 million empty lists under one unknown name",
        _one(lead, b'"x":[' + b"[]," * 2_600_000 + b"[]]"),
    )
    lists = [_with(lead, n, {"x": [[]] * 2_500}) for n in range(1000)]
    yield Attack("2,500 empty lists in each of 1,000 leads", _of(lists))
    yield Attack("nested without end", b'{"leads":' + b"[" * (LARGEST - 9))
    yield Attack(
        "a name of 8 million letters", _one(lead, b'"' + b"n" * (LARGEST - 5_000) + b'":0')
    )
    yield Attack(
        "a name of a million of what is written as escapes",
        _one(lead, b'"' + b"\\u0001" * 1_300_000 + b'":0'),
    )
    yield Attack("a number of 8 million digits", _one(lead, b'"x":' + b"1" * (LARGEST - 5_000)))
    yield Attack("a fraction of 8 million digits", _one(lead, b'"x":0.' + b"1" * (LARGEST - 5_000)))
    yield Attack(
        "10,000 events of each of 10 leads",
        _of([_with(lead, n, {}, [event] * 10_000) for n in range(10)]),
    )
    yield Attack("100,000 events of one lead", _of([_with(lead, 0, {}, [event] * 100_000)]))
    some = [_with(lead, n, {}, [event] * 95) for n in range(1000)]
    yield Attack("95 events of each of 1,000 leads, with reasons", _of(some), query="?reasons=true")
    yield Attack("8 of those at once", _of(some), 8, "?reasons=true")
    yield Attack(
        "1,000 small leads, with reasons, 32 at once",
        _of([_with(lead, n, {}) for n in range(1000)]),
        32,
        "?reasons=true",
    )
    long = [
        _with(lead, n, dict.fromkeys(texts, "a.b " * 2500))
        for n in range(LARGEST // (10_300 * len(texts)))
    ]
    yield Attack("texts of 10,000 letters", _of(long))
    yield Attack("a thousand leads of one id", _of([_with(lead, 0, {})] * 1000))
    yield Attack("100,000 leads", b'{"leads":[' + b"{}," * 99_999 + b"{}]}")
    yield Attack(
        "4 million names where leads belong", b'{"leads":{' + b'"":0,' * 1_600_000 + b'"":0}}'
    )
    wrong = [_with(lead, n, {}) | {f"x{k}": 0 for k in range(800)} for n in range(1000)]
    yield Attack("800 faults in each of 1,000 leads", _of(wrong))
    yield Attack("an unknown field of 7 million letters", _of([lead | {"x" * 7_000_000: 0}]))


def _with(
    lead: dict[str, Any], number: int, attributes: dict[str, Any], events: list[Any] | None = None
) -> dict[str, Any]:
    own = lead["attributes"] | attributes
    return lead | {"lead_id": str(number), "attributes": own, "events": events or []}


def _of(leads: list[dict[str, Any]]) -> bytes:
    return json.dumps({"leads": leads}, separators=(",", ":")).encode()[:LARGEST]


def _one(lead: dict[str, Any], attributes: bytes) -> bytes:
    own = json.dumps(lead | {"attributes": {}}, separators=(",", ":")).encode()
    return (
        b'{"leads":[' + own.replace(b'"attributes":{}', b'"attributes":{%s}' % attributes) + b"]}"
    )


@contextmanager
def worker(bundle: Path, port: int) -> Iterator[int]:
    """Run a service of one worker while the block runs.

    Parameters
    ----------
    bundle : Path
    port : int

    Yields
    ------
    int
        The worker's process.
    """
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--bundle", str(bundle)]
    options = ["--port", str(port), "--rate", "0", "--workers", "1"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*command, *options], stderr=log, start_new_session=True)
        try:
            # The line of the first answer is written once the second is given.
            for _ in range(2):
                _wait_for(process, f"http://127.0.0.1:{port}/readyz")
            log.seek(0)
            lines = [json.loads(line) for line in log.read().splitlines()]
            yield next(line["process"] for line in lines if line.get("route") == "/readyz")
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    give_up = time.monotonic() + BEGIN_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(url, timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise RuntimeError("the service did not begin")


def measure(attack: Attack, url: str, pid: int) -> dict[str, Any]:
    """Send a request, and ask for the service's health meanwhile.

    Parameters
    ----------
    attack : Attack
    url : str
    pid : int
        The worker.

    Returns
    -------
    dict
        ``statuses``, ``answer_kib``, ``seconds``, ``health_ms`` (the longest) and ``peak_mib``.
    """
    (_PROC / str(pid) / "clear_refs").write_text("5", encoding="ascii")
    started = time.perf_counter()
    with ThreadPoolExecutor(attack.at_once) as pool:
        asked = [pool.submit(_send, url, attack) for _ in range(attack.at_once)]
        waits = list(_healths(url, lambda: all(one.done() for one in asked)))
    seconds = time.perf_counter() - started
    answers = [one.result() for one in asked]
    return {
        "statuses": sorted({answer.status_code for answer in answers}),
        "answer_kib": max(len(answer.content) for answer in answers) // 1024,
        "seconds": round(seconds, 2),
        "health_ms": round(1000 * max(waits), 1),
        "peak_mib": _peak(pid),
    }


def _send(url: str, attack: Attack) -> httpx.Response:
    headers = {"content-type": "application/json"}
    address = f"{url}/v1/score{attack.query}"
    return httpx.post(address, content=attack.body, headers=headers, timeout=120)


def _healths(url: str, is_over: Callable[[], bool]) -> Iterator[float]:
    with httpx.Client(timeout=120) as client:
        while True:
            started = time.perf_counter()
            client.get(f"{url}/healthz").raise_for_status()
            yield time.perf_counter() - started
            if is_over():
                return
            time.sleep(PAUSE_SECONDS)


async def held(service: Service, attack: Attack) -> float:
    """Ask within this process.

    Parameters
    ----------
    service : Service
    attack : Attack

    Returns
    -------
    float
        The most processor time that one round of the event loop took, in milliseconds.
    """
    transport = httpx.ASGITransport(make_app(service))
    headers = {"content-type": "application/json"}
    longest = 0.0
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        asking = asyncio.gather(
            *(
                client.post(f"/v1/score{attack.query}", content=attack.body, headers=headers)
                for _ in range(attack.at_once)
            )
        )
        while not asking.done():
            begun = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - begun)
    return 1000 * longest


def _peak(pid: int) -> int:
    lines = (_PROC / str(pid) / "status").read_text(encoding="ascii").splitlines()
    about = dict(line.split(":", 1) for line in lines)
    return int(about["VmHWM"].split()[0]) // 1024


def main() -> None:
    """Measure all, print a table with what is to be reached, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=Path("data/runs/demo/bundle"))
    parser.add_argument("--port", type=int, default=8793)
    arguments = parser.parse_args()
    lead = example_question(Scorer.load(arguments.bundle))["leads"][0]
    url = f"http://127.0.0.1:{arguments.port}"
    found: dict[str, dict[str, Any]] = {}
    load = os.getloadavg()[0]
    with worker(arguments.bundle, arguments.port) as pid, tempfile.TemporaryDirectory() as scratch:
        service = _service(arguments.bundle, Path(scratch))
        asyncio.run(held(service(), Attack("to begin with", _of([lead]), query="?reasons=true")))
        # As a worker does once it is ready.
        gc.collect()
        gc.freeze()
        print(_line("request", "MiB", "status", "answer KiB", "seconds", "loop held ms",
                    "/healthz ms", "peak MiB"))  # fmt: skip
        for attack in attacks(lead):
            one = found[attack.name] = measure(attack, url, pid)
            one["held_ms"] = round(asyncio.run(held(service(), attack)), 1)
            statuses = "/".join(map(str, one["statuses"]))
            told = (
                one[name] for name in ("answer_kib", "seconds", "held_ms", "health_ms", "peak_mib")
            )
            print(
                _line(attack.name, round(len(attack.body) / 2**20, 1), statuses, *told), flush=True
            )
    most = {
        name: max(one[name] for one in found.values())
        for name in ("held_ms", "health_ms", "peak_mib")
    }
    print(
        f"the loop was held for {most['held_ms']} ms at most (to reach: {HELD_TO_REACH:g}); "
        f"/healthz waited {most['health_ms']} ms at most, with a load of {load:.1f} before; "
        f"peak memory of the worker: {most['peak_mib']:,} MiB (below {MEMORY_TO_REACH:,})"
    )
    write_result("http_attacks", {"load_before": load, "attacks": found})


def _service(bundle: Path, scratch: Path) -> Callable[[], Service]:
    limits = Limits(requests_per_second=0)
    settings = ServeSettings(bundle=bundle, named=str(bundle), limits=limits)
    service = Service.open(settings, bundle, scratch)
    # Locks belong to the event loop that first waits for them.
    return lambda: replace(service, turns=Turns())


def _line(name: str, *cells: object) -> str:
    return f"{name:<52}" + "".join(f"{cell!s:>13}" for cell in cells)


if __name__ == "__main__":
    main()
