"""Money in pictures and in the report: what is drawn is what was measured."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.models.amounts.amount_charts import (
    PipelineChart,
    PipelineRevenueChart,
    RevenueChart,
    ValueRankingChart,
)
from leadcast.models.amounts.amount_choice import choose_amounts, mean_of_all
from leadcast.models.amounts.amount_judged import RevenueRows, judge_amounts, judge_revenue
from leadcast.models.amounts.amount_words import amounts_words
from leadcast.models.amounts.value_ranking import rank_by_value
from leadcast.models.charts.chart import NARROW, WIDE
from leadcast.models.report.forecast_page import render_forecast
from leadcast.models.report.sections import sections
from tests.amounts_world import rows
from tests.report_samples import bare_inputs


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the stage writes, of a small world."""
    learned, test = rows(100, seed=2), rows(200, seed=5)
    chosen = choose_amounts(learned, 1)
    assert chosen is not None
    mean = mean_of_all(learned, 1).model
    random = np.random.default_rng(3)
    probability = random.uniform(0.05, 0.5, 200)
    converted = (random.random(200) < probability).astype(np.float64)
    told = chosen.model.predict(test.values)
    drawn = {"replicates": 100, "seed": 1}
    amount = np.where(converted == 1, test.amount, np.nan)
    revenue = RevenueRows(probability, told.mean, converted, amount, np.arange(200))
    frame = pl.DataFrame(
        {
            "lead_id": [str(i) for i in range(200)],
            "as_of": pl.Series([None] * 200, dtype=pl.Datetime("us", "UTC")),
            "landmark_days": pl.Series([None] * 200, dtype=pl.Float64),
            "position": np.arange(200),
            "group": np.arange(200),
            "converted": converted,
            "amount": pl.Series(amount).fill_nan(None),
            "probability": probability,
            "expected_revenue": revenue.expected,
        }
    )
    content: dict[str, Any] = {
        "why": None,
        "currency": "EUR",
        "known_in_advance": None,
        "choice": chosen.to_json(),
        "test": judge_amounts(chosen.model, mean, test, **drawn),
        "revenue": judge_revenue(revenue, mean.mean_amount, **drawn),
        "ranking": rank_by_value(frame, 20, None, **drawn),
    }
    return content | {"words": amounts_words(content)}


def forecast(revenue: bool) -> dict[str, Any]:
    ends = {"mean": 5_000.0, "low": 2_000.0, "high": 9_000.0}
    few = {"mean": 5.0, "low": 2.0, "high": 9.0}
    money = ends if revenue else None
    weeks = [
        {"week": number, "to": f"2026-01-{7 * number:02}T00:00:00+00:00", "customers": few}
        | {"customers_so_far": few, "revenue": money, "revenue_so_far": money}
        for number in (1, 2, 3)
    ]
    counted = {"weeks": 3, "held": 1.0, "totals_held": 1.0, "expected": 5.0, "came": 4.0}
    backtest = {"origins": 2, "customers": counted, "revenue": None}
    return {"weeks": weeks, "currency": "EUR", "backtest": backtest, "words": ["It is so."]}


def test_charts_draw_what_was_measured(found: dict[str, Any]) -> None:
    revenue = RevenueChart(found["revenue"]["bands"], "EUR")
    assert revenue.frame()["rows"].sum() == 200
    assert "of the revenue" in revenue.finding()
    ranking = ValueRankingChart(found["ranking"], "EUR")
    assert ranking.frame()["money_by_value"][-1] == ranking.frame()["money_by_probability"][-1]
    assert "EUR" in ranking.finding()
    for chart in (
        revenue,
        ranking,
        PipelineChart(forecast(True)),
        PipelineRevenueChart(forecast(True)),
    ):
        assert chart.svg(WIDE).startswith("<svg")
        assert chart.svg(NARROW) != chart.svg(WIDE)


def test_the_report_has_a_section_where_amounts_are_told_and_a_line_where_not(
    found: dict[str, Any],
) -> None:
    told = {one.name: one for one in sections(bare_inputs(amounts=found))}
    assert len(told["amounts"].blocks) == 4
    without = {one.name: one for one in sections(bare_inputs(amounts={"why": "None is known."}))}
    assert "amounts" not in without
    assert ("How much", "None is known.") in without["run"].blocks[0].pairs  # type: ignore[union-attr]
    assert "amounts" not in {one.name for one in sections(bare_inputs())}


def test_words_tell_the_choice_the_error_the_total_and_the_ranking(found: dict[str, Any]) -> None:
    choice, test, revenue, ranking = found["words"]
    assert choice.startswith("Means by one attribute (size), learned from 100 won leads")
    assert "surely less than the mean of all" in test
    assert "of what came" in revenue
    assert "At 20 calls a block of 100 leads, calling by expected revenue reaches" in ranking
    unnamed = amounts_words({**found, "currency": None})
    assert unnamed[1].startswith("No currency is declared")


@pytest.mark.parametrize("revenue", [True, False])
def test_a_forecast_is_a_page_with_a_picture_of_each(revenue: bool) -> None:
    page = render_forecast(forecast(revenue), "A source <b>")
    assert "A source &lt;b&gt;" in page
    assert ("Revenue that the open leads bring" in page) == revenue
