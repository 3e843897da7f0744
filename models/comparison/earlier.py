"""New points against those of an earlier comparison: two tables on the same leads and calls."""

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.draws import replicate
from leadcast.models.comparison.lists import Segments
from leadcast.models.comparison.result import Difference, Measured, ResultPart, whole
from leadcast.models.comparison.score_ranking import paired


class AgainstEarlier(ResultPart):
    """Customers that new points and earlier ones reach on the leads that have both.

    Parameters
    ----------
    leads, customers : int
        On the call list, with both.
    new, earlier : Measured
        Customers reached at the team's capacity.
    difference : Difference
        New minus earlier.
    words : str
    """

    leads: int
    customers: int
    new: Measured
    earlier: Measured
    difference: Difference
    words: str


def against_earlier(
    every: Compared,
    earlier: pl.DataFrame,
    calls_per_week: float | None,
    *,
    replicates: int,
    seed: int,
) -> AgainstEarlier | None:
    """Compare new points with earlier ones as both are compared with the learned score.

    Parameters
    ----------
    every : Compared
        Test snapshots with the new points.
    earlier : pl.DataFrame
        The leads.parquet of the earlier comparison.
    calls_per_week : float or None
        The team's capacity; None: as `Compared.capacities` takes it.
    replicates, seed : int
        Of the paired bootstrap, which draws leads (or accounts).

    Returns
    -------
    AgainstEarlier or None
        None where no lead on the call list has both.

    Raises
    ------
    LeadcastError
        If `earlier` is no such table.
    """
    both = _with_both(every, earlier).on_list
    if both.frame.is_empty():
        return None
    capacities = every.capacities(calls_per_week).for_part(both, every.on_list).only_team
    drawn = replicate(
        both, capacities, Segments.none(both.frame.height), replicates=replicates, seed=seed
    )
    seen = [reached.customers[0] for reached in drawn.seen]
    pair = paired(np.array(seen), drawn.customers[:, :, 0], drawn.freedom)
    found = AgainstEarlier(
        leads=both.frame.height,
        customers=round(float(both.floats("converted").sum())),
        new=pair.learned,
        earlier=pair.points,
        difference=pair.difference,
        words="",
    )
    return found.model_copy(update={"words": _words(found, capacities.calls_per_week, every.per)})


def _with_both(every: Compared, earlier: pl.DataFrame) -> Compared:
    keys = ["lead_id", "as_of"]
    missing = [name for name in (*keys, "points") if name not in earlier.columns]
    if missing:
        raise LeadcastError(f"the earlier comparison's leads lack {', '.join(missing)}")
    old = earlier.select(*keys, pl.col("points").alias("earlier"))
    rows = (
        every.frame.join(old, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(probability=pl.col("points"), points=pl.col("earlier"))
        .drop("earlier")
    )
    both = pl.col("probability").is_not_null() & pl.col("points").is_not_null()
    return Compared(rows.filter(both), (), every.landmark_days, every.weeks)


def _words(found: AgainstEarlier, calls: float, per: str) -> str:
    gap = whole(found.new.value) - whole(found.earlier.value)
    head = (
        f"At {calls:,.6g} calls a {per}, these points reach {whole(found.new.value):,} of "
        f"{found.customers:,} customers among the {found.leads:,} leads that have both, those "
        f"compared before {whole(found.earlier.value):,}: "
    )
    low, high = found.difference.low, found.difference.high
    if low is None or high is None:
        return f"{head}there is too little to tell whether that is a difference."
    told = f"{abs(gap):,} {'more' if gap > 0 else 'fewer'}" if gap else "as many"
    ends = f"{whole(low):+,} to {whole(high):+,}".replace("-", "−").replace("+0", "0")
    sure = "more than chance explains" if found.difference.shows else "chance could explain that"
    return f"{head}{told} (95 %: {ends}; {sure})."
