"""What may be asked: the shape of a request, made from what a bundle's leads look like.

A body is read in pieces of a few leads, so that none holds the worker for long.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Required

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    with_config,
)
from pydantic_core import core_schema
from typing_extensions import TypedDict

from leadcast.features.accounts.account_history import MOST_EVENTS, MOST_LEADS
from leadcast.features.changes.attribute_changes import tracked
from leadcast.features.tables import CHANGES
from leadcast.serve.plain_tables import canonical_id
from leadcast.serve.requests.body_scan import END, NAMES, START, VALUES, Scan, scan
from leadcast.serve.requests.problems import (
    EXAMPLE,
    MOST_TOLD,
    FieldFault,
    Problem,
    faults_of,
    invalid,
)
from leadcast.serve.requests.settings import RequestLimits
from leadcast.serve.requests.turns import LARGE_BYTES, Turn
from leadcast.serve.scorer import Scorer

LONGEST_TEXT = 10_000
PIECE_BYTES, PIECE_VALUES = 65_536, 5_000
"""Leads are read together until they are so much."""
_VALUES_OF_EVENT = 4
_SIGNS_OF_EVENT = 3
_MOST_RECORDS = 50
_AT = re.compile(r" at line (\d+) column (\d+)$")
_LEAVE_OUT = "leave out what the model does not know"
SCHEMAS = "#/components/schemas/{model}"
# Strict, because "12" is no number, and neither is true.
_KNOWN_ONLY = ConfigDict(extra="forbid", strict=True)


# A text that begins with a year, and then a time with its zone: "1700000000" is none.
_RFC_3339 = core_schema.chain_schema(
    [
        core_schema.str_schema(pattern=r"^\d{4}-\d", max_length=40, strict=True),
        core_schema.datetime_schema(tz_constraint="aware", strict=False),
    ]
)
Time = Annotated[
    datetime,
    GetPydanticSchema(lambda _source, _handler: _RFC_3339),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE]}),
]
"""Given as RFC 3339 has it, such as 2026-01-05T09:30:00Z."""
Number = Annotated[float, Field(allow_inf_nan=False)]
_LARGEST_ID = 2**63 - 1


def _lead_id(value: Any) -> Any:  # noqa: ANN401 - what JSON has
    """Take a whole number for its digits, as all who read leads do."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) > _LARGEST_ID:
        raise ValueError("found a number too large; expected the lead's id as a text")
    text, problem = canonical_id(value)
    if problem is not None:
        raise ValueError(f"found {value!r}, which {problem}; expected a text or a whole number")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_LEAD_ID = Annotated[
    Name,
    BeforeValidator(_lead_id),
    WithJsonSchema(
        {"type": ["string", "integer"], "minLength": 1, "maxLength": 200}
        | {"minimum": -_LARGEST_ID, "maximum": _LARGEST_ID}
    ),
]
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


@with_config(_KNOWN_ONLY)
class SignedEventBody(Event, total=False):
    """An event with what tells machines from people."""

    user_agent: Annotated[Text | None, Field(description="of the browser or machine")]
    ip_address: Annotated[Text | None, Field(description="from where")]
    filtered: Annotated[bool | None, Field(description="whether the CRM marks it as a machine's")]


@with_config(_KNOWN_ONLY)
class AttributeChange(TypedDict, total=False):
    """One change of one of the lead's attributes."""

    changed_at: Required[Annotated[Time, Field(description="when")]]
    attribute: Required[Annotated[Name, Field(description="which")]]
    old_value: Annotated[Text | Number | bool | None, Field(description="what it said before")]
    new_value: Required[
        Annotated[Text | Number | bool | None, Field(description="what it says since")]
    ]


_MOST_CHANGES = 1_000


@with_config(_KNOWN_ONLY)
class RecordDates(TypedDict, total=False):
    """When another record of the lead's person came, and how it ended."""

    created_at: Required[Annotated[Time, Field(description="when the record came to be")]]
    known_at: Annotated[
        Time, Field(description="when the two became known to be one; else as the later came")
    ]
    won_at: Annotated[Time | None, Field(description="when the record was won")]
    lost_at: Annotated[Time | None, Field(description="when the record was lost")]


