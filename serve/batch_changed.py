"""Rescoring only the leads of which something has become known since a moment."""

from datetime import datetime

import polars as pl

UPDATED = "updated_at"
"""A time at which a lead's attributes were changed last, where the leads have such a column."""


def changed_since(
    leads: pl.LazyFrame, events: pl.LazyFrame | None, since: datetime, until: datetime | None
) -> pl.LazyFrame:
    """Keep the leads that were created, changed or did something since a moment.

    A score changes with time alone as well; that is not a change of the lead.

    Parameters
    ----------
    leads : pl.LazyFrame
        With ``created_at`` and perhaps `UPDATED`.
    events : pl.LazyFrame or None
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
    recent = events.filter(pl.col("occurred_at") >= since)
    if until is not None:
        recent = recent.filter(pl.col("occurred_at") < until)
    busy = recent.select(pl.col("lead_id").cast(pl.String)).unique().collect()["lead_id"]
    is_busy = pl.col("lead_id").cast(pl.String).is_in(busy.implode())
    # Of whom the creation is not known, nobody can say that nothing has changed.
    return leads.filter(is_new.fill_null(value=True) | is_busy)
