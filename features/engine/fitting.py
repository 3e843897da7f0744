"""Learning a feature plan from the training rows: columns that vary, each thing said once."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.boundary import known
from leadcast.features.changes.versions import leads_at
from leadcast.features.engine.attributes import AttributeColumn, level_counts
from leadcast.features.engine.engine import compute
from leadcast.features.engine.events import learn_kinds
from leadcast.features.engine.history import History, learn_history
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.registry import Feature, distinct
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, microseconds
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, Tables, TimeOrder
from leadcast.features.values.categories import learn_levels
from leadcast.features.values.readings import READINGS, SOURCE_ROLES, readings_of

Matrix = npt.NDArray[np.float32]


def useful_columns(
    values: Matrix, features: Sequence[Feature], min_differing: int, redundancy: float
) -> tuple[str, ...]:
    """Choose columns without looking at any outcome."""
    kept: list[str] = []
    said: set[bytes] = set()
    ranks = np.empty((values.shape[1], values.shape[0]), dtype=np.float32)
    n_ranks = 0
    for column, feature in enumerate(features):
        _, places, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        exact = places.astype(np.int32).tobytes()
        if len(places) - counts.max(initial=0) < min_differing or exact in said:
            continue
        if feature.dtype != "category":
            own = _standard_ranks(places, counts)
            if n_ranks and np.abs(ranks[:n_ranks] @ own).max() > redundancy:
                continue
            ranks[n_ranks] = own
            n_ranks += 1
        said.add(exact)
        kept.append(feature.name)
    return tuple(kept)


def _standard_ranks(
    places: npt.NDArray[np.intp], counts: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Rank with ties in the middle, centred, of length 1; so a correlation is a dot product."""
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks = middle[places] - (len(places) + 1) / 2
    return (ranks / np.linalg.norm(ranks)).astype(np.float32)


def fit_plan(
    tables: Tables,
    snapshots: pl.DataFrame,
    settings: FeatureSettings,
    known_until: datetime | None,
    snapshot_settings: SnapshotSettings,
) -> FeaturePlan:
    """Learn the feature plan of a source.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    snapshots : pl.DataFrame
        The training rows alone: ``lead_id`` and ``as_of``.
    settings : FeatureSettings
        What the user chose.
    known_until : datetime or None
        Past conversion rates are learned from outcomes that had matured before this moment (the
        start of the test part); None: all that the export knows.
    snapshot_settings : SnapshotSettings
        Horizon and reporting lag, by which outcomes mature.

    Returns
    -------
    FeaturePlan
        With the columns that vary among the training rows, each once.
    """
    dated = tables.time_order is TimeOrder.DATED
    leads = _last_known(tables, snapshots)
    small = settings.model_copy(
        update={"min_level_count": _enough(settings.min_level_count, leads.height)}
    )
    nothing = ((), (), None)
    kinds, value_kinds, others = learn_kinds(tables.events, snapshots, small) if dated else nothing
    ended = _ended(tables, known_until, snapshot_settings) if dated else tables.leads.clear()
    plan = FeaturePlan(
        time_order=tables.time_order,
        settings=settings,
        attributes=_learn_attributes(tables, leads, small),
        kinds=kinds,
        value_kinds=value_kinds,
        histories=_learn_histories(leads, ended, small, snapshot_settings),
        time_zone=tables.time_zone if dated else None,
        people=_people(tables) if dated else None,
        pool_history=tables.pool_history,
        account_lag_days=snapshot_settings.reporting_lag_days
        if dated and ACCOUNT_HISTORY in tables.leads.columns
        else None,
        other_share=others,
    )
    return _keep_useful(plan, tables, snapshots, settings)


def foreseen_features(tables: Tables, settings: FeatureSettings) -> tuple[Feature, ...]:
    """List the features that a plan may have, before any is learned.

    Parameters
    ----------
    tables : Tables
        Their events are not looked at.
    settings : FeatureSettings

    Returns
    -------
    tuple of Feature
        All but those of single kinds of events and of past conversion rates, which are numbers. A
        plan leaves out what does not vary.
    """
    plan = FeaturePlan(
        time_order=tables.time_order,
        settings=settings,
        attributes=_attribute_columns(tables, tables.leads.columns),
    )
    return tuple(place.feature for place in plan.catalogue.values())


