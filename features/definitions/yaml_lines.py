"""YAML files: as plain data with the line of each key, and against a model, every fault at once.

Of a definition only null is recognised; every other scalar stays a string. So ``no`` is not False,
``01`` is not 1 and a date stays a date, and a value that a definition names is the value that the
export has.
"""

import types
import typing
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.error import YAMLError

from leadcast.features.base.errors import Fault, did_you_mean

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Key = tuple[str | int, ...]

MOST_VALUES = 100_000
"""How many values a file may hold, each counted as often as aliases repeat it."""
WIDTH = 100
"""So long are the lines that are written, where a text can be broken."""
_NULLS = frozenset({"", "~", "null"})
_TOO_MANY = f"more than {MOST_VALUES:,} values"


@dataclass
class ReadYaml:
    """What a YAML file holds.

    Parameters
    ----------
    content : str, None, list or dict
        The data.
    lines : dict of tuple to int
        The line of each key path, from 1.
    faults : list of Fault
        What is wrong with the file itself.
    """

    content: Plain = None
    lines: dict[Key, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line_of(self, key: Key) -> int:
        """Find the line of a key, or of the innermost key around it that the file has.

        Parameters
        ----------
        key : tuple of str and int
            A path.

        Returns
        -------
        int
            From 1.
        """
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def read_yaml(text: str, name: str) -> ReadYaml:
    """Read YAML with the line of each key.

    Parameters
    ----------
    text : str
        The file's text.
    name : str
        The file's name, for messages.

    Returns
    -------
    ReadYaml
        With a fault where the text is not YAML, or a mapping has a key twice.
    """
    return deepcopy(_read(text, name))


# A stage reads the same few files several times, and to parse one takes a tenth of a second.
@lru_cache(maxsize=16)
def _read(text: str, name: str) -> ReadYaml:
    found = ReadYaml()
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        found.faults.append(_not_yaml(error, name))
        return found
    except RecursionError:
        found.faults.append(_too_deep(name, 1))
        return found
    if root is not None:
        found.content = _plain(root, (), found, name, depth=0)
    return found


def plain_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Read YAML with its own types, as the project's parameters are written."""
    return deepcopy(_loaded(text))


# As many as a source has stages, whose outputs are looked up in `dvc.lock` each by itself.
@lru_cache(maxsize=64)
def _loaded(text: str) -> Any:  # noqa: ANN401
    return YAML(typ="safe", pure=True).load(text)


def yaml_text(content: object) -> str:
    """Write plain data as YAML, a line an entry, in the order that it has."""
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.width = False, WIDTH
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(content, text)
    return text.getvalue()


def _plain(node: Node, key: Key, found: ReadYaml, name: str, depth: int) -> Plain:
    found.lines.setdefault(key, node.start_mark.line + 1)
    if depth > 20:
        found.faults.append(_too_deep(name, node.start_mark.line + 1))
        return None
    # A few lines of aliases can stand for billions of values.
    if len(found.lines) > MOST_VALUES:
        if not any(fault.found == _TOO_MANY for fault in found.faults):
            remedy = "Write the values out instead of repeating them by aliases, or split the file."
            line = node.start_mark.line + 1
            found.faults.append(_fault(name, line, _TOO_MANY, "fewer", remedy))
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, key, found, name, depth)
    if isinstance(node, SequenceNode):
        items = enumerate(node.value)
        return [_plain(item, (*key, index), found, name, depth + 1) for index, item in items]
    if isinstance(node, ScalarNode) and node.style is None and node.value in _NULLS:
        return None
    return str(node.value)


def _mapping(
    node: MappingNode, key: Key, found: ReadYaml, name: str, depth: int
) -> dict[str, Plain]:
    content: dict[str, Plain] = {}
    for key_node, value in node.value:
        word = str(key_node.value)
        line = key_node.start_mark.line + 1
        if word in content:
            first = found.lines[*key, word]
            told = f"the key {word!r} for the second time (first in line {first})"
            remedy = "Remove one of the two, or rename it."
            found.faults.append(_fault(name, line, told, "each key once", remedy))
            continue
        found.lines[*key, word] = line
        content[word] = _plain(value, (*key, word), found, name, depth + 1)
    return content


def _fault(name: str, line: int, found: str, expected: str, remedy: str) -> Fault:
    place = f"{name} line {line}" if line else name
    return Fault(place, found, expected, remedy, line=line)


def _too_deep(name: str, line: int) -> Fault:
    found = "more than 20 levels, or an alias that contains itself"
    return _fault(name, line, found, "a few levels", "Write the value out where it is needed.")


