"""Who of a worker's requests works now: one at a time, for a moment, and then the next.

All of a worker's requests share one event loop. What would hold it for long (reading a body,
scoring, writing an answer) is done in turns of a few milliseconds, one after the other, so that a
question such as ``/healthz`` never waits for more than a few of them, however many are asked.

Were turns alone to decide, many long requests would share the time evenly, and all end together
when their time is up. So who needs more than a few turns waits for a place first: the earliest
ends first, each caller goes on with one at a time, and short requests still pass between.
"""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

SECONDS_AT_A_TIME = 0.005
SHORT_TURNS = 5
"""A request that has had so many turns is a long one."""
LARGE_BYTES = 262_144
"""A larger body is long from the beginning: what is made of it takes many times its memory."""
LONG_AT_ONCE = 2
"""So many long requests of one worker go on at a time, of different callers."""


class Turn:
    """The right to work; see `Turns.turn`."""

    def __init__(
        self, lock: asyncio.Lock, clock: Callable[[], float], place: Callable[[], Awaitable[None]]
    ) -> None:
        self._lock, self._clock, self._place = lock, clock, place
        self._ends, self._held, self._had = 0.0, False, 0

    async def begin(self) -> None:
        """Wait for the others that came before."""
        await self._lock.acquire()
        self._held = True
        self._had += 1
        self._ends = self._clock() + SECONDS_AT_A_TIME

    async def pause(self) -> None:
        """Let the others in if the turn is over, and wait for the next; a deadline may end it."""
        if self._clock() < self._ends:
            return
        self.end()
        if self._had == SHORT_TURNS:
            await self._place()
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
        self._places = asyncio.Semaphore(LONG_AT_ONCE)
        self._callers: weakref.WeakValueDictionary[str, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    @property
    def is_quiet(self) -> bool:
        """Whether nobody works, and no long request goes on."""
        return not (self._callers or self._lock.locked())

    @asynccontextmanager
    async def turn(self, caller: str, n_bytes: int) -> AsyncIterator[Turn]:
        """Work in turns while the block lasts.

        Parameters
        ----------
        caller : str
            Who asks.
        n_bytes : int
            The body's size.

        Yields
        ------
        Turn
            Whose `Turn.pause` is to be awaited after every small piece of work.
        """
        async with AsyncExitStack() as held:
            own: list[asyncio.Lock] = []

            async def place() -> None:
                if not own:
                    own.append(self._callers.setdefault(caller, asyncio.Lock()))
                    await held.enter_async_context(own[0])
                    await held.enter_async_context(self._places)

            turn = Turn(self._lock, self._clock, place)
            held.callback(turn.end)
            if n_bytes > LARGE_BYTES:
                await place()
            await turn.begin()
            yield turn
