"""Marks: what Leadcast notes of the folders and files that it writes, and whether it still holds.

A folder's mark is a file in it, `MARK`; a bundle's is its manifest, which says the same. The mark
of a file in a place that a user named stands beside it, ``.NAME.leadcast``.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError

MARK = ".leadcast.json"
"""The mark in a folder: its ``kind`` and its ``files``, as a bundle's manifest tells them."""
_MANIFEST, _BUNDLE = "manifest.json", "leadcast-bundle"
_MARKS_OF_FILES = ".{}.leadcast"
_REMEMBERED = 2
"""So many contents of a file are known: between two steps of a batch that is killed, the mark is
written and the file is not."""
_OF_FILE_MANAGERS = (".DS_Store", "Thumbs.db", "desktop.ini")


def mark_folder(folder: Path, kind: str) -> None:
    """Put the mark into a folder that is whole.

    The same content gives the same mark. A bundle's manifest is its mark.
    """
    if mark_of(folder)[0] == kind:
        return
    names = sorted(name for name in entries_of(folder) if name != MARK)
    files = {name: _facts(folder / name) for name in names if not name.endswith("/")}
    text = json.dumps({"files": files, "kind": kind}, indent=2, sort_keys=True)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")


def mark_file(path: Path, written: Path) -> None:
    """Note beside a file what is about to be put there."""
    facts = [_facts(written), *known_contents(path)][:_REMEMBERED]
    mark, own = _mark_beside(path), written.with_name(f".{written.name}.mark.tmp")
    if os.path.lexists(mark) and not known_contents(path):
        raise LeadcastError(f"{mark}: is no mark that Leadcast wrote; move this file away")
    own.write_text(json.dumps({"written": facts}) + "\n", encoding="utf-8")
    own.replace(mark)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "n_bytes": path.stat().st_size}


def agrees(path: Path, facts: object, *, quick: bool) -> bool:
    """Tell whether a file is what a mark says of it."""
    if not isinstance(facts, dict) or path.stat().st_size != facts.get("n_bytes"):
        return False
    return quick or sha256_of(path) == facts.get("sha256")


def entries_of(folder: Path) -> Iterator[str]:
    """Name everything in a folder that could be lost."""
    for parent, folders, files in os.walk(folder):
        within = Path(parent)
        if within != folder and not folders and not files:
            yield f"{within.relative_to(folder).as_posix()}/"
        links = [name for name in folders if (within / name).is_symlink()]
        for name in (*files, *links):
            if name not in _OF_FILE_MANAGERS:
                yield (within / name).relative_to(folder).as_posix()


def mark_of(folder: Path) -> tuple[str, Mapping[str, Any]]:
    """Read a folder's mark."""
    for name in (MARK, _MANIFEST):
        content = _json(folder / name)
        kind, files = content.get("kind"), content.get("files")
        if isinstance(kind, str) and isinstance(files, dict) and (name == MARK or kind == _BUNDLE):
            return kind, {**files, name: None}
    return "", {}


def is_listed(folder: Path, name: str, files: Mapping[str, Any], *, quick: bool) -> bool:
    """Tell whether a mark lists an entry of its folder, as it is now."""
    if name not in files:
        return False
    # The mark lists all files but itself.
    return files[name] is None or (
        (folder / name).is_file() and agrees(folder / name, files[name], quick=quick)
    )


def known_contents(path: Path) -> list[Any]:
    """Read the mark of a file in a user's place."""
    written = _json(_mark_beside(path)).get("written")
    return written if isinstance(written, list) else []


def _mark_beside(path: Path) -> Path:
    return path.with_name(_MARKS_OF_FILES.format(path.name))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
