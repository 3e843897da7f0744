"""The comparison: laws that hold for any scores, and worlds whose answer is known."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison import Compared, Comparison, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import (
    lead_frame,
    read_comparison,
    write_comparison,
    write_nothing,
)
from leadcast.models.comparison.groups import holm
from leadcast.models.comparison.headline import amount, headline, money_words, several, whole
from leadcast.models.comparison.result import Earned, Measured, SwapSide, Trait
from leadcast.models.comparison.swap import _words
from leadcast.models.comparison.value import Money
from tests.comparison_world import world, world_frame

ASK = ComparisonQuestion("demo", "points", 20.0, Money(30.0), replicates=200, seed=3)


@pytest.fixture(scope="module")
def better() -> Comparison:
    rows = world(without_points=0.2, landmarks=(0.0, 7.0))
    return compare_scores(rows, ComparisonQuestion(**{**vars(ASK), "worked_from": "40 points"}))


def test_a_better_score_is_found_better(better: Comparison) -> None:
    ranking = better.ranking
    assert better.headline.verdict == "learned"
    for pair in (ranking.auc, ranking.auc_snapshots, ranking.reached, ranking.average_precision):
        assert pair.difference.shows
        assert pair.difference.value == pytest.approx(pair.learned.value - pair.points.value)  # type: ignore[operator]
        assert pair.difference.low <= pair.difference.value <= pair.difference.high  # type: ignore[operator]


def test_a_score_against_itself_differs_nowhere() -> None:
    frame = world_frame().with_columns(points=pl.col("probability") * 100)
    found = compare_scores(Compared.of(frame, ("industry",)), ASK)
    assert found.headline.verdict == "undecided"
    assert "cannot tell them apart" in found.headline.words
    assert found.swap.only_learned.leads == found.swap.only_points.leads == 0
    assert all(one.difference.value == 0 for one in found.capacities)


def test_scores_exchanged_exchange_the_result(better: Comparison) -> None:
    frame = world_frame().with_columns(
        probability=pl.col("points") / 1000, points=pl.col("probability") * 1000
    )
    straight = compare_scores(world(), ASK)
    exchanged = compare_scores(Compared.of(frame, ("industry",)), ASK)
    assert exchanged.headline.verdict == "points"
    assert exchanged.ranking.reached.learned == straight.ranking.reached.points
    gaps = [one.ranking.reached.difference for one in (straight, exchanged)]
    assert gaps[0].value == pytest.approx(-gaps[1].value)  # type: ignore[operator]
    assert gaps[0].low == pytest.approx(-gaps[1].high)  # type: ignore[operator]


def test_the_order_of_rows_changes_nothing() -> None:
    frame = world_frame(landmarks=(0.0, 7.0))
    found = [
        compare_scores(Compared.of(rows, ("industry",)), ASK).ranking
        for rows in (frame, frame.reverse())
    ]
    for name in ("auc", "average_precision", "reached"):
        one, other = (getattr(ranking, name).difference.value for ranking in found)
        assert one == pytest.approx(other), name


def test_a_lead_is_on_the_list_once_and_every_lead_counts_somewhere(better: Comparison) -> None:
    swap, missing = better.swap, better.missing
    sides = (swap.both, swap.neither, swap.only_learned, swap.only_points)
    assert sum(side.leads for side in sides) == pytest.approx(better.ranking.leads)
    assert sum(side.customers for side in sides) == pytest.approx(better.ranking.customers)
    assert swap.only_learned.leads == pytest.approx(swap.only_points.leads)
    assert better.ranking.leads + missing.without == missing.leads == 1200
    assert sum(cell.leads for cell in better.bands.cells) == better.ranking.leads
    assert sum(week.leads for week in better.weeks) == better.ranking.leads


def test_traits_are_told_as_what_they_are_more_or_less() -> None:
    none = Measured(value=None, low=None, high=None)
    side = SwapSide(
        leads=10, customers=3, conversion=none, probability=None, points=None, amount=None
    )
    traits = [
        Trait(feature=n, words=n, learned=a, points=b, kind="mean", distance=a - b)
        for n, a, b in (("calls", 3.0, 1.0), ("age", 2.0, 5.0))
    ]
    assert _words(side, side, traits)[1:] == (
        "More often or higher among those it would call: calls (on average 3 against 1).",
        "Less often or lower among those it would call: age (on average 2 against 5).",
    )


def test_counts_that_ties_share_fit_the_shares_beside_them() -> None:
    sides = [
        SwapSide(
            leads=74,
            customers=customers,
            conversion=Measured(value=customers / 74, low=None, high=None),
            probability=None,
            points=None,
            amount=None,
        )
        for customers in (6.0, 1.5)
    ]
    (told,) = _words(sides[0], sides[1], [])
    assert told.replace("\N{NO-BREAK SPACE}", " ") == (
        "74 leads would be called instead of as many others: 6 of them became customers (8.1 %), "
        "of those they replace 1.5 (2.0 %)."
    )


def test_calls_are_as_many_as_the_weeks_have(better: Comparison) -> None:
    part = better.ranking.leads / 1200
    assert better.value.learned.calls == pytest.approx(12 * 20 * part, rel=0.05)
    reached = [one.learned.value for one in better.capacities]
    assert reached == sorted(reached, key=lambda value: value or 0)
    last = better.capacities[-1]
    assert last.learned.value == last.points.value == better.ranking.customers


def test_missing_points_and_unworked_leads_are_told(better: Comparison) -> None:
    assert better.missing.without > 150
    assert better.missing.with_them_last is not None
    assert better.missing.with_them_last.ranking is not None
    assert better.missing.with_them_last.ranking.leads == 1200
    selection = better.selection
    assert selection.worked + selection.unworked == better.ranking.leads
    assert selection.only_worked is not None
    assert any("favours the points" in words for words in selection.words)


def test_what_is_written_is_read_back(better: Comparison, tmp_path: Path) -> None:
    leads = lead_frame(world(without_points=0.2))
    write_comparison(tmp_path / "comparison", better, leads)
    assert read_comparison(tmp_path / "comparison") == better
    assert pl.read_parquet(tmp_path / "comparison/leads.parquet").equals(leads)
    assert json.loads(json.dumps(better.to_json())) == better.to_json()
    write_nothing(tmp_path / "comparison", "no points here")
    with pytest.raises(LeadcastError, match="no points here"):
        read_comparison(tmp_path / "comparison")


def test_ranks_tell_any_capacity(better: Comparison) -> None:
    leads = lead_frame(world(without_points=0.2, landmarks=(0.0, 7.0)))
    listed = leads.filter(pl.col("rank_learned").is_not_null())
    assert listed["lead_id"].n_unique() == listed.height == better.ranking.leads
    called = listed.filter(pl.col("rank_learned") <= 5).group_by("week").len()
    assert called["len"].max() == 5


def test_the_headline_says_one_thing_in_customers_and_beside_it_how_sure_that_is(
    better: Comparison,
) -> None:
    told = headline(better.ranking, 20.0, "week", 12)
    pair = better.ranking.reached
    learned, points = whole(pair.learned.value), whole(pair.points.value)
    assert told.words == (
        f"In 12 weeks, at 20 calls a week, the learned score reaches {learned} of "
        f"{better.ranking.customers} customers; the points: {points}."
    )
    assert told.sure.endswith("more than chance explains.")
    gap = pair.difference.model_copy(update={"low": -5.0, "shows": False, "detectable": 9.2})
    close = better.ranking.model_copy(
        update={"reached": pair.model_copy(update={"difference": gap})}
    )
    words = headline(close, 20.0, "week", 12)
    assert words.verdict == "undecided"
    assert words.words.endswith("This much data cannot tell them apart.")
    assert words.sure.endswith("A difference under 9 would not show.")


def test_more_customers_that_bring_less_are_told_as_that(better: Comparison) -> None:
    def earned(learned: float, points: float) -> Earned:
        gap = learned - points
        ends = Measured(value=gap, low=gap - 20_000, high=gap + 20_000)
        return Earned(
            learned=Measured(value=learned), points=Measured(value=points), difference=ends
        )

    less = headline(better.ranking, 20.0, "week", 12, earned(100_000, 112_345), "EUR")
    assert less.less_revenue
    assert less.money == (
        "More customers, but less revenue: its customers bring EUR 100,000, the points' "
        "EUR 112,000; "
        "EUR 12,300 less (95 %: EUR 32,300 less to EUR 7,660 more)."
    ).replace("EUR ", "EUR\N{NO-BREAK SPACE}")
    more = headline(better.ranking, 20.0, "week", 12, earned(112_345, 100_000), None)
    assert not more.less_revenue
    assert more.money.startswith("Its customers bring 112,000, the points' 100,000; 12,300")
    assert money_words(earned(2, 1), None, -3).startswith("Fewer customers, more revenue: its")


def test_amounts_have_three_digits_and_weeks_their_number() -> None:
    shown = [amount(value, None) for value in (0.4, 7, 12, 999, 1234.5, 12_345, 1_999_999)]
    assert shown == ["0", "7", "12", "999", "1,230", "12,300", "2,000,000"]
    assert several(1, "week") == "1 week"
    assert several(19, "block of 100 leads") == "19 blocks of 100 leads"


def test_what_customers_bring_is_measured_as_the_customers_are() -> None:
    """Where each brings the same, money and customers have the same intervals, in their units."""
    asked = ComparisonQuestion(**{**vars(ASK), "money": Money(value_per_customer=500.0)})
    for one in compare_scores(world(), asked).capacities[4::9]:
        assert one.earned is not None
        assert one.earned.learned.value == pytest.approx(500 * (one.learned.value or 0))
        gaps = [one.earned.difference, one.difference]
        widths = [(gap.high or 0) - (gap.low or 0) for gap in gaps]
        assert widths[0] == pytest.approx(500 * widths[1], rel=0.2, abs=200)


def test_nothing_to_compare_is_an_error_that_explains() -> None:
    frame = world_frame(leads=50)
    nobody = frame.with_columns(points=pl.lit(None, pl.Float64))
    with pytest.raises(LeadcastError, match="none of the 50 leads on the call list has points"):
        compare_scores(Compared.of(nobody, ()), ASK)
    lost = frame.with_columns(converted=pl.lit(False))
    with pytest.raises(LeadcastError, match="none of the 50 leads with points"):
        compare_scores(Compared.of(lost, ()), ASK)
    with pytest.raises(LeadcastError, match="has the age of 3 days; there are 0"):
        Compared.of(frame, (), 3.0)


def test_without_dates_blocks_stand_for_weeks() -> None:
    undated = world_frame(leads=250).with_columns(
        as_of=pl.lit(None, pl.Datetime("us", "UTC")), landmark_days=pl.lit(None, pl.Float64)
    )
    found = compare_scores(Compared.of(undated, ()), ASK)
    assert [week.leads for week in found.weeks] == [100, 100, 50]
    assert [week.calls for week in found.weeks] == pytest.approx([20, 20, 10])
    assert "In 3 blocks of 100 leads, at 20 calls a block of 100" in found.headline.words


def test_holm_is_the_textbook_example_and_never_helps() -> None:
    adjusted = holm([0.01, 0.04, None, 0.03, 0.005])
    np.testing.assert_allclose([p for p in adjusted if p is not None], [0.03, 0.06, 0.06, 0.02])
    assert adjusted[2] is None
