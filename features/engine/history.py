"""How leads of a source, vendor or campaign ended in the past, as far as it was known by a moment.

A lead counts once its outcome has matured, and only from the day after: at ``as_of`` the table
is read at the start of its day. So an outcome that matures at or after `as_of` changes nothing,
for a training row of last year as for a lead of tonight; the same table serves both.
"""

from collections.abc import Sequence
from operator import gt
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BeforeValidator, FailFast, Field, PlainSerializer, Strict, model_validator

from leadcast.features.base.compiled import compiled
from leadcast.features.base.plain import MOST_COUNTED, Plain, Text
from leadcast.features.registry import DAY_US, Feature, humanise, snake
from leadcast.features.values import categories

Integers = npt.NDArray[np.int64]
Column = npt.NDArray[np.float32]

COLUMNS_EACH = 3
"""Columns that an attribute's history gives: rate, rate against all leads, share of the leads."""


MOST_CHARACTERS = 2_000_000
"""Of whole numbers in one text: a century of days has fewer."""
MOST_DAYS = 4_000_000
"""Days from 1970 to either end of the calendar, and some."""


def _split(numbers: object) -> object:
    if not isinstance(numbers, str):
        return numbers
    if len(numbers) > MOST_CHARACTERS:
        raise ValueError(f"a text of at most {MOST_CHARACTERS} characters")
    return tuple(map(int, numbers.split()))


Whole = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=-MOST_COUNTED, le=MOST_COUNTED)], ...],
    FailFast(),
    BeforeValidator(_split),
    PlainSerializer(lambda numbers: " ".join(map(str, numbers)), when_used="json"),
]
"""Whole numbers, in JSON as one text: a number a line would make a plan of many pages."""


class Steps(Plain):
    """How many leads had matured, and how many of them had been won, day by day."""

    days: Whole = ()
    """Days since 1970 on which something changed: the first, then the distance to the one
    before."""
    leads: Whole = ()
    won: Whole = ()
    """How many matured leads, and won ones, each of these days added."""

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        # The loop bisects the days, and takes the same place of all three.
        if not len(self.days) == len(self.leads) == len(self.won):
            raise ValueError("days, leads and won must be of one length")
        if min(self.days[1:], default=1) < 1:
            raise ValueError("each day must be later than the one before")
        if abs(next(iter(self.days), 0)) > MOST_DAYS or sum(self.days) > MOST_DAYS:
            raise ValueError("days must be days of the calendar")
        if min(self.won, default=0) < 0 or any(map(gt, self.won, self.leads)):
            raise ValueError("each day needs its leads, and no more won ones than leads")
        if sum(self.leads) > MOST_COUNTED:
            raise ValueError("leads must be few enough to be counted")
        return self


