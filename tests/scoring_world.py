"""A small dated source, from its tables to a bundle, for the tests of the bundle and the scorer."""

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.engine.coded import NEEDED
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_files import BundleOrigin, Manifest
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.calibration.calibrator_choice import choose_calibrator
from leadcast.models.calibration.calibrators import Calibrator
from leadcast.models.calibration.intervals import LeadIntervals, fit_lead_intervals
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.data import Floats, Matrix
from leadcast.models.learners.basis import Effect
from leadcast.models.learners.boosting import as_trees
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.learner_store import Additive, FittedLearner, additive_of

START = datetime(2025, 1, 1, tzinfo=UTC)
END = START + timedelta(days=240)
WRITTEN = datetime(2025, 9, 1, tzinfo=UTC)
KINDS = ("page_viewed", "webinar", "call")
INDUSTRIES = ("software", "retail", "health", "")
SNAPSHOTS = SnapshotSettings(landmarks_days=(0, 7), horizon_days=30)
TYPES = {
    "industry": "category",
    "company_size": "number",
    "budget": "number",
    "job_title": "text",
    "newsletter": "flag",
}


@dataclass(frozen=True)
class ScoringWorld:
    """A fitted model of the small source, before it was exported."""

    tables: Tables
    snapshots: pl.DataFrame
    plan: FeaturePlan
    values: Matrix
    learner: FittedLearner
    calibrator: Calibrator
    intervals: LeadIntervals

    @property
    def converted(self) -> Floats:
        return self.snapshots["converted"].cast(pl.Float64).to_numpy()

    @property
    def probability(self) -> Floats:
        return self.calibrator.probability(self.learner.log_odds(self.values))


def make_tables(n: int = 600, seed: int = 3) -> Tables:
    generator = np.random.default_rng(seed)
    leads = pl.DataFrame(
        {
            "lead_id": [f"lead {number}" for number in range(n)],
            "created_at": in_days(START, generator.uniform(0, 220, n)),
            "position": np.arange(n),
            "industry": pl.Series(generator.choice(INDUSTRIES, n)).replace("", None),
            "company_size": np.round(generator.lognormal(4, 1, n)),
            "budget": np.round(generator.lognormal(8, 1, n)),
            "job_title": generator.choice(["Head of IT", "buyer", "CEO", ""], n),
            "newsletter": generator.random(n) < 0.5,
        }
    )
    n_events = generator.poisson(4, n)
    liking = 0.5 * (n_events - 4) + 1.0 * (leads["industry"] == "software").fill_null(False) - 1
    wins = pl.Series(generator.random(n)) < 1 / (1 + np.exp(-liking))
    won_at = leads["created_at"] + in_days(None, generator.exponential(12, n))
    nothing = pl.lit(None)
    outcomes = leads.select(
        "lead_id",
        won_at=pl.when(wins & (won_at < END)).then(won_at),
        lost_at=nothing.cast(TIME),
        converted=nothing.cast(pl.Boolean),
        amount=nothing.cast(pl.Float64),
    )
    events = draw_events(leads, n_events, generator)
    return Tables(leads, events.lazy(), outcomes, END, TimeOrder.DATED, dict(TYPES))


def draw_events(
    leads: pl.DataFrame, n_events: npt.NDArray[np.int64], generator: np.random.Generator
) -> pl.DataFrame:
    owners = leads[np.repeat(np.arange(leads.height), n_events)]
    after = in_days(None, generator.exponential(10, owners.height) - 0.1)
    value = generator.normal(size=owners.height)
    return pl.DataFrame(
        {
            "lead_id": owners["lead_id"],
            "occurred_at": owners["created_at"] + after,
            "event_type": generator.choice(KINDS, owners.height),
            "value": pl.Series(np.where(value > 0, value, np.nan)).fill_nan(None),
        }
    )


def in_days(start: datetime | None, days: Floats) -> pl.Series:
    spans = pl.Series(np.round(days * 86_400_000_000)).cast(pl.Int64).cast(pl.Duration("us"))
    return spans if start is None else spans + start


@cache
def scoring_world() -> ScoringWorld:
    tables = make_tables()
    snapshots = make_snapshots(tables, SNAPSHOTS, seed=0).filter("mature")
    plan = fit_plan(tables, snapshots, FeatureSettings(), END, SNAPSHOTS)
    values = compute(plan, tables.leads, tables.events, snapshots)
    converted = snapshots["converted"].cast(pl.Float64).to_numpy()
    learner = grow(plan, values, converted)
    log_odds, group = learner.log_odds(values), snapshots["lead_id"].to_list()
    calibrator = choose_calibrator(log_odds, converted, group).calibrator
    intervals = fit_lead_intervals(log_odds, converted, group, replicates=20)
    return ScoringWorld(tables, snapshots, plan, values, learner, calibrator, intervals)


