"""What the data are like: how many rows, what was wrong with them, what is missing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from leadcast.models.charts.chart import Column, table_of
from leadcast.models.charts.numbers import (
    compact,
    count,
    counted,
    day,
    number_or_none,
    percent,
    sentence,
)
from leadcast.models.charts.svg import plain
from leadcast.models.report.blocks import (
    LEVELS,
    Bar,
    Bars,
    Block,
    Facts,
    Folded,
    Level,
    Listing,
    Notice,
    Notices,
    Words,
)
from leadcast.models.report.doubted import doubt_blocks

SHOWN = 12
"""How many columns or kinds of events have a bar; all are in the tables."""


def quality_blocks(
    quality: Mapping[str, Any] | None, account: pl.DataFrame | None = None
) -> list[Block]:
    """Show what the ingest stage wrote of the data, and where every row went."""
    if not quality:
        return []
    parts = (
        _outcomes(quality.get("outcomes") or {}),
        _tables(quality.get("tables") or {}) if account is None else _account(account),
        _doubts(quality.get("doubts") or []),
        _faults(quality.get("faults") or []),
        _missing(quality.get("columns") or []),
        _events(quality.get("events") or {}),
        _not_used(quality.get("forbidden") or {}, quality.get("unused_columns") or []),
    )
    return [block for part in parts for block in part]


def columns_frame(columns: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Put the columns of the leads in a frame, the emptiest first."""
    schema = {"name": pl.String, "type": pl.String, "missing_share": pl.Float64}
    schema |= {"distinct": pl.Int64, "typical": pl.String}
    rows = [
        {
            "name": str(column.get("name", "")),
            "type": str(column.get("type", "")),
            "missing_share": number_or_none(column.get("missing_share")),
            "distinct": column.get("distinct"),
            "typical": _typical(column),
        }
        for column in columns
    ]
    frame = pl.DataFrame(rows, schema=schema)
    return frame.sort("missing_share", descending=True, nulls_last=True, maintain_order=True)


def _outcomes(outcomes: Mapping[str, int]) -> list[Block]:
    if not outcomes:
        return []
    won, lost, still_open = (outcomes.get(key, 0) for key in ("won", "lost", "open"))
    words = (
        f"Of {counted(won + lost + still_open, 'lead')}, {count(won)} became customers, "
        f"{count(lost)} were lost and {count(still_open)} are still open."
    )
    return [Words([words])]


def _tables(tables: Mapping[str, Mapping[str, int]]) -> list[Block]:
    rows = [
        {"table": name.capitalize(), **found, "aside": found["rows"] - found["kept"]}
        for name in ("leads", "events", "outcomes")
        if (found := tables.get(name, {})).get("rows") and found.get("kept") is not None
    ]
    title = "Rows read, used and set aside, table by table"
    return [Listing(table_of(pl.DataFrame(rows), _TABLES, title))] if rows else []


_TABLES = (
    Column("table", "Table"),
    Column("rows", "Rows read", count),
    Column("kept", "Used", count),
    Column("aside", "Not used", count),
)


def _account(account: pl.DataFrame) -> list[Block]:
    words = (
        "Each row of the export is kept, set aside in quarantine.parquet or left out for a reason, "
        "each lead has a snapshot at each landmark or none for a reason, and each snapshot is in a "
        "part or in none for a reason. The rows of each step add up to what went into it."
    )
    title = "From file to test part: where every row went"
    told = pl.col("step", "fate")
    shown = account.with_columns(
        told.str.head(1).str.to_uppercase() + told.str.slice(1),
        share=pl.col("rows") / pl.col("rows").sum().over("step"),
    )
    return [Words([words]), Listing(table_of(shown, _STEPS, title))]


_STEPS = (
    Column("step", "Step"),
    Column("fate", "What became of them"),
    Column("reason", "Why"),
    Column("rows", "Rows", count),
    Column("share", "Share", percent),
)


