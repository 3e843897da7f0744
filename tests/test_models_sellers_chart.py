"""The picture of sellers: what it says, and whom it shows."""

import polars as pl

from leadcast.models.charts.chart import NARROW, WIDE
from leadcast.models.charts.sellers_chart import (
    MOST_SELLERS,
    CampaignsChart,
    SellersChart,
    SourcesChart,
)
from tests.report_samples import sample_inputs


def cards() -> pl.DataFrame:
    frame = sample_inputs().sellers
    assert frame is not None
    return frame


def test_the_words_name_who_is_above_and_below_and_count_the_rest() -> None:
    assert SellersChart(cards()).finding().replace("\N{NO-BREAK SPACE}", " ") == (
        "Of 3 vendors 1 brings what is expected, as far as can be told; "
        "above what is expected: Alpha <Leads>; below: Gamma."
    )
    quiet = cards().with_columns(verdict=pl.lit("as expected, or too few to tell"))
    assert "none brings more or fewer" in SourcesChart(quiet).finding()


def test_a_picture_of_many_shows_those_with_the_most_leads_in_their_order() -> None:
    names = [f"S{n}" for n in range(MOST_SELLERS + 5)]
    many = pl.concat([cards()[:1].with_columns(seller=pl.lit(one)) for one in names])
    shown = CampaignsChart(many.with_columns(leads=pl.int_range(many.height))).frame()
    assert shown["seller"].to_list() == names[5:]


def test_names_are_escaped_in_the_picture_and_nothing_is_drawn_without_an_expectation() -> None:
    chart = SellersChart(cards().with_columns(expected=pl.lit(0.0)))
    for size in (WIDE, NARROW):
        assert "Alpha &lt;Leads&gt;" in chart.svg(size)
