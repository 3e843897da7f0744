import numpy as np
import pytest

from leadcast.models.calibration.calibrators import Identity
from leadcast.models.calibration.in_time import CalibrationInTime, calibrate_in_time
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import sigmoid

ROWS = 4000


def origins(slopes: list[float], seed: int = 0) -> tuple[Floats, Floats, Integers]:
    """Predictions at some origins; the true log-odds are these times a slope."""
    rng = np.random.default_rng(seed)
    said = rng.normal(-1, 1.2, ROWS * len(slopes))
    true = said * np.repeat(slopes, ROWS)
    won = (rng.random(len(said)) < sigmoid(true)).astype(np.float64)
    return said, won, np.repeat(np.arange(len(slopes)), ROWS)


def judged(slopes: list[float]) -> CalibrationInTime:
    said, won, origin = origins(slopes)
    return calibrate_in_time(said, won, np.arange(len(said)), origin)


def test_a_learner_that_is_always_too_steep_is_calibrated() -> None:
    found = judged([0.5, 0.5, 0.5, 0.5])
    assert found.gain is not None
    assert found.gain > 0
    # The shape is what is learned: twice the difference in what is said is once the difference.
    high, low = found.calibrator.log_odds(np.array([1.0, -2.0]))
    assert high - low == pytest.approx(0.5 * 3, rel=0.15)


def test_a_learner_that_is_right_is_left_alone() -> None:
    assert isinstance(judged([1.0, 1.0, 1.0, 1.0]).calibrator, Identity)


def test_one_period_that_turned_is_no_reason_to_calibrate() -> None:
    # Calibrating helps on the whole, and beyond the error of single rows, but by one origin alone.
    found = judged([0.7, 0.0, 0.7])
    assert found.gain is not None
    assert found.gain > 0
    assert isinstance(found.calibrator, Identity)


def test_one_origin_cannot_tell() -> None:
    found = judged([0.5])
    assert found.gain is None
    assert isinstance(found.calibrator, Identity)
    assert "too few origins" in found.reason


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        ([0.5, 0.5, 0.5, 0.5], "later leads by -"),
        ([0.7, 0.0, 0.7], "no more than chance gives, so what the learner says is left as it is."),
        ([0.5, 1.0, 1.0], "it did not help them, so what the learner says is left as it is."),
    ],
)
def test_the_reason_says_whether_calibrating_helped(slopes: list[float], verdict: str) -> None:
    assert verdict in judged(slopes).reason
