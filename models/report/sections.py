"""The sections of the page, each from its part of the inputs; absent where there is nothing."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import polars as pl

from leadcast.models.charts.backtest_chart import BacktestChart
from leadcast.models.charts.chart import Chart, Column, table_of
from leadcast.models.charts.numbers import (
    age,
    count,
    counted,
    day,
    decimal,
    duration,
    percent,
    sentence,
)
from leadcast.models.charts.ranking_charts import GainChart, LiftChart, RocChart, SeparationChart
from leadcast.models.charts.reliability_chart import ReliabilityChart
from leadcast.models.charts.sellers_chart import SellersChart
from leadcast.models.charts.stability_charts import AgeChart, BlockChart, MonthChart, SegmentsChart
from leadcast.models.charts.time_charts import DelayChart, TimelineChart, WhenChart
from leadcast.models.leakage.telling import could_not_look, found_of, headline
from leadcast.models.report.audit_blocks import audit_summary
from leadcast.models.report.blocks import (
    Bar,
    Bars,
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
from leadcast.models.report.decisions import (
    account_blocks,
    account_line,
    amount_blocks,
    curve_blocks,
    grade_blocks,
    segment_blocks,
    shape_blocks,
    source_blocks,
)
from leadcast.models.report.inputs import ReportInputs
from leadcast.models.report.machines import nonhuman_blocks
from leadcast.models.report.rights_section import rights_blocks
from leadcast.models.report.summary import calibration_sentence, metric_rows

SHOWN = 15
"""How many features have a bar; all are in the table."""
GROUPS = {
    "fit": ("Fit", "who the lead is"),
    "engagement": ("Engagement", "what it did"),
    "source": ("Source", "where it came from"),
    "timing": ("Timing", "when"),
}
"""Each group of features, for a person."""
RANDOM_PARTS = (
    "The source does not say which lead came before which, so the parts were drawn at random. The "
    "figures of the test hold for leads like these; how the model does on later ones is not known."
)


def sections(inputs: ReportInputs) -> list[Section]:
    """Put the page together."""
    built = (
        Section("trust", "Are the probabilities right?", "Calibration", _trust(inputs)),
        Section("ranking", "Whom to call first", "Ranking", _ranking(inputs)),
        Section("grades", "What grades come to", "Grades", grade_blocks(inputs.grades)),
        Section("when", "When do they become customers?", "When", _when(inputs)),
        Section("amounts", "How much", "How much", amount_blocks(inputs.amounts)),
        Section("features", "What the model looks at", "Features", _features(inputs)),
        Section(
            "sources",
            "The score by source, and over time",
            "Sources",
            source_blocks(inputs.scores, inputs.score_attributes),
        ),
        Section("vendors", "What vendors' leads are worth", "Vendors", _vendors(inputs)),
        Section("accounts", "Which accounts will buy", "Accounts", account_blocks(inputs.accounts)),
        Section("leakage", *_LEAKAGE, _leakage(inputs), folded=not _leaks(inputs)),
    )
    rest = (
        Section("calibrated", "How it was calibrated", "Calibrating", _calibrated(inputs)),
        Section("separation", "Can customers be told apart?", "Separation", _separation(inputs)),
        Section("stability", "Does it hold everywhere?", "Stability", _stability(inputs)),
        Section("delays", "How long do customers take?", "Delays", _delays(inputs)),
        Section("choice", "How the model was chosen", "Model choice", _choice(inputs)),
        Section("splits", "What it learned from, and was tested on", "Splits", _splits(inputs)),
        Section("importance", "Every feature's weight", "Importance", _importance(inputs)),
        Section(
            "rights",
            "What no score may use, and groups of people",
            "Rights",
            rights_blocks(inputs.steering, inputs.rights),
        ),
        Section(
            "data",
            "The data",
            "Data",
            [
                *_words([inputs.history_words] if inputs.history_words else []),
                *quality_blocks(inputs.quality, inputs.frame("account")),
            ],
        ),
        Section(
            "machines",
            "Which events are not people's?",
            "Not people's",
            nonhuman_blocks(inputs.nonhuman),
        ),
        Section(
            "audit",
            "Are the leads' fields what they seem?",
            "Audit",
            [] if inputs.audit is None else audit_summary(inputs.audit),
        ),
        Section("figures", "All figures of the test", "All figures", _figures(inputs)),
        Section("run", "This run", "This run", [*_run(inputs), *account_line(inputs.accounts)]),
    )
    every = (*built, *(replace(section, folded=True) for section in rest))
    return [section for section in every if section.blocks]


_LEAKAGE = ("Does anything give the answer away?", "Leakage")


def _leaks(inputs: ReportInputs) -> bool:
    checks = inputs.frame("leakage")
    return checks is not None and found_of(checks).height > 0


def _vendors(inputs: ReportInputs) -> list[Block]:
    return [*_words(inputs.seller_words), *_pictures(inputs, sellers=SellersChart)]


def _trust(inputs: ReportInputs) -> list[Block]:
    curve = inputs.frame("reliability_curve")
    pictures = _pictures(inputs, reliability=lambda groups: ReliabilityChart(groups, curve))
    return [*pictures, *_words([calibration_sentence(inputs.test)])]


def _calibrated(inputs: ReportInputs) -> list[Block]:
    doubt = inputs.metrics.get("level_doubt", {}).get("words", "")
    blocks = _words([*inputs.calibration_words, doubt])
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


def _pictures(inputs: ReportInputs, **charts: Callable[[pl.DataFrame], Chart]) -> list[Block]:
    """Draw the frames that are there, each with its chart."""
    frames = {name: inputs.frame(name) for name in charts}
    return [Picture(charts[name](frame)) for name, frame in frames.items() if frame is not None]


def _ranking(inputs: ReportInputs) -> list[Block]:
    return _pictures(
        inputs,
        gain=lambda curve: GainChart(curve, inputs.estimate("gain_10")),
    )


def _separation(inputs: ReportInputs) -> list[Block]:
    return _pictures(
        inputs,
        lift=lambda curve: LiftChart(curve, inputs.estimate("lift_10")),
        separation=SeparationChart,
        roc=lambda curve: RocChart(curve, inputs.estimate("auc")),
    )


def _stability(inputs: ReportInputs) -> list[Block]:
    metrics = inputs.metrics
    months, blocks = metrics.get("by_month") or {}, metrics.get("by_block") or {}
    ages = metrics.get("by_landmark") or {}
    in_order = {key: ages[key] for key in sorted(ages, key=float)}
    kinds = ((MonthChart, months), (BlockChart, blocks), (AgeChart, in_order))
    found: list[Block] = [
        Picture(chart(segments, inputs.test)) for chart, segments in kinds if len(segments) > 1
    ]
    named = metrics.get("by_segment") or {}
    if named:
        found.append(Picture(SegmentsChart(named, metrics.get("multicalibration") or {})))
    return found


def _features(inputs: ReportInputs) -> list[Block]:
    importance = inputs.frame("importance")
    if importance is None:
        return []
    shapes = shape_blocks(inputs.shapes, dict(importance.select("name", "importance").iter_rows()))
    first = importance_blocks(importance)
    return [*first[:1], *shapes] if shapes else first


def _importance(inputs: ReportInputs) -> list[Block]:
    importance = inputs.frame("importance")
    return [] if importance is None or not inputs.shapes else importance_blocks(importance)[1:]


def importance_blocks(importance: pl.DataFrame) -> list[Block]:
    """Draw the importances by group and by feature."""
    total = float(importance["importance"].sum())
    if not total > 0.0:
        return []
    shares = importance.with_columns(share=pl.col("importance") / total)
    return [_by_group(shares), _by_feature(shares)]


def by_group(importance: pl.DataFrame) -> pl.DataFrame:
    """Sum the importances of each group."""
    grouped = importance.group_by("group").agg(
        pl.len().cast(pl.Int64).alias("features"), pl.col("share").sum()
    )
    return grouped.sort("share", "group", descending=[True, False])


def by_feature(importance: pl.DataFrame) -> pl.DataFrame:
    """Order the features, the most important first."""
    columns = ("name", "group", "words", "share")
    return importance.select(columns).sort("share", "name", descending=[True, False])


def _by_group(shares: pl.DataFrame) -> Bars:
    bars = []
    for group, share in by_group(shares).select("group", "share").iter_rows():
        label, detail = GROUPS.get(group, (group, ""))
        bars.append(Bar(label, detail, share, percent(share)))
    first = bars[0]
    in_brackets = f" ({first.detail})" if first.detail else ""
    return Bars(
        title="By kind of information",
        reading="How much of what moves the model's number comes from each kind of information. "
        "It says what the model uses, not what causes a purchase.",
        finding=f"{first.label}{in_brackets} counts most: {first.text} of the whole.",
        bars=bars,
    )


def _by_feature(shares: pl.DataFrame) -> Bars:
    features = by_feature(shares)
    used = features.filter(pl.col("share") > 0)
    top = used.head(SHOWN)
    longest = float(top["share"][0])
    bars = [
        Bar(row["words"], row["name"], row["share"] / longest, percent(row["share"]))
        for row in top.iter_rows(named=True)
    ]
    return Bars(
        title="By feature",
        reading=(
            "The features that count most, in words, with the name they have in the data. Each "
            "bar is as long as the feature's share of the whole, beside the longest."
        ),
        finding=_concentration(used),
        bars=bars,
        table=table_of(features, _COLUMNS, "Every feature and its importance"),
    )


_COLUMNS = (
    Column("words", "Feature"),
    Column("name", "Name"),
    Column("group", "Group"),
    Column("share", "Importance", percent),
)


def _concentration(used: pl.DataFrame) -> str:
    half = int((2 * used["share"].cum_sum() < used["share"].sum()).sum()) + 1
    words = f"{count(used.height)} features have some weight; "
    return words + (
        "the first alone carries half of it." if half == 1 else f"the first {half} carry half."
    )


def _delays(inputs: ReportInputs) -> list[Block]:
    horizon_days, words = inputs.run.horizon_days, inputs.delay_words
    return _pictures(inputs, delays=lambda curve: DelayChart(curve, horizon_days, words))


def _when(inputs: ReportInputs) -> list[Block]:
    horizon_days = inputs.run.horizon_days
    pictures = _pictures(inputs, curve_grades=lambda curves: WhenChart(curves, horizon_days))
    return [*pictures, *curve_blocks(inputs.curve)]


def _choice(inputs: ReportInputs) -> list[Block]:
    dated = inputs.run.time_order == "dated"
    pictures = _pictures(inputs, backtest=lambda scores: BacktestChart(scores, dated))
    return [*pictures, *_words(inputs.choice_words), *segment_blocks(inputs.segments)]


def _splits(inputs: ReportInputs) -> list[Block]:
    parts, models = inputs.frame("splits"), _words(inputs.model_words)
    if parts is None:
        return models
    chart = TimelineChart(parts)
    if inputs.run.time_order != "unordered":
        return [Picture(chart), *models]
    # Without an order in time there is no timeline to draw: the parts were drawn at random.
    return [Words([RANDOM_PARTS, chart.finding()]), Listing(chart.table()), *models]


def _leakage(inputs: ReportInputs) -> list[Block]:
    checks = inputs.frame("leakage")
    if checks is None:
        return []
    bad = found_of(checks)
    worst = [f"The gate found {headline(checks)}."] if bad.height else []
    words = (
        "Leadcast looks for columns, events and rows that already hold the outcome: "
        f"{counted(checks['code'].n_unique(), 'check')}, of which "
        f"{bad['code'].n_unique() or 'none'} found something."
    )
    notices = [_notice(row) for row in bad.iter_rows(named=True)]
    every = Folded("Every check", table_of(checks, _CHECK_COLUMNS, "Every check for leakage"))
    idle = [f"{line[:1].upper()}{line[1:]}." for line in could_not_look(checks)]
    return [Words([*worst, words, *idle]), *([Notices(notices)] if notices else []), every]


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
    found = "; ".join(text for text in (row["found"], row.get("weight")) if text)
    return Notice(level, heading, sentence(found), sentence(row["remedy"] or ""))


def _figures(inputs: ReportInputs) -> list[Block]:
    rows = metric_rows(inputs.test)
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
        ("How much", inputs.amounts and inputs.amounts["why"]),
        ("Run on", f"{day(run.created_at)}, {run.created_at:%H:%M} UTC"),
        ("Leadcast", run.code_version),
        ("Commit", run.git_commit),
        ("Fingerprint of the data", run.fingerprint),
    )
    return [Facts([(name, str(value)) for name, value in pairs if value])]


def _words(paragraphs: Iterable[str]) -> list[Block]:
    kept = [sentence(paragraph) for paragraph in paragraphs if paragraph]
    return [Words(kept)] if kept else []
