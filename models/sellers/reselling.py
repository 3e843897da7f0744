"""Which vendors sell people whom others, or they themselves, had sold before."""

from dataclasses import dataclass

import polars as pl

from leadcast.features.identity.resale import resales
from leadcast.models.sellers.contact_quality import persons
from leadcast.models.sellers.false_discovery import found_with_few_false

LIMIT = 0.10
"""A vendor is found where more than this share of its leads had come before."""
SHARE_SHAPE = (0.5, 4.5)
"""A beta distribution: what is thought of a vendor's share before looking."""


@dataclass(frozen=True)
class SellerResales:
    """What of a vendor's leads had come before.

    Parameters
    ----------
    seller : str
    leads, resold, by_others, by_itself : int
        All, those whose person had come before, and who had brought that one.
    share, low, high : float
        Of those resold, with its 95 % interval.
    over_limit : float
        The probability that the share is above `LIMIT`.
    delay_days : float or None
        The median since the earlier lead.
    found : bool
        Whether it is said to resell.
    """

    seller: str
    leads: int
    resold: int
    by_others: int
    by_itself: int
    share: float
    low: float
    high: float
    over_limit: float
    delay_days: float | None
    found: bool


def find_resellers(leads: pl.DataFrame, within_days: float) -> tuple[SellerResales, ...]:
    """Find vendors that resell.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``, ``created_at``, ``vendor``, and ``email`` and ``phone`` where there are
        any.
    within_days : float
        The same person had come so many days before, or less.

    Returns
    -------
    tuple of SellerResales
        A vendor each, the largest share first.
    """
    from scipy.stats import beta

    who = leads.select("lead_id", person_id=persons(leads))
    rows = list(resales(leads, who, within_days).vendors.iter_rows(named=True))
    posterior = {
        row["vendor"]: beta(
            SHARE_SHAPE[0] + row["resold"], SHARE_SHAPE[1] + row["leads"] - row["resold"]
        )
        for row in rows
    }
    likely = {name: float(one.sf(LIMIT)) for name, one in posterior.items()}
    found = found_with_few_false(likely)
    told = []
    for row in rows:
        own = posterior[row["vendor"]]
        low, high = own.ppf((0.025, 0.975))
        told.append(
            SellerResales(
                seller=row["vendor"],
                leads=row["leads"],
                resold=row["resold"],
                by_others=row["by_others"],
                by_itself=row["twice_by_itself"],
                share=float(own.mean()),
                low=float(low),
                high=float(high),
                over_limit=likely[row["vendor"]],
                delay_days=row["median_delay_days"],
                found=row["vendor"] in found,
            )
        )
    return tuple(sorted(told, key=lambda one: (-one.share, one.seller)))
