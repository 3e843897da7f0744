"""The bundle: all that scoring needs, as a folder of plain data.

    manifest.json    what the bundle is, and the hash of every other file
    features.json    the feature plan
    learner/         the fitted learner: JSON and LightGBM's text, or an estimator of others as a
                     file of skops
    calibrator.json  from log-odds to probabilities
    intervals.json   from log-odds to an interval for each lead (where there are any)
    reference.json   the population behind percentiles and grades
    rates.json       how often leads converted, by the value of each feature (for reasons)
    metrics.json     what was measured on the test part
    curve.json       when leads become customers (an optional part: see `bundle.extra_parts`)
    amounts.json     what leads are worth if they are won (likewise; its trees below amounts/)

Loading runs no code from the bundle, and imports nothing for it but the types of an estimator of
others that are trusted here (`leadcast.models.imported.skops_file`). A bundle is written whole or
not at all; two bundles from the same data differ in ``created_at`` only.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import Checks, Fault, FaultsError, LeadcastError
from leadcast.features.base.files import write_json, written_whole
from leadcast.features.base.plain import AGAIN, MOST_TOLD, checked, read_plain, shown
from leadcast.features.engine.plan import FeaturePlan
from leadcast.models.bundle.bundle_files import (
    KIND,
    MANIFEST,
    BundleOrigin,
    Manifest,
    of_one_version,
    read_manifest,
    write_manifest,
)
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.bundle.extra_parts import PARTS, part_file
from leadcast.models.calibration.calibrators import Calibrator, calibrator_from_json
from leadcast.models.calibration.intervals import LeadIntervals
from leadcast.models.extra_columns import ExtraPart
from leadcast.models.learners.learner_store import (
    FittedLearner,
    imported_shapes,
    load_learner,
)

LEARNER, INTERVALS, RATES = "learner", "intervals.json", "rates.json"
DAMAGED = "the bundle is damaged"


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
    extras : mapping of str to ExtraPart
        The optional parts that it holds, by their names (`extra_parts.PARTS`), in their order.
    """

    manifest: Manifest
    plan: FeaturePlan
    learner: FittedLearner
    calibrator: Calibrator
    intervals: LeadIntervals | None
    reference: Reference
    metrics: Mapping[str, Any]
    rates: Rates | None = None
    extras: Mapping[str, ExtraPart] = field(default_factory=dict)


