"""The ledger of a lead: which rule gave which points, when, and what the limits took away."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.boundary import known
from leadcast.features.registry import DAY_US
from leadcast.features.tables import TIME
from leadcast.models.rules.conditions import EventCondition
from leadcast.models.rules.points import evaluate
from leadcast.models.rules.points_table import PointLimits, Rule, RuleTable
from leadcast.models.rules.rule_loop import kept
from leadcast.models.rules.rule_rows import Tallied, matches, tallies_of

COLUMNS = {
    "occurred_at": TIME,
    "event_type": pl.String(),
    "rule": pl.String(),
    "group": pl.String(),
    "kind": pl.String(),
    "points": pl.Float64(),
    "words": pl.String(),
}
"""The ledger's columns."""
Entry = tuple[datetime | None, str | None, str | None, str | None, str, float, str]
_TINY = 1e-9


def ledger(
    table: RuleTable,
    leads: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame | None,
    lead_id: str,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """Account for the points of one lead at a moment.

    Parameters
    ----------
    table : RuleTable
        The points table.
    leads, events
        As in `leadcast.models.rules.evaluate`.
    lead_id : str
        The lead.
    as_of : datetime or None
        The moment, with its zone; may be None where nothing depends on it.

    Returns
    -------
    pl.DataFrame
        The columns `COLUMNS`: ``occurred_at`` and ``event_type`` of the event that gave the
        points (null for an attribute), ``rule``, ``group``, ``kind`` (``rule``, or what changed
        the sum: ``rule limit``, ``negative limit``, ``limit``, ``floor``, ``exclusion``; with
        ``group`` null they are the total's), ``points`` and ``words``. The points add up to the
        total that `evaluate` gives, but for the rounding of floating-point numbers.

    Raises
    ------
    LeadcastError
        If there is no such lead.
    FaultsError
        As `evaluate`.
    """
    lead = leads.filter(pl.col("lead_id").cast(pl.String) == lead_id)
    if lead.is_empty():
        raise LeadcastError(f"there is no lead {lead_id!r} in the table of leads")
    own = _known_events(events, lead_id, as_of)
    row = pl.DataFrame({"lead_id": [lead_id], "as_of": pl.Series([as_of], dtype=TIME)})
    scores = evaluate(table, lead, own, row)
    entries: list[Entry] = []
    for index, rule in enumerate(table.rules):
        if scores.fired[0, index]:
            given = float(scores.contributions[0, index])
            entries += _of_rule(rule, given, own, as_of)
    groups: list[float] = []
    for name, group in table.groups.items():
        of = [i for i, rule in enumerate(table.rules) if rule.group == name]
        parts = [float(scores.contributions[0, i]) for i in of]
        entries += _of_limits(parts, group, name)
        groups.append(float(scores.groups[name][0]))
    entries += _of_limits(groups, table.total, None)
    if scores.excluded[0]:
        entries.append(_exclusion(table, sum(entry[5] for entry in entries)))
    return pl.DataFrame(entries, schema=COLUMNS, orient="row")


def _known_events(
    events: pl.DataFrame | pl.LazyFrame | None, lead_id: str, as_of: datetime | None
) -> pl.DataFrame | None:
    if events is None or as_of is None:
        return None
    of_lead = pl.col("lead_id").cast(pl.String) == lead_id
    before = known(pl.col("occurred_at"), pl.lit(as_of).cast(TIME))
    return events.lazy().filter(of_lead, before).collect().sort("occurred_at", descending=True)


def _of_rule(
    rule: Rule, given: float, own: pl.DataFrame | None, as_of: datetime | None
) -> Iterator[Entry]:
    conditions = [one for one in rule.when.events() if not one.negated]
    if own is None or as_of is None or not conditions:
        yield None, None, rule.name, rule.group, "rule", given, "the lead's attributes"
        return
    counted = _counted(conditions[0], own, as_of)
    if not rule.each:
        newest = counted.head(1)
        when = (newest["occurred_at"].to_list() or [None])[0]
        kind = (newest["event_type"].to_list() or [None])[0]
        words = f"{counted.height} such events" if counted.height != 1 else "one such event"
        yield when, kind, rule.name, rule.group, "rule", given, words + _faded(given, rule.points)
        return
    total = 0.0
    tallies = tallies_of([Tallied(conditions[0], rule.each, rule.decay)], np.ones((1, 1), np.bool_))
    for when, kind, age_us in counted.select("occurred_at", "event_type", "age_us").iter_rows():
        points = rule.points * kept(tallies, 0, float(age_us))
        total += points
        words = f"{age_us / DAY_US:.1f} days ago" + _faded(points, rule.points)
        yield when, kind, rule.name, rule.group, "rule", points, words
    if rule.limit is not None and abs(given - total) > _TINY:
        words = f"at most {rule.limit:g} by this rule"
        yield None, None, rule.name, rule.group, "rule limit", given - total, words


def _counted(condition: EventCondition, own: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    age_us = pl.lit(as_of).cast(TIME).to_physical() - pl.col("occurred_at").cast(TIME).to_physical()
    aged = own.with_columns(age_us=age_us)
    age = pl.col("age_us")
    is_the_one = age == (age.max() if condition.which.startswith("first") else age.min())
    if condition.which.endswith("_of_all"):
        aged = aged.filter(is_the_one)
    found = aged.filter(matches(condition, own.schema))
    if condition.which in ("first", "last"):
        found = found.filter(is_the_one)
    if condition.within_days is None:
        return found
    return found.filter(pl.col("age_us") / DAY_US <= condition.within_days)


def _of_limits(parts: list[float], limits: PointLimits, group: str | None) -> Iterator[Entry]:
    of = "the total" if group is None else f"the group {group!r}"
    total = sum(parts)
    taken = sum(min(part, 0.0) for part in parts)
    most = limits.negative_limit
    if most is not None and taken < -most:
        words = f"negative points take at most {most:g} from {of}"
        yield None, None, None, group, "negative limit", -most - taken, words
        total += -most - taken
    if limits.limit is not None and total > limits.limit:
        words = f"at most {limits.limit:g} in {of}"
        yield None, None, None, group, "limit", limits.limit - total, words
        total = limits.limit
    if limits.floor is not None and total < limits.floor:
        words = f"at least {limits.floor:g} in {of}"
        yield None, None, None, group, "floor", limits.floor - total, words


def _exclusion(table: RuleTable, total: float) -> Entry:
    words = "an exclusion takes the lead out"
    return None, None, None, None, "exclusion", table.total.excluded - total, words


def _faded(given: float, points: float) -> str:
    share = given / points if points else 1.0
    return f", {share:.0%} of {points:g} points left" if abs(share - 1) > _TINY else ""
