"""Doubts about many leads at once: a day, an hour or a length of time with too many of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from leadcast.features.profile.doubts import Doubt
from leadcast.features.profile.reading import SourceReading

LEAST = 30
"""Fewer than so many leads at once are chance."""
LEAST_SHARE = 0.05
TIMES_USUAL = 10.0
"""So many times the busy days of a source (its 95 %) is no busy day any more."""
LEAST_DAYS = 5
"""A source with fewer other days has no usual day."""
MOSTLY = 0.5


def bulk_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find creations and ends in bulk."""
    if not reading.is_dated:
        return
    span = _days_between(reading.created)
    about = "leads: created_at"
    found = _in_bulk(reading, reading.created, "creations", span)
    if found is not None:
        yield Doubt(
            "creations_in_bulk",
            about,
            found[0],
            found[1],
        )
    found = _in_bulk(reading, reading.ended, "ends", span)
    if found is not None:
        yield Doubt(
            "ends_in_bulk",
            "outcomes",
            found[0],
            found[1],
        )


def _days_between(times: pl.Series) -> int:
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return 0
    return (last - first).days


def _in_bulk(
    reading: SourceReading, times: pl.Series, words: str, span_days: int
) -> tuple[str, int] | None:
    local = times.dt.convert_time_zone(reading.zone)
    for unit, written in (("1d", "on %Y-%m-%d"), ("1h", "in the hour from %Y-%m-%d %H:00")):
        starts = local.dt.truncate(unit)
        peak = _peak(starts, span_days)
        if peak is None:
            continue
        start, count, share, usual = peak
        mine = starts == start
        hour = _hour_within(local.filter(mine.fill_null(value=False))) if unit == "1d" else ""
        named = start.strftime(written)
        found = (
            f"{count:,} of {times.count():,} {words} {named} ({share:.0%}{hour}); 95 % of the "
            f"other {'days' if unit == '1d' else 'hours'} that have any have at most {usual:g}: "
            f"{reading.examples(mine)}"
        )
        return found, count
    return None


def _peak(starts: pl.Series, span_days: int) -> tuple[datetime, int, float, float] | None:
    """Find the day (or hour) that stands out, its count, its share and what is usual."""
    given = starts.drop_nulls()
    if len(given) < LEAST:
        return None
    counts = given.alias("start").value_counts(name="count").sort("count", descending=True)
    start, count = counts.row(0)
    others = counts["count"][1:]
    share = count / len(given)
    if len(others) < LEAST_DAYS:
        # All on a day or two: plausible of a source that spans no more than a few.
        usual = float(others.max() or 0)  # type: ignore[arg-type]
        is_odd = share >= MOSTLY and span_days > 30
        return (start, count, share, usual) if is_odd and count >= LEAST else None
    usual = float(others.quantile(0.95, "nearest") or 0)
    is_odd = count >= max(LEAST, TIMES_USUAL * usual) and share >= LEAST_SHARE
    return (start, count, share, usual) if is_odd else None


def _hour_within(local: pl.Series) -> str:
    hours = local.dt.hour().alias("hour").value_counts(name="count").sort("count", descending=True)
    hour, count = hours.row(0)
    if (local.dt.truncate("1d").dt.offset_by("1d").dt.offset_by("-1us") == local).all():
        # Days without a time of day, which count at their end.
        return ""
    return (
        f", {count / len(local):.0%} of them from {hour:02d}:00 on"
        if count < len(local)
        else (f", all of them from {hour:02d}:00 on")
    )


SMOOTH_DAYS = 7
PEAK_TIMES = 5.0
PEAK_SHARE = 0.05
ODD_SHARE = 0.15
LEAST_PEAK = 20


def peaks_of_days(days: pl.Series) -> list[tuple[int, int]]:
    """Find day counts that are far more frequent than those beside them.

    Parameters
    ----------
    days : pl.Series of Float64
        How long leads took, in days.

    Returns
    -------
    list of (int, int)
        Days and leads, the most frequent first; the first two days are never odd.
    """
    whole = days.floor().cast(pl.Int64).alias("day").value_counts(name="count")
    counts = dict(whole.iter_rows())
    total = len(days)
    found = []
    for day, count in counts.items():
        beside = [
            counts.get(day + step, 0)
            for step in range(-SMOOTH_DAYS, SMOOTH_DAYS + 1)
            if step and day + step >= 0
        ]
        usual = sum(beside) / len(beside)
        is_peak = count >= max(LEAST_PEAK, PEAK_TIMES * usual, PEAK_SHARE * total)
        if day > 1 and is_peak:
            found.append((int(day), int(count)))
    return sorted(found, key=lambda pair: -pair[1])


