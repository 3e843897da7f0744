"""The addresses of the page: its views and its static files."""

from fastapi import APIRouter, HTTPException, Request, Response

from leadcast.serve.accounts import accounts_view
from leadcast.serve.http.service import Service
from leadcast.serve.page import (
    lead,
    misses_view,
    monitoring_view,
    overview,
    report_view,
    sources_view,
    today,
)
from leadcast.serve.page import points_editor as rules
from leadcast.serve.page.assets import Shell, View, assets

VIEWS = (
    View("Today", today.ADDRESS, today.make_router),
    View("Better than our points?", overview.ADDRESS, overview.make_router),
    View("How good is it?", report_view.ADDRESS, report_view.make_router),
    View("Sources", sources_view.ADDRESS, sources_view.make_router),
    View("Rules", rules.ADDRESS, rules.make_router),
    View("What will it bring?", report_view.FORECAST, report_view.make_forecast_router),
    View(
        "Accounts",
        accounts_view.ADDRESS,
        accounts_view.make_router,
        accounts_view.has_accounts,
    ),
    View("Monitoring", monitoring_view.ADDRESS, monitoring_view.make_router),
    View("Misses", misses_view.ADDRESS, misses_view.make_router),
    View("Leads", lead.ADDRESS, lead.make_router),
)
"""Every view, in the order of the navigation."""


def page_routers(service: Service) -> list[APIRouter]:
    """Make the routers of the page, for `leadcast.serve.http.app.make_app`.

    Parameters
    ----------
    service : Service

    Returns
    -------
    list of APIRouter
    """
    source = service.scorer.bundle.manifest.origin.source
    shell = Shell(VIEWS, source, service.settings.run)
    return [_static(), *(view.make_router(service, shell) for view in VIEWS)]


def _static() -> APIRouter:
    router = APIRouter()
    router.get("/page/static/{name}")(_asset)
    return router


async def _asset(name: str, request: Request) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "there is no such file")
    headers = {"etag": asset.etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
