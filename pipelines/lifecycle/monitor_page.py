"""The page of ``leadcast monitor``."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from leadcast.models.charts.chart import Chart, Column, Table, table_of
from leadcast.models.charts.numbers import count, decimal, percent
from leadcast.models.charts.watch_charts import (
    FEWEST_WEEKS,
    CohortsChart,
    ConversionsChart,
    GradesChart,
    LineChart,
)
from leadcast.models.report.blocks import (
    Banner,
    Block,
    Folded,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)
from leadcast.models.report.page import Page, render_page

Columns = tuple[Column, ...]
FEWEST_TOLD = 10.0
"""Expected conversions; where there are fewer, it is said that no alarm means little."""
TOO_FEW = "So few conversions were expected by now that hardly any change could be seen yet."


def came_words(facts: Mapping[str, Any]) -> str:
    """Say how many conversions came, and how many were expected, where any were."""
    came = f"{facts['observed']:.0f} came"
    if facts["expected"]:
        ratio = facts["observed"] / facts["expected"]
        return f"Conversions: {came}, {facts['expected']:.1f} were expected by now ({ratio:.2f})."
    return (
        f"Conversions: none was expected by now, and {came}: the scores begin on "
        f"{facts['scores_begin']}, and outcomes are known until {facts['known_until'][:10]}."
    )


def monitoring_page(facts: Mapping[str, Any]) -> str:
    """Make the page.

    Parameters
    ----------
    facts : mapping
        As ``monitoring.json`` holds them.

    Returns
    -------
    str
        HTML that needs nothing but itself.
    """
    alarms = facts["alarms"]
    enough = facts["expected"] >= FEWEST_TOLD
    calm = "Nothing shows that the scores no longer mean what they say." if enough else TOO_FEW
    banner = Banner(
        "No alarm." if not alarms else f"{len(alarms)} alarm{'s' if len(alarms) > 1 else ''}.",
        f" {alarms[0]['what'] if alarms else calm}",
        bool(alarms),
    )
    page = Page(
        eyebrow="Leadcast monitoring",
        title=f"{facts['source']}, until {facts['known_until'][:10]}",
        promise="Do the scores still mean what they say?",
        sentences=[
            f"Watched is {facts['model']}, from {facts['watched_from']} on.",
            facts["scores_from"],
            came_words(facts),
        ],
        banner=banner,
        sections=[section for section in _sections(facts) if section.blocks],
    )
    return render_page(page)


def _sections(facts: Mapping[str, Any]) -> list[Section]:
    return [
        Section("alarms", "Alarms", "Alarms", _alarms(facts["alarms"], facts.get("look"))),
        Section("conversions", "Conversions week by week", "Conversions", _weeks(facts)),
        Section("segments", "Segments", "Segments", _segments(facts["segments"])),
        Section("cohorts", "What was said, and what has happened", "Cohorts", _cohorts(facts)),
        Section("grades", "Grades, and the line", "Grades", _grades(facts)),
        Section("inputs", "What has changed among the leads", "Inputs", _inputs(facts)),
    ]


def _alarms(alarms: Sequence[Mapping[str, Any]], look: Mapping[str, Any] | None) -> list[Block]:
    if look:
        words = "Too little for an alarm: a quiet year has about three such hints."
        hint = Notice("warning", "Worth a look", f"{look['what']} {words}", look["cause"])
        return [*_alarms(alarms, None), Notices([hint])]
    if not alarms:
        return []
    return [
        Notices(
            [
                Notice(
                    "error" if one["kind"] != "revisions" else "warning",
                    one["segment"] or "All leads",
                    " ".join(part for part in (one["what"], one["cause"]) if part),
                    one["remedy"],
                )
                for one in alarms
            ]
        )
    ]


def _weeks(facts: Mapping[str, Any]) -> list[Block]:
    weeks = pl.DataFrame(facts["weeks"], infer_schema_length=None)
    since = next((one["since"] for one in facts["alarms"] if not one["segment"]), None)
    return _pictured(ConversionsChart(weeks, since), weeks) if weeks.height else []


def _pictured(chart: Chart, along: pl.DataFrame) -> list[Block]:
    """Show a picture, or its numbers alone while there is too little along time to be seen."""
    return [Picture(chart)] if along.height >= FEWEST_WEEKS else [Listing(chart.table())]


def _segments(segments: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not segments:
        return []
    columns: Columns = (
        Column("name", "Attribute"),
        Column("value", "Value"),
        Column("leads", "Leads", count),
        Column("observed", "Came", count),
        Column("expected", "Expected", decimal(1)),
        Column("ratio", "Ratio, shrunken", decimal(2)),
        Column("low", "90 % from", decimal(2)),
        Column("high", "to", decimal(2)),
    )
    ranked = pl.DataFrame(list(segments)).sort((pl.col("ratio").log()).abs(), descending=True)
    return [Listing(_first(ranked, columns, "Conversions of the last eight weeks, by segment"))]


def _cohorts(facts: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if facts["cohorts"]:
        cohorts = pl.DataFrame(facts["cohorts"], infer_schema_length=None)
        blocks += _pictured(CohortsChart(cohorts), cohorts.filter(pl.col("leads") > 0))
    return [*blocks, Words([facts["unlabelled"]["assumption"]])]


def _grades(facts: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if facts["line"]["weeks"]:
        weeks = pl.DataFrame(facts["line"]["weeks"])
        blocks += _pictured(LineChart(weeks, facts["line"]["probability"]), weeks)
    if facts["grades"]:
        grades = pl.DataFrame(facts["grades"], infer_schema_length=None)
        mature = grades.filter(pl.col("mature") > 0).unique("week")
        blocks += _pictured(GradesChart(grades), mature)
    return blocks


def _inputs(facts: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Words(["These explain an alarm; by themselves they are no reason for one."])
    ]
    if facts["inputs"]["new_values"]:
        columns: Columns = (
            Column("attribute", "Attribute"),
            Column("value", "New value"),
            Column("leads", "Leads", count),
        )
        frame = pl.DataFrame(facts["inputs"]["new_values"])
        blocks.append(Listing(table_of(frame, columns, "Values that were not there before")))
    if facts["inputs"]["drift"]:
        columns = (
            Column("feature", "Feature"),
            Column("stability_index", "Stability index", decimal(3)),
            Column("missing_before", "Missing before", percent),
            Column("missing_now", "now", percent),
            Column("weight", "Share in the score", percent),
        )
        frame = pl.DataFrame(facts["inputs"]["drift"])
        caption = "Inputs that moved, what matters most to the score first"
        blocks.append(Listing(table_of(frame, columns, caption)))
    if facts["volumes"]:
        columns = (
            Column("name", "Attribute"),
            Column("value", "Value"),
            Column("before", "Leads a week before", decimal(1)),
            Column("now", "now", decimal(1)),
            Column("said", "Given at first", percent),
        )
        frame = pl.DataFrame(facts["volumes"])
        blocks.append(Folded("Volumes", table_of(frame, columns, "New leads by segment")))
    return blocks


def _first(frame: pl.DataFrame, columns: Sequence[Column], caption: str) -> Table:
    return table_of(frame.head(20), columns, caption, frame.height)
