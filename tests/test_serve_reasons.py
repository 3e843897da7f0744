"""Reasons: parts that add up to the log-odds, and point the way in which they say they do."""

import re
from dataclasses import asdict, replace
from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import Feature
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.bundle.feature_words import as_the_field_says, value_words
from leadcast.models.calibration.calibrators import Logistic
from leadcast.models.learners.basis import Effect
from leadcast.models.learners.learner_store import Additive, Average
from leadcast.models.learners.shapes import Curves
from leadcast.serve.reasons import (
    MOST,
    REASONS,
    Reasons,
    ReasonsAsked,
    contradicts,
    rate_words,
    reasons_of,
)
from leadcast.serve.scorer import Event, Scorer
from tests.scoring_world import START, bundle_folder, scoring_world

A_SIZE = Feature(name="n", group="fit", dtype="number", inputs=("leads.size",), words="n")
AS_OF = START + timedelta(days=150)
N_ROWS = 60


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def blended() -> Bundle:
    """The world's trees, averaged with curves and trees together, bent by a calibrator."""
    trees = scoring_world().learner
    assert isinstance(trees, Additive)
    names = [feature.name for feature in scoring_world().plan.features]
    line = Effect(
        feature=names.index("budget"),
        category=False,
        points=[1e3, 9e3],
        heights=[-1.0, 2.0],
        other=0.0,
        missing=0.5,
    )
    both = replace(trees, shapes=(*trees.shapes, Curves((line,))), weights=(0.7, 0.6))
    calibrator = Logistic(rows=5000, intercept=-0.4, slope=1.3)
    return replace(scorer().bundle, learner=Average((trees, both)), calibrator=calibrator)


BUNDLES = {"trees": lambda: scorer().bundle, "blend": blended}


@pytest.mark.parametrize("name", BUNDLES)
def test_base_contributions_and_calibrator_add_up_to_the_log_odds(name: str) -> None:
    bundle = BUNDLES[name]()
    values = scoring_world().values[:N_ROWS]
    probability = bundle.calibrator.probability(bundle.learner.log_odds(values))
    for reasons, p in zip(reasons_of(bundle, values), probability, strict=True):
        assert reasons.log_odds == pytest.approx(np.log(p / (1 - p)), abs=1e-9)
        by_group = reasons.base + sum(asdict(reasons.groups).values()) + reasons.calibrator
        assert by_group == pytest.approx(reasons.log_odds, abs=1e-9)
        told = sum(reason.contribution for reason in (*reasons.up, *reasons.down))
        by_feature = reasons.base + told + reasons.others + reasons.calibrator
        assert by_feature == pytest.approx(reasons.log_odds, abs=1e-9)


def test_the_sum_can_fail() -> None:
    bundle = blended()
    values = scoring_world().values[:N_ROWS]
    sums = [
        reasons.base + sum(asdict(reasons.groups).values())
        for reasons in reasons_of(bundle, values)
    ]
    log_odds = [reasons.log_odds for reasons in reasons_of(bundle, values)]
    assert np.abs(np.array(sums) - log_odds).max() > 0.1, "the calibrator's line is needed"


def test_reasons_are_signed_ordered_and_few() -> None:
    for reasons in reasons_of(blended(), scoring_world().values[:N_ROWS]):
        up = [reason.contribution for reason in reasons.up]
        down = [reason.contribution for reason in reasons.down]
        assert up == sorted(up, reverse=True)
        assert down == sorted(down)
        assert min([*up, *(-number for number in down)], default=1) > 0
        assert max(len(up), len(down)) <= MOST


