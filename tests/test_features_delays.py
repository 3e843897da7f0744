from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.delays import LOST, OPEN, WON, DelayCurve, delay_curve
from leadcast.features.horizon import recommend_horizon
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events

Floats = npt.NDArray[np.float64]
START = datetime(2024, 1, 1, tzinfo=UTC)


def curve_of(rows: Sequence[tuple[float, int]]) -> DelayCurve:
    days = np.array([row[0] for row in rows], dtype=np.float64)
    return DelayCurve.from_durations(days, np.array([row[1] for row in rows]), days)


def exponential(
    rng: np.random.Generator, leads: int, win_rate: float, loss_rate: float, watch: float
) -> DelayCurve:
    """Wins and losses with constant hazards a day, leads that arrive evenly over `watch` days."""
    won = rng.exponential(1 / win_rate, leads)
    lost = rng.exponential(1 / loss_rate, leads) if loss_rate else np.full(leads, np.inf)
    until = rng.uniform(0, watch, leads)
    days = np.minimum(np.minimum(won, lost), until)
    ending = np.where(days == won, WON, np.where(days == lost, LOST, OPEN))
    return DelayCurve.from_durations(days, ending, until)


def truth(days: Floats, win_rate: float, loss_rate: float) -> Floats:
    both = win_rate + loss_rate
    return win_rate / both * (1 - np.exp(-both * days))


def tables(rows: list[tuple[float, float | None, float | None]], until: float) -> Tables:
    """Leads as (created, won, lost), in days since `START`."""

    def times(column: int) -> pl.Series:
        days = [row[column] for row in rows]
        return pl.Series(
            [None if day is None else START + timedelta(days=day) for day in days], dtype=TIME
        )

    ids = [f"lead {number}" for number in range(len(rows))]
    leads = pl.DataFrame({"lead_id": ids, "created_at": times(0)})
    outcomes = pl.DataFrame({"lead_id": ids, "won_at": times(1), "lost_at": times(2)})
    end = START + timedelta(days=until)
    return Tables(leads, empty_events(), outcomes, end, TimeOrder.DATED, {})


