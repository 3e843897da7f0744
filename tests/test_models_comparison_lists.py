"""Weekly call lists: ties in expectation, weights as repeated rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.comparison.lists import Reached, Segments, WeeklyList
from models.data import Floats, Integers

ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def columns(rows: list[tuple[int, int, bool, int]]) -> tuple[Integers, Floats, Floats, Floats]:
    table = np.array(rows, dtype=np.float64)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3]


def reached(
    week: Integers, value: Floats, converted: Floats, weight: Floats, calls: Floats
) -> Reached:
    segments = Segments(week[None, :], int(week.max()) + 1)
    per_week = np.tile(calls, (int(week.max()) + 1, 1))
    ranked = WeeklyList.of(value, week)
    return ranked.reached(weight, converted, per_week, segments, len(calls) - 1)


def by_all_orders(value: Floats, converted: Floats, calls: int) -> float:
    """Mean over every order that breaks ties: what calling a random one gives on average."""
    orders = [
        order
        for order in itertools.permutations(range(len(value)))
        if all(value[a] >= value[b] for a, b in itertools.pairwise(order))
    ]
    return float(np.mean([converted[list(order[:calls])].sum() for order in orders]))


@settings(deadline=None, max_examples=40)
@given(ROWS.filter(lambda rows: len(rows) <= 6), st.integers(0, 6))
def test_ties_count_as_the_mean_over_every_order_of_the_rows(rows: object, calls: int) -> None:
    _, value, converted, _ = columns(rows)  # type: ignore[arg-type]
    week, ones = np.zeros(len(value), np.int64), np.ones(len(value))
    found = reached(week, value, converted, ones, np.array([float(calls)]))
    assert found.customers[0] == pytest.approx(by_all_orders(value, converted, calls))


@settings(deadline=None, max_examples=60)
@given(ROWS, st.lists(st.floats(0, 12), min_size=1, max_size=4))
def test_a_weight_is_so_many_equal_rows(rows: object, calls: list[float]) -> None:
    week, value, converted, weight = columns(rows)  # type: ignore[arg-type]
    if not weight.sum():
        weight += 1
    capacities = np.sort(np.array(calls))
    weighted = reached(week, value, converted, weight, capacities)
    index = np.repeat(np.arange(len(week)), weight.astype(int))
    ones = np.ones(len(index))
    repeated = reached(week[index], value[index], converted[index], ones, capacities)
    np.testing.assert_allclose(weighted.customers, repeated.customers, atol=1e-9)
    np.testing.assert_allclose(weighted.average_precision, repeated.average_precision)
    np.testing.assert_allclose(weighted.by_segment.sum(), repeated.customers[-1], atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.floats(0, 12))
def test_what_is_called_tells_what_is_reached(rows: object, calls: float) -> None:
    week, value, converted, _ = columns(rows)  # type: ignore[arg-type]
    ranked = WeeklyList.of(value, week)
    called = ranked.called(np.full(int(week.max()) + 1, calls))
    found = reached(week, value, converted, np.ones(len(week)), np.array([calls]))
    assert (called * converted).sum() == pytest.approx(found.customers[0])
    sizes = np.bincount(week)
    np.testing.assert_allclose(np.bincount(week, called), np.minimum(sizes, calls), atol=1e-9)


def test_ranks_begin_anew_each_week_and_tied_rows_share_the_mean() -> None:
    week = np.array([1, 0, 1, 1, 0])
    ranks = WeeklyList.of(np.array([2.0, 5.0, 2.0, 9.0, 7.0]), week).ranks()
    np.testing.assert_array_equal(ranks, [2.5, 2, 2.5, 1, 1])


def test_average_precision_is_that_of_each_week_weighted_by_its_customers() -> None:
    week = np.array([0, 0, 0, 1, 1])
    value, converted = np.array([3.0, 2, 1, 2, 1]), np.array([1.0, 0, 1, 0, 1])
    found = reached(week, value, converted, np.ones(5), np.array([1.0]))
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_the_oracle_of_ties_can_fail() -> None:
    value, converted = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    assert by_all_orders(value, converted, 1) == 0.5 != converted[0]
