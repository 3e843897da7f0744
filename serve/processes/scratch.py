"""Temporary folders of services, that a later start removes where a killed one has left them.

Each holds a file with Leadcast's mark. It tells for people whose it is (process and start), and
whoever uses the folder holds a shared lock on it (`flock`), which ends with the process however
that ends, is never another's whose process has got the same number, and is seen from other
containers too.
"""

import fcntl
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from leadcast.serve.http.telemetry import FIELDS

PREFIX = "leadcast-"
MARK = "leadcast-scratch"
_WORDS = b"Leadcast's own scratch folder; a start removes it once nobody uses it.\n"
_LOCKS = (MARK, "rules/lock")
"""Held by services and their workers; and by a comparison, which may outlive them."""
_logger = logging.getLogger("leadcast.http")


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Make a temporary folder for as long as the block lasts, and remove those of dead services.

    Parameters
    ----------
    kind : str
        Stands in its name.

    Yields
    ------
    Path
    """
    remove_left(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    try:
        # Locked before it has its name, so that nobody finds the mark without the lock.
        unnamed = folder / f".{MARK}"
        unnamed.write_bytes(_WORDS + f"process {os.getpid()}, {time.time():.0f}\n".encode())
        with ExitStack() as held:
            held.callback(os.close, _locked(unnamed, fcntl.LOCK_SH))
            unnamed.rename(folder / MARK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_scratch(folder: Path) -> None:
    """Keep a folder of `scratch_folder` from removal for as long as this process lives."""
    with suppress(FileNotFoundError):
        # Not closed: the lock ends with the process.
        _locked(folder / MARK, fcntl.LOCK_SH)


def remove_left(parent: Path) -> None:
    """Remove the folders that dead services of this user have left."""
    for folder in sorted(parent.glob(f"{PREFIX}*")):
        with suppress(OSError), ExitStack() as held:
            if _is_own(folder) and all(_is_free(folder / name, held) for name in _LOCKS):
                shutil.rmtree(folder)
                told = {"folder": folder.name}
                _logger.info("removed what a killed service had left", extra={FIELDS: told})


def _is_own(folder: Path) -> bool:
    """Tell whether a folder is this user's and carries the mark; of others nothing is known."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return False
    mark = folder / MARK
    return stat.S_ISREG(mark.lstat().st_mode) and mark.read_bytes().startswith(_WORDS)


def _is_free(path: Path, held: ExitStack) -> bool:
    """Take a lock until `held` ends, if nobody has it; what is not there is free."""
    try:
        held.callback(os.close, _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _locked(path: Path, kind: int) -> int:
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, kind)
    except BaseException:
        os.close(file)
        raise
    return file
