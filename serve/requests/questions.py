"""What may be asked: the shape of a request, made from what a bundle's leads look like."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Required

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, with_config
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

from leadcast.serve.requests.problems import Rfc3339
from leadcast.serve.requests.reading import Reader, RequestQuestion
from leadcast.serve.requests.settings import RequestLimits
from leadcast.serve.requests.turns import Turn
from leadcast.serve.scorer import Scorer

LONGEST_TEXT = 10_000
_SCHEMAS = "#/components/schemas/{model}"
# Strict, because "12" is no number, and neither is true.
_KNOWN_ONLY = ConfigDict(extra="forbid", strict=True)

Time = Annotated[datetime, Rfc3339]
Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
_MOMENT = Annotated[
    Time | None, Field(description="the moment for leads that have none of their own; else now")
]
_TYPES: Mapping[str, Any] = {
    "number": Number | None,
    "flag": bool | None,
    "time": Time | None,
}


@with_config(_KNOWN_ONLY)
class Event(TypedDict, total=False):
    """Something that a lead did, or that was done with it."""

    occurred_at: Required[Annotated[Time, Field(description="when")]]
    event_type: Required[Annotated[Name, Field(description="what kind")]]
    value: Annotated[Number | None, Field(description="how much, where the kind has a value")]


class Questions:
    """Reads requests for a bundle's scores.

    Parameters
    ----------
    scorer : Scorer
        Tells the attributes and whether leads have dates.
    limits : RequestLimits
        How much may be asked.
    """

    def __init__(self, scorer: Scorer, limits: RequestLimits) -> None:
        lead: Any = _lead(scorer, limits)
        leads: Any = list.__class_getitem__(lead)
        self.attributes = scorer.bundle.manifest.origin.attribute_types
        self._adapter: TypeAdapter[Any] = TypeAdapter(_question(leads, limits))
        self._reader = Reader(
            self._adapter,
            TypeAdapter(_typed("Frame", {"leads": Required[list[Any]], "as_of": _MOMENT})),
            TypeAdapter(leads, config=ConfigDict(strict=True)),
            self.attributes,
            limits,
        )
        self.example = example_question(scorer)

    async def read(self, body: bytes, turn: Turn) -> RequestQuestion:
        """Read a request's body.

        Parameters
        ----------
        body : bytes
            JSON.
        turn : Turn
            Others are let in after every few leads.

        Returns
        -------
        Question

        Raises
        ------
        Problem
            400 where it is no JSON, else 422 with all faults; of each lead's events the first
            faulty one only, so that a large request cannot make an answer that is larger still.
        """
        return await self._reader.read(body, turn)

    def schemas(self) -> dict[str, Any]:
        """Give the JSON Schemas of a request and its parts, by name, as OpenAPI has them."""
        schema = self._adapter.json_schema(
            ref_template=_SCHEMAS, schema_generator=GenerateJsonSchema
        )
        parts: dict[str, Any] = schema.pop("$defs")
        return parts | {schema["title"]: schema}


def example_question(scorer: Scorer) -> dict[str, Any]:
    """Make a request that a bundle's service can answer, as JSON values."""
    leads = [
        _nested({name: value for name, value in row.items() if value is not None})
        for row in scorer.example().to_dicts()
    ]
    return {"leads": leads}


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    own = {name: row.pop(name) for name in ("lead_id", "created_at", "as_of") if name in row}
    events = json.loads(row.pop("events", "[]"))
    return own | {"attributes": row, "events": events}


def _question(leads: Any, limits: RequestLimits) -> Any:  # noqa: ANN401 - types made at run time
    told = Field(
        min_length=1,
        max_length=limits.max_leads,
        description="whom to score; each once a moment",
    )
    return _typed("ScoreRequest", {"leads": Required[Annotated[leads, told]], "as_of": _MOMENT})


def _lead(scorer: Scorer, limits: RequestLimits) -> Any:  # noqa: ANN401 - a type made at run time
    known = scorer.bundle.manifest.origin.attribute_types
    attributes = _typed(
        "Attributes",
        {name: _TYPES.get(kind, Text | None) for name, kind in known.items()},
        extra="allow",
    )
    told = Field(description="when the lead came to be")
    return _typed(
        "Lead",
        {
            "lead_id": Required[Annotated[Name, Field(description="the lead's id, given back")]],
            "created_at": Required[Annotated[Time, told]]
            if scorer.is_dated
            else Annotated[Time | None, told],
            "as_of": Annotated[Time | None, Field(description="the moment to score it at")],
            "attributes": Annotated[attributes, Field(description="who it is, by column")],
            "events": Annotated[
                list[Event],
                Field(max_length=limits.max_events, fail_fast=True, description="in any order"),
            ],
        },
    )


def _typed(name: str, fields: Mapping[str, Any], extra: Any = "forbid") -> Any:  # noqa: ANN401
    made = TypedDict(name, dict(fields), total=False)  # type: ignore[misc]  # noqa: UP013
    return with_config(ConfigDict(extra=extra, strict=True))(made)