def _last_known(tables: Tables, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Take the leads of some snapshots, each as it stood at its last one."""
    if CHANGES not in tables.leads.columns:
        return tables.leads.join(snapshots.select("lead_id").unique(), on="lead_id", how="semi")
    last = snapshots.group_by("lead_id").agg(pl.col("as_of").max()).sort("lead_id")
    return leads_at(tables.leads, last, tables.attribute_types)


def _people(tables: Tables) -> PeopleRules | None:
    if tables.nonhuman is None:
        return None
    return PeopleRules.from_json(tables.nonhuman, "tables.json: nonhuman")


def _enough(min_count: int, n_leads: int) -> int:
    # Among few leads, twenty are not rare: a twentieth of them will do.
    return min(min_count, max(1, n_leads // 20))


def _learn_attributes(
    tables: Tables, leads: pl.DataFrame, settings: FeatureSettings
) -> tuple[AttributeColumn, ...]:
    return tuple(
        column.model_copy(update={"levels": _levels(column, leads, settings)})
        for column in _attribute_columns(tables, leads.columns)
    )


def _attribute_columns(tables: Tables, present: Sequence[str]) -> tuple[AttributeColumn, ...]:
    """Name what can be read off the attributes; no category has levels yet."""
    columns = [
        AttributeColumn.of(reading, attributes)
        for reading, attributes in readings_of(
            tables.attribute_types, hygiene=tables.hygiene_features
        )
        if set(attributes) <= set(present)
        and (reading != "days_before" or tables.time_order is TimeOrder.DATED)
    ]
    names = distinct(column.name for column in columns)
    return tuple(
        column.model_copy(update={"name": name})
        for name, column in zip(names, columns, strict=True)
    )


def _levels(
    column: AttributeColumn, leads: pl.DataFrame, settings: FeatureSettings
) -> tuple[str, ...]:
    if READINGS[column.reading].dtype != "category":
        return ()
    counts = level_counts(column, leads)
    return learn_levels(counts.items(), settings.max_levels, settings.min_level_count)


def _ended(
    tables: Tables, known_until: datetime | None, settings: SnapshotSettings
) -> pl.DataFrame:
    """Take the leads that were open at their creation and whose outcome had matured."""
    created, lost, won = pl.col("created_at"), pl.col("lost_at"), pl.col("won_at")
    window = settings.horizon_days + settings.reporting_lag_days
    matured = created + pl.duration(microseconds=microseconds(window))
    in_time = matured <= tables.observed_until if tables.observed_until else pl.lit(value=True)
    if tables.outcomes_from is not None:
        # How leads from before ended is not known, whether or not they count later on.
        in_time &= created >= tables.outcomes_from
    if known_until is not None:
        in_time &= known(matured, pl.lit(known_until))
    # Who brought them is asked of the moment at which they came.
    at_creation = tables.leads.select("lead_id", as_of="created_at")
    leads = leads_at(tables.leads, at_creation)
    return (
        leads.join(tables.outcomes, on="lead_id")
        .filter(
            created.is_not_null() & pl.col("converted").is_null() & in_time,
            (won.is_null() | (won > created)) & (lost.is_null() | (lost > created)),
        )
        .with_columns(matured.to_physical().alias("matured_us"))
    )


def _learn_histories(
    leads: pl.DataFrame, ended: pl.DataFrame, settings: FeatureSettings, snapshots: SnapshotSettings
) -> tuple[History, ...]:
    histories = []
    for attribute in SOURCE_ROLES:
        if ended.height and ended.schema.get(attribute) == pl.String:
            column = AttributeColumn.of("category", (attribute,))
            counts = level_counts(column, leads).items()
            values = learn_levels(counts, settings.max_history_values, settings.min_level_count)
            horizon = microseconds(snapshots.horizon_days)
            histories.append(learn_history(attribute, ended, values, horizon))
    return tuple(histories)


def _keep_useful(
    plan: FeaturePlan, tables: Tables, snapshots: pl.DataFrame, settings: FeatureSettings
) -> FeaturePlan:
    """Keep the columns that are useful on evenly spaced training rows."""
    everything = plan.with_columns(tuple(plan.catalogue))
    n = snapshots.height
    chosen = np.unique(np.linspace(0, n - 1, min(n, settings.selection_rows)).astype(np.int64))
    values = compute(everything, tables.leads, tables.events, snapshots[chosen])
    enough = _enough(settings.min_level_count, len(chosen))
    names = useful_columns(values, everything.features, enough, settings.redundancy)
    return plan.with_columns(names)
