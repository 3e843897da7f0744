"""What a worker holds at a time and how often it is asked, and how much of that one caller may."""

import fcntl
import hashlib
import ipaddress
import mmap
import os
import struct
import time
import weakref
from collections import Counter
from pathlib import Path

from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import RequestLimits

_SOON = {"Retry-After": "1"}
SLOTS = 4096
_ROUNDING_SECONDS = 1e-6
_SLOT = struct.Struct("d")


class Places:
    """Counts one worker's requests, and the bytes of their bodies, by their callers.

    Parameters
    ----------
    limits : RequestLimits
    """

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        # The largest body of one caller, and of another at the same time, always fit.
        self._most_bytes = max(limits.max_held_bytes, 2 * limits.max_body_bytes)
        self._most_of_one = max(limits.shared(self._most_bytes), limits.max_body_bytes)

    def take(self, caller: str) -> None:
        """Take a place for a request, until `leave`.

        Parameters
        ----------
        caller : str

        Raises
        ------
        Problem
            429 where the caller has its share, 503 where there is no place.
        """
        most = self._limits.shared(self._limits.max_in_flight)
        if self._requests.total() >= self._limits.max_in_flight:
            raise Problem("busy", 503, "too many requests at once; try again", headers=_SOON)
        if self._requests[caller] >= most:
            detail = f"one caller may have {most:,} requests at a time; wait for their answers"
            raise Problem("too-many", 429, detail, headers=_SOON)
        self._requests[caller] += 1

    def hold(self, caller: str, n_bytes: int) -> None:
        """Hold a part of a body, until `leave`.

        Parameters
        ----------
        caller : str
        n_bytes : int

        Raises
        ------
        Problem
            As `take`.
        """
        closing = {**_SOON, "Connection": "close"}
        if self._bytes.total() + n_bytes > self._most_bytes:
            raise Problem("busy", 503, "too many large bodies at once; try again", headers=closing)
        if self._bytes[caller] + n_bytes > self._most_of_one:
            detail = f"one caller may send {self._most_of_one:,} bytes at a time; wait for answers"
            raise Problem("too-many", 429, detail, headers=closing)
        self._bytes[caller] += n_bytes

    def leave(self, caller: str, n_bytes: int) -> None:
        """Give a request's place back, and what was held of its body."""
        self._requests[caller] -= 1
        self._bytes[caller] -= n_bytes
        if not self._requests[caller]:
            # Callers come and go; nothing is kept of them.
            del self._requests[caller], self._bytes[caller]


def network_of(address: str) -> str:
    """Give whose an address is: of IPv6 a household has 2 to the power of 64.

    Parameters
    ----------
    address : str

    Returns
    -------
    str
    """
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
    except ValueError:
        return address


class RateLimiter:
    """A bucket for each caller, in a file that all workers share.

    The generic cell rate algorithm (ITU-T I.371): one number for each caller, the time at which
    the next request is due if all came evenly. Callers are told apart by a hash into
    `SLOTS` buckets; two that meet in one share its rate.

    Parameters
    ----------
    path : Path
        The file; it is made where it does not exist.
    per_second : float
        How many requests a second; 0 for no limit.
    """

    def __init__(self, path: Path, per_second: float) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        # A second's worth may come at once, and never less than one request.
        self._tolerance = max(1.0, self._interval) - self._interval
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, SLOTS * _SLOT.size)
        self._due = mmap.mmap(self._file, SLOTS * _SLOT.size)

    def seconds_to_wait(self, caller: str, now: float | None = None) -> float:
        """Count a request, or tell how long to wait before the next.

        Parameters
        ----------
        caller : str
            Who asks.
        now : float, optional
            Seconds on the clock that all processes of the machine share; its time, if not given.

        Returns
        -------
        float
            0 where the request may go on, which counts it; else seconds, and it does not count.
        """
        if not self._interval:
            return 0.0
        now = time.monotonic() if now is None else now
        offset = self._offset(caller)
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            due = max(_SLOT.unpack_from(self._due, offset)[0], now)
            wait = due - now - self._tolerance
            if wait > _ROUNDING_SECONDS:
                return float(wait)
            _SLOT.pack_into(self._due, offset, due + self._interval)
            return 0.0
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _offset(self, caller: str) -> int:
        digest = hashlib.blake2s(caller.encode(), digest_size=4).digest()
        return int.from_bytes(digest) % SLOTS * _SLOT.size
