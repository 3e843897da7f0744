"""Metrics against closed forms, against scikit-learn's numbers, and by hand."""

import math

import numpy as np
import pytest

from leadcast.models.data import Floats
from leadcast.models.evaluation import metrics
from leadcast.models.evaluation.metrics import measure
from leadcast.models.evaluation.tally import tally

LEVELS = np.array([0.05, 0.2, 0.5, 0.8])


def known_world() -> tuple[Floats, Floats]:
    """Four kinds of leads, each converting exactly as often as is said: 20 rows of each."""
    probability = np.repeat(LEVELS, 20)
    converted = np.concatenate([np.arange(20) < round(20 * level) for level in LEVELS])
    return probability, converted.astype(np.float64)


def golden_rows() -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(7)
    probability = np.round(rng.beta(1, 4, 240), 2).clip(0.01, 0.99)
    converted = (rng.random(240) < probability).astype(np.float64)
    return probability, converted, rng.integers(1, 5, 240).astype(np.float64)


def test_true_probabilities_lose_their_entropy_and_no_more() -> None:
    probability, converted = known_world()
    entropy = -np.mean(LEVELS * np.log(LEVELS) + (1 - LEVELS) * np.log(1 - LEVELS))
    assert metrics.log_loss(tally(probability, converted)) == pytest.approx(entropy, abs=1e-14)
    variance = np.mean(LEVELS * (1 - LEVELS))
    assert metrics.brier(tally(probability, converted)) == pytest.approx(variance, abs=1e-14)


def test_true_probabilities_are_calibrated_by_every_measure() -> None:
    probability, converted = known_world()
    assert metrics.expected_calibration_error(tally(probability, converted)) == pytest.approx(
        0, abs=1e-14
    )
    assert metrics.calibration(tally(probability, converted))[:2] == pytest.approx((1, 0), abs=1e-9)
    assert metrics.calibration(tally(probability, converted))[2] == pytest.approx(0, abs=1e-9)
    reliability, resolution, uncertainty = metrics.brier_decomposition(
        tally(probability, converted)
    )
    base_rate = LEVELS.mean()
    assert reliability == pytest.approx(0, abs=1e-14)
    assert resolution == pytest.approx(np.var(LEVELS), abs=1e-14)
    assert uncertainty == pytest.approx(base_rate * (1 - base_rate), abs=1e-14)


def test_a_line_on_the_log_odds_scale_is_found_again() -> None:
    truth, converted = known_world()
    log_odds = np.log(truth / (1 - truth))
    told = 1 / (1 + np.exp(-(log_odds - 0.3) / 0.5))
    assert metrics.calibration(tally(told, converted))[:2] == pytest.approx((0.5, 0.3), abs=1e-9)


def test_a_shift_of_all_log_odds_is_found_again() -> None:
    truth, converted = known_world()
    told = 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) - 0.7)))
    assert metrics.calibration(tally(told, converted))[2] == pytest.approx(0.7, abs=1e-9)


