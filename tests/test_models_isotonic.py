"""Isotonic regression against an exhaustive minimum, and logistic fits against the optimum."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.data import Floats
from leadcast.models.evaluation.isotonic import isotonic_rates, pooled_ends
from leadcast.models.evaluation.logistic import information, logistic_fit, sigmoid
from leadcast.models.evaluation.tally import Tally

counts_of_one = st.tuples(st.integers(1, 4), st.integers(0, 4)).map(lambda c: (c[0], min(c)))
many_counts = st.lists(counts_of_one, min_size=1, max_size=25)


def by_min_max(mass: Floats, hits: Floats) -> Floats:
    """The isotonic fit by its definition: the highest, over where a block may begin, of the lowest
    mean, over where it may end."""
    rates = []
    for place in range(len(mass)):
        highest = 0.0
        for begin in range(place + 1):
            ends = range(place + 1, len(mass) + 1)
            means = [hits[begin:end].sum() / mass[begin:end].sum() for end in ends]
            highest = max(highest, min(means))
        rates.append(highest)
    return np.array(rates)


@settings(max_examples=60)
@given(many_counts)
def test_pooling_gives_the_fit_of_the_definition(drawn: list[tuple[int, int]]) -> None:
    mass, hits = np.array(drawn, dtype=np.float64).T.copy()
    assert isotonic_rates(mass, hits) == pytest.approx(by_min_max(mass, hits))


def test_the_definition_would_catch_a_fit_that_does_not_pool() -> None:
    mass, hits = np.ones(3), np.array([1.0, 0.0, 1.0])
    assert by_min_max(mass, hits) == pytest.approx([0.5, 0.5, 1.0])
    assert by_min_max(mass, hits) != pytest.approx(hits / mass)


@settings(max_examples=60)
@given(many_counts)
def test_blocks_rise_strictly_and_hold_every_place(drawn: list[tuple[int, int]]) -> None:
    mass, hits = np.array(drawn, dtype=np.float64).T.copy()
    ends = pooled_ends(mass, hits)
    assert ends[-1] == len(mass)
    blocks = np.unique(isotonic_rates(mass, hits)[ends - 1])
    assert len(blocks) == len(ends)
    assert all(one < other for one, other in pairwise(ends.tolist()))


def logistic_rows() -> tuple[Floats, Floats, Tally]:
    rng = np.random.default_rng(4)
    design = np.column_stack([np.ones(400), rng.normal(size=400)])
    offset = rng.normal(size=400)
    chance = sigmoid(offset + design @ np.array([-1.0, 0.5]))
    hits = (rng.random(400) < chance).astype(np.float64)
    return design, offset, Tally(offset, np.ones(400), hits)


def test_a_logistic_fit_leaves_no_slope() -> None:
    design, offset, counts = logistic_rows()
    found = logistic_fit(design, offset, counts)
    assert found is not None
    residual = counts.hits - sigmoid(offset + design @ found)
    assert design.T @ residual == pytest.approx(0, abs=1e-8)


def test_a_prior_pulls_as_its_precision_says() -> None:
    design, offset, counts = logistic_rows()
    precision = np.diag([30.0, 70.0])
    found = logistic_fit(design, offset, counts, precision=precision)
    assert found is not None
    residual = counts.hits - sigmoid(offset + design @ found)
    assert design.T @ residual == pytest.approx(precision @ found, abs=1e-8)


def test_the_information_is_the_losss_curvature() -> None:
    design, offset, counts = logistic_rows()
    at, step = np.array([-0.5, 0.2]), 1e-5

    def slope(place: Floats) -> Floats:
        return np.asarray(design.T @ (sigmoid(offset + design @ place) - counts.hits))

    numeric = [(slope(at + step * e) - slope(at - step * e)) / (2 * step) for e in np.eye(2)]
    found = information(at, design, offset, counts)
    assert found == pytest.approx(np.array(numeric), rel=1e-6)


def test_far_starts_end_at_the_same_optimum() -> None:
    design, offset, counts = logistic_rows()
    near = logistic_fit(design, offset, counts)
    for start in ([9.0, -9.0], [-15.0, 15.0]):
        far = logistic_fit(design, offset, counts, start=np.array(start))
        assert far == pytest.approx(near, abs=1e-8)


def test_a_direction_without_information_has_no_optimum() -> None:
    _, offset, counts = logistic_rows()
    twice_the_same = np.ones((400, 2))
    assert logistic_fit(twice_the_same, offset, counts) is None
