"""HTTP connections that cannot be held open for nothing, and that answer half-closed ones."""

import asyncio
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

SECONDS_LONGER = 0.5
"""How much longer than an idle connection one may last that sends a head or takes an answer."""


class PatientProtocol(H11Protocol):
    """uvicorn's connection with two additions.

    A client that sends nothing, or a head letter by letter, or that does not read its answer, is
    disconnected soon after uvicorn's ``timeout_keep_alive``. A client that has closed its sending
    side after a whole request still gets its answer.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._half_closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
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
