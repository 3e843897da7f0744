"""From a matrix of features to scores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.engine.other_kinds import usual_count
from leadcast.features.tables import TIME
from leadcast.features.values.distinct import taken
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.bundle.bundle_reference import GRADES, Rates
from leadcast.models.data import Floats, Matrix
from leadcast.models.extra_columns import ScoredRows, filled
from leadcast.serve.reasons import NO_REASONS, Reasons, ReasonsAsked, reasons_column, reasons_of

SCHEMA: Mapping[str, pl.DataType] = {
    "lead_id": pl.String(),
    "as_of": TIME,
    "probability": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "score": pl.Float64(),
    "percentile": pl.Float64(),
    "grade": pl.String(),
    "model_version": pl.String(),
    "insufficient_data": pl.Boolean(),
}
"""The columns of scores: see `leadcast.serve.scorer.Scorer.score`."""


_GRADES = pl.Series("grade", GRADES, dtype=pl.String)


@dataclass(frozen=True)
class Score:
    """The score of one lead; the fields are the columns of `leadcast.serve.scorer.Scorer.score`."""

    lead_id: str
    as_of: datetime | None
    probability: float
    lower: float | None
    upper: float | None
    score: float
    percentile: float
    grade: str
    model_version: str
    insufficient_data: bool
    reasons: Reasons | None = None
    extra: Mapping[str, float | None] | None = None
    """The columns of optional parts that were asked for, by their names."""


def version_of(bundle: Bundle) -> str:
    """Give the short name of a bundle that stands beside each of its scores.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    str
        The first 12 digits of the bundle's id.
    """
    return bundle.manifest.bundle_id[:12]


def score_row(
    bundle: Bundle,
    lead_id: str,
    as_of: datetime | None,
    values: Matrix,
    *,
    with_reasons: bool = False,
    extra: tuple[str, ...] = (),
) -> Score:
    """Score one row of features."""
    numbers = _numbers(bundle, bundle.learner.log_odds(values))
    return Score(
        lead_id=lead_id,
        as_of=as_of,
        probability=float(numbers["probability"][0]),
        lower=None if bundle.intervals is None else float(numbers["lower"][0]),
        upper=None if bundle.intervals is None else float(numbers["upper"][0]),
        score=float(numbers["score"][0]),
        percentile=float(numbers["percentile"][0]),
        grade=str(bundle.reference.grade(numbers["probability"])[0]),
        model_version=version_of(bundle),
        insufficient_data=bundle.manifest.origin.insufficient_data,
        reasons=reasons_of(bundle, values)[0] if with_reasons else None,
        extra=_extra_of_one(bundle, values, numbers["probability"], extra) if extra else None,
    )


def _extra_of_one(
    bundle: Bundle, values: Matrix, probability: Floats, extra: tuple[str, ...]
) -> dict[str, float | None]:
    found = filled(extra, bundle.extras, ScoredRows(values, probability, bundle.extras))
    numbers = {name: float(column[0]) for name, column in found.items()}
    return {name: None if math.isnan(number) else number for name, number in numbers.items()}


def score_rows(
    bundle: Bundle,
    rows: pl.DataFrame,
    values: Matrix,
    log_odds: Floats,
    asked: ReasonsAsked = NO_REASONS,
    extra: tuple[str, ...] = (),
) -> pl.DataFrame:
    """Turn what the learner says of many rows into scores.

    Parameters
    ----------
    bundle : Bundle
    rows : pl.DataFrame
        ``lead_id`` and ``as_of``.
    values : ndarray of float32, shape (n_rows, n_features)
    log_odds : ndarray of float64, shape (n_rows,)
        The learner's, of these rows.
    asked : ReasonsAsked
        Which rows to explain.
    extra : tuple of str
        The optional parts whose columns to add, as
        `leadcast.models.bundle.extra_parts.asked_parts` lets them pass.

    Returns
    -------
    pl.DataFrame
        With the columns of `SCHEMA`, those of the parts, and ``reasons`` unless none are asked.
    """
    numbers = _numbers(bundle, log_odds)
    scores = rows.with_columns(
        *(pl.Series(name, column).fill_nan(None) for name, column in numbers.items()),
        taken(_GRADES, bundle.reference.grade_places(numbers["probability"])),
        pl.lit(version_of(bundle)).alias("model_version"),
        pl.lit(bundle.manifest.origin.insufficient_data).alias("insufficient_data"),
    ).select(list(SCHEMA))
    if extra:
        asked_rows = ScoredRows(values, numbers["probability"], bundle.extras)
        scores = scores.with_columns(
            pl.Series(name, column).fill_nan(None)
            for name, column in filled(extra, bundle.extras, asked_rows).items()
        )
    if asked.which == "none":
        return scores
    chosen = asked.rows(bundle, numbers["probability"])
    return scores.with_columns(reasons_column(bundle, values, chosen))


def unknown_categories(bundle: Bundle, values: Matrix) -> list[Fault]:
    """Count the categories of leads that have no code of their own."""
    plan, faults = bundle.plan, []
    for column, place in enumerate(plan.places):
        # Of what is read off texts, most is in no list of values, and that is no surprise.
        if place.part == "attribute" and plan.attributes[place.index].reading == "category":
            count = int(np.count_nonzero(values[:, column] == 0))
            if count:
                is_usual = count <= _usual_count(bundle.rates, column, len(values))
                faults.append(_unknown(plan.attributes[place.index].inputs[0], count, is_usual))
    return faults


def _usual_count(rates: Rates | None, column: int, n_rows: int) -> float:
    """How many leads may have a value without a code: as exports drift, and as chance has it."""
    if rates is None:
        return 0.0
    # The first bin is of missing values, the next of code 0.
    of_others = rates.features[column].leads[1:2]
    share = sum(of_others) / max(rates.leads, 1)
    return usual_count(share, n_rows)


def _unknown(attribute: str, count: int, is_usual: bool) -> Fault:
    return Fault(
        where=f"leads: column {attribute!r}",
        found="values without a code of their own (rare or new)",
        expected="values that were frequent in training",
        remedy="They are scored as other values.",
        severity="warning",
        count=count,
        is_usual=is_usual,
    )


def _numbers(bundle: Bundle, log_odds: Floats) -> dict[str, Floats]:
    probability = bundle.calibrator.probability(log_odds)
    lower = upper = np.full(len(log_odds), np.nan)
    if bundle.intervals is not None:
        lower, upper = bundle.intervals.interval(log_odds, probability)
    return {
        "probability": probability,
        "lower": lower,
        "upper": upper,
        "score": np.round(100 * probability, 1),
        "percentile": np.round(bundle.reference.percentile(probability), 1),
    }
