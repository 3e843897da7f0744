"""The forecast of the open pipeline as a page."""

from collections.abc import Mapping
from typing import Any

from leadcast.models.amounts.amount_charts import PipelineChart, PipelineRevenueChart
from leadcast.models.report.blocks import Block, Picture, Section
from leadcast.models.report.page import Page, render_page


def render_forecast(content: Mapping[str, Any], title: str) -> str:
    """Make the page of a forecast.

    Parameters
    ----------
    content : mapping
        Of ``forecast.json``.
    title : str
        The source's.

    Returns
    -------
    str
        HTML that needs nothing but itself.
    """
    blocks: list[Block] = [Picture(PipelineChart(content))]
    if content["weeks"][-1]["revenue"] is not None:
        blocks.append(Picture(PipelineRevenueChart(content)))
    return render_page(
        Page(
            eyebrow="Leadcast forecast",
            title=title,
            promise="What the leads that are open now bring, week by week.",
            sentences=content["words"],
            sections=[Section("pipeline", "The open pipeline", "Pipeline", blocks)],
        )
    )
