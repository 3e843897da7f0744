"""Ranges of one attribute that overlap: the leads in both get the points of both."""

import math
from collections.abc import Iterator
from itertools import combinations, islice

from features.errors import Fault
from models.rules.columns import fault_at
from models.rules.conditions import AttributeCondition
from models.rules.questions import Span
from models.rules.table import RuleTable

MOST_TOLD = 500
"""A thousand rules may overlap in half a million pairs, which nobody reads."""


def overlap_faults(table: RuleTable) -> Iterator[Fault]:
    """Warn of rules whose only conditions are overlapping ranges of the same attribute.

    Parameters
    ----------
    table : RuleTable
        The table.

    Yields
    ------
    Fault
        A warning for each pair, for `MOST_TOLD` at most; it stands where the later rule does.
    """
    yield from islice(_overlaps(table), MOST_TOLD)


def _overlaps(table: RuleTable) -> Iterator[Fault]:
    for (one, first), (other, second) in combinations(_ranges(table), 2):
        if first.attribute != second.attribute or first.read_as != second.read_as:
            continue
        for a, b in ((first.span, second.span), (first.days_ago, second.days_ago)):
            if a is not None and b is not None and overlap(a, b):
                names = table.rules[one].name, table.rules[other].name
                key = ("rules", other, "when")
                yield fault_at(
                    table,
                    key,
                    f"a range of {first.attribute!r} that overlaps that of {names[0]!r}",
                    "ranges that lie side by side",
                    f"A lead in both gets the points of both. If {names[1]!r} is not meant "
                    "to add to it, let the one range end (below:) where the other begins (min:).",
                    is_error=False,
                )


def overlap(one: Span, other: Span) -> bool:
    """Tell whether two ranges share a number.

    Parameters
    ----------
    one, other : Span
        Ranges.

    Returns
    -------
    bool
    """
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