_RECORD_EVENTS = Field(max_length=10_000, description="in any order")


@with_config(_KNOWN_ONLY)
class PersonRecord(RecordDates, total=False):
    """Another record of the lead's person."""

    events: Annotated[list[Event], _RECORD_EVENTS]


@with_config(_KNOWN_ONLY)
class SignedPersonRecord(RecordDates, total=False):
    """The same, with what tells machines from people."""

    events: Annotated[list[SignedEventBody], _RECORD_EVENTS]


@with_config(_KNOWN_ONLY)
class ColleagueEvent(TypedDict, total=False):
    """Something that another lead of the account did."""

    occurred_at: Required[Annotated[Time, Field(description="when")]]
    event_type: Annotated[Name, Field(description="what kind; not read")]


@with_config(_KNOWN_ONLY)
class Colleague(TypedDict, total=False):
    """Another lead of the account."""

    created_at: Required[Annotated[Time, Field(description="when the lead came to be")]]
    job_title: Annotated[Text | None, Field(description="which tells its role")]
    won_at: Annotated[Time | None, Field(description="when it was won")]
    lost_at: Annotated[Time | None, Field(description="when it was lost")]
    events: Annotated[
        list[ColleagueEvent],
        Field(max_length=MOST_EVENTS, description="in any order, those of machines left out"),
    ]


@with_config(_KNOWN_ONLY)
class Account(TypedDict):
    """What is known of the lead's account."""

    leads: Annotated[
        list[Colleague], Field(max_length=2 * MOST_LEADS, description="its other leads, if any")
    ]


