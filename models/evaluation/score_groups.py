"""Scores by grade, and by what leads have in common, on the whole and month by month.

Each lead counts once, by its first snapshot in the test, so that a share's interval is one of
independent leads (Wilson's).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.chance import wilson_interval

GRADES = ("A", "B", "C", "D")
EMPTY, OTHERS = "(empty)", "(all others)"
MOST_GROUPS = 20
"""So many values of an attribute are told by themselves, those with the most leads."""
_COUNTS = {
    "leads": pl.len().cast(pl.Int64),
    "customers": pl.col("converted").cast(pl.Float64).sum(),
    "probability": pl.col("probability").mean(),
}


def once_each(scores: pl.DataFrame) -> pl.DataFrame:
    """Keep the first snapshot of each lead.

    Parameters
    ----------
    scores : pl.DataFrame
        As ``test_scores.parquet`` has them, a row a snapshot.

    Returns
    -------
    pl.DataFrame
        A row a lead.
    """
    order = [name for name in ("landmark_days", "as_of") if name in scores.columns]
    first = scores.sort(order, maintain_order=True, nulls_last=True)
    return first.unique("lead_id", keep="first", maintain_order=True)


def grades_of(scores: pl.DataFrame, bounds: Sequence[float]) -> pl.DataFrame:
    """Tell what grades come to on the leads of a test.

    Parameters
    ----------
    scores : pl.DataFrame
        As ``test_scores.parquet`` has them.
    bounds : sequence of float, shape (3,)
        As `grade_table` takes them.

    Returns
    -------
    pl.DataFrame
        As `grade_table` gives it.
    """
    leads = once_each(scores).select(pl.col("probability", "converted").cast(pl.Float64))
    return grade_table(leads["probability"].to_numpy(), leads["converted"].to_numpy(), bounds)


def grade_table(probability: Floats, converted: Floats, bounds: Sequence[float]) -> pl.DataFrame:
    """Tell what grades come to.

    Parameters
    ----------
    probability, converted : ndarray of float64, shape (n_leads,)
        A row a lead.
    bounds : sequence of float, shape (3,)
        From which probability on a lead is an A, a B, a C.

    Returns
    -------
    pl.DataFrame
        A row a grade, A first: ``grade``, ``from``, ``leads``, ``share`` (of all leads),
        ``customers``, ``probability`` (the mean), ``conversion``, ``low``, ``high`` (95 %, null
        without leads).
    """
    place = np.zeros(len(probability), dtype=np.int64)
    for bound in bounds:
        place += probability < bound
    rows = []
    for number, (grade, least) in enumerate(zip(GRADES, (*bounds, 0.0), strict=True)):
        rows.append(
            {"grade": grade, "from": float(least)}
            | _counted(place == number, converted, probability)
        )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(_NUMBERS, pl.Float64))


_NUMBERS = ("from", "share", "customers", "probability", "conversion", "low", "high")


def _counted(
    inside: Floats | Integers, converted: Floats, probability: Floats
) -> dict[str, object]:
    leads, customers = int(inside.sum()), float(converted[inside].sum())
    told: dict[str, object] = {
        "leads": leads,
        "share": leads / max(len(converted), 1),
        "customers": customers,
    }
    if not leads:
        return told | dict.fromkeys(("probability", "conversion", "low", "high"))
    low, high = wilson_interval(customers / leads, leads)
    mean = float(probability[inside].mean())
    return told | {
        "probability": mean,
        "conversion": customers / leads,
        "low": low,
        "high": high,
    }


def scores_by(rows: pl.DataFrame, attribute: str) -> pl.DataFrame:
    """Tell scores and conversions by the values of an attribute.

    Parameters
    ----------
    rows : pl.DataFrame
        A row a lead: ``probability``, ``converted`` and the attribute.
    attribute : str

    Returns
    -------
    pl.DataFrame
        A row a value, the highest mean probability first: ``value``, ``leads``, ``customers``,
        ``probability``, ``conversion``, ``low``, ``high``.
    """
    found = named_groups(rows, attribute).group_by("value").agg(**_COUNTS)
    ends = [
        wilson_interval(customers / leads, leads)
        for customers, leads in found.select("customers", "leads").iter_rows()
    ]
    return found.with_columns(
        conversion=pl.col("customers") / pl.col("leads"),
        low=pl.Series([one[0] for one in ends], dtype=pl.Float64),
        high=pl.Series([one[1] for one in ends], dtype=pl.Float64),
    ).sort("probability", "value", descending=[True, False])


def scores_by_month(rows: pl.DataFrame, attribute: str) -> pl.DataFrame:
    """Tell scores and conversions by the values of an attribute, month by month.

    Parameters
    ----------
    rows : pl.DataFrame
        A row a lead: ``as_of``, ``probability``, ``converted`` and the attribute.
    attribute : str

    Returns
    -------
    pl.DataFrame
        A row a value and month: ``value``, ``month`` (``2026-01``), ``leads``, ``customers``,
        ``probability``; no rows where nothing is dated.
    """
    dated = named_groups(rows, attribute).filter(pl.col("as_of").is_not_null())
    month = pl.col("as_of").dt.strftime("%Y-%m").alias("month")
    return dated.group_by("value", month).agg(**_COUNTS).sort("value", "month")


def named_groups(rows: pl.DataFrame, attribute: str) -> pl.DataFrame:
    """Give each row the value that it is told under, as ``value``.

    Parameters
    ----------
    rows : pl.DataFrame
    attribute : str

    Returns
    -------
    pl.DataFrame
    """
    text = pl.col(attribute).cast(pl.String).str.strip_chars()
    named = pl.when(text.is_null() | (text == "")).then(pl.lit(EMPTY)).otherwise(text)
    found = rows.with_columns(value=named)
    counts = found["value"].value_counts(sort=True)
    if counts.height <= MOST_GROUPS:
        return found
    most = counts.sort("count", "value", descending=[True, False])["value"].head(MOST_GROUPS - 1)
    kept = pl.col("value").is_in(most.to_list())
    return found.with_columns(value=pl.when(kept).then("value").otherwise(pl.lit(OTHERS)))
