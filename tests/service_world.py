"""A service on the small source's bundle, for the tests of HTTP: in this process or in its own."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from fastapi import APIRouter

from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from tests.scoring_world import bundle_folder, scoring_world

with warnings.catch_warnings():
    # It warns of the name under which its own client library is installed.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient as TestClient

ROOT = Path(__file__).parents[1]
HOST = "http://localhost"
"""Without keys a service answers to the names of this machine alone."""
NO_LIMIT = RequestLimits(requests_per_second=0)


@contextmanager
def client(
    scratch: Path,
    limits: RequestLimits = NO_LIMIT,
    keys: Path | None = None,
    bundle: Path | None = None,
    pages: tuple[APIRouter, ...] = (),
) -> Iterator[TestClient]:
    folder = bundle or bundle_folder()
    settings = ServeSettings(bundle=folder, named=str(folder), keys=keys, limits=limits)
    app = make_app(Service.open(settings, folder, scratch), pages)
    with TestClient(app, HOST, raise_server_exceptions=False) as asked:
        yield asked


def question(leads: pl.DataFrame, events: pl.DataFrame) -> dict[str, Any]:
    """The leads and their events as a caller sends them."""
    own = {
        lead_id: [as_json(event) for event in some.drop("lead_id").to_dicts()]
        for (lead_id,), some in events.group_by("lead_id")
    }
    names = ("lead_id", "created_at", "as_of")
    asked = []
    for row in leads.drop("position", strict=False).to_dicts():
        lead = as_json({name: row.pop(name) for name in names if name in row})
        events_of_lead = own.get(lead["lead_id"], [])
        asked.append(lead | {"attributes": as_json(row), "events": events_of_lead})
    return {"leads": asked}


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(row, default=lambda time: time.isoformat()))
    return plain


def some_leads(n: int = 5) -> dict[str, Any]:
    world = scoring_world()
    leads = world.tables.leads.head(n)
    return question(leads, world.tables.events.collect().join(leads, on="lead_id", how="semi"))


@dataclass
class RunningService:
    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running(folder: Path, bundle: Path, *options: str) -> Iterator[RunningService]:
    """``leadcast serve`` as its own process, ready to answer; it is ended with the block."""
    log = folder / "log"
    command = [
        sys.executable,
        "-m",
        "leadcast",
        "serve",
        "--bundle",
        str(bundle),
    ]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*command, "--port", "0", "--rate", "0", *options], cwd=ROOT, stderr=file, text=True
        )
    service = RunningService(process, "", log)
    try:
        service.url = _url(service)
        yield service
    finally:
        if process.poll() is None:
            service.end()


def _url(service: RunningService) -> str:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and service.process.poll() is None:
        urls = [line["url"] for line in service.lines() if "url" in line]
        if urls:
            # The socket listens; its first answer comes when a worker can score.
            httpx.get(f"{urls[0]}/readyz", timeout=120).raise_for_status()
            return str(urls[0])
        time.sleep(0.1)
    raise AssertionError(f"the service did not begin: {service.log.read_text(encoding='utf-8')}")
