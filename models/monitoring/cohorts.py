"""What was said of the leads of a week or month, beside what has happened to them since."""

import numpy as np
import polars as pl

from leadcast.models.evaluation.metrics import gains
from leadcast.models.evaluation.tally import tally
from leadcast.models.monitoring.unlabelled import expected_performance, seen_performance

GAIN_SHARE = 0.2
"""The share of the leads, from the top, whose share of the conversions is told."""


def cohorts(said: pl.DataFrame, every: str = "1mo") -> pl.DataFrame:
    """Compare, cohort by cohort, what was said with what happened, as labels mature.

    Parameters
    ----------
    said : pl.DataFrame
        ``as_of``, ``probability`` and ``converted`` (null while the label is not mature).
    every : str
        How long a cohort is, as `polars.Expr.dt.truncate` takes it.

    Returns
    -------
    pl.DataFrame
        A row a cohort: ``cohort`` (its first moment), ``leads`` (scores with a mature label),
        ``waiting`` (without), ``said`` and ``happened`` (mean probability, share converted),
        ``low`` and ``high`` (95 % for what would happen if scores meant what they say), ``auc``,
        ``log_loss`` with ``expected_auc`` and ``expected_log_loss`` (from the scores alone), and
        ``gain`` (the share of conversions among the best `GAIN_SHARE`). Null where nothing is
        mature.
    """
    rows = []
    parts = said.with_columns(cohort=pl.col("as_of").dt.truncate(every))
    for (cohort,), part in parts.sort("cohort").group_by("cohort", maintain_order=True):
        mature = part.drop_nulls("converted")
        rows.append({"cohort": cohort, "waiting": part.height - mature.height} | _told(mature))
    return pl.DataFrame(rows, schema=_schema(said), orient="row")


def grades_by_week(said: pl.DataFrame) -> pl.DataFrame:
    """Count, for each week and grade, leads and conversions.

    Parameters
    ----------
    said : pl.DataFrame
        ``as_of``, ``grade``, ``probability`` and ``converted``; the rows are one score a lead.

    Returns
    -------
    pl.DataFrame
        ``week``, ``grade``, ``leads``, ``said`` (mean probability), ``mature`` (leads whose label
        is known) and ``happened`` (the share of these that converted; null where none is known).
    """
    return (
        said.with_columns(week=pl.col("as_of").dt.truncate("1w"))
        .group_by("week", "grade")
        .agg(
            leads=pl.len(),
            said=pl.col("probability").mean(),
            mature=pl.col("converted").count(),
            happened=pl.col("converted").cast(pl.Float64).mean(),
        )
        .sort("week", "grade")
    )


def above_the_line(said: pl.DataFrame, line: float, calls_per_week: float) -> pl.DataFrame:
    """Count the leads above the line, week by week, against what sales can call.

    Parameters
    ----------
    said : pl.DataFrame
        ``as_of`` and ``probability``, one score a lead.
    line : float
        The probability from which on a lead is called.
    calls_per_week : float
        How many leads sales can call.

    Returns
    -------
    pl.DataFrame
        ``week``, ``leads``, ``above``, ``capacity`` and ``used`` (`above` over `capacity`).
    """
    return (
        said.with_columns(week=pl.col("as_of").dt.truncate("1w"))
        .group_by("week")
        .agg(leads=pl.len(), above=(pl.col("probability") >= line).sum())
        .with_columns(capacity=pl.lit(calls_per_week))
        .with_columns(used=pl.col("above") / pl.col("capacity"))
        .sort("week")
    )


def _told(mature: pl.DataFrame) -> dict[str, float | int | None]:
    probability = mature["probability"].to_numpy()
    converted = mature["converted"].cast(pl.Float64).to_numpy()
    if not mature.height:
        return {"leads": 0}
    expected, seen = expected_performance(probability), seen_performance(probability, converted)
    # Leads are not independent of each other; this is the luck of independent ones alone.
    error = 1.959964 * np.sqrt((probability * (1 - probability)).sum()) / mature.height
    share = gains(tally(probability, converted), np.array([GAIN_SHARE]))[0]
    numbers: dict[str, float | int | None] = {
        "said": expected.base_rate,
        "happened": seen.base_rate,
        "low": max(expected.base_rate - error, 0.0),
        "high": min(expected.base_rate + error, 1.0),
        "auc": seen.auc,
        "expected_auc": expected.auc,
        "log_loss": seen.log_loss,
        "expected_log_loss": expected.log_loss,
        "gain": float(share),
    }
    told = {
        name: None if np.isnan(value) else value
        for name, value in numbers.items()
        if value is not None
    }
    return {"leads": mature.height} | told


def _schema(said: pl.DataFrame) -> dict[str, pl.DataType]:
    whole = dict.fromkeys(("leads", "waiting"), pl.Int64())
    names = ("said", "happened", "low", "high", "auc", "expected_auc", "log_loss")
    shares = dict.fromkeys((*names, "expected_log_loss", "gain"), pl.Float64())
    return {"cohort": said.schema["as_of"], **whole, **shares}
