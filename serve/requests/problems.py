"""Errors as RFC 9457 has them (``application/problem+json``), with the field that is at fault."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse

from leadcast.features.base.errors import FaultsError, LeadcastError

EXAMPLE = "2026-01-05T09:30:00Z"


MEDIA_TYPE = "application/problem+json"
MOST_TOLD = 100
"""How many faults of one request are told."""

LONGEST_NAME = 200
"""More of a name that a caller has sent is not told."""

_NO_TIME = ("string_pattern_mismatch", "timezone_aware", "datetime_parsing")
_BOUNDS = {"too_long": ("at most", "max_length"), "too_short": ("at least", "min_length")}
Place = tuple[str | int, ...]
"""The way to a value in the body: names and indices."""


class FieldFault(BaseModel):
    """One thing wrong with a request."""

    pointer: str = Field(
        description="where, as a JSON Pointer (RFC 6901) into the body",
        examples=["/leads/0/events/3/occurred_at"],
    )
    detail: str = Field(description="what was found, what was expected, and what to do")


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="the kind of problem", examples=["urn:leadcast:invalid"])
    title: str = Field(description="the kind in words")
    status: int = Field(description="the HTTP status", ge=400, le=599)
    detail: str = Field(description="what went wrong this time, and what to do")
    errors: list[FieldFault] = Field([], description="each fault of the request, at most 100")


@dataclass
class Problem(Exception):  # noqa: N818 - the RFC's word
    """A request that is not answered as it was meant."""

    kind: str
    """A short name of the kind, for types, metrics and logs."""
    status: int
    """The HTTP status."""
    detail: str
    """What went wrong, and what to do."""
    faults: Sequence[FieldFault] = ()
    """Where."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """To be added to the answer."""

    def response(self) -> JSONResponse:
        """Give the answer to send."""
        body = ProblemBody(
            type=f"urn:leadcast:{self.kind}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=list(self.faults),
        )
        return JSONResponse(
            body.model_dump(), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE
        )


def faults_of(error: ValidationError, first: int | None = None) -> list[FieldFault]:
    """Tell where and what is wrong with a body, or with a list of leads from the `first` on."""
    found = []
    for one in error.errors(include_url=False):
        place = one["loc"]
        if first is not None and place:
            place = ("leads", first + int(place[0]), *place[1:])
        found.append(FieldFault(pointer=_pointer(place), detail=_words(one)))
    return found


def of_parameter(fault: Mapping[str, Any]) -> str:
    """Tell what is wrong with a query parameter.

    Parameters
    ----------
    fault : mapping of str to Any
        What pydantic found.

    Returns
    -------
    str
        Without what the caller has sent: neither a value nor the name of an unknown parameter.
    """
    if fault["type"] == "extra_forbidden":
        return "found a parameter that is not known; /openapi.json tells those that there are"
    return f"parameter {fault['loc'][-1]!r}: {_words(fault)}"


def of_leads(errors: Iterable[tuple[int, LeadcastError]]) -> Problem:
    """Tell what is wrong with leads that could be read and could not be scored."""
    return invalid(
        FieldFault(pointer=_pointer(("leads", number)), detail=str(words))
        for number, error in errors
        for words in (error.faults if isinstance(error, FaultsError) else [error])
    )


def invalid(faults: Iterable[FieldFault], n_faults: int | None = None) -> Problem:
    """Make one problem of all faults of a request.

    Parameters
    ----------
    faults : iterable of FieldFault
    n_faults : int, optional
        How many there are, where these are but the first of them.

    Returns
    -------
    Problem
    """
    told = list(faults)
    n_faults = len(told) if n_faults is None else n_faults
    more = f"; the first {MOST_TOLD} are listed" if n_faults > MOST_TOLD else ""
    count = "1 fault" if n_faults == 1 else f"{n_faults:,} faults"
    detail = f"the request has {count}{more}; nothing was scored"
    return Problem("invalid", 422, detail, told[:MOST_TOLD])


def _pointer(place: Place) -> str:
    return "".join(
        f"/{shortened(str(part)).replace('~', '~0').replace('/', '~1')}" for part in place
    )


def shortened(name: str) -> str:
    """Cut a name that a caller has sent, so that an answer is not as long as what was asked."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _words(fault: Any) -> str:  # noqa: ANN401 - pydantic's own dictionary
    if fault["type"] == "missing":
        return "found nothing; it is required"
    if fault["type"] == "extra_forbidden":
        return "found a field that is not known here; correct its name, or leave it out"
    if fault["type"] == "bool_parsing":
        return f"found {_kind(fault['input'])}; expected true or false"
    if fault["type"] in _BOUNDS:
        # Of a list or an object; a text's length is told in pydantic's own words.
        bound, key = _BOUNDS[fault["type"]]
        return f"found {fault['ctx']['actual_length']:,}; expected {bound} {fault['ctx'][key]:,}"
    if fault["type"] in _NO_TIME:
        return f"found {_kind(fault['input'])}; expected a time with its zone, as {EXAMPLE}"
    message = str(fault["msg"]).replace("Input should be", "expected")
    return f"found {_kind(fault['input'])}; {message[0].lower()}{message[1:]}"


def _kind(value: object) -> str:
    # The kind and not the value: answers end up in logs, and a lead's data must not.
    kinds: dict[type, str] = {bool: "true or false", str: "a text", dict: "an object"}
    kinds |= {type(None): "null", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a value")
