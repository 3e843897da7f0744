"""What a split came to: counts and date ranges for the report's timeline, and what to beware of."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from features.snapshots import microseconds
from features.tables import TIME
from models.splits import FRESH, PARTS

FEW_OUTCOMES = 10
"""Below so many leads of either outcome, a part is warned about: ten is where the published
minima for fitting or judging anything begin (ten events a parameter, ten won leads)."""


@dataclass(frozen=True)
class SplitSummary:
    """Counts and ranges of a split's parts.

    Parameters
    ----------
    table : pl.DataFrame
        As `frame` gives it.
    """

    table: pl.DataFrame

    def frame(self) -> pl.DataFrame:
        """Give the timeline as a table, a row for each part and each reason to leave out.

        Returns
        -------
        pl.DataFrame
            ``part``, ``reason`` (null unless left out), ``snapshots``, ``groups`` (leads or
            accounts), ``converted`` (snapshots), ``base_rate`` (null where no label is mature),
            ``first_position``, ``last_position``, ``first_as_of``, ``last_as_of`` and
            ``last_label_until`` (`TIME`, null where the source is not dated; the moment until
            which the part's labels look ahead).
        """
        return self.table

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the results should know about the split, a sentence each.

        Returns
        -------
        tuple of str
            Empty where there is nothing to say.
        """
        return tuple(_warnings(self.table))


def split_summary(split: pl.DataFrame, horizon_days: float | None) -> SplitSummary:
    """Count a split's snapshots by part and reason.

    Parameters
    ----------
    split : pl.DataFrame
        As `models.splits.split_snapshots` gives it.
    horizon_days : float or None
        How far a label looks ahead; None where the source is not dated.

    Returns
    -------
    SplitSummary
        Parts in time's order, then what is left out; every snapshot counted once.
    """
    horizon = pl.duration(microseconds=microseconds(horizon_days or 0.0))
    table = split.group_by("part", "reason").agg(
        snapshots=pl.len().cast(pl.Int64),
        groups=pl.col("group_id").hash().n_unique().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
        base_rate=pl.col("converted").mean(),
        first_position=pl.col("position").min(),
        last_position=pl.col("position").max(),
        first_as_of=pl.col("as_of").min(),
        last_as_of=pl.col("as_of").max(),
        last_label_until=(pl.col("as_of").max() + horizon).cast(TIME),
    )
    order = pl.col("part").replace_strict([*PARTS, FRESH, "left_out"], range(5))
    return SplitSummary(table.sort(order, "reason"))


def _warnings(table: pl.DataFrame) -> Iterator[str]:
    for row in table.filter(pl.col("part").is_in(PARTS)).iter_rows(named=True):
        fewer = min(row["converted"], row["snapshots"] - row["converted"])
        if fewer < FEW_OUTCOMES:
            yield (
                f"The {row['part']} part has {row['snapshots']} snapshots, of which "
                f"{row['converted']} converted: too few of one outcome for narrow intervals."
            )
    mature = table.filter(pl.col("reason").is_null() | (pl.col("reason") != "immature"))
    total = mature["snapshots"].sum()
    for row in mature.filter(pl.col("snapshots") * 3 > total).iter_rows(named=True):
        if row["part"] == "left_out":
            share = row["snapshots"] / total
            yield (
                f"{share:.0%} of the labelled snapshots are left out ({row['reason']}): a shorter "
                "horizon, a smaller purge or a longer history would leave more to learn from."
            )
