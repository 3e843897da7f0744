"""The sections of the page, each from its part of the inputs; absent where there is nothing."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from leadcast.models.charts.backtest_chart import BacktestChart
from leadcast.models.charts.chart import Column, table_of
from leadcast.models.charts.numbers import (
    ShownEstimate,
    age,
    count,
    counted,
    day,
    decimal,
    duration,
    sentence,
)
from leadcast.models.charts.ranking_charts import GainChart, LiftChart, RocChart, SeparationChart
from leadcast.models.charts.reliability_chart import ReliabilityChart
from leadcast.models.charts.stability_charts import AgeChart, BlockChart, MonthChart, SegmentsChart
from leadcast.models.charts.time_charts import DelayChart, TimelineChart
from leadcast.models.report.blocks import (
    Block,
    Facts,
    Figure,
    Figures,
    Folded,
    Level,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)
from leadcast.models.report.data_quality import quality_blocks
from leadcast.models.report.importance import importance_blocks
from leadcast.models.report.inputs import ReportInputs
from leadcast.models.report.metric_words import calibration_sentence, metric_rows

RANDOM_PARTS = (
    "The source does not say which lead came before which, so the parts were drawn at random. The "
    "figures of the test hold for leads like these; how the model does on later ones is not known."
)


def sections(inputs: ReportInputs) -> list[Section]:
    """Put the page together."""
    built = (
        Section("trust", "Are the probabilities right?", "Calibration", _trust(inputs)),
        Section("ranking", "Whom to call first", "Ranking", _ranking(inputs)),
        Section("separation", "Can customers be told apart?", "Separation", _separation(inputs)),
        Section("stability", "Does it hold everywhere?", "Stability", _stability(inputs)),
        Section("features", "What the model looks at", "Features", _features(inputs)),
        Section("delays", "How long do customers take?", "Delays", _delays(inputs)),
        Section("choice", "How the model was chosen", "Model choice", _choice(inputs)),
        Section("splits", "What it learned from, and was tested on", "Splits", _splits(inputs)),
        Section("leakage", "Does anything give the answer away?", "Leakage", _leakage(inputs)),
        Section("data", "The data", "Data", quality_blocks(inputs.quality)),
        Section("figures", "All figures of the test", "All figures", _figures(inputs)),
        Section("run", "This run", "This run", _run(inputs)),
    )
    return [section for section in built if section.blocks]


def _trust(inputs: ReportInputs) -> list[Block]:
    blocks: list[Block] = []
    groups = inputs.frame("reliability")
    if groups is not None:
        chart = ReliabilityChart(groups, inputs.frame("reliability_curve"))
        blocks.append(Picture(chart))
    sentence = calibration_sentence(inputs.metrics.get("test", {}))
    blocks += _words([*inputs.calibration_words, sentence])
    methods = inputs.frame("calibration_methods")
    if methods is not None:
        title = "Methods of calibration: what each loses on leads it was not fitted on"
        shown = methods.with_columns(pl.col("method").replace(_METHOD_WORDS))
        blocks.append(Folded(title, table_of(shown, _METHOD_COLUMNS, title)))
    return blocks


_METHOD_WORDS = {
    "identity": "none: as the learner says",
    "level": "level only",
    "logistic": "logistic (a line in log-odds)",
    "spline": "monotone spline",
}
_METHOD_COLUMNS = (
    Column("method", "Method"),
    Column("log_loss", "Log loss", decimal(5)),
    Column("excess", "More than the best method", decimal(5)),
    Column("standard_error", "Standard error of that", decimal(5)),
)


def _ranking(inputs: ReportInputs) -> list[Block]:
    test = inputs.metrics.get("test", {})
    gain, lift = inputs.frame("gain"), inputs.frame("lift")
    blocks: list[Block] = []
    if gain is not None:
        blocks.append(Picture(GainChart(gain, ShownEstimate.of(test, "gain_10"))))
    if lift is not None:
        blocks.append(Picture(LiftChart(lift, ShownEstimate.of(test, "lift_10"))))
    return blocks


def _separation(inputs: ReportInputs) -> list[Block]:
    bins, roc = inputs.frame("separation"), inputs.frame("roc")
    blocks: list[Block] = [] if bins is None else [Picture(SeparationChart(bins))]
    if roc is not None:
        auc = ShownEstimate.of(inputs.metrics.get("test", {}), "auc")
        blocks.append(Picture(RocChart(roc, auc)))
    return blocks


def _stability(inputs: ReportInputs) -> list[Block]:
    metrics = inputs.metrics
    months, blocks = metrics.get("by_month") or {}, metrics.get("by_block") or {}
    ages = metrics.get("by_landmark") or {}
    in_order = {key: ages[key] for key in sorted(ages, key=float)}
    kinds = ((MonthChart, months), (BlockChart, blocks), (AgeChart, in_order))
    found: list[Block] = [
        Picture(chart(segments, metrics.get("test", {})))
        for chart, segments in kinds
        if len(segments) > 1
    ]
    named = metrics.get("by_segment") or {}
    if named:
        found.append(Picture(SegmentsChart(named, metrics.get("multicalibration") or {})))
    return found


def _features(inputs: ReportInputs) -> list[Block]:
    importance = inputs.frame("importance")
    return [] if importance is None else importance_blocks(importance)


def _delays(inputs: ReportInputs) -> list[Block]:
    curve = inputs.frame("delays")
    if curve is None:
        return []
    return [Picture(DelayChart(curve, inputs.run.horizon_days, inputs.delay_words))]


def _choice(inputs: ReportInputs) -> list[Block]:
    scores, words = inputs.frame("backtest"), _words(inputs.choice_words)
    if scores is None:
        return words
    return [Picture(BacktestChart(scores, inputs.run.time_order == "dated")), *words]


def _splits(inputs: ReportInputs) -> list[Block]:
    parts = inputs.frame("splits")
    if parts is None:
        return []
    chart = TimelineChart(parts)
    if inputs.run.time_order != "unordered":
        return [Picture(chart)]
    # Without an order in time there is no timeline to draw: the parts were drawn at random.
    return [Words([RANDOM_PARTS, chart.finding()]), Listing(chart.table())]


def _leakage(inputs: ReportInputs) -> list[Block]:
    checks = inputs.frame("leakage")
    if checks is None:
        return []
    bad = checks.filter(~pl.col("status").is_in(("clean", "not applicable")))
    words = (
        "Leadcast looks for columns, events and rows that already hold the outcome: "
        f"{counted(checks['code'].n_unique(), 'check')}, of which "
        f"{bad['code'].n_unique() or 'none'} found something."
    )
    worst_first = bad.sort(pl.col("status") != "error", maintain_order=True)
    notices = [_notice(row) for row in worst_first.iter_rows(named=True)]
    every = Folded("Every check", table_of(checks, _CHECK_COLUMNS, "Every check for leakage"))
    return [Words([words]), *([Notices(notices)] if notices else []), every]


_CHECK_COLUMNS = (
    Column("code", "Code"),
    Column("title", "What is looked for"),
    Column("status", "Result"),
    Column("subject", "Where"),
    Column("found", "What was found"),
)


def _notice(row: dict[str, Any]) -> Notice:
    title = " · ".join(part for part in (row["title"], row["subject"]) if part)
    level: Level = "error" if row["status"] == "error" else "warning"
    heading = f"{title[:1].upper()}{title[1:]}"
    return Notice(level, heading, sentence(row["found"] or ""), sentence(row["remedy"] or ""))


def _figures(inputs: ReportInputs) -> list[Block]:
    rows = metric_rows(inputs.metrics.get("test", {}))
    if not rows:
        return []
    return [
        Figures([Figure(words.heading, value, ends, words.meaning) for words, value, ends in rows])
    ]


def _run(inputs: ReportInputs) -> list[Block]:
    run, source = inputs.run, inputs.source
    ages = ", ".join(age(days) for days in run.landmarks_days)
    pairs = (
        ("Source", f"{source.title} ({source.name})"),
        ("Licence", source.licence),
        ("Leads", count(run.n_leads)),
        ("Events", count(run.n_events)),
        ("Snapshots", count(run.n_snapshots)),
        ("First lead", run.first_created_at and day(run.first_created_at)),
        ("Last lead", run.last_created_at and day(run.last_created_at)),
        ("Outcomes known until", run.observed_until and day(run.observed_until)),
        ("Horizon", run.horizon_days and duration(run.horizon_days)),
        ("Scored at the age of", ages),
        ("Order of time", run.time_order),
        ("Run on", f"{day(run.created_at)}, {run.created_at:%H:%M} UTC"),
        ("Leadcast", run.code_version),
        ("Commit", run.git_commit),
        ("Fingerprint of the data", run.fingerprint),
    )
    return [Facts([(name, str(value)) for name, value in pairs if value])]


def _words(paragraphs: Iterable[str]) -> list[Block]:
    kept = [sentence(paragraph) for paragraph in paragraphs if paragraph]
    return [Words(kept)] if kept else []
