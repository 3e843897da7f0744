"""Leads outside a profile that convert as well as those inside: whom it overlooks."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.data import Flags
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.evaluation.sampled_rate import rate_difference
from leadcast.models.profile_fit.profile_suggested import (
    FEWEST,
    PRIOR_LEADS,
    SIZES,
    FieldReading,
)

MOST = 10


@dataclass(frozen=True)
class Overlooked:
    """A group outside the profile.

    Parameters
    ----------
    words : str
        Who they are.
    earlier : Estimate
        How they converted among the earlier leads, on which they were found.
    later : Estimate
        Among the later ones, on which they are judged.
    known_later : int
        Of so many later ones it is known.
    difference : Estimate
        On the later leads: their rate less that of the leads inside.
    """

    words: str
    earlier: Estimate
    later: Estimate
    known_later: int
    difference: Estimate

    @property
    def holds(self) -> bool | None:
        """Whether they also converted no worse on the later leads, chance aside; None: too few."""
        return None if self.difference.high is None else self.difference.high >= 0

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "words": self.words,
            "earlier": self.earlier.to_json(),
            "later": self.later.to_json(),
            "known_later": self.known_later,
            "difference": self.difference.to_json(),
            "holds": self.holds,
        }


def overlooked_leads(
    fields: list[FieldReading], inside: Flags, earlier: LeadOutcomes, later: LeadOutcomes
) -> list[Overlooked]:
    """Find groups outside a profile that convert as well as those inside.

    Parameters
    ----------
    fields : list of FieldReading
        By whose values leads are grouped.
    inside : ndarray of bool, shape (n_leads,)
        Who is inside the profile.
    earlier, later : LeadOutcomes
        Groups are found on the former and judged on the latter.

    Returns
    -------
    list of Overlooked
        Those who converted best first, at most `MOST`; found where a group's earlier rate, drawn
        towards that of all outside, is no less than the rate inside.
    """
    known, outside = earlier.known, ~inside
    if not (known & inside).any() or not (known & outside).any():
        return []
    rate_inside = float(earlier.converted[known & inside].mean())
    rate_outside = float(earlier.converted[known & outside].mean())
    found: list[tuple[float, str, Flags]] = []
    for field in fields:
        labels = _labels(field)
        for label in labels.drop_nulls().unique().sort():
            group = (labels == label).fill_null(value=False).to_numpy() & outside
            n = int((group & known).sum())
            won = float(earlier.converted[group & known].sum())
            shrunken = (won + PRIOR_LEADS * rate_outside) / (n + PRIOR_LEADS)
            if n >= FEWEST and shrunken >= rate_inside:
                found.append((shrunken, f"{field.name.replace('_', ' ')}: {label}", group))
    found.sort(key=lambda one: (-one[0], one[1]))
    inside_later = later.rate(inside)
    told = []
    for _, words, group in found[:MOST]:
        rate = later.rate(group)
        told.append(
            Overlooked(
                words,
                earlier.rate(group),
                rate,
                int((group & later.known).sum()),
                rate_difference(rate, inside_later),
            )
        )
    return told


def _labels(field: FieldReading) -> pl.Series:
    if not field.is_number:
        return field.values
    numbers = field.values.to_numpy()
    known = ~np.isnan(numbers)
    edges = [float(one) for one in SIZES]
    if field.read_as != "size":
        edges = sorted(
            {float(f"{one:.2g}") for one in np.quantile(numbers[known], [0.25, 0.5, 0.75])}
        )
    places = np.searchsorted(edges, numbers, side="right")
    names = [f"below {edges[0]:,g}"]
    names += [f"{low:,g} to below {high:,g}" for low, high in pairwise(edges)]
    names += [f"from {edges[-1]:,g}"]
    return pl.Series(
        [names[place] if is_known else None for place, is_known in zip(places, known, strict=True)],
        dtype=pl.String,
    )
