"""The feature engine: one plan, the same numbers for a training matrix, a batch and one lead.

::

    values = compute(plan, leads, events, snapshots)     # many, from tables
    row = compute_one(plan, lead, events, as_of_us)      # one, from plain Python values

Both fill rows of the same matrix with the same readings and the same compiled loops; they differ
only in how they come by the arrays.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.accounts.account_loop import entries_of, entries_of_one
from leadcast.features.base.errors import Fault
from leadcast.features.changes.attribute_changes import derived_of
from leadcast.features.changes.lead_state import lead_at
from leadcast.features.changes.versions import versions_of
from leadcast.features.engine import inputs
from leadcast.features.engine.attributes import AttributeColumn, encode_leads
from leadcast.features.engine.coded import EventTable
from leadcast.features.engine.engagement import NO_TIME
from leadcast.features.engine.events import collect_events, no_events
from leadcast.features.engine.grouping import Events
from leadcast.features.engine.inputs import take_values
from leadcast.features.engine.other_kinds import counts_of_others, other_kinds, reads_kinds
from leadcast.features.engine.parts import (
    AccountPart,
    Event,
    HistoryPart,
    LoopPart,
    fill_columns,
    fill_days_before,
)
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, TIME, TimeOrder
from leadcast.features.values.distinct import DistinctColumns, Lookup
from leadcast.features.values.readings import READINGS, Accepts

Matrix = npt.NDArray[np.float32]
Row = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def compute(
    plan: FeaturePlan,
    leads: pl.DataFrame,
    events: EventTable | None,
    snapshots: pl.DataFrame,
    warnings: list[Fault] | None = None,
) -> Matrix:
    """Compute the features of many snapshots.

    Parameters
    ----------
    plan : FeaturePlan
        What was learned from the training rows.
    leads : pl.DataFrame
        As `Tables.leads`; columns that the plan does not read are ignored, an
        attribute without a column counts as missing.
    events : EventTable or None
        As `leadcast.features.tables.Tables.events`; None where there are none.
    snapshots : pl.DataFrame
        ``lead_id`` and ``as_of``; a lead may have many rows.
    warnings : list of Fault, optional
        What was worked around is added to it.

    Returns
    -------
    ndarray of float32, shape (n_snapshots, n_features)
        In the order of the snapshots; columns as ``plan.features`` tells them.

    Raises
    ------
    FaultsError
        If a column that is needed is missing or has the wrong type, ids repeat or are missing, or
        a snapshot has no lead or no `as_of`; names them all.
    """
    return engine_of(plan).compute(leads, events, snapshots, warnings)


def compute_one(
    plan: FeaturePlan, lead: Mapping[str, object], events: Sequence[Event], as_of_us: int | None
) -> npt.NDArray[np.float32]:
    """Compute the features of one lead at one moment, without any table.

    Parameters
    ----------
    plan : FeaturePlan
        What was learned from the training rows.
    lead : mapping of str to object
        ``created_at`` and the attributes: str, float, bool, datetime with a time zone, or None;
        others are ignored.
    events : sequence of (int, str, float or None)
        The lead's events in any order: microseconds since 1970, kind, value.
    as_of_us : int or None
        The moment, in microseconds since 1970; None where the source is not dated.

    Returns
    -------
    ndarray of float32, shape (n_features,)
        The row that `compute` gives for this lead, bit for bit.

    Raises
    ------
    FaultsError
        If an attribute is of the wrong type, or a time has no time zone; names them all.
    """
    return engine_of(plan).compute_one(lead, events, as_of_us)


@lru_cache(maxsize=8)
def engine_of(plan: FeaturePlan) -> "Engine":
    """Make a plan ready to compute; the last few are remembered."""
    return Engine(plan)


class Engine:
    """A plan made ready; `compute` and `compute_one` of this module are its methods."""

    def __init__(self, plan: FeaturePlan) -> None:
        self.plan = plan
        self._dated = plan.time_order is TimeOrder.DATED
        self._attributes = [
            (column, plan.attributes[place.index])
            for column, place in enumerate(plan.places)
            if place.part == "attribute"
        ]
        # Which are filled in is sooner told of columns that have been read.
        self._attributes.sort(key=lambda one: READINGS[one[1].reading].accepts == "anything")
        self._needs = _needs(plan, [column for _, column in self._attributes])
        self._needs_of_one = self._needs | ({"created_at": "time"} if self._dated else {})
        self._loop = LoopPart(plan)
        self._histories = HistoryPart(plan)
        self._accounts = AccountPart(plan)

    def compute(
        self,
        leads: pl.DataFrame,
        events: EventTable | None,
        snapshots: pl.DataFrame,
        warnings: list[Fault] | None = None,
    ) -> Matrix:
        """Compute the features of many snapshots; see `leadcast.features.engine.engine.compute`."""
        self.check(leads, events)
        inputs.check_snapshots(snapshots, leads["lead_id"].cast(pl.String), self._dated)
        return self.compute_checked(leads, events, snapshots, warnings)

    def check(self, leads: pl.DataFrame, events: EventTable | None) -> None:
        """Check leads and events without computing anything; see `engine.compute`."""
        inputs.check_leads(leads, self._needs, self._dated)
        if events is not None and self._dated:
            inputs.check_events(events)

    def compute_checked(
        self,
        leads: pl.DataFrame,
        events: EventTable | None,
        snapshots: pl.DataFrame,
        warnings: list[Fault] | None = None,
    ) -> Matrix:
        """Do as `compute` with what `check` let pass, whose rows have leads and moments."""
        if warnings is not None:
            theirs = events if self._dated else None
            derived = derived_of(self._needs, leads)
            needs = [name for name in self._needs if name not in derived]
            needs += [ACCOUNT_HISTORY] if len(self._accounts.columns) else []
            warnings += inputs.absent(leads, needs, theirs, self._loop.with_values)
        if not snapshots.height:
            return np.empty((0, len(self.plan.columns)), dtype=np.float32)
        ids = snapshots["lead_id"].cast(pl.String)
        wanted = ids.unique(maintain_order=True)
        leads = _in_order(leads, wanted)
        rows = np.arange(len(ids))
        if len(wanted) < len(ids):
            rows = Lookup(wanted).places(ids).cast(pl.Int64).to_numpy()
        as_of = _times(snapshots, "as_of") if self._dated else np.zeros(len(rows), np.int64)
        table, states = leads, rows
        if self._dated and CHANGES in leads.columns:
            versions = versions_of(leads, self._needs)
            table, states = versions.table, versions.rows_at(rows, as_of)
        columns = DistinctColumns(table)
        out = np.empty((len(rows), len(self.plan.columns)), dtype=np.float32)
        if not self._dated:
            self._fill_attributes(out, columns, states, as_of)
            return out
        # Events are read without the interpreter's lock, which reading texts holds.
        with ThreadPoolExecutor(1) as pool:
            filled = pool.submit(self._fill_loop, out, leads, rows, as_of, events, warnings)
            self._fill_attributes(out, columns, states, as_of)
            self._histories.fill(out, columns, states, as_of)
            if len(self._accounts.columns):
                self._accounts.fill(out, entries_of(leads), rows, as_of)
        filled.result()
        return out

    def compute_one(
        self, lead: Mapping[str, object], events: Sequence[Event], as_of_us: int | None
    ) -> npt.NDArray[np.float32]:
        """Compute the features of one lead; see `leadcast.features.engine.engine.compute_one`."""
        if CHANGES in lead:
            lead = lead_at(lead, as_of_us if self._dated else None, self._needs_of_one)
        values = take_values(lead, self._needs_of_one)
        out: Matrix = np.empty((1, len(self.plan.columns)), dtype=np.float32)
        row, as_of = np.zeros(1, np.int64), np.array([as_of_us or 0], np.int64)
        for place, column in self._attributes:
            read = [values[name] for name in column.inputs]
            if column.reading == "days_before":
                fill_days_before(out, place, np.array(read, np.int64), row, as_of)
            else:
                out[0, place] = column.encode(*read)
        if self._dated:
            created = np.array([values["created_at"]], np.int64)
            self._loop.fill(out, row, created, as_of, self._loop.events_of_one(events))
            self._histories.fill_one(out, values, as_of)
            if len(self._accounts.columns):
                given: Any = lead.get(ACCOUNT_HISTORY)
                self._accounts.fill(out, entries_of_one(given), row, as_of)
        return out.reshape(-1)

    def _fill_attributes(
        self, out: Matrix, leads: DistinctColumns, rows: Integers, as_of: Integers
    ) -> None:
        places, values = [], []
        for place, column in self._attributes:
            if column.reading == "days_before":
                fill_days_before(out, place, _times(leads.table, column.inputs[0]), rows, as_of)
            else:
                places.append(place)
                values.append(encode_leads(column, leads))
        if places:
            fill_columns(out, np.array(places), np.stack(values), rows)

    def _fill_loop(
        self,
        out: Matrix,
        leads: pl.DataFrame,
        rows: Integers,
        as_of: Integers,
        events: EventTable | None,
        warnings: list[Fault] | None,
    ) -> None:
        found = self._collect(events, leads["lead_id"], warnings)
        if warnings is not None and self._loop.with_events:
            silent = np.diff(found.starts) == 0
            warnings += inputs.without_events(int(np.sum(silent[rows])))
        self._loop.fill(out, rows, _times(leads, "created_at"), as_of, found)

    def _collect(
        self, events: EventTable | None, ids: pl.Series, warnings: list[Fault] | None
    ) -> Events:
        if events is None or not self._loop.with_events:
            return no_events(len(ids))
        with_values = self._loop.with_values and "value" in events.collect_schema()
        found = collect_events(events, ids, self.plan.kinds, with_values, warnings)
        if warnings is not None and reads_kinds(self.plan):
            n_other = int(np.count_nonzero(found.kinds == 0))
            counts = counts_of_others(events, ids, self.plan.kinds) if n_other else {}
            warnings += other_kinds(self.plan, counts, n_other, len(found.kinds))
        return found


def _needs(plan: FeaturePlan, columns: Sequence[AttributeColumn]) -> dict[str, Accepts]:
    """List what is read, each with what its column may hold."""
    needs: dict[str, Accepts] = {}
    for column in columns:
        for attribute in column.inputs:
            accepts = READINGS[column.reading].accepts
            if accepts != "anything" or attribute not in needs:
                needs[attribute] = accepts
    return needs | {history.attribute: "text" for history in plan.histories}


def _in_order(leads: pl.DataFrame, wanted: pl.Series) -> pl.DataFrame:
    texts = leads.with_columns(pl.col("lead_id").cast(pl.String))
    if texts["lead_id"].equals(wanted):
        return texts
    return wanted.to_frame("lead_id").join(texts, on="lead_id", how="left", maintain_order="left")


def _times(table: pl.DataFrame, name: str) -> Integers:
    if name not in table.columns or table.schema[name] == pl.Null:
        return np.full(table.height, NO_TIME, dtype=np.int64)
    physical = table[name].cast(TIME).to_physical().fill_null(int(NO_TIME))
    return np.asarray(physical.to_numpy(), dtype=np.int64)
