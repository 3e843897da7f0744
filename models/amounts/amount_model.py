"""A model of amounts: what a lead is worth if it is won, with an interval, as plain data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.files import write_json
from leadcast.features.base.plain import (
    Column,
    Number,
    Plain,
    Positive,
    Share,
    Text,
    Truth,
    checked,
    inside,
    read_plain,
)
from leadcast.features.registry import Feature
from leadcast.models.amounts.amount_level import KEPT, LEVELS, AmountLevel
from leadcast.models.amounts.locations import Location
from leadcast.models.data import Floats, Matrix
from leadcast.models.extra_columns import ExtraColumn, ScoredRows
from leadcast.models.learners.learner_schema import StoredCurves, StoredTrees
from leadcast.models.learners.shapes import load_shape

AMOUNTS = "amounts"
"""The name of this part of a bundle."""
FILE = f"{AMOUNTS}.json"
COLUMNS = r"amount_(median|mean|low|high)|expected_revenue"
"""What the columns are called that it adds to scores."""
DAMAGED = "the model of amounts is damaged"
Kind = Literal["mean", "segment", "ridge", "trees", "blend"]


class Amounts(NamedTuple):
    """What leads are worth if they are won, an entry a lead; all in one currency."""

    median: Floats
    mean: Floats
    low: Floats
    high: Floats
    """The interval that holds the amount in 90 % of the cases."""
    is_known: Floats
    """1 where the amount was known in advance and is no prediction."""


class StoredKnown(Plain):
    """Where an amount that is known in advance stands."""

    attribute: Text
    feature: Column
    """Its column in the matrix."""
    is_log10: Truth
    """Whether the column is ``log10(1 + amount)``."""


class StoredAmountLevel(Plain):
    """`leadcast.models.amounts.amount_level.AmountLevel`."""

    level: Number
    slope: Number
    median: Number
    intervals: Annotated[tuple[tuple[Number, Number], ...], Field(min_length=2, max_length=2)]
    ratios: Annotated[tuple[Number, ...], Field(min_length=KEPT, max_length=KEPT)]
    leads: Positive

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if any(low > high for low, high in self.intervals):
            raise ValueError("an interval's low end must not lie above its high end")
        if np.any(np.diff(self.ratios) < 0):
            raise ValueError("ratios must not fall")
        return self


class StoredAmounts(Plain):
    """`AmountModel`, but for the trees' texts."""

    kind: Kind
    currency: Annotated[str, Field(max_length=8)] | None
    horizon_days: Number | None
    level: StoredAmountLevel
    shapes: Annotated[
        tuple[Annotated[StoredCurves | StoredTrees, Field(discriminator="kind")], ...],
        FailFast(),
        Field(max_length=2),
    ]
    weights: tuple[Share, ...]
    n_features: Column
    known: StoredKnown | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.weights) != len(self.shapes):
            raise ValueError("each shape needs its weight")
        seen = [one for shape in self.shapes for one in shape.features]
        seen += [] if self.known is None else [self.known.feature]
        if max(seen, default=-1) >= self.n_features:
            raise ValueError(f"column {max(seen)} is none of the {self.n_features} of the matrix")
        return self


