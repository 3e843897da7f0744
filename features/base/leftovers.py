"""Temporary names beside outputs: whose they are, and what killed processes have left of them."""

import hashlib
import os
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

DAY_SECONDS = 86_400.0
"""What nobody has touched for so long is nobody's, on whichever machine it was begun."""
_OF_PROCESS = re.compile(
    r"(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})\.(?P<own>[0-9a-f]{8})\.tmp"
)
_NAMELESS = re.compile(r"[0-9a-f]{8}(\.old)?\.tmp")
"""As earlier versions named them, and what steps aside for a folder."""
_made: set[str] = set()


def temporary_beside(path: Path) -> Path:
    """Give a name beside `path` that no other process gives, and that tells whose it is.

    Parameters
    ----------
    path : Path
        Where the output is wanted.

    Returns
    -------
    Path
        A path that does not exist: ``.NAME.MACHINE-PID.RANDOM.tmp``.
    """
    own = uuid.uuid4().hex[:8]
    _made.add(own)
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}.{own}.tmp")


def clear_leftovers(path: Path) -> None:
    """Remove what killed processes have left of `path`: temporary files and folders beside it.

    Those of a process that lives, or that may live on another machine, stay for a day. What
    cannot be removed stays: the output itself is not at stake.

    Parameters
    ----------
    path : Path
        An output that stands; `files.written_whole` calls this once it has written it.
    """
    start = f".{path.name}."
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start) and _is_dead(entry, entry.name[len(start) :]):
                _remove(entry)


def _is_dead(entry: os.DirEntry[str], rest: str) -> bool:
    known = _OF_PROCESS.fullmatch(rest)
    if known is None and _NAMELESS.fullmatch(rest) is None:
        return False
    if known is not None and known["machine"] == _machine():
        pid = int(known["pid"])
        # In a container every start has the same process number.
        if known["own"] not in _made if pid == os.getpid() else not _lives(pid):
            return True
    with suppress(FileNotFoundError):
        found = entry.stat(follow_symlinks=False)
        return time.time() - max(found.st_mtime, found.st_ctime) > DAY_SECONDS
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    """Tell apart where process numbers mean something else: another machine, another container."""
    numbers = Path("/proc/self/ns/pid")
    namespace = str(numbers.readlink()) if numbers.is_symlink() else ""
    about = f"{os.uname().nodename} {namespace}"
    return hashlib.blake2b(about.encode(), digest_size=4).hexdigest()


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
        return
    with suppress(OSError):
        Path(entry.path).unlink()
