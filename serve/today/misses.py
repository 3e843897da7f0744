"""Misses by name: the customers of the test that were scored low, and the best hits beside them."""

from typing import Any

import polars as pl

from leadcast.features.tables import TIME, Tables
from leadcast.serve.reasons import reasons_of
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.handoff import week_of
from leadcast.serve.today.open_leads import events_before, stand

LOW, HIGH = ("C", "D"), ("A",)
"""The grades of a miss and of a hit."""
MOST_REASONS = 3


def customers_of_test(scorer: Scorer, test_scores: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Take each customer of the test as it stood when it was scored highest.

    Who was scored low even then never came near a call list. Leads that are told at several ages
    stand there once.

    Parameters
    ----------
    scorer : Scorer
        Of the judged model, which had not seen how they ended.
    test_scores : pl.DataFrame
        As the run's ``test_scores.parquet``: ``lead_id``, ``as_of``, ``probability``,
        ``converted``.
    tables : Tables

    Returns
    -------
    pl.DataFrame
        ``lead_id``, ``as_of``, ``probability``, ``won_at``, ``amount``, ``grade``; the lowest
        first.
    """
    won = test_scores.filter(pl.col("converted").cast(pl.Boolean))
    best = won.sort("probability", "as_of", descending=[True, False]).unique(
        "lead_id", keep="first", maintain_order=True
    )
    outcomes = tables.outcomes.select("lead_id", "won_at", "amount")
    people = (
        best.select("lead_id", "as_of", "probability")
        .join(outcomes, on="lead_id", how="left", maintain_order="left")
        .sort("probability", "lead_id")
    )
    grade = scorer.bundle.reference.grade(people["probability"].to_numpy())
    return people.with_columns(pl.Series("grade", grade))


def misses_and_hits(
    scorer: Scorer, people: pl.DataFrame, tables: Tables, per_week: int
) -> pl.DataFrame:
    """Tell the customers that were scored low and high, week by week, with what was known then.

    Parameters
    ----------
    scorer : Scorer
        Of the judged model.
    people : pl.DataFrame
        As `customers_of_test` gives them.
    tables : Tables
        Of a dated source.
    per_week : int
        At most so many of either in a week: the worst misses and the best hits.

    Returns
    -------
    pl.DataFrame
        ``week`` (of the moment of the score), ``kind`` (``"miss"`` or ``"hit"``), ``lead_id``,
        ``as_of``, ``age_days``, ``probability``, ``grade``, ``won_at``, ``days_until_won``,
        ``amount``, ``events`` (how many were known), ``reasons_up`` and ``reasons_down`` (lists of
        words); by week, misses first.
    """
    weeks = [week_of(moment) for moment in people["as_of"].to_list()]
    people = people.with_columns(pl.Series("week", weeks, pl.String))
    low = people.filter(pl.col("grade").is_in(LOW)).with_columns(kind=pl.lit("miss"))
    high = people.filter(pl.col("grade").is_in(HIGH)).with_columns(kind=pl.lit("hit")).reverse()
    chosen = pl.concat(
        [
            side.filter(pl.int_range(pl.len()).over("week") < per_week).sort(
                "week", maintain_order=True
            )
            for side in (low, high)
        ]
    )
    told = _known_then(scorer, chosen, tables)
    order = pl.col("kind") == "hit"
    return told.sort("week", order, maintain_order=True)


def counts(people: pl.DataFrame) -> dict[str, int]:
    """Count the customers of the test, as `customers_of_test` gives them, by how they scored."""
    low, high = people["grade"].is_in(LOW).sum(), people["grade"].is_in(HIGH).sum()
    return {"customers": people.height, "misses": int(low), "hits": int(high)}


def _known_then(scorer: Scorer, chosen: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    leads = chosen.select("lead_id", "as_of", "kind").join(
        tables.leads, on="lead_id", how="left", maintain_order="left"
    )
    told: dict[str, list[Any]] = {"events": [], "reasons_up": [], "reasons_down": []}
    if chosen.height:
        last = chosen["as_of"].max()
        events = events_before(tables, leads, last)  # type: ignore[arg-type]
        known = events.join(chosen.select("lead_id", "as_of"), on="lead_id")
        known = known.filter(pl.col("occurred_at") < pl.col("as_of")).drop("as_of")
        reasons = reasons_of(scorer.bundle, stand(scorer, leads, known).values)
        counted = dict(known.group_by("lead_id").len().iter_rows())
        told["events"] = [counted.get(one, 0) for one in chosen["lead_id"]]
        for side in ("up", "down"):
            told[f"reasons_{side}"] = [
                [reason.words for reason in getattr(one, side)[:MOST_REASONS]] for one in reasons
            ]
    span = 86_400_000_000
    return chosen.with_columns(
        age_days=((pl.col("as_of") - leads["created_at"]).dt.total_microseconds() / span).round(1),
        days_until_won=((pl.col("won_at") - pl.col("as_of")).dt.total_microseconds() / span).round(
            1
        ),
        events=pl.Series(told["events"], dtype=pl.Int64),
        reasons_up=pl.Series(told["reasons_up"], dtype=pl.List(pl.String)),
        reasons_down=pl.Series(told["reasons_down"], dtype=pl.List(pl.String)),
    ).select(
        *(
            "week",
            "kind",
            "lead_id",
            pl.col("as_of").cast(TIME),
            "age_days",
            "probability",
            "grade",
        ),
        *("won_at", "days_until_won", "amount", "events", "reasons_up", "reasons_down"),
    )
