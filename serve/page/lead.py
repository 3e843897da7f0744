"""A lead's page: its score with reasons, its events, its points."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.models.rules import RuleTable
from leadcast.serve.http.service import Service, allowed_callers, service_of
from leadcast.serve.page.assets import Shell
from leadcast.serve.page.lead_view import Viewer
from leadcast.serve.page.run_tables import JUDGED, LeadTables, PointsTable
from leadcast.serve.requests.problems import Problem
from leadcast.serve.scorer import Scorer

ADDRESS = "/leads"
LeadId = Annotated[str, Query(alias="id", max_length=200)]
Searched = Annotated[str, Query(max_length=200)]
Sets = Annotated[list[Annotated[str, Field(max_length=400)]] | None, Query(alias="set")]
Kinds = Annotated[list[Annotated[str, Field(max_length=200)]] | None, Query()]
TableKey = Annotated[str | None, Query(max_length=200)]


class LeadPages:
    """What the page asks for, with the points tables that fit."""

    def __init__(self, service: Service) -> None:
        self._tables = LeadTables(service.settings.run)
        self._held = (service, self._viewer_of(service))

    def _viewer_of(self, service: Service) -> Viewer:
        return Viewer(service.scorer, self._tables, judged_twin(service))

    def _viewer(self, request: Request) -> Viewer:
        """Give the viewer of the model that answers now: another one may have been promoted."""
        service = service_of(request)
        held = self._held
        if held[0] is not service:
            self._held = held = (service, self._viewer_of(service))
        return held[1]

    def search(self, request: Request, text: Searched = "") -> dict[str, Any]:
        """Tell the leads that a search finds."""
        return {"leads": self._viewer(request).found(text)}

    def view(self, request: Request, lead_id: LeadId, table: TableKey = None) -> dict[str, Any]:
        """Tell about a lead, and which points tables there are to look at it by."""
        tables, viewer = self._tables.points(), self._viewer(request)
        chosen = _chosen(tables, table)
        told = _asked(lambda: viewer.view(lead_id, _table(chosen)))
        return told | {
            "tables": [{"key": one.key, "title": one.title} for one in tables],
            "table": None if chosen is None else chosen.key,
            "model": service_of(request).model().on_disk.state,
        }

    def moment(
        self, request: Request, lead_id: LeadId, at: int | None = None, table: TableKey = None
    ) -> dict[str, Any]:
        """Tell about a lead at a moment."""
        chosen, viewer = _table(_chosen(self._tables.points(), table)), self._viewer(request)
        return _asked(lambda: viewer.moment(lead_id, at, chosen))

    def trial(
        self, request: Request, lead_id: LeadId, set_: Sets = None, event: Kinds = None
    ) -> dict[str, Any]:
        """Tell what can be tried with a lead, or what comes of it where something is."""
        try:
            return self._viewer(request).trial(lead_id, set_ or (), event or ())
        except FaultsError as error:
            raise Problem("invalid", 422, "; ".join(map(str, error.faults))) from None

    def why(self, request: Request, lead_id: LeadId) -> dict[str, Any]:
        """Tell in short why a lead stands where it does on the call list."""
        table, viewer = self._tables.compared(), self._viewer(request)
        return _asked(lambda: viewer.why(lead_id, table))


def judged_twin(service: Service) -> Scorer | None:
    """Read the judged bundle that the one that answers names, where the run still has it.

    Its id is a hash over all of it, so that nothing else can take its place.
    """
    run, twin = service.settings.run, service.scorer.bundle.manifest.origin.judged_by
    if run is None or twin is None:
        return None
    try:
        found = Scorer.load(run / JUDGED)
    except LeadcastError:
        return None
    return found if found.bundle.manifest.bundle_id == twin else None


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of leads."""
    leads, router = LeadPages(service), APIRouter()

    # An id may hold anything, slashes too; the script reads it off the address.
    @router.get(ADDRESS)
    @router.get(ADDRESS + "/{lead_id:path}")
    async def page() -> HTMLResponse:
        return shell.page("lead.html", ADDRESS)

    # Not async: reading tables and scoring have a thread of their own.
    data = APIRouter(prefix="/page/lead", dependencies=allowed_callers(service))

    data.get("")(leads.view)
    data.get("/moment")(leads.moment)
    data.get("/why")(leads.why)
    data.get("/trial")(leads.trial)
    data.get("/search")(leads.search)
    router.include_router(data)
    return router


def _chosen(tables: list[PointsTable], key: str | None) -> PointsTable | None:
    if key is None:
        return tables[0] if tables else None
    found = [one for one in tables if one.key == key]
    if not found:
        raise Problem("not-found", 404, "there is no such points table that fits this source")
    return found[0]


def _table(chosen: PointsTable | None) -> RuleTable | None:
    return None if chosen is None else chosen.table


def _asked(tell: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return tell()
    except OverflowError:
        raise Problem("invalid", 422, "at: lies outside the years 1 to 9999") from None
    except LeadcastError as error:
        detail = f"this lead cannot be scored from the run's tables: {error}"
        raise Problem("cannot-score", 409, detail) from None
