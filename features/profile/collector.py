"""What is kept of a source while it passes by: counts and small samples, in bounded memory.

Raw rows are looked at as they are read (`Collector.see`), canonical events as they come out
(`Collector.add_events`). Leads and outcomes are held as a whole anyway, and come at the end.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.profile.month_bins import months_of
from leadcast.features.profile.raw_signs import ColumnSigns, IdSigns, columns_to_watch
from leadcast.features.readers.origins import RawRows

MOST_HASHES = 400_000
"""Of so many events at most it is known whether another one is the same."""
MOST_TYPES = 1_000
PART_SAMPLE = 20_000
"""So many rows of each part of events are looked at closely."""


class RepeatSample:
    """A sample of rows in which all copies of a row are, or none.

    A row is kept where its hash ends in enough zeros; how many are enough rises with the rows, so
    that the sample stays small (Flajolet's adaptive sampling).
    """

    def __init__(self) -> None:
        self._shift = 0
        self._parts: list[pl.DataFrame] = []
        self._height = 0
        self._tables: dict[str, int] = {}
        self._origins: list[tuple[str, str]] = []

    def add(self, frame: pl.DataFrame, rows: RawRows, table: str) -> None:
        """Look at rows, with the place of each."""
        if table not in self._tables:
            self._tables[table] = len(self._origins)
            self._origins += [(table, origin.name) for origin in rows.origins]
        places = pl.DataFrame(
            {
                "hash": frame.hash_rows(seed=7),
                "file": rows.origin + self._tables[table],
                "number": rows.number,
            }
        )
        self._parts.append(self._kept(places))
        self._height += self._parts[-1].height
        while self._height > MOST_HASHES:
            self._shift += 1
            self._parts = [self._kept(pl.concat(self._parts))]
            self._height = self._parts[0].height

    def _kept(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("hash") % (1 << self._shift) == 0)

    def frame(self) -> pl.DataFrame:
        """Give the sample: ``hash``, ``file`` (its place among `files`), ``number`` in it."""
        return pl.concat(self._parts) if self._parts else pl.DataFrame()

    @property
    def files(self) -> list[tuple[str, str]]:
        """The table and the name of each file or query."""
        return self._origins

    @property
    def one_in(self) -> int:
        """Of how many rows one is in the sample."""
        return 1 << self._shift


@dataclass
class EventFacts:
    """What is known of all events."""

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    by_type: dict[str, Counter[int]] = field(default_factory=dict)
    """Of each kind, the counts by month."""
    early: int = 0
    """Events half a year or more before the creation of their lead."""
    ended: int = 0
    """Events of leads that ended."""
    after_end: int = 0
    """Of them, those after the end."""
    hours: Counter[int] = field(default_factory=Counter)
    """How many of a sample lie in each hour of the week, Monday's first is 0, in local time."""
    whole_minutes: bool = True
    """Whether no event of the sample has seconds: then many may share a minute."""

    @property
    def types(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {name: months.total() for name, months in self.by_type.items()}


EARLY_DAYS = 180.0


class Collector:
    """Watches one reading of a source.

    Parameters
    ----------
    definition : SourceDefinition
        What is read.
    """

    def __init__(self, definition: SourceDefinition) -> None:
        self.zone = definition.zone_of_leads or "UTC"
        self.events = EventFacts()
        self.repeats = RepeatSample()
        self.columns: dict[tuple[str, str], ColumnSigns] = {}
        self.ids: dict[tuple[str, str], IdSigns] = {}
        self._watched = columns_to_watch(definition)

    def see(self, table: str, rows: RawRows) -> None:
        """Look at raw rows of a table."""
        if table.startswith("events") and len(rows) > PART_SAMPLE:
            step = -(-len(rows) // PART_SAMPLE)
            places = pl.int_range(0, len(rows), step, eager=True)
            few = (rows.frame[places], rows.number[places], rows.origin[places])
            rows = RawRows(*few, rows.origins)
        for column in rows.frame.columns:
            about = self._watched.get((table, column))
            if about is None:
                continue
            key = (table, column)
            if about.is_id:
                self.ids.setdefault(key, IdSigns(about)).add(rows, column)
            self.columns.setdefault(key, ColumnSigns(about)).add(rows, column)

    def add_events(self, table: str, frame: pl.DataFrame, rows: RawRows) -> None:
        """Count canonical events.

        Parameters
        ----------
        table : str
            Which table of events.
        frame : pl.DataFrame
            The canonical columns, ``created_at`` and ``ended_at`` of the lead.
        rows : RawRows
            The raw row of each.
        """
        if frame.is_empty():
            return
        facts, times = self.events, frame["occurred_at"]
        facts.rows += frame.height
        first, last = times.min(), times.max()
        assert isinstance(first, datetime)
        assert isinstance(last, datetime)
        facts.first = first if facts.first is None else min(first, facts.first)
        facts.last = last if facts.last is None else max(last, facts.last)
        self._count_months(frame)
        since = (times - frame["created_at"]).dt.total_seconds() / 86_400
        facts.early += int((since < -EARLY_DAYS).sum())
        ended = frame["ended_at"]
        facts.ended += ended.count()
        facts.after_end += int((times > ended).sum())
        few = times.gather_every(-(-len(times) // PART_SAMPLE))
        # A day without a time of day counts at its last moment.
        is_end = (few.dt.second() == 59) & (few.dt.microsecond() == 999_999)
        facts.whole_minutes &= bool(((few.dt.second() == 0) | is_end).all())
        facts.hours.update(hours_of_week(few, self.zone))
        same = frame.select("lead_id", "occurred_at", "event_type", "value")
        self.repeats.add(same, rows, table)

    def _count_months(self, frame: pl.DataFrame) -> None:
        months = frame.select(
            "event_type", month=months_of(frame["occurred_at"], self.zone)
        ).group_by("event_type", "month")
        known = self.events.by_type
        for kind, month, count in months.len().iter_rows():
            # What is in each event another is no kind: the rest is counted together.
            name = kind if kind in known or len(known) < MOST_TYPES else OTHERS
            known.setdefault(name, Counter())[month] += count


OTHERS = "(others)"


def hours_of_week(times: pl.Series, zone: str) -> Counter[int]:
    """Count moments by their hour of the week in a zone."""
    local = times.drop_nulls().dt.convert_time_zone(zone)
    hours = (local.dt.weekday().cast(pl.Int32) - 1) * 24 + local.dt.hour()
    return Counter(dict(hours.alias("hour").value_counts(name="count").iter_rows()))
