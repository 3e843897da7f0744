"""Who was called decides whose outcome says anything: snapshots weighed by how they were drawn.

A lead that nobody called is recorded as not won, which tells of the call list and not of the lead.
Of the leads that a list had, those that were called stand for all: each counts the inverse of the
propensity with which it was on the list (Horvitz and Thompson 1952), and those that were not called
count nothing. Large weights are cut off (Cole and Hernán 2008, American Journal of Epidemiology
168), which trades some of the bias back for less variance; how much is told.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.tables import TIME
from leadcast.models.data import Floats, LabelledMatrix

WEIGHT = "weight"


@dataclass(frozen=True)
class SelectionFacts:
    """What the weights are worth.

    Parameters
    ----------
    unlisted : int
        Snapshots that no list had within their horizon; each counts 1, with its label as recorded.
    called, explored : int
        Snapshots of called leads, and of those the ones from below the line.
    left_out : int
        Snapshots of leads that were listed and not called.
    cut_off : int
        Weights above the most.
    most : float
    stood_for : float
        The listed snapshots that the called ones stand for: the sum of their weights.
    effective : float
        So many called snapshots of equal weight would be worth as much (Kish 1965).
    weeks_without : int
        Weeks whose list explored nobody: what was below their line counts as it was recorded.
    """

    unlisted: int
    called: int
    explored: int
    left_out: int
    cut_off: int
    most: float
    stood_for: float
    effective: float
    weeks_without: int

    def to_json(self) -> dict[str, Any]:
        """Give the numbers as plain data."""
        return asdict(self)

    def words(self) -> str:
        """Tell it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        listed = self.called + self.left_out
        yield (
            f"weighed by the call lists: {self.called:,} snapshots of called leads, "
            f"{self.explored:,} of them explored, stand for {self.stood_for:,.0f} of {listed:,}, "
            f"and are worth {self.effective:,.0f} of equal weight; {self.left_out:,} of leads that "
            f"nobody called left out; {self.unlisted:,} were on no list and count 1"
        )
        if self.cut_off:
            yield (
                f"{self.cut_off:,} weights are cut off at {self.most:g}, so that their leads count "
                "less than they stand for (selection.most_weight)"
            )
        if self.weeks_without:
            yield (
                f"{self.weeks_without:,} lists explored nobody (handoff.exploration_share): what "
                "was below their line counts as it was recorded, and no weight can mend that"
            )


def effective_rows(weight: Floats) -> float:
    """Tell how many rows of equal weight are worth as much, after Kish (1965).

    Parameters
    ----------
    weight : ndarray of float64, shape (n_rows,)

    Returns
    -------
    float
        0 without rows.
    """
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def as_evidence(data: LabelledMatrix) -> LabelledMatrix:
    """Scale the weights of rows so that all together count as much as they are worth.

    A lead that stands for twenty tells as much as one: priors and penalties are set against what
    is really known.

    Parameters
    ----------
    data : LabelledMatrix

    Returns
    -------
    LabelledMatrix
        The same where the rows have no weights.
    """
    if data.weight is None or not data.weight.any():
        return data
    return replace(data, weight=data.weight * (effective_rows(data.weight) / data.weight.sum()))


def weigh_calls(
    snapshots: pl.DataFrame, calls: pl.DataFrame, horizon: timedelta, most: float
) -> tuple[pl.DataFrame, SelectionFacts]:
    """Weigh snapshots by the first call list that had their lead within their horizon.

    Parameters
    ----------
    snapshots : pl.DataFrame
        ``lead_id``, ``as_of`` and what else there is.
    calls : pl.DataFrame
        The logged lists, one below the other: ``lead_id``, ``as_of``, ``week``, ``call_rank``
        (null for who was not called), ``explored`` and ``propensity``, which is above 0.
    horizon : timedelta
        How far the snapshots' labels look ahead.
    most : float
        What no weight is above; at least 1.

    Returns
    -------
    snapshots : pl.DataFrame
        In their order, with ``weight``: 0 for who was listed and not called.
    facts : SelectionFacts
    """
    lists = calls.select(
        "lead_id",
        "propensity",
        "explored",
        listed_at=pl.col("as_of").cast(TIME),
        called=pl.col("call_rank").is_not_null(),
    ).sort("listed_at")
    found = (
        snapshots.with_row_index("_row")
        .sort("as_of")
        .join_asof(
            lists,
            left_on="as_of",
            right_on="listed_at",
            by="lead_id",
            strategy="forward",
            tolerance=horizon,
            check_sortedness=False,
        )
        .sort("_row")
    )
    full = 1 / found["propensity"].to_numpy().astype(np.float64)
    called = found["called"].fill_null(value=False).to_numpy()
    listed = found["called"].is_not_null().to_numpy()
    weight = np.where(listed, np.where(called, np.minimum(full, most), 0.0), 1.0)
    tried = calls.group_by("week").agg(pl.col("propensity").min())
    own = weight[called]
    facts = SelectionFacts(
        unlisted=int((~listed).sum()),
        called=int(called.sum()),
        explored=int((called & found["explored"].fill_null(value=False).to_numpy()).sum()),
        left_out=int((listed & ~called).sum()),
        cut_off=int((called & (full > most)).sum()),
        most=most,
        stood_for=float(own.sum()),
        effective=effective_rows(own),
        weeks_without=int((tried["propensity"] >= 1).sum()),
    )
    return snapshots.with_columns(pl.Series(WEIGHT, weight)), facts


def repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """Let each row stand there as often as it weighs, for what knows no weights.

    Copies of a row share its group, so that whatever counts groups is not misled. Fractions are
    carried on to the next row: the number of all is right to less than one.

    Parameters
    ----------
    rows : pl.DataFrame
        Perhaps with ``weight``.

    Returns
    -------
    pl.DataFrame
        Without it.
    """
    if WEIGHT not in rows.columns:
        return rows
    ends = np.floor(np.cumsum(rows[WEIGHT].to_numpy()) + 0.5).astype(np.int64)
    times = np.diff(ends, prepend=0)
    return rows.drop(WEIGHT)[np.repeat(np.arange(rows.height), times)]
