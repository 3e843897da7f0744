"""Accounts at moments: which of their leads are open then, with which scores, and what came of it.

A lead is *in play* at a moment where it is open and its last score, as of then or before, is not
older than the horizon. All that is told of an account was known strictly before the moment; its
label is whether one of the leads in play is won within the horizon after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.accounts.roles import DECISION_MAKER, NO_ROLE, buying_role
from leadcast.features.boundary import known
from leadcast.features.tables import TIME, Tables
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid

ENGAGED_DAYS = 30.0
"""What colleagues did is counted over so many days."""
INPUTS = (
    *("noisy_or", "best", "open_leads", "roles", "decision_maker", "events", "active"),
    *("days_since_event", "won_before", "lost_before", "score_age"),
)
"""What is known of an account at a moment, in the order of the model's inputs: log-odds of
``1 - prod(1 - p)`` and of the likeliest lead, and ``log(1 + x)`` of counts and days."""


@dataclass(frozen=True)
class AccountTables:
    """What accounts at moments are made of.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id``, ``account_id``, ``created_at``, ``role``, ``won_at``, ``lost_at``; those with
        an account alone.
    events : pl.DataFrame
        ``lead_id``, ``account_id`` and ``occurred_at`` of these leads: when it was known.
    """

    leads: pl.DataFrame
    events: pl.DataFrame

    @classmethod
    def of(cls, tables: Tables) -> "AccountTables":
        """Take them from a run's tables, whose source asks for accounts.

        Parameters
        ----------
        tables : Tables
            With `Tables.matches`.

        Returns
        -------
        AccountTables
        """
        assert tables.matches is not None, "only sources with accounts are asked"
        has_title = tables.leads.schema.get("job_title") == pl.String
        title = pl.col("job_title") if has_title else pl.lit(None, pl.String)
        titles = tables.leads.select(title=title).unique()
        roles = titles.with_columns(
            role=pl.col("title").map_elements(buying_role, pl.String, skip_nulls=False)
        )
        leads = (
            tables.leads.select("lead_id", "created_at", title=title)
            .join(tables.matches.select("lead_id", "account_id"), on="lead_id")
            .drop_nulls(["account_id", "created_at"])
            .join(roles, on="title", how="left", nulls_equal=True)
            .join(tables.outcomes.select("lead_id", "won_at", "lost_at"), on="lead_id")
            .drop("title")
            .sort("lead_id")
        )
        mine = leads.lazy().select("lead_id", "account_id", "created_at")
        events = tables.events.select("lead_id", "occurred_at").join(mine, on="lead_id")
        times = pl.max_horizontal("occurred_at", "created_at")
        return cls(leads, events.select("lead_id", "account_id", occurred_at=times).collect())


def accounts_at(
    tables: AccountTables,
    scores: pl.DataFrame,
    moments: Sequence[datetime],
    horizon_days: float,
    lag_days: float = 0.0,
) -> pl.DataFrame:
    """Describe accounts at moments.

    Parameters
    ----------
    tables : AccountTables
    scores : pl.DataFrame
        ``lead_id``, ``as_of`` and ``probability``: scores of leads at moments of their own.
    moments : sequence of datetime
        With a time zone.
    horizon_days : float
        How far the label looks ahead, and how long a score counts.
    lag_days : float
        An outcome of the past is known so long after it happened.

    Returns
    -------
    pl.DataFrame
        A row for each account with a lead in play: ``account_id``, ``as_of``, ``won`` (Boolean),
        `INPUTS` (Float64), ``lead_ids`` (the leads in play, the likeliest first) and
        ``role_names`` (of all its leads that were known).
    """
    ordered = scores.select("lead_id", "as_of", "probability").sort("as_of", "lead_id")
    found = [_at(tables, ordered, one, horizon_days, lag_days) for one in moments]
    return pl.concat(found) if found else _at(tables, ordered.clear(), _NEVER, 1.0, 0.0)


_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _at(
    tables: AccountTables,
    scores: pl.DataFrame,
    moment: datetime,
    horizon_days: float,
    lag_days: float,
) -> pl.DataFrame:
    now, horizon = pl.lit(moment).cast(TIME), timedelta(days=horizon_days)
    latest = (
        scores.filter(pl.col("as_of") <= now, pl.col("as_of") > pl.lit(moment - horizon))
        .group_by("lead_id", maintain_order=True)
        .last()
        .rename({"as_of": "scored_at"})
    )
    is_open = [pl.col(end).is_null() | (pl.col(end) > now) for end in ("won_at", "lost_at")]
    in_play = tables.leads.filter(is_open).join(latest, on="lead_id")
    age = (now - pl.col("scored_at")).dt.total_seconds() / 86_400
    won = (pl.col("won_at") <= pl.lit(moment + horizon)).fill_null(value=False)
    asked = (
        in_play.with_columns(age=age, won=won)
        .sort("probability", "lead_id", descending=[True, False])
        .group_by("account_id", maintain_order=True)
        .agg(
            pl.col("won").any(),
            none=(-pl.col("probability")).log1p().sum(),
            top=pl.col("probability").max(),
            n_open=pl.len(),
            age=pl.col("age").mean(),
            lead_ids=pl.col("lead_id"),
        )
    )
    whole = asked.join(_people(tables, now, lag_days), on="account_id", how="left").join(
        _engagement(tables, now, moment), on="account_id", how="left"
    )
    return _inputs(whole.sort("account_id").with_columns(as_of=now))


def _people(tables: AccountTables, now: pl.Expr, lag_days: float) -> pl.DataFrame:
    came = tables.leads.filter(known(pl.col("created_at"), now))
    lag = pl.duration(microseconds=round(lag_days * 86_400_000_000))
    ends = [
        known(pl.col(end) + lag, now).fill_null(value=False).sum().alias(name)
        for end, name in (("won_at", "n_won"), ("lost_at", "n_lost"))
    ]
    names = pl.col("role").filter(pl.col("role") != NO_ROLE).unique().sort().alias("role_names")
    return came.group_by("account_id").agg(names, *ends)


def _engagement(tables: AccountTables, now: pl.Expr, moment: datetime) -> pl.DataFrame:
    since = pl.lit(moment - timedelta(days=ENGAGED_DAYS)).cast(TIME)
    done = tables.events.filter(known(pl.col("occurred_at"), now))
    recent = pl.col("occurred_at") >= since
    return done.group_by("account_id").agg(
        n_events=recent.sum(),
        n_active=pl.col("lead_id").filter(recent).n_unique(),
        idle=(now - pl.col("occurred_at").max()).dt.total_seconds() / 86_400,
    )


_LONGEST_IDLE = 365.0


def _inputs(rows: pl.DataFrame) -> pl.DataFrame:
    noisy_or = -np.expm1(rows["none"].to_numpy().astype(np.float64))
    roles = pl.col("role_names").fill_null(pl.lit([], pl.List(pl.String)))
    return rows.with_columns(role_names=roles).select(
        "account_id",
        "as_of",
        "won",
        pl.Series("noisy_or", log_odds_of(noisy_or)),
        pl.Series("best", log_odds_of(rows["top"].to_numpy().astype(np.float64))),
        *(
            count.fill_null(0).cast(pl.Float64).log1p().alias(name)
            for name, count in (
                ("open_leads", pl.col("n_open")),
                ("roles", pl.col("role_names").list.len()),
                ("decision_maker", pl.col("role_names").list.contains(DECISION_MAKER)),
                ("events", pl.col("n_events")),
                ("active", pl.col("n_active")),
                ("days_since_event", pl.col("idle").fill_null(_LONGEST_IDLE)),
                ("won_before", pl.col("n_won")),
                ("lost_before", pl.col("n_lost")),
                ("score_age", pl.col("age")),
            )
        ),
        "lead_ids",
        "role_names",
    )


def noisy_or(probability: Floats) -> float:
    """Give the probability that at least one of independent leads is won.

    Parameters
    ----------
    probability : ndarray of float64

    Returns
    -------
    float

    Examples
    --------
    >>> noisy_or(np.array([0.5, 0.5]))
    0.75
    """
    return float(-np.expm1(np.log1p(-probability).sum()))


def plain_probability(log_odds: pl.Series) -> Floats:
    """Turn a column of log-odds into probabilities."""
    return sigmoid(log_odds.to_numpy().astype(np.float64))
