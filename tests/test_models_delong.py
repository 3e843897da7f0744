"""DeLong's variance against its definition over all pairs, with and without clusters."""

import numpy as np
import pytest

from benchmarks.interval_coverage import auc_coverage, auc_difference_coverage
from benchmarks.known_worlds import World
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import Estimate, drawn_weights
from leadcast.models.evaluation.delong import auc_interval, compare_aucs
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import RankedTally


def two_rankings(seed: int = 3, size: int = 60) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    first = np.round(rng.normal(size=size), 1)
    second = np.round(first + rng.normal(size=size), 1)
    converted = first + rng.normal(size=size) > 0.6
    return first, second, converted.astype(np.float64)


def over_all_pairs(first: Floats, second: Floats, converted: Floats) -> tuple[Floats, Floats]:
    """DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 6, as they are written."""
    won = converted == 1
    pairs = [
        (v[won][:, None] > v[~won]) + 0.5 * (v[won][:, None] == v[~won]) for v in (first, second)
    ]
    s10 = np.cov([pair.mean(axis=1) for pair in pairs]) / won.sum()
    s01 = np.cov([pair.mean(axis=0) for pair in pairs]) / (~won).sum()
    return np.array([pair.mean() for pair in pairs]), s10 + s01


def clustered_over_all_pairs(value: Floats, converted: Floats, group: Integers) -> float:
    """Obuchowski (1997), section 2, as it is written, for one AUC."""
    won = converted == 1
    pairs = (value[won][:, None] > value[~won]) + 0.5 * (value[won][:, None] == value[~won])
    auc = pairs.mean()
    names = np.unique(group)
    of_won = np.array([(pairs.mean(axis=1)[group[won] == g] - auc).sum() for g in names])
    of_rest = np.array([(pairs.mean(axis=0)[group[~won] == g] - auc).sum() for g in names])
    with_won, with_rest = len(np.unique(group[won])), len(np.unique(group[~won]))
    m, n, clusters = won.sum(), (~won).sum(), len(names)
    s10 = with_won / ((with_won - 1) * m) * (of_won**2).sum()
    s01 = with_rest / ((with_rest - 1) * n) * (of_rest**2).sum()
    s11 = clusters / (clusters - 1) * (of_won * of_rest).sum()
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


def test_the_comparison_is_that_of_all_pairs() -> None:
    first, second, converted = two_rankings()
    aucs, covariance = over_all_pairs(first, second, converted)
    found = compare_aucs(first, second, converted)
    assert found.first.value == pytest.approx(aucs[0])
    assert found.second.value == pytest.approx(aucs[1])
    assert found.difference.value == pytest.approx(aucs[0] - aucs[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.standard_error == pytest.approx(variance**0.5)


# The published formulas, run once by hand over the pairs of two_rankings(): AUCs 0.77452153 and
# 0.60466507, difference 0.16985646 with standard error 0.06333346, so t = 2.68193. As 22 rows
# converted, t has 21 degrees of freedom, for which the tables give 2.07961 at 95 %.
def test_golden_numbers() -> None:
    found = compare_aucs(*two_rankings())
    assert found.difference.value == pytest.approx(0.1698564593301436, abs=1e-12)
    assert found.standard_error == pytest.approx(0.06333345588645267, abs=1e-12)
    assert found.p_value == pytest.approx(0.0139572, abs=1e-6)
    difference = found.difference
    assert difference.low == pytest.approx(0.16985646 - 2.07961 * 0.06333346, abs=1e-5)
    assert difference.high == pytest.approx(0.16985646 + 2.07961 * 0.06333346, abs=1e-5)


def test_clusters_are_counted_as_obuchowski_says() -> None:
    first, second, converted = two_rankings(seed=8, size=90)
    group = np.arange(90) // 3
    found = compare_aucs(first, second, converted, group)
    variance = clustered_over_all_pairs(first, converted, group)
    auc = found.first.value
    assert auc is not None
    assert found.first.low is not None
    on_log_odds = np.log(auc / (1 - auc)) - 1.959964 * variance**0.5 / (auc * (1 - auc))
    assert found.first.low == pytest.approx(1 / (1 + np.exp(-on_log_odds)), abs=1e-6)


def test_rows_of_their_own_are_clusters_of_one() -> None:
    first, second, converted = two_rankings()
    assert compare_aucs(first, second, converted) == compare_aucs(
        first, second, converted, np.arange(60)
    )


def test_equal_rankings_do_not_differ() -> None:
    first, _, converted = two_rankings()
    found = compare_aucs(first, 3 * first + 1, converted)
    assert found.difference.value == 0
    assert found.p_value == 1.0


def test_the_bootstrap_agrees_on_the_difference() -> None:
    first, second, converted = two_rankings(size=600)
    group = np.arange(600) // 2
    delong = compare_aucs(first, second, converted, group).difference
    one, other = (RankedTally.of(value, converted) for value in (first, second))
    drawn = [
        auc(one.weighted(weight)) - auc(other.weighted(weight))
        for weight in drawn_weights(group, 1000, 0)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx((delong.low, delong.high), abs=0.01)


def test_one_outcome_has_no_auc_and_one_winner_no_interval() -> None:
    nothing = Estimate(None, None, None)
    assert auc_interval([0.1, 0.2], [0, 0]) == nothing
    assert compare_aucs([0.1, 0.2], [0.3, 0.1], [1, 1]).difference == nothing
    alone = auc_interval([0.1, 0.7, 0.3, 0.9], [0, 1, 0, 0])
    assert alone.value == pytest.approx(2 / 3)
    assert alone.low is None


def test_a_perfect_ranking_is_no_certainty() -> None:
    assert auc_interval([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]) == Estimate(1.0, None, None)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    assert auc_coverage(World(), leads=300, repetitions=150) == pytest.approx(0.95, abs=0.05)
    assert auc_difference_coverage(World(), leads=300, repetitions=100) >= 0.88


def test_eight_customers_do_not_make_a_difference_where_there_is_none() -> None:
    rng, wins = np.random.default_rng(2), 0
    for _ in range(1500):
        converted = np.arange(300) < 8
        log_odds = rng.normal(size=300) + 1.5 * converted
        first, second = (log_odds + 0.6 * rng.normal(size=300) for _ in range(2))
        p_value = compare_aucs(first, second, converted).p_value
        wins += p_value is not None and p_value < 0.05
    assert wins / 1500 <= 0.05


def test_the_coverage_would_catch_rows_taken_as_independent() -> None:
    assert auc_coverage(World(agreement=1.0), leads=300, repetitions=150, by_row=True) < 0.85
