"""The bundles, everything that scoring needs as plain data: one to be used, one that was tested."""

import os
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.models.bundle import extra_parts
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_files import BundleOrigin, Seen
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.bundle.bundle_signature import sign_bundle
from leadcast.models.calibration.intervals import LeadIntervals
from leadcast.models.extra_columns import ExtraPart
from leadcast.models.learners.learner_store import load_learner
from leadcast.models.splits import FRESH, PARTS, is_apart
from leadcast.pipelines.base.dataset import (
    LEARNING,
    read_calibrator,
    read_parts,
    read_plan,
    read_reference,
    read_verdict,
    used_fresh,
    used_snapshots,
)
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import DEPLOYED, JUDGED, DeployedFolder, RunFolder
from leadcast.pipelines.base.stage import run_stage

SIGNING_KEY = "LEADCAST_SIGNING_KEY"
"""The environment variable that names the private key (PEM) with which bundles are signed."""


def export(source: str) -> str:
    """Write both bundles: the model that was tested, and the one to be used."""
    run = RunFolder(source)
    backtest, metrics = read_json(run.backtest), read_json(run.metrics)

    def write(
        folder: Path,
        parts: RunFolder | DeployedFolder,
        which: str,
        origin: BundleOrigin,
        reference: Reference,
        rates: Rates,
    ) -> str:
        manifest = write_bundle(
            folder,
            plan=read_plan(parts),
            learner=load_learner(parts.learner),
            calibrator=read_calibrator(parts),
            intervals=LeadIntervals.from_json(read_json(parts.calibration)["intervals"]),
            reference=reference,
            rates=rates,
            extras=_extras(run, which),
            metrics=metrics,
            origin=origin,
            notes=backtest["warnings"],
        )
        sign_if_asked(folder)
        return manifest.bundle_id

    origin, known = _judged_origin(run, backtest), read_parts(run, PARTS, None)
    rates = Rates.of(known.values, known.converted, known.features)
    judged = write(run.judged, run, JUDGED, origin, read_reference(run), rates)
    parts = DeployedFolder(run.deployed)
    seen = Seen(**read_json(parts.seen))
    deployed = write(
        run.bundle,
        parts,
        DEPLOYED,
        _deployed_origin(origin, seen, judged),
        Reference(**read_json(parts.reference)),
        Rates(**read_json(parts.rates)),
    )
    return (
        f"bundle {deployed[:12]} in {run.bundle}, to be used; {judged[:12]} in {run.judged}, "
        "which was tested"
    )


def _extras(run: RunFolder, which: str) -> dict[str, ExtraPart]:
    """Read the optional parts that the source allows, as a stage of each name has made them."""
    folders = {name: run.path / name / which for name in extra_parts.PARTS}
    return {
        name: extra_parts.PARTS[name].read(folder)
        for name, folder in folders.items()
        if (folder / extra_parts.part_file(name)).exists()
    }


def _judged_origin(run: RunFolder, backtest: dict[str, Any]) -> BundleOrigin:
    tables, snapshots = Tables.read(run.tables), used_snapshots(run)
    learned = snapshots.filter(pl.col("part").is_in(LEARNING))
    fresh = 0
    if used_fresh(backtest):
        fresh = snapshots.filter((pl.col("part") == FRESH) & is_apart(snapshots)).height
    seen = Seen(
        snapshots=learned.height,
        fresh=fresh,
        first=learned["as_of"].min(),
        last=learned["as_of"].max(),
        known_until=snapshots.filter(part="test")["as_of"].min(),
    )
    return BundleOrigin(
        source=run.source,
        fingerprint=read_json(run.fingerprint)["sha256"],
        time_order=tables.time_order,
        attribute_types=tables.attribute_types,
        snapshots=snapshot_settings(run.source, load_params()),
        sizes={part: snapshots.filter(pl.col("part") == part).height for part in PARTS},
        insufficient_data=backtest["chosen"] == "prior",
        role="judged",
        seen=seen,
        verdict=read_verdict(run),
        serves=dict(find_definition(run.source).serves),
    )


def _deployed_origin(judged: BundleOrigin, seen: Seen, judged_by: str) -> BundleOrigin:
    fresh = {"fresh": seen.fresh} if seen.fresh else {}
    return judged.model_copy(
        update={
            "role": "deployed",
            "seen": seen,
            "judged_by": judged_by,
            "sizes": {"train": seen.snapshots} | fresh,
        }
    )


def sign_if_asked(bundle: Path) -> None:
    """Sign a bundle, if the environment names a key to sign with."""
    key = os.environ.get(SIGNING_KEY, "").strip()
    if key:
        sign_bundle(bundle, Path(key))


if __name__ == "__main__":
    run_stage("export", export)
