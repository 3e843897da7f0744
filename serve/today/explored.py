"""What the call lists of past weeks tell: of the called leads, and, by those explored, of all.

Sales works whom it calls, and outcomes are known of whom it works. Of leads below the line they are
known of those that were drawn to explore, whose propensity was logged: weighted by its inverse they
stand for the others.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from leadcast.features.tables import TIME, Tables
from leadcast.models.evaluation.sampled_rate import SampledRate, rows_needed, sampled_rate
from leadcast.serve.today.handoff import places_to_explore

SHARES = (0.02, 0.05, 0.10)
"""Shares to explore that the table of precision has."""
HALF_WIDTHS = (0.05, 0.02, 0.01, 0.005)
"""Its precisions, as shares of 1."""


def what_came(
    calls: pl.DataFrame, tables: Tables, horizon: timedelta, reporting_lag: timedelta
) -> pl.DataFrame:
    """Add to each lead of the call lists whether it converted within the horizon.

    Parameters
    ----------
    calls : pl.DataFrame
        The logged lists, one below the other: ``lead_id``, ``as_of``, ``call_rank``,
        ``propensity``, ``probability``, ``grade``. A lead stands once in a week, as it did when it
        was listed first.
    tables : Tables
        Of a dated source.
    horizon : timedelta
        A lead converts when it is won after the list and at most so long after it.
    reporting_lag : timedelta
        So long it takes until a win is recorded.

    Returns
    -------
    pl.DataFrame
        With ``called`` and ``converted`` (Boolean; null where the horizon has not ended).
    """
    until = tables.observed_until
    as_of, won_at = pl.col("as_of").cast(TIME), pl.col("won_at")
    known = pl.lit(until is not None) & (as_of + horizon + reporting_lag <= pl.lit(until, TIME))
    won = (won_at > as_of) & (won_at <= as_of + horizon)
    outcomes = tables.outcomes.select("lead_id", "won_at")
    return (
        calls.join(outcomes, on="lead_id", how="left", maintain_order="left")
        .with_columns(
            called=pl.col("call_rank").is_not_null(),
            converted=pl.when(known).then(won.fill_null(value=False)),
        )
        .drop("won_at")
    )


def rate_of(came: pl.DataFrame, *, weighted: bool = True) -> SampledRate:
    """Estimate the rate of leads from those of them that were called and have matured.

    Parameters
    ----------
    came : pl.DataFrame
        As `what_came` gives them.
    weighted : bool
        Whether by the propensities; without them the called leads alone are told of.

    Returns
    -------
    SampledRate
    """
    known = came.filter("called", pl.col("converted").is_not_null())
    propensity = known["propensity"] if weighted else pl.repeat(1.0, known.height, eager=True)
    return sampled_rate(
        known["converted"].to_numpy(),
        known["probability"].to_numpy(),
        propensity.to_numpy(),
        known["lead_id"].to_numpy(),
    )


def weeks_needed(
    rate: float,
    calls_a_week: int,
    shares: Sequence[float] = SHARES,
    half_widths: Sequence[float] = HALF_WIDTHS,
) -> list[tuple[float, int, list[int | None]]]:
    """Tell after how many weeks of exploring the rate below the line is known so well.

    Parameters
    ----------
    rate : float
        About what it is.
    calls_a_week : int
        Places on the call list.
    shares, half_widths : sequence of float
        The shares to explore, and half of what the interval may span.

    Returns
    -------
    list of (float, int, list of int or None)
        For each share: it, the leads that are explored in a week, and the weeks, None for never.
    """
    needed = [rows_needed(rate, half_width) for half_width in half_widths]
    told = list[tuple[float, int, list[int | None]]]()
    for share in shares:
        explored = places_to_explore(share, calls_a_week)
        weeks = [-(-rows // explored) if explored else None for rows in needed]
        told.append((share, explored, weeks))
    return told
