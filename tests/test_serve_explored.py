"""What the call lists tell: without bias where it is weighted, and biased where it is not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.tables import TIME
from leadcast.models.evaluation.sampled_rate import exact_interval, rows_needed, sampled_rate
from leadcast.serve.today.explored import rate_of, weeks_needed, what_came
from leadcast.serve.today.handoff import hand_off
from leadcast.serve.today.handoff_settings import HandoffRules, HandoffSettings
from tests.scoring_world import scoring_world

AS_OF = datetime(2026, 1, 7, tzinfo=UTC)
DAY = timedelta(days=1)
N = 300


def world(seed: int) -> tuple[pl.DataFrame, float, float]:
    """Lists of four weeks whose leads' ends are all known; the true rate, and that below the line.

    The score is too cautious below the line, which the called leads alone cannot tell.
    """
    random, weeks = np.random.default_rng(seed), []
    told = np.round(random.beta(1, 5, N), 3)
    ended = random.random(N) < np.where(told > 0.3, told, 1.5 * told)
    for week in range(4):
        leads = pl.DataFrame(
            {
                "lead_id": [f"{seed}-{one}" for one in range(N)],
                "probability": told,
                "expected_value": told,
                "grade": ["B"] * N,
            }
        )
        rules = HandoffSettings(exploration_share=0.4)
        made = hand_off(leads, AS_OF + 7 * week * DAY, 60, rules, HandoffRules())
        weeks.append(leads.with_columns(made.frame.drop("lead_id", "owner"), converted=ended))
    whole = pl.concat(weeks).with_columns(called=pl.col("call_rank").is_not_null())
    below = whole.filter(pl.col("propensity") < 1)
    return whole, float(ended.mean()), float(below["converted"].mean())  # type: ignore[arg-type]


def test_weighted_by_propensity_the_rate_is_unbiased_and_that_of_the_called_is_not() -> None:
    errors, below_errors, naive_errors, held = [], [], [], []
    for seed in range(150):
        whole, truth, truth_below = world(seed)
        everyone = rate_of(whole)
        below = rate_of(whole.filter(pl.col("propensity") < 1))
        assert everyone.rate.value is not None
        assert below.rate.value is not None
        assert below.rate.low is not None
        assert below.rate.high is not None
        errors.append(everyone.rate.value - truth)
        below_errors.append(below.rate.value - truth_below)
        naive_errors.append((rate_of(whole, weighted=False).rate.value or 0.0) - truth)
        held.append(below.rate.low <= truth_below <= below.rate.high)
    for found in (errors, below_errors):
        assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert np.mean(naive_errors) > 0.05
    # The oracle can fail: the same bound is far from what the naive estimate keeps.
    assert np.mean(naive_errors) > 10 * np.std(naive_errors) / np.sqrt(len(naive_errors))
    assert np.mean(held) >= 0.93


def test_a_score_that_is_too_low_below_the_line_is_seen_there_and_not_above() -> None:
    whole = pl.concat([world(seed)[0] for seed in range(40)])
    above = rate_of(whole.filter(pl.col("propensity") == 1))
    below = rate_of(whole.filter(pl.col("propensity") < 1))
    assert above.as_told
    assert below.as_told is False
    assert below.rate.value is not None
    assert below.expected is not None
    assert below.rate.value / below.expected == pytest.approx(1.5, abs=0.2)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 5)), min_size=1
    )
)
def test_a_rate_lies_in_its_interval_and_copies_of_a_lead_tell_nothing_new(
    rows: list[tuple[bool, float, int]],
) -> None:
    won, share, lead = (np.array(one) for one in zip(*rows, strict=True))
    one = sampled_rate(won, share, share, lead)
    assert one.rate.value is not None
    assert one.rate.low is not None
    assert one.rate.high is not None
    assert 0 <= one.rate.low <= one.rate.value <= one.rate.high <= 1
    twice = [np.tile(part, 2) for part in (won, share, lead)]
    again = sampled_rate(twice[0], twice[1], twice[1], twice[2])
    assert again.rate.value == pytest.approx(one.rate.value)
    assert (again.rate.high or 0) - (again.rate.low or 0) > 0


def test_with_equal_weights_it_is_the_exact_interval_of_independent_leads() -> None:
    won = np.repeat([1, 0], [3, 97])
    found = sampled_rate(won, won, np.full(100, 0.2), np.arange(100))
    low, high = exact_interval(0.03, 100)
    # From tables of Clopper and Pearson's interval.
    assert (low, high) == pytest.approx((0.00623, 0.08518), abs=1e-5)
    # A hundredth less, as the variance is divided by n - 1.
    assert (found.rate.low, found.rate.high) == pytest.approx((low, high), rel=0.03)
    none = sampled_rate(np.zeros(100), won, np.full(100, 0.2), np.arange(100))
    assert none.rate.low == 0
    assert none.rate.high == pytest.approx(1 - 0.025 ** (1 / 100))


def test_few_who_stand_for_many_and_ended_alike_leave_all_in_doubt() -> None:
    won = np.repeat([1, 0], [20, 90])
    share = np.repeat([1.0, 0.01], [100, 10])
    found = sampled_rate(won, won, share, np.arange(110))
    # Nobody of ten was won, so that those whom they stand for may be won 3 times of 10.
    assert found.rate.high == pytest.approx(0.3, abs=0.05)


def test_a_propensity_of_nothing_is_refused_and_no_rows_are_no_rate() -> None:
    with pytest.raises(ValueError, match="above 0"):
        sampled_rate([1], [1], [0.0], [1])
    assert sampled_rate([], [], [], []).rate.value is None
    with pytest.raises(ValueError, match="never known"):
        rows_needed(0.1, 0)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("half_width", [0.05, 0.01])
def test_so_many_leads_are_needed_and_not_one_less(rate: float, half_width: float) -> None:
    needed = rows_needed(rate, half_width)
    low, high = exact_interval(rate, needed)
    assert high - low <= 2 * half_width
    low, high = exact_interval(rate, needed - 1)
    assert high - low > 2 * half_width


def test_a_share_that_gives_no_place_is_never_enough() -> None:
    none, some, more = weeks_needed(0.05, 20, (0.02, 0.05, 0.1), (0.05, 0.02))
    assert none == (0.02, 0, [None, None])
    assert (some[1], more[1]) == (1, 2)
    assert more[2][0] == -(-(some[2][0] or 0) // 2)


def test_an_end_is_known_when_the_horizon_and_the_lag_are_over() -> None:
    tables = scoring_world().tables
    until = tables.observed_until
    assert until is not None
    won = tables.outcomes.drop_nulls("won_at").head(1)
    lead, won_at = won["lead_id"][0], won["won_at"][0]
    moments = [won_at - 30 * DAY, won_at - 30 * DAY - timedelta(microseconds=1), won_at]
    calls = pl.DataFrame({"lead_id": lead, "as_of": [*moments, until - 30 * DAY, until - 29 * DAY]})
    calls = calls.with_columns(pl.col("as_of").cast(TIME), call_rank=pl.lit(1))
    came = what_came(calls, tables, 30 * DAY, timedelta())
    assert came["converted"].to_list()[:3] == [True, False, False]
    assert came["converted"].to_list()[3:] == [False, None]
    late = what_came(calls, tables, 30 * DAY, DAY)
    assert late["converted"].to_list()[3:] == [None, None]