def write_bundle(
    folder: Path,
    *,
    plan: FeaturePlan,
    learner: FittedLearner,
    calibrator: Calibrator,
    reference: Reference,
    metrics: Mapping[str, Any],
    origin: BundleOrigin,
    intervals: LeadIntervals | None = None,
    rates: Rates | None = None,
    extras: Mapping[str, ExtraPart] | None = None,
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
    origin : BundleOrigin
        Where it comes from.
    intervals : LeadIntervals, optional
        An interval for each lead.
    rates : Rates, optional
        How often leads converted, by the value of each feature of the plan.
    extras : mapping of str to ExtraPart, optional
        Optional parts, by their names.
    notes : sequence of str
        What a reader of the scores must know, as that there was little data.
    created_at : datetime, optional
        The time to write into the manifest; now, if not given.

    Returns
    -------
    Manifest
        With the bundle's id.

    Raises
    ------
    LeadcastError
        If it would not be a bundle that `load_bundle` takes, as one that is too large.
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
        for part in (extras or {}).values():
            part.save(new)
        write_json(new / "reference.json", reference.model_dump(mode="json"))
        write_json(new / "metrics.json", dict(metrics))
        manifest = write_manifest(new, origin, notes, created_at, _types_in(learner))
        # What nobody could load is told now, not by the first batch.
        load_bundle(new)
        return manifest


def _types_in(learner: FittedLearner) -> tuple[str, ...] | None:
    """List the types that an estimator of others needs; None where there is none."""
    shapes = imported_shapes(learner)
    return tuple(sorted({name for one in shapes for name in one.types})) if shapes else None


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
        missing, changed, truncated or unknown; names them and tells what to do. If what a file
        holds is not what is declared of it, or does not fit the others, though the hashes are
        right: all of it at once.
    """
    return of_one_version(folder, _loaded)


def _loaded(folder: Path) -> Bundle:
    manifest = read_manifest(folder)
    checks, parts = Checks(), dict[str, Any]()
    for name, read in _readers(folder, manifest).items():
        parts[name] = checks.of(read, None)
    held = {name: kind for name, kind in PARTS.items() if part_file(name) in manifest.files}
    extras = {name: checks.of(partial(kind.read, folder), None) for name, kind in held.items()}
    checks.raise_errors()
    bundle = Bundle(manifest=manifest, **parts, extras=_told_apart(extras))
    faults = [*_faults_between(manifest, bundle.plan, bundle.learner, bundle.rates)]
    faults += _wrong_extras(bundle)
    if faults:
        raise FaultsError(f"bundle {folder}", faults)
    return bundle


def _told_apart(extras: Mapping[str, ExtraPart | None]) -> dict[str, ExtraPart]:
    return {name: part for name, part in extras.items() if part is not None}


def _wrong_extras(bundle: Bundle) -> Iterator[Fault]:
    n_columns, horizon = len(bundle.plan.columns), bundle.manifest.origin.snapshots.horizon_days
    for part in bundle.extras.values():
        for where, found, expected in itertools.islice(
            part.unfitting(n_columns, horizon), MOST_TOLD
        ):
            yield _fault(where, found, expected)


def _readers(folder: Path, manifest: Manifest) -> dict[str, Callable[[], Any]]:
    """Give for each part of a bundle what reads and checks it."""
    features, calibrator = folder / "features.json", folder / "calibrator.json"
    intervals, rates = folder / INTERVALS, folder / RATES
    reference = folder / "reference.json"
    return {
        "plan": lambda: FeaturePlan.from_json(read_plain(features), f"{features}"),
        "learner": lambda: load_learner(folder / LEARNER),
        "calibrator": lambda: calibrator_from_json(read_plain(calibrator), f"{calibrator}"),
        "intervals": lambda: (
            LeadIntervals.from_json(read_plain(intervals), f"{intervals}")
            if INTERVALS in manifest.files
            else None
        ),
        "reference": lambda: checked(Reference, read_plain(reference), DAMAGED, f"{reference}"),
        "metrics": lambda: _read_object(folder / "metrics.json"),
        "rates": lambda: (
            checked(Rates, read_plain(rates), DAMAGED, f"{rates}")
            if RATES in manifest.files
            else None
        ),
    }


def _read_object(path: Path) -> dict[str, Any]:
    content = read_plain(path)
    if not isinstance(content, dict):
        raise LeadcastError(f"{path}: is damaged (not a JSON object). {AGAIN}")
    return content


def _faults_between(
    manifest: Manifest, plan: FeaturePlan, learner: FittedLearner, rates: Rates | None
) -> Iterator[Fault]:
    """Find what does not fit together."""
    width, seen = len(plan.columns), len(learner.importance())
    if seen != width:
        yield _fault("learner: importance", f"{seen} columns", f"the plan's {width}")
    types = _types_in(learner) or ()
    if types != manifest.trusted_types:
        found = ", ".join(types) or "none"
        yield _fault(f"{MANIFEST}: trusted_types", found, ", ".join(manifest.trusted_types))
    if manifest.origin.time_order is not plan.time_order:
        found, expected = plan.time_order.value, manifest.origin.time_order.value
        yield _fault("features.json: time_order", found, f"the manifest's {expected!r}")
    for name, found, expected in itertools.islice(
        plan.unfitting(manifest.origin.attribute_types), MOST_TOLD
    ):
        key = ".".join(["origin.attribute_types", *([shown(name)] if name else [])])
        yield _fault(f"{MANIFEST}: {key}", found, expected)
    if rates is not None:
        yield from _wrong_rates(plan, rates)


def _wrong_rates(plan: FeaturePlan, rates: Rates) -> Iterator[Fault]:
    if len(rates.features) != len(plan.features):
        found, expected = f"{len(rates.features)}", f"the plan's {len(plan.features)}"
        yield _fault("rates.json: features", found, expected)
        return
    for place, (feature, own) in enumerate(zip(plan.features, rates.features, strict=True)):
        where = f"rates.json: features.{place}"
        if feature.dtype != "number" and own.edges:
            yield _fault(f"{where}.edges", f"{len(own.edges)}", f"none for a {feature.dtype}")
        elif feature.dtype == "number" and len(own.leads) > len(own.edges) + 2:
            expected = f"at most {len(own.edges) + 2} for so many edges"
            yield _fault(f"{where}.leads", f"{len(own.leads)}", expected)


def _fault(where: str, found: str, expected: str) -> Fault:
    return Fault(where, found, expected, AGAIN)