def test_a_feature_that_the_model_does_not_use_is_never_a_reason() -> None:
    bundle = blended()
    names = [feature.name for feature in bundle.plan.features]
    used = {names[place] for place in np.flatnonzero(bundle.learner.importance())}
    text = "".join(scoring_world().learner.shapes[0].texts)  # type: ignore[attr-defined]
    for line in text.splitlines():
        if line.startswith("split_feature="):
            used |= {names[int(place)] for place in line.partition("=")[2].split()}
    explained = reasons_of(bundle, scoring_world().values)
    told = {reason.feature for r in explained for reason in (*r.up, *r.down)}
    assert told <= used
    assert set(names) - used, "the law needs features that are not used"


def masked(bundle: Bundle, row: np.ndarray, place: int) -> float:
    """The mean log-odds when the feature's value is taken from others instead."""
    others = np.tile(row, (len(scoring_world().values[::5]), 1))
    others[:, place] = scoring_world().values[::5, place]
    return float(bundle.learner.log_odds(others).mean())


@pytest.mark.parametrize("name", BUNDLES)
def test_masking_the_top_reason_moves_the_score_the_way_it_said(name: str) -> None:
    bundle = BUNDLES[name]()
    names = [feature.name for feature in bundle.plan.features]
    values = scoring_world().values[: N_ROWS // 2]
    log_odds = bundle.learner.log_odds(values)
    for row, reasons, before in zip(values, reasons_of(bundle, values), log_odds, strict=True):
        top = max((*reasons.up, *reasons.down), key=lambda reason: abs(reason.contribution))
        moved = masked(bundle, row, names.index(top.feature)) - before
        assert moved * top.contribution < 0, f"without {top} the log-odds move by {moved}"


def test_reasons_are_the_same_alone_and_among_others() -> None:
    values = scoring_world().values[:N_ROWS]
    together = reasons_of(blended(), values)
    assert [reasons_of(blended(), values[[row]])[0] for row in range(N_ROWS)] == together


def test_plain_values_and_a_table_give_the_same_reasons() -> None:
    asked = scoring_world().tables.leads.head(5)
    known = scoring_world().tables.events
    scores = scorer().score(asked, known, AS_OF, [], ReasonsAsked("all"))
    for lead, expected in zip(asked.rows(named=True), scores["reasons"], strict=True):
        events = known.filter(pl.col("lead_id") == lead["lead_id"]).drop("lead_id").collect()
        plain: list[Event] = events.rows()
        found = scorer().score_one(lead, plain, AS_OF, with_reasons=True).reasons
        assert isinstance(found, Reasons)
        assert pl.Series([asdict(found)], dtype=REASONS)[0] == expected


def test_words_tell_the_value_and_the_observed_rate() -> None:
    bundle, world = scorer().bundle, scoring_world()
    names = [feature.name for feature in bundle.plan.features]
    place, software = names.index("industry"), code_of_software()
    is_software = world.values[:, place] == software
    ratio = world.converted[is_software].mean() / world.converted.mean()
    told = {
        reason.words
        for r in reasons_of(bundle, world.values[is_software])
        for reason in (*r.up, *r.down)
        if reason.feature == "industry"
    }
    assert told == {f"industry: software; leads like this convert {ratio:.1f} times as often"}


def code_of_software() -> int:
    (feature,) = [f for f in scoring_world().plan.features if f.name == "industry"]
    return feature.levels.index("software") + 1


@pytest.mark.parametrize(
    ("which", "expected"), [("none", None), ("all", 120), ("top:7", 7), ("top:500", 120)]
)
def test_as_many_leads_are_explained_as_asked(which: str, expected: int | None) -> None:
    leads = scoring_world().tables.leads.head(120)
    asked = ReasonsAsked.parse(which)
    scores = scorer().score(leads, scoring_world().tables.events, AS_OF, [], asked)
    if expected is None:
        assert "reasons" not in scores.columns
        return
    assert scores["reasons"].is_not_null().sum() == expected
    least = scores.filter(pl.col("reasons").is_not_null())["probability"].min()
    rest = scores.filter(pl.col("reasons").is_null())["probability"]
    assert rest.is_empty() or rest.max() <= least  # type: ignore[operator]


def test_the_cut_is_that_of_grade_a() -> None:
    leads, events = scoring_world().tables.leads, scoring_world().tables.events
    scores = scorer().score(leads, events, AS_OF, [], ReasonsAsked.parse("cut"))
    assert scores["reasons"].is_not_null().equals(scores["grade"] == "A")
    assert 0 < (scores["grade"] == "A").sum() < scores.height


@pytest.mark.parametrize("text", ["", "top", "top:", "top:0", "top:-1", "top:²", "some", "ALL"])
def test_another_wish_is_refused(text: str) -> None:
    with pytest.raises(LeadcastError, match="expected top:N"):
        ReasonsAsked.parse(text)


NUMBER = Feature("n", "fit", "number", (), "n")
LEVELS = Feature("c", "fit", "category", (), "c", ("a", "b" * 99))


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        (NUMBER, 3.0, "3"),
        (NUMBER, 1200.0, "1,200"),
        (NUMBER, 1200.6, "1,201"),
        (NUMBER, 0.25, "0.25"),
        (NUMBER, -2.0, "-2"),
        (NUMBER, 3.4e38, "3.4e+38"),
        (NUMBER, np.nan, "unknown"),
        (replace(NUMBER, is_log10=True), float(np.float32(np.log10(1 + 250))), "250"),
        (replace(NUMBER, is_log10=True), float(np.float32(np.log10(1 + 2_500_000))), "2,500,000"),
        (replace(NUMBER, is_log10=True), 308.3, "1e+308"),
        (LEVELS, 1.0, "a"),
        (LEVELS, 2.0, "b" * 59 + "…"),
        (LEVELS, 0.0, "a rare or new value"),
        (replace(NUMBER, dtype="flag"), 1.0, "yes"),
        (replace(NUMBER, dtype="flag"), 0.0, "no"),
    ],
)
def test_values_are_told_in_words(feature: Feature, value: float, words: str) -> None:
    assert value_words(feature, value) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2.14, "; leads like this convert 2.1 times as often"),
        (0.04, "; leads like this convert 0.04 times as often"),
        (1.02, "; leads like this convert as often as all"),
        (0.0, "; no lead like this has converted so far"),
        (np.nan, ""),
    ],
)
def test_rates_are_told_in_words(ratio: float, words: str) -> None:
    assert rate_words(ratio) == words


