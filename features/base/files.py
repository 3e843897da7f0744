"""Outputs that are written whole or not at all, and never in place of what is not Leadcast's.

What killed processes have left beside an output is removed with its next write.
"""

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError, PassingError
from leadcast.features.base.ownership import (
    mark_file,
    mark_folder,
    refuse_foreign_file,
    refuse_foreign_folder,
    refuse_unmarked_file,
)
from leadcast.features.base.ownership import sha256_of as sha256_of

DAY_SECONDS = 86_400.0
"""What nobody has touched for so long is nobody's, on whichever machine it was begun."""
_OF_PROCESS = re.compile(
    r"(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})\.(?P<own>[0-9a-f]{8})\.tmp"
)
_NAMELESS = re.compile(r"[0-9a-f]{8}(\.old)?\.tmp")
"""As earlier versions named them, and what steps aside for a folder."""
_made: set[str] = set()
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NUMBER = re.compile(r"\(os error ([0-9]+)\)|\[Errno ([0-9]+)\]")
"""How libraries tell the system's error in their own: polars, and `shutil` of many files."""


class NoRoomError(PassingError):
    """An output finds no room: the disk is full, or a quota or a limit of size is reached."""


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
                with suppress(OSError):
                    _remove(Path(entry.path))


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


@contextmanager
def written_whole(
    path: Path, kind: str = "", *, replacing: bool = False, is_named: bool = False
) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place once the block has succeeded.

    Works for a file and for a folder. If the block raises, `path` is as it was before. What
    Leadcast did not write is not replaced; see `leadcast.features.base.ownership`.

    Parameters
    ----------
    path : Path
        Where the output is wanted; its parents are made. A file stands in a run's folder or in a
        working folder, or is new; one that a user named is written with `written_out`.
    kind : str
        Of a folder: what it is, say ``tables``. It is marked so, and takes the place of an
        unchanged one of its kind. A folder without a kind takes no other's place.
    replacing : bool
        Whether a file takes the place of any other on purpose: where it is an edit of the same
        file, or the folder is the caller's own.
    is_named : bool
        Of a folder: whether a user named the place, so that it is no run's.

    Yields
    ------
    Path
        A path that does not exist yet, on the same file system; the block creates a file or a
        folder there.

    Raises
    ------
    LeadcastError
        If something else stands there, before the block or, if it came meanwhile, after it.
    NoRoomError
        If the disk is full.
    """
    if not replacing:
        is_folder = bool(kind) or path.is_dir()
        _refuse_foreign(path, kind, is_folder=is_folder, quick=True, is_named=is_named)
    with _temporary(path) as temporary:
        yield temporary
        is_folder = temporary.is_dir() or path.is_dir()
        if temporary.is_dir() and kind:
            mark_folder(temporary, kind)
        if is_folder or not replacing:
            _refuse_foreign(path, kind, is_folder=is_folder, is_named=is_named)
        _put_in_place(temporary, path)
        clear_leftovers(path)


@contextmanager
def written_out(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Do as `written_whole` does for a file in a place that a user named, and mark it.

    Parameters
    ----------
    path : Path
        Where the file is wanted.
    force : bool
        Whether it may take the place of a file that Leadcast did not write.

    Yields
    ------
    Path
        As `written_whole` does.

    Raises
    ------
    LeadcastError
        As `leadcast.features.base.ownership.refuse_foreign_file` does.
    """
    refuse_foreign_file(path, force=force, quick=True)
    with _temporary(path) as temporary:
        yield temporary
        put_out(temporary, path, force=force)
        clear_leftovers(path)


