"""Choosing and fitting calibrators: shrinkage, how much is enough, worlds with a known curve."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.known_worlds import Drawn, World
from leadcast.models.calibration.calibrator_choice import METHODS, choose_calibrator
from leadcast.models.calibration.calibrators import Calibrator, Identity, Logistic
from leadcast.models.calibration.corrections import (
    FLATTEST,
    Line,
    Smooth,
    TalliedRows,
    TwoSlopes,
    fitted,
    shrunken,
)
from leadcast.models.calibration.newest_level import level_shift
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid


def drawn_from(world: World, leads: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    drawn = world.draw(leads, seed)
    return drawn.log_odds, drawn.converted, drawn.group.astype(np.float64)


def rows_of(drawn: Drawn) -> TalliedRows:
    return TalliedRows.of(drawn.log_odds, drawn.converted, drawn.group)


def worst_decile(calibrator: Calibrator, world: World) -> float:
    """The largest difference, over tenths of the leads, of mean predicted and true probability."""
    large = world.draw(20_000, seed=10**6)
    order = np.argsort(large.log_odds)
    error = calibrator.probability(large.log_odds) - large.truth
    return max(abs(float(tenth.mean())) for tenth in np.array_split(error[order], 10))


def bent(log_odds: Floats) -> Floats:
    return np.where(log_odds > -2, -2 + 0.4 * (log_odds + 2), log_odds)


# With so many leads, every method that can draw the world's curve must find it.
@pytest.mark.parametrize("method", ["logistic", "beta", "spline", "isotonic"])
def test_a_straight_world_is_found_by_every_method(method: str) -> None:
    world = World(level=-1.0, spread=1.5, curve=lambda z: 0.3 + 0.7 * z)
    curve = METHODS[method][1](rows_of(world.draw(20_000, seed=1)))
    assert curve is not None
    assert worst_decile(curve, world) < 0.02


@pytest.mark.parametrize("method", ["spline", "isotonic"])
def test_a_bent_world_is_found_by_what_can_bend(method: str) -> None:
    world = World(spread=1.2, curve=bent)
    rows = rows_of(world.draw(20_000, seed=1))
    curve, line = METHODS[method][1](rows), METHODS["logistic"][1](rows)
    assert curve is not None
    assert line is not None
    assert worst_decile(curve, world) < 0.012
    assert worst_decile(line, world) > 0.018, "a world that a line can draw would test nothing"


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_fits_to_noise_keep_the_ranking(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1, rng.uniform(0.2, 3), 150)
    converted = (rng.random(150) < rng.uniform(0.1, 0.9)).astype(np.float64)
    curve = METHODS[method][1](TalliedRows.of(log_odds, converted, np.arange(150) // 2))
    if curve is None:
        return
    probability = curve.probability(np.arange(-12.0, 12.0, 0.01))
    assert (np.diff(probability) > 0).all()
    assert 0 < probability[0] < probability[-1] < 1


# A learner that is right must not be spoilt by calibrating it on few leads.
def test_shrinkage_halves_the_harm_to_a_learner_that_is_right() -> None:
    world = World()
    harms = {"shrunken": 0.0, "plain": 0.0}
    for seed in range(12):
        rows = rows_of(world.draw(800, seed))
        harms["shrunken"] += worst_decile(_line(rows), world)
        frame = Line.on(rows.log_odds)
        found = shrunken(rows, frame.columns(rows.log_odds), frame.priors())
        assert found is not None
        plain = frame.curve(found.unshrunken, len(rows))
        assert plain is not None
        harms["plain"] += worst_decile(plain, world)
    assert harms["shrunken"] < 0.7 * harms["plain"]


def _line(rows: TalliedRows) -> Calibrator:
    curve = fitted(Line, rows)
    assert curve is not None
    return curve


def test_what_the_data_show_clearly_is_kept_nearly_whole() -> None:
    rows = rows_of(World(curve=lambda z: 0.8 + 0.6 * z).draw(8000, seed=2))
    frame = Line.on(rows.log_odds)
    found = shrunken(rows, frame.columns(rows.log_odds), frame.priors())
    assert found is not None
    assert found.mean == pytest.approx(found.unshrunken, rel=0.05)


def test_the_unshrunken_correction_is_the_maximum_of_the_likelihood() -> None:
    rows = rows_of(World().draw(2000, seed=3))
    frame = Line.on(rows.log_odds)
    columns = frame.columns(rows.log_odds)
    found = shrunken(rows, columns, frame.priors())
    assert found is not None
    residual = rows.converted - sigmoid(rows.log_odds + columns @ found.unshrunken)
    assert columns.T @ residual == pytest.approx(0, abs=0.1)


def test_snapshots_of_one_lead_do_not_count_as_many_leads() -> None:
    drawn = World(agreement=1.0).draw(800, seed=4)
    errors = []
    for group in (drawn.group, np.arange(len(drawn.group))):
        rows = TalliedRows.of(drawn.log_odds, drawn.converted, group)
        frame = Line.on(rows.log_odds)
        found = shrunken(rows, frame.columns(rows.log_odds), [np.eye(2) * 100])
        assert found is not None
        errors.append(found.covariance[0, 0])
    assert errors[0] > 1.5 * errors[1]


@pytest.mark.parametrize("shape", [Line, TwoSlopes, Smooth])
def test_no_correction_is_the_identity(shape: type[Line] | type[TwoSlopes] | type[Smooth]) -> None:
    log_odds = np.random.default_rng(0).normal(-2, 1, 500)
    frame = shape.on(log_odds)
    width = frame.columns(log_odds).shape[1]
    curve = frame.curve(np.zeros(width), 500)
    assert curve is not None
    assert curve.curve(log_odds) == pytest.approx(log_odds, abs=1e-9)


@pytest.mark.parametrize("shape", [Line, TwoSlopes, Smooth])
def test_a_curve_is_the_log_odds_plus_its_correction(
    shape: type[Line] | type[TwoSlopes] | type[Smooth],
) -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-2, 1, 500)
    frame = shape.on(log_odds)
    columns = frame.columns(log_odds)
    coefficients = np.array([rng.normal(0, 0.05) for _ in columns.T])
    curve = frame.curve(coefficients, 500)
    assert curve is not None
    assert curve.curve(log_odds) == pytest.approx(log_odds + columns @ coefficients, abs=1e-9)


def test_a_bend_that_would_fall_is_damped() -> None:
    log_odds = np.random.default_rng(0).normal(-2, 1, 500)
    bend = TwoSlopes.on(log_odds).curve(np.array([0.0, 0.0, 5.0]), 500)
    slopes = Smooth.on(log_odds).curve(np.array([0.0, 3.0, 0.0, -4.0, 0.0, 3.0, 0.0]), 500)
    for curve in (bend, slopes):
        assert curve is not None
        rises = np.diff(curve.curve(np.linspace(-30, 30, 6001))) / 0.01
        assert rises.min() == pytest.approx(FLATTEST, abs=0.01)


@pytest.mark.parametrize(
    ("winners", "method"), [(0, "identity"), (4, "identity"), (9, "level"), (30, "logistic")]
)
def test_how_much_there_is_decides_what_is_tried(winners: int, method: str) -> None:
    rng = np.random.default_rng(5)
    log_odds = rng.normal(-2, 1, 400)
    converted = np.arange(400) < winners
    choice = choose_calibrator(log_odds, converted, np.arange(400))
    assert choice.method == method
    assert str(winners) in choice.reason
    assert 0 < choice.calibrator.probability(np.array([0.0]))[0] < 1


def test_a_straight_world_is_not_bent() -> None:
    for seed in range(3):
        choice = choose_calibrator(*drawn_from(World(), 2000, seed))
        assert choice.method == "logistic"
        assert "simpler" in choice.reason or "lowest" in choice.reason


def test_a_bent_world_is_bent_where_there_is_enough() -> None:
    choice = choose_calibrator(*drawn_from(World(spread=1.2, curve=bent), 10_000))
    assert choice.method in {"beta", "spline", "isotonic"}
    straight = next(one for one in choice.candidates if one.method == "logistic")
    assert straight.excess > straight.standard_error


# The choice itself must not depend on how rows are ordered or leads are called.
def test_the_choice_does_not_depend_on_the_rows_order() -> None:
    log_odds, converted, group = drawn_from(World(), 500)
    shuffled = np.random.default_rng(0).permutation(len(group))
    first = choose_calibrator(log_odds, converted, group)
    second = choose_calibrator(log_odds[shuffled], converted[shuffled], group[shuffled])
    assert first.method == second.method
    at = np.linspace(-6, 2, 9)
    assert first.calibrator.probability(at) == pytest.approx(second.calibrator.probability(at))


def test_candidates_are_told_with_what_no_calibration_would_lose() -> None:
    choice = choose_calibrator(*drawn_from(World(curve=lambda z: z + 1), 2000))
    names = [candidate.method for candidate in choice.candidates]
    assert names[:2] == ["identity", "logistic"]
    assert choice.candidates[0].excess > 0.01
    json.dumps(choice.to_json(), allow_nan=False)


def test_the_level_of_the_newest_snapshots_is_found() -> None:
    log_odds, converted, group = drawn_from(World(curve=lambda z: z + 0.6), 4000)
    found = level_shift(Identity(rows=3000), log_odds, converted, group)
    assert found is not None
    assert found.mean[0] == pytest.approx(0.6, abs=0.12)
    assert abs(found.mean[0] - 0.6) < 4 * np.sqrt(found.covariance[0, 0])


def test_a_level_that_has_not_moved_is_left_nearly_alone() -> None:
    base = Logistic(rows=3000, intercept=0.0, slope=1.0)
    found = [level_shift(base, *drawn_from(World(), 300, seed)) for seed in range(10)]
    shifts = [(one.mean[0], one.unshrunken[0]) for one in found if one is not None]
    assert len(shifts) == 10
    kept, asked = np.abs(shifts).mean(axis=0)
    assert kept < 0.7 * asked


def test_a_few_leads_do_not_tell_the_level() -> None:
    won = [True, True, True, True, False, False, False, False]
    assert level_shift(Identity(rows=10), np.zeros(8), won, list("abcdefgh")) is None


@pytest.mark.parametrize(
    ("log_odds", "converted", "group"),
    [([0.1], [0, 1], [1, 2]), ([0.1, np.nan], [0, 1], [1, 2]), ([0.1, 0.2], [0, 0.5], [1, 2])],
)
def test_rows_that_make_no_sense_are_refused(
    log_odds: list[float], converted: list[float], group: list[int]
) -> None:
    with pytest.raises(ValueError, match=r"log_odds|converted"):
        choose_calibrator(log_odds, converted, group)


@pytest.mark.parametrize("gap", [1.0, 1e-9, 1e-16])
@pytest.mark.parametrize("share", [0.5, 0.99, 1.0])
def test_a_model_that_says_two_things_is_calibrated(share: float, gap: float) -> None:
    # One category of two values: all knots of a spline may fall on one of them.
    rng = np.random.default_rng(0)
    second = rng.random(4_000) >= share
    converted = rng.random(4_000) < 0.3 + 0.3 * second
    choice = choose_calibrator(np.where(second, gap - 1, -1.0), converted, np.arange(4_000))
    told = choice.calibrator.probability(np.where(second, gap - 1, -1.0))
    assert np.isfinite(told).all()
    # Where it says one thing only, that is the base rate of the past, and is left as it is.
    assert told.mean() == pytest.approx(converted.mean(), abs=0.02 if share < 1 else 0.05)
