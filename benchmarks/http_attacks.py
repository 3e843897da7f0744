"""The worst requests that a service's limits allow: ``python -m benchmarks.http_attacks``.

Starts ``leadcast serve`` with one worker, by loopback only, and sends it requests made to hold it:
bodies of the largest size that hold as much as they can of one thing. While each is answered, a
process of its own asks ``/healthz`` again and again, and the longest that it waited is told, beside
the longest in a while without any request. With other work on the machine both are mostly waiting
for a processor; so the wait is told too without the time for which the worker and the one who asks
stood in the system's queue for one (`schedstat`). Each request is asked once more within this
process, where the processor time of the event loop's thread between two of its rounds tells for how
long the loop was held. Tells too the worker's peak memory, the size of the answer and how many of
those at once were answered. Ends by itself and leaves no process behind.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from benchmarks.http_attack_bodies import Attack, attacks, body_of, page_attacks
from benchmarks.results import write_result
from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.page.router import page_routers
from leadcast.serve.processes.server import collect_seldom
from leadcast.serve.requests.questions import example_question
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from leadcast.serve.requests.turns import Turns
from leadcast.serve.scorer import Scorer

BEGIN_SECONDS, PAUSE_SECONDS, IDLE_SECONDS = 180, 0.005, 1.0
HELD_TO_REACH, MEMORY_TO_REACH = 100.0, 1024
_TOLD = (
    *("statuses", "answer_kib", "seconds"),
    *("held_ms", "idle_ms", "health_ms", "health_cpu_ms", "peak_mib"),
)
_PROC = Path("/proc")


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
    command = [
        sys.executable,
        "-m",
        "leadcast",
        "serve",
        "--bundle",
        str(bundle),
    ]
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
        ``statuses`` with their numbers, ``answer_kib``, ``seconds``, ``peak_mib``, and of
        ``/healthz`` the longest waits: ``idle_ms`` before, ``health_ms`` meanwhile, and
        ``health_cpu_ms`` meanwhile without waiting for a processor.
    """
    (_PROC / str(pid) / "clear_refs").write_text("5", encoding="ascii")
    with healths(url, pid) as idle:
        time.sleep(IDLE_SECONDS)
    with healths(url, pid) as waits, ThreadPoolExecutor(attack.at_once) as pool:
        started = time.perf_counter()
        answers = list(pool.map(_send, [url] * attack.at_once, [attack] * attack.at_once))
        seconds = time.perf_counter() - started
    return {
        "statuses": dict(sorted(Counter(str(one.status_code) for one in answers).items())),
        "answer_kib": max(len(answer.content) for answer in answers) // 1024,
        "seconds": round(seconds, 2),
        "idle_ms": round(1000 * max(wait for wait, _ in idle), 1),
        "health_ms": round(1000 * max(wait for wait, _ in waits), 1),
        "health_cpu_ms": round(1000 * max(wait - queued for wait, queued in waits), 1),
        "peak_mib": _peak(pid),
    }


def _send(url: str, attack: Attack) -> httpx.Response:
    headers = {"content-type": "application/json"}
    method, address = "POST" if attack.body else "GET", f"{url}{attack.address}{attack.query}"
    return httpx.request(method, address, content=attack.body, headers=headers, timeout=120)


@contextmanager
def healths(url: str, pid: int) -> Iterator[list[tuple[float, float]]]:
    """Ask ``/healthz`` while the block runs.

    Parameters
    ----------
    url : str
    pid : int
        The worker.

    Yields
    ------
    list of (float, float)
        Filled when the block ends: seconds of each wait, and how many of them the worker and the
        asking process waited for a processor.
    """
    waits: list[tuple[float, float]] = []
    own, others = multiprocessing.Pipe()
    asking = multiprocessing.get_context("spawn").Process(target=_ask, args=(url, pid, others))
    asking.start()
    try:
        own.recv()
        yield waits
        own.send("over")
        waits += own.recv()
    finally:
        asking.kill()
        asking.join()


