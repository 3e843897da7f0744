"""Segment by segment: where the points rank better, and what stays of it after so many looks."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from models.bootstrap import LEVEL
from models.comparison.draws import Replicated
from models.comparison.parts import Difference, Verdict
from models.comparison.ranking import around, auc_pair, compare, measured
from models.comparison.result_groups import Segment, Segmented
from models.comparison.rows import Compared
from models.data import Floats
from models.student import degrees_of_freedom

FEWEST_ROWS = 60
"""A segment with fewer snapshots is not judged."""

FEWEST_CUSTOMERS = 8
"""Nor is one with fewer conversions (or fewer others)."""

MOST_LEVELS = 8
"""So many values of an attribute are segments of their own."""

METHOD = (
    "A segment's difference is called one where its p-value, adjusted by Holm's method for every "
    "segment looked at, is below 5 %: so the chance of even one false call among all of them is at "
    "most 5 %, however they depend on each other."
)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for how many there are.

    Holm, A simple sequentially rejective multiple test procedure (1979): valid under any
    dependence.

    Parameters
    ----------
    p_values : sequence of float or None
        None is passed through and not counted.

    Returns
    -------
    list of float or None
        Never below the p-value itself, at most 1.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for step, (p, place) in enumerate(known):
        highest = max(highest, min(p * (len(known) - step), 1.0))
        adjusted[place] = highest
    return adjusted


def in_levels(column: pl.Series) -> pl.Series:
    """Keep the most frequent values of a column, and put the others together.

    Parameters
    ----------
    column : pl.Series of String

    Returns
    -------
    pl.Series of String
        Without nulls: ``not known`` stands for them, ``others`` for values beyond the
        `MOST_LEVELS` most frequent.
    """
    counts = (
        column.drop_nulls().value_counts().sort(["count", column.name], descending=[True, False])
    )
    kept = counts[column.name].head(MOST_LEVELS).to_list()
    named = (
        pl.when(pl.col(column.name).is_in(kept))
        .then(pl.col(column.name))
        .otherwise(pl.lit("others"))
    )
    unknown = pl.col(column.name).is_null()
    return (
        column.to_frame()
        .select(pl.when(unknown).then(pl.lit("not known")).otherwise(named).alias(column.name))
        .to_series()
    )


def in_bands(column: pl.Series) -> pl.Series:
    """Put numbers into four bands of about equal size, named by their ends.

    Parameters
    ----------
    column : pl.Series of Float64

    Returns
    -------
    pl.Series of String
        Without nulls: ``not known`` stands for them.
    """
    known = column.drop_nulls().to_numpy()
    if not len(known):
        return pl.Series(column.name, ["not known"] * len(column))
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="inverted_cdf"))
    marks = [f"{edge:,.0f}" if edge >= 10 else f"{edge:.3g}" for edge in edges]
    names = [f"under {marks[0]}"]
    names += [f"{low} to under {high}" for low, high in pairwise(marks)]
    names.append(f"{marks[-1]} and more")
    places = np.searchsorted(edges, column.fill_null(0.0).to_numpy(), side="right").tolist()
    told = [
        "not known" if value is None else names[place]
        for value, place in zip(column.to_list(), places, strict=True)
    ]
    return pl.Series(column.name, told, dtype=pl.String)


def segmented(
    compared: Compared,
    names: Sequence[tuple[str, str]],
    drawn: Replicated,
) -> Segmented:
    """Compare both scores within each segment.

    Parameters
    ----------
    compared : Compared
        Every snapshot with both scores: the AUCs are measured on all of them.
    names : sequence of (str, str)
        The segments of the call list, as `Compared.segments` gives them.
    drawn : Replicated
        What `models.comparison.ranking.replicate` gave with these segments.

    Returns
    -------
    Segmented
    """
    sizes = {name: code for code, name in enumerate(names)}
    found = []
    for dimension in compared.dimensions:
        for value in sorted(compared.frame[dimension].unique().to_list(), key=_in_order):
            rows = compared.filter(compared.frame[dimension] == value)
            if _is_large_enough(rows.floats("converted")):
                code = sizes.get((dimension, value))
                found.append(_segment(rows, dimension, value, drawn, code))
    adjusted = holm([one.auc_difference.p_value for one in found])
    judged = [
        one.model_copy(update={"adjusted_p_value": p, "winner": _winner(one.auc_difference, p)})
        for one, p in zip(found, adjusted, strict=True)
    ]
    return Segmented(segments=tuple(judged), method=METHOD, words=_words(judged))


def _in_order(value: str) -> tuple[float, str]:
    # "new" before "7 days" before "30 days", "under 20" first, words after numbers.
    number = re.match(r"(?:under )?([\d,.]+)", value)
    if number is None:
        return -1.0 if value == "new" else math.inf, value
    lowest = value.startswith("under ")
    return float(number[1].replace(",", "").rstrip(".")) - (0.5 if lowest else 0.0), value


def _is_large_enough(converted: Floats) -> bool:
    won = converted.sum()
    return (
        len(converted) >= FEWEST_ROWS
        and FEWEST_CUSTOMERS <= won <= len(converted) - FEWEST_CUSTOMERS
    )


def _segment(
    rows: Compared, dimension: str, value: str, drawn: Replicated, code: int | None
) -> Segment:
    listed, aucs = rows.on_list, auc_pair(compare(rows))
    freedom = degrees_of_freedom(listed.floats("converted"), listed.group)
    learned, points, gap = 0.0, 0.0, np.zeros(0)
    if code is not None:
        learned, points = (float(reached.by_segment[code]) for reached in drawn.seen)
        gap = drawn.by_segment[:, 0, code] - drawn.by_segment[:, 1, code]
    return Segment(
        dimension=dimension,
        value=value,
        snapshots=rows.frame.height,
        leads=listed.frame.height,
        customers=round(float(listed.floats("converted").sum())),
        auc_learned=aucs.learned,
        auc_points=aucs.points,
        auc_difference=aucs.difference,
        adjusted_p_value=None,
        winner="undecided",
        reached_learned=learned,
        reached_points=points,
        reached_difference=measured(around(learned - points, gap, freedom)),
    )


def _winner(difference: Difference, adjusted: float | None) -> Verdict:
    if adjusted is None or difference.value is None or adjusted >= 1 - LEVEL:
        return "undecided"
    return "learned" if difference.value > 0 else "points"


def _words(segments: Sequence[Segment]) -> tuple[str, ...]:
    if not segments:
        return ("No segment has enough leads and customers to be judged on its own.",)
    named = {
        winner: [f"{one.dimension} {one.value}" for one in segments if one.winner == winner]
        for winner in ("learned", "points")
    }
    words = [
        f"{len(segments)} segments were looked at. The learned score ranks better in "
        f"{len(named['learned'])} of them, the points in {len(named['points'])}; the others "
        "cannot be told apart."
    ]
    if named["points"]:
        words.append(f"The points win in: {', '.join(named['points'])}.")
    else:
        words.append("There is no segment in which the points are known to rank better.")
    return tuple(words)
