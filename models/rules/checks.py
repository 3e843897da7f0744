"""What a points table does on data, and what about it cannot be meant."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.models.rules.answers import column_faults, fault_at, placed_conditions
from leadcast.models.rules.conditions import AttributeCondition, EventCondition, Span
from leadcast.models.rules.points import RuleScores, evaluate, held_within
from leadcast.models.rules.points_table import PointLimits, RuleTable
from leadcast.models.rules.rule_rows import ANY_KIND

MOST_TOLD = 500
"""A thousand rules may overlap in half a million pairs, which nobody reads."""


_beware = partial(fault_at, is_error=False)


def overlap_faults(table: RuleTable) -> Iterator[Fault]:
    """Warn of rules whose only conditions are overlapping ranges of the same attribute."""
    yield from islice(_overlaps(table), MOST_TOLD)


def _overlaps(table: RuleTable) -> Iterator[Fault]:
    for (one, first), (other, second) in combinations(_ranges(table), 2):
        if first.attribute != second.attribute or first.read_as != second.read_as:
            continue
        for a, b in ((first.span, second.span), (first.days_ago, second.days_ago)):
            if a is not None and b is not None and overlap(a, b):
                names = table.rules[one].name, table.rules[other].name
                key = ("rules", other, "when")
                yield _beware(
                    table,
                    key,
                    f"a range of {first.attribute!r} that overlaps that of {names[0]!r}",
                    "ranges that lie side by side",
                    f"A lead in both gets the points of both. If {names[1]!r} is not meant "
                    "to add to it, let the one range end (below:) where the other begins (min:).",
                )


def overlap(one: Span, other: Span) -> bool:
    """Tell whether two ranges share a number."""
    return _begins_within(one, other) and _begins_within(other, one)


def _begins_within(one: Span, other: Span) -> bool:
    start = -math.inf if one.min is None else one.min
    if other.below is not None:
        return start < other.below
    return start <= (math.inf if other.max is None else other.max)


def _ranges(table: RuleTable) -> Iterator[tuple[int, AttributeCondition]]:
    for index, rule in enumerate(table.rules):
        for condition in rule.when.each() if len(rule.when.each()) == 1 else ():
            if isinstance(condition, AttributeCondition) and not condition.negated:
                yield index, condition


def check_rules(
    table: RuleTable,
    leads: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame | None,
    rows: pl.DataFrame,
    converted: npt.ArrayLike | None = None,
    scores: RuleScores | None = None,
) -> list[Fault]:
    """Check a points table against data: what is not there, and what has no effect.

    Parameters
    ----------
    table : RuleTable
        The points table.
    leads, events, rows
        As in `leadcast.models.rules.evaluate`.
    converted : array_like of bool, shape (n_rows,), optional
        Which rows ended with a customer; where given, points that point the wrong way are told.
    scores : RuleScores, optional
        What `evaluate` gives for the same, where it has been computed already.

    Returns
    -------
    list of Fault
        Columns that are not there are errors, with the nearest name; ranges that
        overlap, kinds of events that the data do not have, rules that never or always fire,
        limits that are never met or that leave a rule without effect, and points against the
        outcomes are warnings. In the order of the lines.
    """
    faults = column_faults(table, leads, events)
    is_usable = not faults
    faults += [*overlap_faults(table), *_unknown_kinds(table, events)]
    if not is_usable:
        return sorted(faults, key=lambda fault: fault.line)
    found = evaluate(table, leads, events, rows) if scores is None else scores
    if rows.height:
        faults += _of_firing(table, found)
        faults += _of_limits(table, found)
    if converted is not None:
        faults += _against_outcomes(table, found, np.asarray(converted, dtype=np.float64))
    return sorted(faults, key=lambda fault: fault.line)


def _unknown_kinds(table: RuleTable, events: pl.DataFrame | pl.LazyFrame | None) -> Iterator[Fault]:
    placed = [
        (key, kind)
        for key, condition in placed_conditions(table)
        if isinstance(condition, EventCondition)
        for kind in condition.event
        if kind != ANY_KIND
    ]
    if not placed:
        return
    kinds: Sequence[str] = []
    if events is not None:
        column = pl.col("event_type").cast(pl.String)
        kinds = events.lazy().select(column.unique()).collect()["event_type"].drop_nulls().to_list()
    for key, kind in placed:
        if kind not in kinds:
            remedy = did_you_mean(kind, sorted(kinds)) if kinds else "This source has no events."
            found = f"events of the kind {kind!r}, of which there are none"
            yield fault_at(table, (*key, "event"), found, "a kind that there is", remedy)


def _of_firing(table: RuleTable, scores: RuleScores) -> Iterator[Fault]:
    fired = scores.fired.mean(axis=0)
    for index, rule in enumerate(table.rules):
        if fired[index] in (0.0, 1.0):
            never = fired[index] == 0.0
            found = f"a rule that {'never' if never else 'always'} fires on this data"
            remedy = "Mend its conditions or remove it."
            if not never and rule.each:
                continue
            key = ("rules", index, "name")
            yield _beware(table, key, found, "one that tells leads apart", remedy)
    if scores.excluded.all():
        found = "exclusions that take every lead out"
        yield fault_at(table, ("exclusions",), found, "some leads left", "Mend them.")


def _of_limits(table: RuleTable, scores: RuleScores) -> Iterator[Fault]:
    for index, rule in enumerate(table.rules):
        if rule.limit is not None and rule.limit <= abs(rule.points) and rule.decay is None:
            found = f"a limit of {rule.limit:g} for {rule.points:g} points each"
            key = ("rules", index, "limit")
            expected, remedy = "a limit above the points", "Leave each out, or raise the limit."
            yield _beware(table, key, found, expected, remedy)
    for name, group in table.groups.items():
        of = [index for index, rule in enumerate(table.rules) if rule.group == name]
        if not of:
            found, remedy = f"the group {name!r} without rules", "Remove it, or give it rules."
            yield _beware(table, ("groups", name), found, "rules", remedy)
        else:
            yield from _useless(table, scores, name, group, of)


def _useless(
    table: RuleTable, scores: RuleScores, name: str, group: PointLimits, of: list[int]
) -> Iterator[Fault]:
    """Find rules of a group whose points the group's limits always take away again."""
    if group.limit is None and group.floor is None and group.negative_limit is None:
        return
    sums = scores.groups[name]
    for index in of:
        fires = scores.fired[:, index] & (scores.contributions[:, index] != 0.0)
        if not fires.any():
            continue
        without = scores.contributions[fires][:, [other for other in of if other != index]]
        if np.array_equal(held_within(without, group), sums[fires]):
            found = f"limits of the group {name!r} that always undo this rule's points"
            remedy = "Raise the limit, lower the other rules' points, or remove the rule."
            key = ("rules", index, "points")
            yield _beware(table, key, found, "points that count", remedy)


def _against_outcomes(
    table: RuleTable, scores: RuleScores, converted: npt.NDArray[np.float64]
) -> Iterator[Fault]:
    """Find rules whose leads did plainly the opposite of what their points say."""
    base = converted.mean() if len(converted) else 0.0
    for index, rule in enumerate(table.rules):
        of = converted[scores.fired[:, index]]
        # Three standard errors, so that among fifty rules hardly one is told by chance.
        reach = 3.0 * np.sqrt(base * (1 - base) / max(len(of), 1))
        gap = (of.mean() - base) if len(of) else 0.0
        if gap * np.sign(rule.points) < -reach:
            found = f"{rule.points:+g} points for leads of which {of.mean():.1%} became customers"
            expected = f"{'more' if rule.points > 0 else 'fewer'} than among all ({base:.1%})"
            key, remedy = ("rules", index, "points"), "Turn the points round, or remove the rule."
            yield _beware(table, key, found, expected, remedy)
