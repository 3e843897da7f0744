"""What Leadcast may replace: only what it wrote itself and nobody has changed since.

A folder that Leadcast wrote carries the mark `MARK` (a bundle its manifest, which says the same):
what kind of folder it is, and the hash of every file in it. It is replaced by one of its kind, and
only while it holds nothing else, so that a file that somebody has put there is never lost.

A file in a place that a user named has a mark beside it, ``.NAME.leadcast``, with the hashes of
what was written there last. Where the file is another one by now, somebody has edited or replaced
it. A run's own files (``data/runs/NAME/...``) and working files need no mark.
"""

import hashlib
import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG
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


_WORKING = (".tmp", ".work")
SOURCES, RULES, RUNS = Path("data/sources"), Path("data/rules"), Path("data/runs")
"""Of a project: the source definitions, the points tables, and the results, a folder a source."""
CHAMPIONS = Path("data/champion")
"""Likewise the models that are in use, a folder a source."""
PARAMS = Path("params.yaml")
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_PROJECT_FILES = (PARAMS.name, "dvc.yaml", "dvc.lock")

_UNMARKED: Mapping[str, Sequence[str]] = {
    "tables": (
        *("leads.parquet", "outcomes.parquet", "quarantine.parquet", "events/part-*.parquet"),
        *("tables.json", "quality.json"),
    ),
    "learner": (
        *("learner.json", "shape_*_seed_*.txt"),
        *("member_*/learner.json", "member_*/shape_*_seed_*.txt"),
    ),
    "comparison": ("comparison.json", "leads.parquet", "rules.json", "earlier.json"),
    "plots": ("*.svg",),
}
"""What runs before marks were written hold in these folders."""


def refuse_foreign_folder(
    folder: Path, kind: str, *, quick: bool = False, is_named: bool = False
) -> None:
    """Refuse to replace a folder that is not Leadcast's own, or holds what is not.

    Parameters
    ----------
    folder : Path
        Where a folder is wanted.
    kind : str
        Of the folder that is to be written, as `mark_folder` names it; empty for one without a
        mark, which takes no other's place.
    quick : bool
        Whether sizes are enough, and hashes are left for later.
    is_named : bool
        Whether a user named this place, so that nothing in it is taken for a run's without a mark.

    Raises
    ------
    LeadcastError
        If there is anything but an empty folder or an unchanged one of this kind; names what it
        holds, and what to do.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise LeadcastError(
            f"{folder}: is no folder, but a file or a link; name another folder, or move it away"
        )
    names = sorted(entries_of(folder))
    if not names:
        return
    found, files = mark_of(folder)
    is_run = not is_named and _is_in_run(folder)
    if not found and kind in _UNMARKED and is_run and folder.name == kind:
        strange = [name for name in names if not _fits(name, _UNMARKED[kind])]
    elif not found or found != kind:
        what = (
            f"holds Leadcast's {found}" if found else f"holds {names[0]}, and no mark of Leadcast's"
        )
        raise LeadcastError(
            f"{folder}: {what}; a folder of another's is never replaced. Name another one, or move "
            "this one away"
        )
    else:
        strange = [name for name in names if not is_listed(folder, name, files, quick=quick)]
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise LeadcastError(
            f"{folder}: holds {strange[0]}{more}, which Leadcast did not write or somebody has "
            "changed since; move it out of this folder, which is about to be replaced, and begin "
            "again"
        )
    if not is_run:
        # DVC's own way is to let git track small results.
        _refuse_tracked(folder)


def refuse_foreign_file(path: Path, *, force: bool = False, quick: bool = False) -> None:
    """Refuse to replace a file in a user's place, unless Leadcast wrote it and it is unchanged.

    Parameters
    ----------
    path : Path
        Where a file is wanted.
    force : bool
        Whether the user wants a file of another's to be replaced; definitions and what git
        tracks are not.
    quick : bool
        Whether sizes are enough, and hashes are left for later.

    Raises
    ------
    LeadcastError
        If something else stands there; tells what to do.
    """
    _refuse_member(path)
    if not os.path.lexists(path):
        return
    if path.is_dir():
        raise LeadcastError(f"{path}: is a folder; name a file")
    if not path.is_symlink() and not S_ISREG(path.stat().st_mode):
        raise LeadcastError(f"{path}: is no ordinary file; name another one")
    known = known_contents(path)
    is_own = path.is_file() and any(agrees(path, one, quick=quick) for one in known)
    if not is_own and _is_definition(path):
        raise LeadcastError(
            f"{path}: is a definition or the project's parameters, which no output replaces; name "
            "another file"
        )
    _refuse_tracked(path)
    if not is_own and not force:
        whose = "has been changed since Leadcast wrote it" if known else "is not Leadcast's own"
        raise LeadcastError(
            f"{path}: there is such a file already, and it {whose}; name another file, move this "
            "one away, or replace it with --force"
        )


def _refuse_member(path: Path) -> None:
    """Refuse a file in a folder that is written as a whole, which would be nobody's afterwards."""
    place = _place(path)
    for folder in place.parents:
        kind, _ = mark_of(folder)
        if kind:
            raise LeadcastError(
                f"{path}: lies in {folder}, which Leadcast writes as a whole ({kind}) and "
                "could not replace any more; name a file outside it"
            )