@dataclass(frozen=True)
class RequestQuestion:
    """A request that was checked."""

    leads: list[dict[str, Any]]
    """Whom to score, with those attributes that the model knows; times are datetimes."""
    as_of: datetime | None = None
    """The moment for leads that have none of their own."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Attributes that the model does not know, each with how many leads have it."""


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
        self._whole: TypeAdapter[Any] = TypeAdapter(_question(leads, limits))
        self._frame: TypeAdapter[Any] = TypeAdapter(
            _typed("Frame", {"leads": Required[list[Any]], "as_of": _MOMENT})
        )
        self._leads: TypeAdapter[Any] = TypeAdapter(leads, config=ConfigDict(strict=True))
        self._limits = limits
        self._most_names = len(self.attributes) + limits.max_unknown
        of_event = _VALUES_OF_EVENT
        of_event += 0 if scorer.bundle.plan.people is None else _SIGNS_OF_EVENT
        self._most_values = of_event * limits.max_events + 2 * self._most_names
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
        found = await _scanned(body, self._limits.max_leads)
        await turn.pause()
        self._refuse_at_once(body, found)
        if found.n_leads < 0:
            # No list of leads, or one whose name is written with escapes; not much, in any case.
            frame = self._read_whole(body)
            unknown: Counter[str] = Counter()
            self._keep_known(frame["leads"], unknown)
            return RequestQuestion(frame["leads"], frame.get("as_of"), unknown)
        faults = _Faults()
        faults.tell(self._wrong_number(found.n_leads))
        leads, unknown = await self._read_leads(body, found, faults, turn)
        frame = self._read_frame(body, found, faults)
        faults.raise_any()
        return RequestQuestion(leads, frame.get("as_of"), unknown)

    def _refuse_at_once(self, body: bytes, found: Scan) -> None:
        if not found.is_whole:
            if len(body) <= PIECE_BYTES:
                # Only to be told where.
                self._read_whole(body)
            detail = "its brackets or quotes do not match, or are nested too deeply"
            raise Problem("no-json", 400, f"the body is not valid JSON: {detail}")
        if found.values > self._most_names:
            detail = f"found {found.values:,} values outside of leads; expected leads and as_of"
            raise invalid([FieldFault(pointer="", detail=detail)])
        if found.is_doubled:
            raise invalid([_doubled()])

    def _wrong_number(self, n_leads: int) -> Iterator[FieldFault]:
        most = self._limits.max_leads
        if n_leads < 1 or n_leads > most:
            bound = f"at most {most:,}" if n_leads else "at least 1"
            yield FieldFault(pointer="/leads", detail=f"found {n_leads:,}; expected {bound}")

    async def _read_leads(
        self, body: bytes, found: Scan, faults: "_Faults", turn: Turn
    ) -> tuple[list[dict[str, Any]], Counter[str]]:
        leads: list[dict[str, Any]] = []
        unknown: Counter[str] = Counter()
        if faults.count:
            return leads, unknown
        large = dict(self._too_large(found))
        for first, last in _pieces(found, large):
            await turn.pause()
            if first in large:
                faults.tell([large[first]])
                continue
            begin = int(found.items[first, START])
            piece = b"[" + body[begin : int(found.items[last - 1, END])] + b"]"
            try:
                some = self._leads.validate_json(piece)
            except ValidationError as error:
                _refuse_no_json(error, body, begin)
                faults.of(error, first)
                continue
            self._keep_known(some, unknown)
            leads += some
        return leads, unknown

    def _too_large(self, found: Scan) -> Iterator[tuple[int, FieldFault]]:
        for number, (values, names) in enumerate(found.items[:, (VALUES, NAMES)].tolist()):
            if names > self._most_names:
                told = f"{names:,} names in one object; expected at most {self._most_names:,}"
            elif values > self._most_values:
                told = f"{values:,} values in one lead; expected at most {self._most_values:,}"
            else:
                continue
            yield (
                number,
                FieldFault(pointer=f"/leads/{number}", detail=f"found {told}: {_LEAVE_OUT}"),
            )

    def _keep_known(self, leads: list[dict[str, Any]], unknown: Counter[str]) -> None:
        """Drop what is not known at once: it may take far more memory than its text."""
        for lead in leads:
            attributes = lead.get("attributes", {})
            others = [name for name in attributes if name not in self.attributes]
            for name in others:
                del attributes[name]
            unknown.update(others)
            changed = {change["attribute"] for change in lead.get(CHANGES, ())}
            unknown.update(changed - self.attributes.keys())
            if len(unknown) > (most := self._limits.max_unknown):
                detail = f"found over {most:,} different attributes that the model does not know"
                raise invalid([FieldFault(pointer="/leads", detail=f"{detail}; {_LEAVE_OUT}")])

    def _read_frame(self, body: bytes, found: Scan, faults: "_Faults") -> dict[str, Any]:
        try:
            text = body[: found.first] + body[found.last :]
            frame: dict[str, Any] = self._frame.validate_json(text)
        except ValidationError as error:
            _refuse_no_json(error, body, 0)
            faults.of(error, None)
            return {}
        if frame["leads"]:
            faults.tell([_doubled()])
        return frame

    def _read_whole(self, body: bytes) -> dict[str, Any]:
        try:
            question: dict[str, Any] = self._whole.validate_json(body)
        except ValidationError as error:
            _refuse_no_json(error, body, 0)
            raise invalid(faults_of(error)) from None
        return question

    def schemas(self) -> dict[str, Any]:
        """Give the JSON Schemas of a request and its parts, by name, as OpenAPI has them."""
        schema = self._whole.json_schema(ref_template=SCHEMAS)
        parts: dict[str, Any] = schema.pop("$defs")
        return parts | {schema["title"]: schema}


