"""The engine's parts, each of which fills some of the matrix's columns: events, history, times."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from leadcast.features.accounts.account_loop import Entries, account_values
from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import is_known
from leadcast.features.engine.attributes import clean_all, encoded
from leadcast.features.engine.engagement import (
    MOMENT_FEATURES,
    NO_TIME,
    fill_local_moments,
    on_the_wall,
)
from leadcast.features.engine.grouping import Events, sort_events
from leadcast.features.engine.history import COLUMNS_EACH, HistoryTable
from leadcast.features.engine.loop import decayed_places, fill_rows
from leadcast.features.engine.plan import ColumnPlace, FeaturePlan
from leadcast.features.registry import DAY_US
from leadcast.features.values.distinct import DistinctColumns

Matrix = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
_TIME, _KIND, _VALUE = map(itemgetter, range(3))
Event = tuple[int, str, float | None]
"""An event of one lead: microseconds since 1970, its kind, its value."""


class LoopPart:
    """The columns from events and from the clock."""

    def __init__(self, plan: FeaturePlan) -> None:
        settings = plan.settings
        places = _places(plan, "loop")
        self._first = places[0][0] if places else 0
        self._slots = np.array([place.index for _, place in places], dtype=np.int64)
        self._codes = {kind: code for code, kind in enumerate(plan.kinds, start=1)}
        self._windows = _in_microseconds(settings.windows_days)
        self._trends = _in_microseconds(settings.trend_windows_days)
        half_lives = _in_microseconds(settings.half_lives_days).astype(np.float64)
        sizes = (len(self._windows), len(self._trends), len(half_lives), len(plan.kinds))
        is_needed = np.isin(decayed_places(*sizes), self._slots).any(axis=1)
        self._half_lives = np.where(is_needed, half_lives, 0.0)
        read = {name for _, place in places for name in place.feature.inputs}
        self.with_values = "events.value" in read
        self.with_events = any(name.startswith("events.") for name in read)
        self._zone = plan.time_zone
        self._clock = np.full(len(MOMENT_FEATURES), -1, dtype=np.int64)
        for column, place in places:
            # The age is the same by every clock.
            if 0 < place.index < len(MOMENT_FEATURES):
                self._clock[place.index] = column

    def fill(
        self, out: Matrix, rows: Integers, created_us: Integers, as_of_us: Integers, events: Events
    ) -> None:
        """Fill this part's columns."""
        fill_rows(
            out, self._first, self._slots, rows, created_us, as_of_us,
            events.starts, events.times_us, events.kinds, events.values,
            self._windows, self._trends, self._half_lives, len(self._codes),
        )  # fmt: skip
        if self._zone is not None and (self._clock >= 0).any():
            local = (on_the_wall(times, self._zone) for times in (created_us, as_of_us))
            fill_local_moments(out, self._clock, rows, *local)

    def events_of_one(self, events: Sequence[Event]) -> Events:
        """Make the arrays for the events of one lead."""
        n, names, values = len(events), map(_KIND, events), np.empty(0)
        if self.with_values:
            values = clean_all(np.array([*map(_VALUE, events)], dtype=np.float64))
        return sort_events(
            np.fromiter(map(_TIME, events), np.int64, n),
            np.fromiter(map(self._codes.get, names, repeat(0)), np.int16, n),
            values,
        )


class AccountPart:
    """The columns from what leads carry of their accounts."""

    def __init__(self, plan: FeaturePlan) -> None:
        places = _places(plan, "account")
        self.columns = np.array([column for column, _ in places], dtype=np.int64)
        self._slots = np.array([place.index for _, place in places], dtype=np.int64)
        self._lag_us = round((plan.account_lag_days or 0.0) * DAY_US)

    def fill(self, out: Matrix, entries: Entries, rows: Integers, as_of_us: Integers) -> None:
        """Fill this part's columns; parameters as in `LoopPart.fill`."""
        if len(self.columns):
            found = account_values(entries, rows, as_of_us, self._lag_us)
            out[:, self.columns] = found[:, self._slots]


class HistoryPart:
    """The columns from past conversion rates."""

    def __init__(self, plan: FeaturePlan) -> None:
        places = _places(plan, "history")
        self._prior = plan.settings.history_prior_leads
        self._tables = []
        for number, history in enumerate(plan.histories):
            columns = np.full(COLUMNS_EACH, -1, dtype=np.int64)
            for column, place in places:
                if place.index // COLUMNS_EACH == number:
                    columns[place.index % COLUMNS_EACH] = column
            self._tables.append((history.attribute, HistoryTable(history), columns))

    def fill(self, out: Matrix, leads: DistinctColumns, rows: Integers, as_of_us: Integers) -> None:
        """Fill this part's columns; parameters as in `LoopPart.fill`, `leads` a row a lead."""
        for attribute, table, columns in self._tables:
            codes = np.full(leads.table.height, np.nan, dtype=np.float32)
            if attribute in leads.table.columns:
                codes = encoded(table.encode, leads.distinct(attribute))
            table.fill(out, columns, codes[rows], as_of_us, self._prior)

    def fill_one(self, out: Matrix, lead: Mapping[str, object], as_of_us: Integers) -> None:
        """Fill this part's columns of the only row."""
        for attribute, table, columns in self._tables:
            value = lead[attribute]
            code = table.encode(value if isinstance(value, str) else None)
            table.fill(out, columns, np.array([code], dtype=np.float32), as_of_us, self._prior)


@compiled
def fill_columns(
    out: Matrix, columns: Integers, values: npt.NDArray[np.float32], rows: Integers
) -> None:
    """Fill columns with what is known of leads, row by row, as the matrix lies in memory."""
    for row in range(len(rows)):
        for number in range(len(columns)):
            out[row, columns[number]] = values[number, rows[row]]


@compiled
def fill_days_before(
    out: Matrix, column: int, times_us: Integers, rows: Integers, as_of_us: Integers
) -> None:
    """Fill a column with the days from a lead's time to `as_of`, where it was known by then."""
    for row in range(len(rows)):
        time = times_us[rows[row]]
        usable = time != NO_TIME and is_known(time, as_of_us[row])
        out[row, column] = (as_of_us[row] - time) / DAY_US if usable else np.nan


def _places(plan: FeaturePlan, part: str) -> list[tuple[int, ColumnPlace]]:
    return [(column, place) for column, place in enumerate(plan.places) if place.part == part]


def _in_microseconds(days: Sequence[float]) -> Integers:
    return np.array([round(day * DAY_US) for day in days], dtype=np.int64)
