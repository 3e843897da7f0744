"""A profile as text for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leadcast.features.profile.describe import Plain

BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN_BLOCKS = " .:-=+*#@"
"""In place of `BLOCKS` where a terminal has no such characters."""
MOST_TYPES = 15
NAME_WIDTH = 24


def profile_text(profile: Plain, encoding: str | None = "utf-8") -> str:
    """Write a profile as text.

    Parameters
    ----------
    profile : dict
        As `leadcast.features.profile.describe.describe_profile` gives it.
    encoding : str or None
        What the terminal can show; of what it cannot, the code is shown.

    Returns
    -------
    str
        Lines without an end.
    """
    encoding = encoding if encoding and _fits("", encoding) else "ascii"
    blocks = BLOCKS if _fits(BLOCKS, encoding) else PLAIN_BLOCKS
    parts = (
        _heading(profile),
        _tables(profile["tables"], blocks),
        _outcomes(profile["outcomes"], blocks),
        _time_to_win(profile["time_to_win"]),
        _columns(profile["columns"], blocks),
        _events(profile["events"], blocks),
        _doubts(profile["doubts"], profile["idle_vouches"]),
    )
    text = "\n\n".join("\n".join(lines) for lines in parts if lines)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def strip_of(counts: Sequence[float | None], blocks: str = BLOCKS) -> str:
    """Draw counts as a strip of small bars, the highest one full; a space for none."""
    most = max((count or 0 for count in counts), default=0)
    steps = len(blocks) - 1
    # What is more than nothing is seen.
    return "".join(
        blocks[max(1, round(steps * count / most))] if count else blocks[0] for count in counts
    )


def _heading(profile: Plain) -> list[str]:
    begin, until = profile["outcomes_from"], profile["observed_until"]
    since = f" from {_moment(begin)}" if begin else ""
    known = f", outcomes known{since} until {_moment(until)}" if until else ""
    return [f"Profile of {profile['source']!r} (times in {profile['time_zone']}{known})"]


def _moment(text: str | None) -> str:
    return "" if text is None else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d}"


def _share(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{share:.0%}" if share == 0 or share >= 0.0995 else f"{share:.1%}"


def _number(value: object) -> str:
    if isinstance(value, str):
        return _day(value)
    if not isinstance(value, int | float):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.6g}"


def _cut(text: str, width: int = NAME_WIDTH) -> str:
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    return line if len(line) <= width else f"{line[: width - 1]}~"


def _tables(tables: Sequence[Plain], blocks: str) -> list[str]:
    heads = " ".join(f"{head:>12}" for head in ("rows read", "kept", "set aside", "left out"))
    lines = [f"{'Tables':<{NAME_WIDTH}} {heads}"]
    for table in tables:
        counts = [table[key] for key in ("rows", "kept", "set_aside", "left_out")]
        numbers = " ".join(f"{'-' if count is None else f'{count:,}':>12}" for count in counts)
        lines.append(f"  {table['name']:<{NAME_WIDTH - 2}} {numbers}")
        lines += [f"    {rows:,} {reason}" for reason, rows in table["reasons"]]
        for span in table["times"]:
            strip = strip_of([count for _, count in span["bars"]], blocks)
            between = f"{_day(span['first'])} to {_day(span['last'])}"
            lines.append(f"    {span['column']:<12} {between}  |{strip}| a {span['unit']} each")
    return lines


def _outcomes(outcomes: Plain, blocks: str) -> list[str]:
    share = _share(outcomes["won_share"])
    ended = _share(outcomes["won_share_of_ended"])
    lines = [
        f"Outcomes: {outcomes['won']:,} won ({share} of all, {ended} of those that ended), "
        f"{outcomes['lost']:,} lost, {outcomes['open']:,} open"
    ]
    rows = outcomes["rows"]
    if not rows:
        return lines
    of = "order" if outcomes["by"] == "tenth" else f"{outcomes['by']} of creation"
    lines.append(f"  {of:<18} {'leads':>9} {'won':>9} {'lost':>9} {'open':>9} {'won share':>10}")
    most = max((row["won_share"] or 0 for row in rows), default=0) or 1
    for row in rows:
        numbers = " ".join(f"{row[key]:>9,}" for key in ("leads", "won", "lost", "open"))
        share = row["won_share"]
        bar = blocks[-1] * round(12 * (share or 0) / most)
        lines.append(f"  {row['span']:<18} {numbers} {_share(share):>10}  {bar}".rstrip())
    return lines


def _time_to_win(about: Mapping[str, Any] | None) -> list[str]:
    if about is None:
        return []
    peaks = [
        f"{peak['days']} days ({peak['count']:,} winners, {_share(peak['share'])})"
        for peak in about["peaks"]
    ]
    odd = f"; odd peaks at {', '.join(peaks)}" if peaks else "; no odd peaks"
    return [
        f"Time to win: median {about['median_days']:.1f} days, 90 % within "
        f"{about['p90_days']:.1f} days{odd}"
    ]


def _columns(columns: Sequence[Plain], blocks: str) -> list[str]:
    lines = ["Columns of the leads"] if columns else []
    for column in columns:
        about = f"{column['type']:<9} {_share(column['missing_share']):>6} missing"
        distinct = f"{column['distinct']:,} different"
        lines.append(
            f"  {_cut(column['name']):<{NAME_WIDTH}} {about}  {distinct:<18} "
            f"{_content(column)}".rstrip()
        )
        if column.get("missing_rows"):
            strip = strip_of([missing for _, missing in column["missing_rows"]], blocks)
            filling = f" ({column['filling']})" if column["filling"] else ""
            lines.append(f"    missing by {column['missing_by']:<8} |{strip}|{filling}")
    return lines


def _content(column: Plain) -> str:
    if "quantiles" in column:
        low, _, _, middle, _, _, high = (_number(value) for _, value in column["quantiles"])
        p05, p95 = (_number(column["quantiles"][place][1]) for place in (1, 5))
        return f"{low} to {high}; median {middle}; 90 % from {p05} to {p95}"
    levels = column.get("levels")
    if levels is None:
        return f"({column['hidden']})" if "hidden" in column else ""
    told = [f"{_cut(str(value))} ({count:,})" for value, count in levels]
    rest = column["rest"]
    more = [f"{rest['levels']:,} more ({rest['count']:,})"] if rest["levels"] else []
    return ", ".join([*told, *more])


def _events(events: Plain, blocks: str) -> list[str]:
    types = events["types"]
    if not types:
        return []
    spans = f"{events['spans'][0]} to {events['spans'][-1]}"
    lines = [f"Events by type, a {events['unit']} each from {spans}"]
    for one in types[:MOST_TYPES]:
        strip = strip_of(one["by"], blocks)
        lines.append(f"  {_cut(one['type'], 32):<32} {one['count']:>12,}  |{strip}|")
    rest = types[MOST_TYPES:]
    if rest:
        count = sum(one["count"] for one in rest)
        lines.append(f"  {f'{len(rest):,} more types':<32} {count:>12,}")
    return lines


def _doubts(doubts: Sequence[Plain], idle: Sequence[str]) -> list[str]:
    open_doubts = [doubt for doubt in doubts if doubt["vouched"] is None]
    vouched = [doubt for doubt in doubts if doubt["vouched"] is not None]
    counted = f"{len(open_doubts)} doubt{'' if len(open_doubts) == 1 else 's'}"
    lines = [f"{counted}, {len(vouched)} vouched for" if vouched else counted]
    for doubt in open_doubts:
        lines += [
            f"  {doubt['severity']} [{doubt['code']}] {doubt['where']}",
            f"    found {doubt['found']}",
            f"    expected {doubt['expected']}",
            f"    {doubt['remedy']}",
        ]
    for doubt in vouched:
        lines += [
            f"  vouched for [{doubt['code']}] {doubt['where']}",
            f"    found {doubt['found']}",
            f"    reason: {doubt['vouched']}",
        ]
    lines += [f"  idle: `vouched` names {key}, which nobody doubts; remove it" for key in idle]
    return lines
