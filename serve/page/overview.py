"""The overview: the comparison, as it lies in the run's folder at the moment."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from serve.http.callers import allowed_callers
from serve.http.service import Service
from serve.page.assets import SCRIPTS
from serve.page.held import Held
from serve.page.shell import Shell

ADDRESS, LEADS = "/", "/leads/"


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the overview's addresses.

    Parameters
    ----------
    service : Service
    shell : Shell

    Returns
    -------
    APIRouter
    """
    router, held = APIRouter(), Held(service.settings.run)

    @router.get(ADDRESS)
    async def overview() -> HTMLResponse:
        return shell.page("overview.html", ADDRESS, scripts=SCRIPTS, leads_address=LEADS)

    # Not async: reading and packing many leads has a thread of its own and holds up no score.
    @router.get("/page/comparison", dependencies=allowed_callers(service))
    def comparison() -> Response:
        return Response(held.comparison(), media_type="application/json")

    @router.get("/page/leads", dependencies=allowed_callers(service))
    def leads() -> Response:
        return Response(held.leads(), media_type="application/json")

    return router
