"""Reading a source definition from its file, with all its faults at once."""

import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from features.errors import Fault, FaultsError, LeadcastError
from features.sources.consistency import consistency_faults
from features.sources.definition import SourceDefinition
from features.sources.model_keys import keys_at
from features.sources.names import did_you_mean, nearest_first
from features.sources.yaml_lines import Key, Plain, ReadYaml, read_yaml

SOURCES = Path("data/sources")
_TEMPLATE = "template"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def load_definition(path: Path) -> SourceDefinition:
    """Read a source definition and check it against itself; no data is read.

    Parameters
    ----------
    path : Path
        The YAML file. Its `root` is relative to the project (the folder above ``data/sources``),
        or to the working folder where the file lies elsewhere.

    Returns
    -------
    SourceDefinition

    Raises
    ------
    FaultsError
        With every fault of the file: the line, the key, and the nearest key for a misspelt one.
    LeadcastError
        If the file cannot be read.
    """
    read = read_yaml(_text_of(path), str(path))
    faults = list(read.faults)
    definition = None
    if isinstance(read.content, dict):
        _resolve_root(read, path, faults)
        definition = _validated(read, path, faults)
    elif not faults:
        faults.append(_no_mapping(path))
    if definition is not None:
        faults += consistency_faults(definition, lambda key: _where(read, path, key))
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
    names = source_names(folder)
    if name not in names and name != _TEMPLATE:
        known = ", ".join(nearest_first(name, names)) or "none"
        raise LeadcastError(
            f"there is no source {name!r} in {folder}; there are: {known}. To add one, copy "
            f"{folder / 'template.yaml'} to {folder / 'NAME.yaml'} and fill it in"
        )
    return load_definition(folder / f"{name}.yaml")


def source_names(folder: Path = SOURCES) -> list[str]:
    """List the sources there are.

    Parameters
    ----------
    folder : Path
        Where the definitions are.

    Returns
    -------
    list of str
        In alphabetical order, without the template.
    """
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != _TEMPLATE)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LeadcastError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LeadcastError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from None


def _where(read: ReadYaml, path: Path, key: Key) -> str:
    place = f"{path} line {read.line_of(key)}"
    return f"{place}: {_dotted(key)}" if key else place


def _dotted(key: Key) -> str:
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return words.removeprefix(".")


def _resolve_root(read: ReadYaml, path: Path, faults: list[Fault]) -> None:
    content = read.content
    if not isinstance(content, dict) or not isinstance(content.get("root"), str):
        return
    root = str(content["root"])
    for variable in _VARIABLE.finditer(root):
        if variable["default"] is None and not os.environ.get(variable["name"]):
            faults.append(
                Fault(
                    where=_where(read, path, ("root",)),
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


def _validated(read: ReadYaml, path: Path, faults: list[Fault]) -> SourceDefinition | None:
    content: Any = read.content
    try:
        return SourceDefinition.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    details.sort(key=lambda detail: read.line_of(_key_of(detail, content)))
    faults += [_as_fault(detail, read, path) for detail in details]
    # Without the unknown keys the rest may be well-formed: then its meaning is checked as well.
    for detail in details:
        if detail["type"] == "extra_forbidden":
            _remove(content, _key_of(detail, content))
    try:
        return SourceDefinition.model_validate(content)
    except ValidationError:
        return None


def _key_of(detail: ErrorDetails, content: Plain) -> Key:
    """Follow an error's location through the data, leaving out pydantic's names of variants."""
    key: list[str | int] = []
    here: Any = content
    *inner, last = detail["loc"] or ("",)
    for part in inner:
        if _has(here, part):
            key.append(part)
            here = here[part]
    if detail["type"] in ("missing", "extra_forbidden") or _has(here, last):
        key.append(last)
    return tuple(part for part in key if part != "")


def _has(here: object, part: str | int) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def _remove(content: Any, key: Key) -> None:  # noqa: ANN401 - plain data of any shape
    for part in key[:-1]:
        content = content[part]
    del content[key[-1]]


def _as_fault(detail: ErrorDetails, read: ReadYaml, path: Path) -> Fault:
    key = _key_of(detail, read.content)
    where = _where(read, path, key)
    if detail["type"] == "extra_forbidden":
        return Fault(
            where=where,
            found=f"the unknown key {key[-1]!r}",
            expected="a key that a source definition has",
            remedy=did_you_mean(str(key[-1]), keys_at(SourceDefinition, detail["loc"][:-1])),
        )
    if detail["type"] in ("missing", "union_tag_not_found"):
        name = "form" if detail["type"] == "union_tag_not_found" else key[-1]
        return Fault(
            where=where,
            found=f"no key {name!r}",
            expected="this key",
            remedy="Add it; data/sources/template.yaml explains it.",
        )
    return Fault(
        where=where,
        found=_shown(detail["input"]),
        expected=_lower_first(detail["msg"].removeprefix("Value error, ")),
        remedy="data/sources/template.yaml explains this key.",
    )


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _no_mapping(path: Path) -> Fault:
    return Fault(
        where=str(path),
        found="no keys",
        expected="the keys of a source definition",
        remedy="Start from data/sources/template.yaml.",
    )


def _misnamed(read: ReadYaml, path: Path, name: str) -> Fault:
    return Fault(
        where=_where(read, path, ("name",)),
        found=f"the name {name!r}",
        expected=f"{path.stem!r}, as the file is called",
        remedy="Rename the one or the other.",
    )
