"""Taking a person out of Leadcast's own files: rows, entries, or all of what is made again."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.files import written_out, written_whole
from leadcast.features.base.ownership import mark_of
from leadcast.features.forgetting.person import Person

GONE = "(forgotten)"
"""Stands where a text named the person."""


def cleaned(path: Path, to: Path, person: Person) -> bool:
    """Write a file anew without a person.

    Parameters
    ----------
    path : Path
        Parquet, CSV, JSON or lines of JSON.
    to : Path
        Where to write it; does not exist yet.
    person : Person

    Returns
    -------
    bool
        Whether it could be: not for a file of another kind, of which nothing is written.
    """
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        frame.filter(~person.rows(frame)).write_parquet(to)
    elif path.suffix == ".csv":
        frame = pl.read_csv(path, infer_schema=False)
        frame.filter(~person.rows(frame)).write_csv(to)
    elif path.suffix == ".json":
        content = _without(json.loads(path.read_text(encoding="utf-8")), person)
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
        to.write_text(text + "\n", encoding="utf-8")
    elif path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not _is_person(json.loads(line), person)]
        to.write_text("".join(kept), encoding="utf-8")
    else:
        return False
    return True


def _without(content: Any, person: Person) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(content, list):
        return [_without(one, person) for one in content if not _is_person(one, person)]
    if isinstance(content, dict):
        return {
            key: _without(one, person)
            for key, one in content.items()
            if not person.in_text(key.encode()) and key not in person.lead_ids
        }
    if isinstance(content, str) and person.in_text(content.encode()):
        return GONE
    return content


def _is_person(one: Any, person: Person) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether an entry of a list is about the person: it says so itself, not what is in it."""
    if isinstance(one, str):
        return one in person.distinctive_ids or person.in_text(one.encode())
    if not isinstance(one, dict):
        return False
    if any(str(one.get(name)) in person.lead_ids for name in person.id_columns if name in one):
        return True
    return any(isinstance(value, str) and person.in_text(value.encode()) for value in one.values())


def clean_file(path: Path, person: Person, *, is_named: bool = False) -> bool:
    """Put a file without the person in the place of one with it, whole or not at all.

    Parameters
    ----------
    path : Path
        A file of Leadcast's own.
    person : Person
    is_named : bool
        Whether a user named its place, so that its mark is renewed.

    Returns
    -------
    bool
        Whether it could be cleaned.
    """
    with written_out(path) if is_named else written_whole(path, replacing=True) as temporary:
        if cleaned(path, temporary, person):
            return True
        # Left as it was: what is put in its place is its copy.
        shutil.copyfile(path, temporary)
    return False


def clean_folder(
    folder: Path,
    person: Person,
    found: set[Path],
    finish: Callable[[Path], None] | None = None,
) -> None:
    """Put a folder of Leadcast's without the person in the place of one with it, in one step.

    Parameters
    ----------
    folder : Path
        With a mark.
    person : Person
    found : set of Path
        The files of it in which the person stands; what cannot be cleaned is left out, the other
        files are linked.
    finish : callable, optional
        Called with the new folder before it is put in place, to make anew what others carry of
        the person; it must not write into a file, which may be a link.
    """
    kind, _ = mark_of(folder)
    with written_whole(folder, kind) as temporary:
        for parent, _folders, files in os.walk(folder):
            place = temporary / Path(parent).relative_to(folder)
            place.mkdir(parents=True, exist_ok=True)
            for name in files:
                old, new = Path(parent) / name, place / name
                if old in found:
                    cleaned(old, new, person)
                elif not name.startswith(".leadcast"):
                    _linked(old, new)
        if finish is not None:
            finish(temporary)


def _linked(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)
