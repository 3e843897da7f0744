"""Rescoring only the leads of which something has become known since a moment."""

from datetime import datetime

import numpy as np
import polars as pl

from features.coded import EventTable
from features.tables import TIME

UPDATED = "updated_at"
"""A time at which a lead's attributes were changed last, where the leads have such a column."""


def changed_since(
    leads: pl.LazyFrame, events: EventTable | None, since: datetime, until: datetime | None
) -> pl.LazyFrame:
    """Keep the leads that were created, changed or did something since a moment.

    A score changes with time alone as well; that is not a change of the lead.

    Parameters
    ----------
    leads : pl.LazyFrame
        With ``created_at`` and perhaps `UPDATED`.
    events : EventTable or None
        Their events, with ``occurred_at``.
    since : datetime
        From when on (inclusive), with a time zone.
    until : datetime or None
        Until when (exclusive) events are known: the moment of the scores.

    Returns
    -------
    pl.LazyFrame
        The same columns, fewer rows, in the same order.
    """
    is_new = pl.col("created_at") >= since
    if UPDATED in leads.collect_schema():
        is_new |= pl.col(UPDATED) >= since
    if events is None:
        return leads.filter(is_new.fill_null(value=True))
    busy = _busy(events, since, until)
    is_busy = pl.col("lead_id").cast(pl.String).is_in(busy.implode())
    # Of whom the creation is not known, nobody can say that nothing has changed.
    return leads.filter(is_new.fill_null(value=True) | is_busy)


def _busy(events: EventTable, since: datetime, until: datetime | None) -> pl.Series:
    if isinstance(events, pl.LazyFrame):
        recent = events.filter(pl.col("occurred_at") >= since)
        if until is not None:
            recent = recent.filter(pl.col("occurred_at") < until)
        return recent.select(pl.col("lead_id").cast(pl.String)).unique().collect()["lead_id"]
    first, last = pl.Series([since, until], dtype=TIME).to_physical()
    found = [pl.Series(dtype=pl.String)]
    for some in events.batches(with_values=False):
        is_recent = (some.leads >= 0) & (some.times_us >= first)
        if last is not None:
            is_recent &= some.times_us < last
        found.append(some.lead_ids.gather(np.unique(some.leads[is_recent])))
    return pl.concat(found).unique()
