"""What decides: the grades, what features do to the score, and the score by source over time."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.registry import Feature
from leadcast.models.amounts.amount_charts import RevenueChart, ValueRankingChart
from leadcast.models.bundle.feature_words import value_words
from leadcast.models.charts.chart import Column, Table, table_of
from leadcast.models.charts.numbers import Format, count, decimal, percent, sentence
from leadcast.models.evaluation.feature_shapes import FeatureShape, ShapeBin
from leadcast.models.evaluation.score_groups import scores_by, scores_by_month
from leadcast.models.report.blocks import (
    Bar,
    Bars,
    Block,
    FeatureCurve,
    FeatureCurves,
    Listing,
    Picture,
    Strip,
    Strips,
    Words,
)

MOST_SHAPES = 10
MOST_STRIPS = 8
MOST_SEGMENTS = 15
_TIMES = decimal(2)
_MOST_VALUES = 3
"""So many values of a category are named at either end."""


def _ends(row: Mapping[str, float | None]) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f"{percent(row['low'])} to {percent(row['high'])}"


def grade_blocks(grades: pl.DataFrame | None) -> list[Block]:
    """Tell what grades come to."""
    if grades is None or not grades["leads"].sum():
        return []
    shown = grades.with_columns(
        bounds=pl.Series(
            f"from {percent(least)}" if grade != "D" else f"below {percent(above)}"
            for grade, least, above in zip(
                grades["grade"], grades["from"], [1.0, *grades["from"][:-1]], strict=True
            )
        ),
        interval=pl.Series([_ends(row) for row in grades.iter_rows(named=True)]),
    )
    words = (
        "Grades stand for bounds of probability, which stay as they are while the model is in use, "
        "and with the next one too where they were set: leadcast grades NAME shows and sets them."
    )
    return [Listing(table_of(shown, _GRADE_COLUMNS, "What each grade comes to")), Words([words])]


_GRADE_COLUMNS = (
    Column("grade", "Grade"),
    Column("bounds", "Probability"),
    Column("share", "Share of leads", percent),
    Column("leads", "Leads", count),
    Column("probability", "Said, on average", percent),
    Column("conversion", "Converted", percent),
    Column("interval", "95 % interval"),
)


def amount_blocks(amounts: Mapping[str, Any] | None) -> list[Block]:
    """Tell what leads are worth if they are won, how good that is, and calling by it."""
    if amounts is None or amounts["why"] is not None:
        return []
    currency, test, ranking = amounts["currency"], amounts["test"], amounts["ranking"]
    blocks: list[Block] = [Words([sentence(one) for one in amounts["words"]])]
    if ranking is not None:
        blocks.append(Picture(ValueRankingChart(ranking, currency)))
    if amounts["revenue"] is not None:
        blocks.append(Picture(RevenueChart(amounts["revenue"]["bands"], currency)))
    if test is not None:
        caption = "Amounts of the test's won leads, against the mean of all"
        blocks.append(Listing(table_of(_amount_figures(test), _AMOUNT_COLUMNS, caption)))
    return blocks


_AMOUNT_FIGURES = {
    "absolute_error": ("Absolute error of the median", count),
    "log_error": ("Error of the logarithm", decimal(2)),
    "loss": ("Gamma loss of the mean", decimal(3)),
    "ratio": ("All means over all amounts", decimal(2)),
}
_AMOUNT_COLUMNS = (
    Column("figure", "Figure"),
    Column("model", "By the model"),
    Column("mean", "By the mean of all"),
)


def _amount_figures(test: Mapping[str, Any]) -> pl.DataFrame:
    def told(one: Mapping[str, float | None], show: Format) -> str:
        ends = "" if one["low"] is None else f" ({show(one['low'])} to {show(one['high'])})"
        return f"{show(one['value'])}{ends}"

    rows = [
        {"figure": words} | {who: told(test[who][name], show) for who in ("model", "mean")}
        for name, (words, show) in _AMOUNT_FIGURES.items()
    ]
    held = [
        {"figure": f"In the {level} % interval", "model": told(test[f"covered_{level}"], percent)}
        for level in (80, 90)
    ]
    return pl.DataFrame(
        [*rows, *held], schema=dict.fromkeys(("figure", "model", "mean"), pl.String)
    )


def segment_blocks(segments: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Show how far each segment goes its own way, and how far it is shrunken to the whole."""
    if not segments:
        return []
    most = max(abs(row["level"]) for row in segments) or 1.0
    bars = [
        Bar(
            label=str(row["segment"]),
            detail=f"{count(row['leads'])} leads, {count(row['won'])} won; "
            f"{percent(row['own'])} its own",
            share=abs(row["level"]) / most,
            text=f"odds × {_TIMES(math.exp(row['level']))}",
        )
        for row in segments[:MOST_SEGMENTS]
    ]
    columns = ", ".join(dict.fromkeys(row["column"] for row in segments))
    picture = Bars(
        title=f"What segments by {columns} have of their own",
        reading="By how much a segment's own level multiplies the odds of the whole; of few leads "
        "it is shrunken to the whole. New segments, and leads without one, have the whole's score.",
        finding=_farthest(segments),
        bars=bars,
    )
    return [picture, Listing(segment_table(segments))]


