"""Findings about dates and events: the wrong order, the future, and edits in bulk."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

import polars as pl

from leadcast.features.definitions.doubt_kinds import DOUBTS
from leadcast.features.tables import CHANGES
from leadcast.models.audit.audit_finding import AuditFinding
from leadcast.models.audit.lead_outcomes import LeadOutcomes

MOSTLY = 0.9
"""Where so many leads have two dates in one order, the others have them in the wrong one."""
FEWEST_PAIRS = 50
FEWEST_AT_ONCE = 30
"""So many leads at least have a kind of event in the same second for it to be an edit in bulk."""
TIMES_USUAL = 10.0
DOUBTS_OF_TIME = (
    *("creations_in_bulk", "ends_in_bulk", "odd_time_to_win", "wins_on_first_day"),
    *("ends_before_creation", "early_events", "outcomes_begin_late", "lone_end"),
)
"""What the export's profile doubts (`leadcast check`) and an audit repeats."""


def audit_times(
    outcomes: LeadOutcomes,
    ends: pl.DataFrame,
    events: pl.LazyFrame,
    types: Mapping[str, str],
    columns: Mapping[str, str],
    until: datetime | None,
) -> Iterator[AuditFinding]:
    """Look at dates and at events in bulk.

    Parameters
    ----------
    outcomes : LeadOutcomes
    ends : pl.DataFrame
        As `leadcast.features.tables.Tables.outcomes`.
    events : pl.LazyFrame
    types, columns : mapping of str to str
        Each attribute's type, and the export's column of it.
    until : datetime or None
        The end of the export.

    Yields
    ------
    AuditFinding
    """
    leads = outcomes.leads
    times = {columns.get(name, name): leads[name] for name, kind in types.items() if kind == "time"}
    yield from _out_of_order(outcomes, ends, times)
    if until is not None:
        for column, series in times.items():
            mine = (series > until).fill_null(value=False).to_numpy()
            if mine.any():
                contrast = outcomes.contrast(mine, series.is_not_null().to_numpy())
                count = int(mine.sum())
                words = f"after {until:%Y-%m-%d}"
                yield AuditFinding(
                    "dates_in_future", column, count, series.count(), words, contrast=contrast
                )
    yield from _in_bulk(events, "events_in_bulk", "event {}")
    if CHANGES in leads.columns:
        names = {name: columns.get(name, name) for name in types}
        yield from _in_bulk(_changes(leads, names), "changes_in_bulk", "{}")


def _changes(leads: pl.DataFrame, names: Mapping[str, str]) -> pl.LazyFrame:
    """Take the changes of the leads' attributes for events, each by its column's name."""
    each = leads.lazy().select("lead_id", CHANGES).explode(CHANGES).drop_nulls(CHANGES)
    named = pl.col("attribute").replace(names)
    return each.unnest(CHANGES).select("lead_id", occurred_at="changed_at", event_type=named)


def _out_of_order(
    outcomes: LeadOutcomes, ends: pl.DataFrame, times: Mapping[str, pl.Series]
) -> Iterator[AuditFinding]:
    leads = outcomes.leads
    closed = leads.select("lead_id").join(ends, on="lead_id", how="left", maintain_order="left")
    known = {"created": leads["created_at"], **times}
    known |= {"won": closed["won_at"], "lost": closed["lost_at"]}
    known = {name: series for name, series in known.items() if series.count()}
    for (one, first), (other, second) in combinations(known.items(), 2):
        if {one, other} == {"won", "lost"}:
            continue
        both = first.is_not_null() & second.is_not_null()
        pairs, before = int(both.sum()), (first <= second).fill_null(value=False)
        if pairs < FEWEST_PAIRS:
            continue
        share = float(before.sum()) / pairs
        if share in (0.0, 1.0) or MOSTLY > share > 1 - MOSTLY:
            continue
        wrong = both & (~before if share >= MOSTLY else before)
        earlier, later = (one, other) if share >= MOSTLY else (other, one)
        yield AuditFinding(
            "dates_out_of_order",
            f"{later}, {earlier}",
            int(wrong.sum()),
            pairs,
            f"{later} lies before {earlier}, which is the other way round in "
            f"{max(share, 1 - share):.1%} of the leads with both",
            contrast=outcomes.contrast(wrong.to_numpy(), both.to_numpy()),
        )


def _in_bulk(events: pl.LazyFrame, found: str, subject: str) -> Iterator[AuditFinding]:
    second = pl.col("occurred_at").dt.truncate("1s")
    at_once = (
        events.group_by("event_type", second)
        .agg(leads=pl.col("lead_id").n_unique(), events=pl.len())
        .collect(engine="streaming")
    )
    for (kind,), counts in sorted(at_once.group_by("event_type"), key=lambda one: str(one[0])):
        usual = float(counts["leads"].quantile(0.95, "nearest") or 0)
        bulk = counts.filter(pl.col("leads") >= max(FEWEST_AT_ONCE, TIMES_USUAL * usual))
        # Where all events have whole hours or days, many at once are usual, and none is told.
        if bulk.is_empty() or counts.height < FEWEST_AT_ONCE:
            continue
        count, of = int(bulk["events"].sum()), int(counts["events"].sum())
        peak = bulk.sort("leads", "occurred_at", descending=[True, False]).row(0, named=True)
        yield AuditFinding(
            found,
            subject.format(kind),
            count,
            of,
            f"{bulk.height:,} seconds with {FEWEST_AT_ONCE} leads or more; at "
            f"{peak['occurred_at']:%Y-%m-%d %H:%M:%S} UTC it is {peak['leads']:,} leads, where "
            f"95 % of the other seconds have {usual:g} at most",
        )


def doubts_of_time(doubts: Sequence[Mapping[str, Any]], n_leads: int) -> Iterator[AuditFinding]:
    """Repeat what the export's profile doubts about times.

    Parameters
    ----------
    doubts : sequence of mapping
        As ``quality.json`` has them.
    n_leads : int

    Yields
    ------
    AuditFinding
    """
    for one in doubts:
        if one["code"] in DOUBTS_OF_TIME:
            # What follows the first colon are examples.
            found = str(one["found"]).partition(": ")[0]
            yield AuditFinding(
                "profile_doubt",
                str(one["where"]),
                int(one["count"]),
                max(n_leads, int(one["count"])),
                f"{found} [{one['code']}]",
                vouched=one["vouched"],
                advice=str(one["remedy"]),
                about=DOUBTS[one["code"]].meaning.partition(":")[0].rstrip("."),
            )
