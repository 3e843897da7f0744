"""Rows made ready for the rules: whether each condition holds, in blocks that bound the memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.engine.events import no_events
from leadcast.features.engine.grouping import Events
from leadcast.features.engine.inputs import check_events, check_leads, check_snapshots
from leadcast.features.tables import TIME
from leadcast.models.rules.answers import Flags, answers_of, lies_ago, read_values
from leadcast.models.rules.conditions import AttributeCondition, Conditions, EventCondition
from leadcast.models.rules.points_table import RuleTable
from leadcast.models.rules.rule_events import collect_coded, tallied_by, tallies_of
from leadcast.models.rules.rule_loop import Tallies, tally_rows
from leadcast.models.rules.sums import Floats

BLOCK_ROWS = 100_000
Integers = npt.NDArray[np.int64]


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
        self._leads = _in_order(leads, wanted)
        self._as_of = rows["as_of"].cast(TIME) if dated else pl.Series(dtype=TIME)
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
        lead = self._lead[rows]
        answers = {key: known[lead] for key, known in self._untimed.items()}
        for one in self._timed:
            answers[id(one)] = self._lies_ago(one, lead, rows)
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
