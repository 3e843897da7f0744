"""Challenger against champion: truths by construction, and that worse ones are found out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from leadcast.models.comparison.challenge import Challenged
from leadcast.models.data import Floats

N = 4_000


def rows_of(seed: int = 1, n: int = N) -> tuple[pl.DataFrame, Floats]:
    """Leads whose true probability is known."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(1, 6, n)
    start = datetime(2025, 1, 6, tzinfo=UTC)
    rows = pl.DataFrame(
        {
            "lead_id": [f"L{number}" for number in range(n)],
            "as_of": [start + timedelta(days=int(day)) for day in draw.integers(0, 84, n)],
            "landmark_days": np.zeros(n),
            "position": np.arange(n),
            "converted": draw.random(n) < truth,
            "group": np.arange(n) // 2,
        }
    )
    return rows, truth


def test_the_same_scores_lose_nothing() -> None:
    rows, truth = rows_of()
    both = Challenged(rows, truth, truth)
    assert both.log_loss().to_json() == {"value": 0.0, "low": 0.0, "high": 0.0}
    gap, champion, own = both.reached(None, None)
    assert (gap.value, gap.low, gap.high) == (0.0, 0.0, 0.0)
    assert champion == own > 0
    calls, both_call = both.overlap(None, None)
    assert calls == pytest.approx(both_call)


def test_a_worse_one_loses_as_much_as_the_divergence_says() -> None:
    rows, truth = rows_of(n=40_000)
    flat = np.full(len(truth), truth.mean())
    lost = Challenged(rows, flat, truth).log_loss()
    expected = -(
        truth * np.log(flat / truth) + (1 - truth) * np.log((1 - flat) / (1 - truth))
    ).mean()
    assert lost.low < expected < lost.high
    assert lost.low > 0
    # The other way round it wins as much.
    won = Challenged(rows, truth, flat).log_loss()
    assert won.value == pytest.approx(-lost.value)


def test_scores_by_chance_reach_fewer_customers() -> None:
    rows, truth = rows_of(n=20_000)
    noise = np.random.default_rng(2).random(len(truth))
    gap, champion, own = Challenged(rows, noise, truth).reached(None, None)
    assert own < champion
    assert gap.low > 0.3
    assert gap.value == pytest.approx((champion - own) / champion)


def test_the_interval_of_what_is_reached_holds_the_truth_about_as_often_as_it_says() -> None:
    held = []
    for seed in range(60):
        rows, truth = rows_of(seed, 2_000)
        noisy = truth * np.exp(np.random.default_rng(seed + 1000).normal(0, 0.7, len(truth)))
        rows = rows.with_columns(group=pl.int_range(pl.len()))
        gap, champion, _ = Challenged(rows, noisy, truth).reached(None, None)
        # What the same lists would reach by the true probabilities.
        sure = Challenged(rows.with_columns(converted=pl.Series(truth)), noisy, truth)
        _, expected, own = sure.reached(None, None)
        held.append(gap.low * champion <= expected - own <= gap.high * champion)
    assert np.mean(held) >= 0.85


def test_a_segment_that_is_much_worse_is_named_and_small_ones_are_not_looked_at() -> None:
    rows, truth = rows_of(n=20_000)
    vendor = np.where(np.arange(len(truth)) % 5 == 0, "B", "A")
    vendor[:30] = "tiny"
    worse = np.where(vendor == "B", np.clip(truth * 3, 0, 0.95), truth)
    found = {
        value: gap
        for _, value, _, gap in Challenged(rows, worse, truth).by_segment({"vendor": vendor}, 200)
    }
    assert set(found) == {"A", "B"}
    assert found["B"].low > 0.02
    assert found["A"].value == 0.0


def test_one_segment_of_many_is_not_worse_by_chance() -> None:
    rows, truth = rows_of(n=20_000)
    noisy = truth * np.exp(np.random.default_rng(5).normal(0, 0.05, len(truth)))
    labels = np.array([f"s{number % 40}" for number in range(len(truth))])
    gaps = [gap for *_, gap in Challenged(rows, noisy, truth).by_segment({"s": labels}, 100)]
    assert len(gaps) == 40
    assert not any(gap.low > 0 for gap in gaps)
