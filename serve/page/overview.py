"""Whether it is better than the points: the comparison, as it lies in the run's folder now."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import read_plain
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.bundle.bundle_files import MANIFEST
from leadcast.models.comparison.comparison_store import LEADS, RESULT
from leadcast.models.leakage import against_use
from leadcast.serve.http.service import Service, allowed_callers, service_of
from leadcast.serve.page.assets import SCRIPTS, Shell
from leadcast.serve.page.file import (
    as_json,
    comparison_content,
    leads_content,
    verdict_content,
)
from leadcast.serve.page.run_tables import COMPARISON, JUDGED
from leadcast.serve.requests.problems import Problem

ADDRESS, ADDRESS_OF_LEADS = "/test-period", "/leads/"
LEAKAGE = "leakage.json"


class Held:
    """The content of a run's comparison, packed once and again when its files change."""

    def __init__(self, run: Path | None) -> None:
        self._folder = None if run is None else run / COMPARISON
        self._packed: dict[str, tuple[object, bytes]] = {}
        self._lock = Lock()

    def get(self, name: str, make: Callable[[Path], dict[str, Any]]) -> Response:
        """Answer with what is made of a file of the comparison."""
        if self._folder is None or not (self._folder / name).is_file():
            raise Problem("not-found", 404, _how_to_make(self._folder))
        stat = (self._folder / name).stat()
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if self._packed.get(name, (None, b""))[0] != stamp:
                try:
                    self._packed[name] = (stamp, as_json(make(self._folder)))
                except LeadcastError as error:
                    raise Problem("no-comparison", 404, str(error)) from None
            return Response(self._packed[name][1], media_type="application/json")


def _how_to_make(folder: Path | None) -> str:
    where = "The service does not know the run's folder" if folder is None else "There is none yet"
    return (
        f"{where}. Make a comparison with: leadcast compare SOURCE, and serve that run's bundle: "
        "leadcast serve --bundle data/runs/SOURCE/bundle (or name the run's folder by --run)."
    )


def leaks_of(run: Path | None, bundle: Bundle) -> tuple[str, ...]:
    """Tell what the leakage gate found in the run that judged a bundle; nothing of other runs."""
    if run is None:
        return ()
    judged = {bundle.manifest.bundle_id, bundle.manifest.origin.judged_by}
    try:
        if read_plain(run / JUDGED / MANIFEST)["bundle_id"] not in judged:
            return ()
        return against_use(pl.DataFrame(read_plain(run / LEAKAGE), infer_schema_length=None))
    except (LeadcastError, KeyError, TypeError):
        return ()


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the overview's addresses."""
    router, held = APIRouter(), Held(service.settings.run)

    @router.get(ADDRESS)
    async def overview() -> HTMLResponse:
        return shell.page("overview.html", ADDRESS, scripts=SCRIPTS, leads_address=ADDRESS_OF_LEADS)

    # Not async: reading and packing many leads has a thread of its own and holds up no score.
    @router.get("/page/comparison", dependencies=allowed_callers(service))
    def comparison() -> Response:
        return held.get(RESULT, comparison_content)

    @router.get("/page/verdict", dependencies=allowed_callers(service))
    def verdict(request: Request) -> dict[str, Any]:
        bundle = service_of(request).scorer.bundle
        told = leaks_of(service.settings.run, bundle)
        return verdict_content(bundle.manifest.origin.verdict, bundle.metrics, told)

    @router.get("/page/leads", dependencies=allowed_callers(service))
    def leads() -> Response:
        return held.get(LEADS, lambda folder: leads_content(pl.read_parquet(folder / LEADS)))

    return router
