"""From file to test part: one table of where every row went, whose sums can be checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from leadcast.models.splits import ANOTHER_PARTS, FRESH, PARTS

SCHEMA = {"step": pl.String, "fate": pl.String, "reason": pl.String, "rows": pl.Int64}
"""``step`` is a table, `LOOKS` or `SNAPSHOTS`; the rows of a step add up to what went into it."""
LOOKS, SNAPSHOTS = "leads at landmarks", "snapshots"
GOES_ON, LEFT_OUT = "snapshot", "left out"
NOT_CALLED, JUNK = "not called", "junk"
PART_REASONS = {
    "immature": "outcome not known yet",
    "purged": "outcome not known when the test began",
    ANOTHER_PARTS: "person of the test part",
    NOT_CALLED: "on a call list, and not called",
    JUNK: "likely junk when it arrived",
}
"""The reasons of `leadcast.models.splits.split_snapshots`, and of others, in words."""


def account_frame(
    tables: Sequence[Mapping[str, Any]], looks: Mapping[str, int], split: pl.DataFrame
) -> pl.DataFrame:
    """Put the account of a run's rows together.

    Parameters
    ----------
    tables : sequence of mapping
        ``account`` of ``quality.json``.
    looks : mapping of str to int
        As `leadcast.features.snapshots.count_looks` gives them.
    split : pl.DataFrame
        As `leadcast.models.splits.split_snapshots` gives it.

    Returns
    -------
    pl.DataFrame
        As `SCHEMA`: each table with what was kept, set aside and left out; then the leads at their
        landmarks, with those that are no snapshots by reason; then the snapshots by part, and
        those in none by reason. Every sum adds up to the step before.
    """
    rows = [(line["table"], line["fate"], line["reason"], line["rows"]) for line in tables]
    rows += [
        (LOOKS, LEFT_OUT if reason else GOES_ON, reason, count) for reason, count in looks.items()
    ]
    return pl.DataFrame([*rows, *_parts(split)], schema=SCHEMA, orient="row")


def unseen_words(account: pl.DataFrame) -> str:
    """Say how many leads give no snapshot at a landmark, by reason.

    Parameters
    ----------
    account : pl.DataFrame
        As `account_frame` gives it.

    Returns
    -------
    str
        ``; no snapshot of 3,682 before outcomes were recorded, 447 no longer open then``; empty
        where each lead has one at each landmark.
    """
    own = account.filter(step=LOOKS, fate=LEFT_OUT)
    reasons = ", ".join(f"{row['rows']:,} {row['reason']}" for row in own.iter_rows(named=True))
    return f"; no snapshot of {reasons}" if reasons else ""


def left_out_words(account: pl.DataFrame) -> str:
    """Say how many snapshots are in no part, by reason.

    Parameters
    ----------
    account : pl.DataFrame
        As `account_frame` gives it.

    Returns
    -------
    str
        ``left out 1,234, 12% (1,000 outcome not known yet, 10%; 234 person of the test part, 2%)``.
    """
    all_of_them = account.filter(step=SNAPSHOTS)
    own, total = all_of_them.filter(fate=LEFT_OUT), int(all_of_them["rows"].sum())
    if own.is_empty():
        return "left out 0"
    left_out = int(own["rows"].sum())
    reasons = "; ".join(
        f"{row['rows']:,} {row['reason']}, {row['rows'] / total:.0%}"
        for row in own.iter_rows(named=True)
    )
    return f"left out {left_out:,}, {left_out / total:.0%} ({reasons})"


def _parts(split: pl.DataFrame) -> list[tuple[str, str, str, int]]:
    counts = split.group_by("part", "reason").len()
    found = {(part, reason): rows for part, reason, rows in counts.iter_rows()}
    parts = [
        (SNAPSHOTS, f"{part} part", "", found[part, None])
        for part in (*PARTS, FRESH)
        if (part, None) in found
    ]
    reasons = [
        (SNAPSHOTS, LEFT_OUT, words, found["left_out", reason])
        for reason, words in PART_REASONS.items()
        if ("left_out", reason) in found
    ]
    return [*parts, *reasons]