def test_textbook_example_without_losses() -> None:
    # Freireich et al. (1963), remission under 6-MP, the example of Kaplan-Meier in Collett (2003),
    # Modelling survival data, and in Kleinbaum and Klein (2012), table 2.1; errors by Greenwood.
    open_at = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    ends_at = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    curve = curve_of([(day, OPEN) for day in open_at] + [(day, WON) for day in ends_at])
    table = curve.frame().filter(pl.col("days").is_in([6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0]))
    surviving = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert (1 - table["share"]).to_list() == pytest.approx(surviving, abs=5e-5)
    assert table["at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    # The band at 6 weeks by hand: 1.96 sqrt(3 / (21 x 18)) / -log(6/7) = 1.133, and
    # (6/7)^exp(1.133) = 0.620, (6/7)^exp(-1.133) = 0.952.
    assert (1 - table["high"][0], 1 - table["low"][0]) == pytest.approx((0.620, 0.952), abs=1e-3)


def test_example_with_losses_by_hand() -> None:
    # Day 1: 1/6 won. Day 2: one of 5 lost, 4/6 open. Day 3: 4/6 x 1/4. Day 4: one no longer seen.
    # Day 5: one of two, of the 3/6 that are open: 3/6 x 1/2. Day 6: the last one lost.
    curve = curve_of([(1, WON), (2, LOST), (3, WON), (4, OPEN), (5, WON), (6, LOST)])
    assert curve.share.tolist() == pytest.approx([1 / 6, 2 / 6, 7 / 12, 7 / 12])
    assert curve.days.tolist() == [1, 3, 5, 6]
    assert (curve.n_won, curve.n_lost) == (3, 2)


@pytest.mark.parametrize("loss_rate", [0.0, 0.05])
def test_recovers_a_known_law(loss_rate: float) -> None:
    curve = exponential(np.random.default_rng(5), 40_000, 0.02, loss_rate, watch=120)
    days = np.linspace(1, 100, 50)
    shares = np.array([curve.share_won(day) for day in days])
    assert np.abs(shares - truth(days, 0.02, loss_rate)).max() < 0.01


def test_losses_taken_as_the_end_of_watching_would_fail_the_known_law() -> None:
    rng = np.random.default_rng(5)
    won, lost = rng.exponential(50, 40_000), rng.exponential(20, 40_000)
    days = np.minimum(won, lost)
    naive = DelayCurve.from_durations(days, np.where(won < lost, WON, OPEN), days)
    assert naive.share_won(60) > float(truth(np.array([60.0]), 0.02, 0.05)[0]) + 0.2


def test_band_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    expected = float(truth(np.array([40.0]), 0.02, 0.03)[0])
    inside = []
    for _ in range(600):
        curve = exponential(rng, 150, 0.02, 0.03, watch=90)
        step = int(np.searchsorted(curve.days, 40.0, side="right")) - 1
        inside.append(curve.low[step] <= expected <= curve.high[step])
    # 95 % within three standard errors of a share of 600.
    assert 0.92 <= np.mean(inside) <= 0.98


durations = st.lists(
    st.tuples(st.integers(0, 30).map(float), st.sampled_from([OPEN, WON, LOST])), max_size=25
).map(lambda rows: [(3.0, WON), *rows])


@given(rows=durations)
@settings(max_examples=100)
def test_laws_of_the_curve(rows: list[tuple[float, int]]) -> None:
    curve = curve_of(rows)
    assert (np.diff(curve.share) >= 0).all()
    assert (np.diff(curve.at_risk) <= 0).all()
    assert ((curve.low <= curve.share + 1e-12) & (curve.share <= curve.high + 1e-12)).all()
    assert ((curve.low >= 0) & (curve.high <= 1)).all()
    assert curve.frame()["days"][0] == 0
    assert curve_of(rows[::-1]).frame().equals(curve.frame())


@given(rows=durations)
@settings(max_examples=50)
def test_without_losses_the_error_is_greenwoods(rows: list[tuple[float, int]]) -> None:
    rows = [(days, WON if ending == LOST else ending) for days, ending in rows]
    curve = curve_of([*rows, (31.0, OPEN)])
    lasting, total = 1.0, 0.0
    for step, day in enumerate(curve.days[curve.days < 31]):
        ends = sum(row == (day, WON) for row in rows)
        lasting *= 1 - ends / curve.at_risk[step]
        total += ends / (curve.at_risk[step] * (curve.at_risk[step] - ends))
        if ends:
            width = 1.959963984540054 * np.sqrt(total) / -np.log(lasting)
            assert curve.low[step] == pytest.approx(1 - lasting ** np.exp(-width), abs=1e-9)


def test_without_open_leads_the_share_is_a_plain_share() -> None:
    curve = curve_of([(1, WON), (2, WON), (3, LOST), (4, LOST), (5, WON)])
    assert curve.share[-1] == pytest.approx(3 / 5)


def test_from_tables_counts_only_what_the_export_saw() -> None:
    rows: list[tuple[float, float | None, float | None]] = [
        (0, 10, None),  # won at the age of 10
        (0, None, 20),  # lost at 20
        (10, 95, None),  # dated after the end: watched for 80 days, open
        (20, 60, 50),  # lost at 30, won back later: the first end counts
        (95, None, None),  # created after the end: not there yet
    ]
    curve = delay_curve(tables(rows, until=90))
    assert curve.follow_up_days.tolist() == [70, 80, 90, 90]
    assert (curve.n_won, curve.n_lost) == (1, 2)
    assert curve.share_won(10) == pytest.approx(1 / 4)
    assert curve.share_won(9.999) == 0


def test_a_win_at_the_end_of_the_export_is_seen() -> None:
    assert delay_curve(tables([(0, 90, None)], until=90)).n_won == 1


def test_caught_by_is_a_share_of_what_the_curve_reaches() -> None:
    rows = [(float(day), WON) for day in range(1, 101)]
    curve = DelayCurve.from_durations(
        np.array([row[0] for row in rows]), np.full(100, WON), np.full(100, 200.0)
    )
    assert curve.reference_days == 200
    assert curve.caught_by(30) == pytest.approx(0.3)
    assert curve.caught_by(500) == 1
    assert (curve.days_until(0.5), curve.days_until(0.9), curve.days_until(1.0)) == (50, 90, 100)
    assert "within 50 days" in curve.words(30)
    assert "misses 70%" in curve.words(30)


def test_the_curve_ends_where_few_leads_can_be_watched() -> None:
    follow_up = np.array([10.0] * 95 + [500.0] * 5)
    ending = np.array([WON] * 50 + [OPEN] * 45 + [WON] * 5)
    days = np.minimum(follow_up, np.array([5.0] * 50 + [10.0] * 45 + [400.0] * 5))
    curve = DelayCurve.from_durations(days, ending, follow_up)
    assert curve.reference_days == 10
    assert curve.caught_by(10) == 1


def test_recommends_the_shortest_horizon_that_sees_enough() -> None:
    curve = exponential(np.random.default_rng(1), 20_000, 1 / 20, 0.0, watch=700)
    # Nine in ten of exponential delays with mean 20 end by 46 days; the next candidate is 60.
    advice = recommend_horizon(curve, (90, 30, 60, 7))
    assert advice.horizon_days == 60
    assert advice.frame()["horizon_days"].to_list() == [7, 30, 60, 90]
    assert advice.frame()["mature_share"].to_list() == pytest.approx(
        [1 - horizon / 700 for horizon in (7, 30, 60, 90)], abs=0.01
    )


def test_a_short_history_limits_the_recommendation() -> None:
    curve = exponential(np.random.default_rng(1), 20_000, 1 / 50, 0.0, watch=200)
    advice = recommend_horizon(curve, (7, 30, 45, 60, 120))
    assert advice.horizon_days == 45
    assert "Fewer than the 90% wanted" in advice.words
    none = recommend_horizon(curve, (120, 180))
    assert none.horizon_days == 120
    assert "the history is short" in none.words


def test_errors_explain() -> None:
    with pytest.raises(LeadcastError, match=r"map it in tables\.outcomes"):
        delay_curve(tables([(0, None, 5)], until=90))
    with pytest.raises(LeadcastError, match="none of 1 leads was seen to be won"):
        delay_curve(tables([(0, 95, None)], until=90))
    undated = tables([(0, 10, None)], until=90)
    undated = Tables(undated.leads, undated.events, undated.outcomes, None, TimeOrder.ORDERED, {})
    with pytest.raises(
        LeadcastError,
        match=r"does not say when .* tables\.leads\.columns\.created_at and set observed_until",
    ):
        delay_curve(undated)
    with pytest.raises(LeadcastError, match="candidates_days"):
        recommend_horizon(curve_of([(1, WON)]), ())
