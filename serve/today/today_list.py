"""The list of today: every open lead with its score, why it stands so, and why it moved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.changes import versions
from leadcast.features.changes.history_told import some_of, without_history
from leadcast.features.landmarks import ages_days, landmarks_of, untested_words
from leadcast.features.registry import Feature
from leadcast.features.tables import CHANGES, SALES, TIME, Tables
from leadcast.models.amounts.amount_model import AMOUNTS, AmountModel
from leadcast.models.bundle.feature_words import as_the_field_says
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.serve.reasons import BETWEEN, ReasonsAsked, reasons_column
from leadcast.serve.score_history import trend_of_change
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.movement import Earlier, moved_words, movements
from leadcast.serve.today.one_score import one_score
from leadcast.serve.today.open_leads import (
    Standing,
    attributes_read,
    beyond_export,
    events_before,
    leads_at,
    stand,
)

WEEK, DAY = timedelta(days=7), timedelta(days=1)
TELLING = ("company", "company_name", "job_title", "company_size", "industry", "source", "vendor")
"""By these texts sales tells leads apart."""
EARLIER = ("lead_id", "as_of", "log_odds", "model_version", "events_known", "attributes_known")
"""What a list keeps for the next one's question why scores moved."""


@dataclass(frozen=True)
class TodayQuestion:
    """What is asked.

    Parameters
    ----------
    as_of : datetime
        The moment of the list, with a time zone.
    closed : bool
        Whether leads that were won or lost before are scored too.
    reasons : ReasonsAsked
        Whose reasons are told.
    value_per_customer : float or None
        What a customer is worth where the lead's own amount is not known; None: the mean of those
        that were won before, where any amount is known.
    """

    as_of: datetime
    closed: bool = False
    reasons: ReasonsAsked = field(default_factory=lambda: ReasonsAsked("all"))
    value_per_customer: float | None = None


@dataclass(frozen=True)
class TodayList:
    """The list, and what is to be said of it."""

    frame: pl.DataFrame
    """A row for each lead, the likeliest customer first; see ``docs/today.md`` for its columns."""
    as_of: datetime
    since: datetime
    """Since when movements are told, where nothing else was told of a lead."""
    landmarks_days: tuple[float, ...]
    """The ages at which the model was trained and tested."""
    warnings: tuple[str, ...]
    faults: tuple[Fault, ...]
    """What was worked around in scoring."""

    def grades(self) -> dict[str, int]:
        """Count the leads of each grade."""
        counted = self.frame["grade"].value_counts().sort("grade")
        return dict(counted.iter_rows())


def todays_leads(
    scorer: Scorer,
    tables: Tables,
    question: TodayQuestion,
    earlier: pl.DataFrame | None = None,
) -> TodayList:
    """Score the leads that are open at a moment, and tell why they moved.

    Parameters
    ----------
    scorer : Scorer
        The champion's.
    tables : Tables
        The canonical tables of a dated source.
    question : TodayQuestion
    earlier : pl.DataFrame, optional
        An earlier list; where it is from before this moment, movements are told since then, with
        its model and attributes as they were. Without one they are told since a day before.

    Returns
    -------
    TodayList
    """
    as_of, found = question.as_of, list[Fault]()
    leads = leads_at(tables, as_of, closed=question.closed)
    events = events_before(tables, leads, as_of)
    stood = versions.leads_at(leads, _at(leads, as_of))
    now = stand(scorer, _at(leads, as_of), events, found)
    told, since = _told(earlier, as_of)
    moved = movements(scorer, leads, events, since, as_of, told)
    frame = _described(scorer, stood, now, question).with_columns(
        *_week_before(scorer, leads, events, as_of, now),
        *_values(scorer, tables, leads, now, question),
        *_for_next_time(scorer, stood, events, now),
    )
    frame = frame.join(_movement_columns(moved, since), on="lead_id", how="left")
    looks = scorer.bundle.manifest.origin.snapshots
    landmarks, ages = looks.landmarks_days, ages_days(leads, as_of)
    frame = frame.with_columns(
        _who(stood), age_tested=pl.Series(ages <= landmarks[-1]), age_days=pl.Series(ages).round(1)
    )
    untested = untested_words(ages, landmarks, landmarks_of(tables, looks.horizon_days))
    warnings = _warnings(scorer, tables, question, untested)
    if tables.pool_history is not None and tables.persons is not None:
        frame = one_score(frame, tables.persons)
    frame = in_order(frame)
    return TodayList(frame, as_of, since, landmarks, tuple(warnings), tuple(found))