def refuse_unmarked_file(path: Path) -> None:
    """Refuse to replace a file that is neither a run's nor a working file, and has no mark."""
    if not _is_in_run(path) and not _is_working(path):
        refuse_foreign_file(path)


def refuse_inputs(outputs: Sequence[Path | None], inputs: Sequence[Path | None]) -> None:
    """Refuse outputs that are inputs or other outputs of the same command, by whatever name.

    Parameters
    ----------
    outputs : sequence of Path or None
        Files and folders that are to be written; None for those that are not asked for.
    inputs : sequence of Path or None
        Files and folders that are read. An output within one of the folders is refused as well.

    Raises
    ------
    LeadcastError
        Names the first output that is one, by its path, a link or a hard link.
    """
    read = [(path, path.resolve(), _identity(path)) for path in inputs if path is not None]
    wanted = [out for out in outputs if out is not None]
    for out, other in itertools.permutations(wanted, 2):
        if out.resolve().is_relative_to(other.resolve()):
            raise LeadcastError(
                f"{out}: is another output of this command too, or lies in one ({other}); name a "
                "place of its own for each"
            )
    for out in wanted:
        place, identity = out.resolve(), _identity(out)
        for path, resolved, own in read:
            if place.is_relative_to(resolved) or (identity is not None and identity == own):
                raise LeadcastError(
                    f"{out}: is an input, or lies in one ({path}), which would be lost; name "
                    "another output"
                )


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(
        name.count("/") == pattern.count("/") and fnmatchcase(name, pattern) for pattern in patterns
    )


def _is_in_run(path: Path) -> bool:
    """Tell whether a file or folder is a result of one of this project's own runs."""
    # What a folder is called says nothing: other projects have runs too, and `..` leads elsewhere.
    place, runs = _place(path), RUNS.resolve()
    # A run's curves are files of their own in a folder of theirs.
    return place.is_relative_to(runs) and len(place.relative_to(runs).parts) in (2, 3)


def _place(path: Path) -> Path:
    """Find where a path leads; of a link where it stands, as it is the link that is replaced."""
    return path.parent.resolve() / path.name if path.is_symlink() else path.resolve()


def _is_working(path: Path) -> bool:
    names = [parent.name for parent in _place(path).parents]
    return any(name.startswith(".") and name.endswith(_WORKING) for name in names)


def _is_definition(path: Path) -> bool:
    place = path.resolve()
    return place.name in _PROJECT_FILES or (
        place.suffix in (".yaml", ".yml")
        and place.parent.parts[-2:] in (SOURCES.parts, RULES.parts)
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refuse_tracked(path: Path) -> None:
    place = _place(path)
    if not any((parent / ".git").exists() for parent in place.parents):
        return
    # A repository's own configuration must run nothing here.
    ask = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--", f":(literal){place.name}"]
    # Within git's own hooks these name another repository, or another index.
    environment = {key: value for key, value in os.environ.items() if key not in _OF_HOOKS}
    try:
        done = subprocess.run(ask, cwd=place.parent, capture_output=True, env=environment)
    except OSError:
        told = "git cannot be started"
    else:
        told = done.stderr.decode(errors="replace").strip() if done.returncode else ""
        told = told or ("git failed" if done.returncode else "")
        if not told and not done.stdout:
            return
    if told:
        raise LeadcastError(
            f"{path}: lies in a git repository, and whether git tracks it cannot be told "
            f"({' '.join(told.split())}); it is not replaced. Let git answer there, or name a "
            "place outside the repository"
        )
    raise LeadcastError(
        f"{path}: is tracked by git, or holds what is; no output replaces it. Name another "
        f"one, or let git forget it first (git rm -r --cached {place.name})"
    )
