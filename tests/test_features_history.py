"""Past conversion rates: equal to counting lead by lead, and blind to what matures later."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine.history import COLUMNS_EACH, History, HistoryTable, learn_history
from leadcast.features.tables import TIME

START = datetime(2025, 1, 1, tzinfo=UTC)
HORIZON = timedelta(days=3)
HORIZON_US = HORIZON // timedelta(microseconds=1)
PRIOR = 2.0
VALUES = ("ads", "fair")
Lead = tuple[str | None, datetime, datetime | None]

moments = st.integers(0, 80).map(lambda step: START + timedelta(hours=6 * step))
leads = st.lists(
    st.tuples(st.sampled_from(["ads", "Fair ", "other", None]), moments, st.none() | moments),
    max_size=30,
)


def learned(rows: list[Lead]) -> History:
    table = pl.DataFrame(
        rows, schema={"source": pl.String, "created_at": TIME, "won_at": TIME}, orient="row"
    )
    matured = (pl.col("created_at") + HORIZON).to_physical().alias("matured_us")
    return learn_history("source", table.with_columns(matured), VALUES, HORIZON_US)


def read(history: History, value: str | None, as_of: datetime) -> list[float]:
    table = HistoryTable(history)
    out = np.empty((1, COLUMNS_EACH), dtype=np.float32)
    us = (as_of - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    codes = np.array([table.encode(value)], dtype=np.float32)
    table.fill(out, np.arange(COLUMNS_EACH), codes, np.array([us]), PRIOR)
    row: list[float] = out[0].tolist()
    return row


def counted(rows: list[Lead], value: str | None, as_of: datetime) -> list[float]:
    today = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    past = [row for row in rows if row[1] + HORIZON < today]
    won = [w is not None and created < w <= created + HORIZON for _, created, w in past]
    if value is None or len(past) < PRIOR:
        return [math.nan] * 3
    overall = sum(won) / len(past)
    name = value.strip().lower()
    own = [
        w
        for (source, _, _), w in zip(past, won, strict=True)
        if name in VALUES and (source or "").strip().lower() == name
    ]
    rate = (sum(own) + PRIOR * overall) / (len(own) + PRIOR)
    return [rate, rate / overall if overall else 1.0, len(own) / len(past)]


@given(leads, st.sampled_from(["ads", "FAIR", "other", "unseen", None]), moments)
@settings(max_examples=150)
def test_reading_the_table_equals_counting_the_leads(
    rows: list[Lead], value: str | None, as_of: datetime
) -> None:
    np.testing.assert_allclose(
        read(learned(rows), value, as_of), counted(rows, value, as_of), rtol=1e-6
    )


def test_an_outcome_that_matures_at_the_moment_itself_is_not_in_the_rate() -> None:
    midnight = START + timedelta(days=10)
    early: list[Lead] = [("ads", START, None)] * 3
    last: Lead = ("ads", midnight - HORIZON, midnight - HORIZON + timedelta(hours=1))
    with_it, without = learned([*early, last]), learned(early)
    assert read(with_it, "ads", midnight) == read(without, "ads", midnight)
    assert read(with_it, "ads", midnight + timedelta(days=1))[0] > 0


@given(leads, leads, moments)
@settings(max_examples=80)
def test_what_matures_at_or_after_the_moment_changes_nothing(
    rows: list[Lead], others: list[Lead], as_of: datetime
) -> None:
    past = [row for row in rows if row[1] + HORIZON < as_of]
    future = [row for row in others if row[1] + HORIZON >= as_of]
    alone, together = learned(past), learned([*past, *future])
    for value in ("ads", "fair", "other"):
        assert str(read(alone, value, as_of)) == str(read(together, value, as_of))


def test_a_table_that_counts_leads_too_early_would_be_caught() -> None:
    rows: list[Lead] = [("ads", START, START + timedelta(hours=1))] * 3
    history = learned(rows)
    steps = history.steps[0]
    hasty = steps.model_copy(update={"days": (steps.days[0] - 1,)})
    wrong = history.model_copy(update={"steps": (hasty, *history.steps[1:])})
    as_of = START + HORIZON
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(read(wrong, "ads", as_of), counted(rows, "ads", as_of))


def test_after_its_end_the_table_keeps_its_last_value() -> None:
    rows: list[Lead] = [("ads", START, START + timedelta(hours=1)), ("fair", START, None)] * 5
    history = learned(rows)
    near, far = START + timedelta(days=9), START.replace(year=2035)
    assert read(history, "ads", near) == read(history, "ads", far)


def test_json_holds_each_column_of_steps_as_one_text() -> None:
    history = learned([("ads", START, None), ("ads", START + timedelta(days=2), None)])
    content = history.model_dump(mode="json")
    assert content["steps"][1]["leads"] == "1 1"
    assert History.model_validate(content) == history
