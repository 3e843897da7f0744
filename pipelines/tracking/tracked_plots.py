"""The pictures that only MLflow is given: all others are the report's own."""

from pathlib import Path

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.models.charts.chart import WIDE, Chart
from leadcast.models.charts.numbers import ShownEstimate
from leadcast.models.charts.svg import svg_file
from leadcast.models.charts.tracked_charts import ImportanceChart, PrecisionRecallChart
from leadcast.pipelines.base.dataset import read_plan
from leadcast.pipelines.base.paths import RunFolder


def draw_more(run: RunFolder, folder: Path) -> None:
    """Draw the precision-recall curve and the importances.

    Parameters
    ----------
    run : RunFolder
        Of a whole result.
    folder : Path
        Where to write them, as ``precision-recall.svg`` and ``importance.svg``.
    """
    test = read_json(run.metrics)["test"]
    features = read_plan(run).features
    shares = read_json(run.backtest)["importance"]
    words = [feature.words for feature in features]
    curve = pl.read_csv(run.curves / "precision_recall.csv").cast(pl.Float64)
    charts: list[Chart] = [
        PrecisionRecallChart(
            curve, test["base_rate"]["value"], ShownEstimate(**test["average_precision"])
        ),
        ImportanceChart(pl.DataFrame({"words": words, "importance": shares})),
    ]
    # Of a test without both outcomes there is no curve, and of the base rate no importance.
    for chart in (one for one in charts if one.frame().height):
        picture = svg_file(chart.svg(WIDE), WIDE.width_px, chart.height_px(WIDE))
        (folder / f"{chart.name}.svg").write_text(picture, encoding="utf-8")
