"""The run's report and its forecast within the page: the verdict, the grades, the pipeline."""

from pathlib import Path
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.evaluation.score_groups import grades_of
from leadcast.serve.champion.grade_bounds import bounds_of_champion, checked_bounds, set_grades
from leadcast.serve.http.service import Service, allowed_callers, service_of
from leadcast.serve.page.assets import Shell
from leadcast.serve.requests.problems import Problem

ADDRESS, REPORT, SCORES = "/report", "report.html", "test_scores.parquet"
FORECAST, PIPELINE, NUMBERS = "/forecast", "forecast.html", "forecast.json"
SCRIPTS_OF_REPORT = ("pieces.js", "grades.js", "report.js")
Bounds = Annotated[tuple[float, ...], Field(min_length=3, max_length=3)]


class AskedBounds(BaseModel):
    """Bounds of grades as somebody has typed them."""

    model_config = ConfigDict(extra="forbid")

    bounds: Bounds
    keep: bool = False
    """Whether they are to be the champion's; else it is told what they come to."""
    by: Annotated[str, Field(max_length=200)] = ""


class GradeDesk:
    """Tells what bounds of grades come to, and sets them."""

    def __init__(self, source: str, run: Path | None) -> None:
        self._source, self._run = source, run

    def now(self, request: Request) -> dict[str, Any]:
        """Tell the bounds in use."""
        return self._told(request, _in_use(request))

    def tried(self, request: Request, asked: AskedBounds) -> dict[str, Any]:
        """Tell what other bounds come to; keep them where that is asked for."""
        try:
            bounds = checked_bounds(asked.bounds)
            if not asked.keep:
                return self._told(request, bounds)
            words = set_grades(self._source, bounds, asked.by or "the page")
        except LeadcastError as error:
            raise Problem("invalid", 422, str(error)) from None
        return self._told(request, bounds) | {"kept": words}

    def _told(self, request: Request, bounds: tuple[float, ...]) -> dict[str, Any]:
        table = None
        if self._run is not None and (self._run / SCORES).is_file():
            table = grades_of(pl.read_parquet(self._run / SCORES), bounds).to_dicts()
        return {
            "bounds": list(bounds),
            "table": table,
            "in_use": list(_in_use(request)),
            "champion": bounds_of_champion(self._source) is not None,
            "source": self._source,
        }


def _in_use(request: Request) -> tuple[float, ...]:
    # Of the model that answers now: after a promotion it is another one than at the start.
    return tuple(service_of(request).scorer.bundle.reference.bounds)


def report_content(run: Path | None, source: str) -> dict[str, Any]:
    """Give the run's report; a `Problem` (404) tells how to make one where there is none."""
    path = None if run is None else run / REPORT
    if path is None or not path.is_file():
        raise Problem(
            "no-report", 404, f"there is no report yet; make one with: leadcast run {source}"
        )
    return {"html": path.read_text(encoding="utf-8")}


def forecast_content(run: Path | None, source: str) -> dict[str, Any]:
    """Give the run's forecast, as a page and in numbers; a `Problem` (404) where there is none."""
    path = None if run is None else run / PIPELINE
    if path is None or not path.is_file():
        raise Problem(
            "no-forecast",
            404,
            f"there is no forecast yet; make one, every week at best, with: leadcast forecast "
            f"{source}",
        )
    numbers = read_json(path.with_name(NUMBERS))
    return {"html": path.read_text(encoding="utf-8"), "forecast": numbers}


def make_forecast_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of the forecast."""
    router, source = APIRouter(), service.scorer.bundle.manifest.origin.source

    @router.get(FORECAST)
    async def page() -> HTMLResponse:
        return shell.page("forecast.html", FORECAST, scripts=("report.js",))

    # Not async: it reads files, in a thread of its own.
    @router.get("/page/forecast", dependencies=allowed_callers(service))
    def forecast() -> dict[str, Any]:
        return forecast_content(service.settings.run, source)

    return router


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of the report and the grades."""
    router, source = APIRouter(), service.scorer.bundle.manifest.origin.source
    desk = GradeDesk(source, service.settings.run)

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("report.html", ADDRESS, scripts=SCRIPTS_OF_REPORT)

    # Not async: each of these reads files, in a thread of its own.
    data = APIRouter(prefix="/page", dependencies=allowed_callers(service))

    @data.get("/report")
    def report() -> dict[str, Any]:
        return report_content(service.settings.run, source)

    data.get("/grades")(desk.now)
    data.post("/grades")(desk.tried)
    router.include_router(data)
    return router
