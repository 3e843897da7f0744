"""HTTP connections that cannot be held open for nothing, and that answer half-closed ones."""

import asyncio
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from leadcast.serve.requests.shares import network_of

SECONDS_LONGER = 0.5
"""How much longer than an idle connection one may last that sends a head or takes an answer."""
PARTS_LOOKED_AT, LEAST_PART = 2_000, 32
"""A body in so many parts must have so many bytes a part on average; each costs as a large one."""
TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
"""What an address is told that holds its share of the connections."""


class _Strict(h11.Connection):
    """h11's reading of a connection, that refuses what another program could read otherwise."""

    _n_parts = _n_bytes = 0

    def next_event(self) -> Any:  # noqa: ANN401 - h11's own type is not exported
        """Give what comes next, as h11 does; `h11.RemoteProtocolError` where it is refused."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._n_parts = self._n_bytes = 0
            _refuse_two_lengths(event)
        elif isinstance(event, h11.Data):
            self._n_parts += 1
            self._n_bytes += len(event.data)
            if self._n_parts > PARTS_LOOKED_AT and self._n_bytes < self._n_parts * LEAST_PART:
                raise h11.RemoteProtocolError("a body in tiny parts")
        return event


def _refuse_two_lengths(request: h11.Request) -> None:
    """Refuse a body whose end two readers could see at two places (RFC 9112, 6.1 and 11.2)."""
    names = [name.lower() for name, _ in request.headers]
    if b"transfer-encoding" not in names:
        return
    if b"content-length" in names or request.http_version < b"1.1":
        raise h11.RemoteProtocolError("Transfer-Encoding beside Content-Length, or in HTTP/1.0")


class PatientProtocol(H11Protocol):
    """uvicorn's connection with some additions.

    A client that sends nothing, or a head letter by letter, or that does not read its answer, is
    disconnected soon after uvicorn's ``timeout_keep_alive``. A client that has closed its sending
    side after a whole request still gets its answer. A request that tells its length in two ways
    is refused. An address that holds its share of the connections gets no other.
    """

    _by_address: ClassVar[Counter[str]] = Counter()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        most_of_one: int | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Strict(h11.SERVER)
        self._head_timer: asyncio.TimerHandle | None = None
        self._half_closed = False
        self._most_of_one, self._address = most_of_one, ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()
        self._address = network_of(self.client[0]) if self.client else ""
        self._by_address[self._address] += 1
        if self._most_of_one and self._by_address[self._address] > self._most_of_one:
            transport.write(TOO_MANY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._by_address[self._address] -= 1
        if not self._by_address[self._address]:
            del self._by_address[self._address]
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what has arrived; once a request's head is whole, its own limits begin."""
        super().handle_events()
        if self._is_answering():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless no other can come."""
        self._wait_for_head()
        if self._half_closed and not self.transport.is_closing():
            self.transport.close()
        super().on_response_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection of a client that has sent all of its request and waits."""
        self._half_closed = self._is_answering() and not self.cycle.more_body
        return self._half_closed

    def send_400_response(self, msg: str) -> None:
        """Refuse what came, and end the connection."""
        if self.cycle is not None:
            # Whoever waits for the rest of the body learns that it does not come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(
            self.timeout_keep_alive + SECONDS_LONGER, self._give_up
        )

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        # Closing would wait for a client that does not read.
        self.transport.abort()