def _doubts(doubts: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Show what is to be doubted; nothing where nothing is, and for runs of earlier versions."""
    return [*doubt_blocks(doubts)] if doubts else []


def _faults(faults: Sequence[Mapping[str, Any]]) -> list[Block]:
    ordered = sorted(faults, key=lambda fault: LEVELS.index(_level(fault)))
    notices = [
        Notice(
            _level(fault),
            str(fault.get("where", "")),
            " ".join(sentence(f"{key}: {fault.get(key, '')}") for key in ("found", "expected")),
            str(fault.get("remedy", "")),
        )
        for fault in ordered
    ]
    if not notices:
        return [Words(["No fault was found in the data."])]
    return [Notices(notices)]


def _level(fault: Mapping[str, Any]) -> Level:
    level = fault.get("level", fault.get("severity"))
    return next((one for one in LEVELS if one == level), "warning")


def _missing(columns: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not columns:
        return []
    frame = columns_frame(columns)
    table = table_of(frame, _COLUMNS, "The columns of the leads")
    gaps = frame.filter(pl.col("missing_share") > 0)
    if gaps.is_empty():
        return [Words(["Every column has a value for every lead."]), Folded("The columns", table)]
    bars = [
        Bar(plain(row["name"]), row["type"], row["missing_share"], percent(row["missing_share"]))
        for row in gaps.head(SHOWN).iter_rows(named=True)
    ]
    complete = frame.height - gaps.height
    return [
        Bars(
            title="What is missing",
            reading="The share of the leads that have no value in a column. A missing value is "
            "information too: the model may use that it is missing.",
            finding=f"{count(complete)} of {counted(frame.height, 'column')} have a value for "
            "every lead.",
            bars=bars,
            table=table,
        )
    ]


_COLUMNS = (
    Column("name", "Column"),
    Column("type", "Type"),
    Column("missing_share", "Missing", percent),
    Column("distinct", "Distinct values", count),
    Column("typical", "Typical"),
)


def _typical(column: Mapping[str, Any]) -> str:
    if top := column.get("top"):
        return ", ".join(f"{plain(str(value), 24)} ({count(times)})" for value, times in top[:3])
    quantiles = dict(column.get("quantiles") or [])
    low, high = quantiles.get(0.25), quantiles.get(0.75)
    if low is None or high is None:
        return ""
    return f"{_value(low)} to {_value(high)}"


def _value(value: float | str) -> str:
    return value[:10] if isinstance(value, str) else compact(value)


def _events(events: Mapping[str, Any]) -> list[Block]:
    kinds = events.get("types") or []
    if not kinds:
        return []
    frame = pl.DataFrame(kinds, schema={"kind": pl.String, "events": pl.Int64}, orient="row")
    most = max(int(frame["events"][0]), 1)
    bars = [
        Bar(plain(row["kind"]), "", row["events"] / most, count(row["events"]))
        for row in frame.head(SHOWN).iter_rows(named=True)
    ]
    columns = (Column("kind", "Kind of event"), Column("events", "Events", count))
    return [
        Bars(
            title="What leads did",
            reading="How often each kind of event occurs, over all leads.",
            finding=f"{count(frame['events'].sum())} events of {counted(frame.height, 'kind')}"
            f"{_span(events.get('first'), events.get('last'))}.",
            bars=bars,
            table=table_of(frame, columns, "The kinds of events"),
        )
    ]


def _span(first: str | None, last: str | None) -> str:
    if first is None or last is None:
        return ""
    ends = (day(datetime.fromisoformat(moment)) for moment in (first, last))
    return ", from {} to {}".format(*ends)


def _not_used(forbidden: Mapping[str, str], unused: Sequence[str]) -> list[Block]:
    blocks: list[Block] = []
    if forbidden:
        blocks.append(Words(["These columns are kept from the model, each for its reason:"]))
        blocks.append(Facts([(name, str(reason)) for name, reason in forbidden.items()]))
    if unused:
        blocks.append(Words([f"Columns that are not mapped: {', '.join(map(str, unused))}."]))
    return blocks
