"""Reliability curves and bins, what chance alone does, and Wilson's interval."""

import numpy as np
import pytest

from benchmarks.known_worlds import World
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.chance import calibrated_outcomes, if_calibrated, wilson_interval
from leadcast.models.evaluation.evaluation import MISCALIBRATION
from leadcast.models.evaluation.reliability import reliability_bins, reliability_curve


def calibrated_rows(leads: int = 1500, seed: int = 0) -> tuple[Floats, Floats, Integers]:
    drawn = World(level=-1.5).draw(leads, seed)
    return drawn.truth, drawn.converted, drawn.group


def test_the_curve_is_isotonic_regression_by_hand() -> None:
    probability, converted = [0.1, 0.2, 0.2, 0.6, 0.8], [0, 1, 1, 0, 1]
    curve = reliability_curve(probability, converted, np.arange(5), replicates=20)
    expected = {0.1: 0.0, 0.2: 2 / 3, 0.6: 2 / 3, 0.8: 1.0}
    assert curve.predicted.tolist() == list(expected)
    assert curve.observed == pytest.approx(list(expected.values()))


def test_the_band_holds_the_curve_of_true_probabilities() -> None:
    curve = reliability_curve(*calibrated_rows(), replicates=200)
    outside = (curve.observed < curve.low) | (curve.observed > curve.high)
    assert outside.mean() < 0.2


def test_the_band_would_catch_probabilities_that_are_too_high() -> None:
    probability, converted, group = calibrated_rows()
    curve = reliability_curve(np.sqrt(probability), converted, group, replicates=200)
    assert (curve.observed < curve.low).mean() > 0.5


def test_the_curve_keeps_its_shape_as_a_table() -> None:
    frame = reliability_curve(*calibrated_rows(), replicates=20).frame()
    assert frame.columns == ["predicted", "observed", "low", "high"]
    assert frame["predicted"].is_sorted()
    assert frame["observed"].is_sorted()
    assert frame.height <= 700


def test_bins_count_every_row_and_keep_their_means() -> None:
    probability, converted, group = calibrated_rows()
    frame = reliability_bins(probability, converted, group, bins=10).frame()
    assert frame.columns == ["n", "predicted", "observed", "low", "high"]
    assert frame["n"].to_list() == [450] * 10
    assert (frame["n"] * frame["observed"]).sum() == pytest.approx(converted.sum())
    assert (frame["n"] * frame["predicted"]).sum() == pytest.approx(probability.sum())
    assert frame["predicted"].is_sorted()


def test_rows_with_the_same_probability_are_not_parted() -> None:
    probability = np.array([0.1] * 70 + [0.3] * 30)
    found = reliability_bins(probability, np.zeros(100), np.arange(100), bins=10)
    assert found.n.tolist() == [70, 30]
    assert found.predicted == pytest.approx([0.1, 0.3])


def test_intervals_of_bins_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(20):
        found = reliability_bins(*calibrated_rows(seed=seed))
        held.append((found.low <= found.predicted) & (found.predicted <= found.high))
    assert np.mean(held) == pytest.approx(0.95, abs=0.05)


def test_snapshots_of_one_lead_give_a_wider_interval_than_as_many_leads() -> None:
    converted = np.repeat(np.arange(50) < 20, 4).astype(np.float64)
    alone = reliability_bins(np.full(200, 0.4), converted, np.arange(200))
    together = reliability_bins(np.full(200, 0.4), converted, np.arange(200) // 4)
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio[0] == pytest.approx(2, rel=0.05)


def test_drawn_outcomes_have_the_probabilities_they_were_drawn_from() -> None:
    probability = np.array([0.1, 0.5, 0.9])
    draws = np.array(list(calibrated_outcomes(probability, [0, 1, 2], 4000, seed=1)))
    assert draws.mean(axis=0) == pytest.approx(probability, abs=0.03)


def test_snapshots_of_one_lead_are_drawn_together() -> None:
    draws = np.array(list(calibrated_outcomes([0.1, 0.5, 0.9], ["a"] * 3, 500, seed=1)))
    assert (np.diff(draws, axis=1) >= 0).all()


# Even true probabilities show a calibration error: close to sqrt(2 p (1 - p) / (pi n)) in a bin.
def test_the_calibration_error_by_chance_is_what_theory_says() -> None:
    probability = np.linspace(0.19, 0.21, 6000)
    draws = if_calibrated(probability, np.arange(6000), MISCALIBRATION, replicates=100)
    expected = np.sqrt(2 * 0.2 * 0.8 / (np.pi * 400))
    assert draws[:, 1].mean() == pytest.approx(expected, rel=0.05)


# Agresti and Coull (1998), table 1 and text: 0 of 10 gives 0 to 0.278, 5 of 10 gives 0.237, 0.763.
@pytest.mark.parametrize(
    ("rate", "expected"), [(0.0, (0.0, 0.2775)), (0.5, (0.2366, 0.7634)), (1.0, (0.7225, 1.0))]
)
def test_wilsons_interval_of_ten_rows(rate: float, expected: tuple[float, float]) -> None:
    assert wilson_interval(rate, 10) == pytest.approx(expected, abs=1e-4)


def test_no_rows_have_no_reliability() -> None:
    with pytest.raises(ValueError, match="no rows"):
        reliability_curve([], [], [])
