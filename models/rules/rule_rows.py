"""Rows and events made ready for the rules, in blocks that bound the memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.changes.versions import versions_of
from leadcast.features.engine.events import no_events
from leadcast.features.engine.grouping import Events, group_events
from leadcast.features.engine.inputs import check_events, check_leads, check_snapshots
from leadcast.features.registry import DAY_US
from leadcast.features.tables import CHANGES, TIME
from leadcast.models.rules.answers import Flags, answers_of, asked, lies_ago, read_values
from leadcast.models.rules.conditions import AttributeCondition, Conditions, EventCondition
from leadcast.models.rules.points_table import (
    Decay,
    Expiry,
    ExponentialDecay,
    LinearDecay,
    RuleTable,
    StepDecay,
)
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
    Floats,
    Integers,
    Tallies,
    tally_rows,
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
) -> tuple[Events, Flags]:
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


def tallies_of(tallied: Sequence[Tallied], satisfied: Flags) -> Tallies:
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


def _codes(words: Sequence[pl.Series], n_tests: int) -> tuple[npt.NDArray[np.int16], Flags]:
    """Give each different set of satisfied conditions a number, and tell what each set holds."""
    code: Integers = np.zeros(len(words[0]), np.int64)
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


BLOCK_ROWS = 100_000


@dataclass(frozen=True)
class Block:
    """Some rows, with the answer to every condition of a table."""

    rows: slice
    """Which rows."""
    answers: Mapping[int, Flags]
    """By the identity of the condition."""
    shares: Mapping[int, Floats]
    """By the identity of a condition on events: the share of the points that age leaves."""

    def holds(self, when: Conditions) -> Flags:
        """Tell for which rows conditions hold together."""
        every = [self.answers[id(one)] for one in when.all_of]
        if when.any_of:
            every.append(reduce(np.logical_or, [self.answers[id(one)] for one in when.any_of]))
        return reduce(np.logical_and, every)

    def share(self, condition: EventCondition) -> Floats:
        """Give the share of the points that the events' ages leave."""
        return self.shares[id(condition)]


def blocks_of(
    table: RuleTable,
    leads: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame | None,
    rows: pl.DataFrame,
) -> Iterator[Block]:
    """Answer every condition of a table for some rows; see `points.evaluate`."""
    prepared = _Prepared(table, leads, events, rows)
    for start in range(0, rows.height, BLOCK_ROWS):
        yield prepared.block(slice(start, min(start + BLOCK_ROWS, rows.height)))


class _Prepared:
    """What is computed once: the leads' answers, and their events grouped."""

    def __init__(
        self,
        table: RuleTable,
        leads: pl.DataFrame,
        events: pl.DataFrame | pl.LazyFrame | None,
        rows: pl.DataFrame,
    ) -> None:
        self._tallied = tallied_by(table)
        attributes = attribute_conditions(table)
        self._timed = [one for one in attributes if one.days_ago is not None]
        dated = bool(self._tallied or self._timed)
        check_leads(leads, {}, dated=False)
        check_snapshots(rows, leads["lead_id"].cast(pl.String), dated)
        ids = rows["lead_id"].cast(pl.String)
        wanted = ids.unique(maintain_order=True)
        self._lead = ids.cast(pl.Enum(wanted)).to_physical().cast(pl.Int64).to_numpy()
        self._leads, self._state = _in_order(leads, wanted), self._lead
        self._as_of = rows["as_of"].cast(TIME) if dated else pl.Series(dtype=TIME)
        if CHANGES in leads.columns and "as_of" in rows.columns:
            versions = versions_of(self._leads, [one.attribute for one in attributes])
            moments = rows["as_of"].cast(TIME).to_physical().to_numpy()
            self._leads, self._state = versions.table, versions.rows_at(self._lead, moments)
        self._untimed = {
            id(one): answers_of(one, read_values(one, self._leads))
            for one in attributes
            if one.days_ago is None
        }
        self._events, self._tallies = self._grouped(events, wanted)

    def _grouped(
        self, events: pl.DataFrame | pl.LazyFrame | None, wanted: pl.Series
    ) -> tuple[Events, Tallies]:
        if events is None or not self._tallied:
            nothing = np.zeros((1, len(self._tallied)), np.bool_)
            return no_events(len(wanted)), tallies_of(self._tallied, nothing)
        check_events(events.lazy())
        coded, satisfied = collect_coded(events.lazy(), wanted, self._tallied)
        return coded, tallies_of(self._tallied, satisfied)

    def block(self, rows: slice) -> Block:
        lead, state = self._lead[rows], self._state[rows]
        answers = {key: known[state] for key, known in self._untimed.items()}
        for one in self._timed:
            answers[id(one)] = self._lies_ago(one, state, rows)
        counts = np.zeros((len(lead), len(self._tallied)), np.int32)
        shares = np.zeros(counts.shape)
        if self._tallied:
            moments = self._as_of[rows].to_physical().to_numpy()
            events = (self._events.starts, self._events.times_us, self._events.kinds)
            tally_rows(counts, shares, lead, moments, *events, self._tallies)
        of: dict[int, Floats] = {}
        for place, (condition, _, _) in enumerate(self._tallied):
            enough = counts[:, place] >= condition.at_least
            answers[id(condition)] = ~enough if condition.negated else enough
            of[id(condition)] = shares[:, place]
        return Block(rows, answers, of)

    def _lies_ago(self, condition: AttributeCondition, lead: Integers, rows: slice) -> Flags:
        assert condition.days_ago is not None
        moments = self._leads[condition.attribute][lead]
        held = lies_ago(condition.days_ago, moments, self._as_of[rows])
        return ~held if condition.negated else held


def attribute_conditions(table: RuleTable) -> list[AttributeCondition]:
    """List every condition on attributes of a table."""
    parts = [rule.when for rule in table.rules] + [one.when for one in table.exclusions]
    each = [condition for when in parts for condition in when.each()]
    return [one for one in each if isinstance(one, AttributeCondition)]


def _in_order(leads: pl.DataFrame, wanted: pl.Series) -> pl.DataFrame:
    texts = leads.with_columns(pl.col("lead_id").cast(pl.String))
    return wanted.to_frame("lead_id").join(texts, on="lead_id", how="left", maintain_order="left")
