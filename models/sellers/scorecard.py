"""A scorecard for each vendor, source or campaign: what it delivered, and how sure one can be."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.models.data import Floats
from leadcast.models.sellers.ratio_posterior import RatioDraws, dispersion_of, ratio_draws

SURE = 0.9
"""From this probability on a seller is called the best or the worst."""
TREND_SURE = 0.975
_FLAGS = ("valid", "reachable", "duplicate", "resold")


@dataclass(frozen=True)
class SellerCard:
    """What a seller delivered.

    Parameters
    ----------
    seller : str
    leads, mature : int
        All, and those of which it is known whether they converted.
    cost_per_lead : float or None
        The mean of those whose cost is known.
    valid, reachable, duplicate, resold, junk : float or None
        Shares of the leads; None where the source does not tell.
    observed, expected : float
        Conversions that came and that such leads bring, of the mature ones.
    ratio, low, high : float
        Observed over expected, drawn towards the mean of the sellers, with its 95 % interval.
    rank, rank_low, rank_high : float
        The mean rank and its 95 % interval; 1 is the highest ratio.
    best, worst : float
        The probabilities that no other seller's ratio is higher, or lower.
    cost_per_customer, cost_low, cost_high : float or None
        From the same draws.
    earlier, later : float or None
        The ratio in the older and the newer half of its leads, not drawn anywhere; None where
        nothing is expected of one.
    rising : float or None
        The probability that it rose.
    verdict, trend : str
        In words.
    """

    seller: str
    leads: int
    mature: int
    cost_per_lead: float | None
    valid: float | None
    reachable: float | None
    duplicate: float | None
    resold: float | None
    junk: float | None
    observed: float
    expected: float
    ratio: float
    low: float
    high: float
    rank: float
    rank_low: float
    rank_high: float
    best: float
    worst: float
    cost_per_customer: float | None
    cost_low: float | None
    cost_high: float | None
    earlier: float | None
    later: float | None
    rising: float | None
    verdict: str
    trend: str

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Scorecard:
    """The cards of one attribute's values.

    Parameters
    ----------
    attribute : str
        ``"vendor"``, ``"source"`` or ``"campaign"``.
    cards : tuple of SellerCard
        By mean rank.
    mean, spread : float
        The ratio of all of them together, and how far they differ, as a share of it.
    dispersion : float
        How much more conversions vary than independent ones.
    """

    attribute: str
    cards: tuple[SellerCard, ...]
    mean: float
    spread: float
    dispersion: float

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


def scorecard(facts: pl.DataFrame, attribute: str, seed: int = 0) -> Scorecard | None:
    """Score the sellers that an attribute names.

    Parameters
    ----------
    facts : pl.DataFrame
        As `leadcast.models.sellers.lead_facts.lead_facts` gives it.
    attribute : str
        A column of it.
    seed : int
        Of the draws.

    Returns
    -------
    Scorecard or None
        None where no lead with a known outcome has a seller.
    """
    sold = facts.filter(pl.col(attribute).is_not_null()).rename({attribute: "seller"})
    mature = sold.drop_nulls("expected")
    if mature.is_empty():
        return None
    every = facts.drop_nulls("expected")
    dispersion = dispersion_of(
        *(every[name].to_numpy() for name in ("converted", "expected", "group"))
    )
    table = _counted(sold, mature)
    draws = ratio_draws(
        table["observed"].to_numpy(), table["expected"].to_numpy(), dispersion, seed
    )
    halves = _halves(mature, table["seller"], draws, dispersion, seed)
    columns = _of_draws(draws, table) | halves
    rows = table.with_columns(**{name: pl.Series(name, one) for name, one in columns.items()})
    cards = [_card(row, rows.height) for row in rows.iter_rows(named=True)]
    cards.sort(key=lambda card: (card.rank, card.seller))
    return Scorecard(attribute, tuple(cards), draws.mean, draws.spread, dispersion)


def _counted(sold: pl.DataFrame, mature: pl.DataFrame) -> pl.DataFrame:
    shares = [pl.col(name).cast(pl.Float64).mean() for name in _FLAGS]
    all_leads = sold.group_by("seller").agg(
        *shares, pl.col("junk").mean(), leads=pl.len(), cost_per_lead=pl.col("cost").mean()
    )
    known = mature.group_by("seller").agg(
        mature=pl.len(), observed=pl.col("converted").sum(), expected=pl.col("expected").sum()
    )
    joined = all_leads.join(known, on="seller", how="left").with_columns(
        pl.col("mature", "observed", "expected").fill_null(0)
    )
    return joined.sort("seller")


def _of_draws(draws: RatioDraws, table: pl.DataFrame) -> dict[str, Floats]:
    ranks, (low, high) = draws.ranks(), draws.interval()
    rank_low, rank_high = draws.interval(ranks.astype(np.float64))
    expected, mature = table["expected"].to_numpy(), table["mature"].to_numpy()
    cost = table["cost_per_lead"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    # What a customer costs: leads for one customer, times what a lead costs.
    with np.errstate(divide="ignore", invalid="ignore"):
        per_customer = cost / (draws.ratio * (expected / mature))
    cost_low, cost_high = draws.interval(per_customer)
    return {
        "ratio": draws.ratio.mean(axis=0),
        "low": low,
        "high": high,
        "rank": ranks.mean(axis=0),
        "rank_low": rank_low,
        "rank_high": rank_high,
        "best": (ranks == 1).mean(axis=0),
        "worst": (ranks == ranks.shape[1]).mean(axis=0),
        "cost_per_customer": np.median(per_customer, axis=0),
        "cost_low": cost_low,
        "cost_high": cost_high,
    }


def _halves(
    mature: pl.DataFrame, sellers: pl.Series, draws: RatioDraws, dispersion: float, seed: int
) -> dict[str, Floats]:
    """Compare the newer half of each seller's leads with the older one."""
    if mature["created_at"].null_count() == mature.height:
        nothing = np.full(len(sellers), np.nan)
        return dict.fromkeys(("earlier", "later", "rising"), nothing)
    newer = pl.col("created_at") > pl.col("created_at").median().over("seller")
    sums = (
        mature.with_columns(newer=newer)
        .group_by("seller", "newer")
        .agg(pl.col("converted", "expected").sum())
    )
    parts = [
        sellers.to_frame("seller")
        .join(sums.filter(newer=half), on="seller", how="left", maintain_order="left")
        .select(pl.col("converted", "expected").fill_null(0.0))
        .to_numpy()
        for half in (False, True)
    ]
    rng, centre = np.random.default_rng(seed + 1), draws.ratio.mean(axis=0)
    size = 1 / draws.spread**2
    drawn = [
        rng.gamma(
            part[:, 0] / dispersion + size,
            1 / (part[:, 1] / dispersion + size / centre),
            draws.ratio.shape,
        )
        for part in parts
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        earlier, later = (part[:, 0] / part[:, 1] for part in parts)
    both = np.isfinite(earlier) & np.isfinite(later)
    rising = np.where(both, (drawn[1] > drawn[0]).mean(axis=0), np.nan)
    return {"earlier": earlier, "later": later, "rising": rising}


def _card(row: dict[str, Any], sellers: int) -> SellerCard:
    plain: dict[str, Any] = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
    }
    rising = plain["rising"]
    trend = "unknown"
    if rising is not None:
        trend = (
            "rising"
            if rising >= TREND_SURE
            else "falling"
            if rising <= 1 - TREND_SURE
            else "none seen"
        )
    return SellerCard(**plain, verdict=_verdict(row, sellers), trend=trend)


def _verdict(row: dict[str, Any], sellers: int) -> str:
    if sellers > 1 and row["best"] >= SURE:
        return "the best"
    if sellers > 1 and row["worst"] >= SURE:
        return "the worst"
    if row["low"] > 1:
        return "above expected"
    if row["high"] < 1:
        return "below expected"
    return "as expected, or too few to tell"