_FIRST = (
    *("lead_id", "hand_off", "hand_off_why", "call_rank", "who", "owner"),
    *("grade", "probability", "lower", "upper", "score", "percentile"),
    *("trend", "week_change", "why_moved", "moved_from", "moved_since"),
    *("reasons_up", "reasons_down", "lift", "expected_value", "value_basis"),
    *("scored_as", "age_days", "age_tested", "feedback", "feedback_at"),
    *("state", "created_at", "as_of", "model_version", "insufficient_data"),
)
_FOR_PROGRAMS = (
    *("lift_from", "lift_to", "lift_crosses", "moved_parts", "reasons", "amount"),
    *("log_odds", "events_known", "attributes_known"),
)


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Put a list's columns in the order in which people read them, the likeliest lead first.

    Parameters
    ----------
    frame : pl.DataFrame
        As `TodayList.frame`, perhaps with further columns.

    Returns
    -------
    pl.DataFrame
    """
    first = [name for name in _FIRST if name in frame.columns]
    last = [name for name in _FOR_PROGRAMS if name in frame.columns]
    others = [name for name in frame.columns if name not in {*first, *last}]
    rows = frame.select(*first, *others, *last)
    return rows.sort("probability", "lead_id", descending=[True, False])


def for_people(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out what only programs read, for a CSV file of sales.

    Parameters
    ----------
    frame : pl.DataFrame
        As `TodayList.frame`.

    Returns
    -------
    pl.DataFrame
    """
    return frame.drop(*_FOR_PROGRAMS, strict=False)


def _at(leads: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    return leads.with_columns(as_of=pl.lit(moment).cast(TIME))


def _told(earlier: pl.DataFrame | None, as_of: datetime) -> tuple[Mapping[str, Earlier], datetime]:
    """Read an earlier list; nothing where it is none from before."""
    if earlier is None or earlier.is_empty() or earlier["as_of"][0] >= as_of:
        return {}, as_of - DAY
    told = {
        row["lead_id"]: Earlier(
            row["log_odds"],
            row["model_version"],
            row["events_known"],
            json.loads(row["attributes_known"]),
        )
        for row in earlier.select(EARLIER).iter_rows(named=True)
    }
    since: datetime = earlier["as_of"][0]
    return told, since


def _described(
    scorer: Scorer, leads: pl.DataFrame, now: Standing, question: TodayQuestion
) -> pl.DataFrame:
    """Put scores, reasons and what sales needs side by side, in the order of the leads."""
    chosen = question.reasons.rows(scorer.bundle, now.scores["probability"].to_numpy())
    reasons = reasons_column(scorer.bundle, now.values, chosen)
    sales = [name for name in leads.columns if name.startswith(SALES)]
    own = leads.select(
        "created_at", "state", *(pl.col(name).alias(name.removeprefix(SALES)) for name in sales)
    )
    frame = pl.concat([now.scores, own], how="horizontal")
    fields, told = _text_fields(scorer, leads), list(enumerate(reasons.to_list()))
    sides = [
        pl.Series(
            f"reasons_{side}", [_side(one, side, row, fields) for row, one in told], pl.String
        )
        for side in ("up", "down")
    ]
    return frame.with_columns(reasons, *sides)


Fields = dict[str, tuple[Feature, list[str | None]]]


def _text_fields(scorer: Scorer, leads: pl.DataFrame) -> Fields:
    """Give the texts that amounts are read from, by feature."""
    amounts = [one for one in scorer.bundle.plan.features if one.is_log10 and len(one.inputs) == 1]
    named = {one.name: (one, one.inputs[0].removeprefix("leads.")) for one in amounts}
    return {
        name: (one, leads[field].to_list())
        for name, (one, field) in named.items()
        if leads.schema.get(field) == pl.String
    }


def _side(reasons: Mapping[str, Any] | None, side: str, row: int, fields: Fields) -> str | None:
    if reasons is None:
        return None
    words = []
    for one in reasons[side]:
        feature, texts = fields.get(one["feature"], (None, []))
        raw = None if feature is None else texts[row]
        words.append(
            one["words"] if feature is None else as_the_field_says(feature, one["words"], raw)
        )
    return BETWEEN.join(words)


def _week_before(
    scorer: Scorer, leads: pl.DataFrame, events: pl.DataFrame, as_of: datetime, now: Standing
) -> list[pl.Series]:
    """Score the leads by the same model as they stood a week before."""
    there = (leads["created_at"] <= as_of - WEEK).to_numpy()
    then = stand(scorer, _at(leads.filter(pl.Series(there)), as_of - WEEK), events)
    change = np.full(leads.height, np.nan)
    score = now.scores["score"].to_numpy()
    change[there] = np.round(score[there] - then.scores["score"].to_numpy(), 1)
    changes = pl.Series("week_change", change).fill_nan(None)
    trend = [trend_of_change(one) if one is not None else "new" for one in changes.to_list()]
    return [changes, pl.Series("trend", trend, dtype=pl.String)]


def _values(
    scorer: Scorer, tables: Tables, leads: pl.DataFrame, now: Standing, question: TodayQuestion
) -> list[pl.Series]:
    """Tell what leads are worth by their probabilities: of the following the first that is known.

    Their own amounts, what a customer is declared to be worth, what the model of amounts says, and
    the mean of those that were won before.
    """
    own, predicted = leads["amount"], _predicted(scorer, now)
    common = pl.Series([question.value_per_customer], dtype=pl.Float64).new_from_index(0, len(own))
    won = tables.outcomes.filter(pl.col("won_at") < pl.lit(question.as_of).cast(TIME))
    mean = pl.Series([won["amount"].mean()], dtype=pl.Float64).new_from_index(0, len(own))
    told = {
        "own amount": own,
        "value_per_customer": common,
        "predicted if won": predicted,
        "mean of customers": mean,
    }
    known = pl.DataFrame(told)
    amount = known.select(amount=pl.coalesce(pl.all()))["amount"]
    words = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in told]
    basis = known.select(value_basis=pl.coalesce(words))["value_basis"]
    value = (pl.Series(now.scores["probability"]) * amount).round(2)
    return [value.alias("expected_value"), basis, amount]


