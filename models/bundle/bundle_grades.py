"""A bundle whose grades have other bounds: all else, every probability above all, as it was."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import Bundle, write_bundle
from leadcast.models.bundle.bundle_files import Manifest
from leadcast.models.bundle.bundle_reference import GRADES, Reference

SET_GRADES = "grades_set"
"""Under this key the bundle's metrics tell the bounds that somebody has set."""


def bounds_set(bundle: Bundle) -> tuple[float, float, float] | None:
    """Give the bounds that somebody has set; None where they are those of the training."""
    told = bundle.metrics.get(SET_GRADES)
    return checked_bounds(told["bounds"]) if isinstance(told, Mapping) else None


def checked_bounds(bounds: Sequence[float]) -> tuple[float, float, float]:
    """Refuse bounds that cannot be.

    Parameters
    ----------
    bounds : sequence of float
        From which probability on a lead is an A, a B, a C.

    Returns
    -------
    tuple of float

    Raises
    ------
    LeadcastError
        If there are not three, between 0 and 1, falling.
    """
    names = ", ".join(GRADES[:-1])
    told = ", ".join(f"{one:g}" for one in bounds)
    if len(bounds) != len(GRADES) - 1 or not all(0 < one < 1 for one in bounds):
        raise LeadcastError(
            f"bounds of grades: found {told}; expected three probabilities between 0 and 1, from "
            f"which on a lead is an {names}, such as 0.2,0.08,0.02"
        )
    if any(high <= low for high, low in pairwise(bounds)):
        raise LeadcastError(
            f"bounds of grades: found {told}; expected each below the one before ({names})"
        )
    return bounds[0], bounds[1], bounds[2]


def write_graded(
    folder: Path, bundle: Bundle, bounds: tuple[float, float, float], told: Mapping[str, Any]
) -> Manifest:
    """Write a bundle again with other bounds of its grades.

    Parameters
    ----------
    folder : Path
        Where to; whole or not at all.
    bundle : Bundle
    bounds : tuple of float
        As `checked_bounds` gives them.
    told : mapping
        Who set them and when, as JSON values; kept in the bundle's metrics.

    Returns
    -------
    Manifest
    """
    reference = bundle.reference
    return write_bundle(
        folder,
        plan=bundle.plan,
        learner=bundle.learner,
        calibrator=bundle.calibrator,
        reference=Reference(points=reference.points, n=reference.n, bounds=bounds),
        metrics={**bundle.metrics, SET_GRADES: {**told, "bounds": list(bounds)}},
        origin=bundle.manifest.origin,
        intervals=bundle.intervals,
        rates=bundle.rates,
        extras=bundle.extras,
        notes=bundle.manifest.notes,
    )
