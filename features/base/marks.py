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

    Parameters
    ----------
    folder : Path
        The folder.
    kind : str
        What it is: only a folder of the same kind takes its place.
    """
    if mark_of(folder)[0] == kind:
        return
    names = sorted(name for name in entries_of(folder) if name != MARK)
    files = {name: _facts(folder / name) for name in names if not name.endswith("/")}
    text = json.dumps({"files": files, "kind": kind}, indent=2, sort_keys=True)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")


def mark_file(path: Path, written: Path) -> None:
    """Note beside a file what is about to be put there.

    Parameters
    ----------
    path : Path
        Where the file will stand.
    written : Path
        Where it is now.

    Raises
    ------
    LeadcastError
        If the mark's own place is taken.
    """
    facts = [_facts(written), *known_contents(path)][:_REMEMBERED]
    mark, own = _mark_beside(path), written.with_name(f".{written.name}.mark.tmp")
    if os.path.lexists(mark) and not known_contents(path):
        raise LeadcastError(f"{mark}: is no mark that Leadcast wrote; move this file away")
    own.write_text(json.dumps({"written": facts}) + "\n", encoding="utf-8")
    own.replace(mark)


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


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "n_bytes": path.stat().st_size}


def agrees(path: Path, facts: object, *, quick: bool) -> bool:
    """Tell whether a file is what a mark says of it.

    Parameters
    ----------
    path : Path
        The file.
    facts : JSON value
        Its ``sha256`` and ``n_bytes``.
    quick : bool
        Whether its size is enough.

    Returns
    -------
    bool
    """
    if not isinstance(facts, dict) or path.stat().st_size != facts.get("n_bytes"):
        return False
    return quick or sha256_of(path) == facts.get("sha256")


def entries_of(folder: Path) -> Iterator[str]:
    """Name everything in a folder that could be lost.

    Parameters
    ----------
    folder : Path
        The folder; links in it are not followed.

    Yields
    ------
    str
        Files, links and empty folders (``a/``), relative to it, at any depth.
    """
    for parent, folders, files in os.walk(folder):
        within = Path(parent)
        if within != folder and not folders and not files:
            yield f"{within.relative_to(folder).as_posix()}/"
        links = [name for name in folders if (within / name).is_symlink()]
        for name in (*files, *links):
            if name not in _OF_FILE_MANAGERS:
                yield (within / name).relative_to(folder).as_posix()


def mark_of(folder: Path) -> tuple[str, Mapping[str, Any]]:
    """Read a folder's mark.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    kind : str
        What it is; empty where it has no mark.
    files : dict of str to JSON value
        What was written there, by its name; None for the mark itself.
    """
    for name in (MARK, _MANIFEST):
        content = _json(folder / name)
        kind, files = content.get("kind"), content.get("files")
        if isinstance(kind, str) and isinstance(files, dict) and (name == MARK or kind == _BUNDLE):
            return kind, {**files, name: None}
    return "", {}


def is_listed(folder: Path, name: str, files: Mapping[str, Any], *, quick: bool) -> bool:
    """Tell whether a mark lists an entry of its folder, as it is now.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        The entry.
    files : dict of str to JSON value
        As `mark_of` gives them.
    quick : bool
        Whether sizes are enough.

    Returns
    -------
    bool
    """
    if name not in files:
        return False
    # The mark lists all files but itself.
    return files[name] is None or (
        (folder / name).is_file() and agrees(folder / name, files[name], quick=quick)
    )


def known_contents(path: Path) -> list[Any]:
    """Read the mark of a file in a user's place.

    Parameters
    ----------
    path : Path
        The file, which need not be there.

    Returns
    -------
    list of JSON values
        What was written there, the newest first, for `agrees`; empty where nothing was.
    """
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
