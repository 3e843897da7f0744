"""The doubt about the level to come: how far models missed it, and the interval that follows."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from leadcast.models.calibration.calibrators import Logistic
from leadcast.models.calibration.intervals import fit_lead_intervals
from leadcast.models.calibration.level_doubt import (
    LEVEL,
    UNTOLD,
    LevelDoubt,
    Miss,
    doubt_to_json,
    miss_of,
    misses_of,
)
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.random_effects import USUAL_LEVEL_SPREAD, spread_of
from leadcast.pipelines.calibrate import in_doubt

Floats = npt.NDArray[np.float64]
NEWEST = np.linspace(-4.0, 0.0, 50)


def leads(shift: float, rows: int, seed: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """What a model says, and outcomes whose log-odds are higher by the shift."""
    rng = np.random.default_rng(seed)
    said = rng.normal(-2.0, 1.0, rows)
    came = (rng.random(rows) < sigmoid(said + shift)).astype(np.float64)
    return said, came, np.arange(rows)


def miss(shift: float, error: float) -> Miss:
    return Miss(1000, 1000, 0.1, 0.1, shift, error)


def doubt_of(shifts: Floats, error: float) -> LevelDoubt:
    found = LevelDoubt.of([miss(float(shift), error) for shift in shifts], NEWEST)
    assert found is not None
    return found


@pytest.mark.parametrize("shift", [-1.5, 0.0, 0.7])
def test_a_miss_is_the_shift_that_makes_the_level_right(shift: float) -> None:
    found = miss_of(*leads(shift, 20_000, seed=1))
    assert found is not None
    assert found.shift == pytest.approx(shift, abs=3 * found.standard_error)
    assert found.standard_error < 0.05
    assert (found.said < found.converted) == (found.shift > 0)


# Rows of one lead that turn out alike tell no more than one of them.
def test_a_lead_seen_four_times_counts_once() -> None:
    said, came, lead = leads(0.3, 5_000, seed=2)
    once = miss_of(said, came, lead)
    again = miss_of(np.tile(said, 4), np.tile(came, 4), np.tile(lead, 4))
    assert once is not None
    assert again is not None
    assert again.shift == pytest.approx(once.shift, abs=1e-6)
    assert again.standard_error == pytest.approx(once.standard_error, rel=0.05)
    assert (again.rows, again.leads) == (4 * once.rows, once.leads)


def test_a_stretch_without_a_winner_has_a_miss_with_its_error() -> None:
    found = miss_of(np.full(400, -2.0), np.zeros(400), np.arange(400))
    assert found is not None
    assert -9 < found.shift < -2
    assert found.standard_error > 0.8


def test_one_lead_tells_no_miss() -> None:
    assert miss_of([0.1, 0.2], [1, 0], [7, 7]) is None


def test_each_origin_has_its_own_miss_in_order() -> None:
    parts = [leads(shift, 4_000, seed=3) for shift in (0.5, -0.5)]
    said, came = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    origin = np.repeat([1, 0], 4_000)
    found = misses_of(said, came, np.arange(8_000), origin)
    assert [one.shift for one in found] == pytest.approx([-0.5, 0.5], abs=0.15)
    assert misses_of(said, came, np.arange(8_000), np.full(8_000, -1)) == ()


def test_errors_that_explain_the_misses_leave_no_spread() -> None:
    assert spread_of(np.array([0.1, -0.1, 0.05]), np.full(3, 0.01)) == 0.0


def test_without_errors_the_spread_is_the_root_mean_square_of_the_misses() -> None:
    shifts = np.array([0.3, 0.4, -0.5])
    assert spread_of(shifts, np.full(3, 1e-12)) == pytest.approx(np.sqrt((shifts**2).mean()))


# Paule and Mandel's own equation: squares over variances add up to their number.
def test_the_spread_solves_its_equation() -> None:
    shifts, variance = np.array([0.9, -0.2, 0.4, 1.1]), np.array([0.01, 0.2, 0.04, 0.3])
    total = variance + spread_of(shifts, variance) ** 2
    assert (shifts**2 / total).sum() == pytest.approx(4)


def test_origins_that_agree_leave_little_doubt_but_as_much_as_is_usual() -> None:
    found = doubt_of(np.array([0.03, -0.05, 0.02]), 0.05)
    assert found.spread == 0
    assert not found.beyond_errors
    assert 1.5 < found.factor < 1.8
    assert found.mean_low < found.mean_probability < found.mean_high


@pytest.mark.parametrize("shifts", [(1.2, -1.0, 0.9), (1.0, 1.1, 0.9)], ids=["apart", "one way"])
def test_origins_that_missed_the_level_widen_its_interval_as_far(shifts: tuple[float]) -> None:
    found = doubt_of(np.array(shifts), 0.05)
    assert found.beyond_errors
    assert found.low == -found.high
    assert found.high > max(shifts)


@pytest.mark.parametrize("step", [0.0, 0.1, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("error", [0.05, 0.2])
def test_the_interval_holds_the_level_to_come_of_a_random_walk(step: float, error: float) -> None:
    rng = np.random.default_rng(11)
    held = []
    for _ in range(200):
        walk = np.cumsum(rng.normal(0, step, 5)) if step else np.zeros(5)
        # Each model knows the level when it is fitted, not how it moves until it is used.
        missed = np.diff(walk)
        found = doubt_of(missed[:3] + rng.normal(0, error, 3), error)
        held.append(found.low <= missed[3] <= found.high)
    # Where less moves than is usual the interval holds every time; else nearly as often as is said.
    assert np.mean(held) >= 0.85
    assert np.mean(held) <= 0.97 or step <= max(error, USUAL_LEVEL_SPREAD)


def test_no_leads_interval_is_narrower_than_the_doubt_about_the_level() -> None:
    said, came, lead = leads(0.0, 3_000, seed=5)
    intervals = fit_lead_intervals(said, came, lead, replicates=20)
    calibrator = Logistic(rows=3_000, intercept=0.1, slope=0.9)
    doubt = doubt_of(np.array([1.2, -1.0, 0.9]), 0.05)
    wide = in_doubt(intervals, calibrator, doubt)
    probability = calibrator.probability(NEWEST)
    low, high = wide.interval(NEWEST, probability)
    least, most = doubt.shifted(calibrator.log_odds(NEWEST))
    assert (low <= least).all()
    assert (high >= most).all()
    before = intervals.interval(NEWEST, probability)
    assert (low <= before[0]).all()
    assert (high >= before[1]).all()
    assert in_doubt(intervals, calibrator, None) == intervals


def test_one_miss_tells_no_interval_and_this_is_said() -> None:
    one = miss(0.4, 0.1)
    assert LevelDoubt.of([one], NEWEST) is None
    assert doubt_to_json([one], None) == {"misses": [one.to_json()], "words": UNTOLD}


def test_what_is_written_can_be_read_again() -> None:
    found = doubt_of(np.array([1.2, -1.0, 0.9]), 0.05)
    told = doubt_to_json(found.misses, found)
    assert LevelDoubt.of([Miss(**one) for one in told["misses"]], NEWEST) == found
    assert told["level"] == LEVEL
    assert told["factor"] == pytest.approx(np.exp(2 * found.high))
    assert "more than their errors" in told["words"]
    assert "+1.20, -1.00, +0.90" in told["words"]
    assert "no more than" in replace(found, beyond_errors=False).describe()
