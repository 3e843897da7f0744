"""Real bundles of every kind, small, for `benchmarks.hostile_bundles` to damage; their leads."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_files import BundleOrigin
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.calibration.calibrators import (
    Beta,
    Calibrator,
    Identity,
    Isotonic,
    Logistic,
    Shifted,
    Spline,
)
from leadcast.models.calibration.intervals import fit_lead_intervals
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup, WeighedTrees
from leadcast.models.data import Floats, LabelledMatrix
from tests.learner_worlds import QUICK
from tests.scoring_world import END, SNAPSHOTS, START, WRITTEN, make_tables

CURVES, TREES = ((10.0, 1.0),), (WeighedTrees("cautious", 8, 1.0),)
BOTH = (
    Setup(None, CURVES, TREES),
    Setup(0.3, CURVES, (WeighedTrees("cautious", 4, 0.5), WeighedTrees("bold", 8, 0.5))),
)
WORLDS: Mapping[str, tuple[str, tuple[Setup, ...], Calibrator, bool]] = {
    "trees": (
        "lightgbm",
        (Setup(None, (), TREES),),
        Isotonic(rows=400, knots=[-3.0, -1.0, 0.5, 2.0], values=[-2.5, -1.2, 0.4, 1.5], slope=0.8),
        True,
    ),
    "logistic": (
        "logistic",
        (Setup(None, CURVES),),
        Spline(rows=400, knots=(-2.0, 0.0, 2.0), start=-1.8, slopes=(0.7, 1.1, 0.9)),
        True,
    ),
    "blend": (
        "blend",
        BOTH,
        Shifted(base=Logistic(rows=400, intercept=0.1, slope=0.9), shift=-0.2),
        True,
    ),
    "prior": ("prior", (), Identity(rows=400), True),
    "undated": (
        "logistic",
        (Setup(None, CURVES),),
        Beta(rows=400, intercept=0.1, lower=0.9, upper=1.1),
        False,
    ),
}
"""Kind of learner, setups, calibrator, and whether there are dates."""
N_LEADS = 12
"""More than are walked down the trees one by one."""


def tables_of(dated: bool) -> Tables:
    """Make the tables: the tests' small source, with sources, times, addresses and a clock."""
    made = make_tables(400)
    generator, n = np.random.default_rng(5), made.leads.height
    created = made.leads["created_at"]
    extra = made.leads.with_columns(
        source=pl.Series(generator.choice(["ads", "fair", "mail", "Web"], n)),
        email=pl.Series([f"jo{place % 50}@acme.com" for place in range(n)]),
        company=pl.Series(generator.choice(["Acme", "Initech", ""], n)),
        signed_at=created - pl.duration(days=3),
        rate=((created - START).dt.total_days() // 20).cast(pl.Float64),
    )
    types = {"source": "category", "email": "text", "company": "text", "signed_at": "time"}
    tables = replace(
        made, leads=extra, attribute_types=made.attribute_types | types | {"rate": "number"}
    )
    if dated:
        return tables
    return replace(
        tables,
        leads=extra.with_columns(created_at=pl.lit(None, dtype=TIME)),
        outcomes=made.outcomes.with_columns(
            converted=pl.col("won_at").is_not_null(), won_at=pl.lit(None, dtype=TIME)
        ),
        observed_until=None,
        time_order=TimeOrder.ORDERED,
    )


def leads_of(tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take a few leads and their events, with a kind of events that no plan knows."""
    leads = tables.leads.head(N_LEADS)
    if tables.time_order is TimeOrder.DATED:
        leads = leads.with_columns(as_of=pl.col("created_at") + timedelta(days=20))
    events = tables.events.collect().filter(pl.col("lead_id").is_in(leads["lead_id"].implode()))
    return leads, pl.concat([events, events.head(3).with_columns(event_type=pl.lit("new"))])


def write_world(folder: Path, name: str) -> None:
    """Fit and write one of `WORLDS`."""
    kind, setups, calibrator, dated = WORLDS[name]
    tables = tables_of(dated)
    snapshots = make_snapshots(tables, SNAPSHOTS, seed=0)
    snapshots = snapshots.filter("mature") if dated else snapshots
    plan = fit_plan(tables, snapshots, FeatureSettings(), END if dated else None, SNAPSHOTS)
    values = compute(plan, tables.leads, tables.events, snapshots)
    converted = snapshots["converted"].cast(pl.Float64).to_numpy()
    places = np.arange(len(values), dtype=np.int64)
    data = LabelledMatrix(values, plan.features, converted, places, places, 0)
    learner = fit_learner(kind, data, setups, QUICK)
    log_odds = learner.log_odds(values)
    is_prior = kind == "prior"
    write_bundle(
        folder,
        plan=plan,
        learner=learner,
        calibrator=calibrator,
        reference=Reference.of(calibrator.probability(log_odds)[:200]),
        metrics={"test": {"n": len(values), "auc": None, "by": [{"name": "a", "value": 0.5}]}},
        origin=_origin(tables, len(values), is_prior),
        intervals=None
        if is_prior
        else fit_lead_intervals(log_odds, converted, places, replicates=20),
        rates=None if is_prior else _rates(plan, data, converted),
        notes=("a small world",),
        created_at=WRITTEN,
    )


def _origin(tables: Tables, n: int, insufficient: bool) -> BundleOrigin:
    return BundleOrigin(
        source="small",
        fingerprint="0" * 64,
        time_order=tables.time_order,
        attribute_types=tables.attribute_types,
        snapshots=SNAPSHOTS,
        sizes={"train": n},
        insufficient_data=insufficient,
    )


def _rates(plan: FeaturePlan, data: LabelledMatrix, converted: Floats) -> Rates:
    return Rates.of(data.values, converted, plan.features)
