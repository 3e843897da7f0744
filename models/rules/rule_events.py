"""Events made ready for the rules: each coded by the conditions that it satisfies."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine.grouping import Events, group_events
from leadcast.features.registry import DAY_US
from leadcast.models.rules.answers import asked
from leadcast.models.rules.conditions import EventCondition
from leadcast.models.rules.decay import Decay, Expiry, ExponentialDecay, LinearDecay, StepDecay
from leadcast.models.rules.points_table import RuleTable
from leadcast.models.rules.rule_loop import (
    ANY,
    EXPONENTIAL,
    FIRST,
    FIRST_OF_ALL,
    LAST,
    LAST_OF_ALL,
    LINEAR,
    NO_DECAY,
    STEPS,
    Tallies,
)

ANY_KIND = "any"
"""What a condition calls every kind of events."""
_WHICH = {
    "any": ANY,
    "first": FIRST,
    "last": LAST,
    "first_of_all": FIRST_OF_ALL,
    "last_of_all": LAST_OF_ALL,
}
_BITS = 40
_FOREVER_US = 2.0**62


class Tallied(NamedTuple):
    """A condition on events with what its rule does with the events that count."""

    condition: EventCondition
    """The condition."""
    each: bool = False
    """Whether the points are given for each event."""
    decay: Decay | None = None
    """How they fade."""


def tallied_by(table: RuleTable) -> list[Tallied]:
    """List every condition on events of a table."""
    found = [
        Tallied(condition, rule.each, rule.decay)
        for rule in table.rules
        for condition in rule.when.events()
    ]
    return found + [Tallied(one) for out in table.exclusions for one in out.when.events()]


def collect_coded(
    events: pl.LazyFrame, lead_ids: pl.Series, tallied: Sequence[Tallied]
) -> tuple[Events, npt.NDArray[np.bool_]]:
    """Read the events of some leads that matter to some conditions."""
    schema = events.collect_schema()
    tests = [matches(condition, schema) for condition, _, _ in tallied]
    words = [
        pl.sum_horizontal(
            test.cast(pl.Int64) * (1 << bit) for bit, test in enumerate(tests[at : at + _BITS])
        ).alias(f"word_{at}")
        for at in range(0, len(tests), _BITS)
    ]
    lead = pl.col("lead_id").cast(pl.String).cast(pl.Enum(lead_ids), strict=False).to_physical()
    moment = pl.col("occurred_at").dt.cast_time_unit("us").to_physical()
    wanted = pl.col("lead_id").is_not_null() & pl.col("occurred_at").is_not_null()
    # The very first and last events are only known among all.
    if not any(condition.which.endswith("_of_all") for condition, _, _ in tallied):
        wanted &= pl.any_horizontal(pl.col("^word_.*$") > 0)
    table = (
        events.select(lead.cast(pl.Int32), moment, *words)
        .filter(wanted)
        .collect(engine="streaming")
    )
    codes, satisfied = _codes([table[word.meta.output_name()] for word in words], len(tests))
    leads, times = table["lead_id"].to_numpy(), table["occurred_at"].to_numpy()
    return group_events(leads, times, codes, np.empty(0), len(lead_ids)), satisfied


def matches(condition: EventCondition, schema: pl.Schema) -> pl.Expr:
    """Say whether an event is of a condition's kind and passes its tests."""
    kind = pl.col("event_type").cast(pl.String)
    found = pl.lit(value=True) if ANY_KIND in condition.event else kind.is_in(condition.event)
    for test in condition.where:
        found &= asked(test, schema[test.column], test.column)
    return found.fill_null(value=False)


def tallies_of(tallied: Sequence[Tallied], satisfied: npt.NDArray[np.bool_]) -> Tallies:
    """Lay conditions out as arrays for the compiled loop."""
    code, member = np.nonzero(satisfied)
    forms = [_form(one.decay) for one in tallied]
    steps = [step for _, _, of_one in forms for step in of_one]
    days = np.array([condition.within_days or np.inf for condition, _, _ in tallied])
    us = days * DAY_US
    return Tallies(
        starts=np.searchsorted(code, np.arange(len(satisfied) + 1)).astype(np.int64),
        members=member.astype(np.int64),
        within_us=np.minimum(us, _FOREVER_US).astype(np.int64),
        which=np.array([_WHICH[condition.which] for condition, _, _ in tallied], np.int64),
        each=np.array([one.each for one in tallied], np.bool_),
        form=np.array([form for form, _, _ in forms], np.int64),
        span_us=np.array([span_days * DAY_US for _, span_days, _ in forms], np.float64),
        step_starts=np.cumsum([0, *(len(of_one) for _, _, of_one in forms)], dtype=np.int64),
        step_us=np.array([after * DAY_US for after, _ in steps], np.float64),
        step_keep=np.array([keep for _, keep in steps], np.float64),
    )


def _form(decay: Decay | None) -> tuple[int, float, list[tuple[float, float]]]:
    if isinstance(decay, LinearDecay):
        return LINEAR, decay.over_days, []
    if isinstance(decay, ExponentialDecay):
        return EXPONENTIAL, decay.half_life_days, []
    if isinstance(decay, StepDecay):
        return STEPS, 0.0, [(step.after_days, step.keep) for step in decay.steps]
    if isinstance(decay, Expiry):
        return STEPS, 0.0, [(decay.after_days, 0.0)]
    return NO_DECAY, 0.0, []


def _codes(
    words: Sequence[pl.Series], n_tests: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """Give each different set of satisfied conditions a number, and tell what each set holds."""
    code: npt.NDArray[np.int64] = np.zeros(len(words[0]), np.int64)
    sets = np.zeros((1, 0), np.bool_)
    for at, word in zip(range(0, n_tests, _BITS), words, strict=True):
        levels = word.unique().sort().to_numpy()
        joint = code * len(levels) + np.searchsorted(levels, word.to_numpy())
        kept = pl.Series(joint).unique().sort().to_numpy()
        bits = (levels[:, None] >> np.arange(min(_BITS, n_tests - at))) & 1 == 1
        sets = np.hstack([sets[kept // len(levels)], bits[kept % len(levels)]])
        code = np.searchsorted(kept, joint)
    if len(sets) > np.iinfo(np.int16).max:
        raise LeadcastError(
            f"the conditions on events divide them into {len(sets):,} different sets; at most "
            "32,767 can be told apart: use fewer conditions on the events' columns"
        )
    return code.astype(np.int16), sets