@dataclass(frozen=True)
class AmountModel:
    """What a lead is worth if it is won within the horizon.

    Parameters
    ----------
    kind : str
        A key of `leadcast.models.amounts.locations.WORDS`.
    location : Location
        What sets leads apart.
    level : AmountLevel
        Where amounts stand, and how far they lie around their means.
    n_features : int
        The columns of the matrix.
    currency : str or None
        Of all amounts; None where nobody declared it.
    known : StoredKnown or None
        Where an amount stands that is known in advance: it is taken as it is.
    horizon_days : float or None
        Within which the leads were won; None where nothing is dated.
    """

    kind: Kind
    location: Location
    level: AmountLevel
    n_features: int
    currency: str | None = None
    known: StoredKnown | None = None
    horizon_days: float | None = None

    def predict(self, values: Matrix) -> Amounts:
        """Tell what leads are worth if they are won.

        Parameters
        ----------
        values : ndarray of float32, shape (n, n_features)
            The features of the bundle's plan.

        Returns
        -------
        Amounts
            Each of shape (n,), positive (an amount known in advance may be 0).
        """
        low, high = self.level.intervals[-1]
        log_mean = self.level.log_mean(self.location.of(values))
        told = [np.exp(log_mean + moved) for moved in (self.level.median, 0.0, low, high)]
        known = self.known_of(values)
        is_known = np.isfinite(known)
        told = [np.where(is_known, known, one) for one in told]
        return Amounts(told[0], told[1], told[2], told[3], is_known.astype(np.float64))

    @property
    def mean_amount(self) -> float:
        """What a lead is worth on average that nothing sets apart."""
        return float(np.exp(self.level.level))

    def in_money(self, currency: str | None, horizon_days: float | None) -> "AmountModel":
        """Tell in which currency its amounts are, and within how many days leads were won."""
        return replace(self, currency=currency, horizon_days=horizon_days)

    def known_of(self, values: Matrix) -> Floats:
        """Give the amounts that are known in advance, NaN where there is none; shape (n,)."""
        if self.known is None:
            return np.full(len(values), np.nan)
        column = values[:, self.known.feature].astype(np.float64)
        if self.known.is_log10:
            column = 10.0**column - 1
        return np.where(column >= 0, column, np.nan)

    def interval(self, values: Matrix, level: float) -> tuple[Floats, Floats]:
        """Give the interval of one of `leadcast.models.amounts.amount_level.LEVELS`."""
        low, high = self.level.intervals[LEVELS.index(level)]
        log_mean = self.level.log_mean(self.location.of(values))
        return np.exp(log_mean + low), np.exp(log_mean + high)

    @property
    def columns(self) -> tuple[ExtraColumn, ...]:
        """The columns that it adds to scores; see `leadcast.models.extra_columns.ExtraPart`."""
        unit = "" if self.currency is None else f", {self.currency}"
        known = "" if self.known is None else f"; {self.known.attribute} where it is there"
        end = "of the interval that holds the amount if won in 90 of 100 cases"
        told = {
            "amount_median": f"median amount if won{known}",
            "amount_mean": f"mean amount if won{known}",
            "amount_low": f"low end {end}",
            "amount_high": f"high end {end}",
            "expected_revenue": "probability times mean amount if won",
        }
        return tuple(ExtraColumn(name, f"{words}{unit}") for name, words in told.items())

    def fill(self, rows: ScoredRows) -> Mapping[str, Floats]:
        """Compute the columns; see `leadcast.models.extra_columns.ExtraPart`."""
        told = self.predict(rows.values)
        return {
            "amount_median": told.median,
            "amount_mean": told.mean,
            "amount_low": told.low,
            "amount_high": told.high,
            "expected_revenue": rows.probability * told.mean,
        }

    def unfitting(self, n_columns: int, horizon_days: float) -> Iterator[tuple[str, str, str]]:
        """Find what does not fit; see `leadcast.models.extra_columns.ExtraPart`."""
        if self.n_features != n_columns:
            yield f"{FILE}: n_features", f"{self.n_features}", f"the plan's {n_columns} columns"
        if self.horizon_days not in (None, horizon_days):
            where = f"{FILE}: horizon_days"
            yield where, f"{self.horizon_days:g}", f"the manifest's {horizon_days:g}"

    def save(self, folder: Path) -> None:
        """Write ``amounts.json`` into a folder, and LightGBM's texts below ``amounts/``."""
        texts = folder / AMOUNTS
        folder.mkdir(parents=True, exist_ok=True)
        if self.kind in ("trees", "blend"):
            texts.mkdir()
        shapes = [one.save(texts, f"shape_{i}") for i, one in enumerate(self.location.shapes)]
        write_json(folder / FILE, self._plain(shapes))

    def _plain(self, shapes: list[dict[str, Any]]) -> dict[str, Any]:
        level = self.level
        return {
            "kind": self.kind,
            "currency": self.currency,
            "horizon_days": self.horizon_days,
            "level": {
                "level": level.level,
                "slope": level.slope,
                "median": level.median,
                "intervals": [list(one) for one in level.intervals],
                "ratios": list(level.ratios),
                "leads": level.leads,
            },
            "shapes": shapes,
            "weights": list(self.location.weights),
            "n_features": self.n_features,
            "known": None if self.known is None else self.known.model_dump(),
        }

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        LeadcastError
            If it is damaged; names what is wrong.
        """
        path = inside(folder, FILE)
        stored = checked(StoredAmounts, read_plain(path), DAMAGED, f"{path}")
        shapes = tuple(load_shape(folder / AMOUNTS, one) for one in stored.shapes)
        return cls(
            kind=stored.kind,
            location=Location(shapes, stored.weights),
            level=AmountLevel(**stored.level.model_dump()),
            n_features=stored.n_features,
            currency=stored.currency,
            known=stored.known,
            horizon_days=stored.horizon_days,
        )


def known_column(features: tuple[Feature, ...], attribute: str | None) -> StoredKnown | None:
    """Find the column of an attribute that tells amounts in advance.

    Parameters
    ----------
    features : tuple of Feature
    attribute : str or None
        As `amounts.known_in_advance` of the definition names it.

    Returns
    -------
    StoredKnown or None
        None where there is no such attribute, or no feature is the number itself.
    """
    if attribute is None:
        return None
    inputs = (f"leads.{attribute}",)
    for place, one in enumerate(features):
        if one.inputs == inputs and one.dtype == "number" and one.name in _names(attribute):
            return StoredKnown(attribute=attribute, feature=place, is_log10=one.is_log10)
    return None


def _names(attribute: str) -> tuple[str, str]:
    return attribute, f"{attribute}_log"
