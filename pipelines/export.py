"""The bundle: everything that scoring needs, as plain data."""

import os
from pathlib import Path

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_files import BundleOrigin
from leadcast.models.bundle.bundle_reference import Rates
from leadcast.models.bundle.bundle_signature import sign_bundle
from leadcast.models.calibration.intervals import LeadIntervals
from leadcast.models.learners.learner_store import load_learner
from leadcast.models.splits import PARTS
from leadcast.pipelines.dataset import (
    read_calibrator,
    read_parts,
    read_plan,
    read_reference,
    used_snapshots,
)
from leadcast.pipelines.params import load_params, snapshot_settings
from leadcast.pipelines.paths import RunFolder
from leadcast.pipelines.stage import run_stage

SIGNING_KEY = "LEADCAST_SIGNING_KEY"
"""The environment variable that names the private key (PEM) with which bundles are signed."""


def export(source: str) -> str:
    """Write the bundle."""
    run, params = RunFolder(source), load_params()
    tables, snapshots = Tables.read(run.tables), used_snapshots(run)
    backtest, calibration = read_json(run.backtest), read_json(run.calibration)
    origin = BundleOrigin(
        source=source,
        fingerprint=read_json(run.fingerprint)["sha256"],
        time_order=tables.time_order,
        attribute_types=tables.attribute_types,
        snapshots=snapshot_settings(source, params),
        sizes={part: snapshots.filter(pl.col("part") == part).height for part in PARTS},
        insufficient_data=backtest["chosen"] == "prior",
    )
    known = read_parts(run, PARTS, None)
    manifest = write_bundle(
        run.bundle,
        plan=read_plan(run),
        learner=load_learner(run.learner),
        calibrator=read_calibrator(run),
        intervals=LeadIntervals.from_json(calibration["intervals"]),
        reference=read_reference(run),
        rates=Rates.of(known.values, known.converted, known.features),
        metrics=read_json(run.metrics),
        origin=origin,
        notes=backtest["warnings"],
    )
    sign_if_asked(run.bundle)
    return f"bundle {manifest.bundle_id[:12]} in {run.bundle}"


def sign_if_asked(bundle: Path) -> None:
    """Sign a bundle, if the environment names a key to sign with."""
    key = os.environ.get(SIGNING_KEY, "").strip()
    if key:
        sign_bundle(bundle, Path(key))


if __name__ == "__main__":
    run_stage("export", export)
