"""What stands around every request: limits of size and time, headers, log line, counters."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadcast.serve.http.telemetry import FIELDS, Metrics
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import HOOK, MEBIBYTE, RequestLimits
from leadcast.serve.requests.shares import Places

NOTE = "leadcast.note"
"""The key of a request's `Note` in its ASGI scope."""
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""What pages may load: nothing but this service's own files, and no script within a page."""

_CLIENT_LEFT = 499
_DRAIN_SECONDS, _DRAIN_FACTOR = 2.0, 4
_LARGE_AT = "/v1/score"
_MOST_ELSEWHERE = MEBIBYTE
"""Of a body at another address than `_LARGE_AT`: it is read at once."""
_MOST_OF_A_HOOK = MEBIBYTE // 16
_ALWAYS = "/healthz"
"""Answered at once, whatever else is going on, so that it takes no place."""
_logger = logging.getLogger("leadcast.http")


@dataclass
class Note:
    """What is known of a request besides its contents."""

    request_id: str
    """Random; stands in the answer and in the log."""
    place: str = ""
    """Whose share of the worker it takes: of a key, or else of an address."""
    caller: str | None = None
    """The id of the caller's key."""
    n_leads: int = 0
    n_events: int = 0
    """How much was asked."""
    kind: str | None = None
    """The kind of problem, where there was one."""
    status: int = _CLIENT_LEFT
    """Of the answer; 499 where the caller left before."""


class Guard:
    """An ASGI middleware for all requests."""

    def __init__(
        self,
        app: ASGIApp,
        limits: RequestLimits,
        metrics: Metrics,
        hosts: Hosts | None,
        place_of: Callable[[Headers, str], str],
    ) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._hosts, self._place_of = hosts, place_of
        self._places = Places(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            # As GET, but for the body (RFC 9110, 9.3.2). The server keeps its own scope.
            scope = {**scope, "method": "GET"}
        note = scope[NOTE] = Note(uuid.uuid4().hex)
        started = time.perf_counter()
        try:
            await self._answer(scope, receive, _Sender(send, note, is_head), note)
        finally:
            self._count(scope, note, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: "_Sender", note: Note) -> None:
        headers = Headers(scope=scope)
        note.place = self._place_of(headers, (scope.get("client") or ("",))[0])
        try:
            _refuse_other_form(scope)
            if self._hosts is not None:
                self._hosts.refuse_foreign(scope["method"], headers)
            if scope["path"] == _ALWAYS:
                await self._app(scope, receive, send)
            else:
                await self._in_place(scope, receive, send, note.place)
        except ClientDisconnect:
            note.kind = "client-left"
        except Problem as problem:
            note.kind = problem.kind
            await problem.response()(scope, receive, send)
        except Exception:
            note.kind = "internal"
            _logger.exception(
                "a fault of the service", extra={FIELDS: {"request": note.request_id}}
            )
            if send.started:
                raise
            detail = f"a fault of the service; its log tells more under {note.request_id}"
            await Problem("internal", 500, detail).response()(scope, receive, send)

    async def _in_place(self, scope: Scope, receive: Receive, send: Send, place: str) -> None:
        self._places.take(place)
        body = _Body(
            receive,
            Headers(scope=scope),
            self._limits,
            _most_bytes(scope["path"], self._limits),
            lambda n_bytes: self._places.hold(place, n_bytes),
        )
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._places.leave(place, body.n_held)

    def _count(self, scope: Scope, note: Note, seconds: float) -> None:
        # The route's own pattern and not the path, which a caller may fill with anything.
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.request(route, note.status, seconds)
        if note.kind:
            self._metrics.error(note.kind)
        fields: dict[str, Any] = {
            "request": note.request_id,
            "caller": note.caller,
            "route": route,
            "status": note.status,
            "problem": note.kind,
            "milliseconds": round(1000 * seconds, 3),
            "leads": note.n_leads,
            "events": note.n_events,
        }
        _logger.info("request", extra={FIELDS: fields})


def _most_bytes(path: str, limits: RequestLimits) -> int:
    most = {_LARGE_AT: limits.max_body_bytes, HOOK: _MOST_OF_A_HOOK}
    return most.get(path, _MOST_ELSEWHERE)


def _refuse_other_form(scope: Scope) -> None:
    # A target with a host of its own (RFC 9112, 3.2.2) would overrule the header that is checked.
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if not target.startswith(b"/") and target != b"*":
        detail = "expected a path as the request's target, and the host in the header Host"
        raise Problem("no-path", 400, detail)


class _Sender:
    """Passes an answer on, with the headers that every answer has."""

    def __init__(self, send: Send, note: Note, is_head: bool) -> None:
        self._send, self._note, self._is_head, self.started = send, note, is_head, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self._note.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            is_page = headers.get("content-type", "").startswith("text/html")
            headers["x-request-id"] = self._note.request_id
            headers["content-security-policy"] = PAGE_POLICY if is_page else API_POLICY
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers.setdefault("cache-control", "no-store")
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class _Body:
    """A request's body that ends the request where it is too large or too slow."""

    def __init__(
        self,
        receive: Receive,
        headers: Headers,
        limits: RequestLimits,
        most: int,
        hold: Callable[[int], None],
    ) -> None:
        self._receive, self._limits, self._hold = receive, limits, hold
        self._most = min(most, limits.max_body_bytes)
        self._n_bytes, self.n_held, self._whole = 0, 0, False
        self._told = headers.get("content-length", "")
        self._asks_first = "expect" in headers
        self._deadline = asyncio.get_running_loop().time() + limits.read_seconds

    async def receive(self) -> Message:
        """Give the next part of the body, or what comes after it."""
        if self._whole:
            return await self._receive()
        if self._told.isdecimal() and int(self._told) > self._most:
            await self._refuse_large()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            detail = f"the body took over {self._limits.read_seconds:g} seconds to arrive"
            raise Problem("too-slow", 408, detail, headers={"Connection": "close"}) from None
        n_bytes = len(message.get("body", b""))
        self._n_bytes += n_bytes
        self._whole = not message.get("more_body", False)
        if self._n_bytes > self._most:
            await self._refuse_large()
        self._hold(n_bytes)
        self.n_held += n_bytes
        return message

    async def _refuse_large(self) -> None:
        await self._drain(_DRAIN_FACTOR * self._limits.max_body_bytes)
        detail = f"a body may have {self._most:,} bytes; score the leads in several requests"
        raise Problem("too-large", 413, detail, headers={"Connection": "close"})

    async def _drain(self, most: int) -> None:
        # Whoever is still sending would not see an answer, but a broken connection; so what comes
        # soon is thrown away first, unless the caller waits to be told to send.
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._whole and not self._asks_first and self._n_bytes < most:
                    message = await self._receive()
                    self._n_bytes += len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)
        except TimeoutError:
            return