def test_no_reason_says_the_contrary_of_its_heading() -> None:
    """What leads with a value did is left out where it speaks against what the value does."""
    for ratio, raises, wrong in (
        (1.4, True, False),
        (1.4, False, True),
        (0.6, True, True),
        (0.6, False, False),
        (1.0, True, False),
        (1.0, False, False),
        (0.0, True, True),
        (np.nan, True, False),
        (np.nan, False, False),
    ):
        assert contradicts(ratio, raises=raises) == wrong, (ratio, raises)
    scored = reasons_of(scorer().bundle, scoring_world().values[:400])
    told = [
        (one.contribution > 0, float(found[1]))
        for reasons in scored
        for one in (*reasons.up, *reasons.down)
        if (found := re.search(r"convert ([0-9.]+) times as often", one.words))
    ]
    assert told
    assert all((times >= 1.0) == raises for raises, times in told)


def test_an_amount_is_told_as_its_field_says_it() -> None:
    size = replace(A_SIZE, name="size_log", words="company size (people)", is_log10=True)
    words = "company size: 317; leads like this convert 1.5 times as often"
    told = "company size: 201-500 employees; leads like this convert 1.5 times as often"
    assert as_the_field_says(size, words, " 201-500 employees ") == told
    assert as_the_field_says(size, "company size: 317", "201-500") == "company size: 201-500"
    for raw in (None, 317, "", "  "):
        assert as_the_field_says(size, words, raw) == words
    assert as_the_field_says(A_SIZE, "visits: 3", "three") == "visits: 3"
    assert len(as_the_field_says(size, "size: 1", "x" * 500)) < 80
