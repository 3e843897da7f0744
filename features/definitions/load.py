"""Reading a source definition from its file, with all its faults at once."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, nearest_first
from leadcast.features.base.files import read_text
from leadcast.features.base.ownership import RULES, RUNS, SOURCES
from leadcast.features.definitions.consistency import consistency_faults
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.yaml_lines import (
    Key,
    ModelWords,
    Plain,
    ReadYaml,
    read_yaml,
    validated,
    where,
)

_TEMPLATE = "template"
_WORDS = ModelWords("a source definition", f"{SOURCES}/{_TEMPLATE}.yaml")
_TAKEN = (SOURCES.name, RULES.name, RUNS.name)
"""Folders of ``data`` that are no source's."""
TO_DO = "TO DO"
"""Begins a value that somebody has still to decide, in what `leadcast init` has drafted."""
_held: ContextVar[SourceDefinition | None] = ContextVar("held definition", default=None)
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def load_definition(path: Path) -> SourceDefinition:
    """Read a source definition and check it against itself; no data is read."""
    read = read_yaml(read_text(path), str(path))
    faults = list(read.faults)
    definition = None
    if isinstance(read.content, dict):
        left_open = [*_left_open(read, path)]
        if left_open:
            raise FaultsError(f"source definition {path}", [*faults, *left_open])
        _resolve_root(read, path, faults)
        definition = validated(SourceDefinition, read, path, _WORDS, faults)
    elif not faults:
        faults.append(_no_mapping(path))
    if definition is not None:
        faults += consistency_faults(definition, lambda key: where(read, path, key))
        faults += _simulated_elsewhere(read, path, definition)
        if definition.name != path.stem:
            faults.append(_misnamed(read, path, definition.name))
    if faults or definition is None:
        raise FaultsError(f"source definition {path}", faults)
    definition._file = path
    return definition


def find_definition(name: str, folder: Path = SOURCES) -> SourceDefinition:
    """Read the definition of a source by its name.

    Parameters
    ----------
    name : str
        The name of a file in `folder`, without its ending.
    folder : Path
        Where the definitions are.

    Returns
    -------
    SourceDefinition

    Raises
    ------
    LeadcastError
        If there is no such source: lists the names there are, the nearest first.
    FaultsError
        If its definition has faults.
    """
    held = _held.get()
    if held is not None and held.name == name:
        return held
    names = source_names(folder)
    if name not in names and name != _TEMPLATE:
        known = ", ".join(nearest_first(name, names)) or "none"
        raise LeadcastError(
            f"there is no source {name!r} in {folder}; there are: {known}. To add one, "
            f"let `leadcast init NAME FOLDER` draft it, or copy {folder / 'template.yaml'} to "
            f"{folder / 'NAME.yaml'} and fill it in"
        )
    return load_definition(folder / f"{name}.yaml")


@contextmanager
def holding_definition(definition: SourceDefinition) -> Iterator[None]:
    """Let `find_definition` give a definition that is in no file, to the caller's thread alone."""
    token = _held.set(definition)
    try:
        yield
    finally:
        _held.reset(token)


def source_names(folder: Path = SOURCES) -> list[str]:
    """List the sources there are."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != _TEMPLATE)


def _left_open(read: ReadYaml, path: Path) -> Iterator[Fault]:
    """Find what a draft has left to a person to decide."""
    waiting: list[tuple[Key, Plain]] = [((), read.content)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*key, name), one) for name, one in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*key, index), one) for index, one in reversed([*enumerate(value)])]
        elif isinstance(value, str) and value.startswith(f"{TO_DO}: "):
            yield Fault(
                where=where(read, path, key),
                found=value,
                expected="a decision that only you can make",
                remedy="Put the right value in its place, or ask whoever knows the export.",
                line=read.line_of(key),
            )


def _resolve_root(read: ReadYaml, path: Path, faults: list[Fault]) -> None:
    content = read.content
    if not isinstance(content, dict) or not isinstance(content.get("root"), str):
        return
    root = str(content["root"])
    for variable in _VARIABLE.finditer(root):
        if variable["default"] is None and not os.environ.get(variable["name"]):
            faults.append(
                Fault(
                    where=where(read, path, ("root",)),
                    found=f"the environment variable {variable['name']}, which is not set",
                    expected="a variable that is set, or a default",
                    remedy=f"Set it, or write ${{{variable['name']}:-some/folder}}.",
                )
            )
    resolved = _VARIABLE.sub(lambda it: os.environ.get(it["name"]) or it["default"] or "", root)
    content["root"] = os.path.normpath(_project_of(path) / Path(resolved).expanduser())


def _project_of(path: Path) -> Path:
    folder = path.resolve().parent
    return folder.parent.parent if folder.parts[-2:] == SOURCES.parts else Path.cwd()


def _simulated_elsewhere(
    read: ReadYaml, path: Path, definition: SourceDefinition
) -> Iterator[Fault]:
    """Let a simulator write to a folder of its own below the project's ``data`` alone."""
    if definition.simulation is None:
        return
    data, root = (_project_of(path) / "data").resolve(), definition.root.resolve()
    within = root.relative_to(data).parts if root.is_relative_to(data) else ()
    if not within or within[0] in _TAKEN:
        yield Fault(
            where=where(read, path, ("root",)),
            found=f"{root}, to which `simulation` would write a simulated world",
            expected=f"a folder of the source's own below {data}, as data/{definition.name}",
            remedy="Name such a folder; or remove the key `simulation`, if these data are yours.",
        )


def _no_mapping(path: Path) -> Fault:
    return Fault(
        where=str(path),
        found="no keys",
        expected="the keys of a source definition",
        remedy=f"Start from {SOURCES}/{_TEMPLATE}.yaml.",
    )


def _misnamed(read: ReadYaml, path: Path, name: str) -> Fault:
    return Fault(
        where=where(read, path, ("name",)),
        found=f"the name {name!r}",
        expected=f"{path.stem!r}, as the file is called",
        remedy="Rename the one or the other.",
    )
