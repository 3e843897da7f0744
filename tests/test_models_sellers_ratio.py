"""Sellers' ratios: intervals that hold, ranks with doubt, and trends."""

import numpy as np
import polars as pl
import pytest

from leadcast.models.data import Flags
from leadcast.models.sellers.ratio_posterior import dispersion_of, ratio_draws
from leadcast.models.sellers.scorecard import Scorecard, scorecard

EXPECTED = np.array([0.4, 2.0, 5.0, 9.0, 14.0, 20.0, 30.0, 45.0, 60.0, 90.0])


def covered(dispersion: float, worlds: int = 60) -> float:
    """The share of intervals that hold the ratio that conversions were drawn with."""
    rng, held = np.random.default_rng(3), list[Flags]()
    for seed in range(worlds):
        ratio = rng.gamma(8.0, 1 / 8.0, len(EXPECTED))
        observed = rng.poisson(ratio * EXPECTED).astype(np.float64)
        low, high = ratio_draws(observed, EXPECTED, dispersion, seed).interval()
        held.append((low <= ratio) & (ratio <= high))
    return float(np.mean(held))


def test_intervals_hold_the_true_ratio_as_often_as_they_say() -> None:
    assert 0.915 < covered(1.0) < 0.985


def test_intervals_that_are_too_narrow_would_be_seen() -> None:
    assert covered(0.1) < 0.85


def test_much_evidence_is_believed_and_little_is_drawn_to_the_mean() -> None:
    observed, expected = np.array([3_000.0, 1_000.0, 3.0]), np.array([1_500.0, 2_000.0, 0.5])
    draws = ratio_draws(observed, expected)
    ratio = draws.ratio.mean(axis=0)
    assert ratio[:2] == pytest.approx([2.0, 0.5], rel=0.05)
    assert ratio[2] < 3.0, "six times what was expected of half a customer is no six"
    low, high = draws.interval()
    assert high[2] - low[2] > 5 * (high[0] - low[0])


def test_a_seller_with_a_dozen_leads_is_neither_best_nor_worst() -> None:
    for came in (0.0, 2.0):
        observed = np.array([came, 60.0, 50.0, 42.0, 20.0])
        expected = np.array([0.4, 50.0, 50.0, 50.0, 50.0])
        ranks = ratio_draws(observed, expected).ranks()
        assert (ranks[:, 0] == 1).mean() < 0.9
        assert (ranks[:, 0] == 5).mean() < 0.9
        low, high = np.quantile(ranks[:, 0], [0.025, 0.975])
        assert high - low >= 3
        assert (ranks[:, 4] == 5).mean() > 0.7, "and who has many leads can be told"


def test_ranks_are_a_permutation_in_every_draw_and_draws_repeat() -> None:
    draws, again = (ratio_draws(np.array([3.0, 1.0, 9.0]), np.array([3.0, 3.0, 3.0])) for _ in "ab")
    assert (np.sort(draws.ranks(), axis=1) == [1, 2, 3]).all()
    assert np.array_equal(draws.ratio, again.ratio)


def test_leads_that_hang_together_make_conversions_vary_more() -> None:
    rng = np.random.default_rng(1)
    expected = np.full(20_000, 0.05)
    converted = (rng.random(10_000) < 0.05).astype(np.float64).repeat(2)
    alone = dispersion_of(converted[::2], expected[::2], np.arange(10_000))
    together = dispersion_of(converted, expected, np.arange(10_000).repeat(2))
    assert alone == pytest.approx(0.95, abs=0.1)
    assert together == pytest.approx(2 * alone, rel=0.1)
    assert dispersion_of(converted, np.zeros(20_000), np.arange(20_000)) == 1.0


def facts(rows: dict[str, tuple[int, float, float, float]]) -> pl.DataFrame:
    """A lead's facts by seller: how many, expected each, converted in the older and newer half."""
    frames = []
    for seller, (leads, each, earlier, later) in rows.items():
        half = leads // 2
        converted = [*_marked(half, earlier), *_marked(leads - half, later)]
        frames.append(
            pl.DataFrame(
                {
                    "lead_id": [f"{seller}{n}" for n in range(leads)],
                    "vendor": seller,
                    "converted": converted,
                    "expected": each,
                    "valid": [n % 4 > 0 for n in range(leads)],
                    "cost": 20.0,
                }
            ).with_columns(
                created_at=pl.datetime(2025, 1, 1, time_zone="UTC").dt.cast_time_unit("us")
                + pl.duration(hours=pl.int_range(leads)),
                reachable=True,
                duplicate=False,
                resold=False,
                junk=pl.lit(None, pl.Float64),
            )
        )
    every = pl.concat(frames)
    return every.with_columns(group=pl.int_range(every.height))


def _marked(leads: int, share: float) -> list[float]:
    won = round(leads * share)
    return [1.0] * won + [0.0] * (leads - won)


def card_of(rows: dict[str, tuple[int, float, float, float]]) -> Scorecard:
    found = scorecard(facts(rows), "vendor")
    assert found is not None
    return found


def test_a_card_counts_what_was_delivered_and_says_what_it_cost() -> None:
    card = card_of({"Good": (4_000, 0.05, 0.10, 0.10), "Poor": (4_000, 0.05, 0.02, 0.02)})
    good, poor = card.cards
    assert (good.seller, good.verdict, good.leads, good.valid) == ("Good", "the best", 4_000, 0.75)
    assert poor.verdict == "the worst"
    assert good.observed == 400
    assert good.cost_per_customer == pytest.approx(20 / 0.10, rel=0.08)
    ends = (good.cost_low or 0.0, good.cost_per_customer or 0.0, good.cost_high or 0.0)
    assert 0 < ends[0] < ends[1] < ends[2]


def test_a_fall_is_told_and_chance_is_not() -> None:
    card = card_of({"Falling": (6_000, 0.05, 0.08, 0.03), "Steady": (6_000, 0.05, 0.051, 0.048)})
    trends = {one.seller: one.trend for one in card.cards}
    assert trends == {"Falling": "falling", "Steady": "none seen"}


def test_without_costs_times_or_known_outcomes_these_are_not_told() -> None:
    rows = facts({"A": (50, 0.1, 0.1, 0.1), "B": (50, 0.1, 0.1, 0.1)})
    bare = rows.with_columns(cost=pl.lit(None, pl.Float64), created_at=pl.lit(None, pl.Datetime))
    card = scorecard(bare, "vendor")
    assert card is not None
    assert {(one.cost_per_customer, one.trend, one.rising) for one in card.cards} == {
        (None, "unknown", None)
    }
    assert scorecard(rows.with_columns(expected=pl.lit(None, pl.Float64)), "vendor") is None


def test_a_seller_without_a_known_outcome_is_listed_with_the_widest_doubt() -> None:
    rows = facts({"Old": (400, 0.1, 0.1, 0.1), "New": (9, 0.1, 0.0, 0.0)})
    fresh = pl.when(pl.col("vendor") == "New").then(None)
    open_now = rows.with_columns(
        *(fresh.otherwise(pl.col(name)).alias(name) for name in ("converted", "expected", "group"))
    )
    card = scorecard(open_now, "vendor")
    assert card is not None
    new = next(one for one in card.cards if one.seller == "New")
    assert (new.leads, new.mature, new.trend, new.verdict) == (
        9,
        0,
        "unknown",
        "as expected, or too few to tell",
    )
    assert new.cost_per_customer is None