class _Faults:
    """The faults of all pieces: the first of them, and how many there are."""

    def __init__(self) -> None:
        self._told: list[FieldFault] = []
        self.count = 0

    def tell(self, faults: Iterator[FieldFault] | list[FieldFault]) -> None:
        for fault in faults:
            self.count += 1
            if len(self._told) < MOST_TOLD:
                self._told.append(fault)

    def of(self, error: ValidationError, first: int | None) -> None:
        """Add those of a piece; its places count from the lead `first`, if there is one."""
        if len(self._told) < MOST_TOLD:
            told = faults_of(error, first)
            self._told += told[: MOST_TOLD - len(self._told)]
        self.count += error.error_count()

    def raise_any(self) -> None:
        if self.count:
            raise invalid(self._told, self.count)


async def _scanned(body: bytes, most_leads: int) -> Scan:
    if len(body) <= LARGE_BYTES:
        return scan(body, most_leads)
    # It does not hold the interpreter's lock.
    return await asyncio.to_thread(scan, body, most_leads)


def _pieces(found: Scan, alone: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """Give ranges of leads to read together; those in `alone` come by themselves."""
    first, n_bytes, n_values = 0, 0, 0
    ends = (found.items[:, END] - found.items[:, START]).tolist()
    for number, (size, values) in enumerate(
        zip(ends, found.items[:, VALUES].tolist(), strict=True)
    ):
        is_full = n_bytes + size > PIECE_BYTES or n_values + values > PIECE_VALUES
        if number > first and (is_full or number in alone or first in alone):
            yield first, number
            first, n_bytes, n_values = number, 0, 0
        n_bytes, n_values = n_bytes + size, n_values + values
    if first < len(ends):
        yield first, len(ends)


def _refuse_no_json(error: ValidationError, body: bytes, begin: int) -> None:
    """Tell where in the body it stops being JSON, where a piece does that begins at `begin`."""
    if (
        error.error_count() > 1
        or (one := error.errors(include_url=False)[0])["type"] != "json_invalid"
    ):
        return
    message = one["msg"].removeprefix("Invalid JSON: ")
    place = _AT.search(message)
    if place and begin:
        line, column = int(place[1]), int(place[2])
        if line == 1:
            # Before the piece stands a bracket that is not the body's.
            column += begin - 1 - (body.rfind(b"\n", 0, begin) + 1)
        line += body.count(b"\n", 0, begin)
        message = f"{message[: place.start()]} at line {line} column {column}"
    raise Problem("no-json", 400, f"the body is not valid JSON: {message}")


def _doubled() -> FieldFault:
    return FieldFault(pointer="/leads", detail="found the name several times; expected it once")


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
    plain = scorer.bundle.plan.people is None
    event, record = (Event, PersonRecord) if plain else (SignedEventBody, SignedPersonRecord)
    others: dict[str, Any] = {}
    if scorer.bundle.plan.pool_history is not None:
        known_records = Field(max_length=_MOST_RECORDS, description="the person's other records")
        others["same_person"] = Annotated[
            list[record],  # type: ignore[valid-type]
            known_records,
        ]
    if scorer.bundle.plan.account_lag_days is not None:
        others["account"] = Annotated[Account, Field(description="its account, where it is known")]
    if tracked(known):
        about = Field(max_length=_MOST_CHANGES, description="what its attributes said before")
        others["attribute_changes"] = Annotated[list[AttributeChange], about]
    return _typed(
        "Lead",
        others
        | {
            "lead_id": Required[
                Annotated[_LEAD_ID, Field(description="the lead's id, given back as a text")]
            ],
            "created_at": Required[Annotated[Time, told]]
            if scorer.is_dated
            else Annotated[Time | None, told],
            "as_of": Annotated[Time | None, Field(description="the moment to score it at")],
            "attributes": Annotated[attributes, Field(description="who it is, by column")],
            "events": Annotated[
                list[event],  # type: ignore[valid-type]
                Field(max_length=limits.max_events, fail_fast=True, description="in any order"),
            ],
        },
    )


def _typed(name: str, fields: Mapping[str, Any], extra: Any = "forbid") -> Any:  # noqa: ANN401
    made = TypedDict(name, dict(fields), total=False)  # type: ignore[misc]  # noqa: UP013
    return with_config(ConfigDict(extra=extra, strict=True))(made)