def segment_table(segments: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out what segments have of their own."""
    rows = [
        {**row, "slopes": _slopes(row["slopes"]), "times": math.exp(row["level"])}
        for row in segments
    ]
    return table_of(pl.DataFrame(rows), _SEGMENT_COLUMNS, "What each segment has of its own")


def _slopes(slopes: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {slope:+z.2f}" for name, slope in slopes.items())


def _farthest(segments: Sequence[Mapping[str, Any]]) -> str:
    row = max(segments, key=lambda one: abs(one["level"]))
    times = _TIMES(math.exp(row["level"]))
    return f"{row['segment']} is the farthest from the whole: its odds are {times} times as high"


_SEGMENT_COLUMNS = (
    Column("column", "Segments by"),
    Column("segment", "Segment"),
    Column("leads", "Leads", count),
    Column("won", "Won", count),
    Column("times", "Odds times", _TIMES),
    Column("own", "Its own", percent),
    Column("slope", "Trust in the whole's score", _TIMES),
    Column("slopes", "Own slopes, a standard deviation"),
)


def shape_blocks(shapes: tuple[FeatureShape, ...], shares: Mapping[str, float]) -> list[Block]:
    """Draw what features do to the score."""
    drawn = [_shape(one, shares) for one in shapes[:MOST_SHAPES]]
    if not drawn:
        return []
    return [
        FeatureCurves(
            title="What raises the score, and what lowers it",
            reading="Each curve is what the feature adds to the log-odds of leads with that value, "
            "by the model's own parts, beside the mean of all leads (the line); the factors are "
            "what it does to the odds. It says what the model uses, not what causes a purchase.",
            shapes=drawn,
        )
    ]


def _shape(shape: FeatureShape, shares: Mapping[str, float]) -> FeatureCurve:
    feature = shape.feature
    heights = [one.contribution for one in shape.bins]
    return FeatureCurve(
        label=feature.words,
        detail=feature.name,
        share=percent(shares.get(feature.name, 0.0)),
        direction=shape.direction,
        told=_told(shape),
        heights=heights if feature.dtype != "category" else [],
        values=[_value(feature, one) for one in shape.bins],
    )


def _told(shape: FeatureShape) -> str:
    feature, bins = shape.feature, shape.bins
    absent = "" if shape.missing is None else f"; unknown: {_odds(shape.missing)}"
    if shape.direction in ("up", "down"):
        name = feature.words.partition(" (")[0]
        ends = "; ".join(f"{_value(feature, one)}: {_odds(one)}" for one in (bins[0], bins[-1]))
        return f"More {name}: {shape.direction}. {ends}{absent}."
    order = sorted(bins, key=lambda one: -one.contribution)
    good = [one for one in order if one.contribution > 0][:_MOST_VALUES]
    bad = [one for one in reversed(order) if one.contribution < 0][:_MOST_VALUES]
    parts = [
        f"{name} {', '.join(f'{_value(feature, one)} ({_odds(one)})' for one in some)}"
        for name, some in (("Helps:", good), ("Hurts:", bad))
        if some
    ]
    return f"{'. '.join(parts)}{absent}."


def _odds(one: ShapeBin) -> str:
    return f"× {np.exp(one.contribution):.2f}"


def _value(feature: Feature, one: ShapeBin) -> str:
    low, high = (value_words(feature, end) for end in (one.low, one.high))
    return low if low == high else f"{low} to {high}"


def source_blocks(rows: pl.DataFrame | None, attributes: tuple[str, ...]) -> list[Block]:
    """Tell the scores by source, and over time."""
    blocks: list[Block] = []
    for name in attributes if rows is not None else ():
        assert rows is not None
        found = scores_by(rows, name)
        if found.height < 2:
            continue
        shown = found.with_columns(
            interval=pl.Series([_ends(row) for row in found.iter_rows(named=True)])
        )
        heading = name.replace("_", " ")
        columns = (Column("value", heading.capitalize()), *_SOURCE_COLUMNS)
        blocks.append(Listing(table_of(shown, columns, f"Scores and conversions by {heading}")))
        blocks += _strips(rows, name, found["value"].to_list(), heading)
    return blocks


_SOURCE_COLUMNS = (
    Column("leads", "Leads", count),
    Column("probability", "Mean score", percent),
    Column("conversion", "Converted", percent),
    Column("interval", "95 % interval"),
)


def _strips(rows: pl.DataFrame, name: str, values: list[str], heading: str) -> list[Block]:
    by_month = scores_by_month(rows, name)
    months = by_month["month"].unique().sort().to_list()
    if len(months) < 2:
        return []
    most = float(by_month.filter(pl.col("leads") > 0)["probability"].max() or 0.0)  # type: ignore[arg-type]
    strips = []
    for value in values[:MOST_STRIPS]:
        own = {row["month"]: row for row in by_month.filter(value=value).iter_rows(named=True)}
        means = [own[month]["probability"] if month in own else None for month in months]
        told = [
            f"mean score {percent(own[month]['probability'])} of {count(own[month]['leads'])} leads"
            if month in own
            else "no leads"
            for month in months
        ]
        known = [mean for mean in means if mean is not None]
        strips.append(Strip(value, _way(known), months, means, told, full=most))
    title = f"The mean score by {heading}, month by month"
    return [Strips(title, "All bars have one scale; hover for the numbers.", strips)]


def _way(means: list[float]) -> str:
    if not means:
        return ""
    falls = all(late <= early for early, late in pairwise(means))
    rises = all(late >= early for early, late in pairwise(means))
    way = " (falling)" if falls and not rises else " (rising)" if rises and not falls else ""
    return f"{percent(means[0])} to {percent(means[-1])}{way}" if len(means) > 1 else ""


CURVE_COLUMNS = (
    Column("days", "Within days", decimal(0)),
    Column("predicted", "Told", percent),
    Column("observed", "Came", percent),
    Column("low", "from", percent),
    Column("high", "to", percent),
    Column("log_loss", "Log loss", decimal(4)),
    Column("marginal_log_loss", "of one curve for all", decimal(4)),
    Column("n_followed", "Snapshots followed", count),
)


def curve_blocks(curve: Mapping[str, Any] | None) -> list[Block]:
    """Tell how good the curve over time is, or why there is none.

    Parameters
    ----------
    curve : mapping or None
        As the stage ``curve`` writes it; None where it has not run.

    Returns
    -------
    list of Block
    """
    if curve is None:
        return []
    if curve["why_not"] is not None:
        return [Words([curve["why_not"]])]
    longest = f"{curve['deployed']['longest_days']:g}"
    told = [
        f"The curve goes to {longest} days, as far as the history allows, and passes through the "
        "score at the horizon."
    ]
    test = curve["test"]
    if test is None:
        return [Words([*told, "No lead of the test was followed long enough to judge it."])]
    return [Words([*told, integrated_words(test)]), Listing(curve_table(test))]


def integrated_words(test: Mapping[str, Any]) -> str:
    """Say how the curve does over all days, beside one curve for all leads."""
    score = test["integrated"]
    at = (
        "better than"
        if score["high"] < 0
        else "worse than"
        if score["low"] > 0
        else "no better, as far as the test shows, than"
    )
    return (
        f"Over {score['until_days']:g} days it is {at} one curve for all leads: integrated Brier "
        f"score {score['value']:.4f} against {score['marginal']:.4f} (difference "
        f"{score['difference']:+z.4f}, 95 % interval {score['low']:+z.4f} to "
        f"{score['high']:+z.4f})."
    )


def curve_table(test: Mapping[str, Any]) -> Table:
    """Tell what the curve told and what came, horizon by horizon."""
    caption = "What was told for each horizon, and the share that became customers by then"
    return table_of(pl.DataFrame(test["horizons"]), CURVE_COLUMNS, caption)


_ACCOUNT_NAMES = {
    "account": "the account's probability",
    "noisy_or": "noisy-or",
    "best": "best lead",
}
_OF_ACCOUNTS = (
    Column("told", "What is told of an account"),
    Column("log_loss", "Log loss", decimal(4)),
    Column("auc", "AUC", decimal(3)),
    Column("mean_probability", "It says", percent),
    Column("base_rate", "Won", percent),
)
_ACCOUNT_GROUPS = (
    Column("group", "Fifth of the account-moments"),
    Column("rows", "Account-moments", count),
    Column("probability", "It says", percent),
    Column("rate", "Won", percent),
)
_LEADS_MATCHED = (Column("by", "Leads matched"), Column("leads", "Leads", count))


def account_blocks(accounts: Mapping[str, Any] | None) -> list[Block]:
    """Make the report's section of accounts.

    Parameters
    ----------
    accounts : mapping or None
        As the stage ``accounts`` writes ``accounts.json``.

    Returns
    -------
    list of Block
        Empty where nothing is told of accounts.
    """
    if accounts is None or accounts["why"] is not None:
        return []
    by = accounts["matched"]["matched_by"]
    names = {
        "account_id": "by identifier",
        "domain": "by business domain",
        "company": "by company name",
        "none": "to no account",
    }
    matched = pl.DataFrame([{"by": names[name], "leads": leads} for name, leads in by.items()])
    blocks: list[Block] = [
        Words(accounts["words"]),
        Listing(table_of(matched, _LEADS_MATCHED, "How leads were matched to accounts")),
    ]
    test = accounts["test"]
    if test is None:
        return blocks
    rows = [
        {"told": words} | {one.name: test[name][one.name]["value"] for one in _OF_ACCOUNTS[1:]}
        for name, words in _ACCOUNT_NAMES.items()
    ]
    groups = [
        {"group": f"{number}"} | one for number, one in enumerate(test["reliability"], start=1)
    ]
    about = "Accounts of the test, two weeks apart, by what is told of each"
    return [
        *blocks,
        Listing(table_of(pl.DataFrame(rows), _OF_ACCOUNTS, about)),
        Listing(
            table_of(pl.DataFrame(groups), _ACCOUNT_GROUPS, "Is the account's probability right?")
        ),
    ]


def account_line(accounts: Mapping[str, Any] | None) -> list[Block]:
    """Say in a line why nothing is told of accounts; empty where something is."""
    why = None if accounts is None else accounts["why"]
    return [] if why is None else [Words([f"{why}."])]