def write_text_out(path: Path, text: str, *, force: bool = False) -> None:
    """Write a text to a place that a user named.

    Parameters
    ----------
    path, force
        As in `written_out`.
    text : str
        Written as UTF-8.
    """
    with written_out(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        yield temporary
    except Exception as error:
        if not _has_no_room(error):
            raise
        free = shutil.disk_usage(path.parent).free / 2**20
        raise NoRoomError(
            f"{path}: cannot be written, because there is no room for it ({free:,.0f} MiB are free "
            f"on the disk of {path.parent}); make room, or raise the quota or the limit of size, "
            "and begin again. What stood there before stands there still"
        ) from None
    finally:
        _remove(temporary)


def _has_no_room(error: Exception) -> bool:
    if isinstance(error, NoRoomError):
        return True
    told = _NUMBER.search(str(error))
    number = getattr(error, "errno", None) or (told and int(told[1] or told[2]))
    return number in _NO_ROOM


def put_out(written: Path, path: Path, *, force: bool = False) -> None:
    """Put a file that is whole in the place that a user named, and mark it.

    Parameters
    ----------
    written : Path
        The file, on the same file system.
    path, force
        As in `written_out`.

    Raises
    ------
    LeadcastError
        As `leadcast.features.base.ownership.refuse_foreign_file` does.
    """
    refuse_foreign_file(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark_file(path, written)
    _put_in_place(written, path)


@contextmanager
def working_folder(beside: Path, name: str) -> Iterator[Path]:
    """Make a folder for what lies between, and remove it in the end.

    Parameters
    ----------
    beside : Path
        The folder in which it is made, where all who work together see it.
    name : str
        What it is for; its own name is one that nothing else has.

    Yields
    ------
    Path
    """
    folder = temporary_beside(beside / name)
    clear_leftovers(beside / name)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, content: Any, *, replacing: bool = False) -> None:  # noqa: ANN401
    """Write `content` as sorted, indented JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write.
    content : JSON value
        Finite numbers only: NaN and infinities raise ``ValueError``, because JSON has none.
    replacing : bool
        As in `written_whole`.
    """
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with written_whole(path, replacing=replacing) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def why_no_file(path: Path) -> str:
    """Say of a path that is to be read why it is no file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        To stand behind the path and a colon.

    Examples
    --------
    >>> why_no_file(Path("/dev/null"))
    'is a device, no regular file'
    """
    kinds = (
        (path.is_dir, "a folder"),
        (path.is_fifo, "a pipe"),
        (path.is_socket, "a socket"),
        (path.is_char_device, "a device"),
        (path.is_block_device, "a device"),
    )
    what = next((what for is_one, what in kinds if is_one()), None)
    if what is not None:
        return f"is {what}, no regular file"
    if path.is_file():
        return "cannot be read"
    return "is a link to what is not there" if path.is_symlink() else "there is no such file"


def why_no_folder(path: Path) -> str:
    """Say likewise why a path is no folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
    """
    return "is no folder" if path.exists() else "there is no such folder"


def read_text(path: Path) -> str:
    """Read a text file that a person has written.

    Parameters
    ----------
    path : Path
        The file to read.

    Returns
    -------
    str

    Raises
    ------
    LeadcastError
        If it cannot be read or is not UTF-8; names the file.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LeadcastError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LeadcastError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from None


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file to read.

    Returns
    -------
    JSON value

    Raises
    ------
    LeadcastError
        If the file is missing, or is not JSON (truncated, for example); names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LeadcastError(f"{path}: there is no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LeadcastError(f"{path}: is not valid JSON ({error}); write it again") from None


def _refuse_foreign(
    path: Path, kind: str, *, is_folder: bool, is_named: bool, quick: bool = False
) -> None:
    if is_folder:
        refuse_foreign_folder(path, kind, quick=quick, is_named=is_named)
    else:
        refuse_unmarked_file(path)


def _put_in_place(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        temporary.replace(path)
        return
    # A rename cannot put a folder over a folder that has content. Where the two can be exchanged,
    # whoever opens `path` finds one of them at every moment; the caller removes `temporary`.
    if _exchanged(temporary, path):
        return
    # Elsewhere the old one steps aside and is removed only when the new one stands.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old.tmp")
    path.replace(aside)
    temporary.replace(path)
    _remove(aside)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system cannot."""
    if sys.platform not in ("linux", "darwin"):
        return False
    library = ctypes.CDLL(None)
    paths = os.fsencode(one), os.fsencode(other)
    # renameat2(2) with RENAME_EXCHANGE, both paths relative to AT_FDCWD; on macOS renamex_np(2)
    # with RENAME_SWAP. What is wrong, if anything, the plain renames find and tell.
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(-100, paths[0], -100, paths[1], 2) == 0)
    return bool(hasattr(library, "renamex_np") and library.renamex_np(*paths, 2) == 0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
