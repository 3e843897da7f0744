"""Which keys a model has at a place that a validation error names."""

import types
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Tag

Place = Sequence[str | int]


def keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """List the keys that are allowed at a place.

    Parameters
    ----------
    model : type of BaseModel
        Where the place begins.
    place : sequence of str and int
        A location of pydantic's errors, with its names of variants.

    Returns
    -------
    list of str
        Empty where the place holds no keys of a model.
    """
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
