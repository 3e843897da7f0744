"""The profile of a source as a page: what `leadcast check` read, and what is to be doubted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from leadcast.models.charts.chart import Column, Table, table_of
from leadcast.models.charts.numbers import compact, count, counted, day, percent
from leadcast.models.charts.svg import plain
from leadcast.models.report.blocks import (
    LEVELS,
    Bar,
    Bars,
    Block,
    Facts,
    Listing,
    Notice,
    Notices,
    Section,
    Strip,
    Strips,
    Words,
)
from leadcast.models.report.doubted import doubt_blocks
from leadcast.models.report.page import Page, render_page

Plain = Mapping[str, Any]


def render_profile(checked: Plain) -> str:
    """Make the page of a check.

    Parameters
    ----------
    checked : mapping
        As `leadcast.features.ingest.ingest.CheckResult.as_plain` gives it, with a profile.

    Returns
    -------
    str
        HTML that needs nothing but itself; the same profile gives the same bytes.
    """
    profile = checked["profile"]
    open_doubts = [doubt for doubt in profile["doubts"] if doubt["vouched"] is None]
    return render_page(
        Page(
            eyebrow="Leadcast check",
            title=profile["title"],
            promise="What was read, before any work, and what about it is to be doubted.",
            sentences=_summary(checked, len(open_doubts)),
            sections=[
                Section("doubts", "What is to be doubted", "Doubts", _doubts(profile)),
                Section("issues", "What is wrong with single rows", "Issues", _issues(checked)),
                Section("tables", "Rows, and when", "Tables", _tables(profile["tables"])),
                Section("outcomes", "How leads ended", "Outcomes", _outcomes(profile)),
                Section("columns", "What is known of leads", "Columns", _columns(profile)),
                Section("events", "What leads did", "Events", _events(profile["events"])),
            ],
        )
    )


def _summary(checked: Plain, doubts: int) -> list[str]:
    profile, counts = checked["profile"], checked["counts"]
    ended = profile["outcomes"]
    words = (
        f"{counted(counts['leads'], 'lead')} and {counted(counts['events'], 'event')}: "
        f"{count(ended['won'])} became customers ({percent(ended['won_share'])}), "
        f"{count(ended['lost'])} were lost and {count(ended['open'])} are open."
    )
    begin, until = profile["outcomes_from"], profile["observed_until"]
    since = f" from {_day(begin)}" if begin else ""
    known = f" Outcomes are known{since} until {_day(until)}." if until else ""
    levels = [fault["level"] for fault in checked["faults"]]
    errors, warnings, notes = (levels.count(one) for one in LEVELS)
    told = (
        f"{counted(doubts, 'doubt')}, {counted(errors, 'error')}, "
        f"{counted(warnings, 'warning')} and {counted(notes, 'note')}. "
        f"Times are shown in {profile['time_zone']}.{known}"
    )
    return [words, told]


def _day(text: str) -> str:
    return day(datetime.fromisoformat(text))


def _doubts(profile: Plain) -> list[Block]:
    return [*doubt_blocks(profile["doubts"], profile["idle_vouches"])]


def _issues(checked: Plain) -> list[Block]:
    notices = [
        Notice(
            fault["level"],
            fault["where"],
            f"Found: {fault['found']}. Expected: {fault['expected']}.",
            fault["remedy"],
        )
        for fault in sorted(checked["faults"], key=lambda fault: LEVELS.index(fault["level"]))
    ]
    return [Notices(notices)] if notices else [Words(["No fault was found in the data."])]


_TABLES = (
    Column("name", "Table"),
    Column("rows", "Rows read", count),
    Column("kept", "Kept", count),
    Column("set_aside", "Set aside", count),
    Column("left_out", "Left out", count),
    Column("reasons", "Why"),
)


def _tables(tables: Sequence[Plain]) -> list[Block]:
    counts = ("rows", "kept", "set_aside", "left_out")
    rows = [
        {
            **{key: table[key] for key in ("name", *counts)},
            "reasons": ", ".join(f"{count(rows)} {reason}" for reason, rows in table["reasons"]),
        }
        for table in tables
    ]
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(counts, pl.Int64))
    blocks: list[Block] = [Listing(table_of(frame, _TABLES, "Rows read, kept and set aside"))]
    strips = [
        Strip(
            f"{table['name']}: {span['column']}",
            f"{_day(span['first'])} to {_day(span['last'])}",
            [label for label, _ in span["bars"]],
            [number for _, number in span["bars"]],
        )
        for table in tables
        for span in table["times"]
    ]
    if strips:
        reading = "A bar for each span of time, as high as it has rows; point at one for its count."
        blocks.append(Strips("When", reading, strips, _numbers(strips, "Rows")))
    return blocks


def _numbers(strips: Sequence[Strip], heading: str) -> Table:
    """Put the numbers of strips below each other."""
    columns = (Column("what", "What"), Column("span", "When"), Column("told", heading, str))
    rows = [
        {"what": strip.label, "span": span, "told": words}
        for strip in strips
        for span, words in zip(strip.spans, strip.words(), strict=True)
    ]
    return table_of(pl.DataFrame(rows), columns, heading)


_ENDS = (
    Column("span", "Created"),
    *(Column(name, name.capitalize(), count) for name in ("leads", "won", "lost", "open")),
    Column("won_share", "Share won", percent),
)


def _outcomes(profile: Plain) -> list[Block]:
    outcomes = profile["outcomes"]
    shares = outcomes["won_share"], outcomes["won_share_of_ended"]
    facts = [
        ("Won", f"{count(outcomes['won'])} ({percent(shares[0])} of all leads)"),
        ("Lost", count(outcomes["lost"])),
        ("Open", count(outcomes["open"])),
        ("Won, of those that ended", percent(shares[1])),
    ]
    time = profile["time_to_win"]
    if time is not None:
        facts += [
            ("Time to win, median", f"{compact(time['median_days'])} days"),
            ("Time to win, 90 %", f"within {compact(time['p90_days'])} days"),
            ("Odd peaks", _peaks(time["peaks"])),
        ]
    blocks: list[Block] = [Facts(facts)]
    rows = outcomes["rows"]
    if rows:
        frame = pl.DataFrame(rows, schema_overrides={"won_share": pl.Float64})
        labels = [row["span"] for row in rows]
        title = (
            f"By {outcomes['by']} {'of the order' if outcomes['by'] == 'tenth' else 'of creation'}"
        )
        strips = [
            Strip(name, count(sum(row[key] for row in rows)), labels, [row[key] for row in rows])
            for key, name in (
                ("leads", "Leads"),
                ("won", "Won"),
                ("lost", "Lost"),
                ("open", "Open"),
            )
        ]
        told = [percent(row["won_share"]) for row in rows]
        strips.append(Strip("Share won", "", labels, [row["won_share"] for row in rows], told))
        table = table_of(frame, _ENDS, title)
        blocks.append(Strips(title, "Each row has its own scale.", strips, table))
    return blocks


def _peaks(peaks: Sequence[Plain]) -> str:
    told = [
        f"{peak['days']} days ({counted(peak['count'], 'winner')}, {percent(peak['share'])})"
        for peak in peaks
    ]
    return ", ".join(told) or "none"


_COLUMNS = (
    Column("name", "Column"),
    Column("type", "Type"),
    Column("missing", "Missing", percent),
    Column("distinct", "Different values", count),
    Column("note", "Values"),
)
_SHARES = ("lowest", "5 %", "25 %", "median", "75 %", "95 %", "highest")


def _columns(profile: Plain) -> list[Block]:
    columns = profile["columns"]
    if not columns:
        return []
    rows = [
        {
            "name": plain(column["name"]),
            "type": column["type"],
            "missing": column["missing_share"],
            "distinct": column["distinct"],
            "note": column.get("hidden", "below" if column["filled"] else "none"),
        }
        for column in columns
    ]
    blocks: list[Block] = [Listing(table_of(pl.DataFrame(rows), _COLUMNS, "The columns of leads"))]
    ranges = [column for column in columns if "quantiles" in column]
    if ranges:
        blocks.append(Listing(_ranges(ranges)))
    blocks += [_levels(column) for column in columns if column.get("levels")]
    strips = [_missing(column) for column in columns if column.get("missing_rows")]
    if strips:
        by = next(one["missing_by"] for one in columns if one.get("missing_by"))
        reading = "A full bar: no lead of that time has a value."
        table = _numbers(strips, "Missing")
        blocks.append(Strips(f"What is missing, by {by}", reading, strips, table))
    return blocks


def _ranges(columns: Sequence[Plain]) -> Table:
    rows = [
        {
            "name": plain(column["name"]),
            **{
                name: _value(value)
                for name, (_, value) in zip(_SHARES, column["quantiles"], strict=True)
            },
        }
        for column in columns
    ]
    heads = (Column("name", "Column"), *(Column(name, name, str) for name in _SHARES))
    return table_of(pl.DataFrame(rows), heads, "Numbers and times, by their quantiles")


def _levels(column: Plain) -> Bars:
    most = max(number for _, number in column["levels"])
    bars = [
        Bar(plain(str(value)), "", number / most, count(number))
        for value, number in column["levels"]
    ]
    rest = column["rest"]
    more = f"{counted(rest['levels'], 'more value')} with {counted(rest['count'], 'lead')}."
    return Bars(plain(column["name"]), more if rest["levels"] else "", "", bars)


def _missing(column: Plain) -> Strip:
    labels = [label for label, _ in column["missing_rows"]]
    shares = [share for _, share in column["missing_rows"]]
    filling = f", filled in: {column['filling']}" if column["filling"] else ""
    told = [percent(share) for share in shares]
    detail = f"{percent(column['missing_share'])}{filling}"
    return Strip(plain(column["name"]), detail, labels, shares, told, full=1.0)


def _value(value: object) -> str:
    return value[:10] if isinstance(value, str) else compact(value)


def _events(events: Plain) -> list[Block]:
    types = events["types"]
    if not types:
        return []
    strips = [
        Strip(plain(one["type"]), count(one["count"]), events["spans"], one["by"])
        for one in types[:MOST_TYPES]
    ]
    rows = [{"type": plain(one["type"]), "count": one["count"]} for one in types]
    table = table_of(
        pl.DataFrame(rows),
        (Column("type", "Type"), Column("count", "Events", count)),
        "The types of events",
    )
    reading = f"A bar for each {events['unit']}. Each type has its own scale."
    return [Strips("By type", reading, strips, table)]


MOST_TYPES = 30
