"""Part by part: where the points rank better after so many looks, and what bands of both mean."""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import polars as pl

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.result import (
    Band,
    Bands,
    Cell,
    Difference,
    Measured,
    OutOfOrder,
    Segment,
    Segmented,
    Verdict,
)
from leadcast.models.comparison.score_ranking import Replicated, around, auc_pair, compare
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL
from leadcast.models.evaluation.chance import wilson_interval
from leadcast.models.evaluation.delong import degrees_of_freedom

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
    counts = column.drop_nulls().value_counts()
    counts = counts.sort(["count", column.name], descending=[True, False])
    kept = counts[column.name].head(MOST_LEVELS).to_list()
    named = pl.when(pl.col(column.name).is_in(kept)).then(pl.col(column.name))
    known = pl.when(pl.col(column.name).is_not_null()).then(named.otherwise(pl.lit("others")))
    return column.to_frame().select(known.otherwise(pl.lit("not known")).alias(column.name))[
        column.name
    ]


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
    """Compare both scores within each segment."""
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
        reached_difference=around(learned - points, gap, freedom),
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


POINT_BANDS, PROBABILITY_BANDS = 8, 5
"""How many bands there are at most."""


def band_edges(value: Floats, most: int) -> Floats:
    """Choose where bands begin: about equally many rows each, tied rows together."""
    if not len(value):
        return np.zeros(0)
    lowest = np.quantile(value, np.arange(most) / most, method="inverted_cdf")
    lowest[0] = value.min()
    return np.unique(lowest)


def share(customers: float, leads: float) -> Measured:
    """Give the share that converted, with Wilson's interval."""
    if leads <= 0:
        return Measured()
    rate = customers / leads
    low, high = wilson_interval(rate, leads)
    return Measured(value=rate, low=low, high=high)


def bands(
    points: Floats,
    probability: Floats,
    converted: Floats,
    past: tuple[Floats, Floats] | None = None,
) -> Bands:
    """Put leads into bands of points and of probabilities."""
    edges = band_edges(points, POINT_BANDS)
    chances = band_edges(probability, PROBABILITY_BANDS)
    in_points, in_chances = _places(points, edges), _places(probability, chances)
    before = None
    if past is not None:
        then, ended = _places(past[0], edges), past[1]
        inside = [ended[then == band] for band in range(len(edges))]
        before = [float(one.mean()) if len(one) else None for one in inside]
    of_points = _bands_of(points, in_points, probability, converted, _points_label, before)
    of_chances = _bands_of(probability, in_chances, probability, converted, _chance_label)
    order = _out_of_order(of_points)
    return Bands(
        points=tuple(of_points),
        probability=tuple(of_chances),
        cells=tuple(_cells(in_points, in_chances, converted)),
        out_of_order=tuple(order),
        rank_correlation=_rank_correlation(points, probability),
        words=_bands_words(of_points, order),
    )


def _points_label(low: float, high: float) -> str:
    return f"{low:g} points" if low == high else f"{low:g} to {high:g} points"


def _chance_label(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _places(value: Floats, edges: Floats) -> Integers:
    # Whatever lies below the lowest edge (among earlier leads) belongs to the lowest band.
    return np.maximum(np.searchsorted(edges, value, side="right") - 1, 0).astype(np.int64)


def _bands_of(
    value: Floats,
    places: Integers,
    probability: Floats,
    converted: Floats,
    label: Callable[[float, float], str],
    before: Sequence[float | None] | None = None,
) -> list[Band]:
    found = []
    for band in range(int(places.max(initial=-1)) + 1):
        inside = places == band
        low, high = float(value[inside].min()), float(value[inside].max())
        leads, customers = int(inside.sum()), int(converted[inside].sum())
        name, conversion = label(low, high), share(customers, leads)
        found.append(
            Band(
                label=name,
                low=low,
                high=high,
                leads=leads,
                customers=customers,
                conversion=conversion,
                probability=float(probability[inside].mean()),
                learned_from_past=None if before is None else before[band],
                words=f"{name}: {percent(conversion.value)} become customers",
            )
        )
    return found


def _cells(points: Integers, chances: Integers, converted: Floats) -> list[Cell]:
    rows = pl.DataFrame({"points_band": points, "probability_band": chances, "won": converted})
    counts = rows.group_by("points_band", "probability_band").agg(
        leads=pl.len(), customers=pl.col("won").sum().cast(pl.Int64)
    )
    return [
        Cell(**row, conversion=share(row["customers"], row["leads"]))
        for row in counts.sort("points_band", "probability_band").iter_rows(named=True)
    ]


def _out_of_order(found: Sequence[Band]) -> list[OutOfOrder]:
    pairs = list(pairwise(found))
    adjusted = holm([_falls_by_chance(low, high) for low, high in pairs])
    return [
        OutOfOrder(
            lower=low.label, higher=high.label, p_value=p, shows=p is not None and p < 1 - LEVEL
        )
        for (low, high), p in zip(pairs, adjusted, strict=True)
        if (high.conversion.value or 0.0) < (low.conversion.value or 0.0)
    ]


def _falls_by_chance(low: Band, high: Band) -> float | None:
    # One-sided: that the higher band converts less although its leads are no worse.
    leads = low.leads + high.leads
    pooled = (low.customers + high.customers) / leads
    error = (pooled * (1 - pooled) * (1 / low.leads + 1 / high.leads)) ** 0.5
    if error == 0:
        return None
    fall = low.customers / low.leads - high.customers / high.leads
    return 1 - NormalDist().cdf(fall / error)


def _rank_correlation(one: Floats, other: Floats) -> float | None:
    first, second = (pl.Series(value).rank().to_numpy() for value in (one, other))
    if len(one) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _bands_words(found: Sequence[Band], order: Sequence[OutOfOrder]) -> tuple[str, ...]:
    shown = [pair for pair in order if pair.shows]
    words = [f"{band.words}." for band in found]
    if shown:
        named = "; ".join(f"{pair.higher} convert less than {pair.lower}" for pair in shown)
        words.append(f"Out of order, and more than chance explains: {named}.")
    elif order:
        named = "; ".join(f"{pair.higher} and {pair.lower}" for pair in order)
        words.append(f"Out of order, which may be chance: {named}.")
    else:
        words.append("The bands are in order: more points always meant more customers.")
    return tuple(words)
