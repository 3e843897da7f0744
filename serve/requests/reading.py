"""Reads the body of a request in pieces, so that none holds the worker for long."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from leadcast.serve.requests import problems
from leadcast.serve.requests.body_scan import END, NAMES, START, VALUES, Scan, scan
from leadcast.serve.requests.problems import MOST_TOLD, FieldFault, Problem, invalid
from leadcast.serve.requests.settings import RequestLimits
from leadcast.serve.requests.turns import LARGE_BYTES, Turn

PIECE_BYTES, PIECE_VALUES = 65_536, 5_000
"""Leads are read together until they are so much."""
_VALUES_OF_EVENT = 4
_AT = re.compile(r" at line (\d+) column (\d+)$")
_LEAVE_OUT = "leave out what the model does not know"


@dataclass(frozen=True)
class RequestQuestion:
    """A request that was checked."""

    leads: list[dict[str, Any]]
    """Whom to score, with those attributes that the model knows; times are datetimes."""
    as_of: datetime | None = None
    """The moment for leads that have none of their own."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Attributes that the model does not know, each with how many leads have it."""


class Reader:
    """Reads bodies by the types that `leadcast.serve.requests.questions` makes of a bundle."""

    def __init__(
        self,
        whole: TypeAdapter[Any],
        frame: TypeAdapter[Any],
        leads: TypeAdapter[Any],
        known: Mapping[str, str],
        limits: RequestLimits,
    ) -> None:
        self._whole, self._frame, self._leads = whole, frame, leads
        self._known, self._limits = known, limits
        self._most_names = len(known) + limits.max_unknown
        self._most_values = _VALUES_OF_EVENT * limits.max_events + 2 * self._most_names

    async def read(self, body: bytes, turn: Turn) -> RequestQuestion:
        """Read a body; see `leadcast.serve.requests.questions.Questions.read`."""
        found = await _scanned(body, self._limits.max_leads)
        await turn.pause()
        self._refuse_at_once(body, found)
        if found.n_leads < 0:
            # No list of leads, or one whose name is written with escapes; not much, in any case.
            frame = self._of(self._whole, body)
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
                self._of(self._whole, body)
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
            others = [name for name in attributes if name not in self._known]
            for name in others:
                del attributes[name]
            unknown.update(others)
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

    def _of(self, adapter: TypeAdapter[Any], body: bytes) -> dict[str, Any]:
        try:
            question: dict[str, Any] = adapter.validate_json(body)
        except ValidationError as error:
            raise problems.of_body(error) from None
        return question


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
            told = problems.faults_of(error, first)
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
