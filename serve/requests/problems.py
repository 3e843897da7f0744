"""Errors as RFC 9457 has them (``application/problem+json``), with the field that is at fault.

Times in requests: texts with a zone, and nothing else that could pass for a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema
from starlette.responses import JSONResponse

from leadcast.features.base.errors import FaultsError, LeadcastError

EXAMPLE = "2026-01-05T09:30:00Z"


class Rfc3339:
    """Marks a datetime that is given as RFC 3339 has it, such as 2026-01-05T09:30:00Z."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: Any,  # noqa: ANN401 - pydantic's signature
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Read a text that begins with a year, and then as a time: "1700000000" is none."""
        return core_schema.chain_schema(
            [
                core_schema.str_schema(pattern=r"^\d{4}-\d", max_length=40, strict=True),
                core_schema.datetime_schema(tz_constraint="aware", strict=False),
            ]
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Mapping[str, object]:
        """Tell what is read, as JSON Schema."""
        return {"type": "string", "format": "date-time", "examples": [EXAMPLE]}


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
    """A request that is not answered as it was meant.

    Parameters
    ----------
    kind : str
        A short name of the kind, for types, metrics and logs.
    status : int
        The HTTP status.
    detail : str
        What went wrong, and what to do.
    faults : sequence of FieldFault
        Where.
    headers : mapping of str to str
        To be added to the answer.
    """

    kind: str
    status: int
    detail: str
    faults: Sequence[FieldFault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

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


def of_body(error: ValidationError) -> Problem:
    """Tell what is wrong with a body."""
    found = error.errors(include_url=False)
    if found[0]["type"] == "json_invalid":
        return Problem("no-json", 400, f"the body is not valid JSON: {_where(found[0]['msg'])}")
    return invalid(faults_of(error))


def faults_of(error: ValidationError, first: int | None = None) -> list[FieldFault]:
    """Tell where and what is wrong with a body, or with a list of some of its leads."""
    return [
        FieldFault(pointer=_pointer(_in_body(one["loc"], first)), detail=_words(one))
        for one in error.errors(include_url=False)
    ]


def _in_body(place: Place, first: int | None) -> Place:
    if first is None or not place:
        return place
    return ("leads", first + int(place[0]), *place[1:])


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
        FieldFault(pointer=_pointer(("leads", number)), detail=words)
        for number, error in errors
        for words in _all_words(error)
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


def _all_words(error: LeadcastError) -> list[str]:
    if isinstance(error, FaultsError):
        return [str(fault) for fault in error.faults]
    return [str(error)]


def _where(message: str) -> str:
    return message.removeprefix("Invalid JSON: ")


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
