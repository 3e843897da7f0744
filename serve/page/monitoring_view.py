"""The view of monitoring: whether the scores still mean what they say, by last night's look."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.page.assets import Shell
from leadcast.serve.requests.problems import Problem

ADDRESS, FILE = "/monitoring", "monitoring.json"
SCRIPTS_OF_MONITORING = ("uplot.js", "pieces.js", "monitoring.js")
SHOWN = (
    *("source", "model", "watched_from", "known_until", "scores_from", "observed", "expected"),
    *("alarms", "look", "weeks", "segments", "cohorts", "grades", "line"),
)
"""What the view tells of ``monitoring.json``; all of it is in ``monitoring.html``."""


def monitoring_content(run: Path | None, source: str) -> dict[str, Any]:
    """Give what ``leadcast monitor`` found; a `Problem` (404) says how to, where it has not run."""
    path = None if run is None else run / FILE
    if path is None or not path.is_file():
        detail = f"nobody has looked yet; do so every night with: leadcast monitor {source}"
        raise Problem("no-monitoring", 404, detail)
    try:
        found: dict[str, Any] = read_json(path)
        return {name: found[name] for name in SHOWN}
    except (LeadcastError, KeyError, TypeError):
        detail = f"{FILE} is not what this version writes; look again: leadcast monitor {source}"
        raise Problem("no-monitoring", 404, detail) from None


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of monitoring."""
    router, run = APIRouter(), service.settings.run
    source = service.scorer.bundle.manifest.origin.source

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("monitoring.html", ADDRESS, scripts=SCRIPTS_OF_MONITORING)

    @router.get("/page/monitoring", dependencies=allowed_callers(service))
    def monitoring() -> dict[str, Any]:
        return monitoring_content(run, source)

    return router
