"""Who sold a lead that others had before: resales by vendor."""

from typing import NamedTuple

import polars as pl

RESALES = pl.Schema(
    {
        "lead_id": pl.String(),
        "person_id": pl.String(),
        "vendor": pl.String(),
        "created_at": pl.Datetime("us", "UTC"),
        "earlier_lead_id": pl.String(),
        "earlier_vendor": pl.String(),
        "first_lead_id": pl.String(),
        "first_vendor": pl.String(),
        "delay_days": pl.Float64(),
        "same_vendor": pl.Boolean(),
    }
)
"""The columns of `Resales.rows`."""
OWN = "(not bought)"
"""The seller of a lead without a vendor."""


class Resales(NamedTuple):
    """Which leads were sold again, and by whom."""

    rows: pl.DataFrame
    """A row for each bought lead whose person had come before (`RESALES`): the lead, the latest
    earlier one within the days (``earlier_``), and the first one of all (``first_``);
    ``same_vendor`` where the latest earlier lead is of the same vendor."""
    vendors: pl.DataFrame
    """A row a vendor, by its name: ``vendor``, ``leads`` (UInt32: all that it sold), ``resold``
    (those that anybody had before, within the days), ``by_others`` (the seller of the latest
    earlier lead is another vendor, or the lead came by itself), ``twice_by_itself``,
    ``first_seller`` (how many persons it was the first to sell among those sold again),
    ``share_had_before`` (of its leads, Float64) and ``median_delay_days``."""


def resales(leads: pl.DataFrame, persons: pl.DataFrame, within_days: float = 90.0) -> Resales:
    """Find leads of vendors whose person was there before, from another vendor or the same.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id``, ``created_at`` (times with a zone) and ``vendor`` (String, null where the lead
        was not bought), as `leadcast.features.tables.Tables.leads` has them.
    persons : pl.DataFrame
        ``lead_id`` and ``person_id``, as ``persons.parquet`` has them
        (`leadcast.features.identity.persons`) or ``leads.select("lead_id",
        person_id=leadcast.features.snapshots.person_ids(leads))``. A lead without a row, or
        without a creation time, is left out.
    within_days : float
        A lead counts as sold again where the person's latest earlier lead came at most so many
        days before it.

    Returns
    -------
    Resales
        Leads of one moment are ordered by their ids, so that the result does not depend on the
        rows' order.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 11)]
    >>> leads = pl.DataFrame({"lead_id": ["a", "b"], "vendor": ["X", "Y"], "created_at": moments})
    >>> found = resales(leads, pl.DataFrame({"lead_id": ["a", "b"], "person_id": ["a", "a"]}))
    >>> found.rows.select("lead_id", "first_vendor", "delay_days").rows()
    [('b', 'X', 10.0)]
    """
    vendor = pl.col("vendor").cast(pl.String)
    known = (
        leads.select("lead_id", pl.col("created_at").cast(RESALES["created_at"]), vendor=vendor)
        .drop_nulls("created_at")
        .join(persons.select("lead_id", "person_id"), on="lead_id")
        .sort("person_id", "created_at", "lead_id")
        .with_columns(seller=pl.col("vendor").fill_null(OWN))
    )
    again = known.with_columns(
        earlier_lead_id=pl.col("lead_id").shift(1).over("person_id"),
        earlier_vendor=pl.col("seller").shift(1).over("person_id"),
        first_lead_id=pl.col("lead_id").first().over("person_id"),
        first_vendor=pl.col("seller").first().over("person_id"),
        delay_days=(pl.col("created_at") - pl.col("created_at").shift(1).over("person_id"))
        .dt.total_microseconds()
        .truediv(86_400_000_000),
    ).with_columns(same_vendor=pl.col("earlier_vendor") == pl.col("vendor"))
    rows = again.filter(pl.col("vendor").is_not_null(), pl.col("delay_days") <= within_days).select(
        RESALES.names()
    )
    return Resales(rows.sort("created_at", "lead_id"), _by_vendor(known, rows))


def _by_vendor(known: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    sold = known.drop_nulls("vendor").group_by("vendor").agg(leads=pl.len())
    resold = rows.group_by("vendor").agg(
        resold=pl.len(),
        by_others=(~pl.col("same_vendor")).sum().cast(pl.UInt32),
        twice_by_itself=pl.col("same_vendor").sum().cast(pl.UInt32),
        median_delay_days=pl.col("delay_days").median(),
    )
    first = rows.unique("first_lead_id").group_by(vendor="first_vendor").agg(first_seller=pl.len())
    counts = ("resold", "by_others", "twice_by_itself", "first_seller")
    return (
        sold.join(resold, on="vendor", how="left")
        .join(first, on="vendor", how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .select(
            *("vendor", "leads", *counts),
            share_had_before=pl.col("resold") / pl.col("leads"),
            median_delay_days=pl.col("median_delay_days"),
        )
        .sort("vendor")
    )
