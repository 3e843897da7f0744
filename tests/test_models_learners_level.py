"""The level's guard: jumps, spikes, clocks and the beginning of recording."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.choice import choose
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.drifting_level import LevelFit, fit_level_regression
from leadcast.models.learners.learner_store import Additive, load_learner
from leadcast.models.learners.prior import fit_prior
from leadcast.models.learners.ridge import Ridge
from tests.learner_worlds import QUICK, logistic_world, with_clock

CURVES = (Setup(None, ((10.0, 1.0),)),)
CLOCK = 4
LOGISTIC = QUICK.model_copy(update={"candidates": ("logistic",)})


def world(
    level: Floats, clock: Floats | None = None, seed: int = 1
) -> tuple[LabelledMatrix, Floats]:
    """Leads whose log-odds are a level that time moves and what the features tell."""
    data, truth = logistic_world(len(level), seed)
    truth = truth + level
    converted = np.random.default_rng(seed + 100).random(len(level)) < sigmoid(truth)
    data = replace(data, converted=converted.astype(np.float64))
    return (data if clock is None else with_clock(data, clock)), truth


def levels_of(rates: Floats, rows: int = 1000) -> LevelFit:
    """The fit of rows without features, so many a period, won at these rates."""
    period = np.repeat(np.arange(len(rates)), rows)
    converted = np.concatenate([np.arange(rows) < rate * rows for rate in rates]) * 1.0
    return fit_level_regression(
        np.zeros((len(period), 0)), converted, np.ones(len(period)), period, Ridge.of(np.zeros(0))
    )


@pytest.fixture(scope="module")
def clocked() -> Additive:
    passed = np.linspace(0, 1, 4000)
    data, _ = world(2 * passed - 2, np.floor(passed * 40))
    learner = fit_learner("logistic", data, CURVES, QUICK)
    assert isinstance(learner, Additive)
    assert learner.level.terms
    return learner


EXTREME = st.floats(width=32, allow_nan=True, allow_infinity=False)


@given(arrays(np.float32, 5, elements=EXTREME))
@settings(max_examples=200)
def test_the_level_stays_in_its_bounds_whatever_a_clock_says(
    clocked: Additive, row: Floats
) -> None:
    level, values = clocked.level, row[None].astype(np.float32)
    assert level.low <= level.mean(values)[0] <= level.high
    assert np.isfinite(level.high - level.low)
    # What the level may be is no reason for a probability beyond that.
    doubted = level.trust(values) * level.mean(values)
    assert sigmoid(doubted)[0] < sigmoid(np.array([level.high]))[0] + 0.02


@given(arrays(np.float32, (7, 5), elements=EXTREME))
@settings(max_examples=100)
def test_rows_alone_get_what_they_get_among_others(clocked: Additive, rows: Floats) -> None:
    values = rows.astype(np.float32)
    alone = [clocked.log_odds(values[place : place + 1])[0] for place in range(7)]
    np.testing.assert_allclose(clocked.log_odds(values), alone, rtol=1e-12, atol=1e-12)


def test_contributions_add_up_where_the_level_stops_at_a_bound(clocked: Additive) -> None:
    values = np.zeros((3, 5), np.float32)
    values[:, CLOCK] = -1e9, 20.0, 1e9
    narrow = replace(clocked, level=replace(clocked.level, low=-1.2, high=-0.9))
    assert set(narrow.level.mean(values)) == {-1.2, -0.9}
    parts, base = narrow.contributions(values)
    np.testing.assert_allclose(parts.sum(axis=1) + base, narrow.log_odds(values), atol=1e-9)


def test_a_learner_from_before_there_were_bounds_scores_as_it_did(
    clocked: Additive, tmp_path: Path
) -> None:
    clocked.save(tmp_path)
    stored = json.loads((tmp_path / "learner.json").read_text())
    for bound in ("low", "high"):
        del stored["level"][bound]
    (tmp_path / "learner.json").write_text(json.dumps(stored))
    old = load_learner(tmp_path)
    assert isinstance(old, Additive)
    values = np.zeros((3, 5), np.float32)
    values[:, CLOCK] = -1e9, 20.0, 1e9
    level, clock = old.level, values[:, CLOCK].astype(np.float64)
    columns = np.column_stack([c for t in level.terms for c in t.columns(clock)])
    columns -= level.centre
    design = np.column_stack([np.ones(3), columns])
    variance = (design @ level.covariance * design).sum(axis=1)
    trust = 1 / np.sqrt(1 + np.pi * (variance + level.drift) / 8)
    shapes = sum(w * s.values(values) for w, s in zip(old.weights, old.shapes, strict=True))
    expected = trust * (level.weights[0] + columns @ level.weights[1:] + shapes)
    assert np.array_equal(old.log_odds(values), expected)
    old.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "learner.json").read_text()) == stored


def test_bounds_that_cross_are_refused(clocked: Additive, tmp_path: Path) -> None:
    replace(clocked, level=replace(clocked.level, low=1.0, high=0.0)).save(tmp_path)
    with pytest.raises(LeadcastError, match="low must not be above high"):
        load_learner(tmp_path)


def test_a_jump_tells_little_of_the_usual_steps() -> None:
    jumped = levels_of(np.r_[np.full(6, 0.05), np.full(6, 0.4)])
    steady = levels_of(np.full(12, 0.05))
    assert jumped.steps.variance < 3 * steady.steps.variance
    assert jumped.steps.tightness.argmin() == 5
    levels = jumped.coefficients[0] + jumped.levels
    np.testing.assert_allclose(sigmoid(levels), np.r_[np.full(6, 0.05), np.full(6, 0.4)], atol=0.01)


def test_where_recording_begins_late_the_probabilities_are_those_of_since() -> None:
    # Wins of the first 55 % are not in the export; a past rate rises from nothing with it, and
    # goes on rising, as it does, or twice as far as it has come.
    n = 8000
    data, truth = world(np.full(n, -2.5))
    converted = data.converted * (np.arange(n) >= 0.55 * n)
    past = np.concatenate([[0.0], np.cumsum(converted)[:-1] / np.arange(1, n)])
    data = with_clock(replace(data, converted=converted), past)
    later, true = data.values[-1000:].copy(), sigmoid(truth[-1000:]).mean()
    learner = choose(data, LOGISTIC).learner
    for further, most in ((1.1, 0.02), (2.0, 0.04)):
        later[:, CLOCK] = further * past[-1]
        assert sigmoid(learner.log_odds(later)).mean() == pytest.approx(true, abs=most)


def test_a_spike_at_the_end_is_not_taken_for_the_level() -> None:
    level = np.where(np.arange(6000) < 5500, -2.0, 0.0)
    data, _ = world(level)
    said = sigmoid(fit_learner("logistic", data, CURVES, QUICK).log_odds(data.values)).mean()
    before, spike = data.converted[:5500].mean(), data.converted[5500:].mean()
    # One period of twelve: half of it is believed, as it could have come to stay.
    assert before < said < before + 0.6 * (spike - before)


@pytest.mark.parametrize("held", [True, False])
def test_clocks_are_followed_where_they_held_out_of_time(held: bool) -> None:
    # The level swings with an index; or against it whenever an origin has learned the other.
    passed = np.linspace(0, 1, 8000)
    index = np.round(3 * np.sin(6 * np.pi * passed), 1)
    turned = np.searchsorted([0.6, 0.73, 0.87], passed) % 2 == 1
    sign = np.where(turned & (not held), -1.0, 1.0)
    data, _ = world(0.4 * sign * index - 1, index, seed=2)
    share = choose(data, LOGISTIC).setup["settings"]["follow_clocks"]
    assert share == 1.0 if held else share < 1.0


def test_a_level_may_be_told_to_hold_its_clocks() -> None:
    passed = np.linspace(0, 1, 4000)
    data, _ = world(2 * passed - 2, np.floor(passed * 40))
    told = choose(data, LOGISTIC.model_copy(update={"follow_clocks": 0.0}))
    assert isinstance(told.learner, Additive)
    assert not told.learner.level.terms
    assert any("does not follow them" in note for note in told.notes)


def test_the_base_rate_is_that_since_it_changed() -> None:
    data = logistic_world(400)[0]
    place, random = np.arange(400), np.random.default_rng(0)
    won = (place >= 250) & (random.random(400) < 0.3)
    changed = replace(data, converted=won.astype(np.float64))
    unchanged = replace(data, converted=random.permutation(changed.converted))
    rate = float(changed.converted[250:].mean())
    assert float(sigmoid(np.array(fit_prior(changed).base))) == pytest.approx(rate, abs=0.04)
    assert float(sigmoid(np.array(fit_prior(unchanged).base))) == pytest.approx(
        changed.converted.mean(), abs=0.03
    )
