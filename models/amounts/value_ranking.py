"""Calling by expected revenue beside calling by probability: customers and money that each reaches.

Both lists are weekly call lists over the same leads of the test, at the same capacity, with the
paired intervals of `leadcast.models.comparison`.
"""

from typing import Any

import numpy as np
import polars as pl

from leadcast.models.comparison.compared_rows import COLUMNS, Compared
from leadcast.models.comparison.lists import Segments
from leadcast.models.comparison.result import Measured
from leadcast.models.comparison.score_ranking import replicate
from leadcast.models.comparison.value import Money, capacities_of

FEWEST_CUSTOMERS = 5
"""With fewer customers whose amount is known no list is set beside another."""


def rank_by_value(
    rows: pl.DataFrame,
    calls_per_week: float | None,
    landmark_days: float | None,
    *,
    replicates: int,
    seed: int,
) -> dict[str, Any] | None:
    """Measure what both rankings reach on the test.

    Parameters
    ----------
    rows : pl.DataFrame
        A row a snapshot: ``lead_id``, ``as_of``, ``landmark_days``, ``position``, ``group``,
        ``converted``, ``amount`` (null where not known), ``probability``, ``expected_revenue``.
    calls_per_week : float or None
        The team's; None: a fifth of a mean week's leads.
    landmark_days : float or None
        The age at which a lead stands on the list; None: the youngest.
    replicates, seed : int
        Of the draws behind the intervals of customers.

    Returns
    -------
    dict or None
        ``calls_per_week``, ``per``, ``weeks``, ``leads``, ``calls``, ``customers`` and ``money``
        (each with ``by_probability``, ``by_value`` and ``difference``, value minus probability)
        and ``curve`` over all capacities. None with fewer than `FEWEST_CUSTOMERS` on the
        list.
    """
    absent = [name for name in COLUMNS if name not in {*rows.columns, "points"}]
    frame = rows.with_columns(
        *(pl.lit(None).alias(name) for name in absent),
        # The list "learned" is by expected revenue, the other one by probability.
        points="probability",
        probability="expected_revenue",
    )
    every = Compared.of(frame, (), landmark_days)
    listed = every.on_list
    won = (listed.frame["converted"].cast(pl.Float64) == 1) & listed.frame["amount"].is_not_null()
    if int(won.sum()) < FEWEST_CUSTOMERS:
        return None
    capacities = every.capacities(calls_per_week)
    nothing = Segments.none(listed.frame.height)
    drawn = replicate(listed, capacities, nothing, replicates=replicates, seed=seed)
    curve = capacities_of(listed, capacities, drawn, Money())
    team = curve[capacities.chosen]
    earned = team.earned
    if earned is None:
        return None
    return {
        "calls_per_week": capacities.calls_per_week,
        "per": every.per,
        "weeks": every.n_weeks,
        "leads": listed.frame.height,
        "calls": team.calls,
        "customers": _three(team.points, team.learned, team.difference),
        "money": _three(earned.points, earned.learned, earned.difference),
        "curve": [
            {
                "calls_per_week": one.calls_per_week,
                "customers_by_probability": one.points.value,
                "customers_by_value": one.learned.value,
                "money_by_probability": one.revenue_points,
                "money_by_value": one.revenue_learned,
            }
            for one in curve
        ],
    }


def _three(by_probability: Measured, by_value: Measured, difference: Measured) -> dict[str, Any]:
    told = {"by_probability": by_probability, "by_value": by_value, "difference": difference}
    return {name: Measured(**_ends(one)).to_json() for name, one in told.items()}


def _ends(one: Measured) -> dict[str, float | None]:
    return {"value": one.value, "low": one.low, "high": one.high}


def sure_words(difference: dict[str, float | None]) -> str:
    """Say whether a difference is one, for a person.

    Parameters
    ----------
    difference : dict
        ``value``, ``low`` and ``high``.

    Returns
    -------
    str
        ``"more"``, ``"less"`` or ``"not surely different"``.
    """
    low, high = difference["low"], difference["high"]
    if low is None or high is None or not np.isfinite([low, high]).all() or low <= 0 <= high:
        return "not surely different"
    return "more" if low > 0 else "less"
