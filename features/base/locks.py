"""One process at a time, where what is written depends on what was read."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadcast.features.base.errors import LeadcastError

PATIENCE_SECONDS = 30.0
"""So long others may take that only read a small file and write it again."""
_LOOK_SECONDS = 0.02
_NAME_BYTES = 200


class BusyError(LeadcastError):
    """Another process does what only one may do at a time."""


@contextmanager
def locked(path: Path, what: str, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Keep other processes out while the block reads and writes `path`.

    A lock file ``.NAME.lock`` stands beside `path` meanwhile. The lock (`flock`) ends with its
    process, however that ends; the file that a killed process leaves holds up nobody and is
    removed by the next.

    Parameters
    ----------
    path : Path
        What is to be written; its parents are made.
    what : str
        What the block does, for those who wait in vain: ``"another process changes these keys"``.
    patience_seconds : float
        How long to wait for others; 0 for not at all.

    Raises
    ------
    BusyError
        If another process holds the lock for longer; tells which one, and what it does.
    OSError
        If the system refuses (no right, a file system without locks).
    """
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    deadline = time.monotonic() + patience_seconds
    while (held := _taken(lock)) is None:
        if time.monotonic() >= deadline:
            raise BusyError(f"{path}: {what} now ({_holder(lock)}); wait for its end")
        time.sleep(_LOOK_SECONDS)
    try:
        os.truncate(held, 0)
        os.pwrite(held, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
        yield
    finally:
        # Removed while it is still held: whoever opened it before sees that it is another file.
        lock.unlink(missing_ok=True)
        os.close(held)


def _taken(lock: Path) -> int | None:
    """Give the lock's descriptor; None where another process has it, or has just removed it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), lock.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _holder(lock: Path) -> str:
    try:
        told = lock.read_bytes()[:_NAME_BYTES].decode(errors="replace")
    except OSError:
        told = ""
    return told or "it has just begun"
