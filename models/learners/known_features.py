"""Features that are a calendar in disguise.

A feature whose values differ between periods and hardly within them (an interest rate, a running
number, the month) tells train from later data perfectly, and its effect cannot be told from all
else that changed with time. It is kept out of the trees, which could only remember its last value,
and enters the level of conversion instead, whose uncertainty grows with the distance to what was
seen. The measure is the intraclass correlation (Donner & Koval 1980, Biometrics 36). The lead's age
is no calendar, whatever the measure says of it.

What a user says must only rise or only fall.
"""

from collections.abc import Mapping

import numpy as np

from leadcast.features.base.errors import Fault, FaultsError, nearest_first
from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix

MOST_CODES = 64


def clock_shares(data: LabelledMatrix, period: Integers) -> Floats:
    """Measure for each feature the share of its variance that lies between the periods."""
    shares = [
        _share(_indicators(column, feature.dtype == "category"), period)
        for column, feature in zip(data.values.T, data.features, strict=True)
    ]
    return np.array(shares)


def _indicators(column: Matrix, category: bool) -> list[Floats]:
    absent = np.isnan(column)
    present = column[~absent]
    if len(present) == 0:
        return []
    if not category:
        # Ranks: an outlier must not hide that a number is a clock.
        order = np.unique(present, return_inverse=True)[1].astype(np.float64)
        filled = np.full(len(column), order.mean())
        filled[~absent] = order
        return [filled / max(order.std(), 1e-12), absent.astype(np.float64)]
    codes, counts = np.unique(present, return_counts=True)
    common = codes[np.argsort(-counts, kind="stable")[:MOST_CODES]]
    return [(column == code).astype(np.float64) for code in common]


def _share(columns: list[Floats], period: Integers) -> float:
    counts = np.bincount(period)
    between = total = 0.0
    for column in columns:
        means = np.bincount(period, column) / counts
        between += float(counts @ (means - column.mean()) ** 2) / len(column)
        total += float(column.var())
    return between / total if total > 0 else 0.0


def without_order(where: str) -> Fault:
    """Refuse a direction that is asked of a category."""
    remedy = "Take it out: a category has no order to rise or fall by."
    return Fault(where, "a category", "a number or flag", remedy)


def directions(features: tuple[Feature, ...], wanted: Mapping[str, int]) -> dict[int, int]:
    """Look up the features whose effect is constrained.

    Parameters
    ----------
    features : tuple of Feature
    wanted : mapping of str to int
        Feature names to -1 (falling) or 1 (rising).

    Returns
    -------
    dict of int to int
        By the features' places.

    Raises
    ------
    FaultsError
        If a name is unknown, or belongs to a category, which has no order; tells all of them.
    """
    places = {feature.name: place for place, feature in enumerate(features)}
    faults = []
    for name in wanted:
        where = f"model.monotone: {name!r}"
        if name not in places:
            near = ", ".join(nearest_first(name, places)[:5])
            remedy = f"Take its name in the report's table of features. The most alike: {near}."
            faults.append(Fault(where, "no such feature", "a feature", remedy))
        elif features[places[name]].dtype == "category":
            faults.append(without_order(where))
    if faults:
        raise FaultsError("learner settings", faults)
    return {places[name]: direction for name, direction in wanted.items()}
