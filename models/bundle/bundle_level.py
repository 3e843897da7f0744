"""A bundle whose level was moved: the same amount on all log-odds, its learner untouched.

Percentiles and grades move along, so that no lead changes its grade or its place on a call list:
the order of leads is the learner's, and an offset does not change it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadcast.models.bundle.bundle import Bundle, write_bundle
from leadcast.models.bundle.bundle_files import Manifest
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.calibration.calibrators import Calibrator, moved_by, unmoved
from leadcast.models.calibration.intervals import moved_shares

LEVEL = "level_tracking"
"""Under this key the bundle's metrics tell the offset."""
NOTE = "The level was moved"


def offset_of(bundle: Bundle) -> float:
    """Tell by how much a bundle's level was moved since it was trained; 0 where it was not."""
    told = bundle.metrics.get(LEVEL)
    return float(told["offset"]) if isinstance(told, Mapping) else 0.0


def write_moved(folder: Path, bundle: Bundle, offset: float, told: Mapping[str, Any]) -> Manifest:
    """Write a bundle again with another offset.

    Parameters
    ----------
    folder : Path
        Where to; whole or not at all.
    bundle : Bundle
        As it is, with or without an offset.
    offset : float
        What is to be added to the log-odds of the model as it was trained; 0 for none.
    told : mapping
        What is known of the offset, as JSON values; kept in the bundle's metrics.

    Returns
    -------
    Manifest
        Its notes say by how much the level was moved.
    """
    change = offset - offset_of(bundle)
    notes = [note for note in bundle.manifest.notes if not note.startswith(NOTE)]
    metrics = {key: value for key, value in bundle.metrics.items() if key != LEVEL}
    if offset:
        notes.append(
            f"{NOTE} by {offset:+z.3f} in log-odds since the model was trained, by the newest "
            "conversions; its figures were measured without that."
        )
        metrics[LEVEL] = {**told, "offset": offset}
    intervals = bundle.intervals
    return write_bundle(
        folder,
        plan=bundle.plan,
        learner=bundle.learner,
        calibrator=_moved_calibrator(bundle, offset),
        reference=_moved_reference(bundle.reference, change),
        metrics=metrics,
        origin=bundle.manifest.origin,
        intervals=None if intervals is None else intervals.moved(change),
        rates=bundle.rates,
        extras=bundle.extras,
        notes=notes,
    )


def _moved_calibrator(bundle: Bundle, offset: float) -> Calibrator:
    trained = unmoved(bundle.calibrator) if offset_of(bundle) else bundle.calibrator
    return moved_by(trained, offset)


def _moved_reference(reference: Reference, change: float) -> Reference:
    points, bounds = (moved_shares(part, change) for part in (reference.points, reference.bounds))
    return Reference(points=tuple(points), n=reference.n, bounds=(bounds[0], bounds[1], bounds[2]))
