"""Laws that every metric of the registry obeys, and the guard that none is left out."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.data import Floats
from leadcast.models.evaluation import metrics
from leadcast.models.evaluation.metrics import (
    FAMILIES,
    PROBABILITY,
    RANKING,
    measure,
    metrics_by_name,
)
from leadcast.models.evaluation.tally import Tally, tally

Rows = tuple[Floats, Floats, Floats]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Probabilities with many ties, outcomes of both kinds, and small whole weights."""
    size = draw(st.integers(4, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    probability = rng.integers(1, 20, size) / 20
    converted = (rng.random(size) < 0.4).astype(np.float64)
    converted[:2] = 0.0, 1.0
    return probability, converted, rng.integers(1, 4, size).astype(np.float64)


def same(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[name] == pytest.approx(other[name], rel=1e-6, abs=1e-9, nan_ok=True) for name in one
    )


def check_order_law(compute: Callable[[Floats, Floats], dict[str, float]], drawn: Rows) -> None:
    probability, converted, _ = drawn
    shuffled = np.random.default_rng(0).permutation(len(probability))
    assert same(
        compute(probability, converted), compute(probability[shuffled], converted[shuffled])
    ), "the order of the rows, tied ones too, must not matter"


def of_rows(probability: Floats, converted: Floats) -> dict[str, float]:
    return measure(tally(probability, converted))


@settings(max_examples=60)
@given(rows())
def test_the_order_of_the_rows_does_not_matter(drawn: Rows) -> None:
    check_order_law(of_rows, drawn)


def test_the_order_law_can_fail() -> None:
    def first_half_mean(probability: Floats, converted: Floats) -> dict[str, float]:
        top = np.argsort(-probability, kind="stable")[: len(probability) // 2]
        return {"gain_50": float(converted[top].sum())}

    tied = (np.full(6, 0.5), np.array([1.0, 1, 1, 0, 0, 0]), np.ones(6))
    with pytest.raises(AssertionError, match="order of the rows"):
        check_order_law(first_half_mean, tied)


# A weight of two must be the same as a row that stands there twice: the bootstrap draws weights.
@settings(max_examples=60)
@given(rows())
def test_a_whole_weight_is_a_repetition(drawn: Rows) -> None:
    probability, converted, weight = drawn
    times = weight.astype(np.int64)
    repeated = of_rows(np.repeat(probability, times), np.repeat(converted, times))
    assert same(measure(tally(probability, converted, weight)), repeated)


# Without this, metrics of a resample would depend on how many rows it has.
@settings(max_examples=60)
@given(rows(), st.floats(0.1, 50))
def test_a_common_factor_of_all_weights_does_not_matter(drawn: Rows, factor: float) -> None:
    probability, converted, weight = drawn
    one = measure(tally(probability, converted, weight))
    assert same(one, measure(tally(probability, converted, weight * factor)))


# A weight of zero must be the same as a row that is not there.
@settings(max_examples=60)
@given(rows())
def test_a_row_without_weight_is_not_there(drawn: Rows) -> None:
    probability, converted, weight = drawn
    weight[2::3] = 0.0
    kept = weight > 0
    without = measure(tally(probability[kept], converted[kept], weight[kept]))
    assert same(measure(tally(probability, converted, weight)), without)


@settings(max_examples=60)
@given(rows())
def test_ranking_metrics_see_the_order_only(drawn: Rows) -> None:
    probability, converted, weight = drawn
    points = 100 * probability**3 - 7
    assert same(
        measure(tally(probability, converted, weight), RANKING),
        measure(tally(points, converted, weight), RANKING),
    )


@settings(max_examples=60)
@given(rows())
def test_turning_the_order_round_turns_the_auc_round(drawn: Rows) -> None:
    probability, converted, _ = drawn
    turned = metrics.auc(tally(-probability, converted))
    assert turned == pytest.approx(1 - metrics.auc(tally(probability, converted)))


@settings(max_examples=60)
@given(rows())
def test_every_number_lies_within_its_bounds(drawn: Rows) -> None:
    probability, converted, weight = drawn
    found = measure(tally(probability, converted, weight))
    for name, metric in metrics_by_name().items():
        assert np.isnan(found[name]) or (
            metric.lowest - 1e-9 <= found[name] <= metric.highest + 1e-9
        ), name


@settings(max_examples=60)
@given(rows())
def test_the_decomposition_adds_up_to_the_brier_score(drawn: Rows) -> None:
    found = of_rows(*drawn[:2])
    parts = found["brier_reliability"] - found["brier_resolution"] + found["brier_uncertainty"]
    assert parts == pytest.approx(found["brier"], abs=1e-12)


# Every function from a tally to numbers belongs to the registry, so that the laws run over it.
def test_no_metric_is_forgotten() -> None:
    def takes_a_tally_only(function: Callable[..., object]) -> bool:
        parameters = list(inspect.signature(function).parameters.values())
        return [one.annotation for one in parameters] == [Tally]

    public = {
        name: function
        for name, function in inspect.getmembers(metrics, inspect.isfunction)
        if function.__module__ == metrics.__name__ and not name.startswith("_")
    }
    counts = tally([0.2, 0.6, 0.7, 0.3, 0.3], [0, 1, 0, 1, 0])
    registered = set(measure(counts).values())
    for name, function in public.items():
        if takes_a_tally_only(function):
            numbers = np.atleast_1d(function(counts))
            assert registered >= set(numbers.tolist()), f"{name} is in no family"


def test_names_are_unique() -> None:
    names = [name for family in FAMILIES for name in family.names]
    assert len(names) == len(set(names))
    assert set(metrics_by_name()) == set(names)


def test_ranking_metrics_do_not_need_probabilities() -> None:
    assert {family.needs for family in RANKING} == {"ranking"}
    assert {family.needs for family in PROBABILITY} == {"probability"}
