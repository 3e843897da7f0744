"""The service as an ASGI application."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from models.bundle_files import CODE_VERSION
from serve.http.api import make_router
from serve.http.guard import NOTE, Guard
from serve.http.problems import FieldFault, Problem, ProblemBody, invalid, of_parameter
from serve.http.service import Service
from serve.http.work import score_question

_ABOUT = "The probability that a lead becomes a paying customer, from one verified bundle."
_SCHEMAS = "#/components/schemas/{model}"


def make_app(service: Service, pages: Sequence[APIRouter] = ()) -> FastAPI:
    """Make the application of a service.

    Parameters
    ----------
    service : Service
    pages : sequence of APIRouter
        Pages for people and their static files, at addresses of their own; they get the content
        security policy of `serve.http.guard.PAGE_POLICY`.

    Returns
    -------
    FastAPI
    """
    app = FastAPI(
        title="Leadcast",
        description=_ABOUT,
        version=CODE_VERSION,
        lifespan=_warm,
        # The usual pages of documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.service = service
    app.include_router(make_router(service))
    # A route like the others, so that it is counted under its own address.
    app.get("/openapi.json", include_in_schema=False)(_document)
    for page in pages:
        app.include_router(page, include_in_schema=False)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_parameters)
    app.add_middleware(
        Guard,
        limits=service.settings.limits,
        metrics=service.metrics,
        hosts=service.hosts,
        place_of=service.place_of,
    )
    app.openapi = lambda: _openapi(app, service)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _warm(app: FastAPI) -> AsyncIterator[None]:
    """Score the bundle's own example, so that the first caller waits for no compilation."""
    service: Service = app.state.service
    body = json.dumps(service.questions.example).encode()
    async with service.turns.turn() as turn:
        question = await service.questions.read(body, turn)
        await score_question(service.scorer, question, [], turn)
    app.state.ready = True
    yield
    app.state.ready = False


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    request.scope[NOTE].kind = error.kind
    return error.response()


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Problem):
        # Of a body that FastAPI was reading by itself.
        return await _on_problem(request, error.__cause__)
    kinds = {
        404: ("not-found", "there is no such address; /openapi.json tells those that there are"),
        405: ("wrong-method", "this address takes another method; the header Allow names it"),
    }
    kind, detail = kinds.get(error.status_code, ("refused", error.detail))
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    problem = Problem(kind, error.status_code, detail, headers=headers)
    return await _on_problem(request, problem)


async def _on_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [FieldFault(pointer="", detail=of_parameter(fault)) for fault in error.errors()]
    return await _on_problem(request, invalid(faults))


async def _document(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


def _openapi(app: FastAPI, service: Service) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemBody.model_json_schema(ref_template=_SCHEMAS)
        schemas.update(problem.pop("$defs") | {"ProblemBody": problem})
        schemas.update(service.questions.schemas())
        app.openapi_schema = made
    return app.openapi_schema
