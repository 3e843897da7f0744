"""One lead over HTTP, beside ``mlflow models serve``: ``python -m benchmarks.http_speed``.

Both services answer with the same bundle on the same machine in the same run, one worker each, by
loopback only: one lead with 200 events a request. First each is saturated by several callers for
`SECONDS`; then `leadcast serve` is asked at half of its saturation load by a fixed timetable, so
that a slow answer delays no later question (latencies are counted from the planned time). Last,
one lead in this process, with and without reasons. Ends by itself and leaves no process behind.
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
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.http_load import Floats, at_rate, saturate
from benchmarks.results import write_result
from leadcast.serve.requests.questions import example_question
from leadcast.serve.scorer import AS_OF, CREATED, Event, Scorer

EVENTS, SECONDS, CALLERS, IN_PROCESS = 200, 8.0, 8, 2000
BEGIN_SECONDS = 180


def question_of(scorer: Scorer) -> dict[str, Any]:
    """Make a request of one lead with `EVENTS` events, of all kinds that the bundle knows.

    Parameters
    ----------
    scorer : Scorer

    Returns
    -------
    dict
        As ``POST /v1/score`` takes it.
    """
    lead = example_question(scorer)["leads"][0]
    begin = datetime.fromisoformat(CREATED)
    span = (datetime.fromisoformat(AS_OF) - begin) / EVENTS
    kinds = scorer.bundle.plan.kinds
    lead["events"] = [
        {
            "occurred_at": (begin + number * span).isoformat(),
            "event_type": kinds[number % len(kinds)],
            "value": float(number % 7),
        }
        for number in range(EVENTS)
    ]
    return {"leads": [lead]}


def for_mlflow(question: dict[str, Any]) -> dict[str, Any]:
    """Put the same lead as ``POST /invocations`` of MLflow's server takes it."""
    lead = dict(question["leads"][0])
    row = lead.pop("attributes") | lead | {"events": json.dumps(lead["events"])}
    return {"dataframe_records": [row]}


@contextmanager
def serving(command: list[str], ready: str) -> Iterator[None]:
    """Run a server as its own process while the block runs, once it says that it is ready.

    Parameters
    ----------
    command : list of str
        How to start it.
    ready : str
        The address that answers when it is ready.

    Yields
    ------
    None

    Raises
    ------
    RuntimeError
        If it does not begin in time.
    """
    quiet = subprocess.DEVNULL
    # MLflow starts its server by name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command, stdout=quiet, stderr=quiet, start_new_session=True, env=os.environ | {"PATH": path}
    )
    try:
        give_up = time.monotonic() + BEGIN_SECONDS
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"did not begin: {' '.join(command)}")
            time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def in_process(score: Callable[[], object], times: int) -> Floats:
    """Take the time of one lead in this process, many times."""
    score()
    seconds = np.empty(times)
    for number in range(times):
        started = time.perf_counter()
        score()
        seconds[number] = time.perf_counter() - started
    return seconds


def milliseconds(seconds: Floats) -> dict[str, float]:
    """Tell p50 and p99 in milliseconds."""
    p50, p99 = (1000 * np.quantile(seconds, (0.5, 0.99))).round(3)
    return {"p50_ms": float(p50), "p99_ms": float(p99)}


def measure_http(url: str, question: dict[str, Any]) -> dict[str, Any]:
    """Saturate one service."""
    body = json.dumps(question).encode()
    asyncio.run(saturate(url, body, 1.0, CALLERS))
    latencies = asyncio.run(saturate(url, body, SECONDS, CALLERS))
    return {"requests_per_second": round(len(latencies) / SECONDS, 1)} | milliseconds(latencies)


def measure_leadcast(bundle: Path, question: dict[str, Any], port: int) -> dict[str, Any]:
    """Saturate ``leadcast serve``, then ask at half of that load."""
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "leadcast",
        "serve",
        "--bundle",
        str(bundle),
    ]
    options = ["--port", str(port), "--rate", "0", "--workers", "1"]
    with serving([*command, *options], f"{url}/readyz"):
        found = measure_http(f"{url}/v1/score", question)
        half = found["requests_per_second"] / 2
        body = json.dumps(question).encode()
        latencies = asyncio.run(at_rate(f"{url}/v1/score", body, SECONDS, half, 4 * CALLERS))
    return found | {"at_half_load": {"requests_per_second": half} | milliseconds(latencies)}


def measure_mlflow(bundle: Path, question: dict[str, Any], port: int) -> dict[str, Any]:
    """Saturate ``mlflow models serve`` with the same bundle."""
    from leadcast.pipelines.track import save_model

    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        save_model(bundle, Path(folder) / "model")
        command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
        where = ["-m", f"{folder}/model", "-h", "127.0.0.1", "-p", str(port)]
        with serving([*command, *where], f"{url}/ping"):
            return measure_http(f"{url}/invocations", for_mlflow(question))


def measure_in_process(scorer: Scorer, question: dict[str, Any]) -> dict[str, Any]:
    """Take the time of one lead from plain Python values to its score."""
    sent = question["leads"][0]
    lead = sent["attributes"] | {
        "lead_id": sent["lead_id"],
        "created_at": datetime.fromisoformat(sent["created_at"]),
    }
    as_of = datetime.fromisoformat(sent["as_of"]) + timedelta(seconds=1)
    events: list[Event] = [
        (datetime.fromisoformat(event["occurred_at"]), event["event_type"], event["value"])
        for event in sent["events"]
    ]
    plain = in_process(lambda: scorer.score_one(lead, events, as_of), IN_PROCESS)
    explained = in_process(
        lambda: scorer.score_one(lead, events, as_of, with_reasons=True), IN_PROCESS // 4
    )
    return {"score": milliseconds(plain), "with_reasons": milliseconds(explained)}


def main() -> None:
    """Measure all, print it with what is to be reached, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=Path("data/runs/demo/bundle"))
    parser.add_argument("--port", type=int, default=8791)
    arguments = parser.parse_args()
    scorer = Scorer.load(arguments.bundle)
    question = question_of(scorer)
    # The caller's own search for garbage would be counted as the service's.
    gc.collect()
    gc.freeze()
    result: dict[str, Any] = {"events": EVENTS, "load_before": os.getloadavg()[0]}
    result["in_process"] = measure_in_process(scorer, question)
    result["mlflow"] = measure_mlflow(arguments.bundle, question, arguments.port + 1)
    result["leadcast"] = measure_leadcast(arguments.bundle, question, arguments.port)
    ours, theirs = result["leadcast"], result["mlflow"]
    result["times_mlflow"] = round(ours["requests_per_second"] / theirs["requests_per_second"], 1)
    one, why = result["in_process"]["score"], result["in_process"]["with_reasons"]
    half = ours["at_half_load"]
    print(
        f"in process: p50 {one['p50_ms']} ms (to reach: 0.5), p99 {one['p99_ms']} ms (2); "
        f"with reasons p50 {why['p50_ms']} ms (5)\n"
        f"over HTTP: {ours['requests_per_second']}/s, {result['times_mlflow']} times the "
        f"{theirs['requests_per_second']}/s of mlflow models serve (10); at half of it p50 "
        f"{half['p50_ms']} ms, p99 {half['p99_ms']} ms (10)"
    )
    write_result("http_speed", result)


if __name__ == "__main__":
    main()
