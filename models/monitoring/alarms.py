"""Alarms: few, ranked, in words, with the likely cause and what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from leadcast.models.monitoring.evidence import Direction, Raised, Watch, ratio_interval
from leadcast.models.monitoring.segments import SegmentRatio
from leadcast.models.monitoring.streams import LASTING_DAYS, LOOKS_PER_YEAR, Stream, sums_since

MOST_ALARMS = 5
"""More than this nobody reads; the rest is counted."""
EXPLAINS = 0.5
"""A segment that makes up so much of the difference is named as its cause."""
DOUBLED = 1.5
IN_A_SEGMENT = " in a segment"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class SegmentVolume:
    """How many leads of a segment came.

    Parameters
    ----------
    name, value : str
    before, now : float
        Leads a week, before the watch and in its last four weeks.
    said : float
        Mean probability that its leads of the last weeks were given at first.
    """

    name: str
    value: str
    before: float
    now: float
    said: float

    def words(self) -> str:
        """Tell a change of the volume; empty where there is none."""
        if self.before <= 0 < self.now:
            return f"It is new: {self.now:.0f} leads a week"
        if self.now >= DOUBLED * self.before:
            return f"Its volume rose from {self.before:.0f} to {self.now:.0f} leads a week"
        if self.now <= self.before / DOUBLED:
            return f"Its volume fell from {self.before:.0f} to {self.now:.0f} leads a week"
        return ""


@dataclass(frozen=True)
class Alarm:
    """An alarm for a person.

    Parameters
    ----------
    kind : str
        Of the stream.
    segment : str
        ``attribute = value``; empty where it is about all leads.
    raised, since : date
        When the evidence was enough, and when it most likely began.
    direction : {"more", "fewer"}
    observed, expected : float
        Since it began; of revisions, sums of second scores in units of where they are cut.
    ratio, low, high : float
        Observed over expected with a 95 % interval.
    what, cause, remedy : str
        In words.
    """

    kind: str
    segment: str
    raised: date
    since: date
    direction: Direction
    observed: float
    expected: float
    ratio: float
    low: float
    high: float
    what: str
    cause: str
    remedy: str

    @property
    def words(self) -> str:
        """All of it in a paragraph."""
        return " ".join(part for part in (self.what, self.cause, self.remedy) if part)

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        days = {"raised": self.raised.isoformat(), "since": self.since.isoformat()}
        return asdict(self) | days


def alarms_of(
    streams: Sequence[Stream],
    watches: Sequence[Watch],
    first_day: int,
    volumes: Sequence[SegmentVolume],
    ratios: Sequence[SegmentRatio],
) -> list[Alarm]:
    """Tell the alarms that stand on the last day, the weightiest first.

    Parameters
    ----------
    streams : sequence of Stream
    watches : sequence of Watch
        As `watch_streams` gives them.
    first_day : int
        The streams' first day, in days since 1970.
    volumes : sequence of SegmentVolume
        Of the segments that are watched.
    ratios : sequence of SegmentRatio
        What came of the segments in the last weeks.

    Returns
    -------
    list of Alarm
        One a segment at most.
    """
    found = dict[str, Alarm]()
    for stream, watch in zip(streams, watches, strict=True):
        raised = watch.standing(len(stream.observed) - 1, LASTING_DAYS)
        if raised is None:
            continue
        alarm = _alarm(stream, raised, first_day, volumes, ratios)
        kept = found.get(alarm.segment)
        # Where scores were taken back and conversions agree, the conversions are told.
        if kept is None or kept.kind == "revisions":
            found[alarm.segment] = alarm
    overall = found.get("")
    told = [one for one in found.values() if overall is None or not _is_part_of(one, overall)]
    return sorted(told, key=_weight)


def look_of(stream: Stream, first_day: int, ratios: Sequence[SegmentRatio]) -> Alarm | None:
    """Tell what is worth a look already, though it is too little for an alarm.

    Parameters
    ----------
    stream : Stream
        Of all leads.
    first_day : int
        Its first day, in days since 1970.
    ratios : sequence of SegmentRatio

    Returns
    -------
    Alarm or None
        With `LOOKS_PER_YEAR` such looks in a quiet year.
    """
    raised = stream.watched(LOOKS_PER_YEAR).standing(len(stream.observed) - 1, LASTING_DAYS)
    return None if raised is None else _alarm(stream, raised, first_day, (), ratios)


def _is_part_of(alarm: Alarm, overall: Alarm) -> bool:
    """Tell whether a segment only does what all leads do."""
    if alarm is overall or alarm.kind != overall.kind + IN_A_SEGMENT:
        return False
    return alarm.low <= overall.ratio <= alarm.high


def _weight(alarm: Alarm) -> tuple[bool, float]:
    return alarm.kind == "revisions", -abs(alarm.observed - alarm.expected)


def _alarm(
    stream: Stream,
    raised: Raised,
    first_day: int,
    volumes: Sequence[SegmentVolume],
    ratios: Sequence[SegmentRatio],
) -> Alarm:
    observed, expected = sums_since(stream, raised.since)
    ratio = observed / expected if expected > 0 else float("nan")
    weeks = max((len(stream.observed) - raised.since) / 7, 1.0)
    low, high = ratio_interval(observed, expected, stream.dispersion / weeks)
    segment = f"{stream.name} = {stream.value}" if stream.name else ""
    since = _EPOCH + timedelta(days=first_day + raised.since)
    volume = next(
        (one for one in volumes if (one.name, one.value) == (stream.name, stream.value)), None
    )
    cause = _cause_of_all(observed - expected, ratios) if not segment else _cause(volume)
    return Alarm(
        kind=stream.kind,
        segment=segment,
        raised=_EPOCH + timedelta(days=first_day + raised.day),
        since=since,
        direction=raised.direction,
        observed=observed,
        expected=expected,
        ratio=ratio,
        low=low,
        high=high,
        what=_what(stream, segment, since, observed, expected, volume),
        cause=cause,
        remedy=_remedy(stream, segment, raised.direction),
    )


def _what(
    stream: Stream,
    segment: str,
    since: date,
    observed: float,
    expected: float,
    volume: SegmentVolume | None,
) -> str:
    whose = f"Leads with {segment}" if segment else "Leads"
    ratio = observed / expected if expected > 0 else 0.0
    if stream.kind == "revisions":
        second = "higher" if ratio > 1 else "lower"
        return (
            f"{whose} have been scored {second} at the next look than usual since about {since}: "
            f"{ratio:.2f} of what their first scores led one to expect."
        )
    given = ""
    if volume is not None:
        now = _percent(volume.said * ratio)
        given = f" They were given {_percent(volume.said)} and convert at about {now}."
    return (
        f"{whose} have converted {'more' if ratio > 1 else 'less'} than their scores said since "
        f"about {since}: {observed:.0f} conversions where {expected:.1f} were expected "
        f"({ratio:.2f} of them).{given}"
    )


def _cause(volume: SegmentVolume | None) -> str:
    words = "" if volume is None else volume.words()
    return f"{words}; the model has not met these leads." if words else ""


def _cause_of_all(missing: float, ratios: Sequence[SegmentRatio]) -> str:
    def part(one: SegmentRatio) -> float:
        return (one.observed - one.expected) / missing if missing else 0.0

    every = sum(one.expected for one in ratios if one.name == ratios[0].name) or 1.0
    # A segment that holds most leads has most of any difference.
    beyond = [one for one in ratios if part(one) >= DOUBLED * one.expected / every]
    worst = max(beyond, key=part, default=None)
    if worst is not None and part(worst) >= EXPLAINS and not worst.low <= 1 <= worst.high:
        return (
            f"Most of it comes from {worst.name} = {worst.value}: {worst.observed:.0f} of "
            f"{worst.expected:.1f} in the last weeks."
        )
    return (
        "No segment stands out: the level of all has moved, as when a price, a season or the way "
        "sales works changes."
    )


def _remedy(stream: Stream, segment: str, direction: Direction) -> str:
    if segment and direction == "fewer":
        return (
            "Look at where these leads come from before sales calls them; retrain once their "
            "labels are mature."
        )
    if segment:
        return "Call these leads earlier; retrain once their labels are mature."
    if stream.kind == "revisions":
        return "See whether tracking of behaviour has changed; if not, retrain."
    return (
        "Move the level with `leadcast recalibrate`, and retrain once labels from after the "
        "change are mature."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
