"""Outputs that are written whole or not at all."""

import ctypes
import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import LeadcastError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place once the block has succeeded.

    Works for a file and for a folder. If the block raises, `path` is as it was before.

    Parameters
    ----------
    path : Path
        Where the output is wanted; its parents are made.

    Yields
    ------
    Path
        A path that does not exist yet, on the same file system; the block creates a file or a
        folder there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _put_in_place(temporary, path)
    finally:
        _remove(temporary)


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write `content` as sorted, indented JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write.
    content : JSON value
        Finite numbers only: NaN and infinities raise ``ValueError``, because JSON has none.
    """
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with written_whole(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


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


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, in hexadecimal digits.

    Parameters
    ----------
    path : Path
        The file to read, in blocks.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
