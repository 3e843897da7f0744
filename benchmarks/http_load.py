"""Callers of a service by loopback: as fast as it answers, or by a timetable."""

import asyncio
import time

import httpx
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


async def saturate(url: str, body: bytes, seconds: float, callers: int) -> Floats:
    """Ask as fast as answers come, by several callers at once.

    Parameters
    ----------
    url : str
    body : bytes
        JSON.
    seconds : float
        How long.
    callers : int
        How many ask at a time.

    Returns
    -------
    ndarray of float64
        Each answer's latency in seconds.
    """
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(connection: "_Connection") -> None:
        while time.perf_counter() < end:
            started = time.perf_counter()
            await connection.ask(body)
            latencies.append(time.perf_counter() - started)

    connections = [await _Connection.to(url) for _ in range(callers)]
    await asyncio.gather(*map(caller, connections))
    for connection in connections:
        connection.close()
    return np.array(latencies)


async def at_rate(
    url: str, body: bytes, seconds: float, per_second: float, connections: int
) -> Floats:
    """Ask by a timetable that no slow answer delays; latencies count from the planned time.

    Parameters
    ----------
    url, body, seconds
        As in `saturate`.
    per_second : float
        Questions a second, evenly spaced.
    connections : int
        How many may wait for an answer at a time.

    Returns
    -------
    ndarray of float64
        Each answer's latency in seconds.
    """
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await _Connection.to(url))
    latencies: list[float] = []

    async def one(planned: float) -> None:
        connection = await free.get()
        await connection.ask(body)
        latencies.append(time.perf_counter() - planned)
        free.put_nowait(connection)

    started, tasks = time.perf_counter(), []
    for number in range(int(seconds * per_second)):
        planned = started + number / per_second
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        tasks.append(asyncio.create_task(one(planned)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait().close()
    return np.array(latencies)


class _Connection:
    """A connection that costs the caller little, so that the server is what is measured."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> None:
        self._reader, self._writer, self._path = reader, writer, path

    @classmethod
    async def to(cls, url: str) -> "_Connection":
        parts = httpx.URL(url)
        reader, writer = await asyncio.open_connection(parts.host, parts.port)
        return cls(reader, writer, parts.path)

    async def ask(self, body: bytes) -> None:
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(answer.decode())
        length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()
