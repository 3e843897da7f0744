"""How long conversions take: a source's delay curve, printed and drawn, and a horizon advised."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_text_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.delays import DelayCurve, delay_curve
from leadcast.features.horizon import HorizonAdvice, recommend_horizon
from leadcast.features.ingest.ingest import ingest
from leadcast.features.readers.opening import files_of
from leadcast.features.tables import Tables
from leadcast.models.charts.chart import WIDE, Column, table_of
from leadcast.models.charts.numbers import count, decimal, percent
from leadcast.models.charts.svg import svg_file
from leadcast.models.charts.time_charts import DelayChart
from leadcast.models.report.blocks import Listing, Picture, Section
from leadcast.models.report.page import Page, render_page
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.raw import with_raw

SHOWN_DAYS = (0, 1, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 545, 730)
"""Ages at which the curve is printed."""

PRICE = (
    "A longer horizon has a price: the newest leads that can be learned from are as much older, "
    "and when the market moves the probabilities lag behind by as much."
)


def tell_delays(
    source: str, html: Path | None = None, svg: Path | None = None, *, force: bool = False
) -> str:
    """Estimate how long a source's conversions take, straight from its raw data.

    Nothing need have been run before: the horizon is what one chooses first.
    """
    definition = find_definition(source)
    settings = snapshot_settings(source, load_params())
    refuse_inputs([html, svg], [definition.file, *files_of(definition, definition.readers())])
    for path in (html, svg):
        if path is not None:
            refuse_foreign_file(path, force=force, quick=True)
    curve = _curve(definition)
    advice = recommend_horizon(curve, reporting_lag_days=settings.reporting_lag_days)
    words = curve.words(settings.horizon_days)
    if html is not None or svg is not None:
        _draw(
            definition.title,
            DelayChart(curve.frame(), settings.horizon_days, words),
            advice,
            html,
            svg,
            force,
        )
    return _text(source, curve, settings.horizon_days, advice, [html, svg])


def _curve(definition: SourceDefinition) -> DelayCurve:
    with (
        tempfile.TemporaryDirectory(prefix="leadcast-") as folder,
        with_raw(definition) as readable,
    ):
        tables = Path(folder) / "tables"
        ingest(readable, tables)
        try:
            return delay_curve(Tables.read(tables))
        except LeadcastError as error:
            raise LeadcastError(f"source {definition.name!r}: {error}") from None


def _text(
    source: str,
    curve: DelayCurve,
    horizon_days: float,
    advice: HorizonAdvice,
    written: Sequence[Path | None],
) -> str:
    caught = curve.caught_by(horizon_days)
    return "\n".join(
        [
            f"{source}: {curve.n_won:,} leads won, {curve.n_lost:,} lost, "
            f"{len(curve.follow_up_days):,} in all",
            "",
            "   days   won by then    (95 %)             watched until then",
            *_rows(curve),
            "",
            curve.words(horizon_days),
            f"The present horizon of {horizon_days:g} days covers {caught:.1%} of them.",
            f"Advised: {advice.words}",
            PRICE,
            "",
            "  horizon   catches   leads with a label",
            *(
                f"  {row['horizon_days']:>5g} d   {row['caught']:>7.1%}   {row['mature_leads']:>9,}"
                f" ({row['mature_share']:.0%})"
                + ("" if row["learnable"] else "  history too short")
                for row in advice.frame().iter_rows(named=True)
            ),
            *(f"drawn: {path}" for path in written if path is not None),
        ]
    )


def _rows(curve: DelayCurve) -> list[str]:
    frame, last = curve.frame(), float(curve.days[-1])
    rows = []
    for day in (day for day in SHOWN_DAYS if day <= last):
        row = frame.filter(pl.col("days") <= day).row(-1, named=True)
        watched = int((curve.follow_up_days >= day).sum())
        rows.append(
            f"  {day:>5}   {row['share']:>10.2%}    {row['low']:>6.2%} to {row['high']:<6.2%}"
            f"   {watched:>9,} leads"
        )
    return rows


def _draw(
    title: str,
    chart: DelayChart,
    advice: HorizonAdvice,
    html: Path | None,
    svg: Path | None,
    force: bool,
) -> None:
    if svg is not None:
        picture = svg_file(chart.svg(WIDE), WIDE.width_px, chart.height_px(WIDE))
        write_text_out(svg, picture, force=force)
    if html is not None:
        columns = (
            Column("horizon_days", "Horizon in days", decimal(0)),
            Column("caught", "Conversions it covers", percent),
            Column("mature_leads", "Leads with a label", count),
            Column("mature_share", "of all", percent),
        )
        table = table_of(advice.frame(), columns, "Which horizon covers how many conversions")
        page = Page(
            eyebrow="Leadcast delays",
            title=title,
            promise="How long customers take to buy.",
            sentences=[f"Advised: {advice.words}", PRICE],
            sections=[
                Section("curve", "How long do customers take?", "Delays", [Picture(chart)]),
                Section("horizon", "What a horizon catches", "Horizon", [Listing(table)]),
            ],
        )
        write_text_out(html, render_page(page), force=force)
