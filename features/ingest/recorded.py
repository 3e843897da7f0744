"""From when on a source's outcomes were recorded, as its definition or its data say."""

from datetime import UTC, datetime

from leadcast.features.base.errors import Fault
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.outcomes import Settled
from leadcast.features.recording import Survivors, late_record, survivors
from leadcast.features.values.times import parse_moment

FIRST, ALWAYS = "first", "always"
"""Words that `outcomes_from` may be instead of a time."""
CODE = "outcomes_begin_late"
ASIDE = "set_aside"


def recorded_from(context: Context, settled: Settled, until: datetime | None) -> datetime | None:
    """Tell from when on outcomes were recorded; None where ever since the first lead.

    Parameters
    ----------
    context : Context
        Its ledger is told how many leads were created before.
    settled : Settled
        The leads and how they ended.
    until : datetime or None
        Until when outcomes are known.

    Returns
    -------
    datetime or None
        In UTC.
    """
    asked = context.definition.outcomes_from
    if not context.definition.is_dated or asked == ALWAYS:
        return None
    created = settled.leads.frame["created_at"]
    if asked is None:
        # The doubt of this code is told with the profile; who vouches for it says that none lack.
        if until is None or CODE in context.definition.vouched:
            return None
        late = late_record(settled.leads.frame, settled.outcomes, until)
        if late is None:
            return None
        return _looked_at(context, settled, late.since.astimezone(UTC), until)
    begin = _first_end(settled) if asked == FIRST else _declared(context, asked)
    before = 0 if begin is None else int((created < begin).sum())
    if not before:
        return None
    context.ledger.fault(_known(context, asked, before, len(created)))
    return None if begin is None else _looked_at(context, settled, begin, until)


def _looked_at(
    context: Context, settled: Settled, begin: datetime, until: datetime | None
) -> datetime:
    """Tell where delayed entry would count leads as open that had ended."""
    if context.definition.before_outcomes != ASIDE and until is not None:
        old = survivors(settled.leads.frame, settled.outcomes, begin, until)
        if not old.are_open:
            context.ledger.fault(_no_survivors(old, begin))
    return begin


def _declared(context: Context, asked: str) -> datetime:
    return parse_moment(asked, context.definition.time_zone)


def _first_end(settled: Settled) -> datetime | None:
    ends = [settled.outcomes[name].min() for name in ("won_at", "lost_at")]
    moments = [end.astimezone(UTC) for end in ends if isinstance(end, datetime)]
    return min(moments, default=None)


_BEFORE = {
    "set_aside": "are left out of training and testing, and of the rates that features learn; they "
    "never count as lost",
    "delayed_entry": "count at the ages that they reach from then on (before_outcomes: "
    "delayed_entry)",
}


def _no_survivors(old: Survivors, begin: datetime) -> Fault:
    return Fault(
        where="before_outcomes",
        found=f"{old.leads:,} leads from before {begin:%Y-%m-%d} without an end from before: had "
        f"they been open then, about {old.expected:,.0f} would have ended since, and {old.seen:,} "
        "did",
        expected="leads that were still open (delayed_entry)",
        remedy="Many seem to have ended before, which nobody wrote down; as open leads they make "
        "every probability too low. Write `before_outcomes: set_aside`, or leave leads that had "
        "ended out of the export.",
        severity="warning",
        count=old.leads,
    )


def _known(context: Context, asked: str, before: int, n_leads: int) -> Fault:
    return Fault(
        where="outcomes_from",
        found=f"{before:,} of {n_leads:,} leads that were created before outcomes were recorded "
        f"({asked})",
        expected="leads whose outcome would be known",
        remedy=f"They {_BEFORE[context.definition.before_outcomes]}.",
        severity="warning",
        count=before,
        is_usual=True,
    )
