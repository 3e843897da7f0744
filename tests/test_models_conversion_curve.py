"""The curve of a lead: its laws, whatever its hazards, and its agreement with the score."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.models.curve.conversion_curve import (
    COOL,
    ConversionCurve,
    curve_of,
    day_name,
    read_curve,
)
from leadcast.models.data import Floats, Matrix
from leadcast.models.learners.basis import Effect
from tests.scoring_world import scoring_world, small_curve

EDGES = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0)
NO_FEATURES = np.zeros((1, 0), np.float32)
numbers = st.floats(-30, 30)
probabilities = st.floats(1e-9, 1 - 1e-9)


@st.composite
def curves(draw: st.DrawFn) -> ConversionCurve:
    six = st.tuples(*[numbers] * 6)
    return ConversionCurve(
        horizon_days=draw(st.sampled_from(EDGES)),
        edges_days=EDGES,
        rates=draw(six),
        slopes=draw(six),
        paces=(0.0,) * 6,
        centre=0.0,
        low=-8.0,
        high=3.0,
    )


def flat(horizon: float = 30.0) -> ConversionCurve:
    """A hazard that is the same every day, whose curve is an exponential's."""
    zeros = (0.0,) * 6
    return ConversionCurve(
        horizon_days=horizon,
        edges_days=EDGES,
        rates=(-4.0,) * 6,
        slopes=zeros,
        paces=zeros,
        centre=0.0,
        low=-9.0,
        high=9.0,
    )


@given(curves(), probabilities, st.lists(st.floats(0, 60), min_size=2, max_size=8))
def test_a_curve_rises_from_nothing_and_passes_through_the_score(
    curve: ConversionCurve, probability: float, days: list[float]
) -> None:
    asked = sorted([0.0, *days, curve.horizon_days])
    found = curve_of(curve, NO_FEATURES, np.array([probability]), asked)[0]
    assert found[0] == 0.0
    assert (np.diff(found) >= 0).all()
    assert (found[1:] < 1).all()
    assert found[asked.index(curve.horizon_days)] == probability


@given(curves(), probabilities)
def test_half_of_those_who_convert_do_so_before_the_median(
    curve: ConversionCurve, probability: float
) -> None:
    one = np.array([probability])
    median = float(curve.median_days(NO_FEATURES, one)[0])
    at_median, at_last = curve.probability(NO_FEATURES, one, (median, curve.longest_days))[0]
    assert 0 <= median <= curve.longest_days
    assert at_median == pytest.approx(at_last / 2, rel=1e-6, abs=1e-9) or _jumps(curve, median)


def _jumps(curve: ConversionCurve, day: float) -> bool:
    """At an edge of the grid a vanishing hazard leaves no day between."""
    return bool(np.isclose(day, curve.edges_days, atol=1e-6).any() or day < 1e-6)


def test_a_constant_hazard_has_the_closed_form_of_an_exponential() -> None:
    days, p = np.array([0.5, 5.0, 29.0, 30.0, 47.0, 60.0]), 0.2
    found = flat().probability(NO_FEATURES, np.array([p]), days.tolist())[0]
    np.testing.assert_allclose(found, 1 - (1 - p) ** (days / 30), rtol=1e-12)
    # F(60) = 0.36; half of it is reached where 0.8 ** (t / 30) = 0.82.
    median = flat().median_days(NO_FEATURES, np.array([p]))[0]
    assert median == pytest.approx(30 * np.log(0.82) / np.log(0.8))
    assert np.isnan(flat().cools_after_days(NO_FEATURES, np.array([p]))[0])


def test_a_lead_cools_where_the_line_through_its_hazards_crosses_half_the_highest() -> None:
    # Log hazards 0, 0, -1, ... at the middles 0.5, 2 and 5 days: half is crossed after the second.
    curve = flat().model_copy(update={"rates": (0.0, 0.0, -1.0, -2.0, -3.0, -4.0)})
    found = curve.cools_after_days(NO_FEATURES, np.array([0.1]))[0]
    assert found == pytest.approx(2 + 3 * -np.log(COOL))


def test_likely_and_late_leads_are_told_apart() -> None:
    world = scoring_world()
    curve = small_curve(world.plan)
    size = curve.effects[0].feature
    values = world.values[:2].copy()
    values[:, size] = (1.0, 2.5)
    p = np.array([0.1, 0.1])
    week = curve.probability(values, p, [7.0])[:, 0]
    assert week[0] > 1.5 * week[1]
    assert curve.median_days(values, p)[0] < curve.median_days(values, p)[1]


@pytest.mark.parametrize("days", [[-1.0], [61.0], [float("nan")]])
def test_a_day_beyond_the_history_is_refused(days: list[float]) -> None:
    with pytest.raises(LeadcastError, match="from 0 to 60 days"):
        flat().probability(NO_FEATURES, np.array([0.5]), days)


def test_a_curve_comes_back_from_its_file_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    curve = small_curve(scoring_world().plan)
    curve.save(tmp_path)
    assert read_curve(tmp_path) == curve
    text = (
        (tmp_path / "curve.json")
        .read_text()
        .replace('"horizon_days": 30.0', '"horizon_days": 31.0')
    )
    (tmp_path / "curve.json").write_text(text)
    with pytest.raises(LeadcastError, match="horizon_days must be one of edges_days"):
        read_curve(tmp_path)


def test_an_effect_beyond_the_matrix_does_not_fit() -> None:
    tilt = Effect(feature=9, category=True, points=[], heights=[], other=0.0, missing=0.0)
    curve = flat().model_copy(update={"effects": (tilt,)})
    wheres = [where for where, _, _ in curve.unfitting(9, 60.0)]
    assert wheres == ["curve.json: horizon_days", "curve.json: effects.0.feature"]


def test_rows_do_not_hang_on_each_other() -> None:
    world = scoring_world()
    curve, p = small_curve(world.plan), world.probability[:50]
    together = _all(curve, world.values[:50], p)
    alone = np.vstack([_all(curve, world.values[i : i + 1], p[i : i + 1]) for i in range(50)])
    np.testing.assert_array_equal(together, alone)


def _all(curve: ConversionCurve, own: Matrix, p: Floats) -> Floats:
    days = (curve.median_days(own, p), curve.cools_after_days(own, p))
    return np.column_stack([curve.probability(own, p, curve.days), *days])


def test_columns_are_named_by_their_days() -> None:
    assert day_name(7.0) == "probability_7d"
    assert day_name(0.5) == "probability_0_5d"
