"""Leads in a pandas table, as MLflow hands them over, to tables and back.

Everything is in one table there: times may be texts, and a column ``events`` may hold each lead's
events as JSON, ``[{"occurred_at": "2026-01-05T09:31:00Z", "event_type": "call", "value": 1.0}]``.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import TIME

if TYPE_CHECKING:
    import pandas

EVENTS = "events"
_TIMES = {"created_at": "time", "as_of": "time"}
_DTYPES: Mapping[str, pl.DataType] = {
    "number": pl.Float64(),
    "flag": pl.Boolean(),
    "category": pl.String(),
    "text": pl.String(),
}
_EVENT: Mapping[str, pl.DataType] = {
    "lead_id": pl.String(),
    "occurred_at": TIME,
    "event_type": pl.String(),
    "value": pl.Float64(),
}


def from_pandas(
    frame: "pandas.DataFrame", attribute_types: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Take leads and events out of a pandas table."""
    types = {"lead_id": "text"} | dict(attribute_types) | _TIMES
    leads = pl.DataFrame(
        [
            _series(str(name), frame[name], types.get(str(name)))
            for name in frame.columns
            if name != EVENTS
        ]
    )
    has_events = {"lead_id", EVENTS} <= set(frame.columns)
    return leads, _events(frame) if has_events else None


def to_pandas(scores: pl.DataFrame) -> "pandas.DataFrame":
    """Turn scores into a pandas table."""
    as_text = pl.col("as_of").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return scores.with_columns(as_text).to_pandas()


def _series(name: str, column: "pandas.Series[Any]", kind: str | None) -> pl.Series:
    pairs = zip(column.tolist(), column.isna(), strict=True)
    known = [None if is_missing else value for value, is_missing in pairs]
    if kind == "time":
        return pl.Series(
            name, [_time(f"{name}, row {row}", value) for row, value in enumerate(known)]
        )
    try:
        return pl.Series(name, known, dtype=_DTYPES.get(kind or ""), strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else str(value) for value in known])


def _time(where: str, value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        time = value
    if time is not None and not isinstance(time, datetime):
        raise LeadcastError(
            f"{where}: found {value!r}; expected a time with a zone in ISO format, "
            "such as 2026-01-05T09:31:00Z"
        )
    return time


def _events(frame: "pandas.DataFrame") -> pl.DataFrame:
    seen: dict[str, object] = {}
    rows: list[dict[str, Any]] = []
    for row, (lead_id, cell) in enumerate(zip(frame["lead_id"], frame[EVENTS], strict=True)):
        # A lead may have a row for each of several moments; its events are the same in all.
        if lead_id in seen and seen[lead_id] != cell:
            raise LeadcastError(f"events, row {row}: differ from an earlier row of {lead_id!r}")
        if lead_id not in seen:
            rows += _events_of(row, lead_id, cell)
        seen[lead_id] = cell
    return pl.DataFrame(rows, schema=_EVENT)


def _events_of(row: int, lead_id: str, cell: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    where = f"events, row {row}"
    try:
        events = json.loads(cell) if isinstance(cell, str) else cell
        if events is None or isinstance(events, float):
            return
        for event in events:
            time = _time(where, event["occurred_at"])
            if time is not None and time.tzinfo is None:
                raise LeadcastError(f"{where}: {event['occurred_at']!r} has no time zone")
            kind, value = event["event_type"], event.get("value")
            yield {
                "lead_id": lead_id,
                "occurred_at": time,
                "event_type": None if kind is None else str(kind),
                "value": None if value is None else float(value),
            }
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise LeadcastError(
            f"{where}: cannot be read ({error!r}); expected a JSON list of objects with "
            "occurred_at, event_type and perhaps value"
        ) from None
