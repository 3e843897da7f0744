"""Points of one lead at one moment, added up rule by rule from the table's own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.feature_oracle import NaiveEvent

DAY = timedelta(days=1)
Words = Mapping[str, Any]


def naive_points(
    table: Words, lead: Words, events: Sequence[NaiveEvent], as_of: datetime
) -> tuple[float, list[float]]:
    """Give the total and each rule's points; `events` are the lead's own, in any order."""
    known = sorted((e for e in events if e.occurred_at < as_of), key=lambda e: e.occurred_at)
    given = [_rule(rule, lead, known, as_of) for rule in table["rules"]]
    sums = []
    for name, limits in table["groups"].items():
        of = zip(given, table["rules"], strict=True)
        sums.append(_held([points for points, rule in of if rule["group"] == name], limits))
    total = _held(sums, table["total"])
    if any(_all_hold(out["when"], lead, known, as_of) for out in table["exclusions"]):
        total = table["total"].get("excluded", 0.0)
    return total, given


def _held(parts: Sequence[float], limits: Words) -> float:
    negative = sum(part for part in parts if part < 0)
    total = sum(part for part in parts if part > 0)
    total += max(negative, -limits["negative_limit"]) if "negative_limit" in limits else negative
    total = min(total, limits.get("limit", total))
    return float(max(total, limits.get("floor", total)))


def _rule(rule: Words, lead: Words, known: Sequence[NaiveEvent], as_of: datetime) -> float:
    if not _all_hold(rule["when"], lead, known, as_of):
        return 0.0
    if not rule.get("each") and "decay" not in rule:
        return float(rule["points"])
    counted = _counted(next(one for one in rule["when"] if "event" in one), known, as_of)
    chosen = counted if rule.get("each") else counted[-1:]
    points: float = sum(rule["points"] * _kept(rule, (as_of - e.occurred_at) / DAY) for e in chosen)
    most = rule.get("limit", abs(points))
    return float(max(-most, min(most, points)))


def _kept(rule: Words, age: float) -> float:
    decay = rule.get("decay", {"form": "none"})
    if decay["form"] == "linear":
        return float(max(0.0, 1 - age / decay["over_days"]))
    if decay["form"] == "exponential":
        return float(0.5 ** (age / decay["half_life_days"]))
    if decay["form"] == "expiry":
        return float(age <= decay["after_days"])
    left = 1.0
    for step in decay.get("steps", []):
        if age > step["after_days"]:
            left = float(step["keep"])
    return left


def _all_hold(
    when: Words | Sequence[Words], lead: Words, known: Sequence[NaiveEvent], as_of: datetime
) -> bool:
    if isinstance(when, Mapping):
        return any(_holds(one, lead, known, as_of) for one in when["any"])
    return all(_holds(one, lead, known, as_of) for one in when)


def _holds(one: Words, lead: Words, known: Sequence[NaiveEvent], as_of: datetime) -> bool:
    if "event" in one:
        held = len(_counted(one, known, as_of)) >= one.get("at_least", 1)
    elif "days_ago" in one:
        moment = lead[one["attribute"]]
        days = None if moment is None or not moment < as_of else (as_of - moment) / DAY
        held = days is not None and _within(one["days_ago"], days)
    else:
        held = _answer(one, lead[one["attribute"]])
    return bool(held != one.get("not", False))


def _counted(one: Words, known: Sequence[NaiveEvent], as_of: datetime) -> list[NaiveEvent]:
    which = one.get("which", "any")
    if which.endswith("_of_all"):
        known = _at_the_end(which, known)
    tests = one.get("where", [])
    found = [
        event
        for event in known
        if (event.event_type in one["event"] or "any" in one["event"])
        and all(_answer(test, event.value) != test.get("not", False) for test in tests)
    ]
    if which in ("first", "last"):
        found = _at_the_end(which, found)
    days = one.get("within_days", 1e6)
    return [event for event in found if (as_of - event.occurred_at) / DAY <= days]


def _at_the_end(which: str, events: Sequence[NaiveEvent]) -> list[NaiveEvent]:
    end = 0 if which.startswith("first") else -1
    return [event for event in events if event.occurred_at == events[end].occurred_at]


def _answer(one: Words, value: object) -> bool:
    missing = value is None or value != value or (isinstance(value, str) and not value.strip())
    if "is_missing" in one:
        return bool(missing == one["is_missing"])
    if missing:
        return False
    if "range" in one:
        assert isinstance(value, float)
        return _within(one["range"], value)
    if "contains" in one:
        return any(part.lower() in str(value).lower() for part in one["contains"])
    sought = one["in"] if "in" in one else [one["equals"]]
    if isinstance(value, str):
        return value.strip().lower() in [str(it).strip().lower() for it in sought]
    return value in [float(it) for it in sought]


def _within(span: Words, number: float) -> bool:
    ends = span.get("max", float("inf")), span.get("below", float("inf"))
    return bool(
        number >= span.get("min", -float("inf"))
        and number <= ends[0]
        and (number < ends[1] or "below" not in span)
    )
