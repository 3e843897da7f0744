"""How leads ended, where the outcome is an event."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import polars as pl

from features.sources.context import Context
from features.sources.ends import Ends, nobody
from features.sources.event_tables import OpenEvents, event_types
from features.sources.leads import Leads
from features.sources.ledger import Ledger
from features.sources.origins import UnreadableError
from features.sources.outcome_schema import EventOutcomes
from features.sources.times import parse_times
from features.sources.values import clean_text
from features.tables import empty_events


def ends_by_events(
    context: Context, about: EventOutcomes, opened: Sequence[OpenEvents], leads: Leads
) -> Ends:
    """Find how leads ended among their events: the first of each meaning gives the time.

    Parameters
    ----------
    context : Context
        The definition. Events that cannot be read are no concern here: they are told when the
        events are read.
    about : EventOutcomes
        Which events mean what.
    opened : sequence of OpenEvents
        The tables of events.
    leads : Leads
        The leads.

    Returns
    -------
    Ends
        A row for each lead in their order.
    """
    none = empty_events().select("lead_id", "occurred_at", "event_type").collect()
    moments = [part for one in opened for part in _outcome_events(context, about, one)]
    found = pl.concat([none, *moments])
    found = found.filter(pl.col("occurred_at") <= context.until)
    won = pl.col("event_type").is_in(list(about.won_events))
    first = found.group_by("lead_id").agg(
        won_at=pl.col("occurred_at").filter(won).min(),
        lost_at=pl.col("occurred_at").filter(~won).min(),
    )
    frame = leads.frame.select("lead_id").join(
        first, on="lead_id", how="left", maintain_order="left"
    )
    frame = frame.with_columns(
        converted=pl.lit(None, dtype=pl.Boolean), amount=pl.lit(None, dtype=pl.Float64)
    )
    return Ends(frame, leads.raw, "leads", "lead_id", "won_events", "lost_events", nobody())


def _outcome_events(
    context: Context, about: EventOutcomes, one: OpenEvents
) -> Iterator[pl.DataFrame]:
    wanted = [*about.won_events, *about.lost_events]
    columns, rules = one.about.columns, context.time_rules(one.about)
    missing = one.table.missing
    # A fault that stops the reading is told when the events themselves are read.
    with suppress(UnreadableError):
        for rows in one.table.parts(one.wanted(), Ledger()):
            types = event_types(rows, one)
            mine = types.is_in(wanted).fill_null(False)
            few = rows.filter(mine).frame
            yield pl.DataFrame(
                {
                    "lead_id": clean_text(few[columns.lead_id], missing),
                    "occurred_at": parse_times(few[columns.occurred_at], rules, missing).values,
                    "event_type": types.filter(mine),
                }
            )
