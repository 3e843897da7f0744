"""What points mean: how many of each band become customers, and where both scores agree."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from models.bootstrap import LEVEL
from models.chance import wilson_interval
from models.comparison.parts import Measured
from models.comparison.result_groups import Band, Bands, Cell, OutOfOrder
from models.comparison.segments import holm
from models.data import Floats, Integers
from models.report.numbers import percent

POINT_BANDS, PROBABILITY_BANDS = 8, 5
"""How many bands there are at most."""


def band_edges(value: Floats, most: int) -> Floats:
    """Choose where bands begin: about equally many rows each, tied rows together.

    Parameters
    ----------
    value : ndarray of float64, shape (n_rows,)
    most : int
        How many bands at most.

    Returns
    -------
    ndarray of float64, shape (n_bands,)
        The lowest value of each band, strictly rising; fewer than `most` where many are tied.
    """
    if not len(value):
        return np.zeros(0)
    lowest = np.quantile(value, np.arange(most) / most, method="inverted_cdf")
    lowest[0] = value.min()
    return np.unique(lowest)


def share(customers: float, leads: float) -> Measured:
    """Give the share that converted, with Wilson's interval.

    Parameters
    ----------
    customers, leads : float

    Returns
    -------
    Measured
        Without numbers where there are no leads.
    """
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
    """Put leads into bands of points and of probabilities.

    Parameters
    ----------
    points, probability, converted : ndarray of float64, shape (n_leads,)
        A row a lead, so that rows are independent.
    past : (points, converted), optional
        Leads of the learning part, for what the bands meant before.

    Returns
    -------
    Bands
    """
    edges = band_edges(points, POINT_BANDS)
    chances = band_edges(probability, PROBABILITY_BANDS)
    in_points, in_chances = _places(points, edges), _places(probability, chances)
    of_points = [
        _band(points, probability, converted, in_points == band, _points_label(past, edges, band))
        for band in range(len(edges))
    ]
    of_chances = [
        _band(probability, probability, converted, in_chances == band, _chance_label)
        for band in range(len(chances))
    ]
    order = _out_of_order(of_points)
    return Bands(
        points=tuple(of_points),
        probability=tuple(of_chances),
        cells=tuple(_cells(in_points, in_chances, converted)),
        out_of_order=tuple(order),
        rank_correlation=_rank_correlation(points, probability),
        words=_words(of_points, order),
    )


Label = Callable[[float, float], tuple[str, float | None]]


def _points_label(past: tuple[Floats, Floats] | None, edges: Floats, band: int) -> Label:
    before = None
    if past is not None:
        inside = _places(past[0], edges) == band
        before = float(past[1][inside].mean()) if inside.any() else None

    def label(low: float, high: float) -> tuple[str, float | None]:
        ends = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"{ends} points", before

    return label


def _chance_label(low: float, high: float) -> tuple[str, float | None]:
    return f"{percent(low)} to {percent(high)}", None


def _places(value: Floats, edges: Floats) -> Integers:
    # Whatever lies below the lowest edge (among earlier leads) belongs to the lowest band.
    return np.maximum(np.searchsorted(edges, value, side="right") - 1, 0).astype(np.int64)


def _band(
    value: Floats,
    probability: Floats,
    converted: Floats,
    inside: npt.NDArray[np.bool_],
    label: Label,
) -> Band:
    low, high = float(value[inside].min()), float(value[inside].max())
    leads, customers = int(inside.sum()), int(converted[inside].sum())
    name, before = label(low, high)
    conversion = share(customers, leads)
    return Band(
        label=name,
        low=low,
        high=high,
        leads=leads,
        customers=customers,
        conversion=conversion,
        probability=float(probability[inside].mean()),
        learned_from_past=before,
        words=f"{name}: {percent(conversion.value)} become customers",
    )


def _cells(points: Integers, chances: Integers, converted: Floats) -> list[Cell]:
    found = []
    for one, other in sorted(set(zip(points.tolist(), chances.tolist(), strict=True))):
        inside = (points == one) & (chances == other)
        leads, customers = int(inside.sum()), int(converted[inside].sum())
        conversion = share(customers, leads)
        found.append(
            Cell(
                points_band=one,
                probability_band=other,
                leads=leads,
                customers=customers,
                conversion=conversion,
            )
        )
    return found


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
    first, second = _middle_ranks(one), _middle_ranks(other)
    if len(one) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _middle_ranks(value: Floats) -> Floats:
    place = np.unique(value, return_inverse=True)[1]
    counts = np.bincount(place)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], dtype=np.float64)


def _words(found: Sequence[Band], order: Sequence[OutOfOrder]) -> tuple[str, ...]:
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