class History(Plain):
    """The past of an attribute's values."""

    attribute: Text
    """``"source"``, ``"vendor"`` or ``"campaign"``."""
    values: Annotated[tuple[Text, ...], FailFast()]
    """The values that have a past of their own."""
    steps: Annotated[tuple[Steps, ...], FailFast(), Field(min_length=1)]
    """First that of all leads, then one a value."""

    @model_validator(mode="after")
    def _has_each_value(self) -> Self:
        if len(self.steps) != 1 + len(self.values):
            raise ValueError("steps must be one for all leads, then one a value")
        if len(set(self.values)) != len(self.values):
            raise ValueError("values must not repeat")
        of_all, *own = (sum(steps.leads) for steps in self.steps)
        if sum(own) > of_all:
            raise ValueError("the values together must not have more leads than all leads")
        return self

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that this history gives, in their order."""
        name, words = snake(self.attribute), humanise(self.attribute)
        told = (
            ("past_rate", f"past conversion rate of the {words}"),
            ("past_lift", f"past conversion rate of the {words} against all leads' (1: the same)"),
            ("past_share", f"share of earlier leads that came from the {words}"),
        )
        inputs = (f"leads.{self.attribute}", "leads.created_at", "outcomes.won_at")
        return tuple(
            Feature(f"{name}_{suffix}", "source", "number", inputs, text) for suffix, text in told
        )


class HistoryTable:
    """A history, ready to be read at any moment."""

    def __init__(self, history: History) -> None:
        self.codes = categories.codes_of(history.values)
        sizes = [len(steps.days) for steps in history.steps]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._days = _running([steps.days for steps in history.steps])
        self._leads = _running([steps.leads for steps in history.steps])
        self._won = _running([steps.won for steps in history.steps])

    def encode(self, value: str | None) -> float:
        """Give a value the code by which `fill` knows it (0: without a past, NaN: missing)."""
        return categories.encode(value, self.codes)

    def fill(
        self,
        out: Column,
        columns: Integers,
        codes: Column,
        as_of_us: Integers,
        prior_leads: float,
    ) -> None:
        """Read the history for rows."""
        table = (self._starts, self._days, self._leads, self._won)
        _fill(out, columns, codes, as_of_us, prior_leads, *table)


def learn_history(
    attribute: str, ended: pl.DataFrame, values: tuple[str, ...], horizon_us: int
) -> History:
    """Tabulate how leads ended, by the value of an attribute."""
    delay = (pl.col("won_at") - pl.col("created_at")).dt.total_microseconds()
    codes = categories.codes_of(values)
    keys = ended[attribute].unique().to_list()
    coded = [int(np.nan_to_num(categories.encode(value, codes))) for value in keys]
    daily = (
        ended.with_columns(
            pl.col(attribute).replace_strict(keys, coded, return_dtype=pl.Int32).alias("code"),
            # Counted from the day after, so that all of it was known when the day began.
            (pl.col("matured_us").floordiv(DAY_US) + 1).alias("day"),
            ((delay > 0) & (delay <= horizon_us)).fill_null(value=False).alias("won"),
        )
        .group_by("code", "day")
        .agg(pl.len().cast(pl.Int64).alias("leads"), pl.col("won").sum().cast(pl.Int64))
        .sort("code", "day")
    )
    steps = [_steps(daily.group_by("day").agg(pl.col("leads", "won").sum()).sort("day"))]
    by_code = daily.partition_by("code", as_dict=True)
    steps += [_steps(by_code.get((code,), daily.clear())) for code in range(1, len(values) + 1)]
    return History(attribute=attribute, values=values, steps=tuple(steps))


def _steps(daily: pl.DataFrame) -> Steps:
    days = daily["day"].to_list()
    gaps = [later - earlier for earlier, later in zip([0, *days], days, strict=False)]
    return Steps(days=tuple(gaps), leads=tuple(daily["leads"]), won=tuple(daily["won"]))


def _running(parts: Sequence[Sequence[int]]) -> Integers:
    sums = [np.cumsum(np.array(part, dtype=np.int64)) for part in parts]
    return np.concatenate([np.empty(0, dtype=np.int64), *sums])


@compiled
def _last_day(days: Integers, start: int, stop: int, day: int) -> int:
    """Find the last of `days[start:stop]` up to `day`; ``start - 1`` if there is none."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if days[middle] <= day:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled
def _fill(
    out: Column,
    columns: Integers,
    codes: Column,
    as_of_us: Integers,
    prior_leads: float,
    starts: Integers,
    days: Integers,
    leads: Integers,
    won: Integers,
) -> None:
    told = np.empty(COLUMNS_EACH)
    for row in range(len(codes)):
        told[:] = np.nan
        day = as_of_us[row] // DAY_US
        of_all = _last_day(days, starts[0], starts[1], day)
        if not np.isnan(codes[row]) and of_all >= starts[0] and leads[of_all] >= prior_leads:
            overall = won[of_all] / leads[of_all]
            own_leads = own_won = 0
            code = int(codes[row])
            if code > 0:
                own = _last_day(days, starts[code], starts[code + 1], day)
                if own >= starts[code]:
                    own_leads, own_won = leads[own], won[own]
            rate = (own_won + prior_leads * overall) / (own_leads + prior_leads)
            told[0] = rate
            told[1] = rate / overall if overall > 0 else 1.0
            told[2] = own_leads / leads[of_all]
        for number in range(COLUMNS_EACH):
            if columns[number] >= 0:
                out[row, columns[number]] = told[number]
