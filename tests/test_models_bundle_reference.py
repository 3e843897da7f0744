"""The reference population: percentiles and grades that stay what they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle_reference import GRADES, MAX_POINTS, Reference

probabilities = st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=60).map(np.array)


def test_grades_are_shares_of_the_population() -> None:
    population = (np.arange(1000) + 0.5) / 1000
    grades = Reference.of(population).grade(population)
    counts = {grade: int((grades == grade).sum()) for grade in GRADES}
    assert counts == pytest.approx({"A": 100, "B": 200, "C": 300, "D": 400}, abs=1)


def test_a_percentile_is_the_share_below_with_ties_counting_half() -> None:
    reference = Reference.of(np.array([0.1, 0.2, 0.2, 0.4]))
    found = reference.percentile(np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.9]))
    np.testing.assert_array_equal(found, [0, 12.5, 50, 75, 87.5, 100])


def test_where_all_are_alike_nobody_is_an_a() -> None:
    reference = Reference.of(np.full(50, 0.3))
    assert set(reference.grade(np.array([0.3]))) == {"C"}
    np.testing.assert_array_equal(reference.percentile(np.array([0.3])), [50])


def test_a_large_population_is_kept_as_quantiles() -> None:
    population = np.random.default_rng(0).beta(2, 5, 20_000)
    reference = Reference.of(population)
    assert len(reference.points) == MAX_POINTS
    share_below = [100 * (population < p).mean() for p in (0.1, 0.3, 0.6)]
    np.testing.assert_allclose(
        reference.percentile(np.array([0.1, 0.3, 0.6])), share_below, atol=0.1
    )


@settings(max_examples=50)
@given(population=probabilities, asked=probabilities)
def test_a_higher_probability_never_ranks_or_grades_lower(
    population: np.ndarray, asked: np.ndarray
) -> None:
    reference, asked = Reference.of(population), np.sort(asked)
    assert (np.diff(reference.percentile(asked)) >= 0).all()
    places = [GRADES.index(grade) for grade in reference.grade(asked)]
    assert places == sorted(places, reverse=True)


@settings(max_examples=20)
@given(population=probabilities)
def test_json_keeps_every_bit(population: np.ndarray) -> None:
    reference = Reference.of(population)
    assert Reference.model_validate_json(reference.model_dump_json()) == reference


def test_an_empty_population_is_refused() -> None:
    with pytest.raises(LeadcastError, match="empty"):
        Reference.of(np.array([]))


@pytest.mark.parametrize(
    "content",
    [
        {"points": [0.2, 0.1], "n": 2, "bounds": [0.3, 0.2, 0.1]},
        {"points": [0.1, 0.2], "n": 2, "bounds": [0.1, 0.2, 0.3]},
        {"points": [], "n": 2, "bounds": [0.3, 0.2, 0.1]},
        {"points": [0.1, 2.0], "n": 2, "bounds": [0.3, 0.2, 0.1]},
    ],
)
def test_a_reference_that_makes_no_sense_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Reference.model_validate(content)
