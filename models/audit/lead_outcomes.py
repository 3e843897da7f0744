"""Leads with what became of them, so that every finding tells how such leads convert."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, Estimate
from leadcast.models.evaluation.sampled_rate import clustered_rate, rate_difference

FEWEST = 5
"""Of fewer leads with a known outcome no rate is told."""


@dataclass(frozen=True)
class Contrast:
    """How leads convert beside the others."""

    inside: Estimate
    """Of the leads that are meant."""
    outside: Estimate
    """Of the others."""
    difference: Estimate
    """Inside less outside."""
    known_inside: int
    known_outside: int
    """Of so many leads it is known what became of them."""

    @property
    def verdict(self) -> str:
        """How they convert: ``"more"``, ``"less"``, ``"as the others"`` or ``"unknown"``."""
        if self.difference.low is None or self.difference.high is None:
            return "unknown"
        if self.difference.low > 0:
            return "more"
        return "less" if self.difference.high < 0 else "as the others"

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "inside": self.inside.to_json(),
            "outside": self.outside.to_json(),
            "difference": self.difference.to_json(),
            "known_inside": self.known_inside,
            "known_outside": self.known_outside,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class LeadOutcomes:
    """Leads, each once, as they stood at their first look.

    Parameters
    ----------
    leads : pl.DataFrame, shape (n_leads, ...)
        The canonical leads.
    converted : ndarray of float64, shape (n_leads,)
        1.0 where the lead became a customer within the horizon, 0.0 where not, NaN where it is not
        known yet.
    group : ndarray of int64, shape (n_leads,)
        Leads that share it are of one account or person.
    """

    leads: pl.DataFrame
    converted: Floats
    group: Integers

    @classmethod
    def of(cls, leads: pl.DataFrame, snapshots: pl.DataFrame) -> "LeadOutcomes":
        """Put leads together with the label of their first mature snapshot.

        Parameters
        ----------
        leads : pl.DataFrame
            As `leadcast.features.tables.Tables.leads`.
        snapshots : pl.DataFrame
            As `leadcast.features.snapshots.make_snapshots` gives them.

        Returns
        -------
        LeadOutcomes
            In the order of `leads`; a lead without a snapshot is a group of its own.
        """
        first = first_looks(snapshots)
        found = leads.select("lead_id").join(first, on="lead_id", how="left", maintain_order="left")
        group = pl.coalesce("group_id", pl.lit("lead:") + pl.col("lead_id"))
        codes = found.select(group.rank("dense").cast(pl.Int64)).to_series().to_numpy()
        converted = found["converted"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return cls(leads, converted, codes)

    @property
    def known(self) -> Flags:
        """Of which leads it is known what became of them."""
        return ~np.isnan(self.converted)

    def rate(self, mask: npt.ArrayLike, level: float = LEVEL) -> Estimate:
        """Estimate how often leads convert, with an interval that knows of accounts and persons.

        Parameters
        ----------
        mask : array_like of bool, shape (n_leads,)
        level : float
            How often the interval should hold the truth.

        Returns
        -------
        Estimate
            Without numbers where the outcome of fewer than `FEWEST` is known.
        """
        chosen = np.asarray(mask, dtype=bool) & self.known
        if chosen.sum() < FEWEST:
            return Estimate(None, None, None)
        return clustered_rate(self.converted[chosen], self.group[chosen], level)

    def contrast(
        self, mask: npt.ArrayLike, among: npt.ArrayLike | None = None, level: float = LEVEL
    ) -> Contrast:
        """Set leads beside the others.

        Parameters
        ----------
        mask : array_like of bool, shape (n_leads,)
            The leads that are meant.
        among : array_like of bool, shape (n_leads,), optional
            Whom to look at at all.
        level : float
            How often each interval should hold the truth.

        Returns
        -------
        Contrast
        """
        inside = np.asarray(mask, dtype=bool)
        everybody = np.ones(len(inside), bool) if among is None else np.asarray(among, bool)
        inside, outside = inside & everybody, ~inside & everybody
        one, other = self.rate(inside, level), self.rate(outside, level)
        counts = (int((part & self.known).sum()) for part in (inside, outside))
        return Contrast(one, other, rate_difference(one, other), *counts)


def first_looks(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Take each lead's first snapshot whose outcome is known.

    Parameters
    ----------
    snapshots : pl.DataFrame
        With ``lead_id``, ``position``, ``group_id``, ``mature`` and ``converted``.

    Returns
    -------
    pl.DataFrame
        A row a lead that has one, with the same columns.
    """
    mature = snapshots.filter("mature").sort("position", maintain_order=True)
    return mature.unique("lead_id", keep="first", maintain_order=True)
