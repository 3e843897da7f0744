"""Only what people did: the same step before a training run, a batch and one request."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.nonhuman.evidence import SETTLED_US
from leadcast.features.nonhuman.judging import ReducedEvents, judge, reduced
from leadcast.features.nonhuman.people_rules import CLICK, OPEN, OTHER, VISIT, PeopleRules
from leadcast.features.nonhuman.signs import SIGNS, bits_of_one
from leadcast.features.tables import TIME

NONHUMAN = "nonhuman"
"""The column with each event's probability not to be a person's. Events that have it were judged
when their export was read, and are not judged again."""
_ROW = "row of the event"
_NEEDED = ("lead_id", "occurred_at", "event_type")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
OneEvent = Sequence[object]
"""When, which kind, which value, and perhaps a mapping with
`leadcast.features.nonhuman.signs.SIGNS`."""


def emails_of(leads: pl.DataFrame) -> list[str | None]:
    """List the leads' addresses, None where there is none."""
    if "email" not in leads.columns or leads.schema["email"] == pl.Null:
        return [None] * leads.height
    found: list[str | None] = leads["email"].cast(pl.String).to_list()
    return found


def settled(rules: PeopleRules) -> pl.Expr:
    """Give the moment from which on an event counts: when its verdict stands.

    Whether an open, a click or a visit is a person's is known once it is seen what follows within
    `leadcast.features.nonhuman.evidence.SETTLED_US`; every other event counts at once.
    """
    kinds = [kind for kind, role in rules.roles.items() if role in (OPEN, CLICK, VISIT)]
    waits = pl.col("event_type").cast(pl.String).is_in(kinds).fill_null(value=False)
    later = pl.col("occurred_at") + pl.duration(microseconds=SETTLED_US)
    return pl.when(waits).then(later).otherwise(pl.col("occurred_at")).alias("occurred_at")


def people_only(rules: PeopleRules, leads: pl.DataFrame, events: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out the events that are not people's, and let the others count once that is known.

    Parameters
    ----------
    rules : PeopleRules
    leads : pl.DataFrame
        ``lead_id``, and ``email`` where it is known; one lead may have several rows.
    events : pl.LazyFrame
        As `leadcast.features.tables.Tables.events`, with
        `leadcast.features.nonhuman.signs.SIGNS` as far as they are known. Of the leads' events all
        must be here. With the column `NONHUMAN` they have been judged before.

    Returns
    -------
    pl.LazyFrame
        Canonical columns. What lacks its lead, time or kind stays, for others to tell.
    """
    schema = events.collect_schema()
    if NONHUMAN in schema:
        is_kept = (pl.col(NONHUMAN) < rules.threshold).fill_null(value=True)
        return events.filter(is_kept).drop(NONHUMAN)
    one_each = leads.unique("lead_id", keep="first", maintain_order=True)
    numbered = one_each.select(pl.col("lead_id").cast(pl.String)).with_row_index(_ROW)
    mine = (
        events.with_columns(pl.col("lead_id").cast(pl.String))
        .join(numbered.lazy(), on="lead_id", how="left", maintain_order="left")
        .filter(pl.col(_ROW).is_not_null() | pl.col("lead_id").is_null())
        .collect()
    )
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in _NEEDED)
    is_whole = mine.select(whole).to_series()
    judged = mine.filter(is_whole)
    places = judged[_ROW].cast(pl.Int32).to_numpy()
    verdicts = judge(rules, reduced(rules, judged), places, emails_of(one_each))
    kept = judged.filter(pl.Series(verdicts.probability < rules.threshold, dtype=pl.Boolean))
    kept = kept.with_columns(pl.col("occurred_at").cast(TIME)).with_columns(settled(rules))
    rest = mine.filter(~is_whole).with_columns(pl.col("occurred_at").cast(TIME))
    names = [name for name in (*_NEEDED, "value") if name in schema]
    return pl.concat([kept.select(names), rest.select(names)]).lazy()


def people_only_of_one(
    rules: PeopleRules, lead: Mapping[str, object], events: Sequence[OneEvent]
) -> list[tuple[object, ...]]:
    """Do as `people_only` for one lead.

    Parameters
    ----------
    rules : PeopleRules
    lead : mapping of str to object
        With ``email`` where it is known.
    events : sequence of (datetime, str, float or None[, mapping])
        Times with a zone. What lacks its form stays as it is, for others to tell.

    Returns
    -------
    list of tuple
        When, which kind, which value.
    """
    plain = [tuple(event) for event in events]
    whole = [place for place, event in enumerate(plain) if _is_whole(event)]
    email = lead.get("email")
    times = [(plain[place][0] - _EPOCH) // _MICROSECOND for place in whole]  # type: ignore[operator]
    found = ReducedEvents(
        np.array(times, dtype=np.int64),
        np.array([rules.roles.get(str(plain[place][1]), OTHER) for place in whole], np.int8),
        np.array([_signs(rules, plain[place]) for place in whole], np.uint16),
    )
    nobody = np.zeros(len(whole), dtype=np.int32)
    verdicts = judge(rules, found, nobody, [email if isinstance(email, str) else None])
    gone = {
        place
        for place, probability in zip(whole, verdicts.probability, strict=True)
        if probability >= rules.threshold
    }
    waits = {place for place, role in zip(whole, found.roles, strict=True) if role in _WAITING}
    later = timedelta(microseconds=SETTLED_US)
    return [
        (event[0] + later, *event[1:3]) if place in waits else event[:3]  # type: ignore[operator]
        for place, event in enumerate(plain)
        if place not in gone
    ]


_WAITING = (OPEN, CLICK, VISIT)


def _is_whole(event: tuple[object, ...]) -> bool:
    if len(event) < 3 or not isinstance(event[1], str):
        return False
    when = event[0]
    return isinstance(when, datetime) and when.utcoffset() is not None


def _signs(rules: PeopleRules, event: tuple[object, ...]) -> int:
    signs = event[3] if len(event) > 3 else None
    if not isinstance(signs, Mapping):
        return 0
    agent, address, filtered = (signs.get(name) for name in SIGNS)
    return bits_of_one(rules, agent, address, filtered)
