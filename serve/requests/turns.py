"""Who of a worker's requests works now: one at a time, for a moment, and then the next.

All of a worker's requests share one event loop. What would hold it for long (reading a body,
scoring, writing an answer) is done in turns of a few milliseconds, one after the other, so that a
question such as ``/healthz`` never waits for more than a few of them, however many are asked.
"""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SECONDS_AT_A_TIME = 0.005
LARGE_BYTES = 262_144
"""A body of more is a large one; what is made of it takes many times its memory."""
LARGE_AT_ONCE = 2
"""So many large bodies of one worker are read and scored at a time, of different callers."""


class Turn:
    """The right to work; see `Turns.turn`.

    Parameters
    ----------
    lock : asyncio.Lock
        Held by whose turn it is.
    clock : callable
        Tells seconds.
    """

    def __init__(self, lock: asyncio.Lock, clock: Callable[[], float]) -> None:
        self._lock, self._clock, self._ends, self._held = lock, clock, 0.0, False

    async def begin(self) -> None:
        """Wait for the others that came before."""
        await self._lock.acquire()
        self._held = True
        self._ends = self._clock() + SECONDS_AT_A_TIME

    async def pause(self) -> None:
        """Let the others in if the turn is over, and wait for the next; a deadline may end it."""
        if self._clock() < self._ends:
            return
        self.end()
        # Nobody may be waiting for a turn, and still the loop has other things to do.
        await asyncio.sleep(0)
        await self.begin()

    def end(self) -> None:
        """Let the others in."""
        if self._held:
            self._held = False
            self._lock.release()


class Turns:
    """Hands out turns, first come, first served.

    Parameters
    ----------
    clock : callable
        Tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._lock, self._clock = asyncio.Lock(), clock
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._callers: weakref.WeakValueDictionary[str, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Work in turns while the block lasts.

        Yields
        ------
        Turn
            Whose `Turn.pause` is to be awaited after every small piece of work.
        """
        turn = Turn(self._lock, self._clock)
        await turn.begin()
        try:
            yield turn
        finally:
            turn.end()

    @asynccontextmanager
    async def large(self, caller: str, n_bytes: int) -> AsyncIterator[None]:
        """Wait until a body may be read, which bounds the memory that all of them take.

        Parameters
        ----------
        caller : str
            Who asks: each has one large body in work at a time, so that nobody takes all places.
        n_bytes : int
            The body's size; a small one does not wait.

        Yields
        ------
        None
        """
        if n_bytes <= LARGE_BYTES:
            yield
            return
        own = self._callers.setdefault(caller, asyncio.Lock())
        async with own, self._large:
            yield
