"""Each field of the leads: how often it is filled in, how its leads convert, and who uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.audit.lead_outcomes import Contrast, LeadOutcomes

LITTLE, MUCH = 0.002, 0.02
"""Shares in the model's weight: below the one a field is hardly used, from the other on it is worth
being asked for."""
OFTEN, RARELY = 0.9, 0.05
NEVER, HARDLY, USED = "never", "hardly", "used"


@dataclass(frozen=True)
class FieldUse:
    """One field.

    Parameters
    ----------
    name, column, kind : str
        The attribute, the export's column, and its type.
    filled : float
        The share of the leads that have it.
    contrast : Contrast
        How those that have it convert beside those that do not.
    weight : float or None
        Its share in the model's weight; None before there is a model, and for what no model may
        read.
    features : int
        So many features of the model read it.
    """

    name: str
    column: str
    kind: str
    filled: float
    contrast: Contrast
    weight: float | None
    features: int

    @property
    def use(self) -> str | None:
        """``"never"``, ``"hardly"`` or ``"used"``; None without a weight."""
        if self.weight is None:
            return None
        if not self.features or self.weight == 0.0:
            return NEVER
        return HARDLY if self.weight < LITTLE else USED

    @property
    def advice(self) -> str:
        """What follows for the form; empty where nothing does."""
        if self.weight is None:
            return ""
        if self.use in (NEVER, HARDLY):
            return "need not be asked for the score's sake"
        if self.weight >= MUCH and RARELY <= self.filled < OFTEN:
            return "ask for it: the score gains most where it is known"
        return "hardly ever filled in" if self.filled < RARELY else ""

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "name": self.name,
            "column": self.column,
            "type": self.kind,
            "filled": self.filled,
            "conversion": self.contrast.to_json(),
            "weight": self.weight,
            "features": self.features,
            "use": self.use,
            "advice": self.advice,
        }


def field_uses(
    outcomes: LeadOutcomes,
    types: Mapping[str, str],
    columns: Mapping[str, str],
    plan: FeaturePlan | None,
    importance: Sequence[float] | None,
) -> list[FieldUse]:
    """Look at each field.

    Parameters
    ----------
    outcomes : LeadOutcomes
    types, columns : mapping of str to str
        Each attribute's type, and the export's column of it.
    plan : FeaturePlan or None
        Of the model; None before there is one.
    importance : sequence of float or None
        The weight of each of its features.

    Returns
    -------
    list of FieldUse
        What the model uses most first, then in the export's order.
    """
    weights, counts = _weights(plan, importance)
    found = []
    for name, kind in types.items():
        if name not in outcomes.leads.columns:
            continue
        filled = _filled(outcomes.leads[name])
        # Costs and accounts are there for other ends than the score.
        has_weight = weights is not None and name not in NEVER_FEATURES
        weight = (weights or {}).get(name, 0.0) if has_weight else None
        found.append(
            FieldUse(
                name,
                columns.get(name, name),
                kind,
                float(filled.mean() or 0.0),  # type: ignore[arg-type]
                outcomes.contrast(filled.to_numpy()),
                weight,
                counts.get(name, 0),
            )
        )
    return sorted(found, key=lambda one: -(one.weight or 0.0))


def _filled(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        return series.str.strip_chars().str.len_chars().fill_null(0) > 0
    if series.dtype.is_float():
        return series.is_finite().fill_null(value=False)
    return series.is_not_null()


def _weights(
    plan: FeaturePlan | None, importance: Sequence[float] | None
) -> tuple[dict[str, float] | None, dict[str, int]]:
    if plan is None or importance is None:
        return None, {}
    total, weights, counts = sum(importance) or 1.0, dict[str, float](), dict[str, int]()
    for feature, weight in zip(plan.features, importance, strict=True):
        fields = [name.removeprefix("leads.") for name in feature.inputs]
        # What reads the whole profile says nothing of one field.
        if len(fields) > 2:
            continue
        for name in fields:
            weights[name] = weights.get(name, 0.0) + weight / total / len(fields)
            counts[name] = counts.get(name, 0) + 1
    return weights, counts
