"""Weekly call lists: ties in expectation, and how far the customers reached wander by chance."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.comparison.lists import Reached, Segments, WeeklyList
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import drawn_weights

Counted = tuple[Floats, Floats, Segments, int]

ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)
CALLS = st.lists(st.floats(0, 12), min_size=1, max_size=4)


def columns(rows: list[tuple[int, int, bool, int]]) -> tuple[Integers, Floats, Floats, Floats]:
    table = np.array(rows, dtype=np.float64)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3]


def asked(week: Integers, converted: Floats, calls: Floats) -> Counted:
    weeks = int(week.max()) + 1
    segments = Segments(week[None, :], weeks)
    return converted, np.tile(np.sort(calls), (weeks, 1)), segments, len(calls) - 1


def reached(week: Integers, value: Floats, converted: Floats, calls: Floats) -> Reached:
    return WeeklyList.of(value, week).reached(*asked(week, converted, calls))


def by_all_orders(value: Floats, converted: Floats, calls: int) -> float:
    """Mean over every order that breaks ties: what calling a random one gives on average."""
    orders = [
        order
        for order in itertools.permutations(range(len(value)))
        if all(value[a] >= value[b] for a, b in itertools.pairwise(order))
    ]
    return float(np.mean([converted[list(order[:calls])].sum() for order in orders]))


@settings(max_examples=25)
@given(ROWS.filter(lambda rows: len(rows) <= 6), st.integers(0, 6))
def test_ties_count_as_the_mean_over_every_order_of_the_rows(rows: object, calls: int) -> None:
    _, value, converted, _ = columns(rows)  # type: ignore[arg-type]
    week = np.zeros(len(value), np.int64)
    found = reached(week, value, converted, np.array([float(calls)]))
    assert found.customers[0] == pytest.approx(by_all_orders(value, converted, calls))


@settings(max_examples=30)
@given(ROWS, CALLS)
def test_leads_drawn_once_each_are_the_list_itself(rows: object, calls: list[float]) -> None:
    week, value, converted, _ = columns(rows)  # type: ignore[arg-type]
    ranked, ask = WeeklyList.of(value, week), asked(week, converted, np.array(calls))
    once = ranked.redrawn(np.ones(len(week)), ranked.at_cut(*ask), *ask)
    seen = ranked.reached(*ask)
    np.testing.assert_allclose(once.customers, seen.customers, atol=1e-9)
    np.testing.assert_allclose(once.by_segment, seen.by_segment, atol=1e-9)
    np.testing.assert_allclose(once.by_segment.sum(), once.customers[-1], atol=1e-9)


@settings(max_examples=30)
@given(ROWS, CALLS, st.floats(0, 1))
def test_what_a_draw_reaches_is_linear_in_it(rows: object, calls: list[float], part: float) -> None:
    week, value, converted, weight = columns(rows)  # type: ignore[arg-type]
    ranked, ask = WeeklyList.of(value, week), asked(week, converted, np.array(calls))
    mixed, drawn, seen = (
        ranked.redrawn(one, ranked.at_cut(*ask), *ask)
        for one in (part * weight + 1 - part, weight, np.ones(len(week)))
    )
    for of in (0, 2):
        np.testing.assert_allclose(mixed[of], part * drawn[of] + (1 - part) * seen[of], atol=1e-9)


@settings(max_examples=30)
@given(ROWS)
def test_a_weight_is_so_many_equal_rows_for_the_average_precision(rows: object) -> None:
    week, value, converted, weight = columns(rows)  # type: ignore[arg-type]
    if not weight.sum():
        weight += 1
    ranked, ask = WeeklyList.of(value, week), asked(week, converted, np.ones(1))
    weighted = ranked.redrawn(weight, ranked.at_cut(*ask), *ask)
    index = np.repeat(np.arange(len(week)), weight.astype(int))
    repeated = reached(week[index], value[index], converted[index], np.ones(1))
    np.testing.assert_allclose(weighted.average_precision, repeated.average_precision)


def test_where_all_at_the_cut_are_alike_a_draw_is_the_list_called_again() -> None:
    # Four leads stand above the cut; ten that are tied share the other six of the ten calls.
    week, value = np.zeros(14, np.int64), np.array([5.0, 4, 3, 2] + [1] * 10)
    converted = np.array([1.0, 0, 1, 1] + [1, 0, 0, 0, 0] * 2)
    ranked, ask = WeeklyList.of(value, week), asked(week, converted, np.array([10.0]))
    assert ranked.at_cut(*ask).customers[0] == pytest.approx(0.2)
    for drawn in itertools.product(range(3), repeat=4):
        weight = np.array([*drawn, *[1] * 10], dtype=np.float64)
        index = np.repeat(np.arange(14), weight.astype(int))
        again = reached(week[index], value[index], converted[index], np.array([10.0]))
        found = ranked.redrawn(weight, ranked.at_cut(*ask), *ask)
        np.testing.assert_allclose(found.customers, again.customers)
        np.testing.assert_allclose(found.by_segment, again.by_segment)


def test_draws_wander_as_far_as_samples_do() -> None:
    generator = np.random.default_rng(1)
    differences, errors = [], []
    for _ in range(600):
        week, log_odds = np.arange(400) % 10, -2 + generator.normal(size=400)
        converted = (generator.random(400) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)
        ask = asked(week, converted, np.array([10.0]))
        lists = [WeeklyList.of(log_odds + generator.normal(size=400), week) for _ in range(2)]
        seen, other = (one.reached(*ask).customers[0] for one in lists)
        cuts = [one.at_cut(*ask) for one in lists]
        draws = [
            [
                one.redrawn(weight, cut, *ask).customers[0]
                for one, cut in zip(lists, cuts, strict=True)
            ]
            for weight in drawn_weights(np.arange(400), 40, 1)
        ]
        differences.append(seen - other)
        errors.append(np.std(np.subtract(*np.transpose(draws)), ddof=1))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(differences), rel=0.06)


@settings(max_examples=30)
@given(ROWS, st.floats(0, 12))
def test_what_is_called_tells_what_is_reached(rows: object, calls: float) -> None:
    week, value, converted, _ = columns(rows)  # type: ignore[arg-type]
    ranked = WeeklyList.of(value, week)
    called = ranked.called(np.full(int(week.max()) + 1, calls))
    found = reached(week, value, converted, np.array([calls]))
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
    found = reached(week, value, converted, np.array([1.0]))
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_the_oracle_of_ties_can_fail() -> None:
    value, converted = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    assert by_all_orders(value, converted, 1) == 0.5 != converted[0]
