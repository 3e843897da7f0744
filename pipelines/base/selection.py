"""Snapshots weighed by who was called, where the parameters ask for it."""

import hashlib
from datetime import timedelta
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS
from leadcast.features.tables import Tables
from leadcast.models.account import NOT_CALLED
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.sampled_rate import sampled_rate
from leadcast.pipelines.base.params import Params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.today.selection import WEIGHT, weigh_calls


def logged_calls(run: RunFolder) -> pl.DataFrame:
    """Read the call lists of all weeks, one below the other; empty without any."""
    files = sorted(run.today_calls.glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files] or [pl.DataFrame()], how="diagonal")


def calls_digest(run: RunFolder, params: Params) -> dict[str, str]:
    """Tell which call lists a run is weighed by, so that others make it run again."""
    if not params.selection.weigh_calls:
        return {}
    digest = hashlib.sha256()
    for file in sorted(run.today_calls.glob("*.parquet")):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return {"calls": digest.hexdigest()}


def weighed(
    run: RunFolder, split: pl.DataFrame, tables: Tables, params: Params
) -> tuple[pl.DataFrame, str]:
    """Weigh a split's snapshots; those of leads that were listed and not called are in no part.

    Parameters
    ----------
    run : RunFolder
        With its call lists.
    split : pl.DataFrame
        With ``part`` and ``reason``.
    tables : Tables
    params : Params

    Returns
    -------
    split : pl.DataFrame
        With ``weight`` where it is asked for; the same where not.
    words : str
        What the weights are worth; empty where they are not asked for.

    Raises
    ------
    LeadcastError
        If it is asked for and there is no call list, or no moments to join by.
    """
    wanted = params.selection
    if not wanted.weigh_calls:
        return split, ""
    # Only here, as what scores open leads is slow to import.
    from leadcast.serve.today.open_leads import require_dated

    require_dated(tables, f"{PARAMS}: selection.weigh_calls")
    if params.model.fresh_snapshots:
        raise LeadcastError(
            f"{PARAMS}: selection.weigh_calls and model.fresh_snapshots: found both; what is not "
            "known yet is not weighed: set one of them to false"
        )
    calls = logged_calls(run)
    if calls.is_empty():
        raise LeadcastError(
            f"{PARAMS}: selection.weigh_calls is true, and {run.today_calls} has no call list; "
            f"`leadcast today {run.source}` keeps that of each week, or set it to false"
        )
    horizon = timedelta(days=snapshot_settings(run.source, params, tables).horizon_days)
    found, facts = weigh_calls(split, calls, horizon, wanted.most_weight)
    nobody = (pl.col(WEIGHT) == 0) & (pl.col("part") != "left_out")
    told = found.with_columns(
        part=pl.when(nobody).then(pl.lit("left_out")).otherwise("part"),
        reason=pl.when(nobody).then(pl.lit(NOT_CALLED)).otherwise("reason"),
    )
    return told, facts.words()


def weighed_grades(
    probability: Floats, converted: Floats, group: Integers, weight: Floats, grade: pl.Series
) -> list[dict[str, Any]]:
    """Tell of each grade of the test what was said, and what came by the weights and without.

    Parameters
    ----------
    probability, converted, weight : ndarray of float64, shape (n_rows,)
        Weights of at least 1.
    group : ndarray of int64, shape (n_rows,)
    grade : pl.Series, length n_rows

    Returns
    -------
    list of dict
        ``grade``, ``rows``, ``expected``, ``rate`` with ``low`` and ``high``, ``unweighted``.
    """
    told = []
    for one in sorted(grade.unique()):
        rows = (grade == one).to_numpy()
        share = 1 / weight[rows]
        found = sampled_rate(converted[rows], probability[rows], share, group[rows])
        told.append(
            {
                "grade": one,
                "rows": found.rows,
                "expected": found.expected,
                "rate": found.rate.value,
                "low": found.rate.low,
                "high": found.rate.high,
                "unweighted": float(converted[rows].mean()),
            }
        )
    return told
