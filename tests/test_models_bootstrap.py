"""The bootstrap that draws whole leads: its draws, its intervals, their coverage."""

import numpy as np
import pytest

from benchmarks.interval_coverage import metric_coverage
from benchmarks.known_worlds import World
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import (
    Estimate,
    bootstrap,
    drawn_weights,
)
from leadcast.models.evaluation.metrics import FAMILIES, RANKING, Family, Metric, measure
from leadcast.models.evaluation.tally import tally

MEAN = Family(
    (Metric("mean", -np.inf, np.inf),),
    lambda counts: (float((counts.mass * counts.value).sum() / counts.mass.sum()),),
    "ranking",
)


def some_rows(leads: int = 200) -> tuple[Floats, Floats, Integers]:
    drawn = World(level=-1.0).draw(leads, seed=5)
    return 1 / (1 + np.exp(-drawn.log_odds)), drawn.converted, drawn.group


def test_a_draw_takes_whole_leads_and_as_many_as_there_are() -> None:
    group = np.array(["b", "a", "b", "c", "a", "b"])
    for weight in drawn_weights(group, replicates=20, seed=0):
        assert weight[0] == weight[2] == weight[5]
        assert weight[1] == weight[4]
        assert weight[0] + weight[1] + weight[3] == 3


def test_the_same_seed_gives_the_same_intervals() -> None:
    rows = some_rows()
    first = bootstrap(*rows, replicates=50, seed=3)
    assert first == bootstrap(*rows, replicates=50, seed=3)
    assert first != bootstrap(*rows, replicates=50, seed=4)


def test_values_are_those_of_the_rows_as_they_are() -> None:
    probability, converted, group = some_rows()
    found = bootstrap(probability, converted, group, replicates=20)
    expected = measure(tally(probability, converted))
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected)
    assert set(found) == {name for family in FAMILIES for name in family.names}


def test_every_interval_holds_its_value_or_nearly() -> None:
    for name, one in bootstrap(*some_rows(), replicates=200).items():
        assert one.value is not None, name
        assert one.low is not None, name
        assert one.high is not None, name
        slack = (one.high - one.low) / 4
        assert one.low - slack <= one.value <= one.high + slack, name


# The standard error of a mean of leads is known; leads of three equal rows are worth one row each.
def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(0)
    of_lead = rng.normal(size=400)
    value, group = np.repeat(of_lead, 3), np.repeat(np.arange(400), 3)
    found = bootstrap(value, np.zeros(1200), group, families=(MEAN,), replicates=2000)["mean"]
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * of_lead.std() / 20, rel=0.06)


def test_rows_taken_as_independent_would_give_a_narrower_interval() -> None:
    value, group = np.repeat(np.arange(100.0), 3), np.repeat(np.arange(100), 3)
    widths = []
    for units in (group, np.arange(300)):
        one = bootstrap(value, np.zeros(300), units, families=(MEAN,), replicates=500)["mean"]
        assert one.low is not None
        assert one.high is not None
        widths.append(one.high - one.low)
    assert widths[0] == pytest.approx(widths[1] * np.sqrt(3), rel=0.15)


def test_points_can_be_ranked_but_have_no_probability() -> None:
    probability, converted, group = some_rows()
    points = 100 * probability
    found = bootstrap(points, converted, group, families=RANKING, replicates=20)
    assert found["auc"] == bootstrap(probability, converted, group, replicates=20)["auc"]
    with pytest.raises(ValueError, match="probabilities"):
        bootstrap(points, converted, group)


def test_one_outcome_gives_null_and_never_nan() -> None:
    found = bootstrap([0.1, 0.2, 0.3], [0, 0, 0], [1, 2, 3], replicates=20)
    assert found["auc"] == Estimate(None, None, None)
    assert found["auc"].to_json() == {"value": None, "low": None, "high": None}
    for one in found.values():
        assert not any(number is not None and np.isnan(number) for number in vars(one).values())


def test_a_single_lead_gives_values_without_intervals() -> None:
    found = bootstrap([0.1, 0.9], [0, 1], ["a", "a"], replicates=20)
    assert found["auc"] == Estimate(1.0, None, None)


# Two winners above all others: every draw ranks them without a fault, which is no certainty.
def test_perfection_of_a_handful_is_no_certainty() -> None:
    value = np.linspace(0.1, 0.9, 30)
    found = bootstrap(value, value > 0.8, np.arange(30), replicates=100)
    assert found["auc"] == Estimate(1.0, None, None)


def test_a_group_for_each_row_is_needed() -> None:
    with pytest.raises(ValueError, match="group"):
        bootstrap([0.1, 0.9], [0, 1], ["a"])


# Thirty samples cannot tell 95 % from 90 %; benchmarks/interval_coverage.py does, with hundreds.
@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    covered = metric_coverage(World(), leads=250, repetitions=30, replicates=80)
    for row in covered.iter_rows(named=True):
        assert row["covered"] >= 0.8, f"{row['metric']} is held in {row['covered']:.0%} only"


@pytest.mark.slow
def test_the_coverage_would_catch_rows_taken_as_independent() -> None:
    world = World(agreement=1.0)
    covered = metric_coverage(world, leads=250, repetitions=30, replicates=80, by_row=True)
    assert covered.filter(metric="base_rate")["covered"].item() < 0.8
