"""What a scorer is asked of one lead: plain Python values, checked, every fault told at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from features import parts
from features.engine import Row, compute_one
from features.errors import Fault, FaultsError
from features.inputs import without_events
from features.plan import FeaturePlan
from features.tables import TimeOrder
from serve.asked import without_creation

Event = tuple[datetime, str, float | None]
"""An event of one lead: when, what kind, which value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZONE = "a time with a time zone"
_SAY_ZONE = "Say which zone it is in, UTC at best."
_NUMBERS = (int, float, np.integer, np.floating, type(None))


@dataclass(frozen=True)
class AskedOne:
    """One lead to score.

    Parameters
    ----------
    lead_id : str
    as_of : datetime or None
        The moment, in UTC; None where the source is not dated and nobody gave one.
    values : ndarray of float32, shape (n_features,)
        Its features at that moment.
    """

    lead_id: str
    as_of: datetime | None
    values: Row


def check_one(
    plan: FeaturePlan,
    lead: Mapping[str, object],
    events: Sequence[Event],
    as_of: datetime | None,
) -> AskedOne:
    """Check one lead and compute its features.

    Parameters
    ----------
    plan : FeaturePlan
        What is read.
    lead, events : mapping and sequence
        As in `serve.scorer.Scorer.score_one`.
    as_of : datetime or None
        The moment.

    Returns
    -------
    AskedOne

    Raises
    ------
    FaultsError
        With all that cannot be worked around.
    """
    lead_id, is_dated = lead.get("lead_id"), plan.time_order is TimeOrder.DATED
    faults = [*_wrong_id(lead_id), *_wrong_moment(as_of)]
    faults += without_creation(int(is_dated and lead.get("created_at") is None))
    try:
        as_of_us = None if as_of is None else _microseconds(as_of)
        known = [(_microseconds(when), kind, value) for when, kind, value in events]
        values = compute_one(plan, lead, known, as_of_us)
    except (FaultsError, TypeError, ValueError):
        # What is wrong, and with which of the events, is only looked for now.
        faults += _wrong_values(plan, lead, events)
        if not faults:
            raise
    if faults:
        raise FaultsError("lead", faults, tell_counts=True)
    moment = None if as_of is None else as_of.astimezone(UTC)
    return AskedOne(str(lead_id), moment, values)


def without_events_of_one(plan: FeaturePlan, events: Sequence[object]) -> list[Fault]:
    """Tell that a lead has no events, where the plan reads some.

    Parameters
    ----------
    plan : FeaturePlan
    events : sequence
        The lead's events.

    Returns
    -------
    list of Fault
        A warning, or nothing.
    """
    if events:
        return []
    inputs = (name for feature in plan.features for name in feature.inputs)
    return without_events(int(any(name.startswith("events.") for name in inputs)))


def _microseconds(time: datetime) -> int:
    # Of a time without a zone this is a TypeError.
    return (time - _EPOCH) // _MICROSECOND


def _wrong_id(lead_id: object) -> Iterator[Fault]:
    if not isinstance(lead_id, str):
        yield Fault("lead: 'lead_id'", f"{lead_id!r}", "a text", "Give the lead's id as a text.")


def _wrong_moment(as_of: datetime | None) -> Iterator[Fault]:
    if as_of is None:
        return
    if not _has_zone(as_of):
        yield Fault("as_of", f"{as_of}", _ZONE, _SAY_ZONE)
        return
    try:
        as_of.astimezone(UTC)
    except OverflowError:
        yield Fault("as_of", f"{as_of}", "a time of the years 1 to 9999", "Give another time.")


def _wrong_values(
    plan: FeaturePlan, lead: Mapping[str, object], events: Sequence[Event]
) -> Iterator[Fault]:
    no_events: Sequence[parts.Event] = ()
    try:
        compute_one(plan, lead, no_events, 0)
    except FaultsError as error:
        yield from error.faults
    yield from _wrong_events(events)


def _wrong_events(events: Sequence[object]) -> Iterator[Fault]:
    """Tell each kind of fault once, with the first event that has it."""
    whole = [each for each in events if isinstance(each, tuple | list) and len(each) == 3]
    if len(whole) < len(events):
        found, expected = "an event of another form", "(occurred_at, event_type, value)"
        count = len(events) - len(whole)
        yield Fault("events", found, expected, "Give the three of each.", count=count)
    times = [when for when, _, _ in whole if not _has_zone(when)]
    kinds = [kind for _, kind, _ in whole if not isinstance(kind, str | None)]
    values = [value for _, _, value in whole if not isinstance(value, _NUMBERS)]
    for name, wrong, expected, remedy in (
        ("occurred_at", times, _ZONE, _SAY_ZONE),
        ("event_type", kinds, "a text", "Give the event's kind as a text."),
        ("value", values, "a number or None", "Give it as a number, or leave it out."),
    ):
        if wrong:
            where = f"events: {name!r}"
            yield Fault(where, f"{wrong[0]!r}", expected, remedy, count=len(wrong))


def _has_zone(time: object) -> bool:
    return isinstance(time, datetime) and time.tzinfo is not None
