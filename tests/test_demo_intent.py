"""The truth is exact: against enumeration, a closed form and the frequencies of drawn worlds."""

import itertools
import math

import numpy as np
import pytest

from leadcast.demo import law as laws
from leadcast.demo import world
from leadcast.demo.intent import CUSTOMER, GONE, OPEN_STATES, OUT, draw_paths, win_probabilities
from leadcast.demo.law import Law, Risks
from tests.demo_samples import uniform_origins, uniform_people

HORIZONS = np.array([30, 60, 90])


def same_leads(count: int, fit: float = 1.5, first_state: int = 1, day: int = 80) -> Risks:
    origins = uniform_origins(count, day * world.DAY_SECONDS, first_state)
    return laws.risks_of(origins, uniform_people(count, fit))


def truth_by_enumeration(law: Law, risks: Risks, age: int, state: int, days: int) -> float:
    """Add up every path of states by the definition, in plain Python."""
    total = 0.0
    for path in itertools.product(range(OPEN_STATES), repeat=days):
        if path[0] != state:
            continue
        reached = 1.0
        for step, here in enumerate(path):
            day = int(risks.first_day[0]) + age + step
            win = law.win_per_day[here] * risks.win_factor[0] * law.signing[day]
            win *= 1 - math.exp(-(age + step + 0.5) / risks.ramp_days[0])
            win *= risks.price_factor[0] if day >= law.price_day else 1.0
            loss = law.loss_per_day[here] * risks.loss_factor[0]
            leaves = 1 - math.exp(-win - loss)
            if step == days - 1:
                # Only the last day's win is counted here; earlier ones are shorter paths' ends.
                total += reached * leaves * win / (win + loss)
            else:
                reached *= (1 - leaves) * law.moves[here, path[step + 1]]
    return total


@pytest.mark.parametrize(("age", "state"), [(0, 0), (1, 3), (8, 2)])
def test_the_truth_is_the_sum_over_all_paths(age: int, state: int) -> None:
    law, risks = laws.default_law(), same_leads(1, day=world.PRICE_CHANGE_DAY - 3 - age)
    expected = sum(truth_by_enumeration(law, risks, age, state, days) for days in (1, 2, 3, 4, 5))
    one = np.array([0])
    found = win_probabilities(law, risks, one, one + age, one + state, np.array([5]))
    assert found[0, 0] == pytest.approx(expected, rel=1e-12)


def test_without_moves_and_losses_the_truth_is_one_minus_survival() -> None:
    law = laws.default_law()._replace(moves=np.eye(OPEN_STATES), loss_per_day=np.full(4, 1e-300))
    risks = same_leads(1)
    one = np.array([0])
    found = win_probabilities(law, risks, one, one + 7, one + 2, HORIZONS)[0]
    ages = np.arange(7, 97)
    days = risks.first_day[0] + ages
    hazard = law.win_per_day[2] * risks.win_factor[0] * law.signing[days]
    hazard *= 1 - np.exp(-(ages + 0.5) / risks.ramp_days[0])
    hazard *= np.where(days >= law.price_day, risks.price_factor[0], 1.0)
    assert found == pytest.approx(1 - np.exp(-np.cumsum(hazard)[HORIZONS - 1]), rel=1e-12)


@pytest.mark.parametrize("first_state", range(OPEN_STATES))
def test_drawn_leads_win_as_often_as_the_truth_says(first_state: int) -> None:
    n_leads = 40_000
    law, risks = laws.default_law(), same_leads(n_leads, first_state=first_state)
    rng = np.random.default_rng(first_state)
    _, won_day, _ = draw_paths(rng, law, risks, np.full(n_leads, 120))
    one = np.array([0])
    truth = win_probabilities(law, risks, one, one, one + first_state, HORIZONS)[0]
    for horizon, probability in zip(HORIZONS, truth, strict=True):
        won = np.count_nonzero((won_day >= 0) & (won_day < horizon))
        error = math.sqrt(n_leads * probability * (1 - probability))
        assert abs(won - n_leads * probability) < 4 * error


def test_the_truth_rises_with_the_horizon_the_fit_and_the_intent() -> None:
    law = laws.default_law()
    row = np.arange(4)
    by_state = win_probabilities(law, same_leads(4), row, 0 * row, row, HORIZONS)
    better = win_probabilities(law, same_leads(4, fit=2.0), row, 0 * row, row, HORIZONS)
    assert (np.diff(by_state, axis=0) > 0).all()
    assert (np.diff(by_state, axis=1) > 0).all()
    assert (better > by_state).all()


def test_a_path_is_open_until_its_end_and_then_says_how_it_ended() -> None:
    n_leads = 2_000
    days = np.full(n_leads, 200)
    path, won_day, lost_day = draw_paths(
        np.random.default_rng(5), laws.default_law(), same_leads(n_leads), days
    )
    assert not ((won_day >= 0) & (lost_day >= 0)).any()
    end = np.where(won_day >= 0, won_day, np.where(lost_day >= 0, lost_day, 199))
    age = np.arange(world.DAYS)
    assert np.array_equal(path < OPEN_STATES, age <= end[:, None])
    for ended, state in ((won_day, CUSTOMER), (lost_day, GONE)):
        early = (ended >= 0) & (ended < 199)
        assert (path[early, ended[early] + 1] == state).all()
    assert (path[:, 200:] == OUT).all()


def test_each_row_of_the_moves_is_a_distribution() -> None:
    moves = laws.default_law().moves
    assert (moves > 0).all()
    assert moves.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
