"""Calibrators: ranking kept, never 0 or 1, plain data; and the curves that fits give."""

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.models.calibration.calibrators import (
    Beta,
    Calibrator,
    CalibratorFile,
    Identity,
    Isotonic,
    Logistic,
    Shifted,
    Spline,
    calibrator_from_json,
    integrated,
    narrowed,
)
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid

CALIBRATORS: list[Calibrator] = [
    Identity(rows=3000),
    Logistic(rows=3000, intercept=-0.2, slope=0.85),
    Beta(rows=3000, intercept=0.1, lower=0.7, upper=1.3),
    Spline(rows=3000, knots=[-4.0, -2.0, 1.0], start=-3.5, slopes=[0.8, 1.1, 0.05]),
    Isotonic(rows=3000, knots=[-4.0, -2.0, 1.0], values=[-3.0, -2.9, 2.0], slope=0.9),
    Shifted(base=Logistic(rows=3000, intercept=-0.2, slope=0.85), shift=0.4),
]


def by_kind(calibrator: Calibrator) -> str:
    return calibrator.kind


def test_no_kind_is_forgotten() -> None:
    schema = CalibratorFile.model_json_schema()
    mapping = schema["discriminator"]["mapping"]
    assert {calibrator.kind for calibrator in CALIBRATORS} == {*mapping}


def check_rising(calibrator: Calibrator, log_odds: list[float]) -> None:
    probability = calibrator.probability(np.array(sorted(log_odds)))
    assert ((probability > 0) & (probability < 1)).all(), "never 0 or 1"
    assert (np.diff(probability) > 0).all(), "a list sorted by one is sorted by the other"


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
@settings(max_examples=60)
@given(drawn=st.lists(st.integers(-40_000, 40_000), min_size=2, max_size=30, unique=True))
def test_the_ranking_is_kept(calibrator: Calibrator, drawn: list[int]) -> None:
    check_rising(calibrator, [number / 1000 for number in drawn])


def test_the_ranking_law_can_fail() -> None:
    class Clipped(Identity):
        def probability(self, log_odds: Floats) -> Floats:
            return np.clip(super().probability(log_odds), 0.01, 0.99)

    with pytest.raises(AssertionError, match="sorted"):
        check_rising(Clipped(rows=3000), [-9.0, -8.0])


# Two leads whose log-odds differ in the ninth digit are still two leads on a call list.
@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
def test_close_leads_stay_apart_up_to_the_ends(calibrator: Calibrator) -> None:
    for place in (-20.0, -4.0, -2.0, 0.0, 1.0, 6.0):
        check_rising(calibrator, [place, place + 1e-8])


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
@pytest.mark.parametrize("extreme", [-1e300, -745.0, 745.0, 1e300])
def test_the_most_extreme_log_odds_are_neither_0_nor_1(
    calibrator: Calibrator, extreme: float
) -> None:
    (probability,) = calibrator.probability(np.array([extreme]))
    assert 0 < probability < 1


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
def test_plain_data_gives_the_same_calibrator(calibrator: Calibrator) -> None:
    content = json.loads(json.dumps(calibrator.to_json(), allow_nan=False))
    again = calibrator_from_json(content)
    assert again == calibrator
    log_odds = np.linspace(-9, 9, 50)
    assert (again.probability(log_odds) == calibrator.probability(log_odds)).all()


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
def test_words_tell_what_it_does(calibrator: Calibrator) -> None:
    assert len(calibrator.describe()) > 10


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=by_kind)
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_no_number_is_refused(calibrator: Calibrator, broken: float) -> None:
    with pytest.raises(ValueError, match="log_odds"):
        calibrator.probability(np.array([0.0, broken]))


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind": "newest"},
        {"kind": "logistic", "rows": 10, "intercept": 0.0},
        {"kind": "logistic", "rows": 10, "intercept": 0.0, "slope": -1.0},
        {"kind": "logistic", "rows": 10, "intercept": 0.0, "slope": "steep"},
        {"kind": "logistic", "rows": 10, "intercept": 0.0, "slope": 1.0, "bend": 2.0},
        {"kind": "beta", "rows": 10, "intercept": 0.0, "lower": 1.0, "upper": 0.0},
        {"kind": "spline", "rows": 10, "knots": [0, 1], "start": 0.0, "slopes": [1.0]},
        {"kind": "isotonic", "rows": 10, "knots": [1, 0], "values": [0, 1], "slope": 1.0},
        {"kind": "isotonic", "rows": 10, "knots": [0, 1], "values": [1, 1], "slope": 1.0},
        {"kind": "shifted", "shift": 0.1},
        {"kind": "shifted", "shift": 0.1, "base": {"kind": "oracle"}},
    ],
)
def test_damaged_or_foreign_data_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(LeadcastError, match="calibrator"):
        calibrator_from_json(content)


def test_log_odds_within_what_the_rows_show_are_left_alone() -> None:
    log_odds = np.linspace(-8, 8, 33)
    assert narrowed(log_odds, 3000) == pytest.approx(log_odds, abs=1e-14)


# Laplace's rule: 3,000 rows without an exception show 1 in 3,002, and not much less.
def test_beyond_what_the_rows_show_log_odds_rise_slowly() -> None:
    low, lower = sigmoid(narrowed(np.array([-math.log(3001), -12.0]), 3000))
    assert low == pytest.approx(1 / 3002)
    assert math.exp(-12) < lower < low


def test_a_beta_curve_has_its_slopes_at_both_ends() -> None:
    beta = Beta(rows=3000, intercept=0.1, lower=0.7, upper=1.3)
    rise = np.diff(beta.curve(np.array([-41.0, -40.0, 40.0, 41.0])))
    assert (rise[0], rise[2]) == pytest.approx((0.7, 1.3))


def test_a_beta_curve_of_equal_slopes_is_a_line() -> None:
    log_odds = np.linspace(-6, 6, 25)
    line = Logistic(rows=3000, intercept=0.2, slope=0.9).curve(log_odds)
    assert Beta(rows=3000, intercept=0.2, lower=0.9, upper=0.9).curve(log_odds) == pytest.approx(
        line
    )


def test_a_spline_has_the_slopes_it_says() -> None:
    knots, slopes = np.array([-4.0, -2.0, 1.0]), np.array([0.8, 1.1, 0.5])
    for place, slope in [
        (-9, 0.8),
        (-4, 0.8),
        (-3, 0.95),
        (-2, 1.1),
        (-0.5, 0.8),
        (1, 0.5),
        (7, 0.5),
    ]:
        ends = integrated(knots, slopes, np.array([place - 1e-6, place + 1e-6]))
        assert np.diff(ends)[0] / 2e-6 == pytest.approx(slope, abs=1e-5)


def test_isotonic_pieces_pass_through_their_points() -> None:
    knots, values = [-4.0, -2.0, 1.0], [-3.0, -2.9, 2.0]
    curve = Isotonic(rows=3000, knots=knots, values=values, slope=0.9).curve(
        np.array([-5.0, *knots, 3.0])
    )
    assert curve == pytest.approx([-3.9, *values, 3.8])
    assert all(one < other for one, other in pairwise(curve.tolist()))


def test_a_shift_of_the_level_is_one_of_all_log_odds() -> None:
    base = Logistic(rows=3000, intercept=-0.2, slope=0.85)
    log_odds = np.linspace(-5, 5, 11)
    moved = Shifted(base=base, shift=0.4).log_odds(log_odds)
    assert moved == pytest.approx(base.log_odds(log_odds) + 0.4)
