"""The bundle: all that scoring needs, as a folder of plain data.

    manifest.json    what the bundle is, and the hash of every other file
    features.json    the feature plan
    learner/         the fitted learner: JSON and LightGBM's text
    calibrator.json  from log-odds to probabilities
    intervals.json   from log-odds to an interval for each lead (where there are any)
    reference.json   the population behind percentiles and grades
    rates.json       how often leads converted, by the value of each feature (for reasons)
    metrics.json     what was measured on the test part

Loading runs no code from the bundle. A bundle is written whole or not at all; two bundles from
the same data differ in ``created_at`` only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from features.errors import LeadcastError
from features.files import read_json, write_json, written_whole
from features.plan import FeaturePlan
from models.bundle_files import (
    KIND,
    Manifest,
    Origin,
    of_one_version,
    read_manifest,
    write_manifest,
)
from models.bundle_rates import Rates
from models.bundle_reference import Reference
from models.calibration import Calibrator, calibrator_from_json
from models.intervals import LeadIntervals
from models.learners.protocol import FittedLearner
from models.learners.store import load_learner

LEARNER, INTERVALS, RATES = "learner", "intervals.json", "rates.json"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds, verified and read.

    Parameters
    ----------
    manifest : Manifest
        Where it comes from.
    plan : FeaturePlan
        From leads and events to a matrix.
    learner : FittedLearner
        From a matrix to log-odds.
    calibrator : Calibrator
        From log-odds to probabilities.
    intervals : LeadIntervals or None
        From log-odds to an interval for each lead.
    reference : Reference
        From probabilities to percentiles and grades.
    metrics : mapping
        What was measured on the test part.
    rates : Rates or None
        How often leads converted, by the value of each feature; None in bundles of schema 1.
    """

    manifest: Manifest
    plan: FeaturePlan
    learner: FittedLearner
    calibrator: Calibrator
    intervals: LeadIntervals | None
    reference: Reference
    metrics: Mapping[str, Any]
    rates: Rates | None = None


def write_bundle(
    folder: Path,
    *,
    plan: FeaturePlan,
    learner: FittedLearner,
    calibrator: Calibrator,
    reference: Reference,
    metrics: Mapping[str, Any],
    origin: Origin,
    intervals: LeadIntervals | None = None,
    rates: Rates | None = None,
    notes: Sequence[str] = (),
    created_at: datetime | None = None,
) -> Manifest:
    """Write a bundle, whole or not at all; a bundle that stood there is replaced.

    Parameters
    ----------
    folder : Path
        Where to write it.
    plan, learner, calibrator, reference, metrics
        As in `Bundle`; metrics must be JSON values.
    origin : Origin
        Where it comes from.
    intervals : LeadIntervals, optional
        An interval for each lead.
    rates : Rates, optional
        How often leads converted, by the value of each feature of the plan.
    notes : sequence of str
        What a reader of the scores must know, as that there was little data.
    created_at : datetime, optional
        The time to write into the manifest; now, if not given.

    Returns
    -------
    Manifest
        With the bundle's id.
    """
    with written_whole(folder, KIND) as new:
        new.mkdir()
        write_json(new / "features.json", plan.to_json())
        learner.save(new / LEARNER)
        write_json(new / "calibrator.json", calibrator.to_json())
        if intervals is not None:
            write_json(new / INTERVALS, intervals.to_json())
        if rates is not None:
            write_json(new / RATES, rates.model_dump(mode="json"))
        write_json(new / "reference.json", reference.model_dump(mode="json"))
        write_json(new / "metrics.json", dict(metrics))
        return write_manifest(new, origin, notes, created_at)


def load_bundle(folder: Path) -> Bundle:
    """Verify and read a bundle.

    Parameters
    ----------
    folder : Path
        The bundle.

    Returns
    -------
    Bundle

    Raises
    ------
    LeadcastError
        If the folder is no bundle, is of a newer schema or another major version, or if files are
        missing, changed, truncated or unknown; names them and tells what to do.
    """
    return of_one_version(folder, _loaded)


def _loaded(folder: Path) -> Bundle:
    manifest = read_manifest(folder)
    return Bundle(
        manifest=manifest,
        plan=FeaturePlan.from_json(_read_object(folder / "features.json")),
        learner=load_learner(folder / LEARNER),
        calibrator=calibrator_from_json(_read_object(folder / "calibrator.json")),
        intervals=_read_intervals(folder / INTERVALS) if INTERVALS in manifest.files else None,
        reference=_read_model(Reference, folder / "reference.json"),
        metrics=_read_object(folder / "metrics.json"),
        rates=_read_model(Rates, folder / RATES) if RATES in manifest.files else None,
    )


def _read_intervals(path: Path) -> LeadIntervals:
    return LeadIntervals.from_json(_read_object(path))


def _read_model(kind: type[Model], path: Path) -> Model:
    try:
        return kind.model_validate(_read_object(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise LeadcastError(f"{path}: {first['msg']}; export the bundle again") from None


def _read_object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise LeadcastError(f"{path}: is damaged (not a JSON object); export the bundle again")
    return content
