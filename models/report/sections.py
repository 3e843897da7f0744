"""The sections of the page, each from its part of the inputs; absent where there is nothing."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from models.report.backtest import BacktestChart
from models.report.blocks import (
    LEVELS,
    Block,
    Facts,
    Figure,
    Figures,
    Level,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)
from models.report.delays import DelayChart
from models.report.importance import importance_blocks
from models.report.inputs import ReportInputs
from models.report.metric_words import calibration_sentence, metric_rows
from models.report.numbers import Estimate, age, count, counted, day, duration
from models.report.quality import quality_blocks
from models.report.ranking import GainChart, LiftChart, RocChart
from models.report.reliability import ReliabilityChart
from models.report.separation import SeparationChart
from models.report.stability import AgeChart, BlockChart, MonthChart
from models.report.timeline import TimelineChart

RANDOM_PARTS = (
    "The source does not say which lead came before which, so the parts were drawn at random. The "
    "figures of the test hold for leads like these; how the model does on later ones is not known."
)


def sections(inputs: ReportInputs) -> list[Section]:
    """Put the page together.

    Parameters
    ----------
    inputs : ReportInputs
        What the report is made from.

    Returns
    -------
    list of Section
        In the order of the page; only those that have something to show.
    """
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
    return [*blocks, *_words([*inputs.calibration_words, sentence])]


def _ranking(inputs: ReportInputs) -> list[Block]:
    gain, lift = inputs.frame("gain"), inputs.frame("lift")
    charts = [None if gain is None else GainChart(gain), None if lift is None else LiftChart(lift)]
    return [Picture(chart) for chart in charts if chart is not None]


def _separation(inputs: ReportInputs) -> list[Block]:
    bins, roc = inputs.frame("separation"), inputs.frame("roc")
    blocks: list[Block] = [] if bins is None else [Picture(SeparationChart(bins))]
    if roc is not None:
        auc = Estimate.of(inputs.metrics.get("test", {}), "auc")
        blocks.append(Picture(RocChart(roc, auc)))
    return blocks


def _stability(inputs: ReportInputs) -> list[Block]:
    metrics = inputs.metrics
    months, blocks = metrics.get("by_month") or {}, metrics.get("by_block") or {}
    ages = metrics.get("by_landmark") or {}
    in_order = {key: ages[key] for key in sorted(ages, key=float)}
    kinds = ((MonthChart, months), (BlockChart, blocks), (AgeChart, in_order))
    return [
        Picture(chart(segments, metrics.get("test", {})))
        for chart, segments in kinds
        if len(segments) > 1
    ]


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
    findings = inputs.frame("leakage")
    if findings is None:
        return []
    rank = pl.col("severity").replace_strict(LEVELS, range(len(LEVELS)), default=0)
    rows = findings.sort(rank, maintain_order=True).iter_rows(named=True)
    checks = findings["code"].n_unique()
    bad = findings.filter(pl.col("severity").is_in(("error", "warning")))["code"].n_unique()
    words = (
        "Leadcast looks for columns, events and rows that already hold the outcome: "
        f"{counted(checks, 'check')}, of which {bad or 'none'} found something."
    )
    return [Words([words]), Notices([_notice(row) for row in rows])]


def _notice(row: dict[str, Any]) -> Notice:
    title = f"{row['title']} · {row['subject']}" if row["subject"] else row["title"]
    # A severity that is not known here is shown rather than hidden.
    level: Level = row["severity"] if row["severity"] in LEVELS else "warning"
    return Notice(level, title, row["found"] or "", row["remedy"] or "")


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
    kept = [paragraph for paragraph in paragraphs if paragraph]
    return [Words(kept)] if kept else []
