"""What the model looks at: importances by group and by feature."""

import polars as pl

from leadcast.models.charts.chart import Column, table_of
from leadcast.models.charts.numbers import count, percent
from leadcast.models.report.blocks import Bar, Bars, Block

SHOWN = 15
"""How many features have a bar; all are in the table."""
GROUPS = {
    "fit": ("Fit", "who the lead is"),
    "engagement": ("Engagement", "what it did"),
    "source": ("Source", "where it came from"),
    "timing": ("Timing", "when"),
}
"""Each group of features, for a person."""


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
    groups = by_group(shares)
    bars = [
        Bar(
            GROUPS.get(row["group"], (row["group"], ""))[0],
            GROUPS.get(row["group"], ("", ""))[1],
            row["share"],
            percent(row["share"]),
        )
        for row in groups.iter_rows(named=True)
    ]
    first = bars[0]
    return Bars(
        title="By kind of information",
        reading=(
            "How much of what moves the model's number comes from each kind of information. It "
            "says what the model uses, not what causes a purchase."
        ),
        finding=f"{first.label} ({first.detail}) counts most: {first.text} of the whole."
        if first.detail
        else f"{first.label} counts most: {first.text} of the whole.",
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
