"""The bundle: everything that scoring needs, as plain data."""

import os
from pathlib import Path

import polars as pl

from features.files import read_json
from features.tables import Tables
from models.bundle import write_bundle
from models.bundle_files import Origin
from models.bundle_rates import Rates
from models.bundle_reference import Reference
from models.bundle_signature import sign_bundle
from models.calibration import calibrator_from_json
from models.intervals import LeadIntervals
from models.learners.store import load_learner
from models.splits import PARTS
from pipelines.dataset import read_parts, read_plan, used_snapshots
from pipelines.params import load_params
from pipelines.paths import RunFolder
from pipelines.settings import snapshot_settings
from pipelines.stage import run_stage

SIGNING_KEY = "LEADCAST_SIGNING_KEY"
"""The environment variable that names the private key (PEM) with which bundles are signed."""


def export(source: str) -> str:
    """Write the bundle.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        The bundle's id.
    """
    run, params = RunFolder(source), load_params()
    tables, snapshots = Tables.read(run.tables), used_snapshots(run)
    backtest, calibration = read_json(run.backtest), read_json(run.calibration)
    origin = Origin(
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
        calibrator=calibrator_from_json(calibration["calibrator"]),
        intervals=LeadIntervals.from_json(calibration["intervals"]),
        reference=Reference.of(pl.read_parquet(run.test_scores)["probability"].to_numpy()),
        rates=Rates.of(known.values, known.converted, known.features),
        metrics=read_json(run.metrics),
        origin=origin,
        notes=backtest["warnings"],
    )
    sign_if_asked(run.bundle)
    return f"bundle {manifest.bundle_id[:12]} in {run.bundle}"


def sign_if_asked(bundle: Path) -> None:
    """Sign a bundle, if the environment names a key to sign with.

    Parameters
    ----------
    bundle : Path
        The bundle.

    Raises
    ------
    LeadcastError
        If what `SIGNING_KEY` names is no private key.
    """
    key = os.environ.get(SIGNING_KEY, "").strip()
    if key:
        sign_bundle(bundle, Path(key))


if __name__ == "__main__":
    run_stage("export", export)