def _ask(url: str, pid: int, over: Connection) -> None:
    waits = []
    with httpx.Client(timeout=120) as client:
        client.get(f"{url}/healthz").raise_for_status()
        over.send("ready")
        while not over.poll(PAUSE_SECONDS):
            queued, started = _queued(pid) + _queued("self"), time.perf_counter()
            client.get(f"{url}/healthz").raise_for_status()
            seconds = time.perf_counter() - started
            waits.append((seconds, _queued(pid) + _queued("self") - queued))
    over.send(waits)


def _queued(pid: int | str) -> float:
    """Tell how many seconds a process's first thread has waited for a processor."""
    return int((_PROC / str(pid) / "schedstat").read_text(encoding="ascii").split()[1]) / 1e9


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
    transport = httpx.ASGITransport(make_app(service, page_routers(service)))
    headers = {"content-type": "application/json"}
    longest = 0.0
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        asking = asyncio.gather(
            *(
                client.request(
                    "POST" if attack.body else "GET",
                    f"{attack.address}{attack.query}",
                    content=attack.body,
                    headers=headers,
                )
                for _ in range(attack.at_once)
            )
        )
        while not asking.done():
            begun = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - begun)
    return 1000 * longest


def busiest(tables: Path) -> str:
    """Find the lead with the most events.

    Parameters
    ----------
    tables : Path
        The folder of a run's tables.

    Returns
    -------
    str
    """
    events = pl.scan_parquet(tables / "events" / "*.parquet").group_by("lead_id").len()
    return str(events.sort("len", "lead_id").last().collect()["lead_id"].item())


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
    tables = arguments.bundle.parent / "tables"
    of_page = page_attacks(busiest(tables)) if (tables / "tables.json").is_file() else ()
    url = f"http://127.0.0.1:{arguments.port}"
    found: dict[str, dict[str, Any]] = {}
    load = os.getloadavg()[0]
    with worker(arguments.bundle, arguments.port) as pid, tempfile.TemporaryDirectory() as scratch:
        service = _service(arguments.bundle, Path(scratch))
        asyncio.run(
            held(service(), Attack("to begin with", body_of([lead]), query="?reasons=true"))
        )
        # As a worker does once it is ready.
        collect_seldom()
        print(_line("request", "MiB", *_TOLD))
        for attack in (*attacks(lead), *of_page):
            one = found[attack.name] = measure(attack, url, pid)
            one["held_ms"] = round(asyncio.run(held(service(), attack)), 1)
            statuses = " ".join(f"{n}x{status}" for status, n in one["statuses"].items())
            cells = ((one | {"statuses": statuses})[name] for name in _TOLD)
            print(_line(attack.name, round(len(attack.body) / 2**20, 1), *cells), flush=True)
    most = {name: max(one[name] for one in found.values()) for name in _TOLD[3:]}
    print(
        f"the loop was held for {most['held_ms']} ms at most (to reach: {HELD_TO_REACH:g}); "
        f"/healthz waited {most['health_ms']} ms at most ({most['idle_ms']} ms without any other "
        f"request), {most['health_cpu_ms']} ms without waiting for a processor, with a load of "
        f"{load:.1f} before; peak memory of the worker: {most['peak_mib']:,} MiB (below "
        f"{MEMORY_TO_REACH:,})"
    )
    write_result("http_attacks", {"load_before": load, "attacks": found})


def _service(bundle: Path, scratch: Path) -> Callable[[], Service]:
    limits = RequestLimits(requests_per_second=0)
    settings = ServeSettings(bundle=bundle, named=str(bundle), limits=limits, run=bundle.parent)
    service = Service.open(settings, bundle, scratch)
    # Locks belong to the event loop that first waits for them.
    return lambda: replace(service, turns=Turns())


def _line(name: str, *cells: object) -> str:
    return f"{name:<52}" + "".join(f"{cell!s:>15}" for cell in cells)


if __name__ == "__main__":
    main()
