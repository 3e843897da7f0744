"""How often past forecasts of the pipeline held what came."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.forecast.pipeline_forecast import Backtested, WeekForecast
from leadcast.models.forecast.pipeline_level import PastOrigin

Ends = tuple[float, float, float]


def coverage_of(found: Backtested, past: Sequence[PastOrigin]) -> dict[str, Any]:
    """Count how often intervals held what came, and what came for each that was expected.

    Parameters
    ----------
    found : Backtested
    past : sequence of PastOrigin
        The same origins.

    Returns
    -------
    dict
        ``origins``; of ``customers`` and ``revenue`` (None where nothing is told of amounts):
        ``weeks`` (how many were held against what came) and ``held`` (the share), ``totals`` and
        ``totals_held`` of all known weeks of an origin together, and ``expected`` and ``came`` in
        the first week after each origin.
    """
    customers = _counted(found, past, 0)
    has_money = all(week.revenue is not None for one in found.origins for week in one)
    return {
        "origins": len(past),
        "customers": customers,
        "revenue": _counted(found, past, 1) if has_money and past else None,
    }


def _counted(found: Backtested, past: Sequence[PastOrigin], which: int) -> dict[str, Any]:
    held, totals_held, expected, came = list[bool](), list[bool](), 0.0, 0.0
    for told, one in zip(found.origins, past, strict=True):
        seen: Floats = one.came()[which]
        held += [_holds(_ends(week, which), number) for week, number in zip(told, seen)]  # noqa: B905
        last = told[len(seen) - 1]
        totals_held.append(_holds(_ends(last, which, so_far=True), float(seen.sum())))
        expected += _ends(told[0], which)[0]
        came += float(seen[0])
    return {
        "weeks": len(held),
        "held": float(np.mean(held)) if held else None,
        "totals": len(totals_held),
        "totals_held": float(np.mean(totals_held)) if totals_held else None,
        "expected": expected,
        "came": came,
    }


def _holds(ends: Ends, number: float) -> bool:
    return bool(ends[1] <= number <= ends[2])


def _ends(week: WeekForecast, which: int, *, so_far: bool = False) -> Ends:
    if which == 0:
        return week.customers_so_far if so_far else week.customers
    told = week.revenue_so_far if so_far else week.revenue
    return (0.0, 0.0, 0.0) if told is None else told
