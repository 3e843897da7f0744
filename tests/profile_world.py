"""A healthy export of a sales team, to be made odd in one way at a time."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import CheckResult, check_source
from tests.source_samples import Keys, changed, write_definition

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2023, 1, 2, tzinfo=UTC)
DAYS = 500
UNTIL = START + timedelta(days=DAYS)
SOURCES = ["Google", "Referral", "Fair", "Webinar", "Partner"]
TYPES = ["email_opened", "page_viewed", "form_submitted", "call"]

KEYS: Keys = {
    "name": "world",
    "title": "World",
    "where_to_get": "Simulated",
    "root": "",
    "observed_until": f"{UNTIL:%Y-%m-%dT%H:%M:%SZ}",
    "time_zone": "Europe/Berlin",
    "tables": {
        "leads": {
            "read": {"files": "leads.csv"},
            "columns": {"lead_id": "Id", "created_at": "Created"},
            "attributes": {
                "employees": {"column": "Employees", "type": "number"},
                "source": {"column": "Channel", "type": "category"},
                "company": {"column": "Company", "type": "text"},
                "email": {"column": "Email", "type": "text"},
                "notes": {"column": "Notes", "type": "text"},
                "first_contact": {"column": "First Contact", "type": "time"},
                "budget": {"column": "Budget", "type": "number", "numbers": {"strip": ["€", "$"]}},
            },
        },
        "events": {
            "read": {"files": "events*.csv"},
            "columns": {"lead_id": "Lead", "occurred_at": "At", "event_type": "Kind"},
        },
        "outcomes": {
            "form": "dates",
            "read": {"files": "outcomes.csv"},
            "columns": {"lead_id": "Lead", "won_at": "Won", "lost_at": "Lost"},
        },
    },
}


@dataclass(frozen=True)
class World:
    """The export's tables as texts, and the definition's keys."""

    leads: pl.DataFrame
    events: pl.DataFrame
    outcomes: pl.DataFrame
    keys: Keys = field(default_factory=lambda: KEYS)
    more_events: tuple[pl.DataFrame, ...] = ()

    def with_leads(self, *columns: pl.Expr | pl.Series) -> "World":
        return replace(self, leads=self.leads.with_columns(*columns))

    def with_outcomes(self, *columns: pl.Expr | pl.Series) -> "World":
        return replace(self, outcomes=self.outcomes.with_columns(*columns))

    def with_events(self, *columns: pl.Expr | pl.Series) -> "World":
        return replace(self, events=self.events.with_columns(*columns))

    def with_keys(self, changes: Keys) -> "World":
        return replace(self, keys=changed(self.keys, changes))

    def check(self, folder: Path) -> CheckResult:
        """Write everything and read it."""
        self.leads.write_csv(folder / "leads.csv")
        self.outcomes.write_csv(folder / "outcomes.csv")
        for number, events in enumerate([self.events, *self.more_events]):
            events.write_csv(folder / f"events{number}.csv")
        keys = changed(self.keys, {"root": str(folder)})
        return check_source(load_definition(write_definition(folder, keys)))

    def doubts(self, folder: Path) -> dict[str, dict[str, Any]]:
        """What is doubted, by its code (the last one of each)."""
        result = self.check(folder)
        assert result.profile is not None, str(result)
        return {doubt["code"]: doubt for doubt in result.profile["doubts"]}


def written(moments: list[datetime | None]) -> list[str | None]:
    """Write times as exports do."""
    return [None if one is None else f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for one in moments]


def at_work(rng: np.random.Generator, day: datetime, evening: bool = False) -> datetime:
    """A moment of that day, or of the Monday after it, at which people in Berlin do things."""
    if not evening:
        day += timedelta(days=(0, 0, 0, 0, 0, 2, 1)[day.weekday()])
    hour = rng.normal(18.5, 3) if evening else rng.normal(13, 2.5)
    hour = float(np.clip(hour, 6.5, 23.5) if evening else np.clip(hour, 7.2, 19))
    local = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
    return local + timedelta(hours=hour, seconds=float(rng.integers(0, 3600)))


@cache
def healthy(seed: int, leads: int = 800, *, evening: bool = False, growth: float = 1.0) -> World:
    """Make an export about which nothing is to be doubted."""
    rng = np.random.default_rng(seed)
    place = np.sort(rng.random(leads) ** growth) * (DAYS - 1)
    created = [at_work(rng, START + timedelta(days=float(day)), evening) for day in place]
    ids = [f"L{number:05d}x" for number in range(leads)]
    created = [min(one, UNTIL - timedelta(hours=1)) for one in created]
    won, lost, rows = [], [], []
    for own, begin in zip(ids, created, strict=True):
        kind = rng.random()
        wait = rng.lognormal(3.2, 0.9) if kind < 0.12 else rng.exponential(30) + 1
        end = at_work(rng, begin + timedelta(days=float(wait) + 0.5), evening)
        known = end < UNTIL
        won.append(end if kind < 0.12 and known else None)
        lost.append(end if 0.12 <= kind < 0.85 and known else None)
        last = min(end, UNTIL)
        for _ in range(int(rng.poisson(6))):
            moment = at_work(rng, begin + timedelta(days=float(rng.exponential(8))), evening)
            if begin < moment < last:
                rows.append((own, moment, str(rng.choice(TYPES, p=[0.4, 0.4, 0.1, 0.1]))))
    frame = pl.DataFrame(
        {
            "Id": ids,
            "Created": written([*created]),
            "Employees": [str(int(one)) for one in rng.lognormal(4, 1.2, leads) + 1],
            "Channel": rng.choice(SOURCES, leads, p=[0.4, 0.25, 0.15, 0.1, 0.1]).tolist(),
            "Company": [f"Company {one}" for one in rng.integers(0, 900, leads)],
            "Email": [f"person{one}@firm{one % 700}.de" for one in rng.integers(0, 9000, leads)],
            "Notes": ["n" * int(one) for one in rng.integers(3, 200, leads)],
            "First Contact": written(
                [one - timedelta(days=float(rng.exponential(9))) for one in created]
            ),
            "Budget": [f"€{int(one)}" for one in rng.lognormal(9, 1, leads)],
        }
    )
    events = pl.DataFrame(
        {
            "Lead": [row[0] for row in rows],
            "At": written([row[1] for row in rows]),
            "Kind": [row[2] for row in rows],
        }
    )
    outcomes = pl.DataFrame({"Lead": ids, "Won": written(won), "Lost": written(lost)})
    return World(frame, events, outcomes)
