"""Doubts about how leads end: what share of them, how late, and from when on it is recorded."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from leadcast.features.definitions.definition import (
    DatedOutcomes,
    EventOutcomes,
    SourceDefinition,
    StatusOutcomes,
)
from leadcast.features.profile.doubts import Doubt
from leadcast.features.profile.reading import DAY_SECONDS, SourceReading
from leadcast.features.recording import late_record

LEAST_ENDED = 50
MOSTLY_WON = 0.9
MOSTLY_OPEN = 0.6
LEAST_NEW, LEAST_NEWEST = 20, 10


def outcome_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find shares of winners, losers and open leads that are implausible."""
    won, lost = int(reading.is_won.sum()), int(reading.is_lost.sum())
    if won + lost >= LEAST_ENDED:
        if not lost:
            yield _none_lost(reading, won)
        elif won > MOSTLY_WON * (won + lost):
            yield Doubt(
                "nearly_all_won",
                "outcomes",
                f"{won:,} of {won + lost:,} ended leads that were won ({won / (won + lost):.0%}), "
                f"{lost:,} lost: {reading.examples(reading.is_lost)}",
                won,
                f"{_mapped(reading.definition)} Check whether a filter left mostly customers.",
            )
    if reading.is_dated:
        yield from _none_open(reading)
        yield from _old_and_open(reading)
        yield from _begin_late(reading)


def _mapped(definition: SourceDefinition) -> str:
    outcomes = definition.tables.outcomes[0]
    if len(definition.tables.outcomes) > 1:
        return "See which of `tables.outcomes` tells of lost leads."
    if isinstance(outcomes, EventOutcomes):
        return "Name the events of lost leads: `tables: {outcomes: {lost_events: [...]}}`."
    if isinstance(outcomes, StatusOutcomes):
        return "Name the statuses of lost leads: `tables: {outcomes: {lost: [...]}}`."
    assert isinstance(outcomes, DatedOutcomes)
    if outcomes.columns.lost_at is None:
        return (
            "Map the column with the time at which leads were given up: `tables: {outcomes: "
            "{columns: {lost_at: ...}}}`."
        )
    return f"See what stands in {outcomes.columns.lost_at!r}, which is mapped as lost_at."


def _none_lost(reading: SourceReading, won: int) -> Doubt:
    opened = int(reading.is_open.sum())
    return Doubt(
        "none_lost",
        "outcomes",
        f"{won:,} leads won, none lost and {opened:,} open of {reading.leads.height:,}",
        won + opened,
        f"{_mapped(reading.definition)} If the export leaves lost or archived leads out, export "
        "them too.",
    )


def _usual_days(reading: SourceReading, share: float) -> float | None:
    """Within how many days this share of the ended leads had ended."""
    days = reading.days_to_end.drop_nulls()
    return None if len(days) < LEAST_NEW else float(days.quantile(share, "nearest") or 0.0)


def _age_days(reading: SourceReading) -> pl.Series:
    until = reading.observed_until
    assert until is not None
    return (pl.Series([until]).dt.cast_time_unit("us") - reading.created).dt.total_seconds() / (
        DAY_SECONDS
    )


def _none_open(reading: SourceReading) -> Iterator[Doubt]:
    usual = _usual_days(reading, 0.75)
    if usual is None or reading.is_open.any() or reading.leads.height < LEAST_ENDED:
        return
    newest = _age_days(reading) < usual
    if newest.sum() < LEAST_NEWEST:
        return
    yield Doubt(
        "none_open",
        "outcomes",
        f"no open lead among {reading.leads.height:,}, although {int(newest.sum()):,} are younger "
        f"than the {usual:.0f} days by which 75 % of the ended leads had ended: "
        f"{reading.examples(newest)}",
        int(newest.sum()),
    )


def _old_and_open(reading: SourceReading) -> Iterator[Doubt]:
    usual = _usual_days(reading, 0.9)
    if usual is None or reading.observed_until is None or not reading.is_lost.any():
        return
    old = _age_days(reading) > usual
    both = old & reading.is_open
    count = int(both.sum())
    if count <= MOSTLY_OPEN * int(old.sum()) or count < LEAST_ENDED:
        return
    yield Doubt(
        "old_and_open",
        "outcomes",
        f"{count:,} of {int(old.sum()):,} leads ({count / int(old.sum()):.0%}) still open although "
        f"they are older than {usual:.0f} days, by which 90 % of the ended leads had ended: "
        f"{reading.examples(both)}",
        count,
        f"{_mapped(reading.definition)} Look for a status that says given up and counts as open.",
    )


def _begin_late(reading: SourceReading) -> Iterator[Doubt]:
    definition = reading.definition
    if definition.outcomes_from is not None or reading.observed_until is None:
        return
    if reading.outcomes_from is None and "outcomes_begin_late" not in definition.vouched:
        # The reading has looked already.
        return
    late = late_record(reading.leads, reading.outcomes, reading.observed_until)
    if late is None:
        return
    first = reading.created.min()
    assert isinstance(first, datetime)
    day, before = f"{late.since:%Y-%m-%d}", (reading.created < late.since).fill_null(value=False)
    fate = {
        "set_aside": "are left out of training and testing and never count as lost",
        "delayed_entry": "count at the ages that they reach from then on",
    }[reading.definition.before_outcomes]
    yield Doubt(
        "outcomes_begin_late",
        "outcomes",
        f"{late.seen or 'no'} {late.meaning}s before {day}, where leads are recorded since "
        f"{first:%Y-%m-%d}; of the {late.leads_before:,} leads created before, about "
        f"{late.expected:,.0f} should have had their {late.meaning} by then: "
        f"{reading.examples(before & reading.is_open)}",
        late.leads_before,
        f"Leads created before {day} {fate}. If that is right, write it, or the true day: "
        f"`outcomes_from: {day}`.",
    )
