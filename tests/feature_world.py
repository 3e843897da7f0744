"""Small random leads and events for the tests of features, and how they become tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import polars as pl

from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME, TimeOrder, empty_events
from tests.feature_oracle import NaiveEvent

START = datetime(2025, 3, 1, tzinfo=UTC)
KINDS = ("page_viewed", "form", "call")
UNKNOWN_KINDS = ("fax", "pigeon")
SETTINGS = FeatureSettings(windows_days=(1, 7), trend_windows_days=(1, 3), half_lives_days=(2, 10))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A grid of six hours, so that events often fall on a moment or on a window's edge exactly.
moments = st.integers(0, 60).map(lambda step: START + timedelta(hours=6 * step))
values = st.sampled_from([None, 1.0, -2.5, 1e6, 0.1, math.nan, math.inf, -math.inf])
kinds = st.sampled_from([*KINDS, *UNKNOWN_KINDS])


@dataclass(frozen=True)
class World:
    """Leads by id with their creation, events, and snapshots as (lead_id, as_of)."""

    created: dict[str, datetime | None]
    events: list[NaiveEvent]
    snapshots: list[tuple[str, datetime]]

    @property
    def leads(self) -> pl.DataFrame:
        rows = {"lead_id": list(self.created), "created_at": list(self.created.values())}
        return pl.DataFrame(rows, schema={"lead_id": pl.String, "created_at": TIME})

    @property
    def snapshot_table(self) -> pl.DataFrame:
        return pl.DataFrame(
            self.snapshots, schema={"lead_id": pl.String, "as_of": TIME}, orient="row"
        )

    def events_of(self, lead_id: str) -> list[NaiveEvent]:
        return [event for event in self.events if event.lead_id == lead_id]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    ids = [f"lead {number}" for number in range(draw(st.integers(1, 4)))]
    of_leads = st.sampled_from(ids)
    events = draw(st.lists(st.builds(NaiveEvent, of_leads, moments, kinds, values), max_size=40))
    return World(
        created={lead: draw(st.none() | moments) for lead in ids},
        events=events,
        snapshots=draw(st.lists(st.tuples(of_leads, moments), min_size=1, max_size=6)),
    )


def event_table(events: Sequence[NaiveEvent]) -> pl.LazyFrame:
    rows = [(e.lead_id, e.occurred_at, e.event_type, e.value) for e in events]
    return pl.LazyFrame(rows, schema=empty_events().collect_schema(), orient="row")


def every_column() -> FeaturePlan:
    """Plan all that can be computed from events, without learning anything."""
    plan = FeaturePlan(
        time_order=TimeOrder.DATED,
        settings=SETTINGS,
        kinds=KINDS,
        value_kinds=(*KINDS, "other events"),
    )
    return plan.with_columns(tuple(plan.catalogue))


def in_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
