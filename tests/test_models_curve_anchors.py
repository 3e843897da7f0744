"""Anchors of a curve: its laws hold with them, and half of the way is gone."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import Feature
from leadcast.models.curve.anchor_fit import FEWEST_WON, Models, with_anchors
from leadcast.models.curve.anchors import Anchor
from leadcast.models.curve.conversion_curve import ConversionCurve, read_curve
from leadcast.models.curve.curve_fit import FEWEST_FOLLOWED
from leadcast.models.data import Floats, Matrix
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid

EDGES = (3.0, 7.0, 30.0, 60.0)
FEATURES = tuple(Feature(name, "fit", "number", ("leads",), name) for name in ("early", "liking"))
VALUES = np.random.default_rng(0).normal(size=(4000, 2)).astype(np.float32)
PROBABILITY = np.asarray(sigmoid(-2.5 + 0.8 * VALUES[:, 1].astype(np.float64)))
BY = (-40.0, -3.0, -0.2, 0.3, 2.0, 60.0)
numbers = st.floats(-30, 30)
probabilities = st.floats(1e-12, 1 - 1e-12)
four = st.tuples(*[numbers] * 4)


def plain(horizon: float = 30.0, rates: tuple[float, ...] = (-4.0,) * 4) -> ConversionCurve:
    return ConversionCurve(
        horizon_days=horizon,
        edges_days=EDGES,
        rates=rates,
        slopes=(1.0,) * 4,
        paces=(0.0,) * 4,
        centre=0.0,
        low=-8.0,
        high=8.0,
        days=(7.0, 30.0, 60.0),
    )


def models(*, known: int, won: int, tells: Callable[[float, Matrix], Floats]) -> Models:
    return Models(lambda _: (known, won), lambda days: lambda values: tells(days, values))


def told_by(curve: ConversionCurve, day: float) -> Floats:
    return log_odds_of(curve.probability(VALUES, PROBABILITY, [day])[:, 0])


@cache
def moving(day: float, by: float) -> Anchor:
    """An anchor that moves every lead by about so much."""

    few, probability = VALUES[:300], PROBABILITY[:300]

    def tells(days: float, values: Matrix) -> Floats:
        return told_by(plain(), days)[:300] + 2 * by + 1e-3 * values[:, 0]

    made = models(known=999, won=999, tells=tells)
    drawn = with_anchors(plain(), made, few, probability, FEATURES)
    return next(one for one in drawn.anchors if one.days == day)


def anchored(curve: ConversionCurve, *anchors: Anchor) -> ConversionCurve:
    return ConversionCurve(**{**dict(curve), "anchors": anchors})


@given(
    four,
    probabilities,
    st.sampled_from(BY),
    st.sampled_from(BY),
    st.lists(st.floats(0, 60), min_size=2, max_size=8),
)
def test_with_anchors_a_curve_rises_from_nothing_and_passes_through_the_score(
    rates: tuple[float, ...], probability: float, first: float, last: float, days: list[float]
) -> None:
    curve = anchored(plain(rates=rates), moving(7.0, first), moving(60.0, last))
    asked = sorted([0.0, *days, curve.horizon_days])
    one = np.array([probability])
    found = curve.probability(VALUES[:1], one, asked)[0]
    assert found[0] == 0.0
    assert (np.diff(found) >= 0).all()
    assert (found[1:] < 1).all()
    assert found[asked.index(curve.horizon_days)] == probability
    assert 0 <= curve.median_days(VALUES[:1], one)[0] <= curve.longest_days
    assert (curve.hazards(VALUES[:1], one) > 0).all()


def test_the_curve_goes_half_way_to_the_models_and_keeps_its_form_between() -> None:
    def tells(days: float, values: Matrix) -> Floats:
        way = 0.4 * values[:, 0] if days < 30 else 0.3 * np.abs(values[:, 0])
        return told_by(plain(), days) + way

    made = models(known=FEWEST_FOLLOWED, won=FEWEST_WON, tells=tells)
    drawn = with_anchors(plain(), made, VALUES, PROBABILITY, FEATURES)
    assert [one.days for one in drawn.anchors] == [7.0, 60.0]
    usual = np.abs(VALUES[:, 0]) < 1.5
    for day, way in ((7.0, 0.2 * VALUES[:, 0]), (60.0, 0.15 * np.abs(VALUES[:, 0]))):
        gone = told_by(drawn, day) - told_by(plain(), day)
        np.testing.assert_allclose(gone[usual], way[usual], atol=0.02)
    before, after = (one.hazards(VALUES, PROBABILITY) for one in (plain(), drawn))
    np.testing.assert_allclose(after[:, 0] / after[:, 1], before[:, 0] / before[:, 1])


def test_the_mean_of_two_errs_less_than_either() -> None:
    draw = np.random.default_rng(3)
    truth = told_by(plain(), 60.0) + 0.3 * VALUES[:, 0]
    noise = 0.3 * draw.normal(size=len(truth))
    made = models(
        known=999,
        won=999,
        tells=lambda days, _: truth + noise if days == 60.0 else told_by(plain(), days),
    )
    told = told_by(with_anchors(plain(), made, VALUES, PROBABILITY, FEATURES), 60.0)
    errors = [
        np.square(one - truth).mean() for one in (told, told_by(plain(), 60.0), truth + noise)
    ]
    assert errors[0] < 0.7 * min(errors[1:])


def test_no_anchor_takes_all_that_converts_between_two_horizons() -> None:
    drawn = anchored(plain(), moving(7.0, 60.0), moving(60.0, -40.0))
    hazards = [one.hazards(VALUES, PROBABILITY) for one in (plain(), drawn)]
    ratio = hazards[1] / hazards[0]
    np.testing.assert_allclose(ratio[:, 2:], 0.1, rtol=1e-6)


@pytest.mark.parametrize(("known", "won"), [(FEWEST_FOLLOWED - 1, 999), (999, FEWEST_WON - 1)])
def test_where_little_is_known_the_curve_stays(known: int, won: int) -> None:
    def never(days: float, values: Matrix) -> Floats:
        raise AssertionError(days, values)

    made = models(known=known, won=won, tells=never)
    assert with_anchors(plain(), made, VALUES, PROBABILITY, FEATURES) == plain()


def test_the_next_horizon_is_taken_where_the_last_is_known_too_little() -> None:
    made = Models(
        lambda days: (0, 0) if days == 60.0 else (999, 999),
        lambda days: lambda _: told_by(plain(7.0), days),
    )
    drawn = with_anchors(plain(7.0), made, VALUES, PROBABILITY, FEATURES)
    assert [one.days for one in drawn.anchors] == [30.0]


def test_rows_do_not_hang_on_each_other_and_the_file_keeps_all(tmp_path: Path) -> None:
    # So many intervals that NumPy would add up those of a single row in another order.
    edges = (1.0, 3.0, 7.0, 14.0, 30.0, 40.0, 44.0, 48.0, 52.0, 60.0)
    rates = tuple(np.random.default_rng(1).normal(-4.0, 0.5, len(edges)).tolist())
    fine = {"edges_days": edges, "rates": rates}
    fine |= dict.fromkeys(("slopes", "paces"), (1.0,) * len(edges))
    curve = ConversionCurve(
        **{**dict(anchored(plain(), moving(7.0, 0.3), moving(60.0, -0.2))), **fine}
    )
    curve.save(tmp_path)
    again = read_curve(tmp_path)
    together = again.probability(VALUES[:40], PROBABILITY[:40], curve.days)
    np.testing.assert_array_equal(
        together, curve.probability(VALUES[:40], PROBABILITY[:40], curve.days)
    )
    for i in range(40):
        alone = again.probability(VALUES[i : i + 1], PROBABILITY[i : i + 1], curve.days)
        np.testing.assert_array_equal(alone, together[i : i + 1])


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    curve = anchored(plain(), moving(7.0, 0.3))
    assert list(curve.unfitting(2, 30.0)) == []
    assert [one[0] for one in curve.unfitting(3, 30.0)] == ["curve.json: anchors.0.trees"]
    one = moving(7.0, 0.3)
    for wrong in (
        (one, one),
        (one.model_copy(update={"days": 30.0}),),
        (one.model_copy(update={"days": 8.0}),),
        (one, one.model_copy(update={"days": 3.0})),
    ):
        with pytest.raises(ValidationError, match="anchors must be at one of edges_days each"):
            anchored(plain(), *wrong)
    curve.save(tmp_path)
    text = (tmp_path / "curve.json").read_text().replace("num_leaves=", "num_leaves=9", 1)
    (tmp_path / "curve.json").write_text(text)
    with pytest.raises(LeadcastError, match=r"curve\.json: anchors\.0"):
        read_curve(tmp_path)