def _predicted(scorer: Scorer, now: Standing) -> pl.Series:
    """Ask the bundle's model of amounts, where it has one."""
    part = scorer.bundle.extras.get(AMOUNTS)
    if not isinstance(part, AmountModel):
        return pl.Series([None] * len(now.values), dtype=pl.Float64)
    return pl.Series(part.predict(now.values).mean)


def _for_next_time(
    scorer: Scorer, leads: pl.DataFrame, events: pl.DataFrame, now: Standing
) -> list[pl.Series]:
    """Keep what the next list asks: the log-odds, how many events were known, the attributes."""
    counts = events.group_by("lead_id").len("events")
    known = leads.select("lead_id").join(counts, on="lead_id", how="left", maintain_order="left")
    names = attributes_read(scorer, leads)
    plain = leads.select(
        pl.col(name).dt.epoch("us") if isinstance(leads.schema[name], pl.Datetime) else name
        for name in names
    )
    # Times are no JSON, and the model reads few of them: they are told as changed by hand.
    # Histories tell by themselves what they said before.
    names = [
        name
        for name in names
        if not isinstance(leads.schema[name], pl.Datetime) and not leads.schema[name].is_nested()
    ]
    texts = [
        json.dumps(row, ensure_ascii=False) for row in plain.select(names).iter_rows(named=True)
    ]
    return [
        pl.Series("log_odds", now.log_odds),
        known["events"].fill_null(0).cast(pl.Int64).alias("events_known"),
        pl.Series("attributes_known", texts, dtype=pl.String),
    ]


def _movement_columns(moved: pl.DataFrame, since: datetime) -> pl.DataFrame:
    words = [moved_words(parts) for parts in moved["parts"].to_list()]
    before: Floats = sigmoid(moved["log_odds_before"].to_numpy())
    return moved.select(
        "lead_id",
        pl.Series("why_moved", words, dtype=pl.String),
        pl.Series("moved_from", before, dtype=pl.Float64),
        pl.lit(since).cast(TIME).alias("moved_since"),
        pl.col("parts").alias("moved_parts"),
    )


def _who(leads: pl.DataFrame) -> pl.Series:
    names = [name for name in TELLING if leads.schema.get(name) == pl.String]
    if not names:
        return pl.Series("who", [None] * leads.height, dtype=pl.String)
    return leads.select(pl.concat_str(names, separator=" · ", ignore_nulls=True).alias("who"))[
        "who"
    ]


def _as_then(tables: Tables, plain: list[str]) -> str:
    """Say which attributes are not taken as they stood at the moment."""
    if not plain:
        return ""
    if CHANGES not in tables.leads.columns:
        return "attributes are as they were then, since they have no history, and "
    return f"{some_of(plain)}, which have no history, are as they were then, and "


def _warnings(
    scorer: Scorer, tables: Tables, question: TodayQuestion, untested: str | None
) -> list[str]:
    told = [untested, beyond_export(tables, question.as_of, "list")]
    read = scorer.bundle.manifest.origin.attribute_types
    plain = without_history(tables.attribute_types, read)
    until = tables.observed_until
    if until is not None and question.as_of < until:
        told.append(
            f"the export goes on to {until:%Y-%m-%d %H:%M} UTC: {_as_then(tables, plain)}the model "
            "may have learned from how these leads ended"
        )
    return [one for one in told if one is not None]
