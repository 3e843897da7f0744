"""Doubts about the hours and weekdays at which things happen.

Where people do something by the clock there is a quiet run of hours, and it lies in the night. A
quiet run in the middle of the day says that the times are those of another zone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from leadcast.features.profile.collector import hours_of_week
from leadcast.features.profile.doubts import Doubt
from leadcast.features.profile.reading import SourceReading

LEAST = 300
QUIET = 0.25
"""An hour is quiet with so small a part of what an hour has on average."""
QUIET_HOURS = (5, 18)
"""A night has so many hours at least; with more at most, these are no people but a job."""
AT_WORK, AT_LEISURE = (1.5, 4.25), (2.5, 6.5)
"""Where the middle of a quiet run lies, and how far from it it may lie: where weekends are quiet
too, people are at work; others do things in the evening as well."""
QUIET_DAYS = 0.06
RESTED = 0.12
WEEKENDS = {(5, 6), (4, 5)}
"""Saturday and Sunday, Friday and Saturday."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ZONES = [
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Halifax",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Moscow",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
]


def clock_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find hours and weekdays that are no people's."""
    zone = reading.zone
    hours = {
        "leads: created_at": hours_of_week(reading.created, zone),
        "outcomes": hours_of_week(reading.ended, zone),
        "events: occurred_at": reading.collector.events.hours,
    }
    for where, counts in hours.items():
        if counts.total() < LEAST:
            continue
        table = where.partition(":")[0]
        yield from _odd_hours(reading, table, where, counts)
        yield from _odd_weekdays(reading, table, where, counts)


def by_hour(counts: Counter[int]) -> list[int]:
    """Add up the hours of a week to those of a day."""
    return [sum(counts[day * 24 + hour] for day in range(7)) for hour in range(24)]


def quiet_run(hours: Sequence[int]) -> tuple[int, int] | None:
    """Find the longest run of quiet hours.

    Parameters
    ----------
    hours : sequence of int
        24 counts.

    Returns
    -------
    tuple or None
        The hour at which it begins, and how many hours it has; None where it is no night.
    """
    limit = QUIET * sum(hours) / 24
    quiet = [count < limit for count in hours] * 2
    runs = []
    for start in range(24):
        length = next((n for n in range(24) if not quiet[start + n]), 24)
        runs.append((length, -start))
    length, start = max(runs)
    return (-start, length) if QUIET_HOURS[0] <= length <= QUIET_HOURS[1] else None


def _odd_hours(
    reading: SourceReading, table: str, where: str, counts: Counter[int]
) -> Iterator[Doubt]:
    hours = by_hour(counts)
    run = quiet_run(hours)
    if run is None:
        return
    start, length = run
    night, tolerance = AT_WORK if _rests_on_weekends(counts) else AT_LEISURE
    shift = ((start + length / 2) - night + 12) % 24 - 12
    if abs(shift) <= tolerance:
        return
    busiest = max(range(24), key=lambda hour: hours[hour])
    written, people = _zone_near(reading, shift), _zone_near(reading, -shift)
    yield Doubt(
        "odd_hours",
        where,
        f"a quiet time from {start:02d}:00 to {(start + length) % 24:02d}:00 in {reading.zone} and "
        f"most at {busiest:02d}:00, of {counts.total():,} times",
        counts.total(),
        _which_zone(reading, table, written, people),
        subject=table,
    )


def _which_zone(reading: SourceReading, table: str, written: str, people: str) -> str:
    named = f"say where leads live: `local_time_zone: {people}` would fit."
    if reading.definition.time_zone is None:
        return f"If people are elsewhere, {named}"
    return (
        "Where these times name no zone, they are those of another one: "
        f"`tables: {{{table}: {{time_zone: {written}}}}}` would fit. Where they name one, {named}"
    )


def _rests_on_weekends(counts: Counter[int]) -> bool:
    days = [sum(counts[day * 24 + hour] for hour in range(24)) for day in range(7)]
    return any(days[one] + days[other] < RESTED * sum(days) for one, other in WEEKENDS)


def _zone_near(reading: SourceReading, hours: float) -> str:
    """Find a zone that is so many hours ahead of the source's own."""
    moment = reading.observed_until or datetime.now(ZoneInfo("UTC"))

    def offset(zone: str) -> float:
        away = moment.astimezone(ZoneInfo(zone)).utcoffset()
        return 0.0 if away is None else away.total_seconds() / 3600

    wanted = offset(reading.zone) + hours
    return min(_ZONES, key=lambda zone: abs((offset(zone) - wanted + 12) % 24 - 12))


def _odd_weekdays(
    reading: SourceReading, table: str, where: str, counts: Counter[int]
) -> Iterator[Doubt]:
    days = [sum(counts[day * 24 + hour] for hour in range(24)) for day in range(7)]
    pairs = [((day, (day + 1) % 7), days[day] + days[(day + 1) % 7]) for day in range(7)]
    (first, second), quiet = min(pairs, key=lambda pair: pair[1])
    if quiet > QUIET_DAYS * sum(days) or (first, second) in WEEKENDS:
        return
    others = [days[day] for day in range(7) if day not in (first, second)]
    if min(others) < 2 * max(days[first], days[second], 1):
        # A source that has few days of the week at all has no weekend.
        return
    weekend = days[5] + days[6]
    yield Doubt(
        "odd_weekdays",
        where,
        f"{quiet:,} of {sum(days):,} times on {DAYS[first]} and {DAYS[second]}, and "
        f"{weekend:,} on Saturday and Sunday (in {reading.zone})",
        sum(days),
        subject=table,
    )
