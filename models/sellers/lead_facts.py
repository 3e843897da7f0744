"""What is known of each lead that its seller answers for, in one table."""

from collections.abc import Collection
from datetime import timedelta

import polars as pl

from leadcast.features.identity.resale import OWN, resales
from leadcast.features.tables import Tables
from leadcast.features.values.categories import key
from leadcast.models.sellers.contact_quality import contact_faults, earlier_leads, persons
from leadcast.models.sellers.junk import JunkFound

DUPLICATE_DAYS = 90.0
SELLERS = ("vendor", "source", "campaign")
"""The attributes by whose values leads are put together, as far as a source has them."""


def lead_facts(
    tables: Tables,
    expected: pl.DataFrame,
    junk: JunkFound | None = None,
    dead: Collection[str] = (),
    duplicate_days: float = DUPLICATE_DAYS,
) -> pl.DataFrame:
    """Put together what a scorecard counts.

    Parameters
    ----------
    tables : Tables
    expected : pl.DataFrame
        As `leadcast.models.sellers.expected.expected_conversions` gives it.
    junk : JunkFound, optional
        None where nothing could be told.
    dead : collection of str
        Kinds of events that say that nobody can be reached.
    duplicate_days : float
        The same person had come so many days before, or less.

    Returns
    -------
    pl.DataFrame
        A row a lead: ``lead_id``, ``created_at``, ``vendor``, ``source`` and ``campaign`` as far
        as there are (spelt alike), ``cost`` (Float64, null where unknown), ``valid`` (nothing is
        wrong with the contacts given, and there is one), ``reachable`` (a contact without fault,
        and no event says otherwise), ``duplicate`` (the same person had come before) and ``resold``
        (a vendor had brought it then; null where the source has no times), ``junk`` (Float64),
        ``converted``, ``expected`` and ``group`` (null while
        the outcome is open).
    """
    leads, faults = tables.leads, contact_faults(tables.leads)
    good = {
        name: pl.col(f"has_{name}") & pl.col(f"{name}_fault").is_null()
        for name in ("email", "phone")
    }
    wrong = pl.col("email_fault").is_not_null() | pl.col("phone_fault").is_not_null()
    told = faults.select(
        "lead_id",
        valid=(good["email"] | good["phone"]) & ~wrong,
        good=good["email"] | good["phone"],
    )
    gone = _dead(tables, dead)
    known = (
        leads.select(
            "lead_id",
            "created_at",
            *(spelt_alike(leads[name]) for name in SELLERS if name in leads.columns),
            cost=leads["cost"] if "cost" in leads.columns else pl.lit(None, pl.Float64),
        )
        .join(told, on="lead_id", how="left", maintain_order="left")
        .with_columns(reachable=pl.col("good") & ~pl.col("lead_id").is_in(gone.implode()))
        .drop("good")
    )
    known = _with_persons(known, leads, duplicate_days)
    found = pl.lit(None, pl.Float64) if junk is None else pl.Series(junk.probability)
    known = known.with_columns(junk=found)
    return known.join(expected, on="lead_id", how="left", maintain_order="left")


def spelt_alike(values: pl.Series) -> pl.Series:
    """Write values that differ in case or spaces alone as the most frequent of them.

    Parameters
    ----------
    values : pl.Series of String

    Returns
    -------
    pl.Series of String
    """
    counts = values.drop_nulls().value_counts(sort=True)
    chosen: dict[str, str] = {}
    names = dict[str, str]()
    for value in counts.to_series(0).to_list():
        names[value] = chosen.setdefault(key(value), value)
    return values.replace_strict(names, default=None, return_dtype=pl.String)


def _dead(tables: Tables, kinds: Collection[str]) -> pl.Series:
    """Name the leads that an event says nobody can reach."""
    bounced = pl.col("event_type").is_in(list(kinds))
    return tables.events.filter(bounced).select("lead_id").collect()["lead_id"].unique()


def _with_persons(known: pl.DataFrame, leads: pl.DataFrame, days: float) -> pl.DataFrame:
    if leads["created_at"].null_count() == leads.height:
        none = pl.lit(None, pl.Boolean)
        return known.with_columns(duplicate=none, resold=none)
    near = pl.col("created_at") - pl.col("earlier_at") <= timedelta(days=days)
    earlier = earlier_leads(leads).join(leads.select("lead_id", "created_at"), on="lead_id")
    known = known.with_columns(
        duplicate=pl.col("lead_id").is_in(earlier.filter(near)["lead_id"].implode())
    )
    if "vendor" not in leads.columns:
        return known.with_columns(resold=pl.lit(None, pl.Boolean))
    who = leads.select("lead_id", person_id=persons(leads))
    sold = resales(leads, who, days).rows.filter(pl.col("earlier_vendor") != OWN)
    return known.with_columns(resold=pl.col("lead_id").is_in(sold["lead_id"].implode()))
