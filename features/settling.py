"""What became known of each snapshot's label, and when, before its window ended."""

from typing import Any

import numpy as np
import polars as pl

from features.snapshots import SnapshotSettings, microseconds

NEVER = int(np.iinfo(np.int64).max)
"""The moment of what does not happen."""


def settlement(
    snapshots: pl.DataFrame, outcomes: pl.DataFrame, settings: SnapshotSettings
) -> pl.DataFrame:
    """Tell from which moment on each snapshot's label was known.

    A win within the horizon settles a snapshot as soon as it is reported, and so does a loss;
    what ends neither way, or later, is settled when its window ends.

    Parameters
    ----------
    snapshots : pl.DataFrame
        With ``lead_id`` and ``position`` (Int64, microseconds since 1970), of a dated source.
    outcomes : pl.DataFrame
        With ``lead_id``, ``won_at`` and ``lost_at``, as `features.tables.Tables.outcomes`.
    settings : SnapshotSettings
        Horizon and reporting lag.

    Returns
    -------
    pl.DataFrame
        A row a snapshot, in their order, in microseconds since 1970: ``settled`` (Int64, at most
        ``position + horizon``) and ``won`` (Int64: when a win within the horizon was known, else
        `NEVER`). After a loss that is taken back a snapshot counts as lost until it is won.
    """
    window_ends = pl.col("position") + microseconds(settings.horizon_days)
    lag = microseconds(settings.reporting_lag_days)
    won_us, lost_us = (pl.col(name).dt.epoch("us") for name in ("won_at", "lost_at"))
    known = snapshots.select("lead_id", "position").join(
        outcomes.select("lead_id", "won_at", "lost_at"),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    settled = pl.min_horizontal(won_us + lag, lost_us + lag, window_ends)
    won = pl.when(won_us <= window_ends).then(pl.min_horizontal(won_us + lag, window_ends))
    return known.select(settled=settled, won=won.fill_null(NEVER))


def last_look(snapshots: pl.DataFrame) -> pl.Expr:
    """Tell when each snapshot's lead is, or would be, looked at last, whatever becomes of it.

    Parameters
    ----------
    snapshots : pl.DataFrame
        All snapshots of a dated source, with ``landmark_days``.

    Returns
    -------
    pl.Expr
        Int64, in microseconds since 1970, from ``position`` and ``landmark_days``.
    """
    oldest: Any = snapshots["landmark_days"].max()
    ahead: pl.Expr = (oldest - pl.col("landmark_days")) * microseconds(1.0)
    return pl.col("position") + ahead.round().cast(pl.Int64)
