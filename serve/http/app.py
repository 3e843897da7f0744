"""The service as an ASGI application: its addresses and its errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from leadcast.features.base.errors import Fault
from leadcast.models.bundle.bundle_files import CODE_VERSION
from leadcast.serve.http import telemetry as metrics
from leadcast.serve.http.guard import NOTE, Guard, Note
from leadcast.serve.http.hooks import hook_router
from leadcast.serve.http.service import (
    Health,
    ModelAnswer,
    ScoreAnswer,
    ScoredLead,
    Service,
    Warned,
    allowed_callers,
    note_of,
    service_of,
)
from leadcast.serve.requests import problems
from leadcast.serve.requests.problems import FieldFault, Problem, ProblemBody, invalid, of_parameter
from leadcast.serve.requests.questions import SCHEMAS
from leadcast.serve.requests.request_work import score_question
from leadcast.serve.requests.turns import Turn
from leadcast.serve.scores import Score

JSON = "application/json"
THREADS = 4
"""So many questions of the page, each in a thread of its own, are answered at a time."""
SCORES_AT_ONCE = 20
"""So many scores are written before others get their turn."""
_SCORES, _NO_SCORES = TypeAdapter(list[ScoredLead]), b'"scores":[]'
_ABOUT = "The probability that a lead becomes a paying customer, from one verified bundle."
_WORDS: Mapping[int, str] = {
    400: "The body is not JSON.",
    401: "No key, or a wrong one; of a webhook no signature, or a wrong one.",
    403: "Sent by a page of another site.",
    408: "The request took too long to arrive.",
    409: "An id stands there twice or is none, a lead came to be before 1980, or this model has no "
    "such part; of a webhook: it was taken.",
    413: "The body is too large.",
    415: "The body is not said to be JSON, or is packed.",
    421: "Meant for a host of another name.",
    422: "Something in the request is wrong; each fault is named.",
    429: "Too many requests of this caller.",
    503: "Too busy, or too much to score in time.",
}
_KINDS: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "there is no such address; /openapi.json tells those that there are"),
    405: ("wrong-method", "this address takes another method; the header Allow names it"),
}


class ScoreParameters(BaseModel):
    """What stands behind the question mark of ``/v1/score``."""

    model_config = ConfigDict(extra="forbid")

    reasons: bool = Field(False, description="whether to tell why, which takes far longer")
    extra: list[str] = Field(
        [],
        max_length=10,
        description="optional parts of the model whose columns to add to each score, as curve; "
        "/v1/model lists those that there are",
    )


class MetricsText(Response):
    """Counters as Prometheus reads them."""

    media_type = metrics.MEDIA_TYPE


def _addresses(service: Service) -> Iterator[APIRouter]:
    versioned = APIRouter(prefix="/v1", dependencies=allowed_callers(service))
    refused = [429, 503, *([401] if service.keyring else []), *([421] if service.hosts else [])]
    of_score = [*refused, 400, 408, 409, 413, 415, 422, *([403] if service.hosts else [])]
    versioned.post(
        "/score",
        summary="Score leads",
        responses={200: {"model": ScoreAnswer}, **_refusals(*of_score)},
        openapi_extra={"requestBody": _body(service)},
    )(_score)
    told = "Tell the model that answers"
    versioned.get("/model", summary=told, responses=_refusals(*refused))(_model)
    yield versioned
    if service.settings.hook_secret is not None:
        yield hook_router(_refusals(*refused, 401, 409, 413))
    about = APIRouter(tags=["about the service"])
    about.get("/healthz", summary="Tell whether the process lives")(_health)
    about.get("/readyz", summary="Tell whether it can score", responses=_refusals(503))(_ready)
    about.get("/metrics", summary="Counters for Prometheus", response_class=MetricsText)(_metrics)
    yield about


async def _score(request: Request, asked: Annotated[ScoreParameters, Query()]) -> Response:
    """Score leads: all of them, or, where anything is wrong with one, none.

    A lead is scored with the attributes and events that are sent with it; nothing is kept.
    """
    service, note = service_of(request), note_of(request)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
        raise Problem("no-json", 415, f"expected Content-Type: {JSON}")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("no-json", 415, "expected no Content-Encoding; send the JSON as it is")
    body = await request.body()
    seconds = service.settings.limits.score_seconds
    try:
        async with (
            asyncio.timeout(seconds),
            service.turns.turn(note.place, len(body)) as turn,
        ):
            answer = await _answered(service, note, body, turn, asked)
    except TimeoutError:
        detail = f"scoring took over {seconds:g} seconds; ask for fewer leads at once"
        raise Problem("out-of-time", 503, detail, headers={"Retry-After": "1"}) from None
    return Response(answer, media_type=JSON)


async def _answered(
    service: Service, note: Note, body: bytes, turn: Turn, asked: ScoreParameters
) -> bytes:
    question = await service.questions.read(body, turn)
    note.n_leads = len(question.leads)
    note.n_events = sum(len(lead.get("events", ())) for lead in question.leads)
    warnings: list[Fault] = []
    scores = await score_question(
        service.scorer, question, warnings, turn, with_reasons=asked.reasons, extra=asked.extra
    )
    answer = await _written(service, scores, warnings, turn)
    service.metrics.scores(score.grade for score in scores)
    return answer


async def _model(request: Request) -> ModelAnswer:
    """Tell which bundle answers, what it was measured to be, and what may be asked of it."""
    return service_of(request).model()


async def _health() -> Health:
    """Tell whether the process lives."""
    return Health(status="ok")


async def _ready(request: Request) -> Health:
    """Tell whether the bundle is loaded and has scored its own example."""
    if not getattr(request.app.state, "ready", False):
        raise Problem("not-ready", 503, "the service is starting", headers={"Retry-After": "1"})
    return Health(status="ready")


async def _metrics(request: Request) -> MetricsText:
    """Give requests, latencies, scores by grade and errors by kind."""
    return MetricsText(service_of(request).metrics.text())


async def _written(
    service: Service, scores: Sequence[Score], warnings: Sequence[Fault], turn: Turn
) -> bytes:
    """Write a `ScoreAnswer`, some scores at a time."""
    parts = []
    for first in range(0, len(scores), SCORES_AT_ONCE):
        # What the scorer gives is not checked again; only what comes from outside is.
        some = [
            ScoredLead.model_construct(**vars(score))
            for score in scores[first : first + SCORES_AT_ONCE]
        ]
        parts.append(_SCORES.dump_json(some)[1:-1])
        await turn.pause()
    answer = ScoreAnswer.model_construct(
        bundle_id=service.scorer.bundle.manifest.bundle_id,
        scores=[],
        warnings=[Warned.model_validate(fault) for fault in warnings],
    )
    head, empty, tail = answer.__pydantic_serializer__.to_json(answer).partition(_NO_SCORES)
    return b"".join((head, empty[:-1], b",".join(parts), empty[-1:], tail))


def _body(service: Service) -> dict[str, Any]:
    schema = {"$ref": SCHEMAS.format(model="ScoreRequest")}
    example = {"summary": "Two leads", "value": service.questions.example}
    return {"required": True, "content": {JSON: {"schema": schema, "examples": {"two": example}}}}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": SCHEMAS.format(model="ProblemBody")}
    return {
        status: {
            "description": _WORDS[status],
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses})
    }


def make_app(service: Service, pages: Sequence[APIRouter] = ()) -> FastAPI:
    """Make the application of a service.

    Parameters
    ----------
    service : Service
    pages : sequence of APIRouter
        Pages for people and their static files, at addresses of their own; they get the content
        security policy of `leadcast.serve.http.guard.PAGE_POLICY`.

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
    for addresses in _addresses(service):
        app.include_router(addresses)
    # A route like the others, so that it is counted under its own address.
    app.get("/openapi.json", include_in_schema=False)(_document)
    for page in pages:
        app.include_router(page, include_in_schema=False)
    for kind in (Problem, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _on_error)
    app.add_middleware(
        Guard,
        limits=service.settings.limits,
        metrics=service.metrics,
        hosts=service.hosts,
        place_of=service.place_of,
    )
    app.openapi = lambda: _openapi(app, app.state.service)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _warm(app: FastAPI) -> AsyncIterator[None]:
    """Score the bundle's own example, so that the first caller waits for no compilation."""
    service: Service = app.state.service
    # Threads take the interpreter's lock in turns with the loop: with many, its turn comes late.
    current_default_thread_limiter().total_tokens = THREADS
    await score_example(service)
    app.state.ready = True
    yield
    app.state.ready = False


async def score_example(service: Service) -> None:
    """Score a bundle's own example, so that no caller waits for what is read or compiled first."""
    body = json.dumps(service.questions.example).encode()
    async with service.turns.turn("", len(body)) as turn:
        question = await service.questions.read(body, turn)
        await score_question(service.scorer, question, [], turn)


async def _on_error(request: Request, error: Exception) -> Response:
    problem = _problem_of(error)
    request.scope[NOTE].kind = problem.kind
    return problem.response()


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, RequestValidationError):
        told = [FieldFault(pointer="", detail=of_parameter(fault)) for fault in error.errors()]
        return invalid(told)
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, Problem):
            # Of a body that FastAPI was reading by itself.
            return error.__cause__
        kind, detail = _KINDS.get(error.status_code, ("refused", error.detail))
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"
        return Problem(kind, error.status_code, detail, headers=headers)
    assert isinstance(error, Problem)
    return error


async def _document(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


def _openapi(app: FastAPI, service: Service) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemBody.model_json_schema(ref_template=SCHEMAS)
        schemas.update(problem.pop("$defs") | {"ProblemBody": problem})
        schemas.update(service.questions.schemas())
        app.openapi_schema = made
    return app.openapi_schema