def odd_times(reading: SourceReading) -> Iterator[Doubt]:
    """Find a number of days that too many winners took."""
    won = reading.is_won & reading.days_to_end.is_not_null()
    days = reading.days_to_end.filter(won)
    for day, count in peaks_of_days(days)[:1]:
        if count < ODD_SHARE * len(days):
            continue
        mine = won & (reading.days_to_end.floor() == day)
        yield Doubt(
            "odd_time_to_win",
            "outcomes: won_at",
            f"{count:,} of {len(days):,} winners ({count / len(days):.0%}) that took {day} days, "
            f"far more than took a few days less or more: {reading.examples(mine)}",
            count,
        )


LEAST_AT_ONCE = 20
AT_ONCE_SHARE = 0.15
AT_ONCE_TIMES = 5.0
RETURN_TIMES = 2.0
LEAST_RETURN = 10
NEXT_DAYS = 3
LONGEST_DOUBLINGS = 12


def wins_at_once(days: pl.Series) -> tuple[int, int] | None:
    """Count the wins within a day of the creation, where they are no part of what comes after.

    Where leads are quick by nature, the wins decline from the first day on. Where many leads were
    only entered once they had bought, few or none are won on the next days, and more again later.

    Parameters
    ----------
    days : pl.Series of Float64
        How long winners took, in days.

    Returns
    -------
    tuple of (int, int) or None
        The wins within a day, and those of the busiest of the next days; None where not odd.
    """
    whole = days.drop_nulls().floor().cast(pl.Int64).to_numpy()
    at_once = int((whole == 0).sum())
    following = max(int((whole == day).sum()) for day in range(1, NEXT_DAYS + 1))
    if at_once < max(LEAST_AT_ONCE, AT_ONCE_SHARE * len(whole), AT_ONCE_TIMES * following):
        return None
    # Spans that double: in them, smooth times to win rise to one summit and fall from it.
    spans = [2**power for power in range(2, LONGEST_DOUBLINGS)]
    later = max(int(((whole >= start) & (whole < 2 * start)).sum()) for start in spans)
    return (at_once, following) if later >= RETURN_TIMES * following + LEAST_RETURN else None


def wins_on_first_day(reading: SourceReading) -> Iterator[Doubt]:
    """Find winners that were created only when they bought."""
    won = reading.is_won & reading.days_to_end.is_not_null()
    found = wins_at_once(reading.days_to_end.filter(won))
    if found is None:
        return
    at_once, following = found
    days = reading.days_to_end
    yield Doubt(
        "wins_on_first_day",
        "outcomes: won_at",
        f"{at_once:,} of {int(won.sum()):,} winners ({at_once / int(won.sum()):.0%}) won within a "
        f"day of their creation, and at most {following:,} on each of the next {NEXT_DAYS} days: "
        f"{reading.examples(won & (days >= 0) & (days < 1))}",
        at_once,
    )


GAP_DAYS = 30.0
LAST_SHARE = 0.005


def lone_ends(reading: SourceReading) -> Iterator[Doubt]:
    """Find last ends that stand alone, where they say until when the leads were watched."""
    if reading.definition.observed_until != "latest":
        return
    ends = reading.ended.drop_nulls().sort()
    if len(ends) < LEAST or not reading.is_dated:
        return
    few = max(3, round(LAST_SHARE * len(ends)))
    gaps = ends.diff().dt.total_seconds() / 86_400
    last = gaps.tail(few)
    start = len(ends) - few + int(last.arg_max() or 0)
    others = [reading.created.max(), reading.collector.events.last, ends[start - 1]]
    before = max(one for one in others if one is not None)
    gap = (ends[start] - before) / timedelta(days=1)
    usual = gaps[:start].max() or 0.0
    if gap < max(GAP_DAYS, 3 * usual):  # type: ignore[operator]
        return
    mine = reading.ended >= ends[start]
    count = int(mine.sum())
    yield Doubt(
        "lone_end",
        "observed_until: latest",
        f"{count:,} of {len(ends):,} ends, from {ends[start]:%Y-%m-%d} on, {gap:,.0f} days after "
        f"everything else: {reading.examples(mine)}",
        count,
        f"Write until when the export really knows outcomes: `observed_until: {before:%Y-%m-%d}`. "
        "Ends after it are then not known yet; expected closing dates are no outcomes.",
    )
