"""What a batch has kept is sealed: a resumed one takes up those bytes, or does the part again.

A seal stands beside a file or folder, ``NAME.seal.json``: the length and CRC-32 of each file, the
batch to which it belongs, its own name, and a digest over all of that. Bytes that changed, files
that were cut short or put in each other's place, and parts of another batch do not fit it. It
guards against accidents, for which a checksum does that costs a third of SHA-256; whoever can write
the folder can write seals.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json

SEAL = ".seal.json"
_BLOCK_BYTES = 262_144


def digest_of(content: Any) -> str:  # noqa: ANN401 - any JSON value
    """Compute the SHA-256 of a JSON value, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def seal(path: Path, key: str, about: Any = None, written: Path | None = None) -> None:  # noqa: ANN401
    """Write down what a file, or each file of a folder, holds.

    Parameters
    ----------
    path : Path
        The file or folder.
    key : str
        Tells the batch apart from others.
    about : JSON value
        What is kept with it.
    written : Path, optional
        Where its bytes are, if they are about to be put at `path`.
    """
    content = _content(path, key, about, written or path)
    write_json(_seal_of(path), content | {"seal": digest_of(content)})


def sealed_with(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Give what was kept with a file or folder when it was sealed."""
    return read_json(_seal_of(path))["about"]


def is_sealed(path: Path) -> bool:
    """Tell whether a seal stands beside a file or folder."""
    return _seal_of(path).exists()


def clear_broken(folder: Path, key: str, only: Collection[str] | None = None) -> list[str]:
    """Remove what is not as it was sealed, or was never finished."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    broken = []
    for name in sorted({name.removesuffix(SEAL) for name in names}):
        if only is not None and name not in only:
            continue
        path = folder / name
        is_finished = {name, name + SEAL} <= names
        if is_finished and _fits(path, key):
            continue
        if is_finished:
            broken.append(name)
        remove(path)
        remove(_seal_of(path))
    return broken


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fits(path: Path, key: str) -> bool:
    try:
        found = read_json(_seal_of(path))
        content = _content(path, key, found["about"], path)
        expected: Mapping[str, Any] = content | {"seal": digest_of(content)}
        return bool(found == expected)
    except (LeadcastError, OSError, KeyError, TypeError, RecursionError):
        return False


def _content(path: Path, key: str, about: Any, written: Path) -> dict[str, Any]:  # noqa: ANN401
    place = f"{path.parent.name}/{path.name}"
    files = {str(file.relative_to(written)): _checksum(file) for file in _files(written)}
    return {"batch": key, "place": place, "files": files, "about": about}


def _files(path: Path) -> Iterator[Path]:
    yield from (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)


def _checksum(file: Path) -> list[int]:
    n_bytes = crc = 0
    block = memoryview(bytearray(_BLOCK_BYTES))
    with file.open("rb", buffering=0) as opened:
        while n_read := opened.readinto(block):
            n_bytes += n_read
            crc = zlib.crc32(block[:n_read], crc)
    return [n_bytes, crc]


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + SEAL)
