"""The accounts that have open leads now: how probable a customer is, and who is in the group."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.accounts.roles import ROLES
from leadcast.features.base.errors import Fault
from leadcast.features.registry import humanise
from leadcast.features.tables import TIME, Tables
from leadcast.models.accounts.account_model import AccountModel
from leadcast.models.accounts.account_moments import AccountTables, accounts_at, plain_probability
from leadcast.models.charts.numbers import NBSP, counted
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.open_leads import events_before, leads_at, stand

LIST = pl.Schema(
    {
        "account_id": pl.String(),
        "name": pl.String(),
        "domain": pl.String(),
        "as_of": TIME,
        "probability": pl.Float64(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
        "noisy_or": pl.Float64(),
        "best_lead": pl.Float64(),
        "open_leads": pl.Int64(),
        "roles": pl.List(pl.String),
        "missing_roles": pl.List(pl.String),
        "events_30d": pl.Int64(),
        "active_leads_30d": pl.Int64(),
        "days_since_event": pl.Float64(),
        "won_before": pl.Int64(),
        "lost_before": pl.Int64(),
        "moved_from": pl.Float64(),
        "why_moved": pl.String(),
        "lead_ids": pl.List(pl.String),
        "lead_probabilities": pl.List(pl.Float64),
        "model_version": pl.String(),
    }
)
"""The columns of a list of accounts, the likeliest first. ``probability``: that at least one of its
open leads becomes a customer within the horizon, with its 95 % interval; ``noisy_or``: what their
scores would say if they were independent."""
_TEXTS = pl.List(pl.String)
MOVED = 0.002
"""A probability that moved by less is told as unchanged."""


@dataclass(frozen=True)
class AccountsQuestion:
    """Which accounts are asked, and by which rules.

    Parameters
    ----------
    as_of : datetime
        The moment, with a time zone.
    landmarks_days : tuple of float
        The ages at which leads are scored: each counts with its score at the last of them.
    horizon_days, lag_days : float
        As the model of accounts was learned.
    """

    as_of: datetime
    landmarks_days: tuple[float, ...]
    horizon_days: float
    lag_days: float


def list_accounts(
    scorer: Scorer,
    tables: Tables,
    accounts: pl.DataFrame,
    model: AccountModel,
    question: AccountsQuestion,
    earlier: pl.DataFrame | None = None,
    warnings: list[Fault] | None = None,
) -> pl.DataFrame:
    """List the accounts that have open leads at a moment.

    Parameters
    ----------
    scorer : Scorer
        Scores the leads.
    tables : Tables
        Of a source with accounts.
    accounts : pl.DataFrame
        `leadcast.features.accounts.matching.ACCOUNTS`.
    model : AccountModel
    question : AccountsQuestion
    earlier : pl.DataFrame, optional
        The list before, since which movements are told.
    warnings : list of Fault, optional
        What was worked around is added to it.

    Returns
    -------
    pl.DataFrame
        `LIST`.
    """
    scores = _scores(scorer, tables, question, warnings)
    about = (question.horizon_days, question.lag_days)
    rows = accounts_at(AccountTables.of(tables), scores, [question.as_of], *about)
    probability, lower, upper = model.predict(rows)
    told = scores.select(lead_ids="lead_id", lead_probabilities="probability")
    leads = rows.select("account_id", "lead_ids").explode("lead_ids")
    each = leads.join(told, on="lead_ids", how="left", maintain_order="left")
    each = each.group_by("account_id", maintain_order=True).agg("lead_probabilities")
    version = scorer.bundle.manifest.bundle_id[:12]
    counts = {
        name: pl.col(column).exp().sub(1).round().cast(pl.Int64)
        for name, column in (
            *(("open_leads", "open_leads"), ("events_30d", "events")),
            *(("active_leads_30d", "active"), ("won_before", "won_before")),
            ("lost_before", "lost_before"),
        )
    }
    names = rows["role_names"].to_list()
    named = rows.with_columns(
        pl.Series("probability", probability),
        pl.Series("lower", lower),
        pl.Series("upper", upper),
        pl.Series("noisy_or", plain_probability(rows["noisy_or"])),
        pl.Series("roles", [[one for one in ROLES if one in own] for own in names], _TEXTS),
        pl.Series("missing_roles", [[r for r in ROLES if r not in own] for own in names], _TEXTS),
        pl.Series("best_lead", plain_probability(rows["best"])),
        pl.col("days_since_event").exp().sub(1).round(1),
        model_version=pl.lit(version),
        **counts,
    )
    named = named.join(accounts.select("account_id", "name", "domain"), on="account_id", how="left")
    whole = named.join(each, on="account_id", how="left")
    return (
        _moved(whole, earlier)
        .select(*LIST.names())
        .cast(dict(LIST))  # type: ignore[arg-type]
        .sort("probability", "account_id", descending=[True, False])
    )


def _scores(
    scorer: Scorer, tables: Tables, question: AccountsQuestion, warnings: list[Fault] | None
) -> pl.DataFrame:
    """Score each open lead of an account at its last landmark, as the model of accounts learned."""
    now = pl.lit(question.as_of).cast(TIME)
    landmarks = pl.DataFrame({"landmark": [float(one) for one in question.landmarks_days]})
    moment = pl.col("created_at") + pl.duration(
        microseconds=(pl.col("landmark") * 86_400e6).cast(pl.Int64)
    )
    assert tables.matches is not None, "only sources with accounts are asked"
    mine = tables.matches.drop_nulls("account_id").select("lead_id")
    leads = leads_at(tables, question.as_of).join(mine, on="lead_id", how="semi")
    asked = (
        leads.select("lead_id", "created_at")
        .join(landmarks, how="cross")
        .with_columns(as_of=moment.cast(TIME))
        .filter(pl.col("as_of") <= now)
        .sort("lead_id", "as_of")
        .group_by("lead_id", maintain_order=True)
        .agg(pl.col("as_of").last())
        .filter(
            pl.col("as_of")
            > now - pl.duration(microseconds=round(question.horizon_days * 86_400e6))
        )
    )
    rows = leads.drop("as_of", strict=False).join(asked, on="lead_id", maintain_order="left")
    if rows.is_empty():
        schema = pl.Schema({"lead_id": pl.String(), "as_of": TIME, "probability": pl.Float64()})
        return pl.DataFrame(schema=schema)
    events = events_before(tables, rows, question.as_of)
    found = stand(scorer, rows, events, warnings).scores
    return found.select("lead_id", "as_of", "probability")


def _moved(rows: pl.DataFrame, earlier: pl.DataFrame | None) -> pl.DataFrame:
    """Tell what moved since the list before."""
    nothing = [pl.lit(None, pl.Float64).alias("moved_from"), pl.lit(None, pl.String)]
    if earlier is None:
        return rows.with_columns(nothing[0], nothing[1].alias("why_moved"))
    before = {row["account_id"]: row for row in earlier.iter_rows(named=True)}
    moved, why = [], []
    for row in rows.iter_rows(named=True):
        old = before.get(row["account_id"])
        moved.append(None if old is None else old["probability"])
        why.append("new on the list" if old is None else _why(row, old))
    return rows.with_columns(
        pl.Series("moved_from", moved, dtype=pl.Float64),
        pl.Series("why_moved", why, dtype=pl.String),
    )


def _why(row: dict[str, Any], old: dict[str, Any]) -> str:
    parts = []
    came, left = {*row["lead_ids"]} - {*old["lead_ids"]}, {*old["lead_ids"]} - {*row["lead_ids"]}
    parts += [counted(len(came), "more open lead")] if came else []
    parts += [f"{counted(len(left), 'lead')} open no more"] if left else []
    roles = [one for one in row["roles"] if one not in old["roles"]]
    parts += [f"{humanise(one)} joined" for one in roles]
    more = row["events_30d"] - old["events_30d"]
    how = "more" if more > 0 else "fewer"
    parts += [f"{counted(abs(more), f'{how} event')} in 30 days"] if more else []
    change = row["probability"] - old["probability"]
    if not parts:
        return "unchanged" if abs(change) < MOVED else "newer scores of its leads"
    # It stands in tables, which are searched and opened in spreadsheets.
    return ", ".join(parts).replace(NBSP, " ")


def for_spreadsheets(frame: pl.DataFrame) -> pl.DataFrame:
    """Write lists as texts, for a CSV.

    Parameters
    ----------
    frame : pl.DataFrame
        `LIST`.

    Returns
    -------
    pl.DataFrame
    """
    percent = pl.col("lead_probabilities").list.eval(
        (pl.element() * 100).round(1).cast(pl.String) + "%"
    )
    return frame.with_columns(
        pl.col("roles", "missing_roles", "lead_ids").list.join("; "),
        percent.list.join("; "),
    )


def accounts_plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Give a list as JSON values.

    Parameters
    ----------
    frame : pl.DataFrame
        `LIST`.

    Returns
    -------
    list of dict
        Times in ISO format; numbers that are not finite are null.
    """
    rows = frame.with_columns(pl.col("as_of").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_dicts()
    return [
        {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in row.items()
        }
        for row in rows
    ]
