"""How often one caller may ask, over all workers."""

import fcntl
import hashlib
import mmap
import os
import struct
import time
import weakref
from pathlib import Path

SLOTS = 4096
_ROUNDING_SECONDS = 1e-6
_SLOT = struct.Struct("d")


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
