"""The view of the misses: customers of the test that were scored low, beside the best hits."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.page.assets import Shell
from leadcast.serve.requests.problems import Problem

ADDRESS, FILE = "/misses", "misses.json"
SCRIPTS_OF_MISSES = ("pieces.js", "misses.js")


def misses_content(run: Path | None, source: str) -> dict[str, Any]:
    """Give what ``leadcast misses`` found; a `Problem` (404) tells how to, where it has not run."""
    path = None if run is None else run / FILE
    if path is None or not path.is_file():
        detail = f"nobody has looked yet; do so with: leadcast misses {source}"
        raise Problem("no-misses", 404, detail)
    try:
        found: dict[str, Any] = read_json(path)
    except LeadcastError as error:
        raise Problem("no-misses", 404, str(error)) from None
    return found


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of the misses."""
    router, run = APIRouter(), service.settings.run
    source = service.scorer.bundle.manifest.origin.source

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("misses.html", ADDRESS, scripts=SCRIPTS_OF_MISSES)

    @router.get("/page/misses", dependencies=allowed_callers(service))
    def misses() -> dict[str, Any]:
        return misses_content(run, source)

    return router
