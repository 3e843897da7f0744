"""A YAML file against a pydantic model: every fault at once, each with its line.

Which keys a model has at a place that a validation error names.
"""

import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.features.definitions.yaml_lines import Key, Plain, ReadYaml

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
    details.sort(key=lambda detail: read.line_of(_key_of(detail, content)))
    faults += [_as_fault(model, detail, read, path, words) for detail in details]
    # Without the unknown keys the rest may be well-formed: then its meaning is checked as well.
    for detail in details:
        if detail["type"] == "extra_forbidden":
            _remove(content, _key_of(detail, content))
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
    return f"{place}: {_dotted(key)}" if key else place


def _dotted(key: Key) -> str:
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return words.removeprefix(".")


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


def _as_fault(
    model: type[BaseModel],
    detail: ErrorDetails,
    read: ReadYaml,
    path: Path | str,
    words: ModelWords,
) -> Fault:
    key = _key_of(detail, read.content)
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