def _not_yaml(error: YAMLError, name: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line = 0 if mark is None else mark.line + 1
    remedy = "Look at the indentation and the quotation marks there."
    return _fault(name, line, f"text that is not YAML ({problem})", "YAML", remedy)


Place = Sequence[str | int]


def keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """List the keys that are allowed at a place."""
    here: Any = model
    for part in place:
        here = _step(_bare(here), part)
    here = _bare(here)
    return [it.alias or name for name, it in here.model_fields.items()] if _is_model(here) else []


def _step(here: Any, part: str | int) -> Any:  # noqa: ANN401 - annotations are of any type
    if _is_model(here):
        fields = here.model_fields.items()
        field = next((it for name, it in fields if part in (name, it.alias)), None)
        return None if field is None else field.annotation
    if typing.get_origin(here) is dict:
        return typing.get_args(here)[1]
    if typing.get_origin(here) is tuple:
        return typing.get_args(here)[0]
    variants = typing.get_args(here)
    return next((variant for variant in variants if _is_called(variant, part)), None)


def _bare(here: Any) -> Any:  # noqa: ANN401
    # Neither the metadata of a type nor its being optional has a part in a location.
    while True:
        variants = [one for one in typing.get_args(here) if one is not types.NoneType]
        is_union = typing.get_origin(here) in (typing.Union, types.UnionType)
        if typing.get_origin(here) is typing.Annotated or (is_union and len(variants) == 1):
            here = variants[0]
        else:
            return here


def _is_called(variant: Any, name: str | int) -> bool:  # noqa: ANN401
    if any(isinstance(one, Tag) and one.tag == name for one in typing.get_args(variant)):
        return True
    bare = _bare(variant)
    form = bare.model_fields.get("form") if _is_model(bare) else None
    return form is not None and name in typing.get_args(form.annotation)


def _is_model(here: Any) -> bool:  # noqa: ANN401
    return isinstance(here, type) and issubclass(here, BaseModel)


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class ModelWords:
    """What a file of this kind is called in messages.

    Parameters
    ----------
    kind : str
        With its article: ``"a source definition"``.
    template : str
        The file that explains every key.
    """

    kind: str
    template: str


def validated(
    model: type[Model], read: ReadYaml, path: Path | str, words: ModelWords, faults: list[Fault]
) -> Model | None:
    """Make a model of what a YAML file holds.

    Parameters
    ----------
    model : type of BaseModel
        What the file should hold.
    read : ReadYaml
        The file's content; keys that the model does not know are removed from it.
    path : Path or str
        The file's name, for messages.
    words : ModelWords
        What such a file is called.
    faults : list of Fault
        What is wrong is added to it, in the order of the lines.

    Returns
    -------
    BaseModel or None
        None where the content is not well-formed even without its unknown keys.
    """
    content: Any = read.content
    try:
        return model.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    details.sort(key=lambda detail: read.line_of(key_of(detail, content)))
    faults += [_as_fault(model, detail, read, path, words) for detail in details]
    # Without the unknown keys the rest may be well-formed: then its meaning is checked as well.
    for detail in details:
        if detail["type"] == "extra_forbidden":
            _remove(content, key_of(detail, content))
    try:
        return model.model_validate(content)
    except ValidationError:
        return None


def where(read: ReadYaml, path: Path | str, key: Key) -> str:
    """Say where a key stands: file, line and the key's dotted path.

    Parameters
    ----------
    read : ReadYaml
        Knows the lines.
    path : Path or str
        The file's name.
    key : tuple of str and int
        The key.

    Returns
    -------
    str
        ``"file.yaml line 12: tables.leads.read"``.
    """
    place = f"{path} line {read.line_of(key)}"
    return f"{place}: {dotted(key)}" if key else place


def dotted(key: Key) -> str:
    """Write a key as people do: ``"snapshots.landmarks_days[0]"``."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return words.removeprefix(".")


def key_of(detail: ErrorDetails, content: Plain) -> Key:
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


def _as_fault(
    model: type[BaseModel],
    detail: ErrorDetails,
    read: ReadYaml,
    path: Path | str,
    words: ModelWords,
) -> Fault:
    key = key_of(detail, read.content)
    place, line = where(read, path, key), read.line_of(key)
    if detail["type"] == "extra_forbidden":
        return Fault(
            where=place,
            line=line,
            found=f"the unknown key {key[-1]!r}",
            expected=f"a key that {words.kind} has",
            remedy=did_you_mean(str(key[-1]), keys_at(model, detail["loc"][:-1])),
        )
    if detail["type"] in ("missing", "union_tag_not_found"):
        name = "form" if detail["type"] == "union_tag_not_found" else key[-1]
        return Fault(
            where=place,
            line=line,
            found=f"no key {name!r}",
            expected="this key",
            remedy=f"Add it; {words.template} explains it.",
        )
    return Fault(
        where=place,
        line=line,
        found=_shown(detail["input"]),
        expected=_lower_first(detail["msg"].removeprefix("Value error, ")),
        remedy=f"{words.template} explains this key.",
    )


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
