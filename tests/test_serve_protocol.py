"""Connections by raw sockets on loopback: requests that two readers could read differently."""

import asyncio
import json
from functools import partial

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from leadcast.serve.http.guard import Guard
from leadcast.serve.http.telemetry import Metrics
from leadcast.serve.processes.protocol import PARTS_LOOKED_AT, PatientProtocol
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.settings import RequestLimits

LOCAL = Hosts(frozenset({"localhost"}), frozenset(), any_address=False)
POST = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(b"echo:" + body)(scope, receive, send)


def exchange(*asked: bytes, most_of_one: int | None = None) -> list[bytes]:
    """What is answered on a connection of its own for each that is asked, all open at a time."""

    async def all_of_them() -> list[bytes]:
        app = Guard(echo, RequestLimits(), Metrics(), LOCAL, lambda _, address: address)
        config = Config(app, lifespan="off", log_config=None)
        protocol = partial(PatientProtocol, config, ServerState(), {}, most_of_one=most_of_one)
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in asked]
            for (_, writer), one in zip(pairs, asked, strict=True):
                writer.write(one)
            answers = [await reader.read() for reader, _ in pairs]
            for _, writer in pairs:
                writer.close()
        return answers

    return asyncio.run(all_of_them())


def test_plain_and_chunked_bodies_are_read() -> None:
    told = POST + b"Content-Length: 5\r\n\r\nhello"
    twice = POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED
    for answer in exchange(told, twice, chunked):
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"echo:hello")


AMBIGUOUS = {
    "a length beside chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "chunks beside a length": b"Transfer-Encoding: chunked\r\nContent-Length: 15\r\n\r\n" + CHUNKED,
    "a length of none": b"Content-Length: 0\r\nTransfer-Encoding: CHUNKED\r\n\r\n" + CHUNKED,
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths in one line": b"Content-Length: 5, 6\r\n\r\nhello!",
    "a length that is none": b"Content-Length: +5\r\n\r\nhello",
    "a length below nothing": b"Content-Length: -5\r\n\r\nhello",
    "a space in a name": b"Content-Length : 5\r\n\r\nhello",
    "an encoding twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKED,
    "an encoding that is hidden": b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED,
    "an encoding in two lines":
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + CHUNKED,
    "a chunk without a length": b"Transfer-Encoding: chunked\r\n\r\nhello\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_body_with_two_ends_is_refused_and_the_connection_ends(case: str) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    asked = POST.replace(b"Connection: close\r\n", b"") + AMBIGUOUS[case] + smuggled
    (answer,) = exchange(asked)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert answer.count(b"HTTP/1.1 ") == 1


def test_chunks_in_http_1_0_are_refused() -> None:
    old = POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n"
    (answer,) = exchange(old + CHUNKED)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_in_very_many_tiny_parts_is_refused() -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    tiny, usual = (
        head + (b"%x\r\n" % size + b"x" * size + b"\r\n") * (2 * PARTS_LOOKED_AT) + b"0\r\n\r\n"
        for size in (1, 64)
    )
    refused, answered = exchange(tiny, usual)
    assert b"200 OK" not in refused
    assert answered.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"GET / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.0\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nhOST: rebound.example\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: rebound.example\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: jane@localhost\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n", 400),
        (b"GET http://rebound.example/ HTTP/1.1\r\nHost: localhost\r\n", 400),
        (b"GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: LOCALHOST.:8000\r\n", 200),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\n", 200),
    ],
)
def test_the_host_is_told_once_and_in_its_header(lines: bytes, status: int) -> None:
    (answer,) = exchange(lines + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    if status == 421:
        assert json.loads(answer.split(b"\r\n\r\n")[1])["type"] == "urn:leadcast:other-host"


def test_an_address_has_a_share_of_the_connections() -> None:
    asked = POST + b"Content-Length: 5\r\n\r\nhello"
    answers = exchange(*[asked] * 4, most_of_one=3)
    assert [answer.split(b" ")[1] for answer in answers].count(b"429") == 1
    assert PatientProtocol._by_address.total() == 0
