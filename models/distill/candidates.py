"""Conditions that a CRM can evaluate, of which a points table could be made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from leadcast.features.changes.versions import leads_at
from leadcast.features.registry import humanise, span_words
from leadcast.features.tables import Tables
from leadcast.features.values.readings import NEVER_FEATURES, readings_of
from leadcast.models.data import Floats
from leadcast.models.rules.answers import folded, read_values
from leadcast.models.rules.conditions import READ_AS, AttributeCondition

When = dict[str, Any]
"""A condition, in the words of a points table's YAML."""

COUNTS = (1, 2, 3, 5, 10)
WINDOWS_DAYS = (1, 3, 7, 14, 30, 60, 90)
AGES_DAYS = (1, 2, 3, 7, 14, 30, 60)
_CUTS = np.linspace(0.1, 0.9, 9)
_MOST_LEVELS, _LONGEST_SET = 40, 8


@dataclass(frozen=True)
class PointsCandidate:
    """One condition that may become a rule."""

    name: str
    """Words for people; distinct."""
    group: Literal["fit", "engagement"]
    """The group that its rule belongs to."""
    family: str
    """What it is about. Of a family with `one_sign` all rules give points of one sign, so that more
    of it never counts for less."""
    when: When
    """The condition."""
    one_sign: bool = False
    """Whether the rules of its family must have one sign."""


def candidates_of(tables: Tables, rows: pl.DataFrame, target: Floats) -> list[PointsCandidate]:
    """List the conditions that the data suggest."""
    leads = leads_at(tables.leads, rows, tables.attribute_types)
    enough = max(20, rows.height // 500)
    found: list[PointsCandidate] = []
    for reading, (attribute, *more) in readings_of(tables.attribute_types):
        if not more and attribute not in NEVER_FEATURES:
            found += _of_attribute(reading, attribute, leads, target, enough)
    if "as_of" in rows.columns and tables.leads["created_at"].null_count() == 0:
        found += _of_age()
        found += _of_events(tables.events, rows)
    return list({candidate.name: candidate for candidate in found}.values())


def _of_attribute(
    reading: str, attribute: str, leads: pl.DataFrame, target: Floats, enough: int
) -> Iterator[PointsCandidate]:
    place: dict[str, Any] = {"attribute": attribute}
    if reading in READ_AS:
        place["read_as"] = reading
    elif reading not in ("category", "number", "flag"):
        return
    condition = AttributeCondition.model_validate(place | {"is_missing": "true"})
    values = read_values(condition, leads)
    words = humanise(attribute if reading not in READ_AS else _read_words(reading, attribute))
    if reading == "flag":
        yield PointsCandidate(words, "fit", attribute, place | {"equals": "true"})
    elif values.dtype.is_numeric():
        yield from _of_numbers(place, words, values, enough)
    else:
        yield from _of_levels(place, words, values.cast(pl.String), target, enough)
    missing = leads[attribute].is_null().sum()
    if enough <= missing <= leads.height - enough:
        name = f"{humanise(attribute)} is missing"
        yield PointsCandidate(
            name, "fit", attribute, {"attribute": attribute, "is_missing": "true"}
        )


def _read_words(reading: str, attribute: str) -> str:
    return reading if reading in ("seniority", "job_function", "email_kind") else attribute


def _of_numbers(
    place: Mapping[str, Any], words: str, values: pl.Series, enough: int
) -> Iterator[PointsCandidate]:
    numbers = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    if len(numbers) < enough:
        return
    for cut in dict.fromkeys(_rounded(float(cut)) for cut in np.quantile(numbers, _CUTS)):
        above = int((numbers >= cut).sum())
        if enough <= above <= len(numbers) - enough:
            family = str(place["attribute"])
            name = f"{words} at least {cut:,.15g}"
            yield PointsCandidate(name, "fit", family, {**place, "range": {"min": cut}})
            name = f"{words} below {cut:,.15g}"
            yield PointsCandidate(name, "fit", family, {**place, "range": {"below": cut}})


def _rounded(number: float) -> float | int:
    """Round to two digits, as somebody would type it."""
    rounded = float(f"{number:.2g}")
    return int(rounded) if rounded.is_integer() else rounded


def _of_levels(
    place: Mapping[str, Any], words: str, values: pl.Series, target: Floats, enough: int
) -> Iterator[PointsCandidate]:
    table = pl.DataFrame({"value": values, "target": target}).drop_nulls("value")
    level = pl.col("value").str.strip_chars().str.to_lowercase()
    overall = float(target.mean()) if len(target) else 0.0
    levels = (
        table.with_columns(level=level)
        .group_by("level")
        .agg(
            pl.col("value").mode().sort().first(),
            pl.len().alias("count"),
            pl.col("target").sum().alias("sum"),
        )
        .filter(pl.col("count") >= enough)
        .sort("count", "level", descending=[True, False])
        .head(_MOST_LEVELS)
        # Shrunk towards the overall mean, so that a rare level is not first by chance.
        .sort((pl.col("sum") + enough * overall) / (pl.col("count") + enough), "level")
    )
    ordered = levels["value"].to_list()
    for names in (ordered, ordered[::-1]):
        for size in range(1, min(_LONGEST_SET, len(names) - 1, 1 + len(names) // 2) + 1):
            chosen = sorted(names[:size], key=folded)
            shown = ", ".join(chosen)
            when = {**place, "in": chosen}
            yield PointsCandidate(f"{words}: {shown}", "fit", str(place["attribute"]), when)


def _of_age() -> Iterator[PointsCandidate]:
    for days in AGES_DAYS:
        when = {"attribute": "created_at", "days_ago": {"min": days}}
        name = f"came at least {span_words(days)} ago".replace("least day", "least a day")
        yield PointsCandidate(name, "engagement", "created_at", when, one_sign=True)


def _of_events(events: pl.LazyFrame, rows: pl.DataFrame) -> Iterator[PointsCandidate]:
    last = rows.group_by("lead_id").agg(pl.col("as_of").max())
    counted = (
        events.join(last.lazy(), on="lead_id")
        .filter(pl.col("occurred_at") < pl.col("as_of"))
        .group_by(pl.col("event_type").cast(pl.String))
        .agg(pl.col("lead_id").n_unique().alias("leads"))
        .filter(pl.col("leads") >= max(20, last.height // 500))
        .sort("leads", "event_type", descending=[True, False])
        .head(24)
        .collect(engine="streaming")
    )
    for kind in [*counted["event_type"].to_list(), "any"]:
        words = "event" if kind == "any" else humanise(kind)
        for at_least in COUNTS:
            for days in WINDOWS_DAYS:
                when = {"event": kind, "at_least": at_least, "within_days": days}
                many = f"at least {at_least} × " if at_least > 1 else ""
                name = f"{many}{words} in the last {span_words(days)}"
                yield PointsCandidate(name, "engagement", kind, when, one_sign=True)
