"""The drawn world ends as its truth says, at every landmark and horizon."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from leadcast.demo import world
from leadcast.demo.intent import OPEN_STATES
from leadcast.demo.outcomes import HORIZONS_DAYS, LANDMARKS_DAYS, Truth, draw_endings, truth_of
from leadcast.demo.parts import Part
from tests.demo_samples import uniform_people, world_part

CASES = [(k, h) for k in LANDMARKS_DAYS for h in range(len(HORIZONS_DAYS))]


@pytest.fixture(scope="module")
def truth() -> Truth:
    part = world_part()
    return truth_of(part.law, part.risks, part.origins.created, part.path)


def converted(part: Part, truth: Truth, horizon_days: int) -> npt.NDArray[np.bool_]:
    won_at = part.endings.won_at[truth.lead]
    return (won_at > truth.as_of) & (won_at <= truth.as_of + horizon_days * world.DAY_SECONDS)


def p_value(probability: npt.NDArray[np.float64], wins: npt.NDArray[np.bool_]) -> float:
    """Chi-square over ten bins of equal mass of the probability, with ten degrees of freedom."""
    statistic = 0.0
    for rows in np.array_split(np.argsort(probability, kind="stable"), 10):
        expected, variance = probability[rows].sum(), (probability * (1 - probability))[rows].sum()
        statistic += (wins[rows].sum() - expected) ** 2 / variance
    return float(chi2.sf(statistic, 10))


def calibration(part: Part, truth: Truth, landmark: int, column: int) -> float:
    horizon = HORIZONS_DAYS[column]
    mature = truth.as_of + horizon * world.DAY_SECONDS < world.LAST_SECOND
    rows = mature & (truth.landmark_days == landmark)
    wins = converted(part, truth, horizon)
    return p_value(truth.probabilities[rows, column], wins[rows])


@pytest.mark.parametrize(("landmark", "column"), CASES)
def test_leads_convert_as_often_as_the_truth_says(truth: Truth, landmark: int, column: int) -> None:
    # Twenty looks at one world: a single p-value under 1e-4 would be no accident.
    assert calibration(world_part(), truth, landmark, column) > 1e-4


def test_the_calibration_test_rejects_a_truth_that_knows_no_price_change() -> None:
    part = world_part()
    blind = part.law._replace(price_day=10_000)
    wrong = truth_of(blind, part.risks, part.origins.created, part.path)
    assert calibration(part, wrong, 0, HORIZONS_DAYS.index(60)) < 1e-4


def test_the_calibration_test_rejects_a_truth_in_which_intent_never_cools() -> None:
    part = world_part()
    frozen = part.law._replace(moves=np.eye(OPEN_STATES))
    wrong = truth_of(frozen, part.risks, part.origins.created, part.path)
    assert calibration(part, wrong, 7, 1) < 1e-4


def test_the_truth_is_told_where_a_lead_is_open_and_only_there(truth: Truth) -> None:
    part = world_part()
    ended = np.maximum(part.endings.won_at, part.endings.lost_at)
    for landmark in LANDMARKS_DAYS:
        as_of = part.origins.created + landmark * world.DAY_SECONDS
        is_open = ((ended < 0) | (ended > as_of)) & (as_of < world.LAST_SECOND)
        told = truth.lead[truth.landmark_days == landmark]
        assert np.array_equal(told, np.flatnonzero(is_open))


def test_probabilities_are_strictly_between_0_and_1_and_rise_with_the_horizon(truth: Truth) -> None:
    assert truth.probabilities.min() > 0.0
    assert truth.probabilities.max() < 1.0
    assert (np.diff(truth.probabilities, axis=1) > 0).all()


def test_an_outcome_lies_after_the_age_at_which_its_day_begins() -> None:
    day = np.repeat(np.arange(30), 500)
    created = np.random.default_rng(0).integers(0, 86_400 * 3, len(day))
    endings = draw_endings(
        np.random.default_rng(1), created, uniform_people(len(day)), day, np.full(len(day), -1)
    )
    age = endings.won_at - created
    assert (age > day * world.DAY_SECONDS).all()
    assert (age <= (day + 1) * world.DAY_SECONDS).all()
    assert (endings.lost_at == -1).all()


def test_winners_take_about_three_weeks_with_a_long_tail() -> None:
    part = world_part()
    won = part.endings.won_at >= 0
    delay = (part.endings.won_at - part.origins.created)[won] / world.DAY_SECONDS
    assert 15 < np.median(delay) < 28
    assert np.quantile(delay, 0.9) > 100


def test_the_base_rate_and_the_top_decile_are_those_of_a_business_seller(truth: Truth) -> None:
    at_arrival = truth.probabilities[truth.landmark_days == 0, HORIZONS_DAYS.index(60)]
    assert 0.04 < at_arrival.mean() < 0.06
    best = np.sort(at_arrival)[-len(at_arrival) // 10 :]
    assert 0.15 < best.mean() < 0.25


def test_some_leads_are_lost_and_some_are_open_at_the_end() -> None:
    endings = world_part().endings
    lost, won = endings.lost_at >= 0, endings.won_at >= 0
    assert not (lost & won).any()
    assert 0.4 < lost.mean() < 0.8
    assert (~lost & ~won).mean() > 0.1
    assert np.array_equal(np.isfinite(endings.amount), won)
    assert (endings.amount[won] > 0).all()
