"""Segments with levels and slopes of their own: shrunken, and only where they differ."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.registry import Feature
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.fresh import Recipe
from leadcast.models.choice.segment_form import segment_features, segments_told
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.learner_store import SegmentedLearner, load_learner
from leadcast.models.learners.segmented import fit_segments
from leadcast.models.settings import LearnerSettings
from leadcast.pipelines.train import segment_lines

ONLY = LearnerSettings(
    capacities=("cautious",),
    candidates=("logistic",),
    penalties=(10.0,),
    half_lives=(None,),
    segments_by=("country",),
)
COUNTRIES = ("AT", "CH", "DE", "FR", "IT")
SHARES = (0.02, 0.5, 0.2, 0.15, 0.1, 0.03)
"""Of leads of a rare country first, then of each of `COUNTRIES`."""
LEVELS = np.array([0.0, 0.0, 1.2, -1.2, 0.0, 1.0])
SLOPES = np.array([0.0, 0.0, 0.0, 1.0, -1.3, 0.0])
FEATURES = (
    Feature("visits", "engagement", "number", ("events",), "visits"),
    Feature("budget", "fit", "number", ("leads.budget",), "budget"),
    Feature("country_code", "fit", "category", ("leads.country",), "country", COUNTRIES),
    Feature("opened", "engagement", "flag", ("events",), "has opened a mail"),
)


def world(n: int, differ: float, seed: int = 0) -> tuple[LabelledMatrix, Floats]:
    """Make leads of countries that differ so much; give the true log-odds as well."""
    random = np.random.default_rng(seed)
    values = np.empty((n, 4), dtype=np.float32)
    values[:, :2] = random.normal(size=(n, 2))
    values[:, 2] = random.choice(6, n, p=SHARES)
    values[:, 3] = random.random(n) < 0.4
    country = values[:, 2].astype(int)
    own = differ * (LEVELS[country] + SLOPES[country] * values[:, 0])
    truth = np.asarray(-1.3 + values[:, 0] + 0.6 * values[:, 1] + own, np.float64)
    converted = (random.random(n) < sigmoid(truth)).astype(np.float64)
    place = np.arange(n, dtype=np.int64)
    return LabelledMatrix(values, FEATURES, converted, place, place, 0), truth


@cache
def chosen(differ: float) -> Choice:
    """Choose once for each world."""
    return choose(world(3_000, differ)[0], ONLY)


def segmented() -> SegmentedLearner:
    """Give the learner of the world whose countries differ."""
    learner = chosen(1.0).learner
    assert isinstance(learner, SegmentedLearner)
    return learner


def regret(log_odds: Floats, truth: Floats) -> float:
    """Compute how much more these probabilities cost than the true ones."""
    loss = np.logaddexp(0.0, log_odds) - sigmoid(truth) * log_odds
    return float((loss - np.logaddexp(0.0, truth) + sigmoid(truth) * truth).mean())


def test_where_segments_differ_each_comes_closer_to_its_truth() -> None:
    data, truth = world(20_000, 1.0, seed=1)
    learner = segmented()
    whole = regret(learner.whole.log_odds(data.values), truth)
    assert regret(learner.log_odds(data.values), truth) < 0.4 * whole
    told = {row["segment"]: row for row in segments_told(learner, data.features)}
    assert told["DE"]["slopes"]["visits"] > 0.4 > -0.4 > told["FR"]["slopes"]["visits"]


def test_where_they_do_not_differ_the_whole_is_used_alone() -> None:
    choice = chosen(0.0)
    assert choice.learner.kind == "logistic"
    assert choice.segments is not None
    assert choice.segments.form is None
    assert "segments by country_code not used: log loss" in choice.notes[-1]
    assert {"logistic", "segmented"} == {result.candidate for result in choice.backtest}
    assert "segments" not in choice.setup


@settings(max_examples=25)
@given(
    numbers=st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=2),
    country=st.sampled_from([0.0, 9.0, float("nan"), -1.0]),
)
def test_of_an_unknown_segment_the_score_is_the_whole_s_bit_for_bit(
    numbers: list[float], country: float
) -> None:
    row = np.array([[*numbers, country, 1.0]], dtype=np.float32)
    learner = segmented()
    assert learner.log_odds(row).tobytes() == learner.whole.log_odds(row).tobytes()
    known = np.where([False, False, True, False], np.float32(2), row)
    assert learner.log_odds(known) != learner.whole.log_odds(known)


def test_what_features_add_sums_to_the_score() -> None:
    values = world(200, 1.0, seed=2)[0].values
    values[::7, 0] = np.nan
    part, base = segmented().contributions(values)
    np.testing.assert_allclose(part.sum(axis=1) + base, segmented().log_odds(values), atol=1e-12)
    assert segmented().importance().sum() == pytest.approx(1.0)


def test_the_fewer_leads_a_segment_has_the_less_is_its_own() -> None:
    column = segmented().parts.columns[0]
    fewest, *_, most = sorted(column.segments, key=lambda one: one.leads)
    assert fewest.own < 0.9 < most.own
    assert fewest.own == min(one.own for one in column.segments)
    assert most.own == max(one.own for one in column.segments)


def test_segments_that_do_not_differ_are_drawn_to_the_whole() -> None:
    data, truth = world(6_000, 0.0)
    (column,) = fit_segments(data, truth, [2], [0, 1], "numbers").columns
    assert max(abs(one.level) for one in column.segments) < 0.15
    assert max(abs(slope) for one in column.segments for slope in one.slopes) < 0.15


def test_two_columns_of_segments_add_up() -> None:
    data, truth = world(6_000, 1.0)
    country = data.values[:, 2].astype(int)
    as_whole = truth - LEVELS[country] - SLOPES[country] * data.values[:, 0]
    parts = fit_segments(data, as_whole, [2, 3], [0], "numbers")
    levels = {one.code: one.level for one in parts.columns[0].segments}
    assert levels[2.0] == pytest.approx(1.2, abs=0.3)
    assert levels[3.0] == pytest.approx(-1.2, abs=0.3)
    assert max(abs(one.level) for one in parts.columns[1].segments) < 0.2
    assert parts.of(as_whole, data.values).shape == truth.shape


def test_it_is_saved_and_read_back_as_plain_data(tmp_path: Path) -> None:
    values = world(100, 1.0, seed=3)[0].values
    segmented().save(tmp_path / "learner")
    again = load_learner(tmp_path / "learner")
    assert again.log_odds(values).tobytes() == segmented().log_odds(values).tobytes()
    assert again.kind == "segmented"
    assert not [path for path in tmp_path.rglob("*.*") if path.suffix not in (".json", ".txt")]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda c: c["segments"]["columns"][0]["segments"][0]["slopes"].append(1.0), "slopes"),
        (lambda c: c["segments"]["columns"][0].update(feature=99), "column 99 is none of the 4"),
        (lambda c: c["segments"]["columns"][0]["segments"].reverse(), "codes of segments"),
        (lambda c: c["segments"]["columns"][0]["segments"][0].update(slope=-1.5), "slope"),
        (lambda c: c["importance"].append(0.0), "another width"),
        (lambda c: c.update(whole="../learner"), "whole"),
    ],
)
def test_a_damaged_one_is_refused(damage: object, told: str, tmp_path: Path) -> None:
    segmented().save(tmp_path)
    path = tmp_path / "learner.json"
    content = read_json(path)
    damage(content)  # type: ignore[operator]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(LeadcastError, match=told):
        load_learner(tmp_path)


def test_segments_within_segments_are_refused(tmp_path: Path) -> None:
    segmented().save(tmp_path)
    replace(segmented(), whole=segmented()).save(tmp_path / "twice")
    with pytest.raises(LeadcastError, match="holds no learner"):
        load_learner(tmp_path / "twice")


def test_its_recipe_gives_the_same_again_whatever_the_order_of_the_rows() -> None:
    data = world(3_000, 1.0)[0]
    recipe = Recipe.from_json(chosen(1.0).setup)
    assert recipe.to_json() == chosen(1.0).setup
    mixed = data.rows(np.random.default_rng(4).permutation(len(data)))
    again = recipe.fitted(mixed)
    assert again.log_odds(data.values).tobytes() == segmented().log_odds(data.values).tobytes()
    # What tells nothing any more makes no segments.
    features = (*FEATURES[:2], replace(FEATURES[2], name="region"), FEATURES[3])
    assert recipe.fitted(replace(data, features=features)).kind == "logistic"


def test_a_slope_keeps_to_no_constrained_direction() -> None:
    held = ONLY.model_copy(update={"monotone": {"visits": 1}})
    learner = choose(world(3_000, 1.0)[0], held).learner
    assert isinstance(learner, SegmentedLearner)
    assert 0 not in [one.feature for one in learner.parts.numbers]


def test_what_makes_segments_is_looked_up_by_attribute_or_feature() -> None:
    assert segment_features(FEATURES, ["country", "country_code"]) == ("country_code",)
    with pytest.raises(FaultsError) as caught:
        segment_features(FEATURES, ["visits", "contry"])
    assert [fault.found for fault in caught.value.faults] == [
        "a number",
        "no such feature of these leads",
    ]
    assert "country" in caught.value.faults[1].remedy


def test_instead_of_a_number_the_leads_own_categories_are_proposed() -> None:
    number = Feature("engagement", "fit", "number", ("leads.engagement",), "Engagement")
    country = replace(number, name="country", dtype="category", inputs=("leads.country",))
    channel = replace(country, name="channel", group="source", inputs=("leads.channel",))
    asked = replace(country, name="asked", dtype="flag", inputs=("leads.asked",))
    engaged = replace(country, name="engagement_event", group="engagement", inputs=("events",))
    weekday = replace(country, name="weekday", group="timing", inputs=("leads.created_at",))
    features = (number, engaged, weekday, country, channel, asked)
    with pytest.raises(FaultsError) as caught:
        segment_features(features, ["engagement"])
    assert caught.value.faults[0].remedy == (
        "Take one of their categories or flags; their own are: country, channel, asked."
    )


def all_of_one(n: int) -> LabelledMatrix:
    """Make leads of one country."""
    data = world(n, 0.0)[0]
    values = data.values.copy()
    values[:, 2] = 1
    return replace(data, values=values)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (world(300, 0.0)[0].rows(np.arange(40)), "too little data"),
        (all_of_one(600), "all of one"),
    ],
)
def test_where_nothing_can_be_tried_it_is_said(data: LabelledMatrix, why: str) -> None:
    choice = choose(data, ONLY.model_copy(update={"fewest_won_logistic": 1}))
    assert choice.segments is not None
    assert why in choice.segments.words
    assert choice.learner.kind != "segmented"


def test_the_console_lists_the_segments() -> None:
    data = world(3_000, 1.0)[0]
    lines = segment_lines(chosen(1.0), data)
    assert len(lines) == len(COUNTRIES)
    assert lines[0].startswith("country_code AT: ")
    assert "its own, visits " in lines[0]
    assert segment_lines(chosen(0.0), data) == []


def test_they_may_stand_on_a_regression_where_trees_have_won() -> None:
    data = world(3_000, 1.0)[0]
    both = ONLY.model_copy(
        update={"candidates": ("logistic", "lightgbm"), "rounds": (40,), "few_rows": 0, "seeds": 1}
    )
    choice = choose(data, both)
    assert choice.segments is not None
    assert isinstance(choice.learner, SegmentedLearner)
    assert choice.setup["kind"] == choice.learner.whole.kind == "logistic"
    pooled = {one.candidate: one.log_loss for one in choice.backtest if one.origin == 2}
    assert pooled["segmented"] < min(pooled["logistic"], pooled["lightgbm"])
