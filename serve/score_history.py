"""The score history: every batch's scores, from which a lead's score over time can be read.

A history is a folder of Parquet files, one a batch, named by its latest moment, its model version
and a digest of its content; the columns are those of the scores, without reasons. Anything that
reads Parquet can read it (``SELECT * FROM 'history/*.parquet'``). A batch that is delivered twice
writes the same file twice.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import clear_leftovers, sha256_of, temporary_beside
from leadcast.serve.scores import SCHEMA

Trend = Literal["improving", "steady", "declining", "not enough info"]
TREND_POINTS = 5.0
"""A score that moves by less than this, of 100, is steady."""
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_NAMED = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


def append_scores(scores: pl.LazyFrame, folder: Path) -> Path | None:
    """Add a batch's scores to a history.

    Parameters
    ----------
    scores : pl.LazyFrame
        As `leadcast.serve.scorer.Scorer.score` gives them; further columns are left out.
    folder : Path
        The history; made if it does not exist.

    Returns
    -------
    Path or None
        The file that was written; None where there were no scores.

    Raises
    ------
    LeadcastError
        If scores have no moment, so that they are no history.
    """
    own = scores.select(list(SCHEMA))
    moment = pl.col("as_of")
    about = own.select(moment.max(), moment.null_count().alias("n"), pl.first("model_version"))
    latest, without, version = about.collect().row(0)
    if without:
        raise LeadcastError(
            f"history {folder}: {without:,} scores have no moment; give one with --as-of"
        )
    if latest is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    # The name holds a digest of the content, so that it is known only when all is written. Nothing
    # is read before: batches at once need no lock, and do not wait for each other.
    newest = folder / "newest"
    temporary = temporary_beside(newest)
    try:
        own.sink_parquet(temporary)
        name = f"{_moment(latest)}-{version}-{sha256_of(temporary)[:12]}.parquet"
        temporary.replace(folder / name)
        clear_leftovers(newest)
    finally:
        temporary.unlink(missing_ok=True)
    return folder / name


def latest_moment(folder: Path) -> datetime | None:
    """Tell the latest moment of a history's batches, by the names of its files.

    Parameters
    ----------
    folder : Path
        The history.

    Returns
    -------
    datetime or None
        None where there is none yet.
    """
    names = [path.name.partition("-")[0] for path in folder.glob("*.parquet")]
    moments = [datetime.strptime(name, _MOMENT) for name in names if _NAMED.fullmatch(name)]
    return max(moments).replace(tzinfo=UTC) if moments else None


def history_of(folder: Path, lead_id: str) -> pl.DataFrame:
    """Read a lead's scores over time.

    Parameters
    ----------
    folder : Path
        The history.
    lead_id : str

    Returns
    -------
    pl.DataFrame
        The columns of scores, by ``as_of``, and ``change``: the score's points since the one
        before by the same model version (null for its first). Empty for an unknown lead.

    Raises
    ------
    LeadcastError
        If the folder is no history.
    """
    rows = _scanned(folder).filter(pl.col("lead_id") == lead_id).collect()
    ordered = rows.unique(["as_of", "model_version"], keep="first").sort("as_of", "model_version")
    return ordered.with_columns(change=pl.col("score").diff().over("model_version").round(1))


def trend_of(history: pl.DataFrame) -> Trend:
    """Tell whether a lead's score rises or falls.

    Parameters
    ----------
    history : pl.DataFrame
        As `history_of` gives it.

    Returns
    -------
    {"improving", "steady", "declining", "not enough info"}
        By the latest ``change``, in units of `TREND_POINTS`.
    """
    return trend_of_change(None if history.is_empty() else history["change"][-1])


def trend_of_change(change: float | None) -> Trend:
    """Tell what a change of the score means.

    Parameters
    ----------
    change : float or None
        In points of 100; None where no earlier score is known.

    Returns
    -------
    {"improving", "steady", "declining", "not enough info"}
    """
    if change is None:
        return "not enough info"
    if abs(change) < TREND_POINTS:
        return "steady"
    return "improving" if change > 0 else "declining"


def changes(folder: Path, version: str) -> pl.LazyFrame:
    """Tell how each lead's latest score differs from the one before by the same model version.

    Parameters
    ----------
    folder : Path
        The history.
    version : str
        The model version.

    Returns
    -------
    pl.LazyFrame
        ``lead_id`` and ``change``, for the leads that were scored at least twice.
    """
    own = _scanned(folder).filter(pl.col("model_version") == version)
    last = own.unique(["lead_id", "as_of"]).group_by("lead_id")
    both = last.agg(pl.col("score").sort_by("as_of").tail(2))
    twice = both.filter(pl.col("score").list.len() == 2)
    return twice.select("lead_id", change=pl.col("score").list.get(1) - pl.col("score").list.get(0))


def _scanned(folder: Path) -> pl.LazyFrame:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise LeadcastError(
            f"{folder}: no score history is here; score with --history {folder} first"
        )
    return pl.scan_parquet(files)


def _moment(time: datetime) -> str:
    return time.strftime(_MOMENT)
