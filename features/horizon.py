"""Which horizon to choose: long enough to cover most conversions, short enough to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.delays import DelayCurve

CANDIDATES_DAYS = (7.0, 14.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 365.0)
"""Horizons that sales teams plan in."""

HISTORY_HORIZONS = 4.0
"""A history shorter than this many horizons cannot hold three parts with a purge between: with
fractions of a fifth each and leads that come evenly, training begins to exist at 3.8."""

_ROUNDING = 0.005


@dataclass(frozen=True)
class HorizonAdvice:
    """A recommended horizon, and what it was chosen from.

    Parameters
    ----------
    horizon_days : float
        The recommendation.
    words : str
        Why, for a person.
    table : pl.DataFrame
        As `frame` gives it.
    """

    horizon_days: float
    words: str
    table: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the candidates as a table.

        Returns
        -------
        pl.DataFrame
            ``horizon_days``, ``caught`` (share of conversions covered), ``mature_leads`` and
            ``mature_share`` (leads whose label at creation would be known), ``learnable``
            (whether enough history is left to learn from).
        """
        return self.table


def recommend_horizon(
    curve: DelayCurve,
    candidates_days: Sequence[float] = CANDIDATES_DAYS,
    *,
    wanted_share: float = 0.9,
    min_mature_share: float = 0.5,
    reporting_lag_days: float = 0.0,
) -> HorizonAdvice:
    """Choose the shortest horizon that covers enough conversions and leaves enough to learn from.

    Where no candidate does both, the one that covers most conversions of those that leave enough is
    taken, and the words say what it misses.

    Parameters
    ----------
    curve : DelayCurve
        How long conversions take.
    candidates_days : sequence of float
        Horizons to choose from, in any order.
    wanted_share : float
        Share of conversions that the horizon should cover, to the nearest hundredth.
    min_mature_share : float
        Share of leads whose label should be known.
    reporting_lag_days : float
        How many days an outcome may take to reach the export.

    Returns
    -------
    HorizonAdvice

    Raises
    ------
    LeadcastError
        If there is no candidate.
    """
    if not candidates_days:
        raise LeadcastError("candidates_days is empty: name at least one horizon to choose from")
    table = _judged(curve, sorted(candidates_days), min_mature_share, reporting_lag_days)
    learnable = table.filter("learnable")
    enough = learnable.filter(pl.col("caught") >= wanted_share - _ROUNDING)
    if not enough.is_empty():
        chosen = enough.row(0, named=True)
        reason = "The shortest horizon that does so and leaves enough history to learn from."
    elif not learnable.is_empty():
        chosen = learnable.sort("caught", "horizon_days", descending=[True, False]).row(
            0, named=True
        )
        reason = (
            f"Fewer than the {wanted_share:.0%} wanted, because conversions take long for the "
            "history there is, but the most that leaves enough of it to learn from."
        )
    else:
        chosen = table.row(0, named=True)
        reason = "The shortest candidate, and even so the history is short: expect few labels."
    words = (
        f"{chosen['horizon_days']:g} days, which covers {chosen['caught']:.0%} of the conversions "
        f"and leaves {chosen['mature_share']:.0%} of the leads old enough for a label. {reason}"
    )
    return HorizonAdvice(float(chosen["horizon_days"]), words, table)


def _judged(
    curve: DelayCurve, horizons: Sequence[float], min_mature_share: float, lag_days: float
) -> pl.DataFrame:
    follow_up = curve.follow_up_days - lag_days
    mature = len(follow_up) - np.searchsorted(follow_up, horizons, side="left")
    shares = mature / len(follow_up)
    roomy = follow_up[-1] >= HISTORY_HORIZONS * np.asarray(horizons)
    return pl.DataFrame(
        {
            "horizon_days": [float(horizon) for horizon in horizons],
            "caught": [curve.caught_by(horizon) for horizon in horizons],
            "mature_leads": mature.astype(np.int64),
            "mature_share": shares,
            "learnable": roomy & (shares >= min_mature_share),
        }
    )
