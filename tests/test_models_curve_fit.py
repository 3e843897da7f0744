"""The fitted curve: truths by construction, from leads of which few were followed to the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.delays import LOST, OPEN, WON
from leadcast.features.registry import DAY_US, Feature
from leadcast.features.tables import TIME
from leadcast.models.curve.conversion_curve import ConversionCurve, read_curve
from leadcast.models.curve.curve_fit import edges_of, fit_curve, timing_loss
from leadcast.models.curve.curve_judged import by_grade, judge_curve
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.curve.person_periods import CurveRows
from leadcast.models.data import Floats, LabelledMatrix

HORIZON = 30.0


def world(
    n: int, seed: int, lean: float = 0.0, losses: float = 0.02, *, bends: bool = False
) -> tuple[CurveRows, Floats]:
    """Leads won at the rate r exp(-t / tau), for r and tau of their own; most lost before.

    The second result is each lead's true probability of being won within 7, 30 and 60 days, of
    those that the losses leave (the cumulative incidence).
    """
    draw = np.random.default_rng(seed)
    early, liking = draw.normal(size=n), draw.normal(size=n)
    pulls = np.where(np.abs(early) < 0.7, 1.0, -1.0) if bends else early
    rate, tau = 0.01 * np.exp(0.8 * liking), 20.0 * np.exp(-lean * pulls)
    step = 0.25
    fine = np.arange(0, 60.0, step)
    hazard = rate[:, None] * np.exp(-fine / tau[:, None])
    lasting = np.exp(-np.cumsum(hazard + losses, axis=1) * step)
    incidence = np.cumsum(hazard * lasting, axis=1) * step
    truth = incidence[:, [int(day / step) - 1 for day in (7.0, 30.0, 60.0)]]
    u, nowhere = draw.random(n), len(fine)
    place = (incidence < u[:, None]).sum(axis=1)
    won = np.where(place < nowhere, fine[np.minimum(place, nowhere - 1)] + step, np.inf)
    lost = np.where(np.isinf(won), draw.exponential(30.0, n), np.inf)
    watched = draw.uniform(1.0, 90.0, n)
    end = np.minimum(won, lost)
    ending = np.where(end <= watched, np.where(won <= lost, WON, LOST), OPEN)
    followed = FollowUp(np.minimum(end, watched), ending.astype(np.int64), watched)
    values = np.column_stack([early, liking]).astype(np.float32)
    data = LabelledMatrix(
        values=values,
        features=FEATURES,
        converted=np.full(n, np.nan),
        position=np.argsort(np.argsort(-watched)).astype(np.int64),
        group=np.arange(n),
        horizon=0,
    )
    return CurveRows(data, truth[:, 1], followed), truth


FEATURES = (
    Feature("early", "fit", "number", ("leads",), "early"),
    Feature("liking", "fit", "number", ("leads",), "liking"),
)


def test_the_truth_is_found_though_few_were_followed_to_the_end() -> None:
    rows, truth = world(12_000, seed=1)
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    told = choice.curve.probability(rows.data.values, rows.probability, [7.0, 30.0, 60.0])
    np.testing.assert_array_equal(told[:, 1], rows.probability)
    for column in (0, 2):
        assert told[:, column].mean() == pytest.approx(truth[:, column].mean(), rel=0.06)
        assert np.abs(told[:, column] - truth[:, column]).mean() < 0.1 * truth[:, column].mean()


def test_leads_that_convert_early_are_told_from_those_that_do_so_late() -> None:
    rows, truth = world(12_000, seed=2, lean=0.8)
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    assert choice.form == "line"
    assert choice.gain > choice.error
    without = choice.curve.model_copy(update={"effects": ()})
    both = [
        np.abs(one.probability(rows.data.values, rows.probability, [7.0])[:, 0] - truth[:, 0])
        for one in (choice.curve, without)
    ]
    assert both[0].mean() < 0.75 * both[1].mean()
    assert timing_loss(choice.curve, rows).mean() < timing_loss(without, rows).mean()


def test_trees_find_what_no_line_follows_and_come_back_from_the_file(tmp_path: Path) -> None:
    rows, truth = world(9_000, seed=8, lean=1.2, bends=True)
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    assert choice.form == "trees"
    choice.curve.save(tmp_path)
    curve = read_curve(tmp_path)
    told = curve.probability(rows.data.values, rows.probability, [7.0, 30.0])
    np.testing.assert_array_equal(
        told, choice.curve.probability(rows.data.values, rows.probability, [7.0, 30.0])
    )
    alone = curve.probability(rows.data.values[:1], rows.probability[:1], [7.0, 30.0])
    np.testing.assert_array_equal(alone, told[:1])
    without = ConversionCurve(**{**dict(curve), "trees": ""})
    plain = without.probability(rows.data.values, rows.probability, [7.0])[:, 0]
    assert np.abs(told[:, 0] - truth[:, 0]).mean() < 0.8 * np.abs(plain - truth[:, 0]).mean()
    text = (tmp_path / "curve.json").read_text().replace("num_leaves=", "num_leaves=9", 1)
    (tmp_path / "curve.json").write_text(text)
    with pytest.raises(LeadcastError, match=r"curve\.json: "):
        read_curve(tmp_path)


def test_a_tilt_that_helps_nobody_is_not_fitted() -> None:
    choice = fit_curve(world(6_000, seed=3)[0], HORIZON)
    assert choice is not None
    assert choice.form == "none"
    assert choice.curve.effects == ()


def test_the_curve_ends_where_the_history_does() -> None:
    rows = world(3_000, seed=4)[0]
    assert edges_of(rows.followed, HORIZON)[-1] == 60.0
    short = rows.rows(np.flatnonzero(rows.followed.watched_days < 40))
    assert edges_of(short.followed, HORIZON)[-1] == 30.0
    assert edges_of(rows.rows(np.arange(300)).followed, HORIZON) == ()
    assert fit_curve(rows.rows(np.arange(300)), HORIZON) is None


def test_a_curve_is_judged_at_each_horizon_and_over_all() -> None:
    rows = world(12_000, seed=5)[0]
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    test = world(6_000, seed=6)[0]
    found = judge_curve(choice.curve, test, rows.followed)
    assert found is not None
    assert [one["days"] for one in found["horizons"]] == [7.0, 30.0, 60.0]
    assert all(one["is_calibrated"] for one in found["horizons"])
    assert found["integrated"]["high"] < 0
    # Told twice as much, it is not calibrated, and that is seen.
    doubled = CurveRows(test.data, np.minimum(2 * test.probability, 0.99), test.followed)
    wrong = judge_curve(choice.curve, doubled, rows.followed)
    assert wrong is not None
    assert not any(one["is_calibrated"] for one in wrong["horizons"])
    grades = by_grade(choice.curve, test, np.where(test.probability > 0.2, "A", "D").tolist())
    assert grades["grade"].unique().sort().to_list() == ["A", "D"]
    last = grades.filter(days=30.0).select("predicted", "low", "high")
    assert all(low <= told <= high for told, low, high in last.iter_rows())


def test_leads_of_a_week_share_their_luck() -> None:
    rows = world(12_000, seed=5)[0]
    choice = fit_curve(rows, HORIZON)
    assert choice is not None
    test = world(6_000, seed=6)[0]
    weeks = 8
    week = np.arange(len(test)) * weeks // len(test)
    # In every other week nobody is won within the first week.
    spared = (week % 2 == 0) & (test.followed.won_days() <= 7.0)
    unlucky = replace(
        test,
        data=replace(test.data, position=week * 7 * DAY_US),
        followed=replace(test.followed, ending=np.where(spared, LOST, test.followed.ending)),
    )
    within = replace(unlucky, data=replace(unlucky.data, position=week))
    widths = []
    for one in (unlucky, within):
        found = judge_curve(choice.curve, one, rows.followed)
        assert found is not None
        first = found["horizons"][0]
        widths.append(first["high"] - first["low"])
    # Half of the weeks have none: as units they tell far less than their leads do.
    assert widths[0] > 4 * widths[1]


def test_what_became_known_later_is_not_in_a_follow_up() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)

    def day(number: float) -> datetime:
        return start + timedelta(days=number)

    outcomes = pl.DataFrame(
        {
            "lead_id": ["a", "b", "c", "d"],
            "won_at": [day(5), day(20), None, day(9)],
            "lost_at": [None, None, day(3), day(2)],
        },
        schema={"lead_id": pl.String, "won_at": TIME, "lost_at": TIME},
    )
    snapshots = pl.DataFrame({"lead_id": ["d", "c", "b", "a"], "position": [_us(start)] * 4})
    found = FollowUp.of(snapshots, outcomes, _us(day(10)))
    # Lead b's win is not known on day 10; lead d was won after it had been lost.
    assert found.ending.tolist() == [WON, LOST, OPEN, WON]
    assert found.days.tolist() == [9.0, 3.0, 10.0, 5.0]
    assert found.watched_days.tolist() == [10.0] * 4
    assert found.won_days().tolist() == [9.0, np.inf, np.inf, 5.0]


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
