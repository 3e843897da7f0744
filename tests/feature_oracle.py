"""The features of one row, computed the slow and obvious way: datetimes, dicts, one row at a time.

It shares no code with the engine. Names of kinds and attributes are taken to be lower case with
underscores already.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Boundary = Callable[[datetime, datetime], bool]


@dataclass(frozen=True)
class NaiveEvent:
    lead_id: str
    occurred_at: datetime
    event_type: str
    value: float | None


def strictly_before(occurred_at: datetime, as_of: datetime) -> bool:
    return occurred_at < as_of


def naive_row(
    created_at: datetime | None,
    events: Sequence[NaiveEvent],
    as_of: datetime,
    kinds: Sequence[str],
    windows: Sequence[float],
    trends: Sequence[float],
    half_lives: Sequence[float],
    is_known: Boundary = strictly_before,
) -> Mapping[str, float]:
    known = [event for event in events if is_known(event.occurred_at, as_of)]
    known.sort(key=lambda event: _order(event, kinds))
    row = _clock(created_at, as_of)
    row["response_hours"] = math.nan
    after = [e.occurred_at for e in known if created_at is not None and e.occurred_at > created_at]
    if created_at is not None and after:
        row["response_hours"] = (min(after) - created_at) / timedelta(hours=1)
    row |= _order_of_events(known, as_of, kinds)
    row |= _group(known, as_of, "events", windows, half_lives)
    for window in [*windows, math.inf]:
        recent = [e for e in known if _within(e, as_of, window)]
        row[f"active_days_{_label(window)}"] = len({e.occurred_at.date() for e in recent})
    for window in trends:
        recent_count = sum(_within(e, as_of, window) for e in known)
        both = sum(_within(e, as_of, 2 * window) for e in known)
        ratio = (recent_count + 1) / (both - recent_count + 1)
        row[f"events_trend_{_label(window)}"] = math.log2(ratio)
    for kind in [*kinds, "other_events"]:
        of_kind = [event for event in known if _named(event.event_type, kinds) == kind]
        row |= _group(of_kind, as_of, kind, windows, half_lives)
        row |= _values(of_kind, as_of, kind, windows)
        row[f"{kind}_days_since"] = _days_since(of_kind, as_of)
    return row


def _order(event: NaiveEvent, kinds: Sequence[str]) -> tuple[datetime, int, float]:
    code = kinds.index(event.event_type) + 1 if event.event_type in kinds else 0
    value = _finite(event.value)
    return event.occurred_at, code, -math.inf if value is None else value


def _clock(created_at: datetime | None, as_of: datetime) -> dict[str, float]:
    row: dict[str, float] = {"as_of_weekday": as_of.isoweekday()}
    names = ("age_days", "created_hour", "created_weekday", "created_at_night")
    row |= dict.fromkeys((*names, "created_on_weekend"), math.nan)
    if created_at is not None:
        midnight = datetime(created_at.year, created_at.month, created_at.day, tzinfo=UTC)
        row["age_days"] = (as_of - created_at) / timedelta(days=1)
        row["created_hour"] = (created_at - midnight) / timedelta(hours=1)
        row["created_weekday"] = created_at.isoweekday()
        row["created_at_night"] = created_at.hour in (22, 23, 0, 1, 2, 3, 4, 5)
        row["created_on_weekend"] = created_at.isoweekday() in (6, 7)
    return row


def _order_of_events(
    known: Sequence[NaiveEvent], as_of: datetime, kinds: Sequence[str]
) -> dict[str, float]:
    codes = [float(_order(event, kinds)[1]) for event in known]
    first = known[0].occurred_at if known else None
    return {
        "event_kinds": len(set(codes)),
        "days_since_first_event": math.nan if first is None else (as_of - first) / timedelta(1),
        "days_since_last_event": _days_since(known, as_of),
        "first_event": codes[0] if codes else math.nan,
        "last_event": codes[-1] if codes else math.nan,
        "previous_event": codes[-2] if len(codes) > 1 else math.nan,
    }


def _group(
    events: Sequence[NaiveEvent],
    as_of: datetime,
    name: str,
    windows: Sequence[float],
    half_lives: Sequence[float],
) -> dict[str, float]:
    row: dict[str, float] = {}
    for window in [*windows, math.inf]:
        row[f"{name}_count_{_label(window)}"] = sum(_within(e, as_of, window) for e in events)
    for half_life in half_lives:
        weights = [0.5 ** ((as_of - e.occurred_at) / timedelta(half_life)) for e in events]
        row[f"{name}_decayed_{_label(half_life)}"] = math.fsum(weights)
    return row


def _values(
    events: Sequence[NaiveEvent], as_of: datetime, name: str, windows: Sequence[float]
) -> dict[str, float]:
    row: dict[str, float] = {}
    for window in [*windows, math.inf]:
        inside = [_finite(e.value) for e in events if _within(e, as_of, window)]
        row[f"{name}_value_{_label(window)}"] = math.fsum(v for v in inside if v is not None)
    return row


def _within(event: NaiveEvent, as_of: datetime, window: float) -> bool:
    return window == math.inf or event.occurred_at >= as_of - timedelta(days=window)


def _days_since(events: Sequence[NaiveEvent], as_of: datetime) -> float:
    if not events:
        return math.nan
    return (as_of - max(event.occurred_at for event in events)) / timedelta(days=1)


def _named(kind: str, kinds: Sequence[str]) -> str:
    return kind if kind in kinds else "other_events"


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _label(days: float) -> str:
    return "ever" if days == math.inf else f"{days:g}d"
