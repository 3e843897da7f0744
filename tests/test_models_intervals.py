"""Intervals of single leads: Venn-Abers by its definition, laws, and measured coverage."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from benchmarks.interval_coverage import WORLDS, lead_coverage
from benchmarks.known_worlds import World
from leadcast.features.base.errors import LeadcastError
from leadcast.models.calibration.intervals import (
    WIDTH_KEPT,
    LeadIntervals,
    fit_lead_intervals,
    venn_abers_pair,
)
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import log_odds_of

counts_of_one = st.tuples(st.integers(1, 3), st.integers(0, 3)).map(lambda c: (c[0], min(c)))
many_counts = st.lists(counts_of_one, min_size=1, max_size=20)


def by_definition(scores: Floats, converted: Floats, new: float, outcome: int) -> float:
    """What isotonic regression says of a new row, were its outcome known (Vovk and Petej 2014)."""
    fit = IsotonicRegression().fit([*scores, new], [*converted, outcome])
    return float(fit.predict([new])[0])


@settings(max_examples=25)
@given(many_counts)
def test_one_pass_gives_what_refitting_for_each_score_gives(drawn: list[tuple[int, int]]) -> None:
    mass, hits = np.array(drawn, dtype=np.float64).T.copy()
    values = np.arange(len(mass), dtype=np.float64)
    scores = np.repeat(values, mass.astype(int))
    converted = np.concatenate([np.arange(m) < h for m, h in drawn]).astype(np.float64)
    if_lost, if_won = venn_abers_pair(mass, hits)
    for new in np.arange(-0.5, len(mass) + 0.5, 0.5):
        lost = if_lost[np.searchsorted(values, new, side="right")]
        won = if_won[np.searchsorted(values, new, side="left")]
        assert lost == pytest.approx(by_definition(scores, converted, new, 0), abs=1e-9)
        assert won == pytest.approx(by_definition(scores, converted, new, 1), abs=1e-9)


def test_the_definition_would_catch_the_outcomes_swapped() -> None:
    scores, converted = np.arange(4.0), np.array([0.0, 1.0, 0.0, 1.0])
    if_lost = venn_abers_pair(np.ones(4), converted)[0]
    assert if_lost[2] != pytest.approx(by_definition(scores, converted, 1.5, 1))


def fitted(leads: int = 300, seed: int = 0) -> LeadIntervals:
    drawn = World().draw(leads, seed)
    return fit_lead_intervals(drawn.log_odds, drawn.converted, drawn.group, replicates=60)


# One winner among ten rows of one log-odds: a new row there makes it 1 or 2 of 11.
def test_the_pair_of_rows_that_are_all_alike_is_a_count() -> None:
    intervals = fit_lead_intervals(np.zeros(10), np.arange(10) < 1, np.arange(10), replicates=20)
    if_lost, if_won = intervals.pair(np.array([0.0]))
    assert (if_lost[0], if_won[0]) == pytest.approx((1 / 11, 2 / 11))


def test_beyond_all_rows_nothing_is_known_on_that_side() -> None:
    intervals = fitted()
    if_lost, _ = intervals.pair(np.array([-50.0]))
    _, if_won = intervals.pair(np.array([50.0]))
    assert (if_lost[0], if_won[0]) == (0.0, 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_intervals_hold_pair_and_probability_and_never_fall(seed: int) -> None:
    intervals = fitted(seed=seed)
    log_odds = np.linspace(-9, 5, 400)
    probability = 1 / (1 + np.exp(-log_odds))
    low, high = intervals.interval(log_odds, probability)
    if_lost, if_won = intervals.pair(log_odds)
    assert (if_lost <= if_won).all()
    assert ((low <= if_lost) & (if_won <= high)).all()
    assert ((low <= probability) & (probability <= high)).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert low.min() >= 0
    assert high.max() <= 1


def test_averaging_moves_half_of_the_way_and_keeps_most_of_the_width() -> None:
    pair = [0.15, 0.35]
    intervals = LeadIntervals(
        level=0.9, knots=[0.0, 1.0], if_lost=pair, if_won=pair, low=[0.1, 0.2], high=[0.2, 0.4]
    )
    calibrated = np.array([0.15, 0.5])
    moved = intervals.averaged_with(calibrated)
    before, after = (log_odds_of(np.array([one.low, one.high])) for one in (intervals, moved))
    np.testing.assert_allclose(after[1] - after[0], WIDTH_KEPT * (before[1] - before[0]))
    way = log_odds_of(calibrated) - before.mean(axis=0)
    np.testing.assert_allclose(after.mean(axis=0) - before.mean(axis=0), way / 2)


@pytest.mark.parametrize("seed", range(3))
def test_averaged_intervals_hold_the_pair_and_never_fall(seed: int) -> None:
    intervals = fitted(seed=seed)
    knots = np.array(intervals.knots)
    moved = intervals.averaged_with(1 / (1 + np.exp(3 - 0.2 * knots)))
    assert (np.diff([moved.low, moved.high], axis=1) >= 0).all()
    assert (np.array(moved.low) <= np.array(intervals.if_lost)).all()
    assert (np.array(moved.high) >= np.array(intervals.if_won)).all()
    assert LeadIntervals.from_json(moved.to_json()) == moved


def test_plain_data_gives_the_same_intervals() -> None:
    intervals = fitted()
    again = LeadIntervals.from_json(json.loads(json.dumps(intervals.to_json(), allow_nan=False)))
    assert again == intervals


@pytest.mark.parametrize(
    "damage", [{"low": [0.1]}, {"low": None}, {"knots": []}, {"level": "high"}, {"high": [1, 0]}]
)
def test_damaged_data_is_refused(damage: dict[str, object]) -> None:
    content = LeadIntervals(
        level=0.9,
        knots=[0.0, 1.0],
        if_lost=[0.0, 0.1],
        if_won=[0.2, 0.3],
        low=[0.0, 0.1],
        high=[0.3, 0.4],
    )
    with pytest.raises(LeadcastError, match="lead intervals"):
        LeadIntervals.from_json(content.to_json() | damage)


def test_thinned_knots_round_outwards() -> None:
    drawn = World().draw(1500, seed=1)
    rows = (drawn.log_odds, drawn.converted, drawn.group)
    thinned = fit_lead_intervals(*rows, replicates=1)
    assert len(thinned.knots) <= 1000 < len(np.unique(drawn.log_odds))
    order = np.argsort(drawn.log_odds)
    exact_lost, exact_won = venn_abers_pair(np.ones(len(order)), drawn.converted[order])
    if_lost, if_won = thinned.pair(drawn.log_odds[order])
    assert (if_lost <= exact_lost[1:] + 1e-12).all()
    assert (if_won >= exact_won[:-1] - 1e-12).all()
    assert np.mean(exact_lost[1:] - if_lost) < 0.002


def test_more_leads_give_narrower_intervals() -> None:
    widths = []
    for leads in (200, 3000):
        low, high = fitted(leads).interval(np.array([-3.0]), np.array([0.05]))
        widths.append(high[0] - low[0])
    assert widths[1] < widths[0] / 2


def test_no_rows_give_no_intervals() -> None:
    with pytest.raises(ValueError, match="no rows"):
        fit_lead_intervals([], [], [])


# `python -m benchmarks.interval_coverage` measures it at length.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["calibrated", "bent"])
def test_intervals_of_90_percent_hold_the_true_rate_about_as_often(name: str) -> None:
    covered = lead_coverage(WORLDS[name], leads=600, repetitions=12, replicates=80)
    assert 0.85 <= covered["covered"] <= 1.0
    assert covered["pair_width"] < covered["width"] < 0.15


@pytest.mark.slow
def test_the_coverage_would_catch_a_level_that_is_not_kept() -> None:
    covered = lead_coverage(WORLDS["calibrated"], 600, repetitions=12, level=0.3, replicates=80)
    assert covered["covered"] < 0.75