def grow(plan: FeaturePlan, values: Matrix, converted: Floats) -> Additive:
    """Boosted trees on a constant level: a real learner, without the backtest before it."""
    import lightgbm

    categories = [j for j, feature in enumerate(plan.features) if feature.dtype == "category"]
    data = lightgbm.Dataset(values, converted, categorical_feature=categories)
    parameters = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(parameters, data, 25)
    ((trees, _),) = as_trees([booster], np.arange(len(plan.features)), [(25, 1.0)], values)
    level = Level((), np.array([-1.0]), np.zeros(0), np.array([[0.01]]), 0.0)
    return additive_of("lightgbm", level, (trees,), (1.0,), values)


VERDICT = ModelVerdict(
    use="ranking",
    words="Use it for ranking, not as a probability: <b>so many</b> came where few were told.",
    beware=True,
)


def origin(world: ScoringWorld) -> BundleOrigin:
    return BundleOrigin(
        source="small",
        fingerprint="0" * 64,
        time_order=world.tables.time_order,
        attribute_types=world.tables.attribute_types,
        snapshots=SNAPSHOTS,
        sizes={"train": len(world.values)},
        verdict=VERDICT,
    )


def undated_origin() -> tuple[FeaturePlan, BundleOrigin]:
    """The same leads, but as an export without dates, and with too little data."""
    world = scoring_world()
    tables = replace(
        world.tables,
        leads=world.tables.leads.with_columns(created_at=pl.lit(None, dtype=TIME)),
        outcomes=world.tables.outcomes.with_columns(
            converted=pl.col("won_at").is_not_null(), won_at=pl.lit(None, dtype=TIME)
        ),
        observed_until=None,
        time_order=TimeOrder.ORDERED,
    )
    snapshots = make_snapshots(tables, SNAPSHOTS, seed=0)
    plan = fit_plan(tables, snapshots, FeatureSettings(), None, SNAPSHOTS)
    about = origin(world).model_copy(
        update={"time_order": TimeOrder.ORDERED, "insufficient_data": True}
    )
    return plan, about


def export(
    folder: Path,
    created_at: datetime = WRITTEN,
    about: BundleOrigin | None = None,
    people: PeopleRules | None = None,
    pool: Literal["from_known", "from_start"] | None = None,
) -> Manifest:
    world = scoring_world()
    return write_bundle(
        folder,
        plan=world.plan.model_copy(update={"people": people, "pool_history": pool}),
        learner=world.learner,
        calibrator=world.calibrator,
        intervals=world.intervals,
        reference=Reference.of(world.probability),
        rates=Rates.of(world.values, world.converted, world.plan.features),
        extras={"curve": small_curve(world.plan)},
        metrics={"test": {"n": len(world.values), "auc": None}},
        origin=about or origin(world),
        notes=("a small world",),
        created_at=created_at,
    )


def small_curve(plan: FeaturePlan) -> ConversionCurve:
    """Likely leads convert early, and large companies late; nothing of it was fitted."""
    size = next(i for i, one in enumerate(plan.features) if one.name.startswith("company_size"))
    tilt = Effect(
        feature=size,
        category=False,
        points=[1.0, 1.75, 2.5],
        heights=[-1.0, 0.0, 1.5],
        other=0.0,
        missing=0.2,
    )
    return ConversionCurve(
        horizon_days=30.0,
        edges_days=(1.0, 3.0, 7.0, 14.0, 30.0, 60.0),
        rates=(-3.0, -3.0, -3.2, -3.6, -4.2, -5.0),
        slopes=(1.2, 1.1, 1.0, 0.9, 0.8, 0.7),
        paces=(-1.0, -0.6, -0.2, 0.2, 0.6, 1.0),
        centre=-1.0,
        low=-6.0,
        high=4.0,
        effects=(tilt,),
        days=(7.0, 30.0, 60.0),
    )


@cache
def bundle_folder() -> Path:
    """A bundle that nobody may change; it is removed when the tests end."""
    _KEPT.append(tempfile.TemporaryDirectory())
    folder = Path(_KEPT[-1].name) / "bundle"
    export(folder)
    return folder


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def with_nulls(events: pl.DataFrame) -> pl.DataFrame:
    """Events of which each third lacks another of what an event needs."""
    third = pl.int_range(pl.len()) % 3
    return events.with_columns(
        pl.when(third != number).then(name).alias(name) for number, name in enumerate(NEEDED)
    )
