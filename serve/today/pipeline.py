"""The open pipeline at a moment: how likely each lead is won by each week, and for how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.landmarks import ages_days
from leadcast.features.tables import TIME, Tables
from leadcast.models.amounts.amount_model import AMOUNTS, AmountModel
from leadcast.models.curve.conversion_curve import CURVE, ConversionCurve
from leadcast.models.data import Floats, Integers
from leadcast.models.forecast.pipeline_level import OpenLeads, PastOrigin
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.open_leads import Standing, events_before, leads_at, stand

WEEK_DAYS = 7.0
MOST_WEEKS = 26


@dataclass(frozen=True)
class StandingPipeline:
    """The open leads at a moment, and who they are."""

    lead_id: pl.Series
    open_leads: OpenLeads


def weeks_of(scorer: Scorer) -> int:
    """Tell how many whole weeks ahead a bundle can look.

    Parameters
    ----------
    scorer : Scorer
        Of a dated source.

    Returns
    -------
    int
        Up to the longest horizon of its curve, at most `MOST_WEEKS`; without a curve, up to the
        horizon of its probability.
    """
    curve = _curve_of(scorer)
    days = scorer.bundle.manifest.origin.snapshots.horizon_days
    longest = days if curve is None else curve.longest_days
    return int(min(longest // WEEK_DAYS, MOST_WEEKS))


def pipeline_at(
    scorer: Scorer, tables: Tables, as_of: datetime, n_weeks: int, value: float | None = None
) -> StandingPipeline:
    """Look at the open leads as they stood at a moment.

    Parameters
    ----------
    scorer : Scorer
        Of a dated source, with at least `n_weeks` to look ahead.
    tables : Tables
    as_of : datetime
    n_weeks : int
    value : float, optional
        What a customer is worth where the bundle has no model of amounts.

    Returns
    -------
    StandingPipeline
    """
    leads = leads_at(tables, as_of)
    asked = leads.with_columns(as_of=pl.lit(as_of).cast(TIME))
    now = stand(scorer, asked, events_before(tables, leads, as_of), [])
    probability = now.scores["probability"].to_numpy()
    amount, is_known = _amounts(scorer, now, value)
    settings = scorer.bundle.manifest.origin.snapshots
    ages = ages_days(leads, as_of)
    bounds = [settings.landmarks_days[-1], settings.landmarks_days[-1] + settings.horizon_days]
    return StandingPipeline(
        leads["lead_id"],
        OpenLeads(
            within=_within(scorer, now, probability, n_weeks),
            amount=amount,
            is_known=is_known,
            age=np.searchsorted(bounds, ages, side="left").astype(np.int64),
        ),
    )


def past_origin(
    standing: StandingPipeline, outcomes: Mapping[str, Floats], as_of: datetime, until: datetime
) -> PastOrigin:
    """Put what came beside a past pipeline.

    Parameters
    ----------
    standing : StandingPipeline
    outcomes : mapping of str to ndarray of float64
        As `outcomes_by_lead` gives them, in the order of the standing leads.
    as_of : datetime
        The moment of the pipeline.
    until : datetime
        Until when outcomes are known.

    Returns
    -------
    PastOrigin
    """
    known = int((until - as_of) / timedelta(days=WEEK_DAYS))
    after = outcomes["won_days"] - as_of.timestamp() / 86_400
    # A win at the very end of a week belongs to it, as of horizons.
    week = np.ceil(np.nan_to_num(after, nan=-1.0) / WEEK_DAYS) - 1
    won: Integers = np.where((after > 0) & (week < known), week, -1).astype(np.int64)
    return PastOrigin(standing.open_leads, won, outcomes["amount"], known)


def outcomes_by_lead(tables: Tables, lead_id: pl.Series) -> dict[str, Floats]:
    """Give when leads were won (days since 1970, NaN where not) and for how much.

    Parameters
    ----------
    tables : Tables
    lead_id : pl.Series

    Returns
    -------
    dict
        ``won_days`` and ``amount``, each of shape (n,).
    """
    told = tables.outcomes.select(
        "lead_id",
        "amount",
        won_days=pl.col("won_at").dt.epoch("us") / (86_400 * 1e6),
    )
    joined = lead_id.to_frame().join(told, on="lead_id", how="left", maintain_order="left")
    return {
        name: joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("won_days", "amount")
    }


def _within(scorer: Scorer, now: Standing, probability: Floats, n_weeks: int) -> Floats:
    days = WEEK_DAYS * np.arange(1, n_weeks + 1)
    curve = _curve_of(scorer)
    if curve is not None:
        return curve.probability(now.values, probability, days.tolist())
    # Without a curve a lead is as likely won on one day of the horizon as on another.
    horizon = scorer.bundle.manifest.origin.snapshots.horizon_days
    spread = np.log1p(-probability)[:, None] * (days / horizon)
    return np.asarray(-np.expm1(spread))


def _curve_of(scorer: Scorer) -> ConversionCurve | None:
    part = scorer.bundle.extras.get(CURVE)
    return part if isinstance(part, ConversionCurve) else None


def _amounts(scorer: Scorer, now: Standing, value: float | None) -> tuple[Floats, Floats]:
    part = scorer.bundle.extras.get(AMOUNTS)
    if isinstance(part, AmountModel):
        told = part.predict(now.values)
        return told.mean, told.is_known
    n = len(now.values)
    return np.full(n, np.nan if value is None else value), np.ones(n)
