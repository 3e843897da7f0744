"""Grouping events by lead equals sorting them in Python, whatever order they come in."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine.grouping import Events, group_events

Row = tuple[int, int, int, float]

rows = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(-5, 5),
        st.integers(0, 2),
        st.sampled_from([math.nan, -1.0, 0.0, 2.5]),
    ),
    max_size=150,
)


def grouped(events: list[Row], with_values: bool = True) -> Events:
    leads, times, kinds, values = zip(*events, strict=True) if events else ((), (), (), ())
    return group_events(
        np.array(leads, dtype=np.int32),
        np.array(times, dtype=np.int64),
        np.array(kinds, dtype=np.int16),
        np.array(values if with_values else (), dtype=np.float64),
        4,
    )


def in_order(event: Row) -> tuple[int, int, int, float]:
    lead, time, kind, value = event
    return lead, time, kind, -math.inf if math.isnan(value) else value


# Leads of more than forty events take another way of sorting than smaller ones.
@given(rows, st.sampled_from([1, 4]))
@settings(max_examples=150)
def test_grouping_equals_sorting_in_python(events: list[Row], leads: int) -> None:
    events = [(lead % leads, time, kind, value) for lead, time, kind, value in events]
    expected = sorted(events, key=in_order)
    found = grouped(events)
    assert found.times_us.tolist() == [event[1] for event in expected]
    assert found.kinds.tolist() == [event[2] for event in expected]
    np.testing.assert_array_equal(found.values, [event[3] for event in expected])
    counts = [sum(event[0] == lead for event in events) for lead in range(4)]
    assert np.diff(found.starts).tolist() == counts


@given(rows)
@settings(max_examples=50)
def test_without_values_times_and_kinds_are_sorted_alike(events: list[Row]) -> None:
    found = grouped(events, with_values=False)
    expected = sorted((lead, time, kind) for lead, time, kind, _ in events)
    assert list(zip(found.times_us, found.kinds, strict=True)) == [e[1:] for e in expected]
    assert len(found.values) == 0


def test_the_comparison_would_notice_unsorted_events() -> None:
    events: list[Row] = [(0, 2, 0, 0.0), (0, 1, 0, 0.0)]
    with pytest.raises(AssertionError):
        assert [event[1] for event in events] == grouped(events).times_us.tolist()