# scikit-learn 1.9, rows as in golden_rows, w = None or the weights:
#   z = log(p / (1 - p)); fit = LogisticRegression(C=inf, tol=1e-12, max_iter=1000).fit(z, y, w)
#   roc_auc_score(y, p, sample_weight=w), average_precision_score(...), log_loss(...),
#   brier_score_loss(...), fit.coef_[0, 0], fit.intercept_[0]
GOLDEN = {
    "plain": (
        0.7142857142857143,
        0.4476220797602215,
        0.5362859421463539,
        0.17946125000000002,
        0.7073094222881066,
        0.009513983046289651,
    ),
    "weighted": (
        0.7416510785249912,
        0.4722901283132112,
        0.5138768442550647,
        0.17163955696202532,
        0.79565495777446,
        0.10816669659049002,
    ),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_scikit_learn_gives_the_same_numbers(kind: str) -> None:
    p, y, weights = golden_rows()
    w = weights if kind == "weighted" else None
    auc, precision, loss, brier, slope, intercept = GOLDEN[kind]
    assert metrics.auc(tally(p, y, w)) == pytest.approx(auc, abs=1e-12)
    assert metrics.average_precision(tally(p, y, w)) == pytest.approx(precision, abs=1e-12)
    assert metrics.log_loss(tally(p, y, w)) == pytest.approx(loss, abs=1e-12)
    assert metrics.brier(tally(p, y, w)) == pytest.approx(brier, abs=1e-12)
    # scikit-learn's solver stops where the gradient is small, some 1e-5 before the optimum.
    assert metrics.calibration(tally(p, y, w))[:2] == pytest.approx((slope, intercept), abs=1e-4)


# scikit-learn 1.9, rows as in golden_rows: q = IsotonicRegression().fit(p, y, w).predict(p);
# m(a) = average((a - y) ** 2, weights=w); m(p) - m(q), m(mean) - m(q), m(mean)
@pytest.mark.parametrize(
    ("weighted", "expected"),
    [
        (False, (0.01841758606159921, 0.032550086061599176, 0.19359374999999998)),
        (True, (0.018647664881784293, 0.038401213992503735, 0.19139310607274476)),
    ],
)
def test_the_brier_score_decomposes_as_isotonic_regression_says(
    weighted: bool, expected: tuple[float, float, float]
) -> None:
    p, y, weights = golden_rows()
    found = metrics.brier_decomposition(tally(p, y, weights if weighted else None))
    assert found == pytest.approx(expected, abs=1e-12)


def test_auc_of_a_handful_of_rows_by_hand() -> None:
    # Pairs (won, lost): (0.8, 0.3) right, (0.8, 0.5) right, (0.5, 0.3) right, (0.5, 0.5) tied.
    assert metrics.auc(tally([0.8, 0.5, 0.5, 0.3], [1, 1, 0, 0])) == pytest.approx(3.5 / 4)


def test_average_precision_takes_tied_rows_in_together() -> None:
    # One of the two top rows won, whatever their order; the other winner stands third.
    expected = (1 / 2 + 2 / 3) / 2
    for converted in ([1, 0, 1, 0], [0, 1, 1, 0]):
        found = metrics.average_precision(tally([0.9, 0.9, 0.4, 0.1], converted))
        assert found == pytest.approx(expected)


def test_gain_at_a_cut_through_ties_is_the_expectation_over_their_orders() -> None:
    # The cut takes 2 of 8 rows: the first, and one of the three tied ones, of which two won.
    value = [0.9, 0.5, 0.5, 0.5, 0.2, 0.2, 0.1, 0.1]
    converted = [1, 1, 0, 1, 0, 0, 0, 0]
    gain = metrics.gains(tally(value, converted), np.array([0.25]))
    assert gain == pytest.approx([(1 + 2 / 3) / 3])


def test_calibration_error_in_bins_of_equal_mass_by_hand() -> None:
    rng = np.random.default_rng(11)
    probability = rng.random(45)
    converted = (rng.random(45) < 0.5).astype(np.float64)
    order = np.argsort(probability)
    bins = [(probability[rows], converted[rows]) for rows in order.reshape(15, 3)]
    by_hand = np.mean([abs(p.mean() - y.mean()) for p, y in bins])
    assert metrics.expected_calibration_error(tally(probability, converted)) == pytest.approx(
        by_hand
    )


def test_calibration_error_of_one_value_for_all_is_its_distance_from_the_base_rate() -> None:
    converted = np.arange(100) < 30
    found = metrics.expected_calibration_error(tally(np.full(100, 0.5), converted))
    assert found == pytest.approx(0.2)


def test_a_certainty_that_fails_costs_much_but_not_endlessly() -> None:
    loss = metrics.log_loss(tally([1.0, 0.0], [0, 1]))
    assert loss == pytest.approx(-math.log(2**-52), rel=1e-6)


@pytest.mark.parametrize("outcome", [0, 1])
def test_what_needs_both_outcomes_is_not_a_number_with_one(outcome: int) -> None:
    found = measure(tally([0.1, 0.4, 0.4], [outcome] * 3))
    needing = ["auc", "calibration_slope", "calibration_intercept", "calibration_in_the_large"]
    assert all(math.isnan(found[name]) for name in needing)
    assert math.isfinite(found["log_loss"])
    assert found["base_rate"] == outcome


def test_probabilities_that_separate_the_outcomes_have_no_finite_slope() -> None:
    slope, intercept = metrics.calibration(tally([0.1, 0.2, 0.7, 0.8], [0, 0, 1, 1]))[:2]
    assert math.isnan(slope)
    assert math.isnan(intercept)
    assert math.isnan(metrics.calibration(tally([0.3, 0.3], [0, 1]))[0])


def test_no_rows_give_no_numbers() -> None:
    assert all(math.isnan(number) for number in measure(tally([], [])).values())


@pytest.mark.parametrize(
    ("value", "converted", "weight"),
    [
        ([0.1, 0.2], [1], None),
        ([0.1, math.nan], [1, 0], None),
        ([0.1, 0.2], [1, 2], None),
        ([0.1, 0.2], [1, 0], [1, -1]),
        ([0.1, 0.2], [1, 0], [1]),
    ],
)
def test_rows_that_make_no_sense_are_refused(
    value: list[float], converted: list[float], weight: list[float] | None
) -> None:
    with pytest.raises(ValueError, match=r"value|converted|weight"):
        metrics.auc(tally(value, converted, weight))
